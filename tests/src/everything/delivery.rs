//! Webhooks and deliveries.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{Access::Organization, Rank::Admin, op},
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "webhook_id", prefix: "whk_", make: made!(webhook) },
    Noun { parameter: "mail_template_id", prefix: "mtp_", make: made!(mail_template) },
    Noun { parameter: "delivery_id", prefix: "dlv_", make: made!(delivery) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("organizations.mailTemplates.create", Organization(Admin))
        .with(|n| text_in(TEMPLATES[n / LANGUAGES.len() % TEMPLATES.len()], LANGUAGES[n % LANGUAGES.len()])),
    op("organizations.mailTemplates.delete", Organization(Admin)),
    op("organizations.mailTemplates.get", Organization(Admin)),
    op("organizations.mailTemplates.list", Organization(Admin)),
    op("organizations.mailTemplates.preview", Organization(Admin)).with(|_| text_in("invitation", "de")),
    op("organizations.mailTemplates.setLanguage", Organization(Admin))
        .with(|n| json!({"language": LANGUAGES[n % LANGUAGES.len()]})),
    op("organizations.mailTemplates.update", Organization(Admin)).with(|_| text_in("invitation", "de")),
    op("organizations.webhooks.create", Organization(Admin))
        .with(|n| json!({"name": format!("Sweep {n}"), "url": "http://127.0.0.1:9/", "events": ["user.joined"]})),
    op("organizations.webhooks.delete", Organization(Admin)),
    op("organizations.webhooks.get", Organization(Admin)),
    op("organizations.webhooks.getDeliveries", Organization(Admin)),
    op("organizations.webhooks.getDelivery", Organization(Admin)),
    op("organizations.webhooks.getEventTypes", Organization(Admin)),
    op("organizations.webhooks.list", Organization(Admin)),
    op("organizations.webhooks.redeliver", Organization(Admin)),
    op("organizations.webhooks.redeliverRange", Organization(Admin))
        .with(|_| json!({"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"})),
    op("organizations.webhooks.rotateSecret", Organization(Admin)),
    op("organizations.webhooks.test", Organization(Admin)),
    op("organizations.webhooks.update", Organization(Admin)).with(|_| json!({"name": "Sweep"})),
];

/// One text for each can be made.
const LANGUAGES: [&str; 20] =
    ["ar", "bg", "cs", "da", "el", "en", "es", "et", "fi", "fr", "he", "hr", "hu", "it", "ja", "ko", "lt", "lv", "nb", "nl"];
const TEMPLATES: [&str; 4] = ["invitation", "reset_password", "webhook_disabled", "webhook_behind"];

fn text_in(template: &str, language: &str) -> serde_json::Value {
    json!({"template": template, "language": language, "subject": "Sweep", "text": "{{ link }}"})
}

async fn mail_template(at: &Maker<'_>) -> String {
    text(&at.post("mail-templates", text_in("invitation", "de")).await["id"])
}

async fn webhook(at: &Maker<'_>) -> String {
    // What happened so far is numbered first, so that none of it is sent there.
    (at.settle)().await;
    let body = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.removed"]});
    text(&at.post("webhooks", body).await["id"])
}

async fn delivery(at: &Maker<'_>) -> String {
    text(&at.post(&format!("webhooks/{}/test", at.id("webhook_id")), json!({})).await["delivery_id"])
}
