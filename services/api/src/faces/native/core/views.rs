//! The shapes that several answers of the native face share.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, web};
use serde::Serialize;
use utoipa::{
    IntoParams, IntoResponses, ToSchema,
    openapi::{RefOr, Response, ResponsesBuilder},
};

/// It is done, and there is nothing to show: 200 and `null`, as the contract wants it.
pub struct Done;

impl Responder for Done {
    type Body = BoxBody;
    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(())
    }
}

/// How [`Done`] is described.
#[derive(IntoResponses)]
#[response(status = 200, description = "`null`.", example = json!(null))]
#[allow(dead_code, reason = "only describes")]
struct Null(Option<String>);

impl IntoResponses for Done {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        Null::responses()
    }
}

/// It is gone, and there is nothing to show: 204.
pub struct Gone;

impl Responder for Gone {
    type Body = BoxBody;
    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

impl IntoResponses for Gone {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        ResponsesBuilder::new().response("204", Response::new("It is gone.")).build().into()
    }
}

/// Which page of a list, in the query. Read with [`Query::page`](crate::http::wire::Query::page).
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes")]
pub struct Paging {
    /// From 1.
    page: Option<i64>,
    /// 1 to 100; default 50.
    limit: Option<i64>,
}

/// A sentence for people.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "Done."}))]
pub struct MessageResponse {
    /// The sentence.
    pub message: &'static str,
}

/// `{ "message": … }`.
pub fn message(message: &'static str) -> web::Json<MessageResponse> {
    web::Json(MessageResponse { message })
}

/// Where a page stands in its list.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"page": 1, "limit": 50, "total": 1, "total_pages": 1, "has_next": false, "has_prev": false}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct Pagination {
    pub page: u32,
    pub limit: u32,
    pub total: u64,
    /// True: there are more than `total`, and they were not counted. Absent: the total is exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub total_is_minimum: bool,
    pub total_pages: u64,
    pub has_next: bool,
    pub has_prev: bool,
}

impl Pagination {
    /// For a page of a list of `total`.
    pub fn of(page: domain::Page, total: domain::Total) -> Self {
        let total_pages = total.n.div_ceil(u64::from(page.limit));
        Self {
            page: page.page,
            limit: page.limit,
            total: total.n,
            total_is_minimum: total.is_minimum,
            total_pages,
            has_next: u64::from(page.page) < total_pages,
            has_prev: page.page > 1,
        }
    }
}

/// An event name that can be subscribed to or filtered by.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"value": "user.invited", "label": "USER INVITED", "category": "user"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub struct EventTypeResponse {
    pub value: &'static str,
    pub label: String,
    pub category: &'static str,
}

/// Names of the registry.
pub fn event_types(names: impl Iterator<Item = domain::EventName>) -> Vec<EventTypeResponse> {
    names.map(|name| EventTypeResponse { value: name.as_str(), label: name.label(), category: name.category() }).collect()
}
