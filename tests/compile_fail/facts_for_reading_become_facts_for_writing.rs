//! What was read outside the write transaction does not count as read inside it.
// error[E0308]: mismatched types

use domain::authorization::policy::{Read, Standing, Write};

pub fn upgrades<'t>(facts: Standing<'t, Read>) -> Standing<'t, Write> {
    facts
}
