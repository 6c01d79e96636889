//! Paths that are wrong: segments that a router, a file system or a database reads differently. Sent as bytes where a client would
//! tidy them up.

use tenantry_tests::{TestApp, both};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::document::{World, refused, world};

both!(segments_that_name_nothing, async |app| {
    let World { root, operations } = world(app).await;
    let before = app.dump().await;
    let long = "x".repeat(3000);
    let segments = [
        "%00",
        "a%00b",
        "%2F",
        "acme%2Fmembers",
        "%2f..%2f",
        "%5C",
        "..%2f..%2fetc%2fpasswd",
        "%252e%252e",
        "%ff%fe",
        "%C0%AF",
        "%ED%A0%80",
        "%0d%0aset-cookie:x=y",
        "%0A",
        "%20",
        "acme%20",
        "ACME",
        "acme;x=y",
        "acme.json",
        "*",
        "%25",
        "'",
        "%27%20or%20%271%27=%271",
        "%F0%9F%98%80",
        "%E2%80%AE",
        "null",
        "undefined",
        "0",
        "-1",
        "usr_00000000000000000000000000000000",
        "usr_zz",
        "org_",
        "00000000-0000-0000-0000-000000000000",
        "{}",
        "$%7Bjndi:ldap:%2F%2Fx%7D",
        "event-types%2f",
        "~",
        &long,
    ];
    for operation in
        operations.iter().filter(|operation| operation.template.contains('{') && operation.template.starts_with("/api/"))
    {
        for (at, part) in operation.template.split('/').enumerate().filter(|(_, part)| part.starts_with('{')) {
            for segment in segments {
                let path: Vec<_> =
                    operation.path.split('/').enumerate().map(|(n, own)| if n == at { segment } else { own }).collect();
                let body = if operation.example.is_null() { String::new() } else { operation.example.to_string() };
                let answer = root.request(operation.method.clone(), &path.join("/")).body(body).send().await;
                refused(&format!("{} {} with {segment:.40} for {part}", operation.method, operation.template), &answer);
                assert!(!answer.headers.contains_key("set-cookie"), "{answer}");
            }
        }
    }
    assert_eq!(app.dump().await, before, "something changed");
});

both!(pages_that_the_documentation_does_not_have, async |app| {
    for target in [
        "/docs/nothing",
        "/docs/../api/user",
        "/docs/..%2f..%2fetc/passwd",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/docs/%00",
        "/docs/%ff",
    ] {
        let (status, body) = raw(app, &get(target.as_bytes())).await;
        assert_eq!(status, 404, "{target}: {body}");
        in_shape(target, &body);
    }
});

/// The three members of the contract's error body.
#[track_caller]
fn in_shape(what: &str, body: &str) {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{what}: {e}: `{body}`"));
    assert!(
        ["error", "error_code", "timestamp"].iter().all(|member| body[member].as_str().is_some_and(|text| !text.is_empty())),
        "{what}: {body}"
    );
}

/// Status and body of what comes back for exactly these bytes.
async fn raw(app: &TestApp, request: &[u8]) -> (u16, String) {
    let address = app.client().base().strip_prefix("http://").expect("http").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    stream.write_all(request).await.expect("it takes what is sent");
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(120), stream.read_to_end(&mut answer))
        .await
        .expect("it answers and closes");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

fn get(target: &[u8]) -> Vec<u8> {
    [b"GET ", target, b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"].concat()
}

both!(targets_that_a_client_would_not_send, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let before = app.dump().await;
    for target in [
        &b"/api/organizations/../user"[..],
        b"/api/organizations/acme/../../user",
        b"/api/./user",
        b"/../../../etc/passwd",
        b"/api/organizations/%2e%2e/user",
        b"/api/organizations/..",
        b"//api//user",
        b"/api/user/",
        b"/api/organizations/acme%00",
        b"/api/organizations/acme?page=%00&limit=%ff",
        b"/%",
        b"/api/%zz",
        b"/api/%",
    ] {
        let (status, body) = raw(app, &get(target)).await;
        let shown = String::from_utf8_lossy(target).into_owned();
        // A known path without a token is a 401; everything else is not there.
        assert!(matches!(status, 401 | 404), "{shown}: {status} {body}");
        in_shape(&shown, &body);
    }
    // What is not HTTP is refused by the parser, before there is a shape to answer in; but nothing breaks.
    let long = [b"/".to_vec(), vec![b'a'; 100_000]].concat();
    for request in [
        get(b"/api/\xff\xfe"),
        get(b"/api/organizations/\xe2\x80\xae"),
        get(b"/api/user\0"),
        get(b"/api user"),
        get(b"*"),
        get(b"http://evil.example/api/user"),
        get(&long),
        b"GET /api/user HTTP/9.9\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET /api/user HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n".to_vec(),
        b"POST /api/auth/login HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n".to_vec(),
        b"POST /api/auth/login HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\nconnection: close\r\n\r\n{}    ".to_vec(),
        b"POST /api/auth/login HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\nconnection: close\r\n\r\n".to_vec(),
        b"POST /api/auth/login HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n\r\n".to_vec(),
    ] {
        let (status, body) = raw(app, &request).await;
        assert!(status == 0 || (400..500).contains(&status), "{}: {status} {body}", String::from_utf8_lossy(&request[..request.len().min(60)]));
    }
    assert_eq!(app.dump().await, before, "something changed");
    app.by(&ann).get("/api/user").await.ok();
});
