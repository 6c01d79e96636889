//! `tenantry-api owner reset`: the way back for a platform owner who lost the password, for whoever may run programs on the server.

use clap::Subcommand;
use domain::{Error, Result, core::value::Email};
use infra::config::Config;
use runtime::Sources;

use super::{attach, say::say};

#[derive(Subcommand)]
pub(super) enum OwnerCommand {
    /// Print a link with which a platform owner sets a new password. It works once; links printed or mailed before do not work any more. The
    /// platform's audit log tells of it.
    Reset {
        /// The platform owner's address.
        #[arg(long)]
        email: String,
    },
}

pub(super) async fn run(command: &OwnerCommand, config: &Config) -> Result<()> {
    let OwnerCommand::Reset { email } = command;
    let email: Email = email.parse().map_err(|e: domain::BadValue| Error::field("--email", e.code, e.message))?;
    let link = attach(config, Sources::system()).await?.shared.app.reset_platform_owner(&email).await?;
    say!("Open {link} to set a new password for {email}. The link works once.");
    Ok(())
}
