//! The configuration: whatever a file and variables say, there is a configuration or a list of what is wrong, and no secret in it.

use std::{cell::RefCell, io::Write};

use infra::config::load;
use tempfile::NamedTempFile;

use super::text;

/// Stands in for what an operator keeps secret.
const SECRET: &str = "canary-of-a-secret";

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a file"));
}

/// The bytes as a TOML file, and each `name=value` line of them as a variable.
pub(super) fn config(data: &[u8]) {
    let s = text(data);
    let variables: Vec<_> = s.lines().filter_map(|line| line.split_once('=')).collect();
    let variables = variables.into_iter().map(|(name, value)| (format!("TENANTRY__{name}"), value.to_owned()));
    // A variable that names a file would have us read any file of the machine.
    let variables = variables.filter(|(name, _)| !name.to_lowercase().ends_with("_file"));
    let secret = [("TENANTRY__MAIL__SMTP_PASSWORD".to_owned(), SECRET.to_owned())];
    told(load(None, variables.chain(secret)));
    let path = FILE.with_borrow_mut(|file| {
        file.as_file_mut().set_len(0).expect("an empty file");
        std::fs::File::create(file.path()).and_then(|mut file| file.write_all(data)).expect("a written file");
        file.path().to_owned()
    });
    told(load(Some(&path), std::iter::empty::<(String, String)>()));
}

fn told(outcome: Result<infra::config::Config, infra::config::ConfigErrors>) {
    match outcome {
        Ok(config) => assert!(!format!("{config:?}").contains(SECRET) && !config.server.public_url.is_empty()),
        Err(errors) => assert!(!errors.problems().is_empty() && !errors.to_string().contains(SECRET), "{errors}"),
    }
}
