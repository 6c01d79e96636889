//! Organizations' own mail servers, and how they have been doing.

mod columns;
pub(crate) mod table;

use domain::{
    OrgId, Result,
    authorization::{
        policy::{OrgScope, Read, SystemScope, Write},
        resource::Smtp,
    },
    core::value::Email,
    tenancy::{
        roles::{Role, RoleName},
        smtp::{Health, SmtpPassword, SmtpSettings},
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use self::{
    columns::{SETTINGS, health_values, read_settings},
    table::PASSWORD,
};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    tenancy::member_roles::{FURTHER, whole_role},
};

/// What a worker needs to send through an organization's server.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The settings.
    pub settings: SmtpSettings,
    /// The password, if there is one.
    pub password: Option<SmtpPassword>,
}

const GET: Sql = sql!("select {settings} from smtp_settings s where s.org_id = $1", settings = SETTINGS);
const LOCK: Sql = sql!("select {settings} from smtp_settings s where s.org_id = $1 {for update}", settings = SETTINGS);

async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId) -> Result<Option<(SmtpSettings, Option<String>)>> {
    let row = sql::one(db, text, vec![org.uuid().into()]).await?;
    row.map(|row| read_settings(&mut Columns::of(&row))).transpose().map_err(from_db)
}

/// Whose mailbox a link into an account goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Whether somebody has proven to read it.
    pub is_proven: bool,
    /// What they hold in the organization; `None`: they are no member.
    pub role: Option<Role>,
}

const HOLDER: Sql = sql!(
    "select u.email_verified_at is not null, m.role, r.permissions, {further}
    from users u
    join organizations o on o.id = u.realm
    left join memberships m on m.org_id = $1 and m.user_id = u.id
    left join roles r on r.org_id = $1 and r.slug = m.role
    where u.realm = $1 and u.email = $2 and u.deleted_at is null",
    further = FURTHER
);

fn read_holder(row: &QueryResult) -> Result<Holder, DbErr> {
    let mut columns = Columns::of(row);
    let (is_proven, name) = (columns.next()?, columns.next::<Option<String>>()?);
    let (permissions, further): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let role = name.map(|name| whole_role(RoleName::stored(name), permissions.as_deref(), further.as_deref()));
    Ok(Holder { is_proven, role })
}

impl Store {
    /// The organization's settings, if it has any.
    pub async fn smtp_settings(&self, scope: OrgScope<'_, Smtp, Read>) -> Result<Option<SmtpSettings>> {
        Ok(get(&self.db, GET, scope.org()).await?.map(|(settings, _)| settings))
    }

    /// The organization's server, with what is needed to send through it. A password that cannot be opened is an error.
    pub async fn smtp_relay(&self, _: SystemScope, org: OrgId) -> Result<Option<Relay>> {
        self.relay_of(org).await
    }

    /// The same for whoever tries it out. What comes of it goes to the server and nowhere else.
    pub async fn own_smtp_relay(&self, scope: OrgScope<'_, Smtp, Read>) -> Result<Option<Relay>> {
        self.relay_of(scope.org()).await
    }

    async fn relay_of(&self, org: OrgId) -> Result<Option<Relay>> {
        let Some((settings, sealed)) = get(&self.db, GET, org).await? else { return Ok(None) };
        let password = match sealed {
            None => None,
            Some(sealed) => {
                let plain = self.open_sealed(&PASSWORD.place(org, &org.to_string()), &sealed.into()).await?;
                Some(SmtpPassword::stored(String::from_utf8_lossy(&plain).into_owned()))
            }
        };
        Ok(Some(Relay { settings, password }))
    }

    /// The holder of the organization's own account with this address; `None`: there is no such account.
    pub async fn holder_of_address(&self, _: SystemScope, org: OrgId, email: &Email) -> Result<Option<Holder>> {
        let row = sql::one(&self.db, HOLDER, vec![org.uuid().into(), email.as_str().into()]).await?;
        row.map(|row| read_holder(&row)).transpose().map_err(from_db)
    }

    /// Writes how a server has been doing after it took a mail and nothing is new but that. Nothing happens if the settings were changed
    /// meanwhile.
    pub async fn note_smtp_success(&self, _: SystemScope, of: &SmtpSettings, health: &Health) -> Result<()> {
        self.bookkeep(async |tx| note(&*tx, of, health).await.map(|_| ())).await
    }
}

