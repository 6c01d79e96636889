use std::collections::BTreeSet;

use super::*;

fn name_id(value: &str) -> NameId {
    NameId { value: value.to_owned(), format: None, name_qualifier: None, sp_name_qualifier: None }
}

#[test]
fn a_key_names_one_identifier_and_no_other() {
    let key = |name: &NameId| name.key("https://idp.test", "https://sp.test");
    let plain = name_id("ann");
    let with = |change: &dyn Fn(&mut NameId)| {
        let mut name = plain.clone();
        change(&mut name);
        key(&name)
    };
    let others = [
        key(&name_id("Ann")),
        key(&name_id("ann ")),
        key(&name_id("\",null,null,\"ann")),
        with(&|name| name.format = Some(TRANSIENT.to_owned())),
        with(&|name| name.name_qualifier = Some("https://other.test".to_owned())),
        with(&|name| name.sp_name_qualifier = Some("https://other.test".to_owned())),
        // What is the provider's name in the one place says nothing in the other.
        with(&|name| name.name_qualifier = Some("https://sp.test".to_owned())),
        with(&|name| name.sp_name_qualifier = Some("https://idp.test".to_owned())),
    ];
    let all: BTreeSet<_> = others.iter().cloned().chain([key(&plain)]).collect();
    assert_eq!(all.len(), others.len() + 1);
    assert_eq!(with(&|name| name.format = Some(UNSPECIFIED.to_owned())), key(&plain));
    assert_eq!(with(&|name| name.name_qualifier = Some("https://idp.test".to_owned())), key(&plain));
    assert_eq!(with(&|name| name.sp_name_qualifier = Some("https://sp.test".to_owned())), key(&plain));
}

#[test]
fn codes_are_distinct_and_hints_are_there() {
    let codes: BTreeSet<_> = Check::ALL.iter().map(|check| check.as_str()).collect();
    assert_eq!(codes.len(), Check::ALL.len());
    for check in Check::ALL {
        assert!(check.hint().ends_with('.') || check.hint().ends_with(')'), "{check:?}");
        assert!(check.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{check:?}");
    }
}

/// T10: whatever could mean something in a URL or a page is no relay state.
#[test]
fn t10_relay_state_is_of_unreserved_characters() {
    assert!("AZaz09-._~".parse::<RelayState>().is_ok());
    for bad in ["", "a b", "a+b", "a%20", "\"><script>", "javascript:alert(1)", "a\r\nb", "ä", "a&b", "a=b", &"x".repeat(81)] {
        assert!(bad.parse::<RelayState>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_message_id_is_an_ncname_of_160_bits() {
    let id = MessageId::new([0xab; 32]);
    assert_eq!(id.as_str(), format!("_{}", "ab".repeat(20)));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", SpKey::new(vec![1, 2, 3], vec![4])), "SpKey(…)");
}
