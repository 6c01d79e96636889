//! The mailbox: mails are files in the data folder, read the way a mail program reads them.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::TestApp;

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// The body without HTML.
    pub text: String,
    /// The body with HTML.
    pub html: String,
    /// The whole file.
    pub raw: String,
}

impl TestApp {
    /// Every mail so far, oldest first. Call [`TestApp::worker`] before: it sends them.
    pub fn mails(&self) -> Vec<Mail> {
        let Ok(folder) = fs::read_dir(self.data().join("mail")) else { return Vec::new() };
        let mut paths: Vec<_> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "eml"));
        paths.sort();
        paths.iter().map(|path| parse(fs::read_to_string(path).expect("a mail"))).collect()
    }
    /// Every mail to an address, oldest first.
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.to == address).collect()
    }
    /// The link to a page (`verify-email`) in the newest mail to an address that has one.
    #[track_caller]
    pub fn link(&self, to: &str, page: &str) -> String {
        let mails = self.mails_to(to);
        let link = mails
            .iter()
            .rev()
            .flat_map(|mail| mail.text.split_whitespace())
            .find(|word| word.starts_with("http") && word.contains(page));
        link.unwrap_or_else(|| panic!("no mail to {to} has a link to {page}: {mails:#?}")).to_owned()
    }
    /// The sign-in code in the newest mail to an address that has one.
    #[track_caller]
    pub fn mailed_code(&self, to: &str) -> String {
        self.digits(to, 6)
    }
    /// The code in the newest mail that signs somebody in.
    #[track_caller]
    pub fn mailed_sign_in_code(&self, to: &str) -> String {
        self.digits(to, 8)
    }
    #[track_caller]
    fn digits(&self, to: &str, many: usize) -> String {
        let mails = self.mails_to(to);
        let code = mails
            .iter()
            .rev()
            .flat_map(|mail| mail.text.lines())
            .find(|line| line.len() == many && line.bytes().all(|byte| byte.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("no mail to {to} has a code: {mails:#?}")).to_owned()
    }
    /// The token in that link.
    #[track_caller]
    pub fn mailed_token(&self, to: &str, page: &str) -> String {
        let link = self.link(to, page);
        let token = link.rsplit_once("token=").or_else(|| link.rsplit_once('/')).map(|(_, token)| token);
        token.unwrap_or_else(|| panic!("no token in {link}")).to_owned()
    }
}

pub(crate) fn parse(raw: String) -> Mail {
    let unix = raw.replace("\r\n", "\n");
    let (head, body) = unix.split_once("\n\n").unwrap_or((&unix, ""));
    let kind = header(head, "content-type");
    let boundary =
        kind.split_once("boundary=").map(|(_, rest)| rest.trim_matches('"').split('"').next().unwrap_or_default().to_owned());
    let parts: Vec<&str> = match &boundary {
        Some(boundary) => body.split(&format!("--{boundary}")).collect(),
        None => vec![&unix],
    };
    let part = |media: &str| {
        let found =
            parts.iter().map(|part| part.trim_start_matches('\n')).find(|part| header(part, "content-type").starts_with(media));
        found.map(decoded).unwrap_or_default()
    };
    let address = header(head, "to").trim_matches(['<', '>']).to_owned();
    Mail { to: address, subject: header(head, "subject"), text: part("text/plain"), html: part("text/html"), raw }
}

/// A header, with its continuation lines joined.
fn header(part: &str, name: &str) -> String {
    let head = part.split_once("\n\n").map_or(part, |(head, _)| head).replace("\n ", " ").replace("\n\t", " ");
    let line = head.lines().find_map(|line| {
        line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
    });
    line.unwrap_or_default()
}

fn decoded(part: &str) -> String {
    let body = part.split_once("\n\n").map_or("", |(_, body)| body);
    let bytes = match header(part, "content-transfer-encoding").to_ascii_lowercase().as_str() {
        "quoted-printable" => quoted_printable(body),
        "base64" => STANDARD.decode(body.split_whitespace().collect::<String>()).expect("base64"),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8(bytes).expect("UTF-8")
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let joined = body.replace("=\n", "");
    let mut bytes = joined.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'=' => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                out.extend(hex::decode(digits).expect("two digits behind ="));
            }
            other => out.push(other),
        }
    }
    out
}
