//! A proxy of a test's own: the address that programs know, while what stands behind it changes. That is what a load balancer is, and
//! the virtual address of a database that fails over.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use super::http::Api;

struct Behind {
    ports: Mutex<Vec<u16>>,
    next: AtomicUsize,
    cuts: watch::Sender<()>,
    /// Whether packets are lost.
    silent: watch::Sender<bool>,
}

impl Behind {
    fn ports(&self) -> MutexGuard<'_, Vec<u16>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A connection to the next one that takes it.
    async fn connect(&self) -> Option<TcpStream> {
        let ports = self.ports().clone();
        for _ in 0..ports.len() {
            let port = ports[self.next.fetch_add(1, Ordering::Relaxed) % ports.len()];
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
                return Some(stream);
            }
        }
        None
    }
}

/// A TCP proxy that takes turns among the servers behind it. It ends when this is dropped.
pub(super) struct Proxy {
    pub(super) port: u16,
    behind: Arc<Behind>,
    tasks: Vec<JoinHandle<()>>,
}

impl Proxy {
    pub(super) async fn to(ports: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let behind = Arc::new(Behind {
            ports: Mutex::new(ports.to_vec()),
            next: AtomicUsize::new(0),
            cuts: watch::Sender::new(()),
            silent: watch::Sender::new(false),
        });
        let shared = behind.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, shared.clone()));
            }
        });
        Self { port, behind, tasks: vec![accepting] }
    }

    /// One that only knows those servers that say that they are ready, asked twenty times a second.
    pub(super) async fn to_the_ready(ports: [u16; 2]) -> Self {
        let mut proxy = Self::to(&ports).await;
        for port in ports {
            proxy.tasks.push(tokio::spawn(watch_readiness(proxy.behind.clone(), port)));
        }
        proxy
    }

    /// New connections go there from now on.
    pub(super) fn lead_to(&self, port: u16) {
        *self.behind.ports() = vec![port];
    }
    /// A network that loses every packet: nothing is passed on, and nothing is closed. Connections that there are then are lost for good, as
    /// behind a firewall that has forgotten them; new ones are taken, and begin when it is over.
    pub(super) fn falls_silent(&self, silent: bool) {
        self.behind.silent.send_replace(silent);
    }
    /// Ends every connection that there is.
    pub(super) fn cut(&self) {
        self.behind.cuts.send_replace(());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.cut();
    }
}

async fn pass(mut client: TcpStream, behind: Arc<Behind>) {
    let mut cut = behind.cuts.subscribe();
    let mut silent = behind.silent.subscribe();
    let lost = async {
        let _ = silent.wait_for(|silent| !silent).await;
        let Some(mut server) = behind.connect().await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let falls_silent = async {
            let _ = silent.wait_for(|silent| *silent).await;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => {}
            // Both ends stay open.
            () = falls_silent => std::future::pending().await,
        }
    };
    tokio::select! { () = lost => {}, _ = cut.changed() => {} }
}

async fn watch_readiness(behind: Arc<Behind>, port: u16) {
    let api = Api::at(&format!("http://127.0.0.1:{port}"));
    loop {
        let close = [("connection", "close")];
        let ready = api.call(reqwest::Method::GET, "/health/ready", None, &close).await.is_ok_and(|answer| answer.status == 200);
        {
            let mut ports = behind.ports();
            ports.retain(|other| *other != port);
            if ready {
                ports.push(port);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
