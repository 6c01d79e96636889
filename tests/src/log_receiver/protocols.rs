//! The protocols, each read as strictly as its owner documents it.

use serde_json::{Map, Value, json};

use super::{Posted, RECEIVER_KEY, Reply, State};

/// What a receiver speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// Splunk's HTTP event collector, with or without indexer acknowledgement.
    Hec {
        /// Whether what it takes is acknowledged later.
        acks: bool,
    },
    /// Datadog's log intake, version 2.
    Datadog,
    /// Elasticsearch's bulk requests, to a data stream.
    Elastic,
    /// OpenTelemetry's log records over HTTP, as JSON.
    Otlp,
    /// A record in each line.
    Lines,
    /// An array of records.
    Array,
}

pub(super) fn answer(state: &mut State, posted: &Posted) -> Reply {
    let taken = match state.speaks {
        _ if posted.method != "POST" => Err(Reply::new(405, "{}")),
        Speaks::Hec { .. } => hec(state, posted),
        Speaks::Datadog => datadog(state, posted),
        Speaks::Elastic => elastic(state, posted),
        Speaks::Otlp => otlp(state, posted),
        Speaks::Lines => lines(state, posted),
        Speaks::Array => array(state, posted),
    };
    taken.unwrap_or_else(|refused| refused)
}

fn complain<T>(state: &mut State, what: impl ToString, reply: Reply) -> Result<T, Reply> {
    state.complaints.push(what.to_string());
    Err(reply)
}

fn hec_error(status: u16, code: i64, text: &str) -> Reply {
    Reply::new(status, json!({ "text": text, "code": code }))
}

/// Documented keys of an envelope; anything else is an error of the sender's.
const ENVELOPE: [&str; 7] = ["time", "host", "source", "sourcetype", "index", "event", "fields"];

fn hec(state: &mut State, posted: &Posted) -> Result<Reply, Reply> {
    match posted.header("authorization").strip_prefix("Splunk ") {
        None => return Err(hec_error(401, 3, "Invalid authorization")),
        Some(key) if key != RECEIVER_KEY => return Err(hec_error(403, 4, "Invalid token")),
        Some(_) => {}
    }
    let Speaks::Hec { acks } = state.speaks else { unreachable!("asked for by it") };
    let channel = posted.header("x-splunk-request-channel").to_owned();
    if acks && channel.parse::<uuid::Uuid>().is_err() {
        return complain(state, "no channel", hec_error(400, 10, "Data channel is missing"));
    }
    if let Some(query) = posted.path.strip_prefix("/services/collector/ack?") {
        return acknowledged(state, posted, query, &channel);
    }
    if posted.path != "/services/collector/event" {
        return complain(state, &posted.path, Reply::new(404, "{}"));
    }
    let mut events = Vec::new();
    for (number, value) in serde_json::Deserializer::from_slice(&posted.body).into_iter::<Value>().enumerate() {
        let invalid =
            |code: i64, text: &str| Reply::new(400, json!({ "text": text, "code": code, "invalid-event-number": number }));
        let Ok(Value::Object(envelope)) = value else {
            return complain(state, "no JSON object", invalid(6, "Invalid data format"));
        };
        if let Some(odd) = envelope.keys().find(|key| !ENVELOPE.contains(&key.as_str())) {
            return complain(state, odd, invalid(6, "Invalid data format"));
        }
        if !envelope.get("time").is_some_and(Value::is_number) {
            return complain(state, "the time is no number", invalid(6, "Invalid data format"));
        }
        match envelope.get("event") {
            None => return complain(state, "no event", invalid(12, "Event field is required")),
            Some(Value::Null) => return complain(state, "a blank event", invalid(13, "Event field cannot be blank")),
            Some(event) if state.is_refused(event) => return Err(invalid(6, "Invalid data format")),
            Some(event) => events.push(event.clone()),
        }
    }
    if events.is_empty() {
        return complain(state, "no data", hec_error(400, 5, "No data"));
    }
    if events.len() > state.most {
        return Err(Reply::new(413, "{}"));
    }
    state.records.extend(events);
    let mut taken = json!({ "text": "Success", "code": 0 });
    if acks {
        taken["ackId"] = state.acks.len().into();
        state.acks.push(0);
    }
    Ok(Reply::new(200, taken))
}

