//! What a connection's mapping comes to when somebody signs in through it: which roles their groups give them, beside those from elsewhere.
//!
//! What is not said changes nothing: a provider that leaves the groups out, or says that there are too many to list, takes nobody's roles
//! away. One that says that there are none takes all that it gave.

use serde::{Deserialize, Serialize};

use super::{Mapping, is_awake};
use crate::{
    core::value::RoleSlug,
    identity::federation::asserted::Groups,
    tenancy::{roles::Role, smtp::Ceiling},
};

/// Something that whoever looks after the connection wants to know of a sign-in that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", content = "role", rename_all = "snake_case")]
pub enum Note {
    /// The provider named no groups.
    GroupsMissing,
    /// A directory says who is in which group.
    DirectoryDecides,
    /// A mapped role is gone.
    RoleGone(RoleSlug),
    /// A mapped role allows more than the connection may give.
    RoleBeyondCeiling(RoleSlug),
    /// They have as many roles as one may have.
    RoleLimit(RoleSlug),
}

impl Note {
    /// Stable, for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::GroupsMissing => "groups_missing",
            Self::DirectoryDecides => "directory_decides",
            Self::RoleGone(_) => "role_gone",
            Self::RoleBeyondCeiling(_) => "role_beyond_ceiling",
            Self::RoleLimit(_) => "role_limit",
        }
    }
    /// For whoever looks after the connection: what is wrong, and what to do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::GroupsMissing => {
                "The provider named no groups, or too many to list: roles stayed as they were. Let it send them, only those that are mapped, and name their claim in `attribute_mapping.groups`."
            }
            Self::DirectoryDecides => {
                "The connection has a live SCIM token: its groups are ignored, and roles stayed as they were."
            }
            Self::RoleGone(_) => "A mapped role is gone. Take it out of `role_mapping`.",
            Self::RoleBeyondCeiling(_) => {
                "A mapped role allows more than the connection may give. Somebody who holds all of it confirms it by saving `role_mapping`."
            }
            Self::RoleLimit(_) => "They have as many roles beside their own as one may have. Take one away.",
        }
    }
    /// Which role it is about.
    pub const fn role(&self) -> Option<&RoleSlug> {
        match self {
            Self::RoleGone(role) | Self::RoleBeyondCeiling(role) | Self::RoleLimit(role) => Some(role),
            Self::GroupsMissing | Self::DirectoryDecides => None,
        }
    }
}

/// What somebody's groups come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Their roles stay as they are.
    Nothing(Option<Note>),
    /// By this connection they have these roles and no others, each once and in order; if they may be given ([`given`]).
    Exactly(Vec<RoleSlug>),
}

/// What the groups come to that a provider named.
pub fn effect(mapping: &Mapping, has_directory: bool, groups: &Groups) -> Effect {
    match groups {
        _ if mapping.roles.is_empty() => Effect::Nothing(None),
        _ if has_directory => Effect::Nothing(Some(Note::DirectoryDecides)),
        Groups::Unsaid => Effect::Nothing(Some(Note::GroupsMissing)),
        Groups::Of(groups) => {
            let fits = mapping.roles.iter().filter(|one| groups.iter().any(|group| group == one.group.as_str()));
            let mut roles: Vec<_> = fits.map(|one| one.role.clone()).collect();
            roles.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            roles.dedup();
            Effect::Exactly(roles)
        }
    }
}

/// Whether a mapped role, as it is now, is given; if not, why.
pub fn given(ceiling: &Ceiling, slug: &RoleSlug, role: Option<&Role>) -> Result<(), Note> {
    match role {
        None => Err(Note::RoleGone(slug.clone())),
        Some(_) if is_awake(ceiling, role) => Ok(()),
        Some(_) => Err(Note::RoleBeyondCeiling(slug.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::connections::mapping::RoleMapping,
        tenancy::roles::{Cap, Caps},
    };

    fn slug(text: &str) -> RoleSlug {
        text.parse().unwrap()
    }

    fn mapping(all: &[(&str, &str)]) -> Mapping {
        let one = |(group, role): &(&str, &str)| RoleMapping { group: group.parse().unwrap(), role: slug(role) };
        Mapping { roles: all.iter().map(one).collect(), ..Mapping::default() }
    }

    #[test]
    fn groups_give_the_roles_that_they_are_mapped_to() {
        let mapped = mapping(&[("Dev", "hooks"), ("Ops", "audit"), ("Ops", "hooks")]);
        let of = |groups: &[&str]| Groups::Of(groups.iter().map(|group| (*group).to_owned()).collect());
        let nothing = |note| Effect::Nothing(note);
        let exactly = |roles: &[&str]| Effect::Exactly(roles.iter().map(|role| slug(role)).collect());
        for (mapping, has_directory, groups, expected) in [
            (&mapped, false, of(&["Dev"]), exactly(&["hooks"])),
            (&mapped, false, of(&["Ops", "Dev", "Ops", "Others"]), exactly(&["audit", "hooks"])),
            // Byte by byte.
            (&mapped, false, of(&["dev", "Dev ", "DEV"]), exactly(&[])),
            // None is said, and said: not the same.
            (&mapped, false, Groups::Unsaid, nothing(Some(Note::GroupsMissing))),
            (&mapped, false, of(&[]), exactly(&[])),
            (&mapped, true, of(&["Dev"]), nothing(Some(Note::DirectoryDecides))),
            (&mapped, true, Groups::Unsaid, nothing(Some(Note::DirectoryDecides))),
            (&mapping(&[]), false, of(&["Dev"]), nothing(None)),
            (&mapping(&[]), false, Groups::Unsaid, nothing(None)),
        ] {
            assert_eq!(effect(mapping, has_directory, &groups), expected, "{groups:?} {has_directory}");
        }
    }

    #[test]
    fn a_mapped_role_is_given_if_it_is_there_and_within_the_ceiling() {
        let hooks = Role { name: "hooks".parse().unwrap(), caps: [Cap::WebhooksManage].into_iter().collect() };
        let own = slug("hooks");
        assert_eq!(given(&Ceiling::Admin, &own, Some(&hooks)), Ok(()));
        assert_eq!(given(&Ceiling::Caps(hooks.caps), &own, Some(&hooks)), Ok(()));
        assert_eq!(given(&Ceiling::Caps(Caps::NONE), &own, Some(&hooks)), Err(Note::RoleBeyondCeiling(own.clone())));
        assert_eq!(given(&Ceiling::Owner, &own, None), Err(Note::RoleGone(own.clone())));
    }

    #[test]
    fn a_note_comes_back_from_its_text() {
        for note in [Note::GroupsMissing, Note::RoleGone(slug("hooks"))] {
            let text = serde_json::to_value(&note).unwrap();
            assert_eq!(text["code"], note.as_str());
            assert_eq!(serde_json::from_value::<Note>(text).unwrap(), note);
        }
    }
}
