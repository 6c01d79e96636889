//! A real receiver of webhooks: keeps every request and answers 200.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpServer, web};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Delivery {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
    pub(crate) fn event(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["event"].as_str().unwrap_or_default().to_owned()
    }
    /// As a customer would do it: the published library, the secret, the headers, the raw body.
    pub(crate) fn verify(&self, secret: &str) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        let webhook = standardwebhooks::Webhook::new(secret).map_err(|e| e.to_string())?;
        webhook.verify(&self.body, &headers).map_err(|e| format!("{}: {e}", self.event()))
    }
}

type Received = Arc<Mutex<Vec<Delivery>>>;

pub(crate) struct Receiver {
    port: u16,
    received: Received,
}

async fn keep(received: web::Data<Mutex<Vec<Delivery>>>, req: HttpRequest, body: web::Bytes) -> &'static str {
    let headers = req.headers().iter().filter_map(|(k, v)| Some((k.to_string(), v.to_str().ok()?.to_owned()))).collect();
    received.lock().unwrap_or_else(PoisonError::into_inner).push(Delivery { headers, body: body.to_vec() });
    "ok"
}

impl Receiver {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let received: Received = Arc::default();
        let data = web::Data::from(received.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(keep)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")?;
        let port = server.addrs().first().map_or(0, std::net::SocketAddr::port);
        tokio::spawn(server.run());
        Ok(Self { port, received })
    }
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }
    /// What has come once there are `count`, or when the time is up.
    pub(crate) async fn wait_for(&self, count: usize, at_most: Duration) -> Vec<Delivery> {
        let enough = || {
            let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
            (received.len() >= count).then(|| received.clone())
        };
        let waiting = async {
            loop {
                if let Some(all) = enough() {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(at_most, waiting).await {
            Ok(all) => all,
            Err(_) => self.received.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
