//! The layers: who may depend on whom, and who may name which library. Read from `cargo metadata`, so there is nothing to install
//! and nothing to forget. CONTRIBUTING.md says why.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Each crate of ours, and those it may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("migrations", &[]),
    ("crypto", &["domain"]),
    ("store", &["domain", "crypto", "migrations"]),
    ("infra", &["domain", "crypto"]),
    ("federation", &["domain", "crypto", "infra"]),
    ("app", &["domain", "crypto", "store"]),
    ("runtime", &["domain", "crypto", "store", "app", "infra"]),
    ("worker", &["domain", "crypto", "store", "app", "infra", "runtime"]),
    ("api", &["domain", "crypto", "store", "app", "infra", "federation", "runtime", "worker"]),
    ("tests", &["domain", "crypto", "store", "app", "infra", "federation", "api", "worker", "migrations"]),
    ("bench", &["domain", "crypto", "store", "infra"]),
];

/// Libraries behind a fence (by the start of their name), and who is inside.
const FENCES: &[(&str, &[&str])] = &[
    ("sea-orm", &["store", "tests"]),
    ("sqlx", &["store", "tests", "bench"]),
    ("apalis", &["worker"]),
    ("actix", &["api", "worker", "tests", "bench"]),
    ("utoipa", &["api"]),
    ("samael", &["federation"]),
    ("openssl", &[]),
    ("libxml", &[]),
    ("roxmltree", &["infra", "federation"]),
    ("x509-parser", &["infra", "federation"]),
    ("rcgen", &["crypto"]),
    ("openidconnect", &["federation"]),
    ("reqwest", &["infra", "tests"]),
    ("hickory", &["infra"]),
    ("lettre", &["infra", "tests"]),
    ("redis", &["infra", "tests"]),
    ("opentelemetry", &["infra"]),
    ("jsonwebtoken", &["crypto"]),
    ("argon2", &["crypto", "bench"]),
    ("webauthn-rs", &["crypto"]),
    ("aes-gcm", &["crypto"]),
    ("aws-lc-rs", &["crypto", "tests"]),
    ("moka", &["app", "infra", "store"]),
    ("figment", &["infra"]),
    ("clap", &["api", "worker", "tests", "bench"]),
    ("anyhow", &["api", "worker", "tests", "bench"]),
];

/// All that the vocabulary may use: no IO, no async runtime, no ORM, no HTTP, no OpenAPI.
const PURE: &[&str] = &[
    "async-trait",
    "chrono",
    "email_address",
    // Unicode's own tables, from its own project.
    "icu_casemap",
    "icu_normalizer",
    "icu_properties",
    "idna",
    "ipnet",
    "serde",
    "serde_json",
    "thiserror",
    "url",
    "uuid",
];

/// What each crate of ours needs: ours, and others'. Development dependencies are left out.
fn dependencies() -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let metadata: Value = serde_json::from_slice(&output.expect("cargo runs").stdout).expect("cargo metadata answers JSON");
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let all = metadata["packages"].as_array().into_iter().flatten().map(|package| {
        let wanted = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"] != "dev").map(name);
        let (ours, others): (Vec<_>, Vec<_>) = wanted.partition(|dependency| dependency.starts_with("tenantry-"));
        (short(&name(package)), (ours.iter().map(|name| short(name)).collect(), others))
    });
    all.collect()
}

fn short(name: &str) -> String {
    name.trim_start_matches("tenantry-").to_owned()
}

#[test]
fn every_crate_depends_on_lower_layers_only() {
    let found = dependencies();
    let known: Vec<_> = LAYERS.iter().map(|(name, _)| *name).collect();
    for (name, (ours, _)) in &found {
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| layer == name) else {
            panic!("{name} has no layer yet; known are {known:?}");
        };
        for dependency in ours {
            assert!(allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency}, only on {allowed:?}");
        }
    }
    assert_eq!(found.len(), LAYERS.len(), "a layer without a crate: {known:?}");
}

#[test]
fn fenced_libraries_stay_behind_their_fence() {
    for (name, (_, others)) in dependencies() {
        for library in others {
            // The most specific fence counts.
            let fence = FENCES.iter().filter(|(start, _)| library.starts_with(start)).max_by_key(|(start, _)| start.len());
            if let Some((_, inside)) = fence {
                assert!(inside.contains(&name.as_str()), "{name} may not name {library}: only {inside:?} may");
            }
        }
    }
}

/// libxml2, libxmlsec1 and OpenSSL come with SAML: what signs nobody in does not link them.
#[test]
fn only_the_api_reaches_identity_providers() {
    let found = dependencies();
    let reaches = |name: &str| {
        let (mut all, mut at) = (vec![name.to_owned()], 0);
        while let Some(next) = all.get(at).cloned() {
            let new: Vec<_> = found[&next].0.iter().filter(|one| !all.contains(one)).cloned().collect();
            all.extend(new);
            at += 1;
        }
        all.iter().any(|one| one == "federation")
    };
    for (name, _) in LAYERS {
        assert!(!reaches(name) || matches!(*name, "federation" | "api" | "tests"), "{name} would link C libraries");
    }
}

#[test]
fn the_vocabulary_is_pure() {
    let (_, others) = &dependencies()["domain"];
    for library in others {
        assert!(PURE.contains(&library.as_str()), "domain may not need {library}");
    }
}
