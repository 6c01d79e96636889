//! How the people of an organization have to sign in.

use std::net::IpAddr;

use actix_web::{get, patch, post, web};
use app::{
    App,
    identity::sign_in_policy::{Simulated, Simulation},
};
use domain::{
    BadValue, Time, UserId, all,
    applications::api_keys::Networks,
    authorization::resource::SignInRules,
    core::value::{Email, Slug},
    identity::{
        authentications::{Authentications, Method},
        entry::{Entered, Entry, MaxAge, OwnMethods, Requirement, SignInPolicy, SignInPolicyChanges},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::{
    context::SignedIn,
    error::{ApiResult, StepUpBody},
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, FromJson, text, time},
};

const SIGN_IN: Tag = Tag { name: "sign-in", about: "How an organization's people have to sign in." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SIGN_IN)
        .of_org(rules, reading::<SignInRules>())
        .of_org(update, writing::<SignInRules>())
        .of_org(simulate, reading::<SignInRules>());
}

/// How the organization's people have to sign in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"methods": ["password", "passkey"], "mfa": "required", "max_age_seconds": 43200, "networks": ["203.0.113.0/24"], "sso": "optional", "break_glass": [], "mfa_trusts_connection": false}))]
struct SignInPolicyResponse {
    /// Which of people's own ways count: `password`, `passkey`, and `mail`, what is mailed to their address.
    methods: Vec<&'static str>,
    /// `required`: nobody enters without a second factor. `off`: it is not asked for.
    mfa: &'static str,
    /// How old the sign-in may be, in seconds; null: as old as the session.
    max_age_seconds: Option<i64>,
    /// From where people may come; none: from everywhere.
    networks: Vec<String>,
    /// `required`: people come through the organization's connections only. `optional`: their own password will do.
    sso: &'static str,
    /// Owners who may come without a connection, with two factors of their own.
    break_glass: Vec<String>,
    /// Whether a connection's word that there were two factors counts.
    mfa_trusts_connection: bool,
}

impl From<SignInPolicy> for SignInPolicyResponse {
    fn from(policy: SignInPolicy) -> Self {
        Self {
            methods: policy.methods.names().collect(),
            mfa: policy.mfa.as_str(),
            max_age_seconds: policy.max_age.map(i64::from),
            networks: policy.networks.texts().collect(),
            sso: if policy.sso_required { "required" } else { "optional" },
            break_glass: policy.break_glass.iter().map(ToString::to_string).collect(),
            mfa_trusts_connection: policy.mfa_trusts_connection,
        }
    }
}

/// How the organization's people have to sign in. It is asked at every use of their tokens; programs have networks of their own.
#[utoipa::path(operation_id = "organizations.signInPolicy.get", responses((status = 200, body = SignInPolicyResponse)))]
#[get("/sign-in/policy")]
async fn rules(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<SignInPolicyResponse>> {
    Ok(web::Json(app.sign_in_policy(&who.caller, &who.path.org).await?.into()))
}

/// Changes of the policy. What is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"mfa": "required", "max_age_seconds": 43200, "networks": ["203.0.113.0/24"]}))]
struct UpdateSignInPolicyRequest {
    /// Which of people's own ways count: at least one of `password`, `passkey` and `mail`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 3)]
    methods: Field<OwnMethods>,
    /// `off` or `required`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mfa: Field<Requirement>,
    /// Null: as old as the session.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 300, maximum = 31_622_400)]
    max_age_seconds: Field<MaxAge>,
    /// Addresses, or networks like 203.0.113.0/24; none: everywhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    networks: Field<Networks>,
    /// `required`, once there is an enabled connection and an owner in `break_glass`; or `optional`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    sso: Field<Sso>,
    /// Ids of owners who have an authenticator app or a passkey. Only owners change it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10)]
    break_glass: Field<Owners>,
    /// Whether a connection's word that there were two factors counts.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    mfa_trusts_connection: Field<bool>,
}

impl FromJson for OwnMethods {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let bad = || BadValue { code: "wrong_type", message: "Send an array of at most three names.".into() };
        let names = value.as_array().filter(|all| all.len() <= 3).ok_or_else(bad)?;
        let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
        Self::named(names.ok_or_else(bad)?)
    }
}

/// Whether people come through connections only.
struct Sso(bool);

impl FromJson for Sso {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match text(value)? {
            "required" => Ok(Self(true)),
            "optional" => Ok(Self(false)),
            _ => Err(BadValue { code: "unknown_requirement", message: "Use optional or required.".into() }),
        }
    }
}

/// Users by their ids, each once.
struct Owners(Vec<UserId>);

impl FromJson for Owners {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let bad = || BadValue { code: "bad_user_ids", message: "Send an array of at most 10 ids of users.".into() };
        let all = value.as_array().filter(|all| all.len() <= 10).ok_or_else(bad)?;
        let ids = all.iter().map(|one| one.as_str().and_then(|text| text.parse::<UserId>().ok()).ok_or_else(bad));
        let ids: std::collections::BTreeSet<_> = ids.collect::<Result<_, _>>()?;
        Ok(Self(ids.into_iter().collect()))
    }
}

