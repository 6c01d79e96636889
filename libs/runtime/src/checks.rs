//! The configuration, read by everything that will use it, before anything is written: so that `config check` and the start cannot differ.

use std::{ffi::OsString, path::Path};

use crypto::{MasterKeys, password::refuse_guessable};
use domain::core::value::{Email, Password};
use infra::{
    config::{self, Config, ConfigErrors, EgressConfig},
    egress::Egress,
    geoip::GeoIp,
    mail::{Mailer, Relays},
};

use crate::{Sources, settings};

/// Reads the configuration for good, or says everything that is wrong with it. `file`: an empty name is none.
pub fn load(file: Option<&Path>, env: impl Iterator<Item = (OsString, OsString)>) -> Result<Config, ConfigErrors> {
    config::load_checked(file.filter(|path| !path.as_os_str().is_empty()), env, problems)
}

/// What the parts that will use the values have to say: the key, and why. Never with the value of a secret.
fn problems(config: &Config) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut note = |key: &'static str, problem: Option<String>| found.extend(problem.map(|text| (key, text)));
    let url = config.database.url.expose();
    if !url.is_empty() {
        note("database.url", store::core::reach::misread(url).map(str::to_owned));
    }
    let master = config.keys.master.expose();
    if !master.is_empty() {
        note("keys.master", MasterKeys::parse(master).err());
    }
    let first = &config.bootstrap;
    if !first.owner_email.is_empty() && !first.owner_password.is_empty() {
        note("bootstrap.owner_email", first.owner_email.parse::<Email>().err().map(|e| e.message.to_string()));
        let password = first.owner_password.expose().parse::<Password>().map_err(|e| e.message);
        let usable = password
            .and_then(|password| refuse_guessable("", &password, &[&first.owner_email]).map_err(|violation| violation.message));
        note("bootstrap.owner_password", usable.err().map(|message| message.to_string()));
    }
    if config.data.dir.exists() && !config.data.dir.is_dir() {
        note("data.dir", Some(format!("{} is not a folder.", config.data.dir.display())));
    }
    infra::install_tls_provider();
    // Making these connects to nothing and writes nothing, but some of them want a runtime around them.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return vec![("server.workers", format!("cannot be served: {e}."))],
    };
    let _inside = runtime.enter();
    note("mail.transport", Mailer::new(&config.mail, &config.data, Sources::system().clock).err().map(|e| told(&e)));
    let network = EgressConfig { ca_file: None, ..config.egress.clone() };
    match Egress::new(&network, &config.dns) {
        Err(e) => note("dns.resolver", Some(told(&e))),
        Ok(egress) => {
            note("egress.ca_file", Relays::new(config, egress, Sources::system().clock).err().map(|e| told(&e)));
        }
    }
    note("risk.geoip_database", GeoIp::open(config.risk.geoip_database.as_deref()).err().map(|e| told(&e)));
    note("tokens.access_alg", settings::app(config).err().map(|e| told(&e)));
    found
}

/// The cause, where that is what says something.
fn told(e: &domain::Error) -> String {
    std::error::Error::source(e).map_or_else(|| e.message.to_string(), |cause| format!("cannot be used: {cause}."))
}
