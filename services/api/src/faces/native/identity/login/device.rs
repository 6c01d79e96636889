//! The cookie by which a device is known again.

use actix_web::{HttpRequest, HttpResponse, http::header::SET_COOKIE, web};
use app::{
    App,
    identity::{login::SignedIn, risk::device::TRUSTED_FOR},
};

use super::TokenResponse;
use crate::http::cookies;

/// What the device shows of itself.
pub(in crate::faces::native::identity) fn shown(app: &App, req: &HttpRequest) -> Option<String> {
    cookies::read(app, req, cookies::DEVICE)
}

/// Tokens, with what the device shows from now on.
pub(in crate::faces::native::identity) fn answer(app: &web::Data<App>, signed_in: SignedIn) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(value) = signed_in.device {
        response.insert_header((SET_COOKIE, cookies::set(app, cookies::DEVICE, &value, Some(TRUSTED_FOR.num_seconds()))));
    }
    response.json(TokenResponse::from(signed_in.tokens))
}
