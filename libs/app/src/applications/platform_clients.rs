//! OAuth clients of the platform, as who operates it manages them; or, on a new installation, who runs programs on the server.

use chrono::TimeDelta;
use crypto::{Purpose, foreign::ForeignKeys, opaque};
use domain::{
    Actor, ClientId, Error, Event, PLATFORM, Patch, Result, Stamp, UserId,
    applications::{
        clients::{
            ApplicationType, AuthMethod, ClientKeys, MAX_GRACE, MAX_URIS, OrganizationUsage, PlatformClient, SignInSettings,
            USUAL_GRACE,
        },
        resource_servers::TokenAlg,
        token_claims::TokenClaims,
        uris::{PageUri, RedirectUri},
    },
    authorization::policy,
    core::value::Name,
};
use serde::{Deserialize, Serialize};
use store::{Change, WriteTx};

use crate::{App, Caller};

/// A new client.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// For people.
    pub name: Name,
    /// How it shows that it is it.
    pub auth_method: AuthMethod,
    /// Its keys, if that is by them.
    pub keys: Option<ClientKeys>,
    /// How people sign in there.
    pub sign_in: SignInSettings,
}

/// Changes of a client.
pub struct ClientChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another way to show that it is it.
    pub auth_method: Option<AuthMethod>,
    /// Other keys, or none.
    pub keys: Patch<ClientKeys>,
    /// Another kind of program.
    pub application_type: Option<ApplicationType>,
    /// Other places where a sign-in may come back to.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// Other places where a browser may go after people have signed out.
    pub post_logout_redirect_uris: Option<Vec<RedirectUri>>,
    /// Whether people sign in to an organization.
    pub organization_usage: Option<OrganizationUsage>,
    /// What its ID tokens are signed with.
    pub id_token_alg: Option<TokenAlg>,
    /// Whether people sign in for devices of it.
    pub device_flow: Option<bool>,
    /// Where it is told that somebody's session has ended, or nowhere.
    pub backchannel_logout_uri: Patch<PageUri>,
    /// Where it begins a sign-in that nobody there asked for, or nowhere.
    pub initiate_login_uri: Patch<PageUri>,
    /// What its ID tokens tell beside what they always do.
    pub claims: Option<TokenClaims>,
}

impl ClientChanges {
    fn apply(&self, client: &mut PlatformClient) {
        let settings = &mut client.sign_in;
        client.name = self.name.clone().unwrap_or_else(|| client.name.clone());
        client.auth_method = self.auth_method.unwrap_or(client.auth_method);
        client.keys = self.keys.clone().apply(client.keys.take());
        settings.application_type = self.application_type.unwrap_or(settings.application_type);
        settings.organization_usage = self.organization_usage.unwrap_or(settings.organization_usage);
        settings.id_token_alg = self.id_token_alg.unwrap_or(settings.id_token_alg);
        settings.device_flow = self.device_flow.unwrap_or(settings.device_flow);
        settings.claims.clone_from(self.claims.as_ref().unwrap_or(&settings.claims.clone()));
        settings.backchannel_logout_uri = self.backchannel_logout_uri.clone().apply(settings.backchannel_logout_uri.take());
        settings.initiate_login_uri = self.initiate_login_uri.clone().apply(settings.initiate_login_uri.take());
        for (uris, changed) in [
            (&mut settings.redirect_uris, &self.redirect_uris),
            (&mut settings.post_logout_redirect_uris, &self.post_logout_redirect_uris),
        ] {
            uris.clone_from(changed.as_ref().unwrap_or(&uris.clone()));
        }
    }
}

/// A client with a secret that was just made, which is shown this once; `None`: it has keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientWithSecret {
    /// The client.
    pub client: PlatformClient,
    /// What it authenticates with.
    pub secret: Option<String>,
}

/// `Invalid` unless a client that signs has keys that we verify with.
fn check_keys(method: AuthMethod, keys: Option<&ClientKeys>) -> Result<()> {
    match (method, keys) {
        (AuthMethod::PrivateKeyJwt, None) => Err(Error::field("jwks", "required", "A client that signs needs its public keys.")),
        (_, Some(keys)) => {
            ForeignKeys::parse(keys.keys()).map(|_| ()).map_err(|e| Error::field("jwks", "bad_key", e.to_string()))
        }
        (AuthMethod::ClientSecret | AuthMethod::None, None) => Ok(()),
    }
}

/// `Invalid` for URIs that are too many, or that only an installed program can receive.
fn check_uris(settings: &SignInSettings) -> Result<()> {
    let web = settings.application_type == ApplicationType::Web;
    let kinds = [("redirect_uris", &settings.redirect_uris), ("post_logout_redirect_uris", &settings.post_logout_redirect_uris)];
    for (field, uris) in kinds {
        if uris.len() > MAX_URIS {
            return Err(Error::field(field, "too_many", format!("A client has at most {MAX_URIS}.")));
        }
        if let Some(at) = uris.iter().position(|uri| web && uri.is_native_only()) {
            let text = "Only an installed program (`application_type` native) has a scheme of its own.";
            return Err(Error::field(format!("{field}[{at}]"), "native_only", text));
        }
    }
    Ok(())
}

fn check(method: AuthMethod, keys: Option<&ClientKeys>, settings: &SignInSettings) -> Result<()> {
    check_keys(method, keys)?;
    check_uris(settings)
}

