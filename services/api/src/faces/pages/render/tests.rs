use std::collections::BTreeSet;

use domain::tenancy::branding::Theme;

use self::{
    samples::pages,
    tags::{Tag, tags},
};
use super::*;
use crate::faces::pages::{frame::Brand, templates::SOURCES};

mod samples;
mod tags;

fn frame(language: PageLanguage, value: &str) -> Frame {
    let brand = Brand { name: value.to_owned(), logo: Some(value.to_owned()), stylesheet: Some(value.to_owned()) };
    Frame { language, brand, under: Some(value.to_owned()), here: format!("/signin/7Qm2?x={value}&ui_locales=it") }
}

/// What a page consists of, without the values.
fn skeleton(tags: &[Tag]) -> Vec<(String, Vec<&str>)> {
    tags.iter().map(|tag| (tag.name.clone(), tag.attributes.iter().map(|(name, _)| name.as_str()).collect())).collect()
}

fn each(value: &str, check: impl Fn(&str, &Page, &[Tag])) {
    for language in PageLanguage::ALL {
        for page in pages(value) {
            let html = try_render(&frame(language, value), &page).unwrap_or_else(|e| panic!("{language:?} {page:?}: {e:#}"));
            check(&html, &page, &tags(&html));
        }
    }
}

#[test]
fn no_value_adds_anything_to_a_page() {
    let long = "Donaudampfschifffahrtsgesellschaft".repeat(200);
    for value in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' autofocus onfocus='alert(1)",
        "</title><script>alert(1)</script>",
        "--><svg onload=alert(1)>",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example/x",
        "{{ 7 * 7 }}{% raw %}{name}{n}",
        "\u{202e}\u{2066}شركة الطاقة\u{202d} ltr",
        "a\0b\r\nc\td",
        &long,
    ] {
        for language in PageLanguage::ALL {
            for (page, harmless) in pages(value).iter().zip(pages("harmless")) {
                let [html, expected] = [(value, page), ("harmless", &harmless)].map(|(value, page)| {
                    try_render(&frame(language, value), page).unwrap_or_else(|e| panic!("{language:?} {page:?}: {e:#}"))
                });
                let [found, expected] = [tags(&html), tags(&expected)];
                assert_eq!(skeleton(&found), skeleton(&expected), "{language:?} {page:?}\n{html}");
                assert!(!value.contains("7 * 7") || html.contains("{{ 7 * 7 }}"), "{html}");
                for (name, link) in found.iter().flat_map(Tag::links) {
                    let safe = link.starts_with("https://app.example/") || (link.starts_with('/') && !link.starts_with("//"));
                    assert!(safe, "{name}={link}");
                }
            }
        }
    }
}

#[test]
fn pages_that_know_little_can_be_shown() {
    each("", |_, _, _| {});
    let html = render(&Frame::default(), &Page::DeadLink);
    assert!(html.contains("<bdi>Tenantry</bdi>") && !html.contains("<footer"), "{html}");
}

#[test]
fn every_template_is_shown_by_a_page() {
    let shown: BTreeSet<_> = pages("x").iter().map(Page::template).chain(["base.html", "parts.html"]).collect();
    assert_eq!(shown, SOURCES.iter().map(|(name, _)| *name).collect());
}

#[test]
fn names_and_addresses_do_not_turn_the_text_around_them() {
    each("שלום", |html, page, _| {
        let body = html.split_once("<main").expect("a body").1;
        for (at, _) in body.match_indices("שלום") {
            let before = &body[..at];
            let own = ["<bdi>", "=\"", "?x=", "<bdi dir=\"ltr\">", "<code dir=\"ltr\">", "translate=\"no\">", "dir=\"ltr\">"];
            assert!(own.iter().any(|start| before.ends_with(start)), "{page:?}\n{html}");
        }
    });
}

