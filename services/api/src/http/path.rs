//! What a path names. An identifier that cannot be ours is "not found", like one that is not there; a path is looked at after its caller,
//! so that strangers learn nothing from it.

use std::str::FromStr;

use actix_web::HttpRequest;
use domain::{Error, Result, core::value::Slug};

/// Something that can be named in a path. Implemented beside the handlers of its noun.
pub trait PathId: FromStr {
    /// What there is none of, if the text is no such name.
    const NOUN: &'static str;
}

/// Any text: the use case parses it.
impl PathId for String {
    const NOUN: &'static str = "path";
}

/// The parts of a path that callers fill in.
pub trait TypedPath: Sized {
    /// Reads them.
    fn of(req: &HttpRequest) -> Result<Self>;
}

/// No parts.
impl TypedPath for () {
    fn of(_: &HttpRequest) -> Result<Self> {
        Ok(())
    }
}

/// One id, outside of any organization's path.
#[derive(Clone, Debug)]
pub struct Named<I>(pub I);

impl<I: PathId> TypedPath for Named<I> {
    fn of(req: &HttpRequest) -> Result<Self> {
        part(req, 0).map(Self)
    }
}

/// Two ids, outside of any organization's path: something, and what is named in it.
#[derive(Clone, Debug)]
pub struct NamedIn<A, B>(pub A, pub B);

impl<A: PathId, B: PathId> TypedPath for NamedIn<A, B> {
    fn of(req: &HttpRequest) -> Result<Self> {
        Ok(Self(part(req, 0)?, part(req, 1)?))
    }
}

/// `/api/organizations/{org_slug}/…`: the organization, and what is named in it: nothing, an id, or two.
#[derive(Clone, Debug)]
pub struct OrgPath<I = ()> {
    /// Which organization.
    pub org: Slug,
    /// What in it.
    pub id: I,
}

impl<I: OrgPart> TypedPath for OrgPath<I> {
    fn of(req: &HttpRequest) -> Result<Self> {
        let org = segment(req, 0).parse().map_err(|_| Error::not_found("organization"))?;
        Ok(Self { org, id: I::of(req)? })
    }
}

/// What stands behind the slug.
pub trait OrgPart: Sized {
    /// Reads it.
    fn of(req: &HttpRequest) -> Result<Self>;
}

impl OrgPart for () {
    fn of(_: &HttpRequest) -> Result<Self> {
        Ok(())
    }
}

impl<I: PathId> OrgPart for I {
    fn of(req: &HttpRequest) -> Result<Self> {
        part(req, 1)
    }
}

impl<A: PathId, B: PathId> OrgPart for (A, B) {
    fn of(req: &HttpRequest) -> Result<Self> {
        Ok((part(req, 1)?, part(req, 2)?))
    }
}

/// PostgreSQL stores no NUL and refuses it as a parameter, so no text with one names anything.
fn part<I: PathId>(req: &HttpRequest, position: usize) -> Result<I> {
    let text = Some(segment(req, position)).filter(|text| !text.contains('\0'));
    text.and_then(|text| text.parse().ok()).ok_or_else(|| Error::not_found(I::NOUN))
}

/// The filled-in part at this position; empty if the route has none, which nothing of ours parses from.
fn segment(req: &HttpRequest, position: usize) -> &str {
    req.match_info().iter().nth(position).map_or("", |(_, value)| value)
}
