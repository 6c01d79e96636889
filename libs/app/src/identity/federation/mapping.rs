//! Group mapping: after each sign-in through a connection the member has, by that connection, exactly the roles that its mapping gives for the
//! groups that the provider named, in the transaction of the sign-in. Their other roles are not touched.

use domain::{
    Event, OrgId, Result,
    identity::{
        accounts::User,
        connections::mapping::effect::{Effect, Note, effect, given},
        federation::asserted::Asserted,
    },
};
use store::{WriteTx, identity::federation::logins::UpstreamLogin};

/// Gives and takes the roles of a member whose lock is held; answers what is told of it, and what is noted in the attempt.
pub(super) async fn map_groups(
    tx: &WriteTx,
    login: &UpstreamLogin,
    asserted: &Asserted,
    user: &User,
) -> Result<(Vec<(OrgId, Event)>, Vec<Note>)> {
    let (org, connection) = (login.org, login.connection);
    let Some(now) = tx.mapping_now(org, connection).await? else { return Ok(Default::default()) };
    let wanted = match effect(&now.mapping, now.has_directory, &asserted.groups) {
        Effect::Nothing(note) => return Ok((Vec::new(), note.into_iter().collect())),
        Effect::Exactly(roles) => roles,
    };
    let (mut gives, mut notes) = (Vec::new(), Vec::new());
    for slug in &wanted {
        let role = tx.mapped_role(org, slug).await?;
        match (given(&now.ceiling, slug, role.as_ref().map(|(_, role)| role)), role) {
            (Ok(()), Some((id, _))) => gives.push((id, slug.clone())),
            (Ok(()), None) => {}
            (Err(note), _) => notes.push(note),
        }
    }
    let had = tx.roles_mapped_to(org, user.id, connection).await?;
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    for (id, slug) in had.iter().filter(|had| !gives.contains(had)) {
        tx.unmap_role(org, user.id, *id, connection).await?;
        lost.push(slug.to_string());
    }
    for (id, slug) in gives.iter().filter(|gives| !had.contains(gives)) {
        if tx.map_role(org, user.id, *id, connection).await? {
            gained.push(slug.to_string());
        } else {
            notes.push(Note::RoleLimit(slug.clone()));
        }
    }
    Ok((told(login, user, gained, lost), notes))
}

fn told(login: &UpstreamLogin, user: &User, gained: Vec<String>, lost: Vec<String>) -> Vec<(OrgId, Event)> {
    let (user_id, email, source, provider_id) = (user.id, || user.email.to_string(), "connection", Some(login.connection));
    let mut events = Vec::new();
    if !gained.is_empty() {
        events.push(Event::UserRolesAssigned { user_id, email: email(), roles: gained, source, provider_id });
    }
    if !lost.is_empty() {
        events.push(Event::UserRolesUnassigned { user_id, email: email(), roles: lost, source, provider_id });
    }
    events.into_iter().map(|event| (login.org, event)).collect()
}
