//! What a text is to the eye, and when two texts are one: Unicode's own properties and mappings, in the few ways that we use them.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        Alphabetic, BinaryProperty, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, GeneralCategory,
        GeneralCategoryGroup, IndicSyllabicCategory, JoiningType,
    },
};

const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';
/// Shows the character before it as a picture.
const AS_EMOJI: char = '\u{fe0f}';
const BLACK_FLAG: char = '\u{1f3f4}';
const LAST_TAG: char = '\u{e007f}';
/// Letters and symbols that leave their place empty.
const BLANK: [char; 3] = ['\u{2800}', '\u{fffc}', '\u{1d159}'];

fn is<P: BinaryProperty>(c: char) -> bool {
    CodePointSetData::new::<P>().contains(c)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether the character is not seen, or is there to change what is seen: controls, formatting (text direction, joiners, tags), line and
/// paragraph separators, and whatever Unicode says a program may leave out when it shows a text.
pub fn is_unseen(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    matches!(category(c), Control | Format | LineSeparator | ParagraphSeparator) || is::<DefaultIgnorableCodePoint>(c)
}

/// Whether the character leaves a mark of its own on the page: a letter, digit, sign or symbol that is not blank.
fn is_seen(c: char) -> bool {
    let groups = [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Number,
        GeneralCategoryGroup::Punctuation,
        GeneralCategoryGroup::Symbol,
    ];
    groups.iter().any(|group| group.contains(category(c))) && !is_unseen(c) && !BLANK.contains(&c)
}

/// Whether anything of the text is seen.
pub fn shows(text: &str) -> bool {
    text.chars().any(is_seen)
}

/// Whether a name for people may be written so: nothing unseen, but for what scripts and pictures are put together with. Those are the
/// joiners in scripts that need them and between emoji, the sign that asks for a picture behind an emoji, and the tags of a flag.
pub fn is_plain(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let (before, after) = (&chars[..at], &chars[at + 1..]);
        let fits = match c {
            _ if !is_unseen(c) => true,
            ZWNJ => joins_letters(before),
            ZWJ => joins_letters(before) || joins_emoji(before, after),
            AS_EMOJI => before.last().is_some_and(|c| is::<Emoji>(*c)),
            _ => false,
        };
        at += match flag(&chars[at..]) {
            Some(length) => length,
            None if fits => 1,
            None => return false,
        };
    }
    true
}

/// Whether a joiner means something behind these characters: they end with a letter of a script whose letters join (Arabic, Syriac, …) or
/// form syllables (Devanagari, Malayalam, …), or with a mark of such a letter.
fn joins_letters(before: &[char]) -> bool {
    let joining = CodePointMapData::<JoiningType>::new();
    let syllabic = |c: char| CodePointMapData::<IndicSyllabicCategory>::new().get(c) != IndicSyllabicCategory::Other;
    let is_mark = |c: char| GeneralCategoryGroup::Mark.contains(category(c));
    let mut letters = before.iter().rev().copied().skip_while(|c| is_mark(*c) && !syllabic(*c));
    letters.next().is_some_and(|c| {
        let joins = matches!(joining.get(c), JoiningType::DualJoining | JoiningType::LeftJoining | JoiningType::RightJoining);
        joins || (syllabic(c) && (is::<Alphabetic>(c) || is_mark(c)))
    })
}

/// Whether a joiner stands between two pictures.
fn joins_emoji(before: &[char], after: &[char]) -> bool {
    let mut pictures = before.iter().rev().copied().skip_while(|c| *c == AS_EMOJI || is::<EmojiModifier>(*c));
    let picture = |c: Option<char>| c.is_some_and(is::<ExtendedPictographic>);
    picture(pictures.next()) && picture(after.first().copied())
}

/// How many characters a flag with tags (England's) takes, if the text begins with one.
fn flag(text: &[char]) -> Option<usize> {
    if text.first() != Some(&BLACK_FLAG) {
        return None;
    }
    let tags = text[1..].iter().take_while(|c| matches!(c, '\u{e0020}'..='\u{e007e}')).count();
    ((1..=8).contains(&tags) && text.get(tags + 1) == Some(&LAST_TAG)).then_some(tags + 2)
}

