//! Attacks with a name: each test is a bug that another product had (the T numbers), or an input that should break something.

mod bodies;
pub(crate) mod canaries;
mod document;
mod egress;
mod enumeration;
mod floods;
mod fuzzed;
mod generated;
mod guessing;
mod hosts;
mod limits;
mod links;
mod paths;
mod random;
mod refresh;
mod signatures;
mod tokens;
