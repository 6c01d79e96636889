//! Reading the audit log.

pub mod erasure;
mod rules;
mod sealed;

use domain::{
    EventId, EventName, Page, Result, Total,
    authorization::{
        policy::{OrgScope, Read, decide},
        resource::AuditLog,
    },
    core::value::Slug,
    events::record::Target,
};
use serde_json::Value;
use store::events::audit::{AuditFilter, AuditRecord};

use crate::{App, Caller};

/// How many records an export reads at a time, and how often it asks again whether the reader still may.
const EXPORT_STEP: u64 = 100;

impl App {
    /// A page of an organization's log, newest first, and how many records match.
    pub async fn audit_log(
        &self,
        c: &Caller,
        slug: &Slug,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<(Vec<AuditRecord>, Total)> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        let is_long = self.store.audit_page_is_long(scope.org(), filter, page.offset());
        self.list(scope.org(), is_long, self.store.audit_page(scope, filter, page)).await
    }

    /// Whether the caller may read the log: for the list of action names.
    pub async fn see_audit_log(&self, c: &Caller, slug: &Slug) -> Result<()> {
        let standing = self.standing(c, slug).await?;
        let _: OrgScope<'_, AuditLog, Read> = decide(&standing)?;
        Ok(())
    }

    /// The next records of an export, oldest first; empty at the end. Decided anew at each step: an export that runs while its
    /// reader is removed stops. `c.call.now` must be the time of this step.
    pub async fn audit_export(
        &self,
        c: &Caller,
        slug: &Slug,
        filter: &AuditFilter,
        after: Option<EventId>,
    ) -> Result<Vec<AuditRecord>> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.heavy_read(scope.org(), self.store.audit_after(scope, filter, after, EXPORT_STEP)).await
    }
}

/// A filter from what a caller sent; aliases of action names count as the name. An id that says what kind of thing it names brings the
/// type along, with which the index of targets begins.
pub fn filter(action: Option<&str>, target_type: Option<String>, target_id: Option<String>) -> AuditFilter {
    let target_type = target_type.or_else(|| Target::kind_of(target_id.as_deref()?).map(str::to_owned));
    AuditFilter { action: action.map(|text| EventName::canonical(text).to_owned()), target_type, target_id }
}

/// What takes the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// A record's metadata with everything redacted whose name looks like a secret's. Events carry none; this is the second line.
pub fn redacted_metadata(record: &AuditRecord) -> Value {
    let mut value = serde_json::from_str(&record.metadata).unwrap_or(Value::Null);
    redact(&mut value);
    value
}

/// Redacts a record's metadata: see [`redacted_metadata`].
pub fn redact(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if is_secret(key) { *value = REDACTED.into() } else { redact(value) }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(redact),
        _ => {}
    }
}

const SECRET_WORDS: &[&str] =
    &["password", "secret", "token", "authorization", "cookie", "credential", "credentials", "otp", "passphrase"];
const SECRET_PAIRS: &[[&str; 2]] = &[
    ["api", "key"],
    ["private", "key"],
    ["auth", "header"],
    ["backup", "code"],
    ["backup", "codes"],
    ["recovery", "code"],
    ["recovery", "codes"],
];
const HARMLESS_ENDS: &[&str] = &["id", "type", "count", "prefix", "status"];

fn is_secret(key: &str) -> bool {
    let words = words(key);
    let last = words.last().map(String::as_str).unwrap_or_default();
    if HARMLESS_ENDS.contains(&last) || words.ends_with(&["expires".to_owned(), "at".to_owned()]) {
        return false;
    }
    words.iter().any(|word| SECRET_WORDS.contains(&word.as_str()))
        || words.windows(2).any(|pair| SECRET_PAIRS.iter().any(|secret| pair == secret))
}

/// `clientSecret`, `client_secret` and `client-secret` are all `client`, `secret`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && previous_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
        previous_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised_by_name_and_identifiers_are_not() {
        for key in [
            "password",
            "newPassword",
            "client_secret",
            "api-key",
            "apiKey",
            "Authorization",
            "set_cookie",
            "recoveryCodes",
            "totp_otp",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in
            ["token_id", "tokenType", "secret_count", "key_prefix", "token_expires_at", "email", "monkey", "api", "passwordless"]
        {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn an_id_brings_the_type_along_that_the_index_begins_with() {
        let of = |kind: Option<&str>, id: &str| filter(None, kind.map(str::to_owned), Some(id.to_owned())).target_type;
        assert_eq!(of(None, "whk_019ab2c3d4e57f008000000000000001").as_deref(), Some("webhook"));
        assert_eq!(of(None, "ann@example.com").as_deref(), Some("email"));
        assert_eq!(of(Some("role"), "whk_019ab2c3d4e57f008000000000000001").as_deref(), Some("role"), "what was asked for stays");
        assert_eq!(of(None, "x"), None);
    }

    #[test]
    fn redaction_reaches_every_depth() {
        let mut value = serde_json::json!({"a": [{"smtpPassword": "hunter2", "b": {"token": {"x": 1}}}], "name": "ok"});
        redact(&mut value);
        assert_eq!(value, serde_json::json!({"a": [{"smtpPassword": "[redacted]", "b": {"token": "[redacted]"}}], "name": "ok"}));
    }
}
