//! `tenantry-api audit`: checks an export, or a statement of what was left of somebody's access, without a server, a database or a
//! configuration.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use crypto::audit::{
    checkpoint::PublicKeys,
    statement::AccessLeft,
    verify::{Report, Verifier},
};
use serde_json::Value;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Check a sealed export (audit-log/export?format=sealed) and name the first record that was altered, removed, added or moved.
    Verify(Verify),
    /// Check a statement of what was left of somebody's access (members/{user_id}/access) and say what it says.
    Statement(Statement),
}

#[derive(Args)]
pub(super) struct Statement {
    /// The answer of members/{user_id}/access, or the statement alone.
    file: PathBuf,
    /// The server's keys, as /.well-known/audit-keys.json answers them.
    #[arg(long)]
    keys: PathBuf,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The export.
    file: PathBuf,
    /// The server's keys, as /.well-known/audit-keys.json answers them. Without them the file's own are used, which prove that it is
    /// whole, but not whose it is.
    #[arg(long)]
    keys: Option<PathBuf>,
    /// Checkpoints that you kept, as audit-log/checkpoints answers them or a JWS each line: the file must not contradict them, nor end
    /// before the last of them.
    #[arg(long)]
    checkpoints: Option<PathBuf>,
}

/// What a file of the format before ends with, in which nothing is wrong but not everything is proven.
const NOT_PROVEN: u8 = 3;

/// A record is a few kilobytes; whatever has longer lines is no export.
const MAX_LINE: u64 = 4 << 20;

pub(super) fn run(command: &AuditCommand) -> Result<ExitCode, String> {
    match command {
        AuditCommand::Verify(verify) => run_verify(verify),
        AuditCommand::Statement(statement) => run_statement(statement),
    }
}

fn run_statement(statement: &Statement) -> Result<ExitCode, String> {
    let text = text(&statement.file)?;
    let answer = serde_json::from_str::<Value>(&text).ok();
    let jws = match &answer {
        Some(answer) => answer["statement"].as_str().ok_or_else(|| {
            format!("{} holds no statement: only of whoever is no member there is one", statement.file.display())
        })?,
        None => text.trim(),
    };
    let set = keys(&statement.keys)?;
    let said: AccessLeft = set.open_statement(jws).map_err(|why| format!("The statement is not believed: {why}."))?;
    super::say::text(&describe_left(&said));
    Ok(ExitCode::SUCCESS)
}

fn describe_left(said: &AccessLeft) -> String {
    let (user, org, at, total) = (&said.user_id, &said.organization_id, &said.created_at, said.total);
    let ended = said.ended_at.as_ref().map(|at| format!(", whose membership ended at {at},")).unwrap_or_default();
    if said.left.is_empty() {
        return format!("Nothing gave {user}{ended} access to {org} at {at}.");
    }
    let left: Vec<String> = said.left.iter().map(|left| format!("  {} {}", left.kind, left.id)).collect();
    let more = total - i64::try_from(said.left.len()).unwrap_or(i64::MAX);
    let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
    format!("This gave {user}{ended} access to {org} at {at}:\n{}{more}", left.join("\n"))
}

fn run_verify(verify: &Verify) -> Result<ExitCode, String> {
    let keys = verify.keys.as_deref().map(keys).transpose()?;
    let held = verify.checkpoints.as_deref().map(held).transpose()?.unwrap_or_default();
    let report = check(&verify.file, Verifier::new(keys, held))?;
    super::say::text(&describe(&report));
    Ok(if report.written_at.is_some() { ExitCode::SUCCESS } else { ExitCode::from(NOT_PROVEN) })
}

