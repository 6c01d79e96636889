//! The bytes that leave, and what is read from what comes back.

use std::time::Duration;

use domain::delivery::log_streams::{
    credentials::{AuthHeader, Credentials, ReceiverKey},
    options::{Framing, Mapping, StreamOptions},
};
use serde_json::{Value, json};

use super::{encoding::MAX_BODY, mapping::tests::record, *};

fn to(provider: Provider, url: &str) -> Receiver {
    Receiver {
        id: "lgs_00000000000000000000000000000007".parse().unwrap(),
        provider,
        url: url.parse().unwrap(),
        options: StreamOptions { gzip: Some(false), ..StreamOptions::default() },
        credentials: Credentials {
            api_key: Some(ReceiverKey::stored("key".to_owned())),
            auth_header: Some(AuthHeader::stored("X-Key: abc".to_owned())),
            signing_secret: None,
        },
    }
}

fn records(count: i64) -> Vec<Record> {
    (1..=count).map(|seq| Record { seq, ..record() }).collect()
}

fn entries(records: &[Record]) -> impl Iterator<Item = Entry<'_>> {
    records.iter().map(|record| Entry::of(record, Mapping::Plain))
}

fn header<'b>(batch: &'b Batch, name: &str) -> &'b str {
    batch.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

#[test]
fn splunk_gets_envelopes_one_after_the_other() {
    let (to, records) = (to(Provider::Splunk, "https://splunk.example.com:8088"), records(2));
    let batch = splunk::encode(&to, "sso.example", entries(&records)).unwrap();
    assert_eq!(batch.url.as_str(), "https://splunk.example.com:8088/services/collector/event");
    assert_eq!(header(&batch, "Authorization"), "Splunk key");
    assert_eq!(header(&batch, "X-Splunk-Request-Channel"), "00000000-0000-0000-0000-000000000007");
    let envelopes: Vec<Value> = serde_json::Deserializer::from_slice(&batch.body).into_iter().map(Result::unwrap).collect();
    assert_eq!((batch.records, envelopes.len()), (2, 2));
    assert_eq!(envelopes[0]["time"].to_string(), "1795424400.123");
    assert_eq!(envelopes[1]["event"]["seq"], 2);
    assert_eq!((&envelopes[0]["host"], &envelopes[0]["sourcetype"]), (&json!("sso.example"), &json!("tenantry:plain")));
    assert!(envelopes[0].get("index").is_none());
}

#[test]
fn datadog_gets_an_array_whose_attributes_are_strings() {
    let (to, records) = (to(Provider::Datadog, "https://http-intake.logs.datadoghq.eu/"), records(2));
    let batch = datadog::encode(&to, "sso.example", entries(&records)).unwrap();
    assert_eq!(batch.url.as_str(), "https://http-intake.logs.datadoghq.eu/api/v2/logs");
    assert_eq!((header(&batch, "DD-API-KEY"), header(&batch, "Content-Type")), ("key", "application/json"));
    let items: Vec<std::collections::BTreeMap<String, String>> = serde_json::from_slice(&batch.body).unwrap();
    assert_eq!(items[1]["ddtags"], "event:user.role_updated");
    assert_eq!(serde_json::from_str::<Value>(&items[1]["message"]).unwrap()["seq"], 2);
}

#[test]
fn elastic_gets_pairs_of_lines_with_the_events_id() {
    let (to, records) = (to(Provider::Elastic, "https://es.example.com/prefix/"), records(2));
    let batch = elastic::encode(&to, entries(&records)).unwrap();
    assert_eq!(batch.url.path(), "/prefix/logs-tenantry.audit-default/_bulk");
    assert_eq!(header(&batch, "Authorization"), "ApiKey key");
    let text = String::from_utf8(batch.body).unwrap();
    assert!(text.ends_with('\n'));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"create": {"_id": "evt_019ab2c3d4e57f008000000000000001"}}));
    assert_eq!((&lines[1]["@timestamp"], &lines[3]["seq"]), (&json!("2026-11-23T09:00:00.123456Z"), &json!(2)));
    let whole = to_whole("https://es.example.com/audit/_bulk");
    assert_eq!(elastic::encode(&whole, entries(&records)).unwrap().url.path(), "/audit/_bulk");
}

