//! The cookies that we give browsers. With https their names begin with `__Host-`: nobody but this host can have set them, no page of another
//! subdomain and nobody on the network (RFC 6265bis). A plain name is read only where there is no https.

use actix_web::{
    HttpRequest, HttpResponseBuilder,
    http::header::{COOKIE, HeaderValue, SET_COOKIE},
};
use app::{
    App,
    identity::{
        federation::unasked::ONE_HOP,
        flows::{Browser, Cookies},
        risk::device::TRUSTED_FOR,
    },
};

/// Binds sign-ins to the browser that they began in.
const BROWSER: &str = "tn_browser";
/// Names the session of a browser.
const SESSION: &str = "tn_session";
/// What a device shows of itself.
pub(crate) const DEVICE: &str = "tn_device";
/// That a browser was led to an application a moment ago.
const LED: &str = "tn_led";
/// The language that somebody chose.
const LANGUAGE: &str = "tn_language";

/// A day, in seconds.
const DAY: i64 = 86_400;

fn is_https(app: &App) -> bool {
    app.settings.public_url.starts_with("https:")
}

fn named(app: &App, name: &str) -> String {
    if is_https(app) { format!("__Host-{name}") } else { name.to_owned() }
}

/// A cookie of ours. One that was sent twice was set by somebody else as well: it is none.
pub(crate) fn read(app: &App, req: &HttpRequest, name: &str) -> Option<String> {
    let name = named(app, name);
    let headers = req.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut found = headers
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name);
    let (_, value) = found.next()?;
    found.next().is_none().then(|| value.to_owned())
}

/// How a cookie is set, for so many seconds; `None`: until the browser is closed.
pub(crate) fn set(app: &App, name: &str, value: &str, seconds: Option<i64>) -> String {
    let secure = if is_https(app) { "; Secure" } else { "" };
    let age = seconds.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    format!("{}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}", named(app, name))
}

/// What a browser shows of itself.
pub(crate) fn browser(app: &App, req: &HttpRequest) -> Browser {
    let framed = req.headers().get("sec-fetch-dest").is_some_and(|dest| dest == "iframe" || dest == "frame");
    Browser { browser: read(app, req, BROWSER), session: read(app, req, SESSION), device: read(app, req, DEVICE), framed }
}

/// Gives a browser what it is to show from now on.
pub(crate) fn give(app: &App, response: &mut HttpResponseBuilder, cookies: &Cookies) {
    let mut put = |name: &str, value: &str, seconds| {
        response.append_header((SET_COOKIE, set(app, name, value, seconds)));
    };
    if let Some(value) = &cookies.browser {
        put(BROWSER, value, Some(DAY));
    }
    if let Some(value) = &cookies.session {
        put(SESSION, value, value.is_empty().then_some(0));
    }
    if let Some(value) = &cookies.device {
        put(DEVICE, value, Some(TRUSTED_FOR.num_seconds()));
    }
}

/// Whether a browser was led to an application a moment ago by a response that nobody asked for.
pub(crate) fn was_led(app: &App, req: &HttpRequest) -> bool {
    read(app, req, LED).is_some()
}

/// How it is remembered that it was.
pub(crate) fn led(app: &App) -> Option<HeaderValue> {
    set(app, LED, "1", Some(ONE_HOP)).parse().ok()
}

/// The language that somebody chose before.
pub(crate) fn language(app: &App, req: &HttpRequest) -> Option<String> {
    read(app, req, LANGUAGE)
}

/// How the choice of a language is remembered, for a year.
pub(crate) fn remember_language(app: &App, code: &str) -> String {
    set(app, LANGUAGE, code, Some(365 * DAY))
}
