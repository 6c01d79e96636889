//! Who came back from a provider is found here, linked, made or refused ([`linking::decide`]), and goes on as everybody does who signs in: the
//! organization's policy and those who judge risky sign-ins have their say. All of it is one transaction: who is refused was not made.

use crypto::opaque;
use domain::{
    Error, Event, Kind, OrgId, Result, ServiceId, UserId,
    core::value::{Email, Slug},
    identity::{
        accounts::User,
        authentications::Authentications,
        federation::{
            LASTS,
            asserted::{Address, Asserted},
            attempts::{AttemptId, Failure, Outcome, Reason, Stage},
            linking::{Decision, Known, Routed, Situation, decide},
        },
    },
    tenancy::organizations::{OrgStatus, OrganizationView},
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{
        federation::{
            Upstream,
            identities::{Candidate, IdentityKey},
            logins::UpstreamLogin,
        },
        flows::Trouble,
    },
    tenancy::invitations::LockedInvitation,
};

use super::{
    attempts::{attempt, in_trouble},
    done, identity_key,
    joining::{admit, begin, take_over},
    mapping::map_groups,
    saml_logout::remember,
};
use crate::{
    App, Call,
    identity::{
        accounts::new_user,
        flows::{Browser, Cookies, Loaded, Stop, Turn},
        login::{
            doors::{Admitted, Arrived, Door},
            entering::{Arriving, shown_by},
        },
        risk::{device::Shown, telling},
    },
};

/// Somebody whom a provider named.
struct Named<'a> {
    loaded: &'a Loaded,
    upstream: &'a Upstream,
    login: &'a UpstreamLogin,
    asserted: &'a Asserted,
    shown: &'a Shown,
    attempt: AttemptId,
    call: &'a Call,
}

/// Where that led.
enum Landing {
    /// To where every sign-in leads.
    In(Arrived),
    /// The flow goes on.
    GoesOn,
    /// Nowhere.
    Refused(Error),
}

/// Who may be meant.
struct Meant {
    known: Option<(User, Known)>,
    at_address: Option<Candidate>,
}

impl Meant {
    async fn find(tx: &WriteTx, key: &IdentityKey, (asserted, service): (&Asserted, Option<ServiceId>)) -> Result<Self> {
        let known = tx.known_identity(key, service).await?;
        let at_address = match (&known, asserted.address.email()) {
            (None, Some(email)) => tx.candidate_at(key.org, email, service).await?,
            _ => None,
        };
        Ok(Self { known, at_address })
    }
    fn user(&self) -> Option<&User> {
        let known = self.known.as_ref().map(|(user, _)| user);
        known.or_else(|| self.at_address.as_ref().map(|candidate| &candidate.user))
    }
    /// Whether they are a member.
    fn is_member(&self) -> bool {
        let known = self.known.as_ref().map(|(_, known)| known.account);
        known.or_else(|| self.at_address.as_ref().map(|candidate| candidate.facts)).is_some_and(|account| account.member)
    }
    /// The same while nobody else decides on whoever is meant.
    async fn held(tx: &WriteTx, key: &IdentityKey, of: (&Asserted, Option<ServiceId>)) -> Result<Self> {
        let found = Self::find(tx, key, of).await?;
        let Some(id) = found.user().map(|user| user.id) else { return Ok(found) };
        tx.hold_person(id).await?;
        let held = Self::find(tx, key, of).await?;
        if held.user().map(|user| user.id) == Some(id) { Ok(held) } else { Err(meanwhile()) }
    }
}

fn meanwhile() -> Error {
    Error::conflict("changed_meanwhile", "This account was changed meanwhile. Begin again at the application.")
}

