//! What every session on PostgreSQL is told about patience, so that a client that hangs, or that is cut off, holds nobody up for long.
//!
//! They travel in the startup packet (`options`), where they win over what the role or the database has; what the operator wrote into
//! `options` of the URL, or into `PGOPTIONS`, stays. They can be left out, for poolers that refuse them and for roles that have their own.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::core::db::Bounds;

/// Time-outs of a session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The longest wait for a lock.
    pub lock_timeout: Duration,
    /// The longest statement.
    pub statement_timeout: Duration,
    /// The longest pause of ours in the middle of a transaction.
    pub idle_in_transaction: Duration,
    /// Whether the server is told. What we wait for at most stays.
    pub told: bool,
    /// Whether a pooler stands between that gives each transaction whatever session is free.
    pub pooled: bool,
}

impl Default for Session {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            lock_timeout: seconds(5),
            statement_timeout: seconds(15),
            idle_in_transaction: seconds(15),
            told: true,
            pooled: false,
        }
    }
}

/// What a pool of connections, and a network, need beyond the server's own time.
const SLACK: Duration = Duration::from_secs(5);

impl Session {
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { statement: self.statement_timeout + SLACK, transaction: self.statement_timeout * 2 }
    }

    /// Milliseconds, and for TCP what the server offers. The server asks a running statement's client too whether it is still there.
    fn settings(&self) -> [(&'static str, u128); 8] {
        [
            ("lock_timeout", self.lock_timeout.as_millis()),
            ("statement_timeout", self.statement_timeout.as_millis()),
            ("idle_in_transaction_session_timeout", self.idle_in_transaction.as_millis()),
            ("tcp_keepalives_idle", 30),
            ("tcp_keepalives_interval", 10),
            ("tcp_keepalives_count", 3),
            ("tcp_user_timeout", 20_000),
            ("client_connection_check_interval", 5_000),
        ]
    }

    /// What each transaction begins with behind a pooler. The driver has names for the statements it prepares, and the session may have some
    /// of those names from whoever had it before.
    pub(crate) fn preamble(&self) -> Option<String> {
        let told =
            self.settings().into_iter().filter(|(name, _)| self.told && name.ends_with("timeout") && !name.starts_with("tcp"));
        let set = told.map(|(name, value)| format!("; set local {name} = {value}"));
        self.pooled.then(|| std::iter::once("deallocate all".to_owned()).chain(set).collect())
    }

    /// What a connection begins with.
    pub(crate) fn begin(&self, options: PgConnectOptions) -> PgConnectOptions {
        let options = trust(options);
        if self.pooled {
            // Poolers refuse what they do not know in a startup packet. Nothing is sent as a text where more digits would matter.
            return options.extra_float_digits(None).statement_cache_capacity(0);
        }
        self.tell(options.statement_cache_capacity(256))
    }

    /// Adds the time-outs to it, except for what is there already.
    fn tell(&self, options: PgConnectOptions) -> PgConnectOptions {
        if !self.told {
            return options;
        }
        let there = options.get_options().unwrap_or_default().to_owned();
        let names: Vec<_> = there.split([' ', '=']).map(|word| word.trim_start_matches("-c").trim_start_matches("--")).collect();
        options.options(self.settings().into_iter().filter(|(name, _)| !names.contains(name)))
    }
}

/// The certificates that check the server's, where no others are named: the system's, beside those that the driver brings along.
fn trust(options: PgConnectOptions) -> PgConnectOptions {
    let checks = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    let named = options.to_url_lossy().query_pairs().any(|(name, _)| name == "sslrootcert");
    if !checks || named {
        return options;
    }
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificates cannot be read");
    }
    let pem = |der: &[u8]| format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
    let all: String = found.certs.iter().map(|certificate| pem(certificate)).collect();
    if all.is_empty() { options } else { options.ssl_root_cert_from_pem(all.into_bytes()) }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn what_the_operator_says_stays() {
        for url in [
            "?options[lock_timeout]=1s",
            "?options=-c%20lock_timeout%3D1s",
            "?options=-clock_timeout%3D1s",
            "?options=--lock_timeout%3D1s",
        ] {
            let options = PgConnectOptions::from_str(&format!("postgres://db/t{url}")).unwrap();
            let told = Session::default().tell(options);
            let text = told.get_options().unwrap();
            assert!(text.contains("statement_timeout=15000") && text.contains("tcp_user_timeout=20000"), "{text}");
            assert!(!text.contains("lock_timeout=5000"), "{text}");
        }
    }

    #[test]
    fn nothing_is_told_where_that_is_switched_off() {
        let options = PgConnectOptions::from_str("postgres://db/t").unwrap();
        let session = Session { told: false, ..Session::default() };
        assert_eq!(session.tell(options).get_options().unwrap_or_default(), "");
    }

    #[test]
    fn behind_a_pooler_every_transaction_is_told() {
        let session = Session { pooled: true, ..Session::default() };
        let options = PgConnectOptions::from_str("postgres://db/t").unwrap();
        assert_eq!(session.begin(options).get_options().unwrap_or_default(), "");
        let told = "deallocate all; set local lock_timeout = 5000; set local statement_timeout = 15000; set local idle_in_transaction_session_timeout = 15000";
        assert_eq!(session.preamble().as_deref(), Some(told));
        assert_eq!(Session { told: false, ..session }.preamble().as_deref(), Some("deallocate all"));
    }
}