fn acknowledged(state: &mut State, posted: &Posted, query: &str, channel: &str) -> Result<Reply, Reply> {
    if query != format!("channel={channel}") {
        return complain(state, query, hec_error(400, 11, "Invalid data channel"));
    }
    let asked: Value = serde_json::from_slice(&posted.body).unwrap_or_default();
    let Some(asked) = asked["acks"].as_array().cloned() else {
        return complain(state, "no acks", hec_error(400, 6, "Invalid data format"));
    };
    let mut acks = Map::new();
    for id in asked {
        let Some(questions) = id.as_u64().and_then(|id| state.acks.get_mut(usize::try_from(id).unwrap_or(usize::MAX))) else {
            acks.insert(id.to_string(), false.into());
            continue;
        };
        *questions += 1;
        acks.insert(id.to_string(), (*questions >= state.ack_after).into());
    }
    Ok(Reply::new(200, json!({ "acks": acks })))
}

/// Its published limits: 1,000 items, 5 MB in all, 1 MB each; every attribute beside the message is a string.
fn datadog(state: &mut State, posted: &Posted) -> Result<Reply, Reply> {
    let errors = |text: &str| Reply::new(400, json!({ "errors": [{ "detail": text, "status": "400", "title": "Bad Request" }] }));
    if posted.header("dd-api-key") != RECEIVER_KEY {
        return Err(Reply::new(403, json!({ "errors": [{ "status": "403", "title": "Forbidden" }] })));
    }
    if posted.path != "/api/v2/logs" || posted.header("content-type") != "application/json" {
        return complain(state, &posted.path, Reply::new(404, "{}"));
    }
    if posted.body.len() > 5_000_000 {
        return complain(state, "too much", Reply::new(413, "{}"));
    }
    let Ok(Value::Array(items)) = serde_json::from_slice(&posted.body) else {
        return complain(state, "no array", errors("no array"));
    };
    if items.is_empty() || items.len() > 1000 {
        return complain(state, "too many items", Reply::new(413, "{}"));
    }
    let mut records = Vec::new();
    for item in &items {
        let Some(object) = item.as_object() else { return complain(state, "no object", errors("no object")) };
        let message = object.get("message").and_then(Value::as_str);
        let (Some(message), true) = (message, object.values().all(Value::is_string)) else {
            return complain(state, item, errors("message is required, and every attribute is a string"));
        };
        if item.to_string().len() > 1_000_000 {
            return complain(state, "an item is too large", errors("too large"));
        }
        let Ok(record) = serde_json::from_str::<Value>(message) else {
            return complain(state, message, errors("the message is no JSON, so nothing is found in it"));
        };
        if state.is_refused(&record) {
            return Err(errors("refused"));
        }
        records.push(record);
    }
    if records.len() > state.most {
        return Err(Reply::new(413, "{}"));
    }
    state.records.extend(records);
    Ok(Reply::new(202, "{}"))
}

/// Newline-delimited pairs; a data stream takes `create` only, and wants `@timestamp`.
fn elastic(state: &mut State, posted: &Posted) -> Result<Reply, Reply> {
    let illegal = || Reply::new(400, json!({ "error": { "type": "illegal_argument_exception" }, "status": 400 }));
    if posted.header("authorization") != format!("ApiKey {RECEIVER_KEY}") {
        return Err(Reply::new(401, json!({ "error": { "type": "security_exception" }, "status": 401 })));
    }
    let (path, query) = posted.path.split_once('?').unwrap_or((&posted.path, ""));
    if path != "/logs-tenantry.audit-default/_bulk" || posted.header("content-type") != "application/x-ndjson" {
        return complain(state, path, Reply::new(404, "{}"));
    }
    if !query.is_empty() && query.replace("%2C", ",").replace("%2A", "*") != "filter_path=errors,items.*.status" {
        return complain(state, query, illegal());
    }
    let Some(text) = std::str::from_utf8(&posted.body).ok().and_then(|text| text.strip_suffix('\n')) else {
        return complain(state, "the bulk request must be terminated by a newline", illegal());
    };
    let lines: Vec<_> = text.split('\n').map(|line| serde_json::from_str::<Value>(line).unwrap_or_default()).collect();
    let (mut items, mut errors) = (Vec::new(), false);
    if lines.len() % 2 == 1 || lines.len() > state.most * 2 {
        return Err(Reply::new(413, "{}"));
    }
    for pair in lines.chunks(2) {
        let action = pair[0].as_object().filter(|action| action.len() == 1).and_then(|action| action.get("create"));
        let Some(id) = action.and_then(|action| action["_id"].as_str()) else {
            return complain(state, &pair[0], illegal());
        };
        let stamped = pair[1]["@timestamp"].as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok());
        if !stamped {
            return complain(state, &pair[1], illegal());
        }
        let status = match () {
            () if state.is_refused(&pair[1]) => 400,
            () if !state.ids.insert(id.to_owned()) => 409,
            () => {
                state.records.push(pair[1].clone());
                201
            }
        };
        errors |= status != 201;
        items.push(json!({ "create": { "status": status } }));
    }
    let reply = if errors { json!({ "errors": true, "items": items }) } else { json!({ "errors": false, "items": items }) };
    Ok(Reply::new(200, reply))
}

