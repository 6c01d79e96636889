use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    time::Duration,
};

use super::*;

/// A collector that hands over the body of each request.
fn collector() -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut body = Vec::new();
            let mut part = [0; 4096];
            while !is_whole(&body)
                && let Ok(n @ 1..) = stream.read(&mut part)
            {
                body.extend_from_slice(&part[..n]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            let _ = tell.send(body);
        }
    });
    (endpoint, told)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= head + 4 + length.expect("the exporter says how long its body is")
}

/// In one test, since a process has one subscriber. On the single-threaded runtime, because that is where a careless exporter hangs.
#[tokio::test]
async fn a_trace_runs_from_a_request_to_a_delivery_and_reaches_the_collector() {
    assert_eq!(current_traceparent(), None, "nothing is traced before init");
    let (endpoint, told) = collector();
    let log = LogConfig { format: LogFormat::Json, filter: "info".into() };
    let guard = init(&log, &TelemetryConfig { otlp_endpoint: endpoint }, "tenantry-test").unwrap();

    let stored = tracing::info_span!("request").in_scope(current_traceparent).unwrap();
    let delivery = tracing::info_span!("delivery_of_event");
    with_parent(&delivery, &stored);
    let continued = delivery.in_scope(current_traceparent).unwrap();
    assert_eq!(stored[..35], continued[..35], "the same trace: {stored} {continued}");
    assert_ne!(stored[36..52], continued[36..52], "another span");
    drop(delivery);

    let stranger = tracing::info_span!("stranger");
    with_parent(&stranger, "00-zz\r\nnonsense");
    assert!(stranger.in_scope(current_traceparent).is_some_and(|own| own[..35] != stored[..35]));

    assert!(init(&log, &TelemetryConfig { otlp_endpoint: String::new() }, "again").is_err());
    drop(guard);
    let sent = told.recv_timeout(Duration::from_secs(60)).unwrap();
    let text = String::from_utf8_lossy(&sent);
    assert!(text.contains("delivery_of_event") && text.contains("tenantry-test"), "{text}");
}
