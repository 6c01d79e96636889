use uuid::Uuid;

use super::*;

fn account(n: u128) -> Account {
    let user = UserId::new(Uuid::from_u128(n));
    Account { user, managed: false, closed: false, member: true, holds: false, operates: false, removed: false, guest: false }
}

const PROVEN: Routed = Routed::Here { proven: true };

/// A stranger whose address nobody here has; what the cases change.
fn stranger(email: &Email) -> Situation<'_> {
    Situation {
        known: None,
        email: Some(email),
        vouched: true,
        ambiguous: false,
        at_address: None,
        routed: PROVEN,
        jit: true,
        invited: false,
        removed: false,
        takes_sign_ups: false,
    }
}

fn known(account: Account) -> Option<Known> {
    Some(Known { account, blocked: false, reprove: false })
}

#[test]
fn the_table() {
    let email: Email = "ann@acme.example".parse().expect("an address");
    let of = || stranger(&email);
    let open = || Situation { takes_sign_ups: true, ..of() };
    let ann = account(1);
    let managed = Account { managed: true, ..ann };
    let gone = Account { member: false, ..managed };
    let user = Account { guest: true, ..gone };
    let closed = Account { closed: true, ..ann };
    let (known_ann, blocked) = (known(ann), |account| Some(Known { account, blocked: true, reprove: false }));
    let reprove = |account| Some(Known { account, blocked: false, reprove: true });
    let refuse = Decision::Refuse;
    let cases: &[(&str, Situation<'_>, Decision)] = &[
        ("3: removed", Situation { known: blocked(gone), ..of() }, refuse(Reason::AccessRemoved)),
        (
            "3: removed, and invited",
            Situation { known: blocked(gone), invited: true, jit: false, ..of() },
            Decision::Admit(ann.user),
        ),
        (
            "3: invited, and not proven",
            Situation { known: blocked(gone), invited: true, vouched: false, ..of() },
            refuse(Reason::AccessRemoved),
        ),
        (
            "3: a new identity for a removed account",
            Situation { at_address: Some(Account { removed: true, ..gone }), ..of() },
            refuse(Reason::AccessRemoved),
        ),
        ("3: removed without an identity", Situation { removed: true, ..of() }, refuse(Reason::AccessRemoved)),
        ("3: the same, invited", Situation { removed: true, invited: true, ..of() }, Decision::Create),
        (
            "3: removed, and known by another connection",
            Situation { known: known(Account { removed: true, ..gone }), ..of() },
            refuse(Reason::AccessRemoved),
        ),
        ("4: closed", Situation { known: known(closed), ..of() }, refuse(Reason::AccountDeactivated)),
        (
            "4: the address of a closed account",
            Situation { at_address: Some(Account { closed: true, ..managed }), ..of() },
            refuse(Reason::AccountDeactivated),
        ),
        ("5: somebody lesser changed the connection", Situation { known: reprove(ann), ..of() }, Decision::Prove(ann.user)),
        ("6: known", Situation { known: known_ann, jit: false, vouched: false, email: None, ..of() }, Decision::SignIn(ann.user)),
        ("7: known, no member, joins", Situation { known: known(gone), ..of() }, Decision::Admit(ann.user)),
        ("7: known, no member, does not", Situation { known: known(gone), jit: false, ..of() }, refuse(Reason::NoAccount)),
        ("12: a member who holds nothing, proven", Situation { at_address: Some(ann), ..of() }, Decision::Link(ann.user)),
        ("12: a managed one likewise", Situation { at_address: Some(managed), ..of() }, Decision::Link(ann.user)),
        (
            "13: a member who holds something",
            Situation { at_address: Some(Account { holds: true, ..ann }), ..of() },
            Decision::Prove(ann.user),
        ),
        ("13: not vouched for", Situation { at_address: Some(ann), vouched: false, ..of() }, Decision::Prove(ann.user)),
        (
            "13: the domain was not proven in the DNS",
            Situation { at_address: Some(ann), routed: Routed::Here { proven: false }, ..of() },
            Decision::Prove(ann.user),
        ),
        (
            "13: the domain is led nowhere",
            Situation { at_address: Some(ann), routed: Routed::Nowhere, ..of() },
            Decision::Prove(ann.user),
        ),
        (
            "13: whoever operates the platform is nobody's to speak for",
            Situation { at_address: Some(Account { operates: true, ..ann }), ..of() },
            refuse(Reason::NoAccount),
        ),
        (
            "14: a contractors' provider does not speak for employees",
            Situation { at_address: Some(ann), routed: Routed::Elsewhere, ..of() },
            refuse(Reason::EmailDomain),
        ),
        ("14: new", of(), Decision::Create),
        ("14: new, not vouched for, where anybody joins", Situation { vouched: false, ..of() }, Decision::Create),
        ("14: new, no domain is led anywhere", Situation { routed: Routed::Nowhere, ..of() }, Decision::Create),
        ("14: new, of another domain", Situation { routed: Routed::OthersHere, ..of() }, refuse(Reason::EmailDomain)),
        ("14: invited", Situation { jit: false, invited: true, ..of() }, Decision::Create),
        ("14: invited, not proven", Situation { jit: false, invited: true, vouched: false, ..of() }, refuse(Reason::NoAccount)),
        ("14: the organization's account for a service", Situation { at_address: Some(gone), ..of() }, Decision::Admit(ann.user)),
        ("14: the same, not proven", Situation { at_address: Some(gone), vouched: false, ..of() }, refuse(Reason::NoAccount)),
        ("14a: new, at a service that takes sign-ups", Situation { jit: false, ..open() }, Decision::SignUp),
        ("14a: membership goes before", open(), Decision::Create),
        ("14a: not vouched for", Situation { jit: false, vouched: false, ..open() }, Decision::SignUp),
        ("14a: invited", Situation { jit: false, invited: true, ..open() }, Decision::Create),
        ("14a: invited, and not proven", Situation { jit: false, invited: true, vouched: false, ..open() }, Decision::SignUp),
        (
            "14a: of a domain that is led elsewhere",
            Situation { jit: false, routed: Routed::Elsewhere, ..open() },
            refuse(Reason::EmailDomain),
        ),
        ("14a: of another domain", Situation { jit: false, routed: Routed::OthersHere, ..open() }, refuse(Reason::EmailDomain)),
        ("14a: no address", Situation { jit: false, email: None, ..open() }, refuse(Reason::EmailMissing)),
        ("14a: removed before", Situation { jit: false, removed: true, ..open() }, refuse(Reason::AccessRemoved)),
        (
            "14a: known, and removed from the organization",
            Situation { jit: false, known: blocked(gone), ..open() },
            refuse(Reason::AccessRemoved),
        ),
        ("6: known, who uses the service", Situation { jit: false, known: known(user), ..open() }, Decision::SignIn(ann.user)),
        (
            "6: the same, whatever is said of an address",
            Situation { jit: false, known: known(user), email: None, ..of() },
            Decision::SignIn(ann.user),
        ),
        ("7: the same, where everybody joins", Situation { known: known(user), ..open() }, Decision::Admit(ann.user)),
        (
            "12: the organization's account that uses the service, proven",
            Situation { jit: false, at_address: Some(user), ..of() },
            Decision::Link(ann.user),
        ),
        (
            "12: the same, not proven",
            Situation { jit: false, at_address: Some(user), vouched: false, ..open() },
            refuse(Reason::NoAccount),
        ),
        ("15: nobody joins", Situation { jit: false, ..of() }, refuse(Reason::NoAccount)),
        ("15: no address", Situation { email: None, ..of() }, refuse(Reason::EmailMissing)),
        ("15: several addresses", Situation { email: None, ambiguous: true, ..of() }, refuse(Reason::EmailAmbiguous)),
    ];
    for (name, situation, decision) in cases {
        assert_eq!(decide(situation), *decision, "{name}");
    }
}

#[test]
fn a_provider_that_vouches_for_nobody_links_nobody() {
    let email: Email = "ann@acme.example".parse().expect("an address");
    for routed in [PROVEN, Routed::Here { proven: false }, Routed::Elsewhere, Routed::Nowhere, Routed::OthersHere] {
        for holds in [false, true] {
            let at_address = Some(Account { holds, ..account(1) });
            let decided = decide(&Situation { vouched: false, at_address, routed, ..stranger(&email) });
            assert!(matches!(decided, Decision::Prove(_) | Decision::Refuse(_)), "{routed:?} {holds}: {decided:?}");
        }
    }
}
