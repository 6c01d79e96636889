//! What a genuine response has to say to be taken (saml-profiles-2.0-os, 4.1.4.3, and stricter). Pure: what it says, what was expected, now.
//!
//! All checks are made, also after one has failed, so that whoever sets a connection up sees everything at once (T06).

use chrono::{DateTime, TimeDelta};
use domain::{
    Time,
    identity::saml::{self, Check, Expectation, Finding, LONGEST_VALIDITY, MAX_SKEW, NameId, Outcome, Verdict},
};

use super::{
    extract::{Assertion, Authn, Conditions, Confirmation, Said},
    judge::{Evidence, WAY, finding},
    names::SUCCESS,
};

/// The longest text that names somebody, a session or a class.
const LONGEST_NAME: usize = 1024;

pub(super) fn run(said: &Said, evidence: &Evidence, expected: &Expectation) -> Outcome {
    let mut report = Report { expected, skew: expected.bounded_skew(), findings: Vec::new() };
    for check in WAY {
        report.holds(check, true, None);
    }
    let decryption = if evidence.is_encrypted { Verdict::Passed } else { Verdict::Skipped };
    report.add(Check::Encryption, decryption, None);
    report.add(Check::Decryption, decryption, None);
    report.response(said);
    report.assertion(&said.assertion);
    report.confirmation(&said.assertion.confirmations);
    report.conditions(said.assertion.conditions.as_ref());
    report.authn(said.assertion.authn.as_ref());
    let subject = report.subject(&said.assertion);
    let mut findings = report.findings;
    findings.sort_by_key(|finding| finding.check);
    let failed = findings.iter().find(|finding| finding.verdict == Verdict::Failed).map(|finding| finding.check);
    let verdict = match (failed, subject) {
        (Some(check), _) => Err(check),
        (None, None) => Err(Check::Subject),
        (None, Some(subject)) => taken(&said.assertion, evidence, expected, subject).ok_or(Check::Document).map(Box::new),
    };
    Outcome { verdict, findings }
}

/// What the assertion says. `None` never comes: every text was read once already.
fn taken(said: &Assertion, evidence: &Evidence, expected: &Expectation, subject: String) -> Option<saml::Assertion> {
    let authn = said.authn.as_ref()?;
    let ends = [said.conditions.as_ref()?.not_on_or_after.as_deref(), said.confirmations.first()?.not_on_or_after.as_deref()];
    let ends = ends.into_iter().map(time).collect::<Option<Vec<_>>>()?;
    // Nothing of it is taken later than this, whatever the skew is set to meanwhile.
    let fresh = time(said.issue_instant.as_deref())? + saml::FRESH;
    let seen_until = ends.into_iter().fold(fresh, Time::min) + MAX_SKEW;
    Some(saml::Assertion {
        id: said.id.clone()?,
        seen_until,
        issuer: expected.issuer.clone(),
        subject,
        name_id: said.name_id.clone(),
        session_index: authn.session_index.clone(),
        session_ends_at: time(authn.session_not_on_or_after.as_deref()),
        authenticated_at: time(authn.instant.as_deref())?,
        context: authn.context.clone(),
        attributes: said.attributes.clone(),
        certificate: evidence.certificate.clone(),
    })
}

/// A moment in UTC, or with an offset; `None`: no moment.
pub(super) fn time(text: Option<&str>) -> Option<Time> {
    DateTime::parse_from_rfc3339(text?).ok().map(|at| at.to_utc())
}

fn is_short(text: Option<&str>) -> bool {
    text.is_none_or(|text| text.len() <= LONGEST_NAME)
}

