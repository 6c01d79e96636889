//! What surrounds every page: its language, whose colours it has, and what one signs in to.

use super::{assets, language::PageLanguage};

/// What surrounds a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// The page's language.
    pub language: PageLanguage,
    /// Whose page it is.
    pub brand: Brand,
    /// The application's name, shown as "Sign-in for …".
    pub under: Option<String>,
    /// Path and query to which `ui_locales` is added for the links to other languages; without it there are none.
    pub here: String,
}

/// Whose page it is.
#[derive(Clone, Debug)]
pub(crate) struct Brand {
    /// The organization's name.
    pub name: String,
    /// A path of ours with its logo.
    pub logo: Option<String>,
    /// A path of ours with its colours.
    pub stylesheet: Option<String>,
}

impl Default for Brand {
    /// The platform's own.
    fn default() -> Self {
        Self { name: "Tenantry".to_owned(), logo: Some(assets::mark()), stylesheet: None }
    }
}
