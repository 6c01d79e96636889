//! The caller's passkeys: added, named, removed. Adding and removing take more than a session that lies about: a sign-in within the last 15 minutes,
//! whole where the account has a second factor (T25). Each is told to the account's address. Something to sign in with always stays.

mod signing_in;

use crypto::passkeys::{Asked, RelyingParty};
use domain::{
    Error, Event, PasskeyChallengeId, PasskeyId, Result,
    authorization::policy,
    core::value::Name,
    delivery::mails::Template,
    identity::{
        accounts::{Person, User},
        passkeys::{CHALLENGE_LASTS, Ceremony, MOST, Passkey, can_spare},
    },
};
use serde_json::{Value, json};
use store::{Change, NoEvent, WriteTx, identity::accounts::Account};
use uuid::Uuid;

pub use self::signing_in::PasskeySignIn;
pub(crate) use self::signing_in::wrong_passkey;
use super::factors::demand_whole_sign_in;
use crate::{App, Caller, core::admission::Place, mail};

/// A question to a device.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// Names it.
    pub id: PasskeyChallengeId,
    /// What `navigator.credentials` is called with.
    pub options: Value,
}

fn refused() -> Error {
    Error::conflict("invalid_passkey", "Your device's answer does not fit, came too late, or was used. Begin again.")
}

fn unknown() -> Error {
    Error::not_found("passkey")
}

fn too_many() -> Error {
    Error::conflict("passkey_limit", format!("You have {MOST} passkeys, which is the limit. Remove one first."))
}

impl App {
    /// Who asks for passkeys. `Conflict` (`passkeys_unavailable`) where browsers would make none.
    pub(crate) fn relying_party(&self) -> Result<&RelyingParty> {
        self.passkeys.as_deref().ok_or_else(|| {
            let message =
                "This server has no address that browsers make passkeys for: `server.public_url` needs a name, and https.";
            Error::conflict("passkeys_unavailable", message)
        })
    }

    /// Whether browsers make passkeys for this server's address.
    pub fn offers_passkeys(&self) -> bool {
        self.passkeys.is_some()
    }

    /// The caller's passkeys, the oldest first.
    pub async fn own_passkeys(&self, c: &Caller) -> Result<Vec<Passkey>> {
        let person = self.reader(c).await?;
        person.require_unconfined()?;
        self.store.own_passkeys(policy::own(&person)).await
    }

