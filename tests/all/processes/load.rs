//! People who change things without pause and keep a list of what was acknowledged. A change whose answer got lost is settled the way
//! a careful client does it: with the same idempotency key, or by looking.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    http::{Answer, Api, text},
    world::Org,
};

/// What one of them did.
#[derive(Default)]
pub(super) struct Done {
    /// Addresses whose invitation was acknowledged, with its id.
    pub(super) invited: Vec<(String, String)>,
    /// Acknowledged (or found) changes of the own member's role.
    pub(super) roles: Vec<String>,
    /// Answers that got lost.
    pub(super) lost: usize,
    /// Answers of 500 that were not 503.
    pub(super) defects: Vec<String>,
}

impl Done {
    /// Calls until somebody answers 200.
    async fn insist(&mut self, api: &Api, method: &Method, path: &str, body: Option<&Value>, key: &str) -> Answer {
        let headers = [("idempotency-key", key)];
        let headers = if key.is_empty() { &headers[..0] } else { &headers };
        loop {
            match api.call(method.clone(), path, body, headers).await {
                Ok(answer) if answer.status == 200 => return answer,
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => self.defects.push(format!("{method} {path} -> {answer:?}")),
                Err(_) => {}
            }
            self.lost += 1;
            assert!(self.defects.len() < 20, "{:#?}", self.defects);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Invites one address after the other.
    pub(super) async fn invite(mut self, org: &Org, who: &str, stop: &AtomicBool) -> Self {
        let path = org.at("invitations");
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let email = format!("{who}-{n}@example.com");
            let body = json!({"email": email, "role": "member"});
            let key = format!("{who}-{n}");
            let made = self.insist(&org.owner.api, &Method::POST, &path, Some(&body), &key).await.json();
            self.invited.push((email, text(&made["invitation"]["id"])));
        }
        self
    }

    /// Changes a member's role to and fro.
    pub(super) async fn promote(mut self, org: &Org, member: &str, stop: &AtomicBool) -> Self {
        let path = org.at(&format!("members/{member}"));
        while !stop.load(Ordering::Relaxed) {
            let wanted = if self.roles.len().is_multiple_of(2) { "admin" } else { "member" };
            match org.owner.api.call(Method::PATCH, &path, Some(&json!({"role": wanted})), &[]).await {
                Ok(answer) if answer.status == 200 => self.roles.push(wanted.to_owned()),
                Ok(answer) if answer.status == 503 => self.lost += 1,
                Ok(answer) => self.defects.push(format!("PATCH {path} -> {answer:?}")),
                Err(_) => {
                    self.lost += 1;
                    let list = org.at("members?limit=100");
                    let list = self.insist(&org.owner.api, &Method::GET, &list, None, "").await.json();
                    let found = list["members"].as_array().into_iter().flatten().find(|m| m["user"]["id"] == member);
                    if found.is_some_and(|m| m["membership"]["role"] == wanted) {
                        self.roles.push(wanted.to_owned());
                    }
                }
            }
            assert!(self.defects.len() < 20, "{:#?}", self.defects);
        }
        self
    }
}

/// Adds a managed member; their user id.
pub(super) async fn add_member(org: &Org, email: &str) -> String {
    let id = org.invite(email).await;
    let added = org.owner.api.post(&org.at(&format!("invitations/{id}/accept")), json!({})).await;
    assert_eq!(added.status, 200, "{added:?}");
    let list = org.owner.api.get(&org.at("members?limit=100")).await.ok();
    let found = list["members"].as_array().into_iter().flatten().find(|m| m["user"]["email"] == email);
    text(&found.unwrap_or_else(|| panic!("{email} is not in {list}"))["user"]["id"])
}
