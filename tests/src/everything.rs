//! One of everything: an organization with one of each thing that a path can name, made over HTTP like a client would.
//!
//! The file of its area is THE place that a new resource is added to: how one is made, and who may call its operations. The isolation sweep, the generated attacks, the crossing tests, the canaries
//! and `make fuzz-api` (by the program `everything`) all take their things from here, and the sweep fails by name for a part of a documented path
//! that is not in the list.

mod access;
mod applications;
mod core;
mod delivery;
mod events;
mod identity;
mod tenancy;

use std::cell::RefCell;

use futures::future::LocalBoxFuture;
use serde_json::Value;

pub use access::{Access, Operation, Rank, access, body};

use crate::{Client, TestApp, User};

/// One kind of thing, by the part of a path that names it.
#[derive(Debug)]
pub struct Noun {
    /// `webhook_id`, as in `/webhooks/{webhook_id}`.
    pub parameter: &'static str,
    /// How its ids begin: `whk_`.
    pub prefix: &'static str,
    /// Makes one and answers what names it. What stands above it in the list is made already.
    make: for<'m> fn(&'m Maker<'_>) -> LocalBoxFuture<'m, String>,
}

/// How a noun is made: `made!(function)` for an async function of a [`Maker`].
macro_rules! made {
    ($make:ident) => {
        |at| Box::pin($make(at))
    };
}
use made;

/// Every kind of thing, in the order in which they are made.
pub fn nouns() -> impl Iterator<Item = &'static Noun> {
    [tenancy::NOUNS, identity::NOUNS, delivery::NOUNS, applications::NOUNS, events::NOUNS, core::NOUNS].into_iter().flatten()
}

/// Every operation of the document.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    let areas = [tenancy::OPERATIONS, identity::OPERATIONS, delivery::OPERATIONS, applications::OPERATIONS];
    areas.into_iter().chain([events::OPERATIONS, core::OPERATIONS]).flatten()
}

/// Members of answers that are secrets, each shown once.
pub const SECRET_MEMBERS: &[&str] = &["access_token", "refresh_token", "secret", "client_secret", "key", "token", "device_code"];

/// What names a thing of each kind.
#[derive(Clone, Debug, Default)]
pub struct Ids(Vec<(&'static str, String)>);

impl Ids {
    /// Things that never were, in an organization.
    pub fn never_were(slug: &str) -> Self {
        let id = |noun: &Noun| (noun.parameter, format!("{}{}", noun.prefix, "0".repeat(32)));
        Self(nouns().map(id).collect()).with("org_slug", slug)
    }
    /// The same, with another thing for one part of the paths.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, id: &str) -> Self {
        self.0.retain(|(known, _)| *known != parameter);
        self.0.push((parameter, id.to_owned()));
        self
    }
    /// What names the thing of a kind.
    pub fn get(&self, parameter: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == parameter);
        &found.unwrap_or_else(|| panic!("`{parameter}` is new: say in tests/src/everything/<area>.rs how one is made")).1
    }
    /// A documented path with everything filled in.
    pub fn path(&self, template: &str) -> String {
        parameters(template).fold(template.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), self.get(name)))
    }
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, id)| (*name, id.as_str()))
    }
}

/// The parts of a documented path that name something.
pub fn parameters(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// An organization with one of everything.
#[derive(Debug)]
pub struct Everything {
    /// `/api/organizations/<slug>`.
    pub path: String,
    /// The owner's access token for it.
    pub access: String,
    /// What names each thing.
    pub ids: Ids,
    /// Every secret that was shown, and who may read it in a mail.
    pub secrets: Vec<(String, String)>,
}

/// Who makes things, and what there is so far.
pub struct Maker<'a> {
    client: Client,
    owner: &'a User,
    path: String,
    access: RefCell<String>,
    ids: RefCell<Ids>,
    secrets: RefCell<Vec<(String, String)>>,
    settle: &'a dyn Fn() -> LocalBoxFuture<'a, ()>,
}

impl<'a> Maker<'a> {
    /// `POST`s below the organization. Secrets in the answer are nobody's to read in a mail.
    async fn post(&self, rest: &str, body: Value) -> Value {
        self.post_mailed("nobody", rest, body).await
    }
    /// `POST`s below the organization what sends `reader` a mail with the secret of the answer.
    async fn post_mailed(&self, reader: &str, rest: &str, body: Value) -> Value {
        let answer = self.client.post(&format!("{}/{rest}", self.path), body).await.ok();
        self.keep(reader, &answer);
        answer
    }
    fn keep(&self, reader: &str, answer: &Value) {
        let found = SECRET_MEMBERS.iter().filter_map(|name| answer[*name].as_str());
        self.secrets.borrow_mut().extend(found.map(|secret| (secret.to_owned(), reader.to_owned())));
    }
    async fn get(&self, rest: &str) -> Value {
        self.client.get(&format!("{}/{rest}", self.path)).await.ok()
    }
    /// What was made above.
    fn id(&self, parameter: &str) -> String {
        self.ids.borrow().get(parameter).to_owned()
    }
}

/// Founds an organization and makes one of everything in it. `settle` waits until what happened is in the log, and gives the organization
/// the features that its tier does not have.
pub async fn make<'a>(
    client: &Client,
    owner: &'a User,
    slug: &'a str,
    settle: &'a dyn Fn() -> LocalBoxFuture<'a, ()>,
) -> Everything {
    let maker = Maker {
        client: client.bearer(&owner.access),
        owner,
        path: format!("/api/organizations/{slug}"),
        access: RefCell::default(),
        ids: RefCell::new(Ids::default().with("org_slug", slug)),
        secrets: RefCell::default(),
        settle,
    };
    for noun in nouns() {
        let id = (noun.make)(&maker).await;
        maker.ids.replace_with(|ids| std::mem::take(ids).with(noun.parameter, &id));
    }
    Everything {
        path: maker.path,
        access: maker.access.into_inner(),
        ids: maker.ids.into_inner(),
        secrets: maker.secrets.into_inner(),
    }
}

impl TestApp {
    /// Founds an organization with one of everything in it. Nothing of it waits to be sent.
    pub async fn everything(&self, owner: &User, slug: &str) -> Everything {
        let settle = || -> LocalBoxFuture<'_, ()> {
            Box::pin(async {
                self.worker().await;
                self.execute(
                    "update organizations set feature_overrides = '{\"allow_siem\": true, \"allow_scim\": true}' where feature_overrides is null",
                )
                .await;
            })
        };
        let made = make(&self.client(), owner, slug, &settle).await;
        // Checkpoints of the log are made by the clock.
        self.run_jobs().await;
        // Nobody listens there; it must not be tried again in the middle of a test.
        self.execute("update deliveries set state = 3").await;
        made
    }
}
