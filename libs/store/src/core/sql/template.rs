//! How [`sql!`] makes the texts of a statement, while compiling.

use domain::delivery::webhooks::DeliveryState;

use super::Column;

/// A statement with words in braces (see the module above), as a constant [`super::Sql`].
macro_rules! sql {
    ($text:literal, rows = $first:literal ($($column:ident: $kind:ty),* $(,)?) $(, $part:ident = $value:path)* $(,)?) => {
        $crate::core::sql::sql!(@ [$($crate::core::sql::Column::of::<$kind>(stringify!($column))),*] $first $text $(, $part = $value)*)
    };
    ($text:literal $(, $part:ident = $value:path)* $(,)?) => {
        $crate::core::sql::sql!(@ [] 0 $text $(, $part = $value)*)
    };
    (@ [$($columns:expr),*] $first:literal $text:literal $(, $part:ident = $value:path)*) => {{
        use $crate::core::sql::template::{Buffer, Template};
        const TEMPLATE: Template = Template {
            text: $text,
            parts: &[$((stringify!($part), $value)),*],
            columns: &[$($columns),*],
            first: $first,
        };
        const POSTGRES: Buffer = TEMPLATE.render(true);
        const SQLITE: Buffer = TEMPLATE.render(false);
        const ON_POSTGRES: &[u8; POSTGRES.len()] = &POSTGRES.cut();
        const ON_SQLITE: &[u8; SQLITE.len()] = &SQLITE.cut();
        $crate::core::sql::Sql {
            postgres: match std::str::from_utf8(ON_POSTGRES) { Ok(text) => text, Err(_) => panic!("not UTF-8") },
            sqlite: match std::str::from_utf8(ON_SQLITE) { Ok(text) => text, Err(_) => panic!("not UTF-8") },
            columns: [$($columns),*],
            first: $first,
        }
    }};
}
pub(crate) use sql;

/// The states of a queue's rows (deliveries and mails) as the tables keep them.
const STATES: &[(&str, &str)] = &[
    ("waiting", "0"),
    ("in_flight", "1"),
    ("delivered", "2"),
    ("failed", "3"),
    ("open", "state < 2"),
    ("finished", "state >= 2"),
];
const _: () = assert!(
    DeliveryState::Waiting as i16 == 0
        && DeliveryState::InFlight as i16 == 1
        && DeliveryState::Delivered as i16 == 2
        && DeliveryState::Failed as i16 == 3
);

/// A statement as it was written.
pub(crate) struct Template {
    pub(crate) text: &'static str,
    pub(crate) parts: &'static [(&'static str, &'static str)],
    pub(crate) columns: &'static [Column],
    pub(crate) first: usize,
}

impl Template {
    pub(crate) const fn render(&self, postgres: bool) -> Buffer {
        let mut out = self.expand(self.text, Buffer::new(), postgres);
        while out.len > 0 && out.bytes[out.len - 1] == b' ' {
            out.len -= 1;
        }
        out
    }

    const fn expand(&self, text: &str, mut out: Buffer, postgres: bool) -> Buffer {
        let mut rest = text;
        while let Some((before, from)) = split(rest, b'{') {
            out.push(before);
            let Some((word, after)) = split(from, b'}') else { panic!("a brace is not closed") };
            rest = after;
            out = self.word(word, out, postgres);
        }
        out.push(rest);
        out
    }

    const fn word(&self, word: &str, mut out: Buffer, postgres: bool) -> Buffer {
        if equal(word, "rows") {
            assert!(
                !self.columns.is_empty(),
                "the word `rows` is for a table of many rows: say which, or name the part otherwise"
            );
            return if postgres { self.arrays(out, false) } else { self.json(out) };
        }
        if equal(word, "hidden rows") {
            return if postgres { self.arrays(out, true) } else { self.json(out) };
        }
        if word.len() > 7 && equal(word.split_at(7).0, "hidden ") {
            out.push(if postgres { "(select " } else { "" });
            out.push(word.split_at(7).1);
            out.push(if postgres { "::bigint)" } else { "" });
            return out;
        }
        if equal(word, "clock") {
            out.push(if postgres { "clock_timestamp()" } else { "null" });
            return out;
        }
        if equal(word, "bytewise") {
            // SQLite compares bytes anyway.
            out.push(if postgres { " collate \"C\"" } else { "" });
            return out;
        }
        if word.len() > 4 && equal(word.split_at(4).0, "for ") {
            if postgres {
                out.push(word);
            }
            return out;
        }
        match (find(self.parts, word), find(STATES, word)) {
            (Some(part), _) => self.expand(part, out, postgres),
            (None, Some(state)) => {
                out.push(state);
                out
            }
            (None, None) => panic!("a word in braces that nobody knows"),
        }
    }

