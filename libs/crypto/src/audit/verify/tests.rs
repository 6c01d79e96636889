mod fixture;

use serde_json::{Value, json};

use super::*;
use crate::audit::{leaf::digest, statement};

use self::fixture::*;

#[test]
fn a_good_file_is_good() {
    let key = key();
    let report = check(&file(&key), None, Vec::new()).unwrap();
    assert_eq!((report.records, report.checkpoints, report.sealed, report.last), (9, 2, 8, 9));
    assert!(report.anchor_is_signed && !report.keys_were_given);
    let keys = PublicKeys::from_jwks(&json!({"keys": [key.jwk()]})).unwrap();
    assert!(check(&file(&key), Some(keys), Vec::new()).unwrap().keys_were_given);
}

#[test]
fn an_altered_record_is_named() {
    let key = key();
    for seq in [1, 4, 5, 9] {
        let mut lines = file(&key);
        of(&mut lines, seq).action = "user.removed".to_owned();
        assert_eq!(found(&lines), (What::Altered, Some(seq), Some(id(seq))));
        let mut lines = file(&key);
        let record = of(&mut lines, seq);
        record.content.as_mut().unwrap().body.push(' ');
        let hash = record.hash.clone();
        relink(record, "");
        record.hash = hash;
        assert_eq!(found(&lines), (What::Altered, Some(seq), Some(id(seq))), "with its leaf");
    }
}

#[test]
fn a_careful_forgery_is_found_at_the_next_checkpoint() {
    let mut lines = file(&key());
    let mut before = chain::genesis(org());
    of(&mut lines, 2).content.as_mut().unwrap().target_id.push('x');
    for seq in 1..=9 {
        relink(of(&mut lines, seq), &before);
        before.clone_from(&of(&mut lines, seq).hash);
    }
    assert_eq!(found(&lines), (What::Altered, Some(1), None));
}

#[test]
fn missing_records_are_named_however_they_were_hidden() {
    for seq in [1, 3, 5, 8] {
        let mut lines = file(&key());
        let place = at(&lines, seq);
        lines.remove(place);
        assert_eq!(found(&lines), (What::Missing, Some(seq), None), "{seq}");
        shift(&mut lines[place..], -1);
        assert_eq!(found(&lines), (What::Missing, Some(seq), None), "{seq}, numbered anew");
    }
    let mut lines = file(&key());
    let (from, to) = (at(&lines, 3), at(&lines, 7));
    lines.drain(from..to);
    assert_eq!(found(&lines), (What::Missing, Some(3), None));
}

#[test]
fn added_records_are_named_however_they_were_hidden() {
    for seq in [1, 3, 4, 5, 9] {
        let mut lines = file(&key());
        let place = at(&lines, seq);
        let before = of(&mut lines, seq - i64::from(seq > 1)).hash.clone();
        let before = if seq == 1 { chain::genesis(org()) } else { before };
        let careful = record(seq, &before, 77);
        let mut careless = careful.clone();
        careless.hash = "00".repeat(32);
        for forged in [careful, careless] {
            let mut changed = lines.clone();
            changed.insert(place, Line::Record(Box::new(forged.clone())));
            let named = found(&changed);
            // At the very end nothing speaks for either of the two.
            let one_of = if seq == 9 && !forged.hash.starts_with("00") { named.2 } else { Some(id(77)) };
            assert_eq!(named, (What::Added, Some(seq), one_of), "{seq}");
            shift(&mut changed[place + 1..], 1);
            assert_eq!(found(&changed), (What::Added, Some(seq), Some(id(77))), "{seq}, numbered anew");
        }
        let again = lines[place].clone();
        lines.push(again);
        assert_eq!(found(&lines).0, What::Added, "behind the end");
    }
}

#[test]
fn moved_records_are_named() {
    let mut lines = file(&key());
    let (a, b) = (at(&lines, 2), at(&lines, 3));
    lines.swap(a, b);
    assert_eq!(found(&lines), (What::Reordered, Some(3), Some(id(3))));
    let mut lines = file(&key());
    let moved = lines.remove(at(&file(&key()), 2));
    lines.insert(9, moved);
    assert_eq!(found(&lines).0, What::Reordered);
}

