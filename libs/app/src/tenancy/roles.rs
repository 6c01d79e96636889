//! Custom roles. Nobody creates or edits a role that holds, before or after, a capability they lack (T20).

use domain::{
    Error, Event, Patch, Result, RoleId,
    authorization::{
        policy::{self, OrgScope, Read, decide},
        resource::Roles,
    },
    core::value::{Description, Name, RoleSlug, Slug},
    tenancy::roles::{Caps, CustomRole, RoleName},
};
use store::Change;

use crate::{App, Caller};

/// A new role.
pub struct NewRole {
    /// What memberships will name.
    pub slug: RoleSlug,
    /// Name for people.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// What it allows.
    pub caps: Caps,
}

/// What may be changed of a role.
pub struct RoleChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Patch<Description>,
    /// Other permissions.
    pub caps: Option<Caps>,
}

impl App {
    /// The organization and its custom roles. The built-in ones are the face's to show.
    pub async fn list_roles(&self, c: &Caller, slug: &Slug) -> Result<(domain::OrgId, Vec<CustomRole>)> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        Ok((scope.org(), self.store.list_roles(scope).await?))
    }

    /// One custom role.
    pub async fn get_role(&self, c: &Caller, slug: &Slug, id: RoleId) -> Result<CustomRole> {
        let standing = self.standing(c, slug).await?;
        self.store.get_role(decide(&standing)?, id).await
    }

    /// Whether the caller may see roles at all, and of which organization: for the built-in ones.
    pub async fn see_roles(&self, c: &Caller, slug: &Slug) -> Result<domain::OrgId> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Roles, Read> = decide(&standing)?;
        Ok(scope.org())
    }

    /// Makes a role. `AlreadyExists` (`role_slug_taken`).
    pub async fn create_role(&self, c: &Caller, slug: &Slug, new: &NewRole) -> Result<CustomRole> {
        self.in_org::<Roles, _>(c, slug, async |tx, scope| {
            policy::may_shape_role(scope, Caps::NONE, new.caps)?;
            let role = CustomRole {
                id: RoleId::new(tx.uuid()),
                org_id: scope.org(),
                slug: new.slug.clone(),
                name: new.name.clone(),
                description: new.description.clone(),
                caps: new.caps,
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            tx.insert_role(scope, &role).await?;
            let event = Event::RoleCreated { role_id: role.id, slug: role.slug.to_string(), permissions: role.caps.names() };
            Ok(Change::new(role, scope.org(), event))
        })
        .await
    }

    /// Changes a role; everybody who has it is affected at once. Not a role that the caller has, in whichever way.
    pub async fn update_role(&self, c: &Caller, slug: &Slug, id: RoleId, changes: &RoleChanges) -> Result<CustomRole> {
        self.in_org::<Roles, _>(c, slug, async |tx, scope| {
            let mut role = tx.lock_role(scope, id).await?;
            if scope.authority().has_role(&RoleName::Custom(role.slug.clone())) || tx.has_further_role(scope, id).await? {
                return Err(Error::conflict("own_role", "You cannot change a role you have yourself. Ask an owner or admin."));
            }
            let caps = changes.caps.unwrap_or(role.caps);
            policy::may_shape_role(scope, role.caps, caps)?;
            role.caps = caps;
            role.name = changes.name.clone().unwrap_or(role.name);
            role.description = changes.description.clone().apply(role.description);
            role.updated_at = tx.now();
            tx.save_role_definition(scope, &role).await?;
            let event = Event::RoleUpdated { role_id: role.id, slug: role.slug.to_string(), permissions: role.caps.names() };
            Ok(Change::new(role, scope.org(), event))
        })
        .await
    }

    /// Deletes a role that nobody has. `Conflict` (`role_in_use`).
    pub async fn delete_role(&self, c: &Caller, slug: &Slug, id: RoleId) -> Result<()> {
        self.in_org::<Roles, _>(c, slug, async |tx, scope| {
            let role = tx.lock_role(scope, id).await?;
            policy::may_shape_role(scope, role.caps, Caps::NONE)?;
            tx.delete_role(scope, &role).await?;
            Ok(Change::new((), scope.org(), Event::RoleDeleted { role_id: id, slug: role.slug.to_string() }))
        })
        .await
    }
}
