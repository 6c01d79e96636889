//! What every noun is made of: identifiers, parsed values, errors, time, the ports to the outside.

pub mod clock;
pub mod error;
pub mod id;
pub mod ports;
pub mod rate;
pub mod secret;
pub mod text;
pub mod value;