impl App {
    /// Takes somebody in whom a provider named, as far as that goes.
    pub(super) async fn arrive(
        &self,
        call: &Call,
        browser: &Browser,
        (loaded, upstream, login): (Loaded, Upstream, UpstreamLogin),
        asserted: Asserted,
    ) -> Result<(Turn, Cookies)> {
        let shown = self.shown_device(browser.device.as_deref()).await?;
        let attempt = AttemptId::new(self.ids.uuid(call.now));
        let named =
            Named { loaded: &loaded, upstream: &upstream, login: &login, asserted: &asserted, shown: &shown, attempt, call };
        let (id, of) = (loaded.flow.id, (login.org, login.connection));
        let silent = |turn| Ok((turn, Cookies::default()));
        let failed = |stage, reason| (Failure::at(stage, reason), Some(&asserted));
        let mut landed = self.anonymously(call, async |tx| self.land(tx, &named).await).await;
        // Somebody was quicker: looked at again, they are found.
        for _ in 0..3 {
            if !matches!(&landed, Err(e) if e.code == "changed_meanwhile") {
                break;
            }
            landed = self.anonymously(call, async |tx| self.land(tx, &named).await).await;
        }
        match landed {
            Ok(Landing::In(arrived)) => Ok((Turn::Continue(id), arrived.cookies()?)),
            Ok(Landing::GoesOn) => silent(Turn::Continue(id)),
            Ok(Landing::Refused(e)) => silent(Turn::Stop(Stop::Refused(e))),
            Err(e) => match e.code {
                "seat_limit" => silent(self.failed_upstream(call, &loaded, of, failed(Stage::Account, Reason::SeatLimit)).await?),
                "identity_taken" => {
                    silent(self.failed_upstream(call, &loaded, of, failed(Stage::Account, Reason::IdentityTaken)).await?)
                }
                "service_user_limit" => {
                    silent(self.failed_upstream(call, &loaded, of, failed(Stage::Account, Reason::ServiceFull)).await?)
                }
                "risk_blocked" => {
                    self.failed_upstream(call, &loaded, of, failed(Stage::Entry, Reason::Risky)).await?;
                    silent(Turn::Stop(Stop::Refused(e)))
                }
                "flow_over" | "changed_meanwhile" => silent(Turn::Continue(id)),
                _ if e.kind == Kind::Forbidden => {
                    let turn = self.failed_upstream(call, &loaded, of, failed(Stage::Entry, Reason::PolicyRefused)).await?;
                    silent(if e.step_up.is_some() { turn } else { Turn::Stop(Stop::Refused(e)) })
                }
                _ => Err(e),
            },
        }
    }

    async fn land(&self, tx: &WriteTx, named: &Named<'_>) -> Result<Change<Landing>> {
        let &Named { login, asserted, .. } = named;
        let refuse = |stage, reason| self.refuse(tx, named, (stage, reason), None);
        if !tx.connection_counts(login.org, login.connection, login.generation).await? {
            return refuse(Stage::Connection, Reason::ConnectionChanged).await;
        }
        if !counts_once(tx, login, asserted).await? {
            return refuse(Stage::Assertion, Reason::Replayed).await;
        }
        match weigh(tx, (named.upstream, login), asserted, named.loaded.service()).await? {
            None => refuse(Stage::Connection, Reason::ConnectionDisabled).await,
            Some(weighed) => self.follow(tx, named, weighed).await,
        }
    }

    /// Does what was decided.
    async fn follow(
        &self,
        tx: &WriteTx,
        named: &Named<'_>,
        Weighed { organization, decision, invited, meant }: Weighed,
    ) -> Result<Change<Landing>> {
        let &Named { login, asserted, .. } = named;
        let (organization, invited) = (&organization, invited.as_ref());
        let (user, is_member) = (meant.user().cloned(), meant.is_member());
        match (decision, user) {
            (Decision::Refuse(reason), user) => self.refuse(tx, named, (Stage::Account, reason), user.map(|user| user.id)).await,
            (Decision::Prove(_), Some(user)) => self.ask_for_proof(tx, named, &user).await,
            (Decision::SignIn(_), Some(user)) => {
                tx.link_identity(&identity_key(login, asserted), asserted, &user).await?;
                self.go_in(tx, named, (&user, is_member), Vec::new()).await
            }
            (Decision::Link(_), Some(user)) => {
                let told = take_over(tx, (login, asserted), &user).await?;
                self.go_in(tx, named, (&user, is_member), told).await
            }
            (Decision::Admit(_), Some(user)) => {
                let mut told = admit(tx, organization, invited, &user).await?;
                told.extend(take_over(tx, (login, asserted), &user).await?);
                self.go_in(tx, named, (&user, true), told).await
            }
            (Decision::Create | Decision::SignUp, _) => {
                let Some(email) = asserted.address.email() else { return Err(Error::internal("an account without an address")) };
                let user = new_user(tx, login.org, email, false);
                tx.insert_account(&user, None).await.map_err(|e| if e.code == "email_taken" { meanwhile() } else { e })?;
                let joins = decision == Decision::Create;
                let mut told = match joins {
                    true => admit(tx, organization, invited, &user).await?,
                    false => begin(tx, (login.org, named.loaded.service()), &user).await?,
                };
                told.extend(take_over(tx, (login, asserted), &user).await?);
                self.go_in(tx, named, (&user, joins), told).await
            }
            _ => Err(Error::internal("a decision about nobody")),
        }
    }

