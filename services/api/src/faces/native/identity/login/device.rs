//! The cookie by which a device is known again.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{COOKIE, SET_COOKIE},
    web,
};
use app::{
    App,
    identity::{login::SignedIn, risk::device::TRUSTED_FOR},
};

use super::TokenResponse;

/// With https nobody but this host can have set it.
const NAMES: [&str; 2] = ["__Host-tn_device", "tn_device"];

/// What the device shows of itself.
pub(super) fn shown(req: &HttpRequest) -> Option<String> {
    let headers = req.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let cookies: Vec<(&str, &str)> =
        headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('=')).collect();
    let named = |wanted: &str| cookies.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
    NAMES.into_iter().find_map(named)
}

/// Tokens, with what the device shows from now on.
pub(super) fn answer(app: &web::Data<App>, signed_in: SignedIn) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(value) = signed_in.device {
        let secure = app.settings.public_url.starts_with("https:");
        let (name, more) = if secure { (NAMES[0], "; Secure") } else { (NAMES[1], "") };
        let age = TRUSTED_FOR.num_seconds();
        response.insert_header((SET_COOKIE, format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{more}")));
    }
    response.json(TokenResponse::from(signed_in.tokens))
}
