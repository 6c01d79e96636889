//! A browser, as far as a sign-in needs one: it keeps cookies, says where forms come from, and follows redirects as long as they lead to us.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use reqwest::Method;
use url::{Url, form_urlencoded};

use crate::{Client, Response, Serves};

/// A browser with cookies of its own.
pub struct Browser {
    client: Client,
    cookies: Mutex<BTreeMap<String, String>>,
    from: Mutex<Option<String>>,
}

/// Where a browser ended.
#[derive(Debug)]
pub enum Landed {
    /// On a page of ours.
    Page(String, Response),
    /// On its way to somebody else.
    Away(Url),
}

impl Landed {
    /// The page.
    #[track_caller]
    pub fn page(self) -> (String, Response) {
        match self {
            Self::Page(path, response) => (path, response),
            Self::Away(url) => panic!("the browser was sent to {url}"),
        }
    }
    /// The parameters with which it was sent to an application.
    #[track_caller]
    pub fn away(self) -> BTreeMap<String, String> {
        match self {
            Self::Away(url) => url.query_pairs().into_owned().collect(),
            Self::Page(path, response) => panic!("the browser stayed at {path}: {response}"),
        }
    }
}

impl Browser {
    /// A new one.
    pub fn new(server: &impl Serves) -> Self {
        Self { client: server.client(), cookies: Mutex::default(), from: Mutex::default() }
    }

    /// What it keeps under a name.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Has it keep something; `None`: no more.
    pub fn set_cookie(&self, name: &str, value: Option<&str>) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => cookies.insert(name.to_owned(), value.to_owned()),
            None => cookies.remove(name),
        };
    }

    /// Where it is from now on, for a server behind a proxy.
    pub fn from(&self, address: &str) {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.to_owned());
    }

    fn keep(&self, response: &Response) {
        for header in response.headers.get_all("set-cookie") {
            let text = header.to_str().unwrap_or_default();
            let Some((name, rest)) = text.split_once('=') else { continue };
            let value = rest.split(';').next().unwrap_or_default();
            assert!(text.contains("HttpOnly") && text.contains("SameSite=Lax"), "{text}");
            self.set_cookie(name, (!text.contains("Max-Age=0")).then_some(value));
        }
    }

    /// One request, from one of our pages.
    pub async fn request(&self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Response {
        let mut request = self.client.request(method, path);
        let cookies: Vec<String> = self
            .cookies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", &cookies.join("; "));
        }
        if let Some(from) = self.from.lock().unwrap_or_else(PoisonError::into_inner).as_deref() {
            request = request.header("x-forwarded-for", from);
        }
        if let Some(pairs) = form {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", self.client.base())
                .body(body);
        }
        let response = request.send().await;
        self.keep(&response);
        response
    }

    async fn follow(&self, path: &str, mut response: Response) -> Landed {
        let mut path = path.to_owned();
        for _ in 0..10 {
            if !matches!(response.status, 302 | 303) {
                return Landed::Page(path, response);
            }
            let target = response.header("location").to_owned();
            let own = target.strip_prefix(self.client.base()).map_or_else(|| target.clone(), str::to_owned);
            if !own.starts_with('/') {
                return Landed::Away(Url::parse(&target).unwrap_or_else(|e| panic!("{target}: {e}")));
            }
            path = own;
            response = self.request(Method::GET, &path, None).await;
        }
        panic!("{path} leads on and on")
    }

    /// Opens a page.
    pub async fn open(&self, path: &str) -> Landed {
        let response = self.request(Method::GET, path, None).await;
        self.follow(path, response).await
    }

    /// Sends a form.
    pub async fn send(&self, path: &str, pairs: &[(&str, &str)]) -> Landed {
        let response = self.request(Method::POST, path, Some(pairs)).await;
        self.follow(path, response).await
    }

    /// Sends a form of another site's, as browsers do: without the cookies that it keeps here. Where that leads, it goes with them.
    pub async fn post_from(&self, site: &str, path: &str, pairs: &[(&str, &str)]) -> Landed {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.client.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        let response = request.header("origin", site).body(body).send().await;
        self.keep(&response);
        self.follow(path, response).await
    }

    /// Opens a page that asks who it is, and says so.
    pub async fn sign_in(&self, path: &str, email: &str, password: &str) -> Landed {
        let (at, _) = self.open(path).await.page();
        let (at, _) = self.send(&at, &[("step", "identify"), ("email", email)]).await.page();
        self.send(&at, &[("step", "password"), ("password", password)]).await
    }
}
