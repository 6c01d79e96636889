//! The tables of accounts.

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, WhenOld, WithOrganization, table},
};

pub(crate) const USERS_EMAIL: Constraint = Constraint { name: "users_email", columns: "users.realm, users.email" };

table! {
    users = "users";
    declares {
        unique: &[&USERS_EMAIL],
        sealed: &[],
        when_old: WhenOld::Stays("until the person, or the organization that manages it, is deleted"),
        with_organization: WithOrganization::Deleted(
            sql!(
                "delete from users
                 where id in (
                   select id from users
                   where realm = $1 and id <> (select owner_user_id from organizations where id = $1)
                   limit $2)"
            ),
        ),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        realm: Uuid,
        email: String,
        password_hash: Option<String>,
        is_platform_owner: bool,
        email_verified_at: Option<ChronoDateTimeUtc>,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
        deleted_at: Option<ChronoDateTimeUtc>,
    }
}

table! {
    one_time_links = "one_time_links";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Deleted(
            Age::Now,
            sql!(
                "delete from one_time_links
                 where hash in (select hash from one_time_links where expires_at < $1 limit $2)"
            ),
        ),
        with_organization: WithOrganization::GoesWith("users"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        hash: String,
        purpose: String,
        user_id: Option<Uuid>,
        email: String,
        password_hash: Option<String>,
        expires_at: ChronoDateTimeUtc,
        created_at: ChronoDateTimeUtc,
        org_id: Option<Uuid>,
    }
}
