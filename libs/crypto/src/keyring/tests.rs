use uuid::Uuid;

use super::*;
use crate::OsRandom;

const ROW: Place<'static> = Place { org: Uuid::from_u128(1), table: "connections", column: "client_secret", row: "42" };

fn master(id: &str, byte: &str) -> String {
    format!("{id}:{}", byte.repeat(32))
}

fn ring(masters: &str) -> Keyring {
    Keyring::new(MasterKeys::parse(masters).unwrap())
}

/// A ring with one loaded data key, and that key's row.
fn loaded() -> (Keyring, WrappedKey) {
    let ring = ring(&master("m1", "a1"));
    let key = ring.mint_data_key(1, &OsRandom::new());
    ring.load(vec![key.clone()]).unwrap();
    (ring, key)
}

#[test]
fn what_is_sealed_opens_in_its_place() {
    let (ring, _) = loaded();
    for plain in [b"".as_slice(), b"hunter2", &[0; 100_000]] {
        let sealed = ring.seal(&ROW, plain).unwrap();
        assert_eq!(sealed.key_id(), Some(1));
        let stored = Sealed::from(sealed.as_str().to_owned());
        assert_eq!(*ring.open(&ROW, &stored).unwrap(), plain);
    }
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let (ring, _) = loaded();
    assert_ne!(ring.seal(&ROW, b"x").unwrap(), ring.seal(&ROW, b"x").unwrap());
}

#[test]
fn no_byte_can_be_altered_cut_or_added() {
    let (ring, _) = loaded();
    let good = ring.seal(&ROW, b"hunter2").unwrap();
    let text = good.as_str();
    for at in 0..text.len() {
        for other in (b' '..=b'~').filter(|b| *b != text.as_bytes()[at]) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = other;
            let altered = Sealed::from(String::from_utf8(bytes).unwrap());
            assert!(ring.open(&ROW, &altered).is_err(), "{altered:?} at {at}");
        }
        assert!(ring.open(&ROW, &Sealed::from(text[..at].to_owned())).is_err(), "cut at {at}");
    }
    for added in [format!("{text}="), format!("{text}A"), format!("{text}AAAA"), format!("{text}.AAAA"), format!("{text}\n")] {
        assert_eq!(ring.open(&ROW, &Sealed::from(added)).unwrap_err(), SealError::Broken);
    }
}

#[test]
fn a_secret_moved_elsewhere_does_not_open() {
    let (ring, _) = loaded();
    let sealed = ring.seal(&ROW, b"hunter2").unwrap();
    let elsewhere = [
        Place { org: Uuid::from_u128(2), ..ROW },
        Place { table: "webhooks", ..ROW },
        Place { column: "client_id", ..ROW },
        Place { row: "43", ..ROW },
        Place { row: "", ..ROW },
    ];
    for place in elsewhere {
        assert_eq!(ring.open(&place, &sealed).unwrap_err(), SealError::Broken, "{place:?}");
    }
}

#[test]
fn a_rotated_data_key_seals_and_the_old_one_still_opens() {
    let (ring, first) = loaded();
    let old = ring.seal(&ROW, b"old").unwrap();
    let second = ring.mint_data_key(2, &OsRandom::new());
    assert_eq!(ring.active_id(), Some(1), "minting alone changes nothing");
    let other_process = ring_with(&first);
    ring.load(vec![second.clone(), first.clone()]).unwrap();
    let new = ring.seal(&ROW, b"new").unwrap();
    assert_eq!((ring.active_id(), new.key_id()), (Some(2), Some(2)));
    assert_eq!(*ring.open(&ROW, &old).unwrap(), b"old");

    assert_eq!(other_process.open(&ROW, &new).unwrap_err(), SealError::UnknownKey(2));
    let clone = other_process.clone();
    clone.load(vec![first, second]).unwrap();
    assert_eq!(*other_process.open(&ROW, &new).unwrap(), b"new");
}

fn ring_with(key: &WrappedKey) -> Keyring {
    let ring = ring(&master("m1", "a1"));
    ring.load(vec![key.clone()]).unwrap();
    ring
}

