use sea_orm::IntoActiveModel;

use super::*;
use crate::{
    core::{
        entity::tiers,
        testing::{at, everywhere, now, organization},
    },
    tenancy::tiers::tier,
};

#[tokio::test]
async fn an_organization_read_by_position_is_the_organization() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let row = organizations::Entity::find_by_id(org.uuid()).one(&store.db).await.unwrap().unwrap();
        let is = Organization {
            id: org,
            slug: Slug::stored("acme".to_owned()),
            name: Name::stored("Acme".to_owned()),
            owner_user_id: UserId::new(row.owner_user_id),
            status: OrgStatus::Suspended,
            tier_id: row.tier_id.clone(),
            max_services: Some(3),
            max_users: Some(4),
            approved_by: Some(UserId::new(store.ids.uuid(now()))),
            approved_at: Some(at(5)),
            rejected_by: Some(UserId::new(store.ids.uuid(now()))),
            rejected_at: Some(at(6)),
            rejection_reason: Some("reason".to_owned()),
            feature_overrides: Some("{}".to_owned()),
            brand_logo_url: Some("logo".to_owned()),
            brand_primary_color: Some("color".to_owned()),
            custom_domain: Some("domain".to_owned()),
            domain_verified: true,
            version: 7,
            created_at: at(8),
            updated_at: at(9),
        };
        let changed = organizations::ActiveModel {
            slug: Set(is.slug.to_string()),
            name: Set(is.name.to_string()),
            status: Set(is.status.as_str().to_owned()),
            max_services: Set(is.max_services),
            max_users: Set(is.max_users),
            approved_by: Set(is.approved_by.map(UserId::uuid)),
            approved_at: Set(is.approved_at),
            rejected_by: Set(is.rejected_by.map(UserId::uuid)),
            rejected_at: Set(is.rejected_at),
            rejection_reason: Set(is.rejection_reason.clone()),
            feature_overrides: Set(is.feature_overrides.clone()),
            brand_logo_url: Set(is.brand_logo_url.clone()),
            brand_primary_color: Set(is.brand_primary_color.clone()),
            custom_domain: Set(is.custom_domain.clone()),
            domain_verified: Set(is.domain_verified),
            version: Set(is.version),
            created_at: Set(is.created_at),
            updated_at: Set(is.updated_at),
            ..row.into_active_model()
        };
        organizations::Entity::update(changed).exec(&store.db).await.unwrap();
        let counted =
            org_counters::ActiveModel { org_id: Set(org.uuid()), members: Set(11), services: Set(12), ..Default::default() };
        org_counters::Entity::update(counted).exec(&store.db).await.unwrap();
        let row = tiers::ActiveModel {
            id: Set(is.tier_id.clone()),
            name: Set("name".to_owned()),
            display_name: Set("display".to_owned()),
            default_max_services: Set(21),
            default_max_users: Set(22),
            features: Set("{}".to_owned()),
            price_cents: Set(23),
            currency: Set("EUR".to_owned()),
            created_at: Set(at(24)),
        };
        tiers::Entity::update(row).exec(&store.db).await.unwrap();
        let tier = tier(tiers::Entity::find_by_id(is.tier_id.clone()).one(&store.db).await.unwrap().unwrap());
        let row = sql::one(&store.db, BY_ID, vec![org.uuid().into()]).await.unwrap().unwrap();
        assert_eq!(read_view(&row).unwrap(), OrganizationView { organization: is, members: 11, services: 12, tier });
    })
    .await;
}
