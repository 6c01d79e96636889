//! Whether an ID token is right (OpenID Connect Core 1.0, section 3.1.3.7).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::identity::federation::{
    Expected, ProviderTokens, RelyingParty,
    asserted::Claims,
    attempts::{Failure, Reason, Stage},
};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError,
    core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm as Alg},
};

/// How far clocks may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// How old a token may be that was asked for just now.
const OLDEST: TimeDelta = TimeDelta::minutes(10);
/// What ID tokens may be signed with.
const ALGORITHMS: [Alg; 10] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EcdsaP521Sha512,
    Alg::EdDsa,
];

fn wrong(reason: Reason) -> Failure {
    Failure::at(Stage::IdToken, reason)
}

pub(super) fn verify(party: &RelyingParty<'_>, tokens: &ProviderTokens, expected: &Expected<'_>) -> Result<Claims, Failure> {
    let text = tokens.id_token.as_deref().ok_or_else(|| wrong(Reason::NoIdToken))?;
    let token: CoreIdToken = text.parse().map_err(|_| wrong(Reason::IdTokenUnreadable))?;
    let connection = party.connection;
    let issuer = connection.effective().issuer.and_then(|issuer| IssuerUrl::new(issuer.as_str().to_owned()).ok());
    let issuer = issuer.ok_or_else(|| wrong(Reason::Issuer))?;
    let keys = connection.documents.keys.content.as_ref().ok_or_else(|| wrong(Reason::UnknownKey))?;
    let keys: CoreJsonWebKeySet = serde_json::from_value(keys.0.clone()).map_err(|_| wrong(Reason::UnknownKey))?;
    let id = ClientId::new(connection.client_id.as_str().to_owned());
    let now = expected.now;
    // Others may be meant as well; whether we are the one it was given to, `azp` says.
    let verifier = CoreIdTokenVerifier::new_public_client(id, issuer, keys)
        .set_allowed_algs(ALGORITHMS)
        .set_other_audience_verifier_fn(|_| true)
        .set_time_fn(move || now - LEEWAY)
        .set_issue_time_verifier_fn(move |at| is_from_now(at, now));
    let claims = token.claims(&verifier, &Nonce::new(expected.nonce.to_owned())).map_err(|e| wrong(reason(&e)))?;
    check_hash(&token, &verifier, claims, tokens)?;
    let all = payload(text).ok_or_else(|| wrong(Reason::IdTokenUnreadable))?;
    check_party(claims, &all, connection.client_id.as_str())?;
    let starts = all.get("nbf").map(|nbf| nbf.as_i64().unwrap_or(i64::MAX));
    if starts.is_some_and(|nbf| nbf > (now + LEEWAY).timestamp()) {
        return Err(wrong(Reason::IssuedAt));
    }
    if let Some(since) = expected.authenticated_since
        && claims.auth_time().is_none_or(|at| at < since - LEEWAY)
    {
        return Err(wrong(Reason::NotFresh));
    }
    Ok(all)
}

fn is_from_now(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), String> {
    let fine = at <= now + LEEWAY && at >= now - OLDEST - LEEWAY;
    if fine { Ok(()) } else { Err(ISSUED_AT.to_owned()) }
}

/// What the crate says of an `iat` that [`is_from_now`] refused.
const ISSUED_AT: &str = "issued at another time";

/// The claims of the bytes that were verified.
fn payload(token: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// `azp` names the client that it was given to: us, and it has to be there if there are others.
fn check_party(claims: &CoreIdTokenClaims, all: &Claims, own: &str) -> Result<(), Failure> {
    let azp = all.get("azp").map(|azp| azp.as_str().unwrap_or_default());
    let fits = azp.map_or(claims.audiences().len() == 1, |azp| azp == own);
    if fits { Ok(()) } else { Err(wrong(Reason::Audience)) }
}

fn check_hash(
    token: &CoreIdToken,
    verifier: &CoreIdTokenVerifier<'_>,
    claims: &CoreIdTokenClaims,
    tokens: &ProviderTokens,
) -> Result<(), Failure> {
    let Some(said) = claims.access_token_hash() else { return Ok(()) };
    let broken = |_| wrong(Reason::Signature);
    let (alg, key) = (token.signing_alg().map_err(broken)?, token.signing_key(verifier).map_err(broken)?);
    let access_token = AccessToken::new(tokens.access_token.clone());
    match AccessTokenHash::from_token(&access_token, alg, key) {
        Ok(hash) if hash == *said => Ok(()),
        _ => Err(wrong(Reason::AccessTokenHash)),
    }
}

fn reason(e: &ClaimsVerificationError) -> Reason {
    match e {
        ClaimsVerificationError::Expired(why) if why == ISSUED_AT => Reason::IssuedAt,
        ClaimsVerificationError::Expired(_) => Reason::Expired,
        ClaimsVerificationError::InvalidAudience(_) => Reason::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => Reason::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => Reason::Nonce,
        ClaimsVerificationError::InvalidAuthTime(_) => Reason::NotFresh,
        ClaimsVerificationError::SignatureVerification(e) => match e {
            SignatureVerificationError::NoMatchingKey
            | SignatureVerificationError::AmbiguousKeyId(_)
            | SignatureVerificationError::InvalidKey(_) => Reason::UnknownKey,
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_)
            | SignatureVerificationError::NoSignature => Reason::Algorithm,
            _ => Reason::Signature,
        },
        ClaimsVerificationError::Unsupported(_) => Reason::Algorithm,
        _ => Reason::IdTokenUnreadable,
    }
}
