//! Making a connection and changing it.

use app::identity::connections::{ConnectionChanges, NewConnection};
use domain::{
    BadValue, all,
    core::value::{Name, RoleSlug},
    identity::connections::{
        ClientIdentifier, ClientPassword, ConnectionSlug, Endpoints, Issuer, Notes, Protocol, ProviderUrl, SamlSettings, Scopes,
        certificates::MAX_CERTIFICATES,
        mapping::{Attributes, ClaimName, GroupName, MAX_ROLE_MAPPINGS, RoleMapping},
    },
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::wire::{Field, FromJson, text};

macro_rules! parsed {
    ($($ty:ty),*) => { $(impl FromJson for $ty {
        fn from_json(value: &Value) -> Result<Self, BadValue> { text(value)?.parse() }
    })* };
}
parsed!(ConnectionSlug, Protocol, ClientIdentifier, ClientPassword, Issuer, ProviderUrl, Scopes, ClaimName, GroupName);

fn bad<T>(code: &'static str, message: &'static str) -> Result<T, BadValue> {
    Err(BadValue { code, message: message.into() })
}

/// JSON of which nothing is read.
impl FromJson for Notes {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Self::of(value)
    }
}

/// A document that is uploaded; the body's limit bounds it.
pub(super) struct Document(String);

impl FromJson for Document {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match text(value)? {
            "" => bad("empty", "This cannot be empty."),
            document => Ok(Self(document.to_owned())),
        }
    }
}

/// Certificates, in PEM or base64.
pub(super) struct Certificates(Vec<String>);

impl FromJson for Certificates {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match value.as_array() {
            Some(items) if items.len() > MAX_CERTIFICATES => bad("too_many", "Send at most 10 certificates."),
            Some(items) => Ok(Self(items.iter().map(|item| text(item).map(str::to_owned)).collect::<Result<_, _>>()?)),
            None => bad("wrong_type", "Send an array of strings."),
        }
    }
}

impl FromJson for Attributes {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let Some(members) = value.as_object() else { return bad("wrong_type", "Send an object.") };
        if members.keys().any(|name| !["subject", "email", "name", "groups"].contains(&name.as_str())) {
            return bad("unknown_attribute", "Name any of: subject, email, name, groups.");
        }
        let claim = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => ClaimName::from_json(value).map(Some),
        };
        Ok(Self { subject: claim("subject")?, email: claim("email")?, name: claim("name")?, groups: claim("groups")? })
    }
}

impl FromJson for Vec<RoleMapping> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let Some(items) = value.as_array() else { return bad("wrong_type", "Send an array.") };
        if items.len() > MAX_ROLE_MAPPINGS {
            return bad("too_many", "Send at most 100 items.");
        }
        let mut all = Self::new();
        for item in items {
            let mapping = RoleMapping { group: GroupName::from_json(&item["group"])?, role: role(&item["role"])? };
            if !all.contains(&mapping) {
                all.push(mapping);
            }
        }
        Ok(all)
    }
}

fn role(value: &Value) -> Result<RoleSlug, BadValue> {
    match text(value)? {
        "owner" | "admin" | "member" => bad("not_mappable", "Map groups to custom roles; owners and admins are made by people."),
        slug => slug.parse(),
    }
}

/// A new connection.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"connection_id": "okta", "name": "Okta", "provider_type": "oidc", "client_id": "0oa1b2c3d4", "client_secret": "aVerySecretText", "discovery_url": "https://acme.okta.com/.well-known/openid-configuration"}))]
pub(super) struct CreateUpstreamProviderRequest {
    /// Its name in sign-in requests, unique in the organization. It stays.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 64, required)]
    connection_id: Field<ConnectionSlug>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// `oidc`, `oauth2` or `saml`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    provider_type: Field<Protocol>,
    /// Who we are there.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 512, required)]
    client_id: Field<ClientIdentifier>,
    /// Of `oidc` and `oauth2`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    client_secret: Field<ClientPassword>,
    /// The provider's issuer, or of `saml` its entity ID, byte by byte.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    issuer: Field<Issuer>,
    /// https, at a public address. Of `saml` where people sign in (redirect binding).
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    authorization_url: Field<ProviderUrl>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    token_url: Field<ProviderUrl>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    userinfo_url: Field<ProviderUrl>,
    /// The provider's discovery document, or of `saml` its metadata: fetched now, and every six hours.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    discovery_url: Field<ProviderUrl>,
    /// The same document, uploaded: JSON, or of `saml` XML.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    document: Field<Document>,
    /// Certificates that verify a SAML provider's signatures, in PEM or base64.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10)]
    certificates: Field<Certificates>,
    /// Of `saml`: decrypt AES-CBC also where no signature covers it, for a provider that cannot do better. Default false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    saml_unauthenticated_cbc: Field<bool>,
    /// Of `saml`: the client (`client_id`) at which a sign-in begins when the provider sends a response that nobody asked for. Left out: such a response leads nowhere.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    saml_default_client_id: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1000)]
    scopes: Field<Scopes>,
    /// Any JSON of at most 16 KB, kept for you.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    metadata: Field<Notes>,
    /// Default true.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Field<bool>,
    /// Default false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    jit: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<super::views::AttributeMapping>)]
    attribute_mapping: Field<Attributes>,
    /// Pairs of `group` and `role`: custom roles that you hold. Needs `org.roles.manage` as well.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Value>>, max_items = 100)]
    role_mapping: Field<Vec<RoleMapping>>,
}

