use super::*;
use crate::tenancy::roles::Cap;

fn caps(all: &[Cap]) -> Ceiling {
    Ceiling::Caps(all.iter().copied().collect())
}

#[test]
fn a_ceiling_follows_whoever_changes_whom_the_connection_speaks_for() {
    let (few, more) = (caps(&[Cap::IntegrationsManage]), caps(&[Cap::IntegrationsManage, Cap::RolesManage]));
    let other = caps(&[Cap::WebhooksManage]);
    for (changed, before, own, after) in [
        // Whoever changes trust bounds it, downwards and upwards.
        (Changed::Trust, Ceiling::Owner, few.clone(), few.clone()),
        (Changed::Trust, few.clone(), Ceiling::Admin, Ceiling::Admin),
        // Only whoever stands above it raises it by confirming.
        (Changed::Confirmed, few.clone(), more.clone(), more.clone()),
        (Changed::Confirmed, more.clone(), few.clone(), more.clone()),
        (Changed::Confirmed, few.clone(), other, few.clone()),
        (Changed::Confirmed, Ceiling::Admin, more, Ceiling::Admin),
        (Changed::Confirmed, Ceiling::Owner, Ceiling::Admin, Ceiling::Owner),
        (Changed::Confirmed, Ceiling::Admin, Ceiling::Owner, Ceiling::Owner),
        // Nothing else touches it.
        (Changed::Other, few.clone(), Ceiling::Owner, few),
    ] {
        assert_eq!(changed.ceiling(&before, &own), after, "{changed:?} of {before:?} by {own:?}");
    }
}

#[test]
fn a_mapped_role_sleeps_beyond_the_ceiling() {
    let role = |name: &str, all: &[Cap]| Role { name: name.parse().unwrap(), caps: all.iter().copied().collect() };
    let (hooks, nothing) = (role("hooks", &[Cap::WebhooksManage]), role("nothing", &[]));
    for (ceiling, role, awake) in [
        (Ceiling::Owner, Some(&hooks), true),
        (Ceiling::Admin, Some(&hooks), true),
        (caps(&[Cap::WebhooksManage]), Some(&hooks), true),
        (caps(&[Cap::IntegrationsManage]), Some(&hooks), false),
        (caps(&[]), Some(&nothing), true),
        (Ceiling::Owner, None, false),
        (Ceiling::Owner, Some(&Role { name: crate::tenancy::roles::RoleName::Owner, caps: Caps::ALL }), false),
        (Ceiling::Owner, Some(&Role { name: crate::tenancy::roles::RoleName::Admin, caps: Caps::ALL }), false),
    ] {
        assert_eq!(is_awake(&ceiling, role), awake, "{ceiling:?} {role:?}");
    }
}

#[test]
fn what_is_added_is_what_was_not_there() {
    let map = |group: &str, role: &str| RoleMapping { group: group.parse().unwrap(), role: role.parse().unwrap() };
    let before = [map("a", "one"), map("b", "two")];
    let after = [map("b", "two"), map("a", "two"), map("A", "one")];
    assert_eq!(added(&before, &after).collect::<Vec<_>>(), [&after[1], &after[2]]);
    assert_eq!(added(&before, &[]).count(), 0);
}
