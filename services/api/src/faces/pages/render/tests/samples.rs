//! Every page, in all its states, with the same value wherever a value of somebody else's can be.

use crate::faces::pages::{
    page::{
        AccountDone, AccountFacts, Action, AppKey, Back, Choice, CodeProblem, ConsentFacts, DeviceFacts, Done, ErrorKind,
        FactorKind, IdentifyProblem, LinkFacts, OwnPasskey, OwnSession, Page, PasswordProblem, Problem, Provider, SignedInBy,
        TrialCheck, TrialFacts, TrialOutcome, Trouble, TroubleKind,
    },
    qr,
    safe_url::SafeUrl,
};

/// Where `value` leads, if it may lead anywhere; else somewhere harmless, with it in the query.
fn url(value: &str) -> SafeUrl {
    let query = format!("https://app.example/cb?x={value}");
    SafeUrl::parse(value).or_else(|| SafeUrl::parse(&query)).unwrap_or_else(|| SafeUrl::own("/"))
}

fn problem(code: &str, message: &str) -> Option<Problem> {
    Some(Problem { code: code.to_owned(), message: message.to_owned() })
}

pub(super) fn pages(value: &str) -> Vec<Page> {
    [
        flow(value),
        factors(value),
        accounts(value),
        consents(value),
        links(value),
        trials(value),
        devices(value),
        errors(value),
        ends(value),
        mailed(value),
    ]
    .concat()
}

fn providers(value: &str, some: bool) -> Vec<Provider> {
    let all = [value, "okta"].map(|name| Provider { name: name.to_owned(), slug: name.to_owned() });
    if some { all.into() } else { Vec::new() }
}

fn trouble(value: &str, kind: TroubleKind) -> Trouble {
    Trouble { kind, reference: value.to_owned() }
}

fn flow(value: &str) -> Vec<Page> {
    let action = || Action::new("/signin/7Qm2", value);
    let (email, other) = (value.to_owned(), || url(value));
    let mut pages = Vec::new();
    for bad in [None, Some(IdentifyProblem::Missing), Some(IdentifyProblem::Malformed)] {
        let (providers, trouble) = (providers(value, bad.is_some()), bad.map(|_| trouble(value, TroubleKind::Other)));
        pages.push(Page::Identify { action: action(), email: email.clone(), bad, passkey: bad.is_none(), providers, trouble });
        pages.push(Page::ResetRequest { action: action(), email: email.clone(), bad, back: bad.map(|_| other()) });
    }
    let refused = PasswordProblem::Other(Problem { code: "new_code".to_owned(), message: value.to_owned() });
    let all =
        [PasswordProblem::Missing, PasswordProblem::Wrong, PasswordProblem::OtherWay, PasswordProblem::Throttled(60), refused];
    for bad in [None].into_iter().chain(all.into_iter().map(Some)) {
        let reset = bad.as_ref().map(|_| other());
        let (providers, trouble) = (providers(value, bad.is_none()), bad.as_ref().map(|_| trouble(value, TroubleKind::Full)));
        let (action, email) = (action(), email.clone());
        let (proves, provider) = (Action::new("/signin/7Qm2", value), value.to_owned());
        pages.push(Page::Prove {
            action: proves,
            email: email.clone(),
            provider,
            bad: bad.clone(),
            mail: bad.is_some(),
            reset: other(),
            other: other(),
        });
        let passkey = bad.is_some();
        pages.push(Page::Password { action, email, bad, reset, other: other(), passkey, mail: !passkey, providers, trouble });
    }
    for kind in [TroubleKind::NoAccount, TroubleKind::Removed, TroubleKind::Full, TroubleKind::Other] {
        let (providers, trouble) = (providers(value, true), Some(trouble(value, kind)));
        pages.push(Page::Connections { action: action(), email: email.clone(), providers, trouble, other: other() });
    }
    let providers = providers(value, true);
    pages.push(Page::Connections { action: action(), email: String::new(), providers, trouble: None, other: other() });
    for name in [value, "acme"] {
        let choices = vec![
            Choice { name: value.to_owned(), slug: "acme".to_owned() },
            Choice { name: name.to_owned(), slug: name.to_owned() },
        ];
        pages.push(Page::Organizations { action: action(), email: email.clone(), choices, other: other() });
    }
    pages
}

