//! Which host a request was made to (T36). `Host` says what its sender likes, and leads nowhere: links begin with the configured address. It
//! chooses an organization only where a trusted proxy passed it on, which took the connection for a host that it has a certificate for, and only
//! if that organization has proven the host. `X-Forwarded-Host` is not read at all: proxies pass on what clients write there.

use actix_web::{HttpRequest, http::header, web};
use app::App;
use domain::{Result, tenancy::domains::DomainName};
use store::tenancy::domains::PublicHost;

use super::proxies::TrustedProxies;

impl TrustedProxies {
    /// The host that a request was made to, if a trusted proxy passed it on and it is a name that somebody could have proven.
    pub fn host_of(&self, req: &HttpRequest) -> Option<DomainName> {
        if !self.passed_on(req) {
            return None;
        }
        let lines: Vec<&[u8]> = req.headers().get_all(header::HOST).map(|value| value.as_bytes()).collect();
        host(req.uri().authority().map(|authority| authority.as_str()), &lines)
    }
}

/// The host that a request was made to, if it may be an organization's: a name that a trusted proxy passed on, and not ours, which nobody can claim
/// and where nearly every request is made.
pub(crate) fn foreign(app: &App, req: &HttpRequest) -> Option<DomainName> {
    let host = req.app_data::<web::Data<TrustedProxies>>()?.host_of(req)?;
    let is_ours = url::Url::parse(&app.settings.public_url).is_ok_and(|url| url.host_str() == Some(host.as_str()));
    (!is_ours).then_some(host)
}

/// The host that a request was made to, and the organization whose own it is; `None` at every other host.
pub(crate) async fn organization_of(app: &App, req: &HttpRequest) -> Result<Option<(DomainName, PublicHost)>> {
    let Some(host) = foreign(app, req) else { return Ok(None) };
    Ok(app.public_host(&host).await?.map(|found| (host, found)))
}

/// The name, without its port, if all that says one says the same.
fn host(authority: Option<&str>, lines: &[&[u8]]) -> Option<DomainName> {
    let written = match (authority, lines) {
        (None, [line]) => std::str::from_utf8(line).ok()?,
        (Some(authority), []) => authority,
        (Some(authority), [line]) if authority.as_bytes() == *line => authority,
        _ => return None,
    };
    let name = match written.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) => return None,
        None => written,
    };
    // In the one spelling that is compared. What browsers send is ASCII already.
    if name.is_ascii() && !name.contains(char::is_whitespace) { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name_in_one_spelling() {
        for (authority, lines, expected) in [
            (None, &["auth.acme.example"][..], Some("auth.acme.example")),
            (None, &["auth.acme.example:443"], Some("auth.acme.example")),
            (None, &["AUTH.Acme.Example:8443"], Some("auth.acme.example")),
            (None, &["auth.acme.example."], Some("auth.acme.example")),
            (None, &["xn--bcher-kva.example"], Some("xn--bcher-kva.example")),
            (Some("auth.acme.example"), &[], Some("auth.acme.example")),
            (Some("auth.acme.example:443"), &["auth.acme.example:443"], Some("auth.acme.example")),
            // Two that differ, or two at all.
            (Some("auth.acme.example"), &["evil.example"], None),
            (Some("auth.acme.example"), &["auth.acme.example", "auth.acme.example"], None),
            (None, &["auth.acme.example", "evil.example"], None),
            (None, &["auth.acme.example", "auth.acme.example"], None),
            // No name.
            (None, &[], None),
            (None, &[""], None),
            (None, &["localhost"], None),
            (None, &["127.0.0.1:8080"], None),
            (None, &["[::1]:8080"], None),
            (None, &["0x7f.1"], None),
            (None, &["2130706433"], None),
            (None, &["auth.acme.example, evil.example"], None),
            (None, &["auth.acme.example evil.example"], None),
            (None, &["auth.acme.example:"], None),
            (None, &["auth.acme.example:x"], None),
            (None, &["auth.acme.example:443:80"], None),
            (None, &["ann@auth.acme.example"], None),
            (None, &["auth.acme.example/x"], None),
            (None, &["auth.acme.example?x"], None),
            (None, &["auth.acme.example#x"], None),
            (None, &["https://auth.acme.example"], None),
            (None, &["*.acme.example"], None),
            (None, &["a_b.acme.example"], None),
            (None, &["%61uth.acme.example"], None),
            (None, &["bücher.example"], None),
            (None, &["ａuth.acme.example"], None),
            (None, &["auth.acme.example\u{0}"], None),
        ] {
            let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            let found = host(authority, &bytes);
            assert_eq!(found.as_ref().map(DomainName::as_str), expected, "{authority:?} {lines:?}");
        }
        assert_eq!(host(None, &[b"auth.acme\xff.example"]), None);
    }
}
