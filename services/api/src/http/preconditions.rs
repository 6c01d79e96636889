//! `If-Match` (RFC 9110, 13.1.1): the version that a caller saw, read by the header's grammar.
//!
//! Weak tags match here, though the RFC compares strongly: our tags are version numbers, and a proxy that compresses an answer, and so
//! has to weaken its tag (`W/"2"`) or to mark it (`"2-gzip"`), cannot change which version it is of. Compared as they stand, such a
//! client could never change anything.

use std::iter::Peekable;
use std::str::Chars;

use actix_web::{HttpRequest, http::header};

/// More tags than anybody sees versions of one thing.
const MOST: usize = 100;

/// The versions that `If-Match` names; `None`: there is no such header, or it says `*`, which is whatever is there. A tag that we never
/// gave out, and a header that is no list of tags, match nothing.
pub fn expected_versions(req: &HttpRequest) -> Option<Vec<i64>> {
    let lines: Vec<_> = req.headers().get_all(header::IF_MATCH).map(|line| line.to_str().unwrap_or("?")).collect();
    // Several lines are one list.
    (!lines.is_empty()).then(|| lines.join(",")).and_then(|value| versions(&value))
}

fn versions(value: &str) -> Option<Vec<i64>> {
    if value.trim() == "*" {
        return None;
    }
    Some(tags(value).unwrap_or_default().iter().filter_map(|tag| version(tag)).collect())
}

/// What stands between the quotation marks of each tag; `None` if the text is no list of tags.
fn tags(value: &str) -> Option<Vec<String>> {
    let (mut chars, mut tags) = (value.chars().peekable(), Vec::new());
    loop {
        // Lists may have empty elements.
        while chars.next_if(|c| matches!(c, ' ' | '\t' | ',')).is_some() {}
        if chars.peek().is_none() {
            return (tags.len() <= MOST).then_some(tags);
        }
        tags.push(tag(&mut chars)?);
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        if !matches!(chars.peek(), None | Some(',')) {
            return None;
        }
    }
}

fn tag(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    if chars.next_if_eq(&'W').is_some() {
        chars.next_if_eq(&'/')?;
    }
    chars.next_if_eq(&'"')?;
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            c if c.is_control() || c == ' ' => return None,
            c => text.push(c),
        }
    }
}

/// The version in a tag of ours, also if a proxy noted there how it compressed the answer.
fn version(tag: &str) -> Option<i64> {
    let end = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    let (number, mark) = tag.split_at(end);
    let coding = mark.trim_start_matches(['-', ';', ':']);
    let marked = coding.len() < mark.len() && ["gzip", "br", "deflate", "zstd"].contains(&coding);
    if mark.is_empty() || marked { number.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_of_the_header() {
        for (value, expected) in [
            ("\"2\"", &[2][..]),
            ("W/\"2\"", &[2]),
            ("  W/\"2\"\t", &[2]),
            ("\"1\", \"2\"", &[1, 2]),
            ("\"1\",W/\"2\"", &[1, 2]),
            (",, \"1\" ,\t, \"2\",", &[1, 2]),
            ("\"a,b\", \"2\"", &[2]),
            ("\"a\\\", \"2\"", &[2]),
            ("\"2-gzip\"", &[2]),
            ("W/\"2--gzip\"", &[2]),
            ("\"2;br\"", &[2]),
            ("\"999\"", &[999]),
            // Tags that we never give.
            ("\"\"", &[]),
            ("\"2x\"", &[]),
            ("\"2-\"", &[]),
            ("\"2gzip\"", &[]),
            ("\"-2\"", &[]),
            ("\"+2\"", &[]),
            ("\"2.0\"", &[]),
            ("\"99999999999999999999\"", &[]),
            // No tags.
            ("", &[]),
            ("2", &[]),
            ("w/\"2\"", &[]),
            ("W \"2\"", &[]),
            ("W/2", &[]),
            ("\"2", &[]),
            ("2\"", &[]),
            ("\"1\" \"2\"", &[]),
            ("\"2\"x", &[]),
            ("'2'", &[]),
            ("*, \"2\"", &[]),
            ("nonsense", &[]),
        ] {
            assert_eq!(versions(value).as_deref(), Some(expected), "{value}");
        }
        assert_eq!(versions(" * "), None, "whatever is there");
    }
}
