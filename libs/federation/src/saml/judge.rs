//! The whole way of a response: from the form's field to a verdict with every check.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::identity::saml::{Check, Expectation, Finding, Outcome, Verdict};

use super::{
    certificates, checks, encrypted,
    extract::{extract, status},
    guard::{Shape, guard, refuses},
    names::{ASSERTION, Judged, Refusal, named, refuse},
    scan,
    verify::verify,
};

/// What may be read of a response.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    /// Where the fields of the response are: its verified bytes, or, if only the assertion is signed, the original.
    pub(super) response: String,
    pub(super) is_response_signed: bool,
    /// Where the assertion is, as the root or as the root's child.
    pub(super) assertion: String,
    pub(super) is_encrypted: bool,
    /// SHA-256 of the certificate, in hex.
    pub(super) certificate: String,
}

pub(super) fn judge(field: &str, expected: &Expectation) -> Outcome {
    let judged = decode(field).and_then(|xml| evidence(&xml, expected)).and_then(|evidence| {
        let said = extract(&evidence)?;
        Ok(checks::run(&said, &evidence, expected))
    });
    judged.unwrap_or_else(|refusal| refused(&refusal))
}

/// Base64 of UTF-8, with line ends as some write them.
pub(super) fn decode(field: &str) -> Judged<String> {
    // Four characters for three bytes, and line ends.
    if field.len() > scan::LARGEST / 3 * 4 + scan::LARGEST / 8 {
        return refuse(Check::Document, "too large");
    }
    let bare: String = field.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(bare).ok();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(xml) => Ok(xml),
        None => refuse(Check::Document, "not base64 of UTF-8"),
    }
}

pub(super) fn evidence(xml: &str, expected: &Expectation) -> Judged<Evidence> {
    let document = scan::parse(xml)?;
    if refuses(&document) {
        return refuse(Check::Status, status(document.root_element()).unwrap_or_default());
    }
    let certificates = certificates::read(&expected.certificates);
    if named(document.root_element(), ASSERTION, "EncryptedAssertion").next().is_some() {
        return encrypted::evidence(xml, &document, &certificates?, expected);
    }
    let signatures = guard(&document, Shape::Plain)?;
    let verified = verify(xml, &document, &signatures, &certificates?)?;
    Ok(Evidence {
        response: if verified.is_response { verified.bytes.clone() } else { xml.to_owned() },
        is_response_signed: verified.is_response,
        assertion: verified.bytes,
        is_encrypted: false,
        certificate: verified.certificate,
    })
}

/// The checks of the way to the evidence, in their order.
pub(super) const WAY: [Check; 5] = [Check::Document, Check::Algorithm, Check::Signed, Check::Certificate, Check::Signature];

fn refused(refusal: &Refusal) -> Outcome {
    let failed = refusal.check;
    // What is not on the way failed after the document was read, and before more is known.
    let passed = WAY.iter().position(|check| *check == failed).unwrap_or(1);
    let finding = |check: &Check| match () {
        () if *check == failed => self::finding(*check, Verdict::Failed, Some(&refusal.rule)),
        () if WAY[..passed].contains(check) => self::finding(*check, Verdict::Passed, None),
        () => self::finding(*check, Verdict::Skipped, None),
    };
    Outcome { verdict: Err(failed), findings: Check::ALL.iter().map(finding).collect() }
}

pub(super) fn finding(check: Check, verdict: Verdict, found: Option<&str>) -> Finding {
    let shown = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect();
    Finding { check, verdict, found: found.map(shown) }
}