fn factors(value: &str) -> Vec<Page> {
    let all = [CodeProblem::Missing, CodeProblem::Wrong, CodeProblem::Throttled(3600)];
    let bads = || [None].into_iter().chain(all.clone().into_iter().map(Some));
    let page = |kind, bad| Page::SecondFactor {
        action: Action::new("/signin/7Qm2", value),
        email: value.to_owned(),
        kind,
        passkey: !matches!(kind, FactorKind::Mail),
        bad,
        other: url(value),
    };
    let passkey =
        |options: Option<&str>| Page::Passkey { action: Action::new("/signin/7Qm2", value), options: options.map(str::to_owned) };
    let passkeys = [passkey(Some(value)), passkey(None), page(FactorKind::Passkey, None)];
    [FactorKind::App, FactorKind::Mail]
        .into_iter()
        .flat_map(|kind| bads().map(move |bad| page(kind, bad)))
        .chain(bads().map(|bad| Page::MailCode {
            action: Action::new("/signin/7Qm2", value),
            email: value.to_owned(),
            bad,
            other: url(value),
        }))
        .chain(mailed_sign_ins(value))
        .chain(passkeys)
        .chain(enrolments(value))
        .collect()
}

fn mailed_sign_ins(value: &str) -> Vec<Page> {
    let text = || value.to_owned();
    let page = |here: bool| Page::MailedSignIn {
        action: here.then(|| Action::new("/signin/7Qm2", value)),
        code: text(),
        asked: DeviceFacts {
            application: text(),
            organization: here.then(text),
            address: here.then(text),
            program: here.then(text),
            since: text(),
        },
    };
    vec![page(true), page(false)]
}

fn enrolments(value: &str) -> Vec<Page> {
    let (text, action) = (|| value.to_owned(), || Action::new("/signin/7Qm2", value));
    let url = || url(value);
    let which = |passkey, failed| Page::Enrol { action: action(), email: text(), passkey, failed, other: url() };
    let picture =
        || qr::picture("otpauth://totp/Tenantry:ann@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Tenantry");
    let app = |picture, bad: Option<CodeProblem>| {
        let key = AppKey { picture, text: text() };
        let own = bad.is_some();
        Page::EnrolApp { action: action(), email: text(), key, bad, own, back: url() }
    };
    let made = |name: Option<String>| Page::EnrolPasskey {
        action: action(),
        email: text(),
        challenge: text(),
        options: text(),
        name,
        back: url(),
    };
    vec![
        which(true, false),
        which(false, true),
        app(picture(), None),
        app(None, Some(CodeProblem::Missing)),
        app(picture(), Some(CodeProblem::Wrong)),
        app(picture(), Some(CodeProblem::Throttled(90))),
        made(None),
        made(Some(text())),
        Page::RecoveryCodes { codes: vec![text(), text()], on: url() },
    ]
}

