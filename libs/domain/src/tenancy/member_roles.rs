//! Further roles: those that a member has beside the one that their membership names. Each has a source, and is taken away where it came
//! from; what a member may do is what any of their roles allows. Whether they are an owner or an admin is the membership's alone to say.

use serde::{Deserialize, Serialize};

use crate::{
    ConnectionId, RoleId,
    core::value::Name,
    tenancy::roles::{Caps, RoleName},
};

/// Further roles of one member, whatever their sources: they are read with every request of theirs.
pub const MOST_FURTHER: i64 = 50;

/// Where a role comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The membership names it.
    Membership,
    /// Somebody gave it beside that.
    Direct,
    /// The groups that a connection's provider named at their last sign-in.
    Connection {
        /// Which connection.
        id: ConnectionId,
        /// Its name for people.
        name: Name,
        /// Whether it gives anything now: not while the connection is switched off, or may not give as much.
        awake: bool,
    },
}

impl Source {
    /// Its name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Membership => "membership",
            Self::Direct => "direct",
            Self::Connection { .. } => "connection",
        }
    }
    /// Whether it gives anything now.
    pub const fn gives(&self) -> bool {
        !matches!(self, Self::Connection { awake: false, .. })
    }
}

/// A role that a member has, and where from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveRole {
    /// Of a custom role.
    pub id: Option<RoleId>,
    /// What memberships name it.
    pub role: RoleName,
    /// Its name for people; of a built-in role its own.
    pub name: Option<Name>,
    /// What it allows.
    pub caps: Caps,
    /// Each source of it.
    pub sources: Vec<Source>,
}

impl EffectiveRole {
    /// Puts roles together that come from several sources, in the order in which each comes first.
    pub fn gathered(given: impl IntoIterator<Item = (Self, Source)>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (role, source) in given {
            match all.iter_mut().find(|known| known.role == role.role) {
                Some(known) => known.sources.push(source),
                None => all.push(Self { sources: vec![source], ..role }),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::value::RoleSlug;

    #[test]
    fn a_role_of_several_sources_is_one_role() {
        let role = |slug: &str| EffectiveRole {
            id: None,
            role: RoleName::Custom(RoleSlug::stored(slug.to_owned())),
            name: None,
            caps: Caps::NONE,
            sources: Vec::new(),
        };
        let given = [(role("b"), Source::Membership), (role("a"), Source::Direct), (role("b"), Source::Direct)];
        let gathered = EffectiveRole::gathered(given);
        let shown: Vec<_> = gathered.iter().map(|one| (one.role.as_str(), one.sources.len())).collect();
        assert_eq!(shown, [("b", 2), ("a", 1)]);
    }
}
