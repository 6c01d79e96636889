//! Who may name what.

use super::File;

/// Words of code, and the places where they may stand. Tests beside a crate's code may make up what they need.
const FENCES: &[(&str, &[&str])] = &[
    // Whoever can make up facts can make up any proof.
    (
        "assembled",
        &[
            "libs/store/src/authorization/",
            "libs/store/src/core/testing.rs",
            "libs/domain/src/authorization/",
            "tests/all/authorization/permissions.rs",
        ],
    ),
    ("Person::signed_in", &["libs/store/src/", "libs/domain/src/", "tests/all/authorization/permissions.rs"]),
    ("sea_orm", &["libs/store/", "tests/"]),
    ("sqlx", &["libs/store/", "tests/"]),
    (
        "apalis",
        &[
            "services/worker/src/lib.rs",
            "services/worker/src/backend.rs",
            "services/worker/src/service.rs",
            "services/worker/src/service/",
        ],
    ),
    ("apalis_core", &["services/worker/src/backend.rs", "services/worker/src/service.rs", "services/worker/src/service/"]),
    ("actix_web", &["services/api/", "services/worker/src/health.rs", "tests/"]),
    ("utoipa", &["services/api/"]),
    ("utoipa_actix_web", &["services/api/"]),
    ("reqwest", &["libs/infra/src/egress.rs", "libs/infra/src/egress/", "libs/infra/src/telemetry/", "tests/"]),
    ("hickory_resolver", &["libs/infra/src/egress/"]),
    ("lettre", &["libs/infra/src/mail.rs", "libs/infra/src/mail/", "libs/infra/src/config/", "tests/"]),
    ("redis", &["libs/infra/src/kv.rs", "libs/infra/src/kv/", "libs/infra/src/config/", "tests/"]),
    ("jsonwebtoken", &["libs/crypto/"]),
    ("argon2", &["libs/crypto/", "tests/bench/"]),
    ("webauthn_rs", &["libs/crypto/"]),
    ("getrandom", &["libs/crypto/"]),
    // The environment is configuration. `std::env::vars` is not among clippy's bans.
    (
        "env::vars",
        &[
            "libs/infra/src/config.rs",
            "libs/infra/src/config/",
            "services/api/src/cli.rs",
            "services/worker/src/main.rs",
            "tests/",
        ],
    ),
    ("samael", &["libs/federation/"]),
    ("openidconnect", &["libs/federation/"]),
];

/// Where a word stands by itself: not within a longer one, and not as the name of a module of ours or a field.
fn named(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        let ours = ["crate::", "self::", "super::", "infra::", "mod ", ".", "kv::"].iter().any(|start| before.ends_with(start));
        let path = after.starts_with("::") || after.starts_with(';') || after.starts_with('(') || before.ends_with("use ");
        !before.ends_with(part) && !after.starts_with(part) && !ours && path
    })
}

/// Libraries and calls that belong to few.
pub(super) fn fenced(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let outside = FENCES.iter().filter(|(word, inside)| !file.is_in(inside) && named(&file.code, word));
        complaints.extend(outside.map(|(word, inside)| format!("{} names {word}: only {inside:?} may", file.path)));
    }
    complaints
}

/// Where SQL is written.
const SQL: [&str; 3] = ["libs/store/", "migrations/", "tests/"];

/// Statements belong to the store: elsewhere nobody would find them when a column changes.
pub(super) fn statements(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| !file.is_in(&SQL)) {
        let written = file.literals.iter().filter(|(_, literal)| is_statement(literal));
        complaints.extend(written.map(|(line, _)| format!("{}:{line}: SQL is written in libs/store only", file.path)));
    }
    complaints
}

fn is_statement(literal: &str) -> bool {
    let text = format!("{} ", literal.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" "));
    let followed = |first: &str, then: &str| text.strip_prefix(first).is_some_and(|rest| rest.contains(then));
    followed("select ", " from ")
        || followed("insert into ", "")
        || followed("update ", " set ")
        || followed("delete from ", "")
        || (text.starts_with("with ") && text.contains(" as (select "))
}

/// Where clippy's bans (the clock, random ids, the environment, unguarded clients) are lifted, beside tests.
const LIFTED: &[&str] = &[
    "libs/domain/src/authorization/",
    "libs/domain/src/core/clock.rs",
    "libs/infra/src/egress/clients.rs",
    "libs/store/src/authorization/",
    "libs/store/src/core/testing.rs",
    "migrations/build.rs",
    "services/api/src/cli.rs",
    "services/worker/src/main.rs",
    // Where the authority of a job begins.
    "libs/app/src/applications/billing/inbound.rs",
    "libs/app/src/events/feed/watch.rs",
    "services/worker/src/jobs.rs",
    "services/worker/src/queues/log_streams.rs",
    "services/worker/src/queues/logouts.rs",
    "services/worker/src/queues/mails.rs",
    "services/worker/src/queues/webhooks.rs",
    "services/worker/src/sequencer.rs",
    "tests/",
];

/// A ban that everybody lifts is none.
pub(super) fn lifted_bans(files: &[File]) -> Vec<String> {
    let lifting = |file: &&File| ["disallowed_methods", "disallowed_types"].iter().any(|lint| file.code.contains(lint));
    let outside = files.iter().filter(|file| !file.is_in(LIFTED)).filter(lifting);
    outside.map(|file| format!("{} lifts a ban of clippy.toml: only {LIFTED:?} may", file.path)).collect()
}
