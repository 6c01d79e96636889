//! Who may have a person's data shown, and who may have a person forgotten.

use crate::{Error, OrgId, Result, UserId, authorization::principal::Principal, identity::accounts::User};

/// An organization that has to do with a person: they are a member, use a service of it, or it manages their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// Which.
    pub org: OrgId,
    /// Whether whoever asks owns it.
    pub owned: bool,
}

/// The most organizations that somebody who is forgotten may have to do with: it happens in one transaction.
pub const MOST_CONCERNED: usize = 100;

/// Proof that the caller may see everything that is kept of this person.
#[derive(Clone, Copy, Debug)]
pub struct ExportScope<'f> {
    principal: &'f Principal,
    subject: UserId,
}

impl ExportScope<'_> {
    /// Whose data.
    pub const fn subject(self) -> UserId {
        self.subject
    }
    /// Whether they ask for themselves.
    pub fn is_own(self) -> bool {
        self.principal.is_user(self.subject)
    }
}

/// Everybody sees what is kept of themselves, platform owners of everybody. `NotFound` for others.
pub fn may_export(principal: &Principal, subject: UserId) -> Result<ExportScope<'_>> {
    // Who acts as somebody else may ask for it by the platform's ownership, which is told of.
    let person = principal.require_person()?;
    person.require_unconfined()?;
    if person.id == subject || principal.is_operator() {
        return Ok(ExportScope { principal, subject });
    }
    Err(Error::not_found("user"))
}

/// Proof that the caller may have this person forgotten in all organizations that have to do with them.
#[derive(Clone, Copy, Debug)]
pub struct ForgetScope<'f> {
    subject: &'f User,
    concerned: &'f [Concerned],
}

impl<'f> ForgetScope<'f> {
    /// Who is forgotten.
    pub const fn subject(self) -> &'f User {
        self.subject
    }
    /// Every organization that has to do with them.
    pub const fn concerned(self) -> &'f [Concerned] {
        self.concerned
    }
}

