//! Webhooks, deliveries, mails' texts and log streams.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::{Organization, Platform},
        Rank::Admin,
        op,
    },
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "webhook_id", prefix: "whk_", make: made!(webhook) },
    Noun { parameter: "mail_template_id", prefix: "mtp_", make: made!(mail_template) },
    Noun { parameter: "config_id", prefix: "lgs_", make: made!(log_stream) },
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
    op("organizations.siem.create", Organization(Admin)).with(log_stream_to),
    op("organizations.siem.delete", Organization(Admin)),
    op("organizations.siem.get", Organization(Admin)),
    op("organizations.siem.list", Organization(Admin)),
    op("organizations.siem.test", Organization(Admin)),
    op("organizations.siem.update", Organization(Admin)).with(|_| json!({"batch_size": 50})),
    op("platform.siem.create", Platform).with(log_stream_to),
    op("platform.siem.delete", Platform),
    op("platform.siem.get", Platform),
    op("platform.siem.list", Platform),
    op("platform.siem.test", Platform),
    op("platform.siem.update", Platform).with(|_| json!({"batch_size": 50})),
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

/// Nobody listens there, and it is not tried.
fn log_stream_to(n: usize) -> serde_json::Value {
    json!({"name": format!("Sweep {n}"), "provider_type": "Custom", "endpoint_url": "http://127.0.0.1:9/", "enabled": false})
}

/// With every credential that there is: none of them is ever shown.
async fn log_stream(at: &Maker<'_>) -> String {
    let slug = at.id("org_slug");
    let [key, header, signing] = ["key", "header", "signing"].map(|what| format!("canary-{what}-of-{slug}-6b1f0c9d2e"));
    let body = json!({
        "name": "Stream", "provider_type": "Splunk", "endpoint_url": "http://127.0.0.1:9/", "enabled": false,
        "api_key": key, "auth_header": format!("X-Key: {header}"), "signing_secret": signing,
    });
    let made = at.client.post(&format!("{}/siem-configs", at.path), body).await.expect(201).json();
    at.secrets.borrow_mut().extend([key, header, signing].map(|secret| (secret, "nobody".to_owned())));
    text(&made["id"])
}
