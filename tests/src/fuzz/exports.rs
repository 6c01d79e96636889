//! The sealed audit log: whoever checks an export got it from somebody whom they do not trust.

use std::sync::LazyLock;

use crypto::{
    Alg, SigningKey,
    audit::{checkpoint::PublicKeys, merkle, verify::Verifier},
};
use serde_json::{Value, json};

use super::text;

static STRANGER: LazyLock<Value> =
    LazyLock::new(|| json!({ "keys": [SigningKey::generate(Alg::Es256).expect("a key").0.jwk()] }));

/// The bytes as an export, checked with its own keys and with those of somebody who signed nothing.
pub(super) fn export(data: &[u8]) {
    let lines = || (1..).zip(text(data).lines());
    let check = |mut verifier: Verifier| {
        lines().try_for_each(|(number, line)| verifier.line(number, line))?;
        verifier.finish()
    };
    match check(Verifier::new(None, Vec::new())) {
        Ok(report) => {
            assert!(!report.keys_were_given && report.records + report.checkpoints + 2 == lines().count() as u64, "{report:?}");
            assert_eq!(report.last - report.anchor, i64::try_from(report.records).expect("a count"), "{report:?}");
        }
        Err(finding) => assert!(!finding.to_string().is_empty()),
    }
    let keys = PublicKeys::from_jwks(&STRANGER).expect("keys");
    assert!(!check(Verifier::new(Some(keys), Vec::new())).is_ok_and(|report| report.checkpoints > 0), "a stranger's seal counts");
}

/// Lines as leaves: each proves itself and no other, in its own place only.
pub(super) fn merkle(data: &[u8]) {
    let leaves: Vec<&str> = text(data).lines().take(300).collect();
    let Some(first) = leaves.first() else { return };
    let (root, index) = (merkle::root(&leaves), data.len() % leaves.len());
    let path = merkle::path(&leaves, index);
    let proves = |leaf: &str, index| merkle::proves(leaf, index, leaves.len(), &path, &root);
    assert!(proves(leaves[index], index));
    assert!(!proves(&format!("{first}x"), index) || leaves[index] == format!("{first}x"));
    assert!(!proves(leaves[index], leaves.len()));
    let given: Vec<String> = leaves.iter().map(|leaf| (*leaf).to_owned()).collect();
    let _ = merkle::proves(first, index, usize::MAX, &given, first);
}