#[test]
fn a_cut_file_is_found_out_as_far_as_anything_is_known_of_the_rest() {
    let key = key();
    let whole = file(&key);
    assert_eq!(found(&whole[..whole.len() - 1]), (What::Missing, Some(10), None));
    let Line::Checkpoint(last) = whole[at(&whole, 8) + 1].clone() else { unreachable!() };
    // A forger writes a last line that fits. Only the server can sign it, and what it signed for one file fits no other.
    let mut cut: Vec<Line> = whole[..=at(&whole, 6)].to_vec();
    let hash = of(&mut cut, 6).hash.clone();
    let Some(Line::End(End { signed, .. })) = whole.last().cloned() else { unreachable!() };
    for signed in [None, signed, Some("e30.e30.e30".to_owned()), Some(last.clone())] {
        cut.push(Line::End(End { seq: 6, hash: hash.clone(), signed }));
        assert_eq!(found(&cut), (What::Missing, Some(7), None));
        // In the format before nothing speaks for what is gone but a checkpoint that somebody holds; and the verdict does not claim it.
        assert_eq!(check(&old(&cut), None, Vec::new()).unwrap().written_at, None);
        let finding = check(&old(&cut), None, vec![last.clone()]).unwrap_err();
        assert_eq!((finding.what, finding.seq), (What::Missing, Some(7)));
        cut.pop();
    }
    // Nor does the last line of an honest file hide a checkpoint that was cut off behind its records.
    let mut unsealed = whole.clone();
    unsealed.remove(at(&whole, 8) + 1);
    assert_eq!(found(&unsealed).0, What::Checkpoint);
    assert_eq!(check(&whole, None, vec![last]).unwrap().held, 1);
}

#[test]
fn another_history_with_the_same_key_contradicts_a_held_checkpoint() {
    let key = key();
    let honest = file(&key);
    let Line::Checkpoint(held) = honest[at(&honest, 4) + 1].clone() else { unreachable!() };
    let mut other = file(&key);
    let mut before = chain::genesis(org());
    of(&mut other, 2).content.as_mut().unwrap().target_id.push('x');
    for seq in 1..=4 {
        relink(of(&mut other, seq), &before);
        before.clone_from(&of(&mut other, seq).hash);
    }
    let finding = check(&other, None, vec![held]).unwrap_err();
    assert_eq!(finding.what, What::Checkpoint, "{finding}");
}

#[test]
fn checkpoints_are_not_forged_dropped_or_moved() {
    let (ours, theirs) = (key(), key());
    let known = || Some(PublicKeys::from_jwks(&json!({"keys": [ours.jwk()]})).unwrap());
    let what = |lines: &[Line]| check(lines, known(), Vec::new()).unwrap_err().what;
    assert_eq!(what(&file(&theirs)), What::Checkpoint, "a whole file by somebody else");
    let mut mixed = file(&ours);
    let place = at(&mixed, 4) + 1;
    mixed[place] = file(&theirs)[place].clone();
    assert_eq!(found(&mixed).0, What::Checkpoint);
    let mut dropped = file(&ours);
    dropped.remove(place);
    assert_eq!(found(&dropped).0, What::Checkpoint);
    let mut moved = file(&ours);
    moved.swap(place, place + 1);
    assert_eq!(found(&moved).0, What::Checkpoint);
}

#[test]
fn an_erased_record_stays_in_its_place_and_what_is_left_of_it_is_covered() {
    let key = key();
    let mut lines = file(&key);
    let record = of(&mut lines, 3);
    let digest = digest("00", &record.content.take().unwrap());
    record.erased = Some(digest.clone());
    record.salt = None;
    assert_eq!(found(&lines), (What::Altered, Some(3), Some(id(3))), "nobody says that it was erased");
    assert_eq!(check(&old(&lines), None, Vec::new()).unwrap().written_at, None, "in the format before nobody could");
    let erased = |n: i64, digest: &str| {
        let (erasure_id, created_at) = (None, "2026-11-23T09:02:00.000000Z".to_owned());
        let erased = Erased { organization_id: org(), id: id(n), digest: digest.to_owned(), erasure_id, created_at };
        statement::sign(&key, &erased).unwrap()
    };
    for other in [erased(4, &digest), erased(3, "00")] {
        of(&mut lines, 3).erasure = Some(other);
        assert_eq!(found(&lines), (What::Altered, Some(3), Some(id(3))), "that is another record's");
    }
    of(&mut lines, 3).erasure = Some(erased(3, &digest));
    let report = check(&lines, None, Vec::new()).unwrap();
    assert_eq!((report.erased, report.records), (1, 9));
    let mut renamed = lines.clone();
    of(&mut renamed, 3).action = "user.removed".to_owned();
    assert_eq!(found(&renamed), (What::Altered, Some(3), Some(id(3))));
    let mut later = lines;
    of(&mut later, 3).created_at = "2026-11-23T09:00:01.000000Z".to_owned();
    assert_eq!(found(&later).0, What::Altered);
}

