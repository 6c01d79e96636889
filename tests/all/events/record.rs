//! Events are a public contract: the name, target and payload of each one are pinned by a file.

use std::fmt::Write as _;

use domain::{
    Event, EventName, OrgId, UserId,
    events::record::{Payload, TEST_PING},
};
use uuid::Uuid;

const fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x019a_b2c3_d4e5_7f00_8000_0000_0000_0000 + n)
}
const ORG: OrgId = OrgId::new(id(1));
const ANN: UserId = UserId::new(id(2));

fn text(text: &str) -> String {
    text.to_owned()
}

fn payload(event: &Event) -> String {
    let (name, target) = (event.name().as_str(), event.target());
    let payload = Payload {
        event: name,
        timestamp: text("2026-11-23T09:00:00.000000Z"),
        // The platform's own log has names without a dot, and no organization.
        organization_id: name.contains('.').then_some(ORG),
        actor_user_id: Some(ANN.to_string()),
        actor_email: Some(text("ann@example.com")),
        act: None,
        actor_type: None,
        actor_id: None,
        target_type: Some(target.kind),
        target_id: Some(&target.id),
        data: Some(event.data()),
        message: None,
    };
    serde_json::to_string(&payload).expect("JSON")
}

#[test]
fn every_event_has_the_published_form() {
    let mut out = String::from(
        "# What webhooks post for each event. Published: a name or member that was there stays. UPDATE_SNAPSHOTS=1 rewrites it.\n",
    );
    for event in Event::samples() {
        let _ = writeln!(out, "{}", payload(&event));
    }
    let registered: Vec<_> = EventName::subscribable().map(EventName::as_str).collect();
    let _ = writeln!(
        out,
        "\n# Names that can be subscribed to ({}), and {TEST_PING}, which cannot.\n{}",
        registered.len(),
        registered.join("\n")
    );
    crate::snapshots::compare("snapshots/events.txt", &out);
}

#[test]
fn names_are_dotted_and_unique_and_within_the_contract() {
    let mut seen = std::collections::HashSet::new();
    for name in EventName::all() {
        assert!(seen.insert(name.as_str()), "{name} twice");
        assert!(
            name.as_str().contains('.') && name.as_str().bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_')),
            "{name}"
        );
    }
    for event in Event::samples() {
        let announced = seen.contains(event.name().as_str());
        assert_eq!(announced, event.name().as_str().contains('.'), "{}", event.name());
    }
}