fn to_whole(url: &str) -> Receiver {
    to(Provider::Elastic, url)
}

#[test]
fn any_server_gets_lines_or_an_array() {
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let (mut to, records) = (to(Provider::Custom, "https://logs.example.com/in?x=1"), records(2));
    let batch = custom::encode(&to, now, entries(&records)).unwrap();
    assert_eq!((batch.url.as_str(), header(&batch, "X-Key")), ("https://logs.example.com/in?x=1", "abc"));
    assert_eq!(String::from_utf8(batch.body).unwrap().lines().count(), 2);
    to.options.framing = Framing::Array;
    let batch = custom::encode(&to, now, entries(&records)).unwrap();
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&batch.body).unwrap().len(), 2);
}

#[test]
fn a_body_ends_before_it_is_too_long_but_never_without_a_record() {
    let large = |seq| Record { seq, data: json!({ "text": "x".repeat(MAX_BODY / 3) }), ..record() };
    let records = [large(1), large(2), large(3), large(4)];
    let to = to(Provider::Custom, "https://logs.example.com/");
    let now = "2026-11-23T09:00:00Z".parse().unwrap();
    let batch = custom::encode(&to, now, entries(&records)).unwrap();
    assert_eq!(batch.records, 2);
    assert!(batch.body.len() <= MAX_BODY && batch.body.ends_with(b"\n"));
    let alone = [Record { data: json!({ "text": "x".repeat(MAX_BODY + 1) }), ..record() }];
    assert_eq!(custom::encode(&to, now, entries(&alone)).unwrap().records, 1);
}

#[test]
fn without_a_key_nothing_is_sent_where_one_is_needed() {
    let records = records(1);
    for provider in [Provider::Splunk, Provider::Datadog, Provider::Elastic] {
        let to = Receiver { credentials: Credentials::default(), ..to(provider, "https://x.example/") };
        let batch = match provider {
            Provider::Splunk => splunk::encode(&to, "h", entries(&records)),
            Provider::Datadog => datadog::encode(&to, "h", entries(&records)),
            _ => elastic::encode(&to, entries(&records)),
        };
        assert!(batch.is_none(), "{provider:?}");
    }
}

fn incoming(body: &str) -> Incoming {
    Incoming { status: 200, headers: Vec::new(), body: body.into(), truncated: false, elapsed: Duration::ZERO }
}

