//! The members of the contract's objects, and what no answer may hold.

use serde_json::Value;

pub(crate) const ORGANIZATION: &[&str] = &[
    "id",
    "slug",
    "name",
    "owner_user_id",
    "status",
    "tier_id",
    "max_services",
    "max_users",
    "approved_by",
    "approved_at",
    "rejected_by",
    "rejected_at",
    "rejection_reason",
    "custom_domain",
    "domain_verified",
    "brand_logo_url",
    "brand_primary_color",
    "feature_overrides",
    "created_at",
    "updated_at",
];
pub(crate) const TIER: &[&str] = &[
    "id",
    "name",
    "display_name",
    "default_max_services",
    "default_max_users",
    "features",
    "price_cents",
    "currency",
    "created_at",
];
pub(crate) const USER: &[&str] =
    &["id", "email", "org_id", "is_platform_owner", "email_verified_at", "created_at", "updated_at", "deleted_at"];
pub(crate) const MEMBERSHIP: &[&str] = &["id", "org_id", "user_id", "role", "created_at"];
pub(crate) const INVITATION: &[&str] = &["id", "org_id", "email", "role", "invited_by", "status", "expires_at", "created_at"];
pub(crate) const ROLE: &[&str] = &["id", "org_id", "slug", "name", "description", "permissions", "created_at", "updated_at"];
pub(crate) const PAGINATION: &[&str] = &["page", "limit", "total", "total_pages", "has_next", "has_prev"];

/// Fails unless the object has these members and no others.
#[track_caller]
pub(crate) fn has_exactly(object: &Value, members: &[&str]) {
    let mut found: Vec<&str> =
        object.as_object().unwrap_or_else(|| panic!("not an object: {object}")).keys().map(String::as_str).collect();
    let mut members = members.to_vec();
    found.sort_unstable();
    members.sort_unstable();
    assert_eq!(found, members, "{object}");
}

/// Fails unless the object has these members, and at most the optional ones besides.
#[track_caller]
pub(crate) fn has(object: &Value, members: &[&str], optional: &[&str]) {
    let found = object.as_object().unwrap_or_else(|| panic!("not an object: {object}"));
    for member in members {
        assert!(found.contains_key(*member), "`{member}` is missing: {object}");
    }
    for member in found.keys() {
        assert!(members.contains(&member.as_str()) || optional.contains(&member.as_str()), "`{member}` is too much: {object}");
    }
    for (member, value) in found.iter().filter(|(name, _)| optional.contains(&name.as_str())) {
        assert!(!value.is_null(), "an absent `{member}` is left out, not null: {object}");
    }
}