#[test]
fn the_master_key_is_rotated_by_rewrapping() {
    let (ring1, key) = loaded();
    let sealed = ring1.seal(&ROW, b"hunter2").unwrap();
    let both = ring(&format!("{} {}", master("m2", "b2"), master("m1", "a1")));
    let moved = both.rewrap(&key).unwrap();
    assert_eq!((moved.id, moved.master.as_str()), (1, "m2"));
    let only_new = ring(&master("m2", "b2"));
    only_new.load(vec![moved]).unwrap();
    assert_eq!(*only_new.open(&ROW, &sealed).unwrap(), b"hunter2");
    let missing = SealError::UnknownMaster { id: 1, master: "m1".into() };
    assert_eq!(only_new.load(vec![key]).unwrap_err(), missing);
    assert_eq!(*only_new.open(&ROW, &sealed).unwrap(), b"hunter2", "a failed load leaves the ring as it was");
}

#[test]
fn a_wrapped_key_cannot_be_altered_swapped_or_opened_by_another_master() {
    let (ring1, key) = loaded();
    for at in 0..key.wrapped.len() {
        let mut altered = key.clone();
        altered.wrapped[at] ^= 1;
        assert_eq!(ring1.load(vec![altered]).unwrap_err(), SealError::Broken);
    }
    let renumbered = WrappedKey { id: 2, ..key.clone() };
    assert_eq!(ring1.load(vec![renumbered]).unwrap_err(), SealError::Broken);
    assert_eq!(ring(&master("m1", "ff")).load(vec![key]).unwrap_err(), SealError::Broken);
}

#[test]
fn an_empty_ring_says_so() {
    let ring = ring(&master("m1", "a1"));
    assert_eq!(ring.active_id(), None);
    assert_eq!(ring.seal(&ROW, b"x").unwrap_err(), SealError::NoKey);
    assert_eq!(domain::Error::from(SealError::NoKey).kind, domain::Kind::Internal);
}

#[test]
fn json_values_round_trip_and_errors_do_not_quote_them() {
    let (ring, _) = loaded();
    let sealed = ring.seal_json(&ROW, &vec!["hunter2"]).unwrap();
    assert_eq!(ring.open_json::<Vec<String>>(&ROW, &sealed).unwrap(), ["hunter2"]);
    let error = ring.open_json::<Vec<u8>>(&ROW, &sealed).unwrap_err();
    assert_eq!(error, SealError::Shape);
    assert!(!format!("{error} {error:?} {ring:?}").contains("hunter2"));
}

#[test]
fn a_tag_is_recognised_for_what_it_was_made_of_and_nothing_else() {
    let (ring, first) = loaded();
    let tag = ring.tag("code", b"123456").unwrap();
    assert!(ring.is_tag("code", b"123456", &tag).unwrap());
    for (purpose, text) in [("code", "123457"), ("cod", "e123456"), ("code1", "23456"), ("device", "123456"), ("code", "")] {
        assert!(!ring.is_tag(purpose, text.as_bytes(), &tag).unwrap(), "{purpose} {text}");
    }
    let (id, mac) = tag.split_once('.').unwrap();
    for bad in [
        String::new(),
        mac.to_owned(),
        format!("{id}."),
        format!("{id}.{}", &mac[1..]),
        format!("{id}.{mac}A"),
        format!("x.{mac}"),
    ] {
        assert!(!ring.is_tag("code", b"123456", &bad).unwrap(), "{bad}");
    }
    assert_eq!(ring.is_tag("code", b"123456", &format!("7.{mac}")), Err(SealError::UnknownKey(7)));
    // A newer data key signs from then on, and the older one's tags are still known.
    let second = ring.mint_data_key(2, &OsRandom::new());
    ring.load(vec![first, second.clone()]).unwrap();
    let newer = ring.tag("code", b"123456").unwrap();
    assert!(
        newer.starts_with("2.")
            && ring.is_tag("code", b"123456", &newer).unwrap()
            && ring.is_tag("code", b"123456", &tag).unwrap()
    );
    ring.load(vec![second]).unwrap();
    assert_eq!(ring.is_tag("code", b"123456", &tag), Err(SealError::UnknownKey(1)));
}
