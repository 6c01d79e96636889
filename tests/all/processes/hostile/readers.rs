//! Clients that ask for the largest answers and do not read them.

use std::time::Duration;

use reqwest::Method;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tenantry_tests::block_on;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

use super::super::{
    until, variable,
    world::{Org, World},
};

/// Its receive buffer is small, so that little of an answer is anywhere but at the server.
async fn deaf(address: &str, path: &str, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    stream
}

/// Makes the log so long that its export fits into no buffer of the kernel's: some 20 MB.
async fn lengthen(world: &World) {
    let columns = "name, actor_kind, target_type, target_id, user_agent, success, metadata, body, created_at";
    let longer = format!(
        "insert into events (org_id, id, {columns})
         select e.org_id, unhex(printf('%032x', n.i)), {columns}
         from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) select i from n) as n
         cross join (select * from events where name = 'organization.updated' limit 1) as e"
    );
    world.connection().await.execute_unprepared(&longer).await.expect("more records");
}

/// `TENANTRY_DRILL_READERS` says how many for each of the answers.
#[test]
fn clients_that_do_not_read_cost_little_and_are_let_go() {
    block_on(async {
        let world = World::sqlite().set("worker.embedded", false);
        let server = world.api().await;
        let (org, other) = (Org::founded(&server.api(), "acme").await, Org::founded(&server.api(), "other").await);
        let agent = "a".repeat(1000);
        for n in 0..110 {
            let body = json!({"name": format!("{} {n}", "ü".repeat(90))});
            let headers = [("user-agent", agent.as_str()), ("authorization", &format!("Bearer {}", org.owner.access))];
            let answer = server.api().call(Method::PATCH, &org.path, Some(&body), &headers).await;
            assert_eq!(answer.expect("an answer").status, 200);
        }
        lengthen(&world).await;
        let paths = [
            org.at("audit-log?limit=100"),
            org.at("audit-log/export"),
            org.at("events?after=0&limit=100"),
            "/openapi.json".to_owned(),
            "/docs/swagger-ui-bundle.js".to_owned(),
        ];
        let address = server.base.trim_start_matches("http://").to_owned();
        let (before, sockets) = (server.memory().0, server.sockets());
        let many = variable("TENANTRY_DRILL_READERS", 30);
        let mut clients = Vec::new();
        for _ in 0..many {
            for path in &paths {
                clients.push(deaf(&address, path, &org.owner.access).await);
            }
        }
        until("they are all connected", async || (server.sockets() >= sockets + clients.len() / 2).then_some(())).await;
        // Nobody else is kept waiting for them, however long the machine takes.
        for path in ["/health/live", "/health/ready"] {
            assert_eq!(server.api().get(path).await.status, 200);
        }
        for path in
            [other.path.clone(), other.at("audit-log?limit=100"), other.at("audit-log/export"), "/openapi.json".to_owned()]
        {
            let answer = other.owner.api.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        until("they are all let go, though they stay", async || (server.sockets() <= sockets + 5).then_some(())).await;
        org.owner.api.get("/api/user").await.ok();
        let (now, highest) = server.memory();
        println!("{} clients that do not read: {before} MB before, {highest} MB at most, {now} MB after", clients.len());
        assert!(highest < 256, "{highest} MB");
        // What stays with the allocator between what is in use.
        assert!(now < before + 96, "{now} MB, and before it were {before}");
        drop(clients);
        server.stop().await;
    });
}

/// A client that reads slowly, but reads, gets its answer.
#[test]
fn a_slow_reader_gets_the_whole_answer() {
    block_on(async {
        let server = World::sqlite().api().await;
        let whole = server.api().get("/openapi.json").await.text;
        let address = server.base.trim_start_matches("http://").to_owned();
        slowly(deaf(&address, "/openapi.json", "").await, &whole).await;
        server.stop().await;
    });
}

/// Some pieces with pauses between them, then the rest, up to the last of `whole`.
async fn slowly(mut stream: TcpStream, whole: &str) {
    use tokio::io::AsyncReadExt;
    let mut answer = Vec::new();
    let mut piece = vec![0; 8192];
    while !answer.ends_with(whole.as_bytes()) {
        let read = stream.read(&mut piece).await.expect("more of the answer");
        assert!(read > 0, "cut off after {} bytes of {}", answer.len(), whole.len());
        answer.extend_from_slice(&piece[..read]);
        if answer.len() < 200_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
