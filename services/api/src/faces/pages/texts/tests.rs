use std::collections::BTreeSet;

use super::*;

/// The names of a text's values.
fn values(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

fn forms(text: &Text) -> Vec<&str> {
    match text {
        Text::Plain(text) => vec![text],
        Text::Counted { one, other } => vec![one, other],
    }
}

#[test]
fn every_language_says_everything() {
    let english = texts(PageLanguage::En);
    for language in PageLanguage::ALL {
        let those = texts(language);
        let names = |texts: &'static Texts| texts.keys().collect::<BTreeSet<_>>();
        let differ: Vec<_> = names(english).symmetric_difference(&names(those)).copied().collect();
        assert!(differ.is_empty(), "{language:?} lacks, or has alone: {differ:?}");
        for (name, text) in those {
            let (ours, english) = (forms(text), forms(&english[name]));
            assert_eq!(ours.len(), english.len(), "{language:?} {name}: a number or none");
            for (ours, english) in ours.iter().zip(english) {
                assert_eq!(values(ours), values(english), "{language:?} {name}");
            }
        }
    }
}

#[test]
fn texts_are_plain_and_calm() {
    for language in PageLanguage::ALL {
        for (name, text) in texts(language) {
            for form in forms(text) {
                let plain = !form.contains(['<', '>', '&', '!', '"', '\'', '\n']) && form.trim() == form && !form.is_empty();
                assert!(plain, "{language:?} {name}: {form}");
                // What ends a sentence in French is not torn from it by a line's end.
                let torn = language == PageLanguage::Fr && [" ?", " :", " ;"].iter().any(|end| form.contains(end));
                assert!(!torn, "{name}: {form}");
            }
        }
    }
}

#[test]
fn values_are_set_apart_and_escaped() {
    let name = |known: &'static str| move |name: &str| (name == "name").then(|| known.to_owned());
    assert_eq!(filled("A {name} & b", name("<b>\"'")).unwrap(), "A <bdi>&lt;b&gt;&quot;&#39;</bdi> &amp; b");
    assert_eq!(filled("{name}", name("{name}")).unwrap(), "<bdi>{name}</bdi>", "values are no texts");
    assert_eq!(filled("{other}", name("x")), None);
}

#[test]
fn numbers_choose_their_form() {
    let text = Text::Counted { one: "one".into(), other: "other".into() };
    let forms = |language| [0, 1, 2].map(|n| counted(&text, language, n));
    assert_eq!(forms(PageLanguage::De), ["other", "one", "other"]);
    assert_eq!(forms(PageLanguage::Fr), ["one", "one", "other"]);
}
