//! Checkpoints and proofs, checked by a computation of the test's own: the formats as `libs/crypto/src/audit` describes them, written
//! down a second time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crypto::audit::checkpoint::PublicKeys;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tenantry_tests::{TestApp, User, both, text};

use super::{actions, eventful};
use crate::core::shapes::{PAGINATION, has_exactly};

fn sha(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// SHA-256 over parts, each behind its length; an optional one behind a byte that says whether it is there.
fn of_parts(parts: &[(bool, Option<&str>)]) -> String {
    let mut bytes = Vec::new();
    for (optional, part) in parts {
        if *optional {
            bytes.push(u8::from(part.is_some()));
        }
        if let Some(part) = part {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
    }
    hex::encode(sha(&bytes))
}

fn leaf(org: &str, record: &Value) -> String {
    let content = &record["content"];
    let (must, may) = (|name: &str| (false, content[name].as_str()), |name: &str| (true, content[name].as_str()));
    let digest = of_parts(&[
        (false, Some("tenantry audit content 1")),
        (false, record["salt"].as_str()),
        must("actor_kind"),
        may("actor_id"),
        may("actor_email"),
        must("target_type"),
        must("target_id"),
        may("ip_address"),
        may("user_agent"),
        may("request_id"),
        may("traceparent"),
        must("metadata"),
        must("body"),
    ]);
    let success = record["success"].to_string();
    let kept = [org, &text(&record["id"]), &text(&record["action"]), &success, &text(&record["created_at"]), &digest];
    let mut parts = vec![(false, Some("tenantry audit record 1"))];
    parts.extend(kept.iter().map(|part| (false, Some(*part))));
    of_parts(&parts)
}

/// From a leaf up to the root, as RFC 6962 numbers it.
fn root(leaf: &str, index: u64, size: u64, path: &[Value]) -> String {
    let mut hash = sha(&[&[0], leaf.as_bytes()].concat());
    let (mut node, mut last, mut steps) = (index, size - 1, path.iter());
    while last > 0 {
        if node % 2 == 1 || node < last {
            let sibling = hex::decode(text(steps.next().expect("a step"))).unwrap();
            let pair = if node % 2 == 1 { [sibling, hash] } else { [hash, sibling] };
            hash = sha(&[&[1], pair[0].as_slice(), pair[1].as_slice()].concat());
        }
        (node, last) = (node / 2, last / 2);
    }
    assert!(steps.next().is_none(), "no step too many");
    hex::encode(hash)
}

/// The claims of a checkpoint whose signature one of the published keys made.
async fn claims(app: &TestApp, signed: &str) -> Value {
    let part = |n: usize| URL_SAFE_NO_PAD.decode(signed.split('.').nth(n).unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&part(0)).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("tenantry-checkpoint")));
    let keys = app.client().get("/.well-known/audit-keys.json").await.ok();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).expect("a published key");
    has_exactly(key, &["kty", "crv", "x", "alg", "use", "kid"]);
    PublicKeys::from_jwks(&keys).unwrap().open(signed).expect("a good signature");
    serde_json::from_slice(&part(1)).unwrap()
}

async fn logs(app: &TestApp, who: &User, path: &str) -> Vec<Value> {
    app.by(who).get(path).await.ok()["logs"].as_array().unwrap().clone()
}

