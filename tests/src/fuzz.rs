//! Fuzz targets: every parser of hostile input, each with what must hold for whatever it is given. They panic when it does not.
//!
//! The same functions run twice: under libFuzzer, which looks for inputs by itself (`make fuzz`, tests/fuzz), and in `make test` over the
//! seeds in tests/fuzz/corpus and some thousand mutations of them, so that they cannot rot.

mod config;
mod egress;
mod exports;
mod http;
mod saml;
mod secrets;
mod tokens;
mod values;

/// A target: takes any bytes, panics if a promise is broken.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("values", values::values),
    ("ids", values::ids),
    ("body", http::body),
    ("query", http::query),
    ("headers", http::headers),
    ("forwarded", http::forwarded),
    ("url", egress::url),
    ("jwt", tokens::jwt),
    ("claims", tokens::claims),
    ("opaque", tokens::opaque),
    ("signature", secrets::signature),
    ("sealed", secrets::sealed),
    ("masters", secrets::masters),
    ("config", config::config),
    ("export", exports::export),
    ("merkle", exports::merkle),
    ("saml_response", saml::response),
    ("saml_splice", saml::splice),
    ("saml_query", saml::query),
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// The bytes as text; what is not UTF-8 never reaches those parsers that take text.
fn text(data: &[u8]) -> &str {
    std::str::from_utf8(data).unwrap_or_default()
}

/// Cuts a text into `N` fields at its line ends; the last one takes the rest.
fn fields<const N: usize>(text: &str) -> [&str; N] {
    let mut parts = text.splitn(N, '\n');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
