//! How the list of events becomes the type [`super::Event`], its names, its samples and what each is about.

/// One line for each: its name, its variant, what it happened to, and its payload.
macro_rules! events {
    ($($(#[$doc:meta])* $name:literal $variant:ident on $kind:literal $target:ident { $($(#[$attr:meta])* $field:ident: $ty:ty),* $(,)? };)*) => {
        /// Something that happened.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "event", content = "data")]
        #[expect(missing_docs, reason = "the fields are the public payload; the names say it")]
        pub enum Event { $( $(#[$doc])* #[serde(rename = $name)] $variant { $($(#[$attr])* $field: $ty),* }, )* }

        impl Event {
            /// The dotted name.
            pub const fn name(&self) -> EventName { match self { $(Event::$variant { .. } => EventName($name)),* } }
            /// One of each, with values made up from their types: for what is said of all of them.
            pub fn samples() -> Vec<Event> {
                vec![$(Event::$variant { $($field: Sample::sample(stringify!($field))),* }),*]
            }
            /// What it happened to.
            pub fn target(&self) -> Target { match self { $(Event::$variant { $target, .. } => Target { kind: $kind, id: $target.to_string() }),* } }
        }
        const EMITTED: &[&str] = &[$($name),*];
    };
}
pub(super) use events;
