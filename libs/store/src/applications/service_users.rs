//! Users of services: accounts that use one without being members of its organization.

use domain::{
    Error, OrgId, Result, ServiceId, Time, UserId,
    applications::subscriptions::{MAX_SERVICE_USERS, ServiceUser},
    authorization::{
        in_service::InService,
        policy::{Read, Write},
        resource,
    },
    core::value::Email,
    identity::accounts::User,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, retry, when_gone},
        sql::{self, Columns, ONE_PAGE, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
    identity::accounts::{USER_COLUMNS, next_user},
};

pub(crate) const SERVICE_USERS: Table = Table {
    name: "service_users",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("until they are removed"),
    with_organization: WithOrganization::GoesWith("services"),
};

fn read(row: &QueryResult) -> Result<ServiceUser, DbErr> {
    let mut columns = Columns::of(row);
    let (id, made_here, since) = (UserId::new(columns.next()?), columns.next()?, columns.next::<Time>()?);
    Ok(ServiceUser { user: next_user(id, &mut columns)?, made_here, since })
}

/// The page first, then its people.
const LIST: Sql = sql!(
    "select p.user_id, p.made_here, p.created_at, {user}
    from (
      select * from (
        select user_id, made_here, created_at
        from service_users
        where org_id = $1 and service_id = $2
        order by created_at desc, user_id desc
        limit {hidden $3} offset {hidden $4}
      ) page
      {one_page}
    ) p
    join users u on u.id = p.user_id
    order by p.created_at desc, p.user_id desc",
    user = USER_COLUMNS,
    one_page = ONE_PAGE
);
const GET: Sql = sql!(
    "select p.user_id, p.made_here, p.created_at, {user}
    from service_users p
    join users u on u.id = p.user_id
    where p.org_id = $1 and p.service_id = $2 and p.user_id = $3",
    user = USER_COLUMNS
);
const LOCK: Sql = sql!(
    "select p.user_id, p.made_here, p.created_at, {user}
    from service_users p
    join users u on u.id = p.user_id
    where p.org_id = $1 and p.service_id = $2 and p.user_id = $3
    {for update}",
    user = USER_COLUMNS
);
const COUNT: Sql = sql!("select users from services where org_id = $1 and id = $2");

async fn get<R, A>(db: &impl ConnectionTrait, text: Sql, scope: InService<'_, R, A>, id: UserId) -> Result<ServiceUser> {
    let values = vec![scope.org().uuid().into(), scope.service().uuid().into(), id.uuid().into()];
    let row = sql::one(db, text, values).await?.ok_or_else(|| Error::not_found("user"))?;
    read(&row).map_err(from_db)
}

impl Store {
    /// Users of the service, newest first, so many after so many; and how many there are.
    pub async fn list_service_users(
        &self,
        scope: InService<'_, resource::ServiceUsers, Read>,
        (limit, offset): (u64, u64),
    ) -> Result<(Vec<ServiceUser>, i64)> {
        let of = || vec![scope.org().uuid().into(), scope.service().uuid().into()];
        let values = [of(), vec![limit.cast_signed().into(), offset.cast_signed().into()]].concat();
        let users = sql::read_all(&sql::all(&self.db, LIST, values).await?, read)?;
        Ok((users, sql::count(&self.db, COUNT, of()).await?))
    }

    /// A user of the service.
    pub async fn get_service_user(&self, scope: InService<'_, resource::ServiceUsers, Read>, id: UserId) -> Result<ServiceUser> {
        get(&self.db, GET, scope, id).await
    }
}

const INSERT: Sql = sql!(
    "insert into service_users (org_id, service_id, user_id, made_here, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (org_id, service_id, user_id) do nothing"
);
const DELETE: Sql = sql!("delete from service_users where org_id = $1 and service_id = $2 and user_id = $3");
const USED: Sql =
    sql!("select service_id from service_users where org_id = $1 and user_id = $2 order by service_id {for update}");
const TAKE_PLACE: Sql = sql!("update services set users = users + 1 where org_id = $1 and id = $2 and users < $3");
const GIVE_BACK: Sql = sql!("update services set users = users - 1 where org_id = $1 and id = $2");
/// An account that was made for a service and that nobody uses any more.
const DELETE_ACCOUNT: Sql = sql!(
    "delete from users
    where id = $2 and realm = $1
    and not exists (select 1 from memberships m where m.user_id = users.id)
    and not exists (select 1 from service_users s where s.user_id = users.id)"
);
/// The same of one that came through a connection to use a service, and was never anything else.
const DELETE_SIGNED_UP: Sql = sql!(
    "delete from users
    where id = $2 and realm = $1 and password_hash is null
    and exists (select 1 from identities i where i.org_id = $1 and i.user_id = users.id)
    and not exists (select 1 from removals r where r.org_id = $1 and r.user_id = users.id)
    and not exists (select 1 from memberships m where m.user_id = users.id)
    and not exists (select 1 from service_users s where s.user_id = users.id)"
);
const USED_ELSEWHERE: Sql = sql!(
    "select (select count(*) from memberships where user_id = $1)
      + (select count(*) from service_users where user_id = $1 and not (org_id = $2 and service_id = $3))"
);

