//! From a page to HTML.

use minijinja::value::Serde;
use serde::Serialize;

use super::{
    assets::{self, Assets},
    frame::Frame,
    language::PageLanguage,
    page::Page,
    safe_url::SafeUrl,
    templates::environment,
};

/// What a template sees.
#[derive(Serialize)]
struct Context<'a> {
    language: &'static str,
    brand: Plate<'a>,
    under: Option<&'a str>,
    languages: Vec<Choice>,
    assets: &'static Assets,
    mailed: Mailed,
    /// Where somebody signs out.
    sign_out: SafeUrl,
    failed: bool,
    page: &'a Page,
}

#[derive(Serialize)]
struct Plate<'a> {
    name: &'a str,
    logo: Option<SafeUrl>,
    stylesheet: Option<SafeUrl>,
}

/// A language to change to.
#[derive(Serialize)]
struct Choice {
    code: &'static str,
    name: &'static str,
    to: SafeUrl,
}

/// Where the forms behind mailed links are sent.
#[derive(Serialize)]
struct Mailed {
    verify_email: SafeUrl,
    change_email: SafeUrl,
    new_password: SafeUrl,
    setup: SafeUrl,
}

/// The page as HTML.
pub(crate) fn render(frame: &Frame, page: &Page) -> String {
    try_render(frame, page).unwrap_or_else(|e| {
        // A test renders every page in every language; what is left is a defect, and nobody's to see.
        tracing::error!(error = %e, page = page.template(), "a page cannot be rendered");
        "<!doctype html><html lang=\"en\"><title>Error</title><h1>Something went wrong on our side</h1><p>Try again in a few minutes."
            .to_owned()
    })
}

/// The same, or what is wrong with a template.
pub(super) fn try_render(frame: &Frame, page: &Page) -> Result<String, minijinja::Error> {
    let Frame { language, brand, under, here } = frame;
    let own = |path: &String| SafeUrl::own(path.as_str());
    let context = Context {
        language: language.code(),
        brand: Plate { name: &brand.name, logo: brand.logo.as_ref().map(own), stylesheet: brand.stylesheet.as_ref().map(own) },
        under: under.as_deref(),
        languages: languages(here),
        assets: assets::assets(),
        mailed: Mailed {
            verify_email: SafeUrl::own("/auth/verify-email"),
            change_email: SafeUrl::own("/auth/change-email"),
            new_password: SafeUrl::own("/auth/reset-password"),
            setup: SafeUrl::own("/setup"),
        },
        sign_out: SafeUrl::own("/oidc/logout"),
        failed: page.failed(),
        page,
    };
    let template = environment(*language).get_template(page.template())?;
    template.render(Serde(&context))
}

/// The same page in each language.
fn languages(here: &str) -> Vec<Choice> {
    if here.is_empty() {
        return Vec::new();
    }
    let (path, query) = here.split_once('?').unwrap_or((here, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("ui_locales="));
    let others: String = others.map(|pair| format!("{pair}&")).collect();
    let choice = |language: PageLanguage| {
        let (code, name) = (language.code(), language.name());
        Choice { code, name, to: SafeUrl::own(format!("{path}?{others}ui_locales={code}")) }
    };
    PageLanguage::ALL.map(choice).into()
}

#[cfg(test)]
mod tests;
