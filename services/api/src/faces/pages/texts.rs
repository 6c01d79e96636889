//! What the pages say, in each language: TOML, plain text without markup. Values stand at their names in braces, and the page sets each
//! apart from the sentence around it (`<bdi>`), so that no name can turn it round or add markup to it.

use std::{collections::BTreeMap, fmt::Write, sync::LazyLock};

use super::language::PageLanguage;

/// A text, or one for each number.
#[derive(Debug, PartialEq)]
pub(super) enum Text {
    /// The same for all.
    Plain(String),
    /// By the number `{n}`.
    Counted { one: String, other: String },
}

/// All texts of a language, by their names with dots.
pub(super) type Texts = BTreeMap<String, Text>;

/// The texts of a language.
pub(super) fn texts(language: PageLanguage) -> &'static Texts {
    static ALL: LazyLock<[Texts; 3]> = LazyLock::new(|| {
        // They are part of the program, and a test reads each.
        let read = |source: &str| parsed(source).unwrap_or_else(|e| panic!("texts of the pages: {e}"));
        [read(include_str!("texts/en.toml")), read(include_str!("texts/de.toml")), read(include_str!("texts/fr.toml"))]
    });
    let [en, de, fr] = &*ALL;
    match language {
        PageLanguage::En => en,
        PageLanguage::De => de,
        PageLanguage::Fr => fr,
    }
}

fn parsed(source: &str) -> Result<Texts, toml::de::Error> {
    let mut texts = Texts::new();
    flatten("", &toml::from_str(source)?, &mut texts);
    Ok(texts)
}

fn flatten(above: &str, table: &toml::Table, texts: &mut Texts) {
    for (name, value) in table {
        let key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        match value {
            toml::Value::String(text) => _ = texts.insert(key, Text::Plain(text.clone())),
            toml::Value::Table(below) => match (below.get("one"), below.get("other")) {
                (Some(toml::Value::String(one)), Some(toml::Value::String(other))) => {
                    texts.insert(key, Text::Counted { one: one.clone(), other: other.clone() });
                }
                _ => flatten(&key, below, texts),
            },
            _ => {}
        }
    }
}

/// The form of a text for a number. Zero is one in French.
pub(super) fn counted(text: &Text, language: PageLanguage, n: u64) -> &str {
    let singular = n == 1 || (n == 0 && language == PageLanguage::Fr);
    match text {
        Text::Counted { one, .. } if singular => one,
        Text::Counted { other, .. } => other,
        Text::Plain(text) => text,
    }
}

/// A text with its values, as HTML. `None` if one of them was not given.
pub(super) fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut html, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        write!(html, "{}<bdi>{}</bdi>", escaped(before), escaped(&value(name)?)).ok()?;
        rest = after;
    }
    html.push_str(&escaped(rest));
    Some(html)
}

/// A text as it may stand in HTML, within an element or a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // A parser drops or replaces it.
            '\0' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests;