impl WriteTx {
    /// Adds a user with this address: the organization's own account for it, which is made if there is none. `AlreadyExists`
    /// (`already_user`), `Conflict` (`service_user_limit`, `account_closed`).
    pub async fn insert_service_user(
        &self,
        scope: InService<'_, resource::ServiceUsers, Write>,
        email: &Email,
    ) -> Result<ServiceUser> {
        self.keep_service(scope).await?;
        let (user, made_here) = self.managed_account(scope.org(), email).await?;
        let of = || vec![scope.org().uuid().into(), scope.service().uuid().into()];
        let values = [of(), vec![user.id.uuid().into(), made_here.into(), self.now().into()]].concat();
        if sql::try_execute(&self.tx, INSERT, values).await.map_err(when_gone)? == 0 {
            return Err(Error::exists("already_user", "This address is a user of the service already."));
        }
        if sql::execute(&self.tx, TAKE_PLACE, [of(), vec![MAX_SERVICE_USERS.into()]].concat()).await? == 0 {
            let text = format!("A service has at most {MAX_SERVICE_USERS} users.");
            return Err(Error::conflict("service_user_limit", text));
        }
        self.count_end_user(scope.org(), user.id).await?;
        Ok(ServiceUser { user, made_here, since: self.now() })
    }

    /// The organization's own account for an address, and whether it was made just now.
    async fn managed_account(&self, org: OrgId, email: &Email) -> Result<(User, bool)> {
        match self.lock_account_at(org, email).await? {
            Some(known) if known.user.deleted_at.is_some() => {
                Err(Error::conflict("account_closed", "The account of this address was closed."))
            }
            Some(known) => Ok((known.user, false)),
            None => {
                let user = User {
                    id: UserId::new(self.uuid()),
                    realm: org,
                    email: email.clone(),
                    is_platform_owner: false,
                    email_verified_at: None,
                    created_at: self.now(),
                    updated_at: self.now(),
                    deleted_at: None,
                };
                // Somebody made it at the same moment: it is found when this is run again.
                self.insert_account(&user, None).await.map_err(|e| if e.code == "email_taken" { retry() } else { e })?;
                Ok((user, true))
            }
        }
    }

    /// A user of the service, locked until the transaction ends.
    pub async fn lock_service_user(
        &self,
        scope: InService<'_, resource::ServiceUsers, Write>,
        id: UserId,
    ) -> Result<ServiceUser> {
        self.keep_service(scope).await?;
        get(&self.tx, LOCK, scope, id).await
    }

    /// Gives the locked account of a user another address, which nobody has proven. Only of an account that was made for this service and
    /// that nobody else uses: `Forbidden` (`account_of_others`). `AlreadyExists` (`email_taken`).
    pub async fn move_service_user(
        &self,
        scope: InService<'_, resource::ServiceUsers, Write>,
        who: &ServiceUser,
        email: &Email,
    ) -> Result<User> {
        let id = who.user.id;
        let values = vec![id.uuid().into(), scope.org().uuid().into(), scope.service().uuid().into()];
        if !who.made_here || sql::count(&self.tx, USED_ELSEWHERE, values).await? > 0 {
            return Err(Error::forbidden(
                "account_of_others",
                "This account is not this service's alone. Its owner can change it.",
            ));
        }
        let user = User { email: email.clone(), email_verified_at: None, updated_at: self.now(), ..who.user.clone() };
        self.save_account(&user, None).await?;
        Ok(user)
    }

    /// Removes somebody from every service of an organization; their account stays.
    pub(crate) async fn leave_services(&self, org: OrgId, user: UserId) -> Result<()> {
        let of = || vec![org.uuid().into(), user.uuid().into()];
        let rows = sql::all(&self.tx, USED, of()).await?;
        let services: Vec<ServiceId> = sql::read_all(&rows, |row| row.try_get_by_index(0).map(ServiceId::new))?;
        let mut gone = 0;
        for service in &services {
            self.end_subscription(org, *service, user).await?;
            gone += self.discount_end_user(org, user).await?;
            let which = vec![org.uuid().into(), service.uuid().into(), user.uuid().into()];
            sql::execute(&self.tx, DELETE, which).await?;
            sql::execute(&self.tx, GIVE_BACK, vec![org.uuid().into(), service.uuid().into()]).await?;
        }
        self.give_end_users_back(org, gone).await
    }

    /// Removes a locked user from the service, with their subscription; an account that was made for it and that nobody else uses is
    /// deleted.
    pub async fn delete_service_user(
        &self,
        scope: InService<'_, resource::ServiceUsers, Write>,
        who: &ServiceUser,
    ) -> Result<()> {
        let of = || vec![scope.org().uuid().into(), scope.service().uuid().into()];
        self.end_subscription(scope.org(), scope.service(), who.user.id).await?;
        let gone = self.discount_end_user(scope.org(), who.user.id).await?;
        sql::execute(&self.tx, DELETE, [of(), vec![who.user.id.uuid().into()]].concat()).await?;
        let delete = if who.made_here { DELETE_ACCOUNT } else { DELETE_SIGNED_UP };
        sql::execute(&self.tx, delete, vec![scope.org().uuid().into(), who.user.id.uuid().into()]).await?;
        sql::execute(&self.tx, GIVE_BACK, of()).await?;
        self.give_end_users_back(scope.org(), gone).await
    }
}
