//! The syntax of texts: everything stands for itself but `{{ name }}`.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'s> {
    /// Stands for itself.
    Text(&'s str),
    /// Stands for a value.
    Variable(&'s str),
}

impl<'s> Piece<'s> {
    /// The name of a variable.
    pub const fn name(&self) -> Option<&'s str> {
        match self {
            Self::Text(_) => None,
            Self::Variable(name) => Some(name),
        }
    }
}

/// Why a text has no pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// A variable is not closed.
    Open,
}

/// The pieces of a text.
pub fn pieces(source: &str) -> Result<Vec<Piece<'_>>, Bad> {
    let (mut rest, mut found) = (source, Vec::new());
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or(Bad::Open)?;
        found.extend([Piece::Text(before), Piece::Variable(name.trim())]);
        rest = behind;
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// The text with its values, which are escaped where it is HTML. One that was not checked stands for itself.
pub fn filled(source: &str, value: &impl Fn(&str) -> String, html: bool) -> String {
    let Ok(pieces) = pieces(source) else { return source.to_owned() };
    let show = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Variable(name) if html => escaped(&value(name)),
        Piece::Variable(name) => value(name),
    };
    pieces.iter().map(show).collect()
}

/// A text as HTML shows it, between tags and within quotation marks.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            c => out.push(c),
        }
    }
    out
}