fn check(file: &Path, mut verifier: Verifier) -> Result<Report, String> {
    let unreadable = |e: std::io::Error| format!("{} cannot be read: {e}", file.display());
    let mut reader = BufReader::new(File::open(file).map_err(unreadable)?);
    let (mut line, mut number) = (String::new(), 0);
    loop {
        line.clear();
        number += 1;
        if (&mut reader).take(MAX_LINE).read_line(&mut line).map_err(unreadable)? == 0 {
            return verifier.finish().map_err(|finding| finding.to_string());
        }
        verifier.line(number, line.trim_end_matches('\n')).map_err(|finding| finding.to_string())?;
    }
}

fn text(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))
}

fn keys(file: &Path) -> Result<PublicKeys, String> {
    let refuse = |why: String| format!("{}: {why}", file.display());
    let set: Value = serde_json::from_str(&text(file)?).map_err(|e| refuse(e.to_string()))?;
    PublicKeys::from_jwks(&set).map_err(|e| refuse(e.message.to_string()))
}

fn held(file: &Path) -> Result<Vec<String>, String> {
    let text = text(file)?;
    let found: Vec<String> = match serde_json::from_str::<Value>(&text) {
        Ok(answer) => answer["checkpoints"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|checkpoint| checkpoint["signed"].as_str().map(ToOwned::to_owned))
            .collect(),
        Err(_) => text.split_whitespace().map(ToOwned::to_owned).collect(),
    };
    if found.is_empty() { Err(format!("{} holds no checkpoints", file.display())) } else { Ok(found) }
}

fn describe(report: &Report) -> String {
    let (records, from, last, org) = (report.records, report.anchor + 1, report.last, report.organization);
    let mut lines = vec![match &report.written_at {
        Some(at) if report.keys_were_given => {
            format!("Nothing was altered, removed, added or moved: {records} records ({from} to {last}) of {org}, as of {at}.")
        }
        Some(at) => format!("The file agrees with itself: {records} records ({from} to {last}) of {org}, as of {at}."),
        None => {
            format!("Nothing contradicts itself, but not everything is proven: {records} records ({from} to {last}) of {org}.")
        }
    }];
    lines.extend(report.written_at.is_none().then(|| unproven(report)));
    if report.anchor > 0 {
        let proof = match (&report.written_at, report.anchor_is_signed) {
            (None, _) => "nothing proves that",
            (Some(_), true) => "a checkpoint proves where",
            (Some(_), false) => "that is signed, and from before there were checkpoints",
        };
        lines.push(format!("  It begins after record {}: what was before is past its retention; {proof}.", report.anchor));
    }
    if report.erased > 0 {
        lines.push(format!(
            "  The content of {} records was erased{}; that, when and in which order they happened is proven.",
            report.erased,
            if report.written_at.is_some() { " on request" } else { "" }
        ));
    }
    lines.push(format!("  {} checkpoints seal everything up to record {}.", report.checkpoints, report.sealed));
    if report.last > report.sealed {
        lines.push(format!(
            "  Records {} to {} are not sealed yet: only the chain speaks for them.",
            report.sealed + 1,
            report.last
        ));
    }
    if report.held > 0 {
        lines.push(format!("  It agrees with {} checkpoints that you kept.", report.held));
    }
    if report.outlived > 0 {
        lines.push(format!("  {} checkpoints that you kept are about records that are past their retention.", report.outlived));
    }
    lines.push(if report.keys_were_given {
        "  The checkpoints are signed by the keys that you gave.".to_owned()
    } else {
        "  The keys came with the file: this proves that it is whole, not whose it is. Give --keys with the server's own."
            .to_owned()
    });
    lines.join("\n") + "\n"
}

/// What a file of the format before leaves open.
fn unproven(report: &Report) -> String {
    let mut open = vec![format!("that the log ended at record {}", report.last)];
    if report.anchor > 0 {
        open.push(format!("that it began after record {}", report.anchor));
    }
    if report.erased > 0 {
        open.push(format!("that the content of {} records was erased on request", report.erased));
    }
    format!("  The file is of an older format, which does not prove {}. Export the log again.", open.join(", nor "))
}
