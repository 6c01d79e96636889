//! T20 as a property, end to end: six people do what comes to their minds, and nobody but an owner ever gives anybody what they lack.
//! (`domain::authorization::policy` has the same over the rules alone, with many more and longer walks.)

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use super::counters_are_right;

const CALLS: usize = 150;
const CAPS: &[&str] = &["org.members.manage", "org.roles.manage", "webhooks.manage", "billing.manage", "audit_logs.view"];

/// A generator whose numbers are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }
    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
    fn some_caps(&mut self) -> Vec<&'static str> {
        CAPS.iter().copied().filter(|_| self.below(3) == 0).collect()
    }
}

type Powers = BTreeMap<String, BTreeSet<String>>;

/// What everybody may do, by the database. Being an admin or owner counts as something to be held, too.
async fn powers(app: &TestApp) -> Powers {
    let sql = "select u.email, m.role, coalesce(r.permissions, '') from memberships m join users u on u.id = m.user_id \
               left join roles r on r.org_id = m.org_id and r.slug = m.role";
    let rows = app.rows(sql).await;
    let mut powers = Powers::new();
    for row in &rows {
        let [email, role, permissions]: [String; 3] = [0, 1, 2].map(|n| row.try_get_by_index(n).unwrap());
        let mut held: BTreeSet<String> = permissions.split_whitespace().map(str::to_owned).collect();
        if matches!(role.as_str(), "owner" | "admin") {
            held.extend(CAPS.iter().map(|cap| (*cap).to_owned()));
            held.insert("admin".to_owned());
        }
        if role == "owner" {
            held.insert("owner".to_owned());
        }
        // Two members of one address would be one here, and hide something.
        assert!(powers.insert(email.clone(), held).is_none(), "two members with the address {email}");
    }
    powers
}

/// A call: what it is called, how it is made, and who gives what it gives (the caller, unless somebody accepts for themselves).
struct Step {
    name: &'static str,
    method: Method,
    path: String,
    body: Value,
    giver: String,
}

struct Walk {
    org: Org,
    actors: Vec<User>,
    guests: Vec<User>,
    /// Roles and invitations that were made: id (or slug), and for invitations also inviter, address and token.
    roles: Vec<(String, String)>,
    invitations: Vec<(String, String, String, String)>,
    random: Random,
}

impl Walk {
    fn role_name(&mut self) -> String {
        let built_in = ["owner", "admin", "member"];
        let n = self.random.below(built_in.len() + self.roles.len());
        if n < built_in.len() { built_in[n].to_owned() } else { self.roles[n - built_in.len()].1.clone() }
    }

    fn step(&mut self, by: &User, n: usize) -> Step {
        let everybody: Vec<User> = self.actors.iter().chain(&self.guests).cloned().collect();
        let target = self.random.of(&everybody).clone();
        let member = self.org.at(&format!("members/{}", target.id));
        let role = self.role_name();
        let (role_id, _) = self.random.of(&self.roles).clone();
        let shape = json!({"slug": format!("r{n}"), "name": "Some role", "permissions": self.random.some_caps()});
        let at_role = self.org.at(&format!("roles/{role_id}"));
        let step = |name, method, path: String, body| Step { name, method, path, body, giver: by.email.clone() };
        match self.random.below(20) {
            0..5 => step("assign", Method::PATCH, member, json!({"role": role})),
            5..8 => step("invite", Method::POST, self.org.at("invitations"), json!({"email": target.email, "role": role})),
            8..10 => step("create role", Method::POST, self.org.at("roles"), shape),
            10..13 => step("edit role", Method::PUT, at_role, json!({"permissions": shape["permissions"]})),
            13 => step("delete role", Method::DELETE, at_role, json!({})),
            14 => step("remove", Method::DELETE, member, json!({})),
            15 => step("hand over", Method::POST, self.org.at("transfer-ownership"), json!({"new_owner_email": target.email})),
            n => {
                let Some((id, inviter, _, token)) = self.invitations.last().cloned() else {
                    return step("assign", Method::PATCH, member, json!({"role": role}));
                };
                if n == 16 {
                    return step("accept on behalf", Method::POST, self.org.at(&format!("invitations/{id}/accept")), json!({}));
                }
                Step {
                    giver: inviter,
                    ..step("accept", Method::POST, "/api/invitations/accept".to_owned(), json!({"token": token}))
                }
            }
        }
    }

