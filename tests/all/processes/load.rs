//! People who change things without pause and keep a list of what was acknowledged. A change whose answer got lost is settled the way
//! a careful client does it: with the same idempotency key, or by looking.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use reqwest::Method;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};

use super::{
    http::{Answer, Api, text},
    invariants::all_arrived,
    world::Org,
};

/// What one of them did.
#[derive(Default)]
pub(super) struct Done {
    /// Addresses whose invitation was acknowledged, with its id.
    pub(super) invited: Vec<(String, String)>,
    /// Invitations whose cancelling was acknowledged.
    pub(super) cancelled: Vec<String>,
    /// Acknowledged (or found) changes of the own member's role.
    pub(super) roles: Vec<String>,
    /// Answers that got lost.
    pub(super) lost: usize,
    /// Answers of 500 that were not 503.
    pub(super) defects: Vec<String>,
}

impl Done {
    /// How many changes were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.invited.len() + self.cancelled.len() + self.roles.len()
    }

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

    /// Invites one address after the other, and takes most of them back: an organization has room for a thousand that wait.
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
            let id = text(&made["invitation"]["id"]);
            if n % 10 != 0 {
                self.cancel(org, &id).await;
                self.cancelled.push(id.clone());
            }
            self.invited.push((email, id));
        }
        self
    }

    /// Takes an invitation back. One that is gone after an answer that was lost (or was 503: the database may be lost between the commit and
    /// its confirmation) was taken back by that call.
    async fn cancel(&mut self, org: &Org, id: &str) {
        let path = org.at(&format!("invitations/{id}"));
        let mut unsure = false;
        loop {
            match org.owner.api.call(Method::POST, &path, None, &[]).await {
                Ok(answer) if answer.status == 200 || (unsure && answer.status == 404) => return,
                Ok(answer) if answer.status == 503 => unsure = true,
                Ok(answer) => self.defects.push(format!("POST {path} -> {answer:?}")),
                Err(_) => unsure = true,
            }
            self.lost += 1;
            assert!(self.defects.len() < 20, "{:#?}", self.defects);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
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

/// An audit record: its id, what happened, and the details.
pub(super) type Record = (String, String, Value);

/// The details of every record of an action.
pub(super) fn told(audit: &[Record], action: &str) -> Vec<Value> {
    audit.iter().filter(|(_, a, _)| a == action).map(|(.., data)| data.clone()).collect()
}

/// The end of a drill: nobody got an answer that is a defect, what was acknowledged is in the audit log (and of `people`'s addresses nothing
/// else), and every event of it reached the receiver, and nothing else did. Answers the audit log and how many events arrived.
pub(super) async fn all_is_well(
    db: &DatabaseConnection,
    api: &Api,
    org: &Org,
    people: &[&Done],
    theirs: impl Fn(&str) -> bool,
) -> (Vec<Record>, usize) {
    let defects: Vec<_> = people.iter().flat_map(|done| &done.defects).collect();
    assert!(defects.is_empty(), "{defects:#?}");
    let (audit, delivered) = all_arrived(db, api, org).await;
    acknowledged_is_told(&audit, people, theirs);
    (audit, delivered.len())
}

/// Every acknowledged invitation was told exactly once, under the id that was answered, and no other was (of those addresses that are
/// `people`'s); and so were those that were taken back.
fn acknowledged_is_told(audit: &[Record], people: &[&Done], theirs: impl Fn(&str) -> bool) {
    let of = |data: &Value, name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let mut invited: Vec<_> = told(audit, "user.invited").iter().map(|d| (of(d, "email"), of(d, "invitation_id"))).collect();
    invited.retain(|(email, _)| theirs(email));
    let mut cancelled: Vec<_> = told(audit, "invitation.revoked").iter().map(|d| of(d, "invitation_id")).collect();
    let mut acknowledged: Vec<_> = people.iter().flat_map(|done| done.invited.clone()).collect();
    let mut taken_back: Vec<_> = people.iter().flat_map(|done| done.cancelled.clone()).collect();
    [&mut invited, &mut acknowledged].into_iter().for_each(|list| list.sort());
    [&mut cancelled, &mut taken_back].into_iter().for_each(|list| list.sort());
    assert_eq!(invited, acknowledged, "invitations told, and acknowledged");
    assert_eq!(cancelled, taken_back, "invitations told to be taken back, and acknowledged");
}
