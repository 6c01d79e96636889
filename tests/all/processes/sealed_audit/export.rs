//! An export as a customer holds it, and what `tenantry-api audit verify` says of it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tenantry_tests::{Org, TestApp, User};

use super::super::process::binary;

/// An export in a folder of its own, to be changed and verified.
pub(super) struct Export {
    pub(super) folder: tempfile::TempDir,
    pub(super) lines: Vec<Value>,
}

impl Export {
    pub(super) async fn of(app: &TestApp, who: &User, org: &Org) -> Self {
        let export = app.by(who).get(&org.at("audit-log/export?format=sealed")).await.expect(200).text();
        let folder = tempfile::tempdir().expect("a folder");
        let keys = app.client().get("/.well-known/audit-keys.json").await.ok();
        fs::write(folder.path().join("keys.json"), keys.to_string()).expect("a file");
        let checkpoints = app.by(who).get(&org.at("audit-log/checkpoints")).await.ok();
        fs::write(folder.path().join("checkpoints.json"), checkpoints.to_string()).expect("a file");
        Self { folder, lines: export.lines().map(|line| serde_json::from_str(line).expect("NDJSON")).collect() }
    }
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// Where record `seq` stands.
    pub(super) fn at(&self, seq: i64) -> usize {
        self.lines.iter().position(|line| line["record"]["seq"] == seq).expect("a record")
    }
    pub(super) fn record(&mut self, seq: i64) -> &mut Value {
        let at = self.at(seq);
        &mut self.lines[at]["record"]
    }
    pub(super) fn checkpoint(&self, n: usize) -> usize {
        self.lines.iter().enumerate().filter(|(_, line)| line["checkpoint"].is_string()).nth(n).expect("a checkpoint").0
    }
    /// What the program says of it, with these arguments besides.
    fn verify(&self, more: &[&str]) -> Output {
        let file = self.file("export.ndjson");
        let text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&file, text).expect("a file");
        let mut command = Command::new(binary("tenantry-api"));
        // No configuration, no database, no environment: nothing but the file.
        command.env_clear().current_dir(self.folder.path()).args(["audit", "verify", "export.ndjson"]).args(more);
        command.output().expect("tenantry-api runs")
    }
    #[track_caller]
    pub(super) fn is_good(&self, more: &[&str]) -> String {
        let output = self.verify(more);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
    /// Nothing is wrong with it, and not everything is proven.
    #[track_caller]
    pub(super) fn is_unproven(&self, more: &[&str]) -> String {
        let output = self.verify(more);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
    #[track_caller]
    pub(super) fn is_refused(&self, more: &[&str], why: &str) {
        let output = self.verify(more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stdout));
        assert!(said.contains(why), "expected `{why}`: {said}");
    }
}