fn accounts(value: &str) -> Vec<Page> {
    let text = || value.to_owned();
    let session =
        |by, here: bool| OwnSession { id: text(), device: here.then(text), by, address: here.then(text), at: text(), here };
    let passkey = |used: bool| OwnPasskey { to: url(value), name: text(), added: text(), used: used.then(text) };
    let account = |full: bool, fresh| AccountFacts {
        form: "of-this-session".to_owned(),
        email: text(),
        fresh,
        offers_passkeys: full,
        passkeys: if full { vec![passkey(true), passkey(false)] } else { Vec::new() },
        app_since: full.then(text),
        codes: 1,
        sessions: match full {
            true => [SignedInBy::Password, SignedInBy::Passkey, SignedInBy::Connection, SignedInBy::Mail]
                .into_iter()
                .map(|by| session(by, by == SignedInBy::Password))
                .collect(),
            false => vec![session(SignedInBy::Password, true)],
        },
    };
    let shown = |full, fresh, done, problem| Page::Account {
        action: SafeUrl::own("/account"),
        account: account(full, fresh),
        done,
        problem,
    };
    let done = |name| AccountDone::named(name);
    let passkey = |bad| Page::AccountPasskey {
        rename: Action::new("/account", value),
        remove: Action::new("/account", value),
        id: text(),
        name: text(),
        bad,
        back: url(value),
    };
    let mut pages: Vec<_> = ["ended", "app_off", "passkey_added", "passkey_named", "passkey_removed", ""]
        .into_iter()
        .map(|name| shown(true, true, done(name), None))
        .collect();
    pages.extend([
        shown(false, false, None, None),
        shown(true, false, None, problem("last_own_factor", value)),
        shown(true, true, None, problem("new_code", value)),
        Page::AccountElsewhere { action: Action::new("/account", value) },
        passkey(None),
        passkey(problem("missing", value)),
    ]);
    pages
}

fn devices(value: &str) -> Vec<Page> {
    let text = || value.to_owned();
    let all = [CodeProblem::Missing, CodeProblem::Wrong, CodeProblem::Throttled(60)];
    let typed = |bad| Page::Device { action: Action::new("/device", value), bad };
    let facts = |known: bool| DeviceFacts {
        application: text(),
        organization: known.then(text),
        address: known.then(text),
        program: known.then(text),
        since: text(),
    };
    let asked = |known| Page::DeviceAsk {
        action: Action::new("/signin/7Qm2/device", value),
        email: text(),
        device: facts(known),
        other: url(value),
    };
    let ends = [true, false].map(|approved| Page::DeviceDone { approved });
    let typed = [None].into_iter().chain(all.into_iter().map(Some)).map(typed);
    typed.chain([asked(true), asked(false)]).chain(ends).collect()
}

fn consents(value: &str) -> Vec<Page> {
    let text = || value.to_owned();
    let asked = |stays, own| Page::Consent {
        action: Action::new("/signin/7Qm2", value),
        email: text(),
        asked: ConsentFacts { application: text(), organization: text(), stays, own },
        other: url(value),
    };
    vec![asked(false, vec![]), asked(true, vec![text(), text()])]
}

fn links(value: &str) -> Vec<Page> {
    let text = || value.to_owned();
    let page = |is_named, address, trouble| Page::Link {
        action: Action::new("/signin/7Qm2/link", value),
        email: text(),
        link: LinkFacts { provider: text(), organization: text(), is_named, subject: text(), address },
        trouble,
    };
    let taken = trouble(value, TroubleKind::Taken);
    vec![page(false, None, None), page(false, None, Some(taken)), page(true, None, None), page(true, Some(text()), None)]
}

fn trials(value: &str) -> Vec<Page> {
    let text = || value.to_owned();
    let page = |result| Page::Trial {
        action: Action::new("/signin/7Qm2/trial", "trial"),
        trial: TrialFacts { provider: text(), organization: text(), result },
    };
    let check = |verdict, hint| TrialCheck { name: "audience", verdict, found: Some(text()), hint };
    let checks = || vec![check("passed", None), check("failed", Some("Do this.")), check("skipped", None)];
    let failed = |stage, detail, checks| {
        let passed = vec!["connection", "answer", "tokens", "id_token", "userinfo", "assertion", "claims", "account"];
        Some(TrialOutcome::Failed { passed, stage, hint: "Do that.", detail, checks, reference: text() })
    };
    let named = |address, groups: Option<Vec<String>>, more, would| {
        let vouched = more > 0;
        Some(TrialOutcome::Named { subject: text(), address, vouched, groups, more, multi_factor: vouched, would })
    };
    let mut pages = vec![page(None), page(failed("entry", None, vec![])), page(failed("claims", Some(text()), checks()))];
    for would in ["sign_in", "prove", "link", "admit", "create", "refuse"] {
        pages.push(page(named(None, None, 0, would)));
        pages.push(page(named(Some(text()), Some(vec![text(), text()]), 3, would)));
    }
    pages
}

