//! `tenantry-api audit verify`, as a customer runs it: on real exports of a real server, and on what forgers make of them.

mod export;

use std::{fs, process::Command};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crypto::audit::checkpoint::{Claims, fingerprint, sign};
use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use self::export::Export;
use super::process::binary;

const KEYS: &[&str] = &["--keys", "keys.json"];

/// Some twenty records under three checkpoints, and two that are not sealed yet.
async fn busy(app: &TestApp) -> (User, Org, Export) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    for n in 0..17 {
        app.by(&ann).patch(&org.path, json!({"name": format!("Acme {n}")})).await.ok();
        if n % 5 == 4 {
            app.worker().await;
            app.run_jobs().await;
        }
    }
    app.worker().await;
    let export = Export::of(app, &ann, &org).await;
    (ann, org, export)
}

both!(a_real_export_is_verified_offline, async |app| {
    let (_, org, export) = busy(app).await;
    let said = export.is_good(KEYS);
    for part in
        ["18 records (1 to 18)", &org.id, "3 checkpoints", "up to record 16", "17 to 18 are not sealed yet", "keys that you gave"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(export.is_good(&[]).contains("not whose it is"));
    assert!(export.is_good(&["--keys", "keys.json", "--checkpoints", "checkpoints.json"]).contains("agrees with 3 checkpoints"));
    assert!(!export.file("data").exists(), "it touches nothing");
});

both!(every_field_of_a_record_is_covered, async |app| {
    let (_, _, mut export) = busy(app).await;
    for seq in [3, 16, 17] {
        let original = export.record(seq).clone();
        let id = text(&original["id"]);
        let mut fields: Vec<(Option<&str>, String)> =
            original["content"].as_object().unwrap().keys().map(|name| (Some("content"), name.clone())).collect();
        fields.extend(["salt", "action", "created_at", "leaf", "hash"].map(|name| (None, name.to_owned())));
        assert!(fields.len() == 16, "{fields:?}");
        for (group, name) in fields {
            let record = export.record(seq);
            let object = if let Some(group) = group { &mut record[group] } else { record };
            let field = &mut object[name.as_str()];
            *field = json!(format!("{}x", field.as_str().unwrap_or_default()));
            export.is_refused(KEYS, &format!("altered: record {seq} ({id})"));
            *export.record(seq) = original.clone();
        }
        export.record(seq)["success"] = json!(false);
        export.is_refused(KEYS, &format!("altered: record {seq} ({id})"));
        *export.record(seq) = original.clone();
        export.record(seq)["content"]["actor_id"] = Value::Null;
        export.is_refused(KEYS, &format!("altered: record {seq} ({id})"));
        *export.record(seq) = original;
    }
    export.record(5)["note"] = json!("nothing covers this");
    export.is_refused(KEYS, "unreadable: line 6");
});

both!(records_cannot_be_removed_added_or_moved, async |app| {
    let (_, _, export) = busy(app).await;
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = export.lines.clone();
        change(&mut lines);
        Export { folder: tempfile::tempdir().expect("a folder"), lines }
    };
    let (four, nine) = (export.at(4), export.at(9));
    changed(&|lines| drop(lines.remove(four))).is_refused(&[], "missing: record 4");
    changed(&|lines| drop(lines.drain(four..nine))).is_refused(&[], "missing: record 4");
    changed(&|lines| lines.swap(four, four + 1)).is_refused(&[], "reordered: record 5");
    let double = |lines: &mut Vec<Value>| {
        let mut added = lines[four].clone();
        added["record"]["id"] = json!("evt_019ab2c3d4e57f008000000000000007");
        lines.insert(four, added);
    };
    changed(&double).is_refused(&[], "added: record 4 (evt_019ab2c3d4e57f008000000000000007)");
    let again = export.lines[four].clone();
    changed(&|lines| lines.insert(nine, again.clone())).is_refused(&[], "added: record 4");
});

both!(a_cut_is_found_as_far_as_anybody_knows_of_the_rest, async |app| {
    let (_, _, export) = busy(app).await;
    let cut = |seq: i64| {
        let mut lines = export.lines[..=export.at(seq)].to_vec();
        let last = lines.last().expect("a record")["record"].clone();
        lines.push(json!({"end": {"seq": last["seq"], "hash": last["hash"]}}));
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(export.file("checkpoints.json"), folder.path().join("checkpoints.json")).expect("a copy");
        Export { folder, lines }
    };
    let mut download = cut(18);
    download.lines.pop();
    download.is_refused(&[], "missing: record 19: the file has no last line");
    // A forger can write a last line. Then only a later checkpoint tells.
    let said = cut(14).is_good(&[]);
    assert!(said.contains("12 to 14 are not sealed yet"), "{said}");
    cut(14).is_refused(&["--checkpoints", "checkpoints.json"], "missing: record 15");
    assert!(cut(17).is_good(&["--checkpoints", "checkpoints.json"]).contains("agrees with 3"), "all of what is sealed is there");
});

/// What a line's checkpoint says.
fn claims(line: &Value) -> Claims {
    let signed = text(&line["checkpoint"]);
    let payload = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).expect("a payload")).expect("base64");
    serde_json::from_slice(&payload).expect("claims")
}

