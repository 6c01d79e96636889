//! A proof cannot be handed to something that runs later.
// error[E0521]: borrowed data escapes

use domain::authorization::{policy::{Read, Standing, decide, OrgScope}, resource::Webhooks};

pub fn later(facts: &Standing<'_, Read>) {
    let scope: OrgScope<'_, Webhooks, Read> = decide(facts).unwrap();
    std::thread::spawn(move || scope.org());
}
