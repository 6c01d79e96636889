//! How the people of an organization have to sign in, and who would get in.

use std::net::IpAddr;

use domain::{
    Error, Event, OrgId, PLATFORM, Result,
    authorization::{
        policy::{OrgScope, Read, Write, decide},
        resource::SignInRules,
    },
    core::value::{Email, Slug},
    identity::{
        authentications::{Authentication, Authentications, Method},
        entry::{self, Entering, Entry, SignInPolicy, SignInPolicyChanges},
    },
    tenancy::roles::RoleName,
};
use store::{Change, NoEvent, WriteTx};

use crate::{App, Call, Caller};

/// Somebody who might come.
pub struct Simulated {
    /// Their address.
    pub email: Email,
    /// What their session would have done, each so many seconds ago.
    pub did: Vec<(Method, i64)>,
    /// From where; `None`: from where the caller is.
    pub from: Option<IpAddr>,
}

/// What would become of it.
pub enum Simulation {
    /// No member signs in with that address.
    NotAMember,
    /// What the policy says about the member who has this role.
    Judged(RoleName, Entry),
}

impl App {
    /// How the organization's people have to sign in.
    pub async fn sign_in_policy(&self, c: &Caller, slug: &Slug) -> Result<SignInPolicy> {
        let standing = self.standing(c, slug).await?;
        self.store.sign_in_policy(decide(&standing)?).await
    }

    /// Changes some of it. `Conflict` (`keeps_you_out`) where the caller could not come back from where they are.
    pub async fn update_sign_in_policy(&self, c: &Caller, slug: &Slug, changes: &SignInPolicyChanges) -> Result<SignInPolicy> {
        self.in_org::<SignInRules, _>(c, slug, async |tx, scope| {
            let old = tx.lock_sign_in_policy(scope).await?;
            let new = old.changed(changes);
            if new == old {
                return Ok(Change::silent(new, NoEvent::Unchanged));
            }
            keeps_its_author(scope, &new, &c.call)?;
            keeps_an_own_way(tx, scope, (&old, &new)).await?;
            keeps_a_way_in(tx, scope, (&old, &new)).await?;
            tx.put_sign_in_policy(scope, &new).await?;
            let event = updated(scope.org(), &new);
            Ok(Change::new(new, scope.org(), event))
        })
        .await
    }

    /// Would this person get in? Nothing is changed, and nobody signs in.
    pub async fn simulate_sign_in(&self, c: &Caller, slug: &Slug, who: &Simulated) -> Result<Simulation> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, SignInRules, Read> = decide(&standing)?;
        let Some((user, role)) = self.store.member_with_address(scope, &who.email).await? else {
            return Ok(Simulation::NotAMember);
        };
        let policy = self.store.sign_in_policy(scope).await?;
        let now = c.call.now;
        let done = |(method, ago): &(Method, i64)| Authentication { method: *method, at: now.timestamp() - ago, through: None };
        let mut done: Vec<_> = who.did.iter().map(done).collect();
        // In the order in which it was done: of the same moment the password first.
        done.sort_by_key(|one| (one.at, !one.method.is_first()));
        let did = done.into_iter().fold(Authentications::default(), Authentications::and);
        let (is_owner, from) = (role == RoleName::Owner, who.from.or_else(|| c.call.origin.address()));
        let entry = entry::judge(&policy, &Entering { user, is_owner, did: &did, from, now });
        Ok(Simulation::Judged(role, entry))
    }
}

/// Nobody shuts themselves out. What they can make up for by signing in again does not: else nobody could ever ask for more than their own
/// session did.
fn keeps_its_author(scope: OrgScope<'_, SignInRules, Write>, policy: &SignInPolicy, call: &Call) -> Result<()> {
    let person = scope.require_person()?;
    let is_owner = scope.authority().is_owner();
    let author = Entering { user: person.id, is_owner, did: &person.did, from: person.from, now: call.now };
    if person.is_platform_owner || !entry::judge(policy, &author).is_final() {
        return Ok(());
    }
    Err(Error::conflict("keeps_you_out", "You could not come back from where you are: name your own network as well."))
}

/// Nobody whose account the organization manages takes from themselves the last way into it; every other account can add one elsewhere.
async fn keeps_an_own_way(
    tx: &WriteTx,
    scope: OrgScope<'_, SignInRules, Write>,
    (old, new): (&SignInPolicy, &SignInPolicy),
) -> Result<()> {
    let person = scope.require_person()?;
    let through = person.did.iter().any(|one| one.through.is_some_and(|through| new.lists(&through)));
    if old.methods == new.methods || person.realm == PLATFORM || through {
        return Ok(());
    }
    let (password, passkey) = tx.own_ways(person.id).await?;
    let counts = new.methods;
    if counts.mail || counts.password && password || counts.passkey && passkey {
        return Ok(());
    }
    Err(Error::conflict("keeps_you_out", "You have none of these yourself: add one first, or name what you have as well."))
}

/// Whoever has to come through a connection has one; and for the day its provider is away, owners may come without, with two factors of their own.
async fn keeps_a_way_in(
    tx: &WriteTx,
    scope: OrgScope<'_, SignInRules, Write>,
    (old, new): (&SignInPolicy, &SignInPolicy),
) -> Result<()> {
    if old.break_glass != new.break_glass && !scope.authority().is_owner() {
        return Err(Error::forbidden("owners_only", "Only an owner says who may come without the identity provider."));
    }
    let owners = tx.owners_with_factor(scope).await?;
    if new.break_glass.iter().any(|user| !owners.contains(user)) {
        let rule = "Name owners who have an authenticator app or a passkey.";
        return Err(Error::field("break_glass", "not_an_owner", rule));
    }
    match new.sso_required {
        true if new.connections.is_empty() => {
            Err(Error::field("sso", "no_connection", "There is no enabled connection through which people could come."))
        }
        true if new.break_glass.is_empty() => {
            let rule = "Name an owner with an authenticator app or a passkey in `break_glass`, for the day the identity provider is away.";
            Err(Error::field("break_glass", "required", rule))
        }
        _ => Ok(()),
    }
}

fn updated(organization_id: OrgId, policy: &SignInPolicy) -> Event {
    Event::SignInPolicyUpdated {
        organization_id,
        methods: policy.methods.names().collect(),
        mfa: policy.mfa.as_str(),
        max_age_seconds: policy.max_age.map(i64::from),
        networks: policy.networks.texts().collect(),
        sso: if policy.sso_required { "required" } else { "optional" },
        break_glass: policy.break_glass.clone(),
        mfa_trusts_connection: policy.mfa_trusts_connection,
    }
}