/// Platform owners may have everybody forgotten but platform owners; the owner of *every* organization that has to do with a person may,
/// if there is one. `NotFound` for whoever owns none of them, as if there were no such account.
pub fn may_forget<'f>(principal: &Principal, subject: &'f User, concerned: &'f [Concerned]) -> Result<ForgetScope<'f>> {
    principal.require_person()?.require_unconfined()?;
    let owned = concerned.iter().filter(|one| one.owned).count();
    if !principal.is_operator() {
        if owned == 0 || subject.deleted_at.is_some() {
            return Err(Error::not_found("user"));
        }
        if owned < concerned.len() {
            let text =
                "Other organizations have to do with this person as well. Remove them from yours, or ask a platform owner.";
            return Err(Error::forbidden("owner_of_all_required", text));
        }
    }
    if subject.deleted_at.is_some() {
        return Err(Error::not_found("user"));
    }
    if subject.is_platform_owner {
        return Err(Error::forbidden("platform_owner", "A platform owner is not forgotten. Take the ownership from them first."));
    }
    if principal.is_user(subject.id) {
        return Err(Error::forbidden("own_account", "Nobody has themselves forgotten. Ask a platform owner."));
    }
    if concerned.len() > MOST_CONCERNED {
        let text = format!("More than {MOST_CONCERNED} organizations have to do with this person. Remove them from some first.");
        return Err(Error::conflict("too_many_organizations", text));
    }
    Ok(ForgetScope { subject, concerned })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        PLATFORM, Time,
        core::value::Email,
        identity::{
            accounts::Person,
            authentications::Authentications,
            impersonation::{Impersonation, ImpersonationId},
            sessions::SessionCredential,
        },
    };

    fn id(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn email() -> Email {
        "ann@example.com".parse().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the decision is what is tested")]
    fn person(n: u128, operator: bool) -> Person {
        let session = SessionCredential {
            user: id(n),
            session: crate::SessionId::new(Uuid::from_u128(8)),
            grant: crate::GrantId::new(Uuid::from_u128(9)),
            from: None,
        };
        Person::signed_in(&session, email(), PLATFORM, true, operator, Authentications::stored(None))
    }

    #[expect(clippy::disallowed_methods, reason = "the decision is what is tested")]
    fn acting(n: u128) -> Principal {
        let by =
            Impersonation { id: ImpersonationId::new(Uuid::from_u128(7)), operator: id(99), operator_email: email(), org: None };
        Principal::Person(person(n, false).impersonated(by))
    }

    fn subject(n: u128, owner: bool, closed: bool) -> User {
        let at: Time = "2026-11-29T00:00:00Z".parse().unwrap();
        User {
            id: id(n),
            realm: PLATFORM,
            email: email(),
            is_platform_owner: owner,
            email_verified_at: Some(at),
            created_at: at,
            updated_at: at,
            deleted_at: closed.then_some(at),
        }
    }

    fn concerned(owned: &[bool]) -> Vec<Concerned> {
        owned.iter().map(|owned| Concerned { org: OrgId::new(Uuid::from_u128(3)), owned: *owned }).collect()
    }

    #[test]
    fn who_may_have_whom_forgotten() {
        let (ann, operator) = (Principal::Person(person(1, false)), Principal::Person(person(2, true)));
        let job = Principal::Job("test");
        let bob = subject(5, false, false);
        type Case<'a> = (&'a str, &'a Principal, &'a User, &'a [bool], Result<(), &'a str>);
        let cases: &[Case<'_>] = &[
            ("the owner of the only one", &ann, &bob, &[true], Ok(())),
            ("the owner of all", &ann, &bob, &[true, true], Ok(())),
            ("the owner of some", &ann, &bob, &[true, false], Err("owner_of_all_required")),
            ("the owner of none", &ann, &bob, &[false], Err("not_found")),
            ("nobody's concern", &ann, &bob, &[], Err("not_found")),
            ("a platform owner", &operator, &bob, &[false, false], Ok(())),
            ("a platform owner, whom nothing concerns", &operator, &bob, &[], Ok(())),
            ("too many at once", &operator, &bob, &[false; MOST_CONCERNED + 1], Err("too_many_organizations")),
            ("as many as can be", &operator, &bob, &[false; MOST_CONCERNED], Ok(())),
            ("a platform owner is protected", &operator, &subject(5, true, false), &[], Err("platform_owner")),
            ("also from owners", &ann, &subject(5, true, false), &[true], Err("platform_owner")),
            ("forgotten already", &operator, &subject(5, false, true), &[], Err("not_found")),
            ("forgotten already, for an owner", &ann, &subject(5, false, true), &[true], Err("not_found")),
            ("oneself", &ann, &subject(1, false, false), &[true], Err("own_account")),
            ("as somebody else", &acting(1), &bob, &[true], Err("impersonated")),
            ("a program", &job, &bob, &[true], Err("person_required")),
        ];
        for (what, principal, subject, owned, expected) in cases {
            let concerned = concerned(owned);
            let decided = may_forget(principal, subject, &concerned).map(|_| ()).map_err(|e| e.code);
            assert_eq!(decided, *expected, "{what}");
        }
    }

    #[test]
    fn who_may_see_what_is_kept_of_whom() {
        let (ann, operator) = (Principal::Person(person(1, false)), Principal::Person(person(2, true)));
        let code = |principal: &Principal, n| may_export(principal, id(n)).map(|_| ()).map_err(|e| e.code);
        assert_eq!((code(&ann, 1), code(&ann, 5)), (Ok(()), Err("not_found")));
        assert_eq!((code(&operator, 2), code(&operator, 5)), (Ok(()), Ok(())));
        assert_eq!((code(&acting(1), 1), code(&Principal::Job("test"), 1)), (Err("impersonated"), Err("person_required")));
        assert!(may_export(&ann, id(1)).unwrap().is_own() && !may_export(&operator, id(1)).unwrap().is_own());
    }
}
