//! What HTTP promises of methods and versions: `HEAD` wherever `GET`, `OPTIONS` with `Allow`, answers that fit the client's version.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use reqwest::Method;
use tenantry_tests::{Client, both};

/// What the server sends for exactly these bytes, until it closes the connection.
async fn raw(client: &Client, request: String) -> String {
    let address = client.base().trim_start_matches("http://").to_owned();
    let talk = move || {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer with an end");
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.expect("it does not panic")
}

both!(head_is_answered_like_get_without_its_body, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (export, stream) = (org.at("audit-log/export"), org.at("events"));
    for path in
        ["/health", "/health/live", "/docs/", "/docs", "/openapi.json", "/auth/verify-email", "/api/user", &org.path, &export]
    {
        let get = app.by(&ann).get(path).await;
        let head = app.by(&ann).request(Method::HEAD, path).send().await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-type", "etag", "location", "cache-control", "content-disposition"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    // An endless answer ends: nobody asks for its body.
    let head = app.by(&ann).request(Method::HEAD, &stream).header("accept", "text/event-stream").send().await;
    assert!(head.body.is_empty());
    app.client().request(Method::HEAD, "/api/user").send().await.expect(401);
    app.client().request(Method::HEAD, "/no-such-page").send().await.expect(404);
    let refused = app.client().request(Method::HEAD, "/api/auth/login").send().await.expect(405);
    assert_eq!(refused.header("allow"), "POST, OPTIONS");
    let closing = "Host: x\r\nConnection: close\r\n\r\n";
    let answer = raw(&app.client(), format!("HEAD /health/live HTTP/1.1\r\n{closing}")).await;
    assert!(answer.to_lowercase().contains("content-length: 2\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
});

both!(options_tells_what_a_path_knows, async |app| {
    for (path, allow) in [
        ("/api/organizations", "GET, HEAD, POST, OPTIONS"),
        ("/api/organizations/acme", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/api/auth/login", "POST, OPTIONS"),
        ("/auth/verify-email", "GET, HEAD, POST, OPTIONS"),
        ("/health/live", "GET, HEAD, OPTIONS"),
        ("/docs/", "GET, HEAD, OPTIONS"),
    ] {
        let answer = app.client().request(Method::OPTIONS, path).send().await.expect(204);
        assert_eq!((answer.header("allow"), answer.body.len()), (allow, 0), "{path}");
    }
    app.client().request(Method::OPTIONS, "/no-such-page").send().await.refused(404, "NOT_FOUND");
    let whole = raw(&app.client(), "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned()).await;
    assert!(whole.starts_with("HTTP/1.1 204 "), "{whole}");
});

both!(clients_of_http_1_0_get_no_chunks, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    for connection in ["", "Connection: keep-alive\r\n"] {
        let path = org.at("audit-log/export?format=ndjson");
        let request = format!("GET {path} HTTP/1.0\r\nAuthorization: Bearer {}\r\n{connection}\r\n", ann.access);
        let answer = raw(&app.client(), request).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("headers");
        assert!(head.starts_with("HTTP/1.0 200 ") && !head.to_lowercase().contains("chunked"), "{head}");
        assert!(!head.to_lowercase().contains("keep-alive"), "its end is the connection's: {head}");
        assert!(!body.is_empty() && body.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{body}");
    }
});
