//! The tiers, in memory: they are part of every organization that is read, and change about never.

pub(crate) mod table;

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use chrono::TimeDelta;
use domain::{Error, Result, Time, tenancy::organizations::Tier};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::{
    Store,
    core::{
        entity::tiers::{Entity, Model},
        error::from_db,
    },
};

/// Tiers are read again this long after they were, so that an edit of the table reaches every process.
const REFRESH: TimeDelta = TimeDelta::seconds(60);

/// What was read, and when.
#[derive(Default)]
pub(crate) struct Tiers(RwLock<Option<(HashMap<String, Tier>, Time)>>);

impl Tiers {
    /// The tier with that id. If it has to be read first, then on `db`: whoever is inside a transaction has no second connection to
    /// wait for.
    pub(crate) async fn get(&self, db: &impl ConnectionTrait, id: &str, now: Time) -> Result<Tier> {
        if let Some(tier) = self.fresh(id, now) {
            return Ok(tier);
        }
        let rows = Entity::find().all(db).await.map_err(from_db)?;
        let tiers: HashMap<_, _> = rows.into_iter().map(|row| (row.id.clone(), tier(row))).collect();
        let found = tiers.get(id).cloned();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((tiers, now));
        found.ok_or_else(|| Error::internal(format!("no tier {id}")))
    }

    /// They are read again when one is asked for.
    fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn fresh(&self, id: &str, now: Time) -> Option<Tier> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (tiers, read_at) = known.as_ref()?;
        if (now - *read_at).abs() < REFRESH { tiers.get(id).cloned() } else { None }
    }
}

impl Store {
    /// A tier was changed: this process reads them again.
    pub fn forget_tiers(&self) {
        self.tiers.forget();
    }
}

pub(crate) fn tier(row: Model) -> Tier {
    Tier {
        id: row.id,
        name: row.name,
        display_name: row.display_name,
        default_max_services: row.default_max_services,
        default_max_users: row.default_max_users,
        features: row.features,
        price_cents: row.price_cents,
        currency: row.currency,
        created_at: row.created_at,
    }
}
