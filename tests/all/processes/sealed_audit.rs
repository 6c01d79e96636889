//! `tenantry-api audit verify`, as a customer runs it: on real exports of a real server, and on what forgers make of them.

mod export;

use std::{fs, process::Command};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crypto::audit::{
    checkpoint::{Claims, fingerprint, sign},
    statement::{self, Ended},
};
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
    let said = export.is_good(&[]);
    assert!(said.contains("not whose it is") && !said.contains("Nothing was altered"), "{said}");
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
    // A forger can write a last line, and take along the signature of the real one. Neither is what the server signed.
    let signed = export.lines.last().expect("an end")["end"]["signed"].clone();
    for seq in [11, 14, 17] {
        let mut file = cut(seq);
        file.is_refused(&[], &format!("missing: record {}: nothing that is signed", seq + 1));
        file.lines.last_mut().expect("an end")["end"]["signed"] = signed.clone();
        file.is_refused(&[], "when the file was written, the log ended at record 18");
    }
    cut(14).is_refused(&["--checkpoints", "checkpoints.json"], "missing: record 15");
});

/// As the version before wrote it.
fn of_the_version_before(export: &mut Export) {
    export.lines[0]["header"]["format"] = json!("tenantry-audit-1");
    for line in &mut export.lines {
        for (place, member) in [("/end", "signed"), ("/record", "erasure"), ("/header/anchor", "retained")] {
            line.pointer_mut(place).and_then(Value::as_object_mut).map(|object| object.remove(member));
        }
    }
}

both!(a_file_of_the_version_before_is_read_and_what_nothing_proves_is_said, async |app| {
    let (_, _, mut export) = busy(app).await;
    of_the_version_before(&mut export);
    let said = export.is_unproven(KEYS);
    assert!(said.contains("not everything is proven: 18 records") && said.contains("that the log ended at record 18"), "{said}");
    assert!(!said.contains("Nothing was altered"), "{said}");
    let anchor =
        json!({"seq": 6, "hash": export.record(6)["hash"], "checkpoint": export.lines[export.checkpoint(0)]["checkpoint"]});
    export.lines[0]["header"]["anchor"] = anchor;
    let from = export.at(7);
    export.lines.drain(1..from);
    assert!(export.is_unproven(KEYS).contains("that it began after record 6"));
    export.is_refused(&["--checkpoints", "checkpoints.json"], "missing: record 1: the checkpoint that you hold covers it");
});

both!(what_is_cut_out_of_a_file_is_not_taken_for_retention_or_erasure, async |app| {
    let (_, _, mut export) = busy(app).await;
    let whole = export.lines.clone();
    let sixth = export.checkpoint(0);
    let anchor = json!({"seq": 6, "hash": export.record(6)["hash"], "checkpoint": whole[sixth]["checkpoint"]});
    export.lines[0]["header"]["anchor"] = anchor;
    export.lines.drain(1..=sixth);
    export.is_refused(KEYS, "missing: record 1: nothing that is signed says that retention removed");
    export.lines = whole;
    let record = export.record(5);
    let content: crypto::audit::leaf::Content = serde_json::from_value(record["content"].take()).expect("a content");
    let digest = crypto::audit::leaf::digest(&text(&record["salt"]), &content);
    let object = record.as_object_mut().expect("a record");
    object.remove("salt");
    object.remove("content");
    object.insert("erased".to_owned(), json!(digest));
    export.is_refused(KEYS, "its content is gone, and nothing that is signed says that it was erased");
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
        let end = &mut lines.last_mut().expect("an end")["end"];
        let payload = URL_SAFE_NO_PAD.decode(text(&end["signed"]).split('.').nth(1).expect("a payload")).expect("base64");
        let ended: Ended = serde_json::from_slice(&payload).expect("a statement");
        let ended = Ended { checkpoint: previous, ..ended };
        end["signed"] = json!(statement::sign(&foreign, &ended).expect("a signature"));
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

both!(a_seal_that_is_taken_out_of_the_database_is_missed, async |app| {
    let (ann, org, before) = busy(app).await;
    app.execute("delete from checkpoints").await;
    app.execute("update heads set sealed = 0").await;
    // In the same moment and after the next run of the worker: it signs what is new, and nothing for a second time.
    for last in [18, 19] {
        let after = Export::of(app, &ann, &org).await;
        fs::copy(before.file("keys.json"), after.file("keys.json")).expect("a copy");
        after.is_refused(KEYS, "checkpoint: ");
        app.by(&ann).patch(&org.path, json!({"name": format!("Late {last}")})).await.ok();
        app.worker().await;
        app.run_jobs().await;
    }
});

both!(keys_from_before_a_rotation_verify_what_the_new_key_signed, async |app| {
    let (ann, org, before) = busy(app).await;
    app.deps.store.add_audit_key(app.now()).await.expect("a key");
    app.run_jobs().await;
    let mut after = Export::of(app, &ann, &org).await;
    fs::copy(before.file("keys.json"), after.file("keys.json")).expect("a copy");
    assert!(after.is_good(KEYS).contains("up to record 18"));
    after.lines[0]["header"]["rotations"] = json!([]);
    after.is_refused(KEYS, "is not among the known ones");
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
    assert!(said.contains("20 records (1 to 20)") && said.contains("content of 18 records was erased on request"), "{said}");
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
