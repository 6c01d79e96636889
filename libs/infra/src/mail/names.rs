//! Cleaning of names that customers chose.

/// Longer names are cut: nobody's name, but room for a message of one's own.
const LONGEST: usize = 80;

/// Characters that are not seen but change what is: text direction, zero width, soft hyphen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `text` in one line without control and invisible characters.
pub(super) fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect::<String>();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name as it may stand between quotation marks in our own sentence: one line, no quotation marks of its own, nothing that a mail
/// program turns into a link by its scheme, not too long.
pub(super) fn clean(name: &str) -> String {
    let line = one_line(&name.replace("://", " "));
    let plain = line.chars().filter(|c| !matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '<' | '>'));
    let short: String = plain.take(LONGEST + 1).collect();
    match short.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", short[..end].trim_end()),
        None => short.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name() {
        for (name, cleaned) in [
            ("Acme", "Acme"),
            ("Jürgen & Söhne GmbH", "Jürgen & Söhne GmbH"),
            ("Acme\r\nBcc: victim@x.example", "Acme Bcc: victim@x.example"),
            ("Acme\u{2028}\u{202e}gnp.exe", "Acme gnp.exe"),
            ("“Acme” your account is blocked, see https://evil.example", "Acme your account is blocked, see https evil.example"),
            ("\0\t ", ""),
        ] {
            assert_eq!(clean(name), cleaned, "{name:?}");
        }
        assert_eq!(clean(&"ä".repeat(500)).chars().count(), LONGEST + 1);
    }
}
