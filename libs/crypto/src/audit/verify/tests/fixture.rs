//! A good file to be damaged.

use domain::EventId;

use super::super::*;
use crate::{
    Alg, SigningKey,
    audit::{
        checkpoint,
        export::Chained,
        leaf::{Content, Kept, digest, leaf},
        merkle, statement,
    },
};

pub(super) fn org() -> OrgId {
    OrgId::new(uuid::Uuid::from_u128(7))
}

pub(super) fn id(n: i64) -> EventId {
    EventId::new(uuid::Uuid::from_u128(0x0100 + n.unsigned_abs() as u128))
}

pub(super) fn record(seq: i64, before: &str, who: i64) -> Record {
    let content = Content {
        actor_kind: "user".to_owned(),
        actor_id: Some("usr_1".to_owned()),
        actor_email: None,
        target_type: "user".to_owned(),
        target_id: format!("usr_{who}"),
        ip_address: None,
        user_agent: None,
        request_id: None,
        traceparent: None,
        metadata: "{}".to_owned(),
        body: format!("{{\"who\":{who}}}"),
    };
    let mut made = Record {
        seq,
        id: id(who),
        action: "user.joined".to_owned(),
        success: true,
        created_at: "2026-11-23T09:00:00.000000Z".to_owned(),
        salt: Some("00".to_owned()),
        content: Some(content),
        erased: None,
        erasure: None,
        leaf: None,
        chained: Chained::Leaf,
        hash: String::new(),
    };
    relink(&mut made, before);
    made
}

/// What a careful forger does to a record: leaf and link fit again.
pub(super) fn relink(record: &mut Record, before: &str) {
    let kept = Kept { org: org(), id: record.id, name: &record.action, success: true, at: &record.created_at };
    record.leaf = Some(leaf(&kept, &digest("00", record.content.as_ref().unwrap())));
    record.hash = chain::link(before, record.seq, record.id, record.leaf.as_ref().unwrap());
}

/// Nine records, checkpoints after 4 and 8.
pub(super) fn file(key: &SigningKey) -> Vec<Line> {
    let anchor = Anchor { seq: 0, hash: chain::genesis(org()), checkpoint: None, retained: None };
    let header = header(key, anchor);
    let (mut hash, mut leaves, mut previous) = (header.anchor.hash.clone(), Vec::new(), None);
    let mut lines = vec![Line::Header(header)];
    for seq in 1..=9 {
        let made = record(seq, &hash, seq);
        hash.clone_from(&made.hash);
        leaves.push(made.leaf.clone().unwrap());
        lines.push(Line::Record(Box::new(made)));
        if seq % 4 == 0 {
            let claims = Claims {
                organization_id: org(),
                first_seq: seq - 3,
                last_seq: seq,
                root: merkle::root(&std::mem::take(&mut leaves)),
                hash: hash.clone(),
                previous: previous.take(),
                created_at: "2026-11-23T09:01:00.000000Z".to_owned(),
            };
            let jws = checkpoint::sign(key, &claims).unwrap();
            previous = Some(fingerprint(&jws));
            lines.push(Line::Checkpoint(jws));
        }
    }
    lines.push(end(key, 0, (9, &hash), (8, previous)));
    lines
}

pub(super) fn header(key: &SigningKey, anchor: Anchor) -> Header {
    Header { format: FORMAT.to_owned(), organization_id: org(), anchor, keys: vec![key.jwk()], rotations: Vec::new() }
}

/// The last line of a log that began after `anchor`.
pub(super) fn end(key: &SigningKey, anchor: i64, last: (i64, &str), sealed: (i64, Option<String>)) -> Line {
    let ended = Ended {
        organization_id: org(),
        anchor,
        seq: last.0,
        hash: last.1.to_owned(),
        sealed: sealed.0,
        checkpoint: sealed.1,
        created_at: "2026-11-23T09:02:00.000000Z".to_owned(),
    };
    Line::End(End { seq: last.0, hash: last.1.to_owned(), signed: Some(statement::sign(key, &ended).unwrap()) })
}

/// As the version before wrote it.
pub(super) fn old(lines: &[Line]) -> Vec<Line> {
    let mut lines = lines.to_vec();
    for line in &mut lines {
        match line {
            Line::Header(header) => {
                OLD_FORMAT.clone_into(&mut header.format);
                header.anchor.retained = None;
            }
            Line::Record(record) => record.erasure = None,
            Line::End(end) => end.signed = None,
            Line::Checkpoint(_) => {}
        }
    }
    lines
}

pub(super) fn key() -> SigningKey {
    SigningKey::generate(Alg::EdDsa).unwrap().0
}

pub(super) fn check(lines: &[Line], keys: Option<PublicKeys>, held: Vec<String>) -> Checked<Report> {
    let mut verifier = Verifier::new(keys, held);
    for (n, line) in lines.iter().enumerate() {
        verifier.line(n as u64 + 1, &serde_json::to_string(line).unwrap())?;
    }
    verifier.finish()
}

#[track_caller]
pub(super) fn found(lines: &[Line]) -> (What, Option<i64>, Option<EventId>) {
    let finding = check(lines, None, Vec::new()).unwrap_err();
    (finding.what, finding.seq, finding.id)
}

/// Where record `seq` stands.
pub(super) fn at(lines: &[Line], seq: i64) -> usize {
    lines.iter().position(|line| matches!(line, Line::Record(r) if r.seq == seq)).unwrap()
}

pub(super) fn of(lines: &mut [Line], seq: i64) -> &mut Record {
    let at = at(lines, seq);
    let Line::Record(record) = &mut lines[at] else { unreachable!() };
    record
}

/// Numbers everything from line `from` on by one more or less, without computing anything anew.
pub(super) fn shift(lines: &mut [Line], by: i64) {
    for line in lines {
        if let Line::Record(record) = line {
            record.seq += by;
        }
    }
}