    /// Asks the caller's device for a new passkey. `Forbidden` (`recent_sign_in_required`), `Conflict` (`passkey_limit`).
    pub async fn begin_passkey(&self, c: &Caller) -> Result<Challenge> {
        let party = self.relying_party()?;
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, async |tx| {
            let (person, _) = self.who_changes_passkeys(tx, c).await?;
            let (id, asked) = self.ask_for_new(tx, party, &person).await?;
            Ok(Change::silent(Challenge { id, options: asked.options }, NoEvent::Housekeeping))
        })
        .await
    }

    async fn ask_for_new(&self, tx: &WriteTx, party: &RelyingParty, person: &Person) -> Result<(PasskeyChallengeId, Asked)> {
        let (known, handle) = tx.known_passkeys(person.id).await?;
        if i64::try_from(known.len()).unwrap_or(MOST) >= MOST {
            return Err(too_many());
        }
        // Not the account's id: a device shows it to whoever holds it.
        let random = || {
            self.ids.secret().first_chunk().map_or_else(Uuid::nil, |bytes| uuid::Builder::from_random_bytes(*bytes).into_uuid())
        };
        let asked = party.begin_registration(handle.unwrap_or_else(random), person.email.as_str(), &known)?;
        let id = PasskeyChallengeId::new(tx.uuid());
        tx.ask_passkey(id, (Ceremony::Registration, Some(person.id)), &asked, tx.now() + CHALLENGE_LASTS).await?;
        Ok((id, asked))
    }

    /// Adds the passkey that the caller's device made. `Conflict` (`invalid_passkey`) for another answer than was asked for; `AlreadyExists` for one
    /// that is known; else as [`App::begin_passkey`].
    pub async fn add_passkey(&self, c: &Caller, (id, answer): (PasskeyChallengeId, &Value), name: &Name) -> Result<Passkey> {
        let party = self.relying_party()?;
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, async |tx| {
            let user = self.who_changes_passkeys(tx, c).await?.1.user;
            let Some((whose, asked)) = tx.take_passkey_challenge(id, Ceremony::Registration).await? else {
                return Err(refused());
            };
            // What was asked of somebody else is used up all the same.
            let handle = asked.handle().ok();
            let made = party.finish_registration(asked, answer).ok().filter(|_| whose == Some(user.id)).zip(handle);
            let Some((made, handle)) = made else {
                return Ok(Change::silent(Err(refused()), NoEvent::Housekeeping));
            };
            if i64::try_from(tx.passkeys(user.id).await?.len()).unwrap_or(MOST) >= MOST {
                return Err(too_many());
            }
            let passkey = Passkey { id: PasskeyId::new(tx.uuid()), name: name.clone(), created_at: tx.now(), last_used_at: None };
            tx.insert_passkey(user.id, &passkey, (&made, handle)).await?;
            self.tell_of_passkey(tx, &user, (Template::PasskeyAdded, name)).await?;
            let event = Event::PasskeyAdded { user_id: user.id, passkey_id: passkey.id, name: name.to_string() };
            Ok(Change::new(Ok(passkey), user.realm, event))
        })
        .await?
    }

    /// Names one of the caller's passkeys. `NotFound`.
    pub async fn rename_passkey(&self, c: &Caller, id: PasskeyId, name: &Name) -> Result<Passkey> {
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, async |tx| {
            let person = tx.person(&c.who).await?;
            person.require_unconfined()?;
            if !tx.rename_passkey(person.id, id, name).await? {
                return Err(unknown());
            }
            let found = tx.passkeys(person.id).await?.into_iter().find(|one| one.id == id).ok_or_else(unknown)?;
            Ok(Change::silent(found, NoEvent::Housekeeping))
        })
        .await
    }

    /// Removes one of the caller's passkeys. `NotFound`; `Conflict` (`last_own_factor`) if nothing else is left to sign in with; `Forbidden`
    /// (`recent_sign_in_required`).
    pub async fn remove_passkey(&self, c: &Caller, id: PasskeyId) -> Result<()> {
        self.write(c, self.admit_write(c.who.id(), Place::Own).await?, async |tx| {
            let (person, account) = self.who_changes_passkeys(tx, c).await?;
            let all = tx.passkeys(person.id).await?;
            let passkey = all.iter().find(|one| one.id == id).ok_or_else(unknown)?;
            if !can_spare(account.password_hash.is_some(), i64::try_from(all.len()).unwrap_or(MOST)) {
                let message = "This is the last thing you can sign in with. Add another passkey, or set a password, first.";
                return Err(Error::conflict("last_own_factor", message));
            }
            tx.remove_passkey(person.id, id).await?;
            let user = account.user;
            self.tell_of_passkey(tx, &user, (Template::PasskeyRemoved, &passkey.name)).await?;
            let event = Event::PasskeyRemoved { user_id: user.id, passkey_id: id, name: passkey.name.to_string() };
            Ok(Change::new((), user.realm, event))
        })
        .await
    }

    /// The caller and their account, locked, if they may add and remove passkeys now.
    async fn who_changes_passkeys(&self, tx: &WriteTx, c: &Caller) -> Result<(Person, Account)> {
        let person = tx.person(&c.who).await?;
        person.require_unconfined()?;
        let account = tx.lock_account(person.id).await?;
        demand_whole_sign_in(tx, &person).await?;
        Ok((person, account))
    }

    async fn tell_of_passkey(&self, tx: &WriteTx, user: &User, (template, name): (Template, &Name)) -> Result<()> {
        let context = json!({ "name": name.to_string(), "link": self.settings.public_url });
        tx.queue_mail(user.realm, &mail(template, &user.email, context)).await
    }
}
