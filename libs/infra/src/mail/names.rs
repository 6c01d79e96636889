//! Cleaning of names that customers chose.

use domain::core::text::{is_plain, is_unseen};

/// Longer names are cut: nobody's name, but room for a message of one's own.
const LONGEST: usize = 80;

/// `text` in one line without control characters and without what is not seen, but for what letters and pictures are put together with.
pub(super) fn one_line(text: &str) -> String {
    let hides = |word: &str| !is_plain(word);
    let seen = |word: &str| word.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect::<String>();
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let clean = words.map(|word| if hides(word) { seen(word) } else { word.to_owned() }).collect::<Vec<_>>().join(" ");
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An address as it may stand in our own sentence: one line, nothing that ends or begins a tag or a quotation, not too long.
pub(super) fn address(text: &str) -> String {
    let line = one_line(&text.replace("://", " "));
    shortened(&line.chars().filter(|c| !is_quote(*c)).collect::<String>())
}

/// A name as it may stand between quotation marks in our own sentence: like an [`address`], and none itself. Mail programs make links of
/// whatever looks like a host, an address or a scheme, so what holds those together is taken apart: “pay.example” is “pay. example”.
pub(super) fn name(text: &str) -> String {
    let line: Vec<char> = one_line(text).chars().filter(|c| !is_quote(*c)).collect();
    let mut apart = String::new();
    for (at, &c) in line.iter().enumerate() {
        let holds = |c: Option<&char>| c.is_some_and(|c| !c.is_whitespace());
        let between = holds(at.checked_sub(1).and_then(|before| line.get(before))) && holds(line.get(at + 1));
        match c {
            '@' | '＠' | '﹫' => apart.push_str(" at "),
            // The dots that separate the labels of a host name (UTS 46), and what follows a scheme.
            '.' | '。' | '．' | '｡' | '․' | ':' | '：' | '﹕' if between => apart.extend([c, ' ']),
            '/' | '\\' | '／' | '＼' => apart.push(' '),
            _ => apart.push(c),
        }
    }
    shortened(&apart)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' | '〝' | '〞' | '〟' | '＂' | '<' | '>' | '＜' | '＞')
}

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        for (typed, cleaned) in [
            ("Acme", "Acme"),
            ("Jürgen & Söhne GmbH", "Jürgen & Söhne GmbH"),
            ("St. John's Inc.", "St. John's Inc."),
            ("می\u{200c}خواهم 👩\u{200d}💻", "می\u{200c}خواهم 👩\u{200d}💻"),
            ("Acme\r\nBcc: victim", "Acme Bcc: victim"),
            ("Acme\u{2028}\u{202e}gnp", "Acme gnp"),
            ("Ac\u{200b}me", "Ac me"),
            ("Acme\u{3164}\u{3164}x", "Acme x"),
            (
                "“Acme” your account is blocked, see https://evil.example",
                "Acme your account is blocked, see https: evil. example",
            ),
            ("www.evil.example/pay?x=1", "www. evil. example pay?x=1"),
            ("evil。example and evil．example", "evil。 example and evil． example"),
            ("write to ann@evil.example", "write to ann at evil. example"),
            ("ann＠evil", "ann at evil"),
            ("mailto:ann", "mailto: ann"),
            (r"\\evil\share", "evil share"),
            ("192.0.2.1:8080", "192. 0. 2. 1: 8080"),
            ("Booking.com", "Booking. com"),
            ("\0\t ", ""),
        ] {
            assert_eq!(name(typed), cleaned, "{typed:?}");
        }
        assert_eq!(name(&"ä".repeat(500)).chars().count(), LONGEST + 1);
        assert!(name(&"a.".repeat(500)).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn an_address_stays_an_address() {
        assert_eq!(address("ann.roe+x@müller.example"), "ann.roe+x@müller.example");
        assert_eq!(address("ann@x.example\r\nBcc: <bob@x.example>"), "ann@x.example Bcc: bob@x.example");
    }
}
