//! Facts have one owner: a copy would be a second truth, and could be changed beside the first.
// error[E0599]: no method named `clone`

use domain::authorization::policy::{Standing, Write};

pub fn copies<'t>(facts: Standing<'t, Write>) -> (Standing<'t, Write>, Standing<'t, Write>) {
    (facts.clone(), facts)
}