/// By the protocol's definition: known members only, numbers of 64 bits as texts, bodies as tagged values.
fn otlp(state: &mut State, posted: &Posted) -> Result<Reply, Reply> {
    if posted.header("authorization") != format!("Bearer {RECEIVER_KEY}") {
        return Err(Reply::new(401, json!({ "code": 16 })));
    }
    if posted.path != "/v1/logs" || posted.header("content-type") != "application/json" {
        return complain(state, &posted.path, Reply::new(404, "{}"));
    }
    let bad = || Reply::new(400, json!({ "code": 3 }));
    let request: Value = serde_json::from_slice(&posted.body).unwrap_or_default();
    let mut records = Vec::new();
    let (Some([resource]), true) = (request["resourceLogs"].as_array().map(Vec::as_slice), has_only(&request, &["resourceLogs"]))
    else {
        return complain(state, &request, bad());
    };
    let named = resource["resource"]["attributes"].as_array().into_iter().flatten().any(|pair| pair["key"] == "service.name");
    let Some([scope]) = resource["scopeLogs"].as_array().map(Vec::as_slice).filter(|_| named) else {
        return complain(state, resource, bad());
    };
    const KNOWN: [&str; 7] =
        ["timeUnixNano", "observedTimeUnixNano", "severityNumber", "severityText", "eventName", "body", "attributes"];
    for record in scope["logRecords"].as_array().into_iter().flatten() {
        let nanoseconds = |name: &str| record[name].as_str().is_some_and(|text| text.parse::<u64>().is_ok_and(|n| n > 1 << 60));
        let severity = record["severityNumber"].as_u64().is_some_and(|number| (1..=24).contains(&number));
        let fine = nanoseconds("timeUnixNano") && nanoseconds("observedTimeUnixNano") && severity && has_only(record, &KNOWN);
        match any_value(&record["body"]).filter(|_| fine) {
            None => return complain(state, record, bad()),
            Some(body) => records.push(body),
        }
    }
    if records.len() > state.most {
        return Err(Reply::new(413, "{}"));
    }
    let (refused, taken): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| state.is_refused(record));
    state.records.extend(taken);
    match refused.len() {
        0 => Ok(Reply::new(200, "{}")),
        count => {
            Ok(Reply::new(200, json!({ "partialSuccess": { "rejectedLogRecords": count.to_string(), "errorMessage": "no" } })))
        }
    }
}

fn has_only(value: &Value, known: &[&str]) -> bool {
    value.as_object().is_some_and(|object| object.keys().all(|key| known.contains(&key.as_str())))
}

/// A tagged value, read back.
fn any_value(value: &Value) -> Option<Value> {
    let object = value.as_object()?;
    let Some((tag, content)) = object.iter().next() else { return Some(Value::Null) };
    if object.len() > 1 {
        return None;
    }
    match tag.as_str() {
        "stringValue" => content.as_str().map(Into::into),
        "boolValue" => content.as_bool().map(Into::into),
        "intValue" => content.as_str()?.parse::<i64>().ok().map(Into::into),
        "doubleValue" => content.as_f64().map(Into::into),
        "arrayValue" => content["values"].as_array()?.iter().map(any_value).collect::<Option<Vec<_>>>().map(Into::into),
        "kvlistValue" => {
            let pair = |pair: &Value| Some((pair["key"].as_str()?.to_owned(), any_value(&pair["value"])?));
            content["values"].as_array()?.iter().map(pair).collect::<Option<Map<_, _>>>().map(Into::into)
        }
        _ => None,
    }
}

fn lines(state: &mut State, posted: &Posted) -> Result<Reply, Reply> {
    if posted.header("content-type") != "application/x-ndjson" || !posted.body.ends_with(b"\n") {
        return complain(state, "no lines", Reply::new(400, "{}"));
    }
    let text = String::from_utf8_lossy(&posted.body).into_owned();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    take(state, records)
}

fn array(state: &mut State, posted: &Posted) -> Result<Reply, Reply> {
    match serde_json::from_slice(&posted.body) {
        Ok(Value::Array(records)) if posted.header("content-type") == "application/json" => take(state, records),
        _ => complain(state, "no array", Reply::new(400, "{}")),
    }
}

fn take(state: &mut State, records: Vec<Value>) -> Result<Reply, Reply> {
    if records.iter().any(|record| !record.is_object()) {
        return complain(state, "no object", Reply::new(400, "{}"));
    }
    if records.len() > state.most {
        return Err(Reply::new(413, "{}"));
    }
    if records.iter().any(|record| state.is_refused(record)) {
        return Err(Reply::new(422, "{}"));
    }
    state.records.extend(records);
    Ok(Reply::new(204, ""))
}