#[test]
fn splunks_answer_is_read() {
    assert_eq!(splunk::taken(&incoming(r#"{"text":"Success","code":0}"#)), Ok(None));
    assert_eq!(splunk::taken(&incoming(r#"{"text":"Success","code":0,"ackId":12}"#)), Ok(Some(12)));
    for other in ["", "<html>", "{}", r#"{"text":"x","code":9}"#, "[]", r#"{"code":"0"}"#] {
        assert_eq!(splunk::taken(&incoming(other)), Err(Reason::BadAnswer), "{other}");
    }
}

#[test]
fn elastics_items_are_told_apart() {
    let answer = |statuses: &[u16]| {
        let items: Vec<_> = statuses.iter().map(|status| json!({ "create": { "status": status } })).collect();
        elastic::judge(&incoming(&json!({ "errors": true, "items": items }).to_string()), statuses.len())
    };
    let items = |settled, refused: &[(usize, u16)], rest| Answer::Items { settled, refused: refused.to_vec(), rest };
    assert_eq!(answer(&[201, 409, 201]), items(3, &[], None), "what is there already is there");
    assert_eq!(answer(&[201, 400, 201]), items(3, &[(1, 400)], None));
    assert_eq!(answer(&[201, 429, 201]), items(1, &[], Some(429)), "what comes behind comes again, and is there already");
    assert_eq!(answer(&[400, 201, 503, 400]), items(2, &[(0, 400)], Some(503)));
    assert_eq!(answer(&[429, 429]), items(0, &[], Some(429)));
    assert_eq!(answer(&[400, 400]), Answer::Status { status: 400, wait: None }, "is it the records, or the index?");
    assert_eq!(answer(&[403, 403]), items(0, &[], Some(403)));
    assert_eq!(elastic::judge(&incoming(r#"{"errors":false}"#), 7), Answer::Taken);
    for other in ["", "{}", "<html>", r#"{"errors":true,"items":[]}"#, r#"{"errors":true,"items":[{"create":{"status":201}}]}"#] {
        assert_eq!(elastic::judge(&incoming(other), 2), Answer::No(Reason::BadAnswer), "{other}");
    }
}

#[test]
fn a_collector_gets_structured_bodies_with_numbers_as_protobuf_has_them() {
    let now = "2026-11-23T09:00:01Z".parse().unwrap();
    let (to, records) = (to(Provider::Otlp, "https://otel.example.com:4318"), records(2));
    let batch = otlp::encode(&to, "sso.example", now, entries(&records)).unwrap();
    assert_eq!((batch.url.path(), header(&batch, "X-Key")), ("/v1/logs", "abc"));
    let request: Value = serde_json::from_slice(&batch.body).unwrap();
    let resource = &request["resourceLogs"][0];
    assert_eq!(resource["resource"]["attributes"][0], json!({"key": "service.name", "value": {"stringValue": "tenantry"}}));
    let record = &resource["scopeLogs"][0]["logRecords"][1];
    assert_eq!(
        (&record["timeUnixNano"], &record["observedTimeUnixNano"]),
        (&json!("1795424400123456000"), &json!("1795424401000000000"))
    );
    assert_eq!(
        (&record["severityNumber"], &record["severityText"], &record["eventName"]),
        (&json!(9), &json!("INFO"), &json!("user.role_updated"))
    );
    let members = record["body"]["kvlistValue"]["values"].as_array().unwrap();
    assert!(members.contains(&json!({"key": "seq", "value": {"intValue": "2"}})), "{members:?}");
    assert!(members.contains(&json!({"key": "success", "value": {"boolValue": true}})), "{members:?}");
    assert_eq!(otlp::judge(&incoming("{}")), Answer::Taken);
    assert_eq!(otlp::judge(&incoming(r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"slow"}}"#)), Answer::Taken);
    let refused = Answer::Status { status: 400, wait: None };
    assert_eq!(otlp::judge(&incoming(r#"{"partialSuccess":{"rejectedLogRecords":"2"}}"#)), refused, "it does not say which");
    assert_eq!(otlp::judge(&incoming("<html>")), Answer::No(Reason::BadAnswer));
}

#[test]
fn syslog_gets_counted_frames_of_ascii() {
    let records = [Record { data: json!({"name": "Gr\u{fc}\u{df}e \u{1f389}"}), success: false, ..record() }, record()];
    let body = syslog::encode("sso.example", entries(&records));
    let mut rest = String::from_utf8(body.bytes).unwrap();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_once(' ').unwrap();
        let (message, after) = after.split_at(length.parse().unwrap());
        messages.push(message.to_owned());
        rest = after.to_owned();
    }
    assert_eq!((body.records, messages.len()), (2, 2));
    let head = "1 2026-11-23T09:00:00.123456Z sso.example tenantry - user.role_updated - {";
    assert!(messages[0].starts_with(&format!("<108>{head}")) && messages[1].starts_with(&format!("<110>{head}")), "{messages:?}");
    assert!(messages.iter().all(|message| message.is_ascii()));
    let json: Value =
        serde_json::from_str(messages[0].split_once(" - {").map(|(_, json)| format!("{{{json}")).as_deref().unwrap()).unwrap();
    assert_eq!(json["data"]["name"], "Gr\u{fc}\u{df}e \u{1f389}");
}