impl CreateUpstreamProviderRequest {
    pub(super) fn parsed(self) -> domain::Result<NewConnection> {
        let (slug, name, protocol, client_id, secret, enabled, jit, document, certificates) = all((
            self.connection_id.required("connection_id"),
            self.name.required("name"),
            self.provider_type.required("provider_type"),
            self.client_id.required("client_id"),
            self.client_secret.optional("client_secret"),
            self.enabled.optional("enabled"),
            self.jit.optional("jit"),
            self.document.optional("document"),
            self.certificates.optional("certificates"),
        ))?;
        let default_client =
            self.saml_default_client_id.optional("saml_default_client_id").map_err(|e| domain::Error::invalid(vec![e]))?;
        let unauthenticated_cbc =
            self.saml_unauthenticated_cbc.optional("saml_unauthenticated_cbc").map_err(|e| domain::Error::invalid(vec![e]))?;
        let (issuer, authorization, token, userinfo, discovery, scopes, notes, attributes, roles) = all((
            self.issuer.optional("issuer"),
            self.authorization_url.optional("authorization_url"),
            self.token_url.optional("token_url"),
            self.userinfo_url.optional("userinfo_url"),
            self.discovery_url.optional("discovery_url"),
            self.scopes.optional("scopes"),
            self.metadata.optional("metadata"),
            self.attribute_mapping.optional("attribute_mapping"),
            self.role_mapping.optional("role_mapping"),
        ))?;
        Ok(NewConnection {
            slug,
            name,
            protocol,
            enabled: enabled.unwrap_or(true),
            jit: jit.unwrap_or(false),
            client_id,
            secret,
            endpoints: Endpoints { issuer, authorization, token, userinfo, discovery },
            scopes,
            notes,
            document: document.map(|document| document.0),
            certificates: certificates.map(|certificates| certificates.0).unwrap_or_default(),
            saml: SamlSettings { unauthenticated_cbc: unauthenticated_cbc.unwrap_or(false), default_client },
            attributes: attributes.unwrap_or_default(),
            roles: roles.unwrap_or_default(),
        })
    }
}

/// Changes of a connection.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"enabled": false}))]
pub(super) struct UpdateUpstreamProviderRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    jit: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    client_id: Field<ClientIdentifier>,
    /// Stays only while codes are exchanged at the same server: else send it again.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 512)]
    client_secret: Field<ClientPassword>,
    /// Null: what the provider publishes counts.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    issuer: Field<Issuer>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    authorization_url: Field<ProviderUrl>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    token_url: Field<ProviderUrl>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    userinfo_url: Field<ProviderUrl>,
    /// Fetched now, and whatever it says accepted, also if it is the same address. Null forgets what was published.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    discovery_url: Field<ProviderUrl>,
    /// In the place of what was published.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    document: Field<Document>,
    /// In the place of those that were written down before; those of the metadata stay.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10)]
    certificates: Field<Certificates>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    saml_unauthenticated_cbc: Field<bool>,
    /// Of `saml`: the client (`client_id`) at which a sign-in begins when the provider sends a response that nobody asked for. Left out: such a response leads nowhere.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    saml_default_client_id: Field<String>,
    /// Null: the usual.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1000)]
    scopes: Field<Scopes>,
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    metadata: Field<Notes>,
    /// In the place of the one before.
    #[serde(default)]
    #[schema(value_type = Option<super::views::AttributeMapping>)]
    attribute_mapping: Field<Attributes>,
    /// In the place of the one before. Whoever holds every role of it wakes those that sleep. Needs `org.roles.manage` as well.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Value>>, max_items = 100)]
    role_mapping: Field<Vec<RoleMapping>>,
}

impl UpdateUpstreamProviderRequest {
    pub(super) fn parsed(self) -> domain::Result<ConnectionChanges> {
        let (name, enabled, jit, client_id, secret, document, certificates, attributes, roles) = all((
            self.name.change("name"),
            self.enabled.change("enabled"),
            self.jit.change("jit"),
            self.client_id.change("client_id"),
            self.client_secret.patch("client_secret"),
            self.document.change("document"),
            self.certificates.change("certificates"),
            self.attribute_mapping.change("attribute_mapping"),
            self.role_mapping.change("role_mapping"),
        ))?;
        let (issuer, authorization, token, userinfo, discovery, scopes, notes, unauthenticated_cbc, default_client) = all((
            self.issuer.patch("issuer"),
            self.authorization_url.patch("authorization_url"),
            self.token_url.patch("token_url"),
            self.userinfo_url.patch("userinfo_url"),
            self.discovery_url.patch("discovery_url"),
            self.scopes.patch("scopes"),
            self.metadata.patch("metadata"),
            self.saml_unauthenticated_cbc.change("saml_unauthenticated_cbc"),
            self.saml_default_client_id.patch("saml_default_client_id"),
        ))?;
        Ok(ConnectionChanges {
            name,
            enabled,
            jit,
            client_id,
            secret,
            issuer,
            authorization,
            token,
            userinfo,
            discovery,
            scopes,
            notes,
            document: document.map(|document| document.0),
            certificates: certificates.map(|certificates| certificates.0),
            unauthenticated_cbc,
            default_client,
            attributes,
            roles,
        })
    }
}