/// What two spellings of one name have in common: compatible forms and letters' case do not tell names apart, nor does what is not seen
/// (NFKC and case folding, as in Unicode's `toNFKC_Casefold`).
pub fn name_key(name: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let folded = CaseMapper::new().fold_string(&nfkc.normalize(name)).into_owned();
    let seen: String = folded.chars().filter(|c| !is::<DefaultIgnorableCodePoint>(*c)).collect();
    // Folding can undo a composition, and the other way round.
    let again = CaseMapper::new().fold_string(&nfkc.normalize(&seen)).into_owned();
    nfkc.normalize(&again).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A secret text in the one spelling that is hashed (RFC 8265, `OpaqueString`): every kind of space is a space, and what can be typed
/// composed or decomposed is composed. Nothing else changes: neither case nor width.
pub fn opaque(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let space = |c: char| if category(c) == GeneralCategory::SpaceSeparator { ' ' } else { c };
    let spaced: String = text.chars().map(space).collect();
    Cow::Owned(ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned())
}

/// Whether a new secret may contain the character: not what no keyboard types, nor what has no meaning yet, since its one spelling could
/// change when it gets one.
pub fn may_be_secret(c: char) -> bool {
    !matches!(category(c), GeneralCategory::Control | GeneralCategory::Unassigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_with_unseen_characters_is_plain() {
        for text in [
            "Acme",
            "Ärzte & Söhne",
            "A\u{308}rzte",
            "株式会社",
            "می\u{200c}خواهم",
            "कर्\u{200d}म",
            "ക\u{d4d}\u{200d}",
            "র\u{200d}\u{9cd}য",
            "ශ්\u{200d}රී ලංකා",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "👩\u{200d}💻",
            "👩🏽\u{200d}🚀",
            "❤\u{fe0f}\u{200d}🔥",
            "🏳\u{fe0f}\u{200d}🌈",
            "🇩🇪",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        ] {
            assert!(is_plain(text) && shows(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_only_there_to_deceive_is_not() {
        for text in [
            "\u{3164}\u{3164}",
            "a\u{3164}",
            "\u{115f}a",
            "\u{ffa0}a",
            "ac\u{200b}me",
            "ac\u{200c}me",
            "ac\u{200d}me",
            "a\u{301}\u{200d}b",
            "\u{200d}a",
            "می\u{200c}\u{200c}خواهم",
            "\u{200d}💻",
            "👩\u{200d}",
            "👩\u{200d}a",
            "acme\u{202e}moc",
            "a\u{2066}b",
            "a\u{61c}b",
            "so\u{ad}ft",
            "a\u{feff}",
            "a\u{2060}b",
            "a\u{180e}b",
            "a\u{34f}b",
            "a\u{fe0f}",
            "\u{fe0f}\u{fe0f}",
            "a\u{fe0e}",
            "a\u{e0100}",
            "a\u{e0061}\u{e007f}",
            "\u{e0067}\u{e007f}",
            "🏴\u{e0067}\u{e0062}",
            "🏴\u{e007f}",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\nb",
            "a\u{85}b",
            "a\u{7f}",
            "a\u{fff9}b",
        ] {
            assert!(!is_plain(text), "{text:?}");
        }
        for text in ["", "  ", "\u{2800}\u{2800}", "\u{301}\u{301}", "\u{a0}\u{3000}", "\u{fffc}", "\u{e000}\u{e000}"] {
            assert!(!shows(text), "{text:?}");
        }
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for (one, other) in [
            ("Acme", "ACME"),
            ("Ärzte", "A\u{308}RZTE"),
            ("Straße", "STRASSE"),
            ("ＡＣＭＥ", "acme"),
            ("ﬁsh", "FISH"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("a\u{a0}b", "A  B"),
            ("می\u{200c}خواهم", "میخواهم"),
            ("❤\u{fe0f}", "❤"),
            ("\u{345}α", "\u{399}Α"),
        ] {
            assert_eq!(name_key(one), name_key(other), "{one} {other}");
            assert_eq!(name_key(&name_key(one)), name_key(one), "{one}: a key is its own");
        }
        for (one, other) in [("acme", "acne"), ("a b", "ab"), ("résumé", "resume"), ("аcme", "acme")] {
            assert_ne!(name_key(one), name_key(other));
        }
    }

    #[test]
    fn a_secret_has_one_spelling() {
        for (typed, hashed) in [
            ("correct horse", "correct horse"),
            ("pa\u{308}sswort", "pässwort"),
            ("a\u{a0}b\u{3000}c\u{1680}d", "a b c d"),
            ("한국", "한국"),
            ("Å", "Å"),
            ("\u{2126}", "Ω"),
            ("\u{323}\u{307}a", "\u{323}\u{307}a"),
            ("ＷＩＤＥ", "ＷＩＤＥ"),
            ("ﬁ", "ﬁ"),
            ("Case", "Case"),
            (" edges ", " edges "),
        ] {
            assert_eq!(opaque(typed), hashed, "{typed:?}");
            assert_eq!(opaque(&opaque(typed)), opaque(typed));
        }
    }
}