fn errors(value: &str) -> Vec<Page> {
    let kinds = [
        ErrorKind::BadRequest(value.to_owned()),
        ErrorKind::UnknownClient,
        ErrorKind::BadRedirect,
        ErrorKind::FlowExpired,
        ErrorKind::OtherBrowser,
        ErrorKind::NoAccess { organization: value.to_owned() },
        ErrorKind::AnotherAccount,
        ErrorKind::FactorMissing { organization: value.to_owned() },
        ErrorKind::NotThere,
        ErrorKind::NotActive,
        ErrorKind::NetworkNotAllowed,
        ErrorKind::RiskBlocked,
        ErrorKind::AccountHasNone,
        ErrorKind::TooMany(0),
        ErrorKind::TooMany(121),
        ErrorKind::Unavailable,
        ErrorKind::WrongOrigin,
    ];
    let back = || Some(Back { to: url(value), name: value.to_owned() });
    let bare = kinds.clone().map(|kind| Page::Error {
        kind,
        reference: None,
        back: None,
        other: Some(SafeUrl::own("/signin/7Qm2?somebody_else=1")),
    });
    bare.into_iter()
        .chain(kinds.map(|kind| Page::Error { kind, reference: Some(value.to_owned()), back: back(), other: None }))
        .collect()
}

fn ends(value: &str) -> Vec<Page> {
    let fields = || vec![(value.to_owned(), value.to_owned()), ("code".to_owned(), value.to_owned())];
    vec![
        Page::Leaving { to: url(value), application: value.to_owned(), fields: Vec::new() },
        Page::Leaving { to: url(value), application: value.to_owned(), fields: vec![(value.to_owned(), value.to_owned())] },
        Page::SignOut { action: Action::new("/oidc/logout", value), email: value.to_owned(), fields: fields() },
        Page::SignedOut { back: None },
        Page::SignedOut { back: Some(Back { to: url(value), name: value.to_owned() }) },
        Page::FormPost { to: url(value), fields: fields(), application: None },
        Page::FormPost { to: url(value), fields: fields(), application: Some(value.to_owned()) },
        Page::ResetSent { email: value.to_owned(), back: None },
        Page::ResetSent { email: value.to_owned(), back: Some(url(value)) },
    ]
}

fn mailed(value: &str) -> Vec<Page> {
    let token = || value.to_owned();
    let setup = |bad_email, bad_password| Page::Setup { token: token(), email: value.to_owned(), bad_email, bad_password };
    let mut pages = vec![
        Page::VerifyEmail { token: token(), bad: None },
        Page::VerifyEmail { token: token(), bad: problem("wrong", value) },
        Page::ChangeEmail { token: token() },
        Page::NewPassword { token: token(), bad: None },
        Page::NewPassword { token: token(), bad: problem("too_common", value) },
        Page::NewPassword { token: token(), bad: problem(value, value) },
        setup(None, None),
        setup(problem("bad_format", value), problem("too_short", value)),
        setup(None, problem("too_short", value)),
        Page::MagicLink { token: token(), to: None },
        Page::MagicLink { token: token(), to: Some(url(value)) },
        Page::Invitation { token: token() },
        Page::DeadLink,
        Page::Failed { problem: Problem { code: "new_code".to_owned(), message: value.to_owned() } },
        Page::Failed { problem: Problem { code: "email_taken".to_owned(), message: value.to_owned() } },
    ];
    let done = [Done::EmailVerified, Done::EmailChanged, Done::PasswordSet, Done::PlatformOwned, Done::Linked, Done::NotLinked];
    pages.extend(done.map(|kind| Page::Done { kind }));
    pages
}