    async fn refuse(
        &self,
        tx: &WriteTx,
        named: &Named<'_>,
        (stage, reason): (Stage, Reason),
        user: Option<UserId>,
    ) -> Result<Change<Landing>> {
        let of = (named.login.org, named.login.connection);
        in_trouble(tx, named.loaded, of, (named.attempt, Failure::at(stage, reason)), (Some(named.asserted), user)).await?;
        let Some(email) = named.asserted.address.email() else {
            return Ok(Change::silent(Landing::GoesOn, NoEvent::Housekeeping));
        };
        let event = Event::LoginFailed { email: email.to_string(), reason: reason.as_str().to_owned() };
        Ok(Change::new(Landing::GoesOn, named.login.org, event))
    }

    /// What the provider said waits, until they sign in to the account by something of their own.
    async fn ask_for_proof(&self, tx: &WriteTx, named: &Named<'_>, user: &User) -> Result<Change<Landing>> {
        let until = tx.now() + LASTS;
        let asked = tx.wait_for_proof(named.login, named.asserted, (user.id, &user.email), (named.loaded.mine(), until)).await?;
        if !asked {
            return Err(Error::conflict("flow_over", "This sign-in is over. Begin again at the application."));
        }
        let record = attempt(named.attempt, Outcome::Waits, (Some(named.asserted), Some(user.id)), tx);
        tx.record_attempt(named.login.org, named.login.connection, &record).await?;
        Ok(Change::silent(Landing::GoesOn, NoEvent::Housekeeping))
    }

    /// They are known: the rest is as with everybody.
    async fn go_in(
        &self,
        tx: &WriteTx,
        named: &Named<'_>,
        (user, is_member): (&User, bool),
        mut told: Vec<(OrgId, Event)>,
    ) -> Result<Change<Landing>> {
        tx.acts(domain::Actor::User { id: user.id, email: user.email.clone() });
        let &Named { login, asserted, loaded, shown, call, .. } = named;
        let did = Authentications::one(done(login, asserted, tx.now()));
        let Some(slug) = loaded.flow.organization.as_ref().map(|org| org.slug.clone()) else { return Err(meanwhile()) };
        let to: (OrgId, Slug) = (login.org, slug);
        let door = Door::Browser {
            flow: loaded.mine(),
            cookie: loaded.cookie.as_deref(),
            before: loaded.session.as_ref(),
            proof: None,
            service: loaded.service(),
        };
        let judged = door.judged(user, &did);
        let proven = shown_by(&did, None);
        let arriving = Arriving { user, proven: &proven, did: &did, judged: &judged, to: Some(&to), shown, door, call };
        let change = self.as_judged(tx, &arriving).await?;
        let outcome = match change.value() {
            // What was made for them is not kept.
            Err(e) if !told.is_empty() => return Err(e.clone()),
            entered => came_to(entered),
        };
        if let Outcome::Failed(failure) = &outcome {
            tx.flow_in_trouble(loaded.mine(), &Trouble { reason: failure.reason, attempt: named.attempt }).await?;
        }
        let mut record = attempt(named.attempt, outcome, (Some(asserted), Some(user.id)), tx);
        if change.value().is_ok() {
            let session = self.provider_session(login, asserted, tx.now());
            remember(tx, (login, asserted), session.as_ref(), user.id).await?;
            if is_member {
                let (mapped, notes) = map_groups(tx, login, asserted, user).await?;
                told.extend(mapped);
                record.notes = notes;
            }
        }
        tx.record_attempt(login.org, login.connection, &record).await?;
        let change = change.map(|outcome| match outcome {
            Ok(arrived) => Landing::In(arrived),
            Err(e) if e.step_up.is_some() => Landing::GoesOn,
            Err(e) => Landing::Refused(e),
        });
        Ok(telling(change, told))
    }
}