    /// Whoever was invited is the one to accept, half of the time.
    fn caller(&mut self, n: usize) -> User {
        let invited = self.invitations.last().map(|(_, _, email, _)| email.clone());
        let guest = self.guests.iter().chain(&self.actors).find(|user| Some(&user.email) == invited.as_ref());
        match guest {
            Some(guest) if n.is_multiple_of(4) => guest.clone(),
            _ => self.random.of(&self.actors).clone(),
        }
    }

    fn remember(&mut self, step: &Step, by: &User, answer: &Value) {
        match step.name {
            "create role" => self.roles.push((text(&answer["id"]), text(&answer["slug"]))),
            "invite" => {
                let invitation = &answer["invitation"];
                self.invitations.push((
                    text(&invitation["id"]),
                    by.email.clone(),
                    text(&invitation["email"]),
                    text(&answer["token"]),
                ));
            }
            "accept" | "accept on behalf" => drop(self.invitations.pop()),
            _ => {}
        }
    }
}

async fn start(app: &TestApp, seed: u64) -> Walk {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    let mut roles = Vec::new();
    for (slug, caps) in [("people", &CAPS[..3]), ("shaper", &[CAPS[1], CAPS[4]][..]), ("greeter", &[CAPS[0], CAPS[3]][..])] {
        roles.push((app.role(&ann, "acme", slug, caps).await, slug.to_owned()));
    }
    let mut actors = vec![ann.clone()];
    for role in ["admin", "people", "shaper", "greeter"] {
        actors.push(app.member(&ann, "acme", &format!("{role}@example.com"), role).await);
    }
    // Somebody who operates the platform and is no member: that gives nothing here.
    actors.push(root);
    let mut guests = Vec::new();
    for n in 0..3 {
        guests.push(app.sign_up(&format!("guest{n}@example.com")).await);
    }
    Walk { org, actors, guests, roles, invitations: Vec::new(), random: Random(seed) }
}

async fn walk(app: &TestApp, seed: u64) {
    let mut walk = start(app, seed).await;
    let mut before = powers(app).await;
    let (mut done, mut by_others, mut told) = (BTreeMap::<&str, usize>::new(), 0, Vec::new());
    for n in 0..CALLS {
        let by = walk.caller(n);
        let mut step = walk.step(&by, n);
        if n.is_multiple_of(4)
            && let Some((_, inviter, email, token)) = walk.invitations.last().cloned()
            && email == by.email
        {
            let path = "/api/invitations/accept".to_owned();
            step = Step { name: "accept", method: Method::POST, path, body: json!({"token": token}), giver: inviter };
        }
        let answer = app.by(&by).request(step.method.clone(), &step.path).json(&step.body).send().await;
        told.push(format!("{n} {} {}: {} {} -> {}", by.email, step.name, step.path, step.body, answer.status));
        assert!(matches!(answer.status, 200 | 204 | 400 | 403 | 404), "{answer}");
        let after = powers(app).await;
        let story = || format!("seed {seed}\n{}\nbefore {before:#?}\nafter {after:#?}", told.join("\n"));
        if answer.status >= 400 {
            assert_eq!(after, before, "a refused call changed something: {}", story());
            continue;
        }
        *done.entry(step.name).or_default() += 1;
        let none = BTreeSet::new();
        let held = before.get(&step.giver).unwrap_or(&none);
        by_others += usize::from(!held.contains("owner"));
        for (email, has) in after.iter().filter(|_| !held.contains("owner")) {
            let had = before.get(email).unwrap_or(&none);
            let gained: Vec<_> = has.difference(had).filter(|power| !held.contains(*power)).collect();
            assert!(gained.is_empty(), "{} gave {email} {gained:?}, which they lack: {}", step.giver, story());
        }
        assert_eq!(after.values().filter(|has| has.contains("owner")).count(), 1, "{}", story());
        assert!(counters_are_right(app).await, "{}", story());
        let body = if answer.status == 204 || answer.body.is_empty() { Value::Null } else { answer.json() };
        walk.remember(&step, &by, &body);
        before = after;
    }
    let (accepted, kinds) = (done.values().sum::<usize>(), done.len());
    assert!(
        accepted >= 25 && by_others >= 12 && kinds >= 6,
        "a walk that goes nowhere shows nothing: {done:?}, {by_others} by others\n{}",
        told.join("\n")
    );
}

both!(t20_a_random_walk_gives_nobody_what_its_giver_lacks, async |app| walk(app, 0x7e4a_4717).await);
both!(t20_another_random_walk_gives_nobody_what_its_giver_lacks, async |app| walk(app, 20_261_123).await);