#[test]
fn a_file_after_retention_begins_at_a_signed_anchor() {
    let key = key();
    let mut lines = file(&key);
    let place = at(&lines, 4);
    let (hash, Line::Checkpoint(jws)) = (of(&mut lines, 4).hash.clone(), lines[place + 1].clone()) else { unreachable!() };
    let Line::Checkpoint(last) = lines[at(&lines, 8) + 1].clone() else { unreachable!() };
    let cut = |anchor: Anchor| {
        let mut rest: Vec<Line> = lines[place + 2..].to_vec();
        rest.insert(0, Line::Header(header(&key, anchor)));
        rest
    };
    let nine = of(&mut lines.clone(), 9).hash.clone();
    let with = |anchor: Anchor| {
        let mut rest = cut(anchor);
        rest.pop();
        rest.push(end(&key, 4, (9, &nine), (8, Some(fingerprint(&last)))));
        rest
    };
    let retained = |seq: i64, hash: &str| {
        let retained = Retained { organization_id: org(), seq, hash: hash.to_owned(), created_at: String::new() };
        Some(statement::sign(&key, &retained).unwrap())
    };
    let good = Anchor { seq: 4, hash: hash.clone(), checkpoint: Some(jws.clone()), retained: retained(4, &hash) };
    // Who cuts the head off has no statement of the server's, and that of another time does not fit the end.
    for anchor in [None, retained(3, &hash), retained(4, "00")].map(|retained| Anchor { retained, ..good.clone() }) {
        assert_eq!(found(&with(anchor)).0, What::Missing);
    }
    assert_eq!(found(&cut(good.clone())), (What::Missing, Some(1), None), "when the file was written it was still there");
    let held = vec![jws];
    assert_eq!(check(&with(good.clone()), None, held.clone()).map(|report| (report.held, report.outlived)), Ok((0, 1)));
    assert_eq!(check(&old(&with(good.clone())), None, Vec::new()).unwrap().written_at, None);
    let later = Anchor { seq: 8, hash: of(&mut lines.clone(), 8).hash.clone(), checkpoint: Some(last.clone()), retained: None };
    let mut later: Vec<Line> = vec![Line::Header(header(&key, later))];
    later.extend(lines[at(&lines, 9)..].to_vec());
    assert_eq!(check(&old(&later), None, held).unwrap_err().what, What::Missing, "a held checkpoint covers what is missing");
    let report = check(&with(good.clone()), None, Vec::new()).unwrap();
    assert_eq!((report.anchor, report.records, report.anchor_is_signed), (4, 5, true));
    let elsewhere = Anchor { seq: 3, ..good.clone() };
    assert_eq!(found(&with(elsewhere)).0, What::Checkpoint);
    let unsigned = Anchor { checkpoint: None, ..good };
    assert_eq!(found(&with(unsigned)).0, What::Checkpoint, "the next checkpoint names one that is not there");
    let whole = Anchor { seq: 0, hash, checkpoint: None, retained: None };
    assert_eq!(found(&with(whole)).0, What::Unreadable);
}

#[test]
fn what_is_no_export_is_said_to_be_none() {
    let first = |text: &str| Verifier::new(None, Vec::new()).line(1, text).unwrap_err().what;
    let mut header = serde_json::to_value(&file(&key())[0]).unwrap();
    header["header"]["format"] = json!("other");
    let unknown = json!({"header": {"surprise": 1}});
    for text in ["", "{}", "nonsense", &header.to_string(), &unknown.to_string(), &Value::Null.to_string()] {
        assert_eq!(first(text), What::Unreadable, "{text}");
    }
    assert_eq!(check(&[], None, Vec::new()).unwrap_err().what, What::Unreadable);
    let mut lines: Vec<String> = file(&key()).iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    lines[3] = lines[3].replace("\"seq\"", "\"note\":1,\"seq\"");
    let mut verifier = Verifier::new(None, Vec::new());
    let outcome = lines.iter().enumerate().try_for_each(|(n, line)| verifier.line(n as u64 + 1, line));
    assert_eq!(outcome.unwrap_err().what, What::Unreadable, "a member that nothing covers");
}

/// The next number was once computed without a look at how large this one is.
#[test]
fn numbers_that_no_record_has_are_refused() {
    for seq in [i64::MAX, i64::MIN, -1, HIGHEST + 1] {
        let mut lines = file(&key());
        let Line::Header(header) = &mut lines[0] else { unreachable!() };
        header.anchor.seq = seq;
        assert_eq!(found(&lines).0, What::Unreadable, "an anchor {seq}");
        let mut lines = file(&key());
        of(&mut lines, 5).action.clear();
        of(&mut lines, 6).seq = seq;
        assert_eq!(found(&lines).0, What::Unreadable, "a record {seq}");
    }
}
