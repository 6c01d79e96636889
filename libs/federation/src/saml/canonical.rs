//! Canonical XML 1.0 and Exclusive Canonical XML 1.0, without comments, of an element of a guarded document.
//!
//! A mistake here can only refuse: the bytes that come out are hashed, compared with what was signed, and then they, not the document, are
//! read.

use roxmltree::{Node, NodeId, NodeType};

use super::names::{EXCLUSIVE, INCLUSIVE, XML};

/// How an element becomes bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Canonicalization {
    /// With every namespace in scope.
    Inclusive,
    /// With those that are used, and these prefixes (`#default`: none) like an inclusive one.
    Exclusive(Vec<String>),
}

impl Canonicalization {
    pub(super) fn from_uri(uri: &str, prefixes: Vec<String>) -> Option<Self> {
        match uri {
            EXCLUSIVE => Some(Self::Exclusive(prefixes)),
            INCLUSIVE if prefixes.is_empty() => Some(Self::Inclusive),
            _ => None,
        }
    }
}

/// `apex` as bytes, without the element `left_out`.
pub(super) fn canonical(apex: Node<'_, '_>, left_out: Option<NodeId>, how: &Canonicalization) -> String {
    let out = String::with_capacity(apex.range().len() + 256);
    let mut writer = Writer { out, declared: Vec::new(), how, left_out, apex: apex.id() };
    writer.element(apex);
    writer.out
}

struct Writer<'a> {
    out: String,
    /// Prefixes and namespaces that the written ancestors declare, the innermost last.
    declared: Vec<(&'a str, &'a str)>,
    how: &'a Canonicalization,
    left_out: Option<NodeId>,
    apex: NodeId,
}

impl<'a> Writer<'a> {
    fn element<'d: 'a, 'i: 'a>(&mut self, node: Node<'d, 'i>) {
        let (name, outer) = (qualified_name(node), self.declared.len());
        self.out.push('<');
        self.out.push_str(name);
        self.namespaces(node, name);
        self.attributes(node);
        self.out.push('>');
        for child in node.children() {
            match child.node_type() {
                NodeType::Text => text(&mut self.out, child.text().unwrap_or_default()),
                NodeType::Element if Some(child.id()) != self.left_out => self.element(child),
                _ => {}
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.declared.truncate(outer);
    }

    fn namespaces<'d: 'a, 'i: 'a>(&mut self, node: Node<'d, 'i>, name: &'a str) {
        let mut prefixes = self.prefixes(node, name);
        prefixes.sort_unstable();
        prefixes.dedup();
        for prefix in prefixes {
            let uri = in_scope(node, prefix);
            let outer = self.declared.iter().rfind(|(known, _)| *known == prefix);
            if outer.map_or("", |(_, uri)| uri) == uri {
                continue;
            }
            self.declared.push((prefix, uri));
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(prefix);
            value(&mut self.out, uri);
        }
    }

    /// The prefixes whose namespaces are to be declared here, unless they are already.
    fn prefixes<'d: 'a, 'i: 'a>(&self, node: Node<'d, 'i>, name: &'a str) -> Vec<&'a str> {
        let mut all: Vec<&'a str> = Vec::new();
        match self.how {
            Canonicalization::Inclusive => {
                all.push("");
                all.extend(node.namespaces().map(|namespace| namespace.name().unwrap_or_default()));
            }
            Canonicalization::Exclusive(listed) => {
                all.push(prefix_of(name));
                let source = node.document().input_text();
                let used = node.attributes().map(|attribute| prefix_of(&source[attribute.range_qname()]));
                all.extend(used.filter(|prefix| !prefix.is_empty()));
                let listed = listed.iter().map(|prefix| if prefix == "#default" { "" } else { prefix.as_str() });
                all.extend(listed.filter(|prefix| prefix.is_empty() || !in_scope(node, prefix).is_empty()));
            }
        }
        all.retain(|prefix| *prefix != "xml");
        all
    }

    fn attributes<'d: 'a, 'i: 'a>(&mut self, node: Node<'d, 'i>) {
        let source = node.document().input_text();
        let mut all: Vec<_> = node
            .attributes()
            .map(|attribute| {
                let namespace = attribute.namespace().unwrap_or_default();
                (namespace, attribute.name(), &source[attribute.range_qname()], attribute.value())
            })
            .collect();
        // The inclusive form of a part inherits xml:lang and its like (2.4 of Canonical XML).
        if *self.how == Canonicalization::Inclusive && node.id() == self.apex {
            for attribute in node.ancestors().skip(1).flat_map(|ancestor| ancestor.attributes()) {
                let is_new = all.iter().all(|(namespace, name, ..)| (*namespace, *name) != (XML, attribute.name()));
                if attribute.namespace() == Some(XML) && is_new {
                    all.push((XML, attribute.name(), &source[attribute.range_qname()], attribute.value()));
                }
            }
        }
        all.sort_unstable_by_key(|(namespace, name, ..)| (*namespace, *name));
        for (_, _, name, content) in all {
            self.out.push(' ');
            self.out.push_str(name);
            value(&mut self.out, content);
        }
    }
}

/// The name as it is written, with its prefix.
fn qualified_name<'i>(node: Node<'_, 'i>) -> &'i str {
    let tag = &node.document().input_text()[node.range().start + 1..];
    let end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(tag.len());
    &tag[..end]
}

fn prefix_of(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn in_scope<'a>(node: Node<'a, '_>, prefix: &str) -> &'a str {
    let prefix = if prefix.is_empty() { None } else { Some(prefix) };
    node.lookup_namespace_uri(prefix).unwrap_or_default()
}

fn text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

fn value(out: &mut String, value: &str) {
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out.push('"');
}
