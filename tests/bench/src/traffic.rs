//! What is sent to the product and to the floor.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use serde_json::json;

use crate::{
    http,
    load::{Shared, Traffic},
    seed::Dataset,
};

/// The same requests over and over.
pub(crate) struct Repeat {
    requests: Vec<Vec<u8>>,
    at: usize,
}

impl Traffic for Repeat {
    fn next(&mut self) -> Vec<u8> {
        self.at = (self.at + 1) % self.requests.len();
        self.requests[self.at].clone()
    }
}

pub(crate) fn repeat(requests: Vec<Vec<u8>>) -> Shared {
    Rc::new(RefCell::new(Repeat { requests, at: 0 }))
}

/// Requests that are made of a counter.
pub(crate) struct Counted<F> {
    make: F,
    count: u64,
}

impl<F: FnMut(u64) -> Vec<u8>> Traffic for Counted<F> {
    fn next(&mut self) -> Vec<u8> {
        self.count += 1;
        (self.make)(self.count)
    }
}

pub(crate) fn counted(make: impl FnMut(u64) -> Vec<u8> + 'static) -> Shared {
    Rc::new(RefCell::new(Counted { make, count: 0 }))
}

/// Refreshes: each answer holds the token of that family's next request.
struct Refreshes(VecDeque<String>);

impl Traffic for Refreshes {
    fn next(&mut self) -> Vec<u8> {
        let token = self.0.pop_front().unwrap_or_default();
        http::json("POST", "/api/auth/refresh", None, &json!({"refresh_token": token}))
    }
    fn answered(&mut self, body: &[u8]) {
        if let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body) {
            self.0.extend(answer["refresh_token"].as_str().map(str::to_owned));
        }
    }
}

pub(crate) fn refreshes(tokens: Vec<String>) -> Shared {
    Rc::new(RefCell::new(Refreshes(tokens.into())))
}

impl Dataset {
    /// Each caller reads one of their organizations.
    pub(crate) fn reads(&self) -> Shared {
        let requests = self.callers.iter().map(|c| http::get(&format!("/api/organizations/{}", c.slug), Some(&c.token)));
        repeat(requests.collect())
    }
    /// The floor of that.
    pub(crate) fn floor_reads(&self) -> Shared {
        repeat(self.callers.iter().map(|c| http::get(&format!("/organization/{}", c.slug), None)).collect())
    }
    /// Each caller of a large organization reads a page of its members.
    pub(crate) fn pages(&self) -> Shared {
        let large = self.callers.iter().filter(|c| c.large);
        let path = |slug: &str| format!("/api/organizations/{slug}/members?limit=50");
        repeat(large.map(|c| http::get(&path(&c.slug), Some(&c.token))).collect())
    }
    pub(crate) fn floor_pages(&self) -> Shared {
        let large = self.callers.iter().filter(|c| c.large);
        repeat(large.map(|c| http::get(&format!("/members/{}", c.org), None)).collect())
    }
    /// Owners invite people nobody has heard of. `run` keeps the addresses of several runs apart.
    pub(crate) fn invitations(&self, run: &str) -> Shared {
        let (owners, run) = (self.owners(), run.to_owned());
        counted(move |n| {
            let (slug, token) = &owners[n as usize % owners.len()];
            let body = json!({"email": format!("guest-{run}-{n}@example.com"), "role": "member"});
            http::json("POST", &format!("/api/organizations/{slug}/invitations"), Some(token), &body)
        })
    }
    pub(crate) fn floor_writes(&self, what: &'static str) -> Shared {
        let callers: Vec<_> = self.callers.iter().skip(self.callers.len() / 2).map(|c| (c.org, c.number)).collect();
        counted(move |n| {
            let (org, number) = callers[n as usize % callers.len()];
            http::json("POST", &format!("/{what}/{org}/{number}"), None, &json!({}))
        })
    }
    /// Nine reads, one change of an organization's name.
    pub(crate) fn mixed(&self) -> Shared {
        let (mut reads, owners) = (self.read_requests(), self.owners());
        counted(move |n| {
            if n % 10 == 0 {
                let (slug, token) = &owners[(n / 10) as usize % owners.len()];
                let body = json!({"name": format!("Company {n}")});
                return http::json("PATCH", &format!("/api/organizations/{slug}"), Some(token), &body);
            }
            reads.next()
        })
    }
    pub(crate) fn floor_mixed(&self) -> Shared {
        let (reads, writes) = (self.floor_reads(), self.floor_writes("rename"));
        counted(move |n| if n % 10 == 0 { writes.borrow_mut().next() } else { reads.borrow_mut().next() })
    }
    /// Owners read pages of the audit log and of the feed, in turns.
    pub(crate) fn logs(&self) -> Shared {
        let page = |(slug, token): (String, String)| {
            ["audit-log?limit=50", "events?limit=100"]
                .map(|what| http::get(&format!("/api/organizations/{slug}/{what}"), Some(&token)))
        };
        repeat(self.owners().into_iter().flat_map(page).collect())
    }
    /// Owners change their organization's name.
    pub(crate) fn renames(&self) -> Shared {
        let owners = self.owners();
        counted(move |n| {
            let (slug, token) = &owners[n as usize % owners.len()];
            http::json("PATCH", &format!("/api/organizations/{slug}"), Some(token), &json!({"name": format!("Company {n}")}))
        })
    }
    fn read_requests(&self) -> Repeat {
        let requests = self.callers.iter().map(|c| http::get(&format!("/api/organizations/{}", c.slug), Some(&c.token)));
        Repeat { requests: requests.collect(), at: 0 }
    }
    fn owners(&self) -> Vec<(String, String)> {
        self.callers.iter().filter(|c| c.owner).map(|c| (c.slug.clone(), c.token.clone())).collect()
    }
    /// The first half of the callers refreshes; the floor writes to the rows of the other half.
    pub(crate) fn refreshes(&self) -> Shared {
        refreshes(self.callers.iter().take(self.callers.len() / 2).map(|c| c.refresh.clone()).collect())
    }
    /// Sign-ins of different people.
    pub(crate) fn logins(&self) -> Shared {
        let people: Vec<_> = self.callers.iter().map(|c| c.number).collect();
        counted(move |n| {
            let email = format!("user{}@example.com", people[n as usize % people.len()]);
            http::json("POST", "/api/auth/login", None, &json!({"email": email, "password": crate::seed::PASSWORD}))
        })
    }
}
