//! The faces: each speaks one API's words, and only parses, calls a use case, and renders.

pub mod native;
pub mod oauth;
pub mod pages;