const PUT: Sql = sql!(
    "insert into smtp_settings
      (org_id, host, port, security, username, password, from_email, from_name, ceiling, revision, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
    on conflict (org_id) do update set
      host = excluded.host, port = excluded.port, security = excluded.security, username = excluded.username,
      password = excluded.password, from_email = excluded.from_email, from_name = excluded.from_name,
      ceiling = excluded.ceiling, revision = excluded.revision, updated_at = excluded.updated_at,
      down_since = null, retry_at = null, failed_step = null, failed_reason = null, failed_reply = null, failed_at = null,
      last_sent_at = null"
);

const SET_SENDER: Sql = sql!(
    "update smtp_settings
    set from_email = $2, from_name = $3, revision = $4, updated_at = $5,
      down_since = null, retry_at = null, failed_step = null, failed_reason = null, failed_reply = null, failed_at = null
    where org_id = $1"
);

const DELETE: Sql = sql!("delete from smtp_settings where org_id = $1");

const NOTE: Sql = sql!(
    "update smtp_settings
    set down_since = $3, retry_at = $4, failed_step = $5, failed_reason = $6, failed_reply = $7, failed_at = $8, last_sent_at = $9
    where org_id = $1 and revision = $2"
);

async fn note(db: &impl ConnectionTrait, of: &SmtpSettings, health: &Health) -> Result<bool> {
    let mut values = vec![of.org_id.uuid().into(), of.revision.into()];
    values.extend(health_values(health));
    Ok(sql::execute(db, NOTE, values).await? == 1)
}

impl WriteTx {
    /// The organization's settings, locked until the transaction ends.
    pub async fn lock_smtp_settings(&self, scope: OrgScope<'_, Smtp, Write>) -> Result<Option<SmtpSettings>> {
        Ok(get(&self.tx, LOCK, scope.org()).await?.map(|(settings, _)| settings))
    }

    /// Keeps another server, of which nothing is known yet.
    pub async fn put_smtp_server(
        &self,
        _: OrgScope<'_, Smtp, Write>,
        settings: &SmtpSettings,
        password: Option<&SmtpPassword>,
    ) -> Result<()> {
        let (org, server, sender) = (settings.org_id, &settings.server, &settings.sender);
        let seal = |password: &SmtpPassword| {
            self.store.keyring.seal(&PASSWORD.place(org, &org.to_string()), password.expose().as_bytes())
        };
        let sealed = password.map(seal).transpose()?.map(|sealed| sealed.as_str().to_owned());
        let values = vec![
            org.uuid().into(),
            server.host.as_str().into(),
            i32::from(server.port.0).into(),
            server.security.as_str().into(),
            server.username.as_str().into(),
            sealed.into(),
            sender.email.as_str().into(),
            sender.name.as_ref().map(|name| name.as_str().to_owned()).into(),
            settings.ceiling.text().into(),
            settings.revision.into(),
            settings.updated_at.into(),
        ];
        sql::execute(&self.tx, PUT, values).await?;
        Ok(())
    }

    /// Keeps another sender of the same server, whose password stays, and forgets what failed.
    pub async fn set_smtp_sender(&self, _: OrgScope<'_, Smtp, Write>, settings: &SmtpSettings) -> Result<()> {
        let sender = &settings.sender;
        let values = vec![
            settings.org_id.uuid().into(),
            sender.email.as_str().into(),
            sender.name.as_ref().map(|name| name.as_str().to_owned()).into(),
            settings.revision.into(),
            settings.updated_at.into(),
        ];
        sql::execute(&self.tx, SET_SENDER, values).await?;
        Ok(())
    }

    /// Writes that a server works: somebody has tried it out. Nothing happens if the settings were changed meanwhile.
    pub async fn note_smtp_works(&self, _: OrgScope<'_, Smtp, Write>, of: &SmtpSettings, health: &Health) -> Result<bool> {
        note(&self.tx, of, health).await
    }

    /// Forgets the settings and the password.
    pub async fn delete_smtp_settings(&self, scope: OrgScope<'_, Smtp, Write>) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into()]).await?;
        Ok(())
    }

    /// How a server has been doing, locked until the transaction ends; `None` if the settings were changed meanwhile.
    pub async fn lock_smtp_health(&self, _: SystemScope, of: &SmtpSettings) -> Result<Option<Health>> {
        let found = get(&self.tx, LOCK, of.org_id).await?.map(|(settings, _)| settings);
        Ok(found.filter(|found| found.revision == of.revision).map(|found| found.health))
    }

    /// Writes how a server has been doing. `false` if the settings were changed meanwhile.
    pub async fn note_smtp_health(&self, _: SystemScope, of: &SmtpSettings, health: &Health) -> Result<bool> {
        note(&self.tx, of, health).await
    }
}

#[cfg(test)]
mod tests;