struct Report<'a> {
    expected: &'a Expectation,
    skew: TimeDelta,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn add(&mut self, check: Check, verdict: Verdict, found: Option<&str>) {
        let found = if verdict == Verdict::Failed { found } else { None };
        self.findings.push(finding(check, verdict, found));
    }
    fn holds(&mut self, check: Check, holds: bool, found: Option<&str>) {
        self.add(check, if holds { Verdict::Passed } else { Verdict::Failed }, found);
    }
    fn is(&mut self, check: Check, found: Option<&str>, wanted: &str) {
        self.holds(check, found == Some(wanted), found);
    }
    fn skip(&mut self, checks: &[Check]) {
        for check in checks {
            self.add(*check, Verdict::Skipped, None);
        }
    }
    fn has_begun(&self, at: Option<&str>) -> bool {
        time(at).is_some_and(|at| at <= self.expected.now + self.skew)
    }
    fn goes_on(&self, end: Option<&str>) -> bool {
        time(end).is_some_and(|end| self.expected.now - self.skew < end)
    }
    fn is_fresh(&self, at: Option<&str>) -> bool {
        self.has_begun(at) && time(at).is_some_and(|at| self.expected.now - self.skew - saml::FRESH < at)
    }

    fn response(&mut self, said: &Said) {
        let status = said.status.as_deref();
        self.holds(Check::Status, status == Some(SUCCESS), status);
        // In a signed response these are demanded (saml-profiles-2.0-os, 4.1.4.2; saml-bindings-2.0-os, 3.5.5.2); in another they are
        // anybody's word, so they may be left out, but not contradict.
        let is_optional = !said.is_response_signed;
        let (issuer, destination) = (said.issuer.as_deref(), said.destination.as_deref());
        let fits = |found: Option<&str>, wanted: &str| found.map_or(is_optional, |found| found == wanted);
        self.holds(Check::ResponseIssuer, fits(issuer, self.expected.issuer.as_str()), issuer);
        self.holds(Check::Destination, fits(destination, &self.expected.acs), destination);
        self.is(Check::InResponseTo, said.in_response_to.as_deref(), self.expected.request_id.as_str());
        let at = said.issue_instant.as_deref();
        self.holds(Check::ResponseIssueInstant, self.is_fresh(at), at);
    }

    fn assertion(&mut self, said: &Assertion) {
        self.is(Check::Version, said.version.as_deref(), "2.0");
        self.is(Check::Issuer, said.issuer.as_deref(), self.expected.issuer.as_str());
        let at = said.issue_instant.as_deref();
        self.holds(Check::IssueInstant, self.is_fresh(at), at);
    }

    fn confirmation(&mut self, bearers: &[Confirmation]) {
        let [bearer] = bearers else {
            self.holds(Check::Confirmation, false, Some(&format!("{} bearer confirmations", bearers.len())));
            return self.skip(&[
                Check::Recipient,
                Check::ConfirmationInResponseTo,
                Check::ConfirmationNotOnOrAfter,
                Check::ConfirmationNotBefore,
            ]);
        };
        self.holds(Check::Confirmation, true, None);
        self.is(Check::Recipient, bearer.recipient.as_deref(), &self.expected.acs);
        self.is(Check::ConfirmationInResponseTo, bearer.in_response_to.as_deref(), self.expected.request_id.as_str());
        let end = bearer.not_on_or_after.as_deref();
        self.holds(Check::ConfirmationNotOnOrAfter, self.goes_on(end), end);
        self.holds(Check::ConfirmationNotBefore, bearer.not_before.is_none(), bearer.not_before.as_deref());
    }

    fn conditions(&mut self, said: Option<&Conditions>) {
        let Some(said) = said else {
            self.holds(Check::Conditions, false, None);
            return self.skip(&[
                Check::NotBefore,
                Check::NotOnOrAfter,
                Check::ValidityPeriod,
                Check::KnownConditions,
                Check::Audience,
            ]);
        };
        self.holds(Check::Conditions, true, None);
        let (begin, end) = (said.not_before.as_deref(), said.not_on_or_after.as_deref());
        self.holds(Check::NotBefore, self.has_begun(begin), begin);
        self.holds(Check::NotOnOrAfter, self.goes_on(end), end);
        match (time(begin), time(end)) {
            (Some(from), Some(until)) => {
                let period = until - from;
                let is_fine = TimeDelta::zero() < period && period <= LONGEST_VALIDITY;
                self.holds(Check::ValidityPeriod, is_fine, Some(&format!("{} s", period.num_seconds())));
            }
            _ => self.skip(&[Check::ValidityPeriod]),
        }
        self.holds(Check::KnownConditions, said.unknown.is_none(), said.unknown.as_deref());
        // Each restriction has to name us (saml-core-2.0-os, 2.5.1.4).
        let names_us = |audiences: &Vec<String>| audiences.contains(&self.expected.entity_id);
        let is_for_us = !said.restrictions.is_empty() && said.restrictions.iter().all(names_us);
        let found = said.restrictions.concat().join(" ");
        self.holds(Check::Audience, is_for_us, Some(&found).filter(|found| !found.is_empty()).map(String::as_str));
    }

    fn authn(&mut self, said: Option<&Authn>) {
        let Some(said) = said else {
            self.holds(Check::AuthnStatement, false, None);
            return self.skip(&[Check::AuthnInstant, Check::ForcedAuthn, Check::SessionNotOnOrAfter]);
        };
        let has_short_names = is_short(said.session_index.as_deref()) && is_short(said.context.as_deref());
        self.holds(Check::AuthnStatement, has_short_names, Some("a name is too long"));
        let at = said.instant.as_deref();
        self.holds(Check::AuthnInstant, self.has_begun(at), at);
        match self.expected.authenticated_since {
            Some(since) => self.holds(Check::ForcedAuthn, time(at).is_some_and(|at| since - self.skew <= at), at),
            None => self.skip(&[Check::ForcedAuthn]),
        }
        match said.session_not_on_or_after.as_deref() {
            Some(end) => self.holds(Check::SessionNotOnOrAfter, self.goes_on(Some(end)), Some(end)),
            None => self.skip(&[Check::SessionNotOnOrAfter]),
        }
    }

    /// Who it is about.
    fn subject(&mut self, said: &Assertion) -> Option<String> {
        let is_name = |text: &str| !text.trim().is_empty() && is_short(Some(text));
        if let Some(name) = &self.expected.subject {
            let named = said.attributes.iter().filter(|attribute| attribute.name == name.as_str());
            let values: Vec<_> = named.flat_map(|attribute| &attribute.values).collect();
            let value = if let [value] = values[..] { Some(value).filter(|value| is_name(value)) } else { None };
            self.holds(Check::Subject, value.is_some(), Some(&format!("{} values of {}", values.len(), name.as_str())));
            self.skip(&[Check::Transient]);
            return value.map(|value| serde_json::json!(["attribute", name.as_str(), value]).to_string());
        }
        let has_short_parts = |name: &&NameId| {
            [&name.format, &name.name_qualifier, &name.sp_name_qualifier].into_iter().all(|part| is_short(part.as_deref()))
        };
        let name = said.name_id.as_ref().filter(|name| is_name(&name.value)).filter(has_short_parts);
        self.holds(Check::Subject, name.is_some(), None);
        match name {
            Some(name) => self.holds(Check::Transient, !name.is_transient(), name.format.as_deref()),
            None => self.skip(&[Check::Transient]),
        }
        name.map(|name| name.key(self.expected.issuer.as_str(), &self.expected.entity_id))
    }
}