impl App {
    /// The platform's clients, newest first, so many after so many; and how many there are.
    pub async fn platform_clients(&self, c: &Caller, offset: u64, limit: u64) -> Result<(Vec<PlatformClient>, i64)> {
        let principal = self.principal(c).await?;
        self.store.platform_clients(policy::platform(&principal)?, offset, limit).await
    }

    /// One of them. `NotFound`.
    pub async fn platform_client(&self, c: &Caller, id: ClientId) -> Result<PlatformClient> {
        let principal = self.principal(c).await?;
        self.store.platform_client(policy::platform(&principal)?, id).await
    }

    /// Makes a client, and the secret that it authenticates with. `Invalid`, `Conflict` (`client_limit`).
    pub async fn create_client(&self, c: &Caller, new: &NewClient) -> Result<ClientWithSecret> {
        check(new.auth_method, new.keys.as_ref(), &new.sign_in)?;
        self.as_operator(c, async |tx, scope| self.make_client(tx, new, Some(scope.require_person()?.id)).await).await
    }

    /// The same by whoever runs programs on the server.
    pub async fn create_client_here(&self, new: &NewClient) -> Result<ClientWithSecret> {
        check(new.auth_method, new.keys.as_ref(), &new.sign_in)?;
        let stamp = Stamp { actor: Actor::System("command line"), origin: domain::Origin::default(), now: self.clock.now() };
        self.store.write(&stamp, async |tx| self.make_client(tx, new, None).await).await
    }

    async fn make_client(&self, tx: &WriteTx, new: &NewClient, shown_to: Option<UserId>) -> Result<Change<ClientWithSecret>> {
        let client = PlatformClient {
            id: ClientId::new(tx.uuid()),
            client_id: self.ids.secret()[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
            name: new.name.clone(),
            auth_method: new.auth_method,
            keys: new.keys.clone(),
            sign_in: new.sign_in.clone(),
            old_secret_until: None,
            created_at: tx.now(),
            updated_at: tx.now(),
        };
        tx.insert_platform_client(&client).await?;
        let secret = match client.auth_method {
            AuthMethod::ClientSecret => {
                let secret = opaque::mint(Purpose::ClientSecret, self.ids.as_ref());
                tx.put_platform_secret(&client, &secret.hash, shown_to, None).await?;
                Some(secret.text)
            }
            AuthMethod::PrivateKeyJwt | AuthMethod::None => None,
        };
        let (name, client_id) = (client.name.to_string(), client.client_id.clone());
        let event = Event::ClientCreated { client: client.id, client_id, name };
        Ok(Change::new(ClientWithSecret { client, secret }, PLATFORM, event))
    }

    /// Changes a client. Its secrets end when it shows otherwise, or not at all, that it is it: they may be why. `NotFound`, `Invalid`.
    pub async fn update_client(&self, c: &Caller, id: ClientId, changes: &ClientChanges) -> Result<PlatformClient> {
        self.as_operator(c, async |tx, _| {
            let mut client = tx.lock_platform_client(id).await?;
            changes.apply(&mut client);
            check(client.auth_method, client.keys.as_ref(), &client.sign_in)?;
            if client.auth_method != AuthMethod::ClientSecret {
                tx.end_platform_secrets(&mut client).await?;
            }
            client.updated_at = tx.now();
            tx.save_platform_client(&client).await?;
            let (name, client_id) = (client.name.to_string(), client.client_id.clone());
            let event = Event::ClientUpdated { client: client.id, client_id, name };
            Ok(Change::new(client, PLATFORM, event))
        })
        .await
    }

    /// Gives a client another secret; the one before works for `grace` more. `NotFound`; `Invalid` for a grace that is too long; `Conflict`
    /// (`no_secret`, `too_many_secrets`).
    pub async fn rotate_platform_secret(&self, c: &Caller, id: ClientId, grace: Option<TimeDelta>) -> Result<ClientWithSecret> {
        let grace = grace.unwrap_or(USUAL_GRACE);
        if grace > MAX_GRACE {
            let text = format!("Use at most {} seconds.", MAX_GRACE.num_seconds());
            return Err(Error::field("grace_seconds", "too_long", text));
        }
        self.as_operator(c, async |tx, scope| {
            let before = tx.lock_platform_client(id).await?;
            if before.auth_method != AuthMethod::ClientSecret {
                return Err(Error::conflict(
                    "no_secret",
                    "This client has no secret: it signs with keys of its own, or keeps none.",
                ));
            }
            let until = (grace > TimeDelta::zero()).then(|| tx.now() + grace);
            let secret = opaque::mint(Purpose::ClientSecret, self.ids.as_ref());
            tx.put_platform_secret(&before, &secret.hash, Some(scope.require_person()?.id), until).await?;
            let client = PlatformClient { old_secret_until: until, updated_at: tx.now(), ..before };
            tx.save_platform_client(&client).await?;
            let event = Event::ClientSecretRotated { client: client.id, client_id: client.client_id.clone() };
            Ok(Change::new(ClientWithSecret { client, secret: Some(secret.text) }, PLATFORM, event))
        })
        .await
    }

    /// Deletes a client, with what it was granted. `NotFound`.
    pub async fn delete_client(&self, c: &Caller, id: ClientId) -> Result<()> {
        self.as_operator(c, async |tx, _| {
            let client = tx.lock_platform_client(id).await?;
            tx.delete_platform_client(id).await?;
            let (name, client_id) = (client.name.to_string(), client.client_id);
            Ok(Change::new((), PLATFORM, Event::ClientDeleted { client: id, client_id, name }))
        })
        .await
    }
}
