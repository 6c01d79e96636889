//! Reading pages as strictly as we write them: every value quoted, every quote and bracket of a text escaped.

/// A start tag.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    /// Names with their values, entities resolved.
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// Everything that leads somewhere.
    pub(super) fn links(&self) -> impl Iterator<Item = &(String, String)> {
        self.attributes.iter().filter(|(name, _)| matches!(name.as_str(), "href" | "src" | "action" | "formaction"))
    }
}

/// The start tags of a page.
pub(super) fn tags(html: &str) -> Vec<Tag> {
    let (mut tags, mut rest) = (Vec::new(), html);
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a bracket in a text: {text}");
        let (tag, after) = tag(after);
        tags.extend(tag);
        rest = after;
    }
    tags
}

/// One tag, and what follows it. End tags are none.
fn tag(html: &str) -> (Option<Tag>, &str) {
    let end = html.find(|c: char| c.is_whitespace() || c == '>' || c == '/' && !html.starts_with('/')).expect("an end");
    let (name, mut rest) = html.split_at(end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>').or_else(|| rest.strip_prefix("/>")) {
            let starts = !name.starts_with('/') && !name.starts_with('!');
            return (starts.then(|| Tag { name: name.to_owned(), attributes }), after);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>')).expect("an end");
        let (attribute, after) = rest.split_at(end);
        assert!(!attribute.is_empty() && !attribute.contains(['"', '\'', '<']), "{attribute} in {name}");
        match after.strip_prefix('=') {
            None => {
                attributes.push((attribute.to_owned(), String::new()));
                rest = after;
            }
            Some(after) => {
                let (value, after) = after.strip_prefix('"').expect("a quoted value").split_once('"').expect("its end");
                assert!(after.starts_with([' ', '\n', '>', '/']), "after {attribute} of {name}: {after:.20}");
                attributes.push((attribute.to_owned(), unescaped(value)));
                rest = after;
            }
        }
    }
}

fn unescaped(value: &str) -> String {
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    value.replace("&amp;", "&")
}
