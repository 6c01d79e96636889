//! Words for people. A pipe that nobody reads (`| head`), or a full disk behind it, is no reason to panic, as `println!` does.

use std::{fmt::Arguments, io::Write};

/// A line on the standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say::line(format_args!($($text)*)) };
}
pub(super) use say;

pub(super) fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

pub(super) fn text(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

pub(super) fn error(text: Arguments<'_>) {
    let _ = write!(std::io::stderr(), "{text}");
}
