//! What several nouns show.

pub mod views;
