//! In which language a page speaks: what the request names, else what the browser chose before, else what it prefers.

/// A language that all texts are there in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum PageLanguage {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
}

impl PageLanguage {
    /// All of them, as they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::En, Self::De, Self::Fr];

    /// Its code, as in `lang`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
        }
    }

    /// Its name in itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
            Self::Fr => "Français",
        }
    }

    /// The language of a tag (RFC 5646), whatever its region.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The first that we have of `ui_locales` (OpenID Connect: by preference, separated by spaces), of what was chosen here before, and of
    /// `Accept-Language`.
    pub(crate) fn choose(ui_locales: Option<&str>, own: Option<&str>, accept_language: Option<&str>) -> Self {
        let named = ui_locales.and_then(|tags| tags.split_whitespace().find_map(Self::of_tag));
        named.or_else(|| own.and_then(Self::of_tag)).or_else(|| accept_language.and_then(accepted)).unwrap_or_default()
    }
}

/// The language that a browser likes best, of ours. Equal ones count in their order.
fn accepted(header: &str) -> Option<PageLanguage> {
    let weighed = header.split(',').filter_map(|part| {
        let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())?;
        Some((PageLanguage::of_tag(tag)?, weight)).filter(|(_, weight)| *weight > 0.0)
    });
    weighed.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_comes_before_the_browser() {
        use PageLanguage::{De, En, Fr};
        for (ui_locales, own, accept, expected) in [
            (None, None, None, En),
            (Some("fr-CA en"), Some("de"), Some("de"), Fr),
            (Some("es it"), Some("de"), Some("fr"), De),
            (Some("es DE"), None, None, De),
            (None, None, Some("es, de;q=0.5, fr;q=0.8, *;q=0.1"), Fr),
            (None, None, Some("de;q=0, en;q=0.1"), En),
            (None, None, Some("fr_FR"), Fr),
            (None, None, Some("de;q=x, ;;;, fr;q=0.2"), Fr),
            (None, Some("<script>"), Some("dexter"), En),
        ] {
            assert_eq!(PageLanguage::choose(ui_locales, own, accept), expected, "{ui_locales:?} {own:?} {accept:?}");
        }
    }
}
