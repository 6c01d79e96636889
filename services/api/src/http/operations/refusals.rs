//! What every operation can answer, added here once instead of at each of them.

use app::core::limits::Group;
use utoipa::openapi::{
    Ref, RefOr, Response,
    content::ContentBuilder,
    header::HeaderBuilder,
    path::Operation,
    response::ResponseBuilder,
    schema::{ObjectBuilder, Type},
};

use super::{OAUTH, OPERATIONS, PAGES, Tag, terms::is_open};

/// Adds the refusals that the registration does not describe itself; `counted` says by which limit.
pub(super) fn add(operation: &mut Operation, tag: Tag, counted: Option<Group>) {
    let mut refusals = vec![
        ("400", "The input is wrong, a name is taken, or the state does not allow it."),
        ("503", "Too busy, or a dependency is away. Try again after `Retry-After` seconds."),
    ];
    if tag.name != OPERATIONS.name {
        refusals.push(("413", "The body is too large."));
    }
    refusals.extend(counted.map(|group| ("429", too_many(group))));
    if !is_open(operation) {
        refusals.extend([
            ("401", "No valid access token, or its session has ended."),
            ("403", "Not allowed."),
            ("404", "There is no such thing, for this caller."),
        ]);
    }
    let page = tag.name == PAGES.name;
    for (status, text) in refusals {
        // What HTTP refuses before a face sees it has the one shape.
        let shape = if tag.name == OAUTH && status != "413" { "OAuthErrorBody" } else { "ErrorBody" };
        let refusal = || RefOr::T(refusal(status, text, (shape, page)));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(refusal);
    }
}

fn too_many(group: Group) -> &'static str {
    match group {
        Group::SignIn => "Too many sign-in calls from this network. Try again after `Retry-After` seconds.",
        Group::Reads => "Too many reads by this account or in this organization. Try again after `Retry-After` seconds.",
        Group::Writes => "Too many writes by this account or in this organization. Try again after `Retry-After` seconds.",
        Group::Exports => "Too many exports by this account or in this organization. Try again after `Retry-After` seconds.",
    }
}

fn refusal(status: &str, text: &str, (shape, page): (&str, bool)) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(shape))).build();
    let mut response = ResponseBuilder::new().description(text).content("application/json", content);
    if page {
        let html = ObjectBuilder::new().schema_type(Type::String);
        response = response.content("text/html", ContentBuilder::new().schema(Some(html)).build());
    }
    let headers: &[_] = match status {
        "429" => &NUMBERS,
        "503" => &NUMBERS[..1],
        _ => &[],
    };
    for (name, text) in headers {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        response = response.header(*name, HeaderBuilder::new().description(Some(*text)).schema(Some(number)).build());
    }
    response.build()
}

/// Headers of refusals. Those of the limit come with every other answer of a limited operation as well.
const NUMBERS: [(&str, &str); 4] = [
    ("Retry-After", "Seconds until it is worth trying again."),
    ("RateLimit-Limit", "Requests that may come at once, under the limit that is nearest to being used up."),
    ("RateLimit-Remaining", "Requests left under it."),
    ("RateLimit-Reset", "Seconds until all of them are left again."),
];
