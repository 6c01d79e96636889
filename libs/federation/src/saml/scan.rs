//! The first look at a document, at its bytes, before any parser: what would make parsers slow, or lets two of them see two documents,
//! is refused here (T02, T11).
//!
//! It knows of XML only where tags begin and end. What it gets wrong about a document that is not well-formed does not matter: the parser that
//! comes next refuses that.

use roxmltree::{Document, ParsingOptions};

use super::names::{Judged, ensure, refuse};
use domain::identity::saml::Check;

/// A response with some thousand groups stays below.
pub(super) const LARGEST: usize = 256 * 1024;
const DEEPEST: usize = 32;
const MOST_ATTRIBUTES: usize = 64;
/// Declarations in scope are a factor in every element's cost, in every parser and canonicalizer.
const MOST_NAMESPACES: usize = 48;
const MOST_ELEMENTS: usize = 20_000;
const MOST_NODES: u32 = 60_000;

/// Parses a document that passes the scan. Whatever was parsed otherwise must not be judged.
pub(super) fn parse(xml: &str) -> Judged<Document<'_>> {
    scan(xml)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    match Document::parse_with_options(xml, options) {
        Ok(document) => Ok(document),
        Err(_) => refuse(Check::Document, "not well-formed"),
    }
}

pub(super) fn scan(xml: &str) -> Judged<()> {
    ensure(xml.len() <= LARGEST, "too large")?;
    ensure(!xml.starts_with('\u{feff}') && !xml.contains('\0'), "byte order mark or NUL")?;
    declaration(xml)?;
    let bytes = xml.as_bytes();
    let (mut at, mut elements) = (0, 0);
    // Of each open element how many namespaces it declares, and the sum of that.
    let (mut open, mut declared): (Vec<usize>, usize) = (Vec::new(), 0);
    while let Some(begin) = next(bytes, at, b'<') {
        match bytes.get(begin + 1) {
            Some(b'!') => return refuse(Check::Document, "comment, CDATA or document type"),
            Some(b'?') => {
                ensure(begin == 0 && xml.starts_with("<?xml "), "processing instruction")?;
                at = begin + 2;
            }
            Some(b'/') => {
                let Some(closed) = open.pop() else { return refuse(Check::Document, "not well-formed") };
                declared -= closed;
                at = begin + 2;
            }
            _ => {
                let end = tag(bytes, begin + 1)?;
                elements += 1;
                ensure(elements <= MOST_ELEMENTS, "too many elements")?;
                let own = declarations(&bytes[begin..end]);
                ensure(declared + own <= MOST_NAMESPACES, "too many namespaces in scope")?;
                if bytes[end - 1] != b'/' {
                    open.push(own);
                    declared += own;
                    ensure(open.len() <= DEEPEST, "too deep")?;
                }
                at = end + 1;
            }
        }
    }
    Ok(())
}

fn next(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    bytes.get(from..)?.iter().position(|byte| *byte == wanted).map(|offset| from + offset)
}

/// XML 1.0, in UTF-8.
fn declaration(xml: &str) -> Judged<()> {
    if !xml.starts_with("<?xml") {
        return Ok(());
    }
    let Some(end) = xml.find("?>") else { return refuse(Check::Document, "not well-formed") };
    let declaration = xml[..end].to_ascii_lowercase();
    let is_utf8 = !declaration.contains("encoding") || declaration.contains("\"utf-8\"") || declaration.contains("'utf-8'");
    ensure(is_utf8, "another encoding than UTF-8")?;
    ensure(declaration.contains("\"1.0\"") || declaration.contains("'1.0'"), "another version than XML 1.0")
}

/// Where the tag whose name begins at `from` ends.
fn tag(bytes: &[u8], from: usize) -> Judged<usize> {
    let (mut quote, mut attributes) = (None, 0);
    for (offset, byte) in bytes[from..].iter().enumerate() {
        match (quote, byte) {
            (_, b'<') => return refuse(Check::Document, "not well-formed"),
            (Some(open), close) if open == *close => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'=') => {
                attributes += 1;
                ensure(attributes <= MOST_ATTRIBUTES, "too many attributes")?;
            }
            (None, b'>') => return Ok(from + offset),
            (None, _) => {}
        }
    }
    refuse(Check::Document, "not well-formed")
}

fn declarations(tag: &[u8]) -> usize {
    tag.windows(6).filter(|window| window[0].is_ascii_whitespace() && &window[1..] == b"xmlns").count()
}
