//! Opening what the configuration names, alike for the API and the worker: master keys, database, queues' dependencies.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};
use crypto::{Keyring, MasterKeys};
use domain::{Clock, IdGen, core::ports::Kv};
use infra::{config::Config, egress::Egress, mail::Mailer};
use store::Store;

use crate::{Deps, Settings};

/// The database's URL: the configured one, or a SQLite file in the data directory.
pub fn database_url(config: &Config) -> String {
    match config.database.url.expose() {
        "" => format!("sqlite://{}?mode=rwc", config.data.dir.join("tenantry.db").display()),
        url => url.to_owned(),
    }
}

/// Where a generated master key is kept.
pub fn master_key_file(config: &Config) -> PathBuf {
    config.data.dir.join("master.key")
}

/// The configured master keys, or those of the data directory. With `make`, a missing file is made: only the API does that, because
/// two processes with different keys could not read each other's secrets.
pub fn master_keys(config: &Config, make: Option<&dyn IdGen>) -> Result<MasterKeys> {
    let file = master_key_file(config);
    let text = match (config.keys.master.expose(), make) {
        ("", Some(random)) if !file.exists() => generate(&file, random)?,
        ("", _) => fs::read_to_string(&file).with_context(|| {
            format!("There is no master key: set keys.master to the API's, or share its {} with this process.", file.display())
        })?,
        (text, _) => text.to_owned(),
    };
    MasterKeys::parse(&text).map_err(|problem| anyhow!("The master key cannot be used: {problem}"))
}

/// Appears whole or not at all, readable by its owner only; of two processes that start at once, both use the one that was first.
fn generate(file: &Path, random: &dyn IdGen) -> Result<String> {
    let (text, _) = MasterKeys::generate(random);
    let dir = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).with_context(|| format!("The data directory {} cannot be made. Check data.dir.", dir.display()))?;
    let draft = dir.join(format!(".master.key.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&draft).with_context(|| format!("{} cannot be written. Check data.dir.", draft.display()))?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all())?;
    // A link fails where a file is, unlike renaming.
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => {
            tracing::info!(path = %file.display(), "a master key was generated; back it up: without it stored secrets are lost");
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be made.", file.display())),
    }
    Ok(fs::read_to_string(file)?)
}

/// Opens the database; does not migrate, and loads no keys.
pub async fn open_store(config: &Config, masters: MasterKeys, ids: Arc<dyn IdGen>, name: &str) -> Result<Store> {
    let settings = store::Settings {
        url: database_url(config),
        max_connections: config.database.max_connections,
        application_name: name.to_owned(),
    };
    Ok(Store::open(&settings, Keyring::new(masters), ids).await?)
}

/// What the worker needs, around an open store.
pub fn deps(config: &Config, store: Store, kv: Arc<dyn Kv>, clock: Arc<dyn Clock>, ids: Arc<dyn IdGen>) -> Result<Deps> {
    let egress = Egress::new(&config.egress, &config.dns)?;
    let mailer = Mailer::new(&config.mail, &config.data, clock.clone())?;
    Ok(Deps { store, kv, egress, mailer, clock, ids, settings: Arc::new(Settings::of(config)) })
}

/// Opens everything for a worker process of its own.
pub async fn standalone(config: &Config, clock: Arc<dyn Clock>, ids: Arc<dyn IdGen>) -> Result<Deps> {
    if config.database.url.is_empty() && !config.data.dir.join("tenantry.db").exists() {
        bail!("There is no database in {}: start tenantry-api first, or set database.url.", config.data.dir.display());
    }
    let store = open_store(config, master_keys(config, None)?, ids.clone(), "tenantry-worker").await?;
    store.ping().await?;
    let kv = infra::kv::connect(&config.redis, clock.clone()).await;
    deps(config, store, kv, clock, ids)
}
