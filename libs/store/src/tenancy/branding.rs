//! How organizations look.

use domain::{
    Error, Patch, Result,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::Branding as Resource,
    },
    core::value::Slug,
    tenancy::branding::{Branding, Color, Logo},
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
    tenancy::organizations::stale,
};

/// Only written as SQL.
pub(crate) const BRAND_LOGOS: Table = Table {
    name: "brand_logos",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("one row for each organization"),
    with_organization: WithOrganization::GoesWith("organizations"),
};

const BRANDING: &str = "o.brand_logo_url, l.version, o.brand_primary_color";

const BY_ID: Sql = sql!(
    "select {branding} from organizations o left join brand_logos l on l.org_id = o.id where o.id = $1",
    branding = BRANDING
);
const BY_SLUG: Sql = sql!(
    "select {branding}
    from organizations o left join brand_logos l on l.org_id = o.id
    where o.slug = $1 and o.deleted_at is null",
    branding = BRANDING
);
const LOGO: Sql = sql!(
    "select l.media, l.picture, l.version
    from organizations o join brand_logos l on l.org_id = o.id
    where o.slug = $1 and o.deleted_at is null"
);

fn read_branding(row: &QueryResult) -> Result<Branding, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Branding {
        logo_url: columns.next()?,
        logo_version: columns.next()?,
        primary_color: columns.next::<Option<String>>()?.map(Color::stored),
    })
}

impl Store {
    /// How the organization looks.
    pub async fn branding(&self, scope: OrgScope<'_, Resource, Read>) -> Result<Branding> {
        let row = sql::one(&self.db, BY_ID, vec![scope.org().uuid().into()]).await?;
        row.map_or(Ok(Branding::default()), |row| read_branding(&row).map_err(from_db))
    }

    /// The same for everybody: pages show it before anybody signs in. `NotFound` for an unknown slug.
    pub async fn public_branding(&self, slug: &Slug) -> Result<Branding> {
        let row = sql::one(&self.db, BY_SLUG, vec![slug.as_str().into()]).await?;
        read_branding(&row.ok_or_else(|| Error::not_found("organization"))?).map_err(from_db)
    }

    /// The organization's logo with its version, for everybody. `NotFound` if it has none.
    pub async fn public_logo(&self, slug: &Slug) -> Result<(Logo, String)> {
        let row = sql::one(&self.db, LOGO, vec![slug.as_str().into()]).await?;
        let row = row.ok_or_else(|| Error::not_found("logo"))?;
        let mut columns = Columns::of(&row);
        let mut next = || -> Result<(String, Vec<u8>, String), DbErr> { Ok((columns.next()?, columns.next()?, columns.next()?)) };
        let (media, bytes, version) = next().map_err(from_db)?;
        let media = Logo::known_media(&media).ok_or_else(|| Error::not_found("logo"))?;
        Ok((Logo { media, bytes }, version))
    }
}

const SET_LOGO_URL: Sql = sql!("update organizations set brand_logo_url = $2 where id = $1");
const SET_COLOR: Sql = sql!("update organizations set brand_primary_color = $2 where id = $1");
const TOUCH: Sql = sql!("update organizations set version = version + 1, updated_at = $2 where id = $1 and deleted_at is null");
const PUT_LOGO: Sql = sql!(
    "insert into brand_logos (org_id, version, media, picture, fetched_at)
    values ($1, $2, $3, $4, $5)
    on conflict (org_id) do update set
      version = excluded.version, media = excluded.media, picture = excluded.picture, fetched_at = excluded.fetched_at"
);
const DROP_LOGO: Sql = sql!("delete from brand_logos where org_id = $1");

impl WriteTx {
    /// Changes how the organization looks; `logo` is the address with the picture that was there.
    pub async fn set_branding(
        &self,
        scope: OrgScope<'_, Resource, Write>,
        logo: &Patch<(String, Logo)>,
        color: &Patch<Color>,
    ) -> Result<Branding> {
        let org = scope.org().uuid();
        if sql::execute(&self.tx, TOUCH, vec![org.into(), self.now().into()]).await? != 1 {
            return Err(stale());
        }
        match logo {
            Patch::Keep => {}
            Patch::Clear => {
                sql::execute(&self.tx, SET_LOGO_URL, vec![org.into(), None::<String>.into()]).await?;
                sql::execute(&self.tx, DROP_LOGO, vec![org.into()]).await?;
            }
            Patch::Set((url, logo)) => {
                sql::execute(&self.tx, SET_LOGO_URL, vec![org.into(), url.as_str().into()]).await?;
                let version = self.uuid().simple().to_string();
                let values = vec![org.into(), version.into(), logo.media.into(), logo.bytes.clone().into(), self.now().into()];
                sql::execute(&self.tx, PUT_LOGO, values).await?;
            }
        }
        match color {
            Patch::Keep => {}
            Patch::Clear => drop(sql::execute(&self.tx, SET_COLOR, vec![org.into(), None::<String>.into()]).await?),
            Patch::Set(color) => drop(sql::execute(&self.tx, SET_COLOR, vec![org.into(), color.as_str().into()]).await?),
        }
        self.branding(scope).await
    }

    /// How the organization looks at this moment of the transaction.
    pub async fn branding(&self, scope: OrgScope<'_, Resource, Write>) -> Result<Branding> {
        let row = sql::one(&self.tx, BY_ID, vec![scope.org().uuid().into()]).await?.ok_or_else(stale)?;
        read_branding(&row).map_err(from_db)
    }
}