    /// `unnest($2::uuid[]) as v(id)`, or a select around it that gives back the nulls.
    const fn arrays(&self, mut out: Buffer, hidden: bool) -> Buffer {
        let mut nullable = false;
        let mut n = 0;
        while n < self.columns.len() {
            nullable |= self.columns[n].nullable;
            n += 1;
        }
        if nullable {
            out.push("(select ");
            n = 0;
            while n < self.columns.len() {
                out.separate(n);
                out.with_nulls(self.columns[n]);
                n += 1;
            }
            out.push(" from ");
        }
        out.push("unnest(");
        n = 0;
        while n < self.columns.len() {
            out.separate(n);
            out.push(if hidden { "(select $" } else { "$" });
            out.number(self.first + n);
            out.push("::");
            out.push(self.columns[n].kind.postgres());
            out.push(if hidden { "[])" } else { "[]" });
            n += 1;
        }
        out.push(if nullable { ") as u(" } else { ") as v(" });
        n = 0;
        while n < self.columns.len() {
            out.separate(n);
            out.push(self.columns[n].name);
            n += 1;
        }
        out.push(if nullable { ")) as v" } else { ")" });
        out
    }

    /// `(select unhex(j.value ->> 0) as id from json_each($2) as j) as v`.
    const fn json(&self, mut out: Buffer) -> Buffer {
        out.push("(select ");
        let mut n = 0;
        while n < self.columns.len() {
            out.separate(n);
            let uuid = matches!(self.columns[n].kind, super::rows::Kind::Uuid);
            out.push(if uuid { "unhex(j.value ->> " } else { "j.value ->> " });
            out.number(n);
            out.push(if uuid { ") as " } else { " as " });
            out.push(self.columns[n].name);
            n += 1;
        }
        out.push(" from json_each($");
        out.number(self.first);
        out.push(") as j) as v");
        out
    }
}

/// A text that is being written.
pub(crate) struct Buffer {
    bytes: [u8; Self::SIZE],
    len: usize,
}

impl Buffer {
    const SIZE: usize = 4096;

    const fn new() -> Self {
        Self { bytes: [0; Self::SIZE], len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Only what was written.
    pub(crate) const fn cut<const N: usize>(&self) -> [u8; N] {
        let mut cut = [0; N];
        let mut n = 0;
        while n < N {
            cut[n] = self.bytes[n];
            n += 1;
        }
        cut
    }

    /// Appends; the indentation that makes a statement readable becomes one space.
    const fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        let mut n = 0;
        while n < text.len() {
            let blank = matches!(text[n], b' ' | b'\n');
            if !(blank && self.len > 0 && self.bytes[self.len - 1] == b' ') {
                self.bytes[self.len] = if blank { b' ' } else { text[n] };
                self.len += 1;
            }
            n += 1;
        }
    }

    const fn separate(&mut self, n: usize) {
        if n > 0 {
            self.push(", ");
        }
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.bytes[self.len] = b'0' + (number % 10) as u8;
        self.len += 1;
    }

    const fn with_nulls(&mut self, column: Column) {
        if !column.nullable {
            return self.push(column.name);
        }
        if matches!(column.kind, super::rows::Kind::Text) {
            self.push("case when ");
            self.push(column.name);
            self.push(" <> '' then substr(");
            self.push(column.name);
            self.push(", 2) end as ");
            return self.push(column.name);
        }
        assert!(!column.kind.null().is_empty(), "this kind cannot be null in many rows");
        self.push("nullif(");
        self.push(column.name);
        self.push(", ");
        self.push(column.kind.null());
        self.push(") as ");
        self.push(column.name);
    }
}

/// What stands before and after the first `mark`.
const fn split(text: &str, mark: u8) -> Option<(&str, &str)> {
    let mut n = 0;
    while n < text.len() {
        if text.as_bytes()[n] == mark {
            let (before, rest) = text.split_at(n);
            return Some((before, rest.split_at(1).1));
        }
        n += 1;
    }
    None
}

const fn find(words: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    let mut n = 0;
    while n < words.len() {
        if equal(words[n].0, word) {
            return Some(words[n].1);
        }
        n += 1;
    }
    None
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut n = 0;
    while n < a.len() {
        if a[n] != b[n] {
            return false;
        }
        n += 1;
    }
    true
}