both!(every_record_can_be_proven_by_anybody, async |app| {
    let (ann, org, _) = eventful(app).await;
    let early = logs(app, &ann, &org.at("audit-log")).await;
    let proof = |record: &Value| org.at(&format!("audit-log/{}/proof", text(&record["id"])));
    // Neither numbered nor sealed, then numbered only: both say to come back.
    app.by(&ann).get(&proof(&early[0])).await.refused_as(400, "BAD_REQUEST", "not_sealed_yet");
    app.worker().await;
    app.by(&ann).get(&proof(&early[0])).await.refused_as(400, "BAD_REQUEST", "not_sealed_yet");
    assert_eq!(app.by(&ann).get(&org.at("audit-log/checkpoints")).await.ok()["pagination"]["total"], 0);
    assert!(app.run_jobs().await["seal"] >= 7);
    app.by(&ann).patch(&org.path, json!({"name": "Acme 3"})).await.ok();
    app.worker().await;
    assert_eq!(app.run_jobs().await["seal"], 1, "only what is new");
    let page = app.by(&ann).get(&org.at("audit-log/checkpoints")).await.ok();
    has_exactly(&page, &["checkpoints", "pagination"]);
    has_exactly(&page["pagination"], PAGINATION);
    let (second, first) = (&page["checkpoints"][0], &page["checkpoints"][1]);
    has_exactly(second, &["first_seq", "last_seq", "root", "hash", "created_at", "signed"]);
    assert_eq!((&second["first_seq"], &second["last_seq"], &first["last_seq"]), (&json!(8), &json!(8), &json!(7)));
    let said = claims(app, &text(&second["signed"])).await;
    has_exactly(&said, &["organization_id", "first_seq", "last_seq", "root", "hash", "previous", "created_at"]);
    assert_eq!(said["previous"], hex::encode(sha(text(&first["signed"]).as_bytes())));
    let records = logs(app, &ann, &org.at("audit-log")).await;
    assert_eq!(records.len(), 8);
    for record in records {
        let proof = app.by(&ann).get(&proof(&record)).await.ok();
        has_exactly(&proof, &["record", "index", "size", "path", "checkpoint"]);
        let (proven, checkpoint) = (&proof["record"], &proof["checkpoint"]);
        assert_eq!((&proven["id"], &proven["action"]), (&record["id"], &record["action"]));
        assert_eq!(proven["content"]["ip_address"], record["ip_address"]);
        let leaf = leaf(&org.id, proven);
        assert_eq!(proven["leaf"], leaf);
        let path = proof["path"].as_array().unwrap();
        let above = root(&leaf, proof["index"].as_u64().unwrap(), proof["size"].as_u64().unwrap(), path);
        let said = claims(app, &text(&checkpoint["signed"])).await;
        assert_eq!((&said["root"], &said["organization_id"]), (&json!(above), &json!(org.id)));
        let place = said["first_seq"].as_i64().unwrap() + proof["index"].as_i64().unwrap();
        assert_eq!(proven["seq"], place, "and its number is where it stands");
    }
});

both!(who_may_not_see_the_log_gets_neither_checkpoints_nor_proofs, async |app| {
    let (ann, org, _) = eventful(app).await;
    let olga = app.sign_up("olga@example.com").await;
    let other = app.create_org(&olga, "other").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
    app.worker().await;
    app.run_jobs().await;
    let record = text(&logs(app, &ann, &org.at("audit-log")).await[0]["id"]);
    for rest in ["audit-log/checkpoints", &format!("audit-log/{record}/proof"), "audit-log/export?format=sealed"] {
        for who in [&olga, &cy] {
            app.by(who).get(&org.at(rest)).await.refused(403, "FORBIDDEN");
        }
        app.client().get(&org.at(rest)).await.refused(401, "UNAUTHORIZED");
        app.by(&ann).get(&org.at(rest)).await.expect(200);
    }
    // In her own organization Olga is told the same of Ann's record as of one that never was, and of what is no id.
    for id in [record.as_str(), "evt_00000000000000000000000000000000", "nonsense"] {
        app.by(&olga).get(&other.at(&format!("audit-log/{id}/proof"))).await.refused(404, "NOT_FOUND");
    }
    let mine = app.by(&olga).get(&other.at("audit-log/export?format=sealed")).await.expect(200).text();
    assert!(!mine.contains(&org.id) && mine.contains(&other.id));
});

both!(a_sealed_export_is_the_whole_log_or_nothing, async |app| {
    let (ann, org, _) = eventful(app).await;
    app.worker().await;
    app.run_jobs().await;
    let export = app.by(&ann).get(&org.at("audit-log/export?format=sealed")).await.expect(200);
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    assert!(export.header("content-disposition").contains("audit-log.sealed.ndjson"));
    let lines: Vec<Value> = export.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<String> = lines.iter().flat_map(|line| line.as_object().unwrap().keys().cloned()).collect();
    let record = ["record"; 7];
    assert_eq!(kinds, [&["header"][..], &record, &["checkpoint", "end"]].concat());
    let page = app.by(&ann).get(&org.at("audit-log")).await.ok();
    let mut exported: Vec<String> = lines[1..8].iter().map(|line| text(&line["record"]["action"])).collect();
    let mut listed = actions(&page);
    exported.sort();
    listed.sort();
    assert_eq!(exported, listed);
    for filter in ["action=user.joined", "target_type=user", "target_id=x"] {
        app.by(&ann).get(&org.at(&format!("audit-log/export?format=sealed&{filter}"))).await.invalid(&["format"]);
    }
});
