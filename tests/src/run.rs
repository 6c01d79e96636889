//! Every test has a runtime of its own, so that tests run side by side in threads and none can wait for another's work.

use std::future::Future;

use crate::{Database, Options, TestApp};

/// Runs an async body to its end on a new single-threaded runtime.
pub fn block_on<T>(body: impl Future<Output = T>) -> T {
    infra::install_tls_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(body)
}

/// Starts an app, runs the body, finishes the app.
pub fn run(database: Database, options: Options, body: impl AsyncFn(&TestApp)) {
    block_on(Box::pin(async {
        let app = TestApp::start_with(database, options).await;
        body(&app).await;
        app.finish().await;
    }));
}