/// How an attempt ends that came as far as the organization's policy.
fn came_to(entered: &Result<Arrived>) -> Outcome {
    match entered {
        Ok(Arrived { admitted: Admitted::Waits, .. }) => Outcome::Waits,
        Ok(_) => Outcome::SignedIn,
        Err(e) if e.code == "risk_blocked" => Outcome::Failed(Failure::at(Stage::Entry, Reason::Risky)),
        Err(_) => Outcome::Failed(Failure::at(Stage::Entry, Reason::PolicyRefused)),
    }
}

/// Uses an assertion up, which counts once, whoever brings it and to which process (T07).
pub(super) async fn counts_once(tx: &WriteTx, login: &UpstreamLogin, asserted: &Asserted) -> Result<bool> {
    let Some(word) = &asserted.saml else { return Ok(true) };
    tx.see_once(&format!("saml {}", login.connection), &opaque::hash(&word.assertion), word.seen_until).await
}

/// What was decided on somebody whom a provider named, and on what.
pub(super) struct Weighed {
    organization: OrganizationView,
    /// What.
    pub(super) decision: Decision,
    /// The invitation that they answer by it.
    invited: Option<LockedInvitation>,
    meant: Meant,
}

/// Decides, while nobody else decides on whoever is meant. `None`: the organization is not active.
pub(super) async fn weigh(
    tx: &WriteTx,
    (upstream, login): (&Upstream, &UpstreamLogin),
    asserted: &Asserted,
    service: Option<ServiceId>,
) -> Result<Option<Weighed>> {
    let organization = tx.organization_now(login.org).await?;
    let Some(organization) = organization.filter(|view| view.organization.status == OrgStatus::Active) else { return Ok(None) };
    let meant = Meant::held(tx, &identity_key(login, asserted), (asserted, service)).await?;
    let email = asserted.address.email();
    let (routed, invited, removed) = match email {
        Some(email) => (
            tx.routed(login.org, login.connection, email.domain()).await?,
            invitation(tx, upstream, &organization, email).await?,
            tx.was_removed(login.org, email).await?,
        ),
        None => (Routed::Nowhere, None, false),
    };
    let takes_sign_ups = match service {
        Some(service) => tx.takes_sign_ups((login.org, service)).await?,
        None => false,
    };
    let vouched = matches!(asserted.address, Address::Vouched(_));
    let decision = decide(&Situation {
        known: meant.known.as_ref().map(|(_, known)| *known),
        email,
        vouched,
        ambiguous: asserted.address == Address::Ambiguous,
        at_address: meant.at_address.as_ref().map(|candidate| candidate.facts),
        routed,
        jit: upstream.connection.jit,
        invited: invited.is_some(),
        removed,
        takes_sign_ups,
    });
    let invited = invited.filter(|_| vouched && routed == Routed::Here { proven: true });
    Ok(Some(Weighed { organization, decision, invited, meant }))
}

/// The invitation that waits for an address, as far as the connection may answer it: whoever set up whom it speaks for holds what is given.
async fn invitation(
    tx: &WriteTx,
    upstream: &Upstream,
    organization: &OrganizationView,
    email: &Email,
) -> Result<Option<LockedInvitation>> {
    let Some(locked) = tx.lock_invitation_of(organization, email).await? else { return Ok(None) };
    let role = tx.resolve_invited_role(&locked).await?;
    let covered = role.is_none() || upstream.connection.ceiling.covers(role.as_ref());
    Ok(Some(locked).filter(|_| covered))
}