/// Change how the organization's people have to sign in, from now on: sessions that did less are asked for more at their next request.
#[utoipa::path(
    operation_id = "organizations.signInPolicy.update",
    request_body = UpdateSignInPolicyRequest,
    responses((status = 200, body = SignInPolicyResponse)),
)]
#[patch("/sign-in/policy")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<UpdateSignInPolicyRequest>,
) -> ApiResult<web::Json<SignInPolicyResponse>> {
    let b = body.value;
    let (methods, mfa, max_age, networks, sso, break_glass, mfa_trusts_connection) = all((
        b.methods.change("methods"),
        b.mfa.change("mfa"),
        b.max_age_seconds.patch("max_age_seconds"),
        b.networks.change("networks"),
        b.sso.change("sso"),
        b.break_glass.change("break_glass"),
        b.mfa_trusts_connection.change("mfa_trusts_connection"),
    ))?;
    let (sso_required, break_glass) = (sso.map(|sso| sso.0), break_glass.map(|owners| owners.0));
    let changes = SignInPolicyChanges { methods, mfa, max_age, networks, sso_required, break_glass, mfa_trusts_connection };
    Ok(web::Json(app.update_sign_in_policy(&who.caller, &who.path.org, &changes).await?.into()))
}

/// What a session would have done: its own ways, and how many seconds ago.
struct Done(Vec<(Method, i64)>);

impl FromJson for Done {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let bad = |code, message: &'static str| BadValue { code, message: message.into() };
        let one = |item: &Value| {
            let named = item["method"].as_str().and_then(Method::named).filter(|method| method.is_own());
            let method = named
                .ok_or(bad("unknown_method", "Name as `method` password, passkey, totp, recovery_code, mail_code or mail."))?;
            match &item["age_seconds"] {
                Value::Null => Ok((method, 0)),
                age => i64::from_json(age).map(|age| (method, age)),
            }
        };
        match value.as_array() {
            Some(items) if items.len() <= Authentications::MOST => items.iter().map(one).collect::<Result<_, _>>().map(Self),
            Some(_) => Err(bad("too_many", "Send at most 8 items.")),
            None => Err(bad("wrong_type", "Send an array.")),
        }
    }
}

/// An address of the network.
struct Address(IpAddr);

impl FromJson for Address {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let bad = |_| BadValue { code: "bad_address", message: "Use an address like 203.0.113.7.".into() };
        text(value)?.parse().map(Self).map_err(bad)
    }
}

/// Something that the session would have done.
#[derive(ToSchema)]
#[schema(example = json!({"method": "password", "age_seconds": 3600}))]
#[expect(dead_code, reason = "the shape of an item, for the description; `Done` reads them")]
struct SimulatedAuthentication {
    /// `password`, `totp`, `recovery_code`, `mail_code` or `mail`.
    method: String,
    /// How long ago; default 0.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    age_seconds: Option<i64>,
}

/// Somebody who might come.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com", "authentications": [{"method": "password"}], "ip_address": "203.0.113.7"}))]
struct SimulateSignInRequest {
    /// Who signs in.
    #[serde(default)]
    #[schema(value_type = String, required)]
    email: Field<Email>,
    /// What their session did; default: a password, just now.
    #[serde(default)]
    #[schema(value_type = Option<Vec<SimulatedAuthentication>>, max_items = 8)]
    authentications: Field<Done>,
    /// From where; default: from where you are.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    ip_address: Field<Address>,
}

impl SimulateSignInRequest {
    fn parsed(self) -> domain::Result<Simulated> {
        let (email, did, from) = all((
            self.email.required("email"),
            self.authentications.optional("authentications"),
            self.ip_address.optional("ip_address"),
        ))?;
        let did = did.map_or_else(|| vec![(Method::Password, 0)], |done| done.0);
        Ok(Simulated { email, did, from: from.map(|address| address.0) })
    }
}

/// What would become of it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"outcome": "step_up", "reason": "step_up_required", "role": "member", "step_up": {"organization": "acme", "needs": "second_factor", "methods": ["totp", "recovery_code", "mail_code"], "connections": []}}))]
struct SimulateSignInResponse {
    /// `enter`; `step_up`: after doing more; `refuse`.
    outcome: &'static str,
    /// Why not: `not_a_member`, `network_not_allowed` or `step_up_required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The member's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Whether there are two factors.
    #[serde(skip_serializing_if = "Option::is_none")]
    two_factors: Option<bool>,
    /// Until when that is enough; left out: as long as the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What has to be done first.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_up: Option<StepUpBody>,
}

impl SimulateSignInResponse {
    fn of(simulation: Simulation, org: &Slug) -> Self {
        let (role, entry) = match simulation {
            Simulation::NotAMember => (None, None),
            Simulation::Judged(role, entry) => (Some(role.to_string()), Some(entry)),
        };
        let refusal = entry.as_ref().and_then(|entry| entry.refusal(org));
        let (two_factors, until) = match &entry {
            Some(Entry::Enter(Entered { two_factors, until })) => {
                (Some(*two_factors), until.and_then(|at| Time::from_timestamp(at, 0)).map(time))
            }
            _ => (None, None),
        };
        let step_up = refusal.as_ref().and_then(|refusal| refusal.step_up.as_deref()).map(StepUpBody::from);
        let outcome = match &entry {
            Some(Entry::Enter(_)) => "enter",
            Some(Entry::StepUp(_)) => "step_up",
            Some(Entry::NetworkNotAllowed) | None => "refuse",
        };
        let reason = if entry.is_none() { Some("not_a_member") } else { refusal.map(|refusal| refusal.code) };
        Self { outcome, reason, role, two_factors, until, step_up }
    }
}

/// Try whether somebody would get in, how, and why not. Nobody signs in, and nothing changes.
#[utoipa::path(
    operation_id = "organizations.signIn.simulate",
    request_body = SimulateSignInRequest,
    responses((status = 200, body = SimulateSignInResponse)),
)]
#[post("/sign-in/simulate")]
async fn simulate(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<SimulateSignInRequest>,
) -> ApiResult<web::Json<SimulateSignInResponse>> {
    let (who, org) = (&who.caller, &who.path.org);
    let simulation = app.simulate_sign_in(who, org, &body.value.parsed()?).await?;
    Ok(web::Json(SimulateSignInResponse::of(simulation, org)))
}
