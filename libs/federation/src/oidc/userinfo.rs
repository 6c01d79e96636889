//! What a provider tells of somebody whose access token it gave (OpenID Connect Core 1.0, section 5.3).

use domain::identity::federation::{
    ProviderTokens, RelyingParty,
    asserted::Claims,
    attempts::{Failure, Reason, Stage},
};
use infra::egress::Egress;
use openidconnect::HttpRequest;
use serde_json::Value;

use super::exchange::send;

fn failed(reason: Reason) -> Failure {
    Failure::at(Stage::Userinfo, reason)
}

pub(super) async fn ask(
    egress: &Egress,
    party: &RelyingParty<'_>,
    tokens: &ProviderTokens,
    subject: Option<&str>,
) -> Result<Claims, Failure> {
    let Some(url) = party.connection.effective().userinfo else { return Err(failed(Reason::Userinfo)) };
    let request: HttpRequest = http::Request::get(url.as_str())
        .header("accept", "application/json")
        .header("authorization", format!("Bearer {}", tokens.access_token))
        .body(Vec::new())
        .map_err(|_| failed(Reason::Userinfo))?;
    let answer = send(egress, request).await.map_err(|_| failed(Reason::Unreachable))?;
    let claims = match serde_json::from_slice(answer.body()) {
        Ok(Value::Object(claims)) if answer.status() == 200 => claims,
        _ => return Err(failed(Reason::Userinfo)),
    };
    match subject {
        // Or whoever gave the token speaks of somebody else than whoever signed it (section 5.3.4).
        Some(subject) if claims.get("sub").and_then(Value::as_str) != Some(subject) => Err(failed(Reason::UserinfoSubject)),
        _ => Ok(claims),
    }
}