/// WCAG 2.2: each field has a label, says what is wrong with it, and no two things have one name.
#[test]
fn fields_are_labelled_and_errors_belong_to_them() {
    each("ann@example.com", |html, page, tags| {
        let all = |name: &str| tags.iter().filter_map(|tag| tag.get(name)).map(str::to_owned).collect::<Vec<_>>();
        let (ids, labels) = (all("id"), all("for"));
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{html}");
        for named in all("aria-describedby").iter().flat_map(|names| names.split(' ')) {
            assert!(ids.iter().any(|id| id == named), "{named} in {html}");
        }
        let inputs: Vec<_> = tags.iter().filter(|tag| tag.name == "input" && tag.get("type") != Some("hidden")).collect();
        for input in inputs.iter().filter(|input| input.get("hidden").is_none()) {
            assert!(
                input.get("autocomplete").is_some() && input.get("id").is_some_and(|id| labels.iter().any(|l| l == id)),
                "{html}"
            );
        }
        let count = |name: &str| inputs.iter().filter(|input| input.get(name).is_some()).count();
        if count("aria-invalid") > 0 {
            let first = inputs.iter().find(|input| input.get("aria-invalid").is_some()).expect("a field");
            assert!(first.get("autofocus").is_some(), "the first bad field has the focus: {html}");
        }
        assert!(count("autofocus") <= 1, "{html}");
        assert_eq!(
            html.contains("<title>Error: ") || html.contains("<title>Fehler: ") || html.contains("<title>Erreur: "),
            page.failed()
        );
        assert_eq!(html.matches("<h1>").count(), 1, "{html}");
        assert!(html.contains("lang=\""), "{html}");
    });
}

#[test]
fn a_page_is_small() {
    let brand = Theme::of(&"#1f4fd8".parse().unwrap()).stylesheet();
    let style = include_str!("../assets/style.css");
    let names = "Norddeutsche Genossenschaft für Energie eG";
    each(names, |html, page, _| {
        let all = html.len() + style.len() + brand.len();
        assert!(all <= 30 * 1024, "{all} bytes: {page:?}");
    });
}

/// The engine knows no URL, CSS or script contexts: templates have none but `href`, `src` and `action`, of checked values.
#[test]
fn templates_keep_to_what_the_engine_can_escape() {
    for (name, source) in SOURCES {
        for banned in ["|safe", "| safe", "autoescape", "<style", "srcdoc", "<iframe", "<!--", "{% raw", "http-equiv"] {
            assert!(!source.contains(banned), "{name}: {banned}");
        }
        let scripts = source.matches("<script").count();
        let ours =
            |asset: &str| source.matches(&format!("<script src=\"{{{{ assets.{asset}.href }}}}\" defer></script>")).count();
        assert_eq!(scripts, ours("submit") + ours("passkey"), "{name}");
        for attribute in ["href", "src", "action", "formaction", "poster", "data"] {
            for (at, start) in source.match_indices(&format!(" {attribute}=")) {
                let value = source[at + start.len()..].strip_prefix("\"{{ ").and_then(|rest| rest.split_once(" }}\""));
                let checked = value.is_some_and(|(value, _)| value.ends_with(".href") && !value.contains(['{', '|', '"']));
                assert!(checked, "{name}: {attribute} has a value that was not checked");
            }
        }
        for tag in tags(&plain(source)) {
            for (attribute, _) in &tag.attributes {
                let runs = attribute == "style" || attribute.starts_with("on");
                assert!(!runs && attribute.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'), "{name}: {attribute}");
            }
        }
    }
}

/// A template without what the engine does.
fn plain(source: &str) -> String {
    let mut rest = source.to_owned();
    for (start, end, instead) in [("{{", "}}", "x"), ("{%", "%}", " ")] {
        while let Some((before, after)) = rest.split_once(start) {
            let (_, after) = after.split_once(end).expect("an end");
            rest = format!("{before}{instead}{after}");
        }
    }
    rest
}
