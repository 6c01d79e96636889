use chrono::TimeDelta;

use super::*;

fn now() -> Time {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn domain(kind: DomainKind) -> Domain {
    let org = OrgId::new(Uuid::from_u128(1));
    Domain::claimed(org, kind, "auth.acme.com".parse().unwrap(), Uuid::from_u128(2), (Uuid::from_u128(3), now()))
}

#[test]
fn a_name_is_what_the_dns_knows() {
    for (written, name) in [
        ("auth.acme.com", "auth.acme.com"),
        (" Auth.ACME.com. ", "auth.acme.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("a-b.c3.example", "a-b.c3.example"),
    ] {
        assert_eq!(written.parse::<DomainName>().unwrap().as_str(), name);
    }
    let long = format!("{}.example", ["a"; 100].join("."));
    for no_name in [
        "",
        ".",
        "localhost",
        "com",
        "127.0.0.1",
        "0x7f.1",
        "[::1]",
        "::1",
        "2130706433",
        "https://auth.acme.com",
        "auth.acme.com/x",
        "auth.acme.com:443",
        "ann@acme.com",
        "-auth.acme.com",
        "auth-.acme.com",
        "au_th.acme.com",
        "*.acme.com",
        "auth..acme.com",
        "auth acme.com",
        "%61uth.acme.com",
        "xn--.example",
        &long,
    ] {
        assert!(no_name.parse::<DomainName>().is_err(), "{no_name}");
    }
}

#[test]
fn what_lies_within_a_name_ends_with_its_labels() {
    let name = |text: &str| text.parse::<DomainName>().unwrap();
    for (inner, outer, within) in [
        ("sso.example.com", "sso.example.com", true),
        ("a.sso.example.com", "sso.example.com", true),
        ("asso.example.com", "sso.example.com", false),
        ("example.com", "sso.example.com", false),
    ] {
        assert_eq!(name(inner).is_within(outer), within, "{inner} {outer}");
    }
    assert!(name("gmail.com").is_public_mail() && name("mail.gmx.de").is_public_mail());
    assert!(!name("acme.com").is_public_mail() && !name("notgmail.com").is_public_mail());
}

#[test]
fn each_organization_proves_a_sign_in_domain_by_itself() {
    let host = domain(DomainKind::Host).challenge();
    assert_eq!((host.record.as_str(), host.by_file), ("_sso-verification.auth.acme.com", true));
    assert_eq!(host.token, "00000000-0000-0000-0000-000000000002");
    assert_eq!(host.file(), "http://auth.acme.com/.well-known/sso-verification.txt");
    let sign_in = domain(DomainKind::SignIn).challenge();
    assert_eq!(sign_in.record, "_sso-verification-00000000000000000000000000000001.auth.acme.com");
    assert!(!sign_in.by_file);
}

#[test]
fn a_proof_that_is_missing_for_a_week_lapses() {
    let (mut domain, mut at) = (domain(DomainKind::Host), now());
    domain.prove(Proof::Http, at);
    let mut day = |domain: &mut Domain, proof| {
        at += TimeDelta::days(1);
        assert_eq!(domain.next_check_at, Some(at), "every day");
        domain.check(proof, at)
    };
    assert_eq!(day(&mut domain, Some(Proof::Dns)), Checked::Fine);
    assert_eq!(domain.proven, Some((Proof::Dns, now())), "since it was first proven");
    assert_eq!(day(&mut domain, None), Checked::Failing { told: true });
    assert_eq!(domain.failing.map(Failing::lapses_at), Some(now() + TimeDelta::days(9)));
    assert_eq!(day(&mut domain, Some(Proof::Dns)), Checked::Recovered);
    assert_eq!(domain.failing, None);
    let told: Vec<_> = (0..7).map(|_| day(&mut domain, None)).collect();
    let expected = [true, false, false, false, true, false, true].map(|told| Checked::Failing { told });
    assert_eq!((told, domain.is_verified()), (expected.to_vec(), true));
    assert_eq!(day(&mut domain, None), Checked::Lapsed);
    assert_eq!((domain.proven, domain.failing, domain.next_check_at), (None, None, None));
}

#[test]
fn whoever_asks_is_told_what_is_missing() {
    let challenge = domain(DomainKind::Host).challenge();
    let told = |record, file| Finding::Missing { record, file }.told(&challenge);
    assert!(told(Miss::Absent, None).contains("no TXT record _sso-verification.auth.acme.com"));
    assert!(told(Miss::Different, Some(Miss::Different)).contains("answers with something else"));
    assert!(told(Miss::Unanswered, Some(Miss::Unanswered)).contains("could not be fetched"));
}
