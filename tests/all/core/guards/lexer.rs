//! As much of Rust's lexical rules as is needed to tell code, comments and string literals apart.

use std::iter::Peekable;

type Chars<'a> = Peekable<std::str::CharIndices<'a>>;

/// Code without comments and with empty literals, and the literals with the numbers of their lines.
pub(super) fn split(text: &str) -> (String, Vec<(usize, String)>) {
    let (mut code, mut literals, mut chars) = (String::new(), Vec::new(), text.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        if rest.starts_with("//") {
            skip(&mut chars, rest.split('\n').next().unwrap_or_default().chars().count() - 1);
        } else if rest.starts_with("/*") {
            skip(&mut chars, rest[..block(rest)].chars().count() - 1);
        } else if let Some(hashes) = raw(rest).filter(|_| !code.ends_with(|c: char| c.is_alphanumeric() || c == '_')) {
            let (open, close) = (hashes + 2 + usize::from(c != 'r'), format!("\"{}", "#".repeat(hashes)));
            let literal = &rest[open..open + rest[open..].find(&close).unwrap_or(rest.len() - open)];
            literals.push((line(text, at), literal.to_owned()));
            code.push_str("\"\"");
            skip(&mut chars, rest[..(open + literal.len() + close.len()).min(rest.len())].chars().count() - 1);
        } else if c == '"' {
            literals.push((line(text, at), string(&mut chars)));
            code.push_str("\"\"");
        } else if c == '\'' {
            character(&mut chars, rest);
            code.push('\'');
        } else {
            code.push(c);
        }
    }
    (code, literals)
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn skip(chars: &mut Chars<'_>, count: usize) {
    for _ in 0..count {
        chars.next();
    }
}

/// The length of a comment, which may hold others.
fn block(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(two) = rest.get(at..) {
        if two.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if two.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += two.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// How many `#` a raw literal has that begins here.
fn raw(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.chars().take_while(|c| *c == '#').count();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn string(chars: &mut Chars<'_>) -> String {
    let mut literal = String::new();
    while let Some((_, c)) = chars.next() {
        match c {
            '"' => break,
            '\\' => literal.extend(chars.next().map(|(_, escaped)| if escaped == '\n' { ' ' } else { escaped })),
            c => literal.push(c),
        }
    }
    literal
}

/// `'x'` and `'\n'`, but not a lifetime.
fn character(chars: &mut Chars<'_>, rest: &str) {
    let mut inside = rest.chars().skip(1);
    let (first, second) = (inside.next(), inside.next());
    if first == Some('\\') {
        skip(chars, 2);
        while chars.next().is_some_and(|(_, c)| c != '\'') {}
    } else if second == Some('\'') {
        skip(chars, 2);
    }
}
