//! Sign-ins as they were judged.

use domain::{
    Page, Result, RiskEventId, SessionId, UserId,
    authorization::{
        policy::{OrgScope, Read},
        resource::RiskEvents,
    },
    core::value::Email,
    identity::risk::{Coordinates, Judgement, Location, RiskAction, RiskEvent},
};
use sea_orm::{DbErr, QueryResult, Value};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::sql::{self, Columns, Sql, sql},
};

const INSERT: Sql = sql!(
    "insert into risk_events (org_id, id, user_id, session_id, challenge_id, provider, score, factors, verdict, action, inputs,
      ip_address, geo_country, geo_city, geo_latitude, geo_longitude, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
);

/// What came of a sign-in that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It was refused.
    Refused,
    /// It waits for its code, under this name.
    Waits(Uuid),
    /// This session.
    Entered(SessionId),
}

const PASSED: Sql = sql!(
    "update risk_events set session_id = $3
    where user_id = $1 and challenge_id = $2 and session_id is null"
);

impl WriteTx {
    /// Writes down how an organization judged a sign-in from where the caller is, and what came of it.
    pub async fn record_judgement(
        &self,
        judgement: &Judgement,
        (user, provider): (UserId, &str),
        location: &Location,
        came_of_it: Judged,
    ) -> Result<RiskEventId> {
        let (id, answer) = (RiskEventId::new(self.uuid()), &judgement.assessment);
        let (session, challenge) = match came_of_it {
            Judged::Refused => (None, None),
            Judged::Waits(challenge) => (None, Some(challenge)),
            Judged::Entered(session) => (Some(session.uuid()), None),
        };
        let json = |e: serde_json::Error| domain::Error::internal(e);
        let values: Vec<Value> = vec![
            judgement.org.uuid().into(),
            id.uuid().into(),
            user.uuid().into(),
            session.into(),
            challenge.into(),
            provider.into(),
            answer.score.into(),
            serde_json::to_string(&answer.factors).map_err(json)?.into(),
            answer.verdict.as_str().into(),
            answer.action.as_str().into(),
            serde_json::to_string(&judgement.inputs).map_err(json)?.into(),
            self.origin().ip_address.clone().into(),
            location.country.clone().into(),
            location.city.clone().into(),
            location.at.map(|at| at.latitude).into(),
            location.at.map(|at| at.longitude).into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, INSERT, values).await?;
        Ok(id)
    }

    /// The sign-in that waited for its code became this session. `false` if none waits under this name any more.
    pub async fn challenge_passed(&self, user: UserId, challenge: Uuid, session: SessionId) -> Result<bool> {
        let values = vec![user.uuid().into(), challenge.into(), session.uuid().into()];
        Ok(sql::execute(&self.tx, PASSED, values).await? > 0)
    }
}

pub(super) const LIST: Sql = sql!(
    "select e.id, e.user_id, u.email, e.session_id, e.created_at, e.score, e.factors, e.verdict, e.action, e.inputs, e.ip_address,
      e.geo_country, e.geo_city, e.geo_latitude, e.geo_longitude, e.provider
    from risk_events e
    left join users u on u.id = e.user_id
    where e.org_id = $1 and e.score >= $2
    order by e.created_at desc, e.id desc
    limit $3 offset $4"
);

fn json<T: DeserializeOwned>(columns: &mut Columns<'_>) -> Result<T, DbErr> {
    serde_json::from_str(&columns.next::<String>()?).map_err(|e| DbErr::Json(e.to_string()))
}

fn action(columns: &mut Columns<'_>) -> Result<RiskAction, DbErr> {
    let name: String = columns.next()?;
    RiskAction::named(&name).ok_or_else(|| DbErr::Type(format!("{name} is no action")))
}

pub(super) fn read(row: &QueryResult) -> Result<RiskEvent, DbErr> {
    let mut columns = Columns::of(row);
    let (id, user_id) = (RiskEventId::new(columns.next()?), UserId::new(columns.next()?));
    let user_email = columns.next::<Option<String>>()?.map(Email::stored);
    let session_id = columns.next::<Option<Uuid>>()?.map(SessionId::new);
    let created_at = columns.next()?;
    let score = columns.next::<i16>()?.into();
    let factors = json(&mut columns)?;
    let (verdict, action) = (action(&mut columns)?, action(&mut columns)?);
    let (inputs, ip_address) = (json(&mut columns)?, columns.next()?);
    let (country, city) = (columns.next()?, columns.next()?);
    let (latitude, longitude): (Option<i32>, Option<i32>) = (columns.next()?, columns.next()?);
    let at = latitude.zip(longitude).map(|(latitude, longitude)| Coordinates { latitude, longitude });
    Ok(RiskEvent {
        id,
        user_id,
        user_email,
        session_id,
        created_at,
        score,
        factors,
        verdict,
        action,
        inputs,
        ip_address,
        location: Location { at, country, city },
        provider: columns.next()?,
    })
}

impl Store {
    /// The organization's judged sign-ins with at least this score, newest first.
    pub async fn risk_events(&self, scope: OrgScope<'_, RiskEvents, Read>, min_score: i64, page: Page) -> Result<Vec<RiskEvent>> {
        if page.offset() > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let values =
            vec![scope.org().uuid().into(), min_score.into(), i64::from(page.limit).into(), page.offset().cast_signed().into()];
        sql::read_all(&sql::all(&self.db, LIST, values).await?, read)
    }
}