both!(checkpoints_are_believed_only_from_the_servers_keys, async |app| {
    let (_, _, export) = busy(app).await;
    let (foreign, _) = crypto::SigningKey::generate(crypto::Alg::EdDsa).expect("a key");
    let second = export.checkpoint(1);
    let resigned = |line: &Value| json!({"checkpoint": sign(&foreign, &claims(line)).expect("a signature")});
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = export.lines.clone();
        change(&mut lines);
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(export.file("keys.json"), folder.path().join("keys.json")).expect("a copy");
        Export { folder, lines }
    };
    let forged = with(&|lines| lines[second] = resigned(&lines[second]));
    forged.is_refused(KEYS, &format!("its key `{}` is not among the known ones", foreign.kid()));
    // Somebody who forges all of them and puts the key into the file convinces only who takes the key from there.
    let everything = with(&|lines| {
        lines[0]["header"]["keys"] = json!([foreign.jwk()]);
        let mut previous: Option<String> = None;
        for line in lines.iter_mut().filter(|line| line["checkpoint"].is_string()) {
            let signed = sign(&foreign, &Claims { previous: previous.take(), ..claims(line) }).expect("a signature");
            previous = Some(fingerprint(&signed));
            *line = json!({ "checkpoint": signed });
        }
    });
    everything.is_good(&[]);
    everything.is_refused(KEYS, "checkpoint: ");
    with(&|lines| drop(lines.remove(second))).is_refused(KEYS, "one is missing or out of place");
    with(&|lines| lines.swap(second, second + 1)).is_refused(KEYS, "checkpoint: of records 7 to 11");
    let garbled = with(&|lines| lines[second] = json!({"checkpoint": "e30.e30.e30"}));
    garbled.is_refused(KEYS, "checkpoint: after record 11: it cannot be read");
});

both!(what_was_changed_in_the_database_shows_in_the_next_export, async |app| {
    let (ann, org, export) = busy(app).await;
    let nth =
        |seq: usize| export.lines.iter().filter_map(|line| line["record"]["id"].as_str()).nth(seq - 1).map(ToOwned::to_owned);
    let (altered, removed) = (nth(4).expect("an id"), nth(7).expect("an id"));
    let row = |id: &str| match app.database {
        tenantry_tests::Database::Sqlite => format!("x'{}'", &id[4..]),
        tenantry_tests::Database::Postgres => format!("'{}'", &id[4..]),
    };
    app.execute(&format!("delete from events where id = {}", row(&removed))).await;
    Export::of(app, &ann, &org).await.is_refused(KEYS, "missing: record 7");
    app.execute(&format!("update events set ip_address = '203.0.113.9' where id = {}", row(&altered))).await;
    Export::of(app, &ann, &org).await.is_refused(KEYS, &format!("altered: record 4 ({altered})"));
});

#[test]
fn what_cannot_be_read_is_said_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("export.ndjson"), "\n").expect("a file");
    for (arguments, why) in [
        (&["nothing.ndjson"][..], "nothing.ndjson cannot be read"),
        (&["export.ndjson"], "unreadable: line 1"),
        (&["export.ndjson", "--keys", "export.ndjson"], "export.ndjson: "),
        (&["export.ndjson", "--checkpoints", "export.ndjson"], "holds no checkpoints"),
    ] {
        let mut command = Command::new(binary("tenantry-api"));
        let output =
            command.env_clear().current_dir(&folder).args(["audit", "verify"]).args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1);
}

both!(an_erased_log_still_verifies_and_says_what_is_gone, async |app| {
    let (ann, org, before) = busy(app).await;
    app.by(&ann).post(&org.at("audit-log/erase"), json!({"user_id": ann.id})).await.ok();
    for _ in 0..2 {
        app.worker().await;
        app.run_jobs().await;
    }
    let mut after = Export::of(app, &ann, &org).await;
    let said = after.is_good(KEYS);
    assert!(said.contains("20 records (1 to 20)") && said.contains("content of 18 records was erased"), "{said}");
    let text = after.lines.iter().map(Value::to_string).filter(|line| line.contains("ann@example.com")).count();
    assert_eq!(text, 1, "only the record of who ordered it");
    // The checkpoints from before are as good as ever.
    fs::copy(before.file("checkpoints.json"), after.file("before.json")).expect("a copy");
    assert!(after.is_good(&["--keys", "keys.json", "--checkpoints", "before.json"]).contains("agrees with 3"));
    // What is left of a record is still covered.
    let (erased, id) = (after.record(5).clone(), after.record(5)["id"].as_str().map(ToOwned::to_owned).expect("an id"));
    for (field, value) in
        [("action", json!("user.joined")), ("created_at", json!("2026-11-23T09:00:01.000000Z")), ("success", json!(false))]
    {
        after.record(5)[field] = value;
        after.is_refused(KEYS, &format!("altered: record 5 ({id})"));
        *after.record(5) = erased.clone();
    }
});

both!(what_retention_leaves_verifies_from_its_anchor, async |app| {
    let (ann, org, mut before) = busy(app).await;
    app.by(&ann).put(&org.at("audit-log/retention"), json!({"days": 30})).await.ok();
    app.worker().await;
    app.run_jobs().await;
    app.advance(chrono::TimeDelta::days(29));
    let ann = app.again(&ann).await;
    app.by(&ann).patch(&org.path, json!({"name": "Late"})).await.ok();
    app.worker().await;
    app.advance(chrono::TimeDelta::days(2));
    let ann = app.again(&ann).await;
    app.run_jobs().await;
    let mut after = Export::of(app, &ann, &org).await;
    let said = after.is_good(KEYS);
    assert!(said.contains("1 records (20 to 20)") && said.contains("begins after record 19"), "{said}");
    assert!(said.contains("a checkpoint proves where"), "{said}");
    // Who cuts more off than retention did cannot say where the rest begins.
    let anchor = after.lines[0]["header"]["anchor"].clone();
    after.lines[0]["header"]["anchor"]["checkpoint"] = Value::Null;
    after.is_refused(KEYS, "checkpoint: of records 20 to 20");
    after.lines[0]["header"]["anchor"] = anchor;
    after.lines[0]["header"]["anchor"]["hash"] = before.record(18)["hash"].clone();
    after.is_refused(KEYS, "it does not prove where the file begins");
});
