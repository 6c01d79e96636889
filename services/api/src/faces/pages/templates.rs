//! The templates, compiled in, once for each language: what they call is bound to its texts. A value that a page forgot is an error, and
//! everything is escaped but what is made here.

use std::sync::LazyLock;

use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
    syntax::SyntaxConfig,
    value::{Kwargs, ValueKind},
};

use super::{
    language::PageLanguage,
    texts::{Text, counted, escaped, filled, texts},
};

macro_rules! sources {
    ($($name:literal)*) => { [$((concat!($name, ".html"), include_str!(concat!("templates/", $name, ".html"))),)*] };
}

/// Every template, by its name.
pub(super) const SOURCES: &[(&str, &str)] = &sources!("base" "parts" "identify" "password" "connections" "prove" "second_factor" "mail_code" "mailed_sign_in" "passkey" "enrol" "enrol_app" "enrol_passkey" "recovery_codes" "account" "account_elsewhere" "account_passkey" "organizations" "consent" "link" "trial" "device" "device_ask" "device_done" "error"
    "leaving" "sign_out" "signed_out" "form_post" "reset_request" "reset_sent" "verify_email" "change_email" "new_password" "setup"
    "magic_link" "invitation" "done" "dead_link" "failed");

/// The templates of a language.
pub(super) fn environment(language: PageLanguage) -> &'static Environment<'static> {
    static ALL: LazyLock<[Environment<'static>; 3]> = LazyLock::new(|| PageLanguage::ALL.map(build));
    let [en, de, fr] = &*ALL;
    match language {
        PageLanguage::En => en,
        PageLanguage::De => de,
        PageLanguage::Fr => fr,
    }
}

fn build(language: PageLanguage) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax());
    environment.set_formatter(format);
    environment.add_filter("initial", initial);
    environment.add_function("t", move |key: &str, values: Kwargs| t(language, key, &values));
    environment.add_function("counted", move |key: &str, n: u64| number(language, key, n));
    environment.add_function("until", move |key: &str, seconds: u64| until(language, key, seconds));
    environment.add_function("said", move |field: &str, bad: Value| said(language, field, &bad));
    for (name, source) in SOURCES {
        // The templates are part of the program, and a test renders each.
        environment.add_template(name, source).unwrap_or_else(|e| panic!("template {name}: {e}"));
    }
    environment
}

/// Lines that only hold a tag of the engine's leave nothing.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

/// As the engine's own, which also writes `/` in five characters.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => out.write_str(&escaped(text)).map_err(Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// What stands for a logo: the first letter or digit of a name.
fn initial(name: &str) -> String {
    let first = name.chars().find(|c| c.is_alphanumeric()).or_else(|| name.chars().next());
    first.map(|c| c.to_uppercase().collect()).unwrap_or_default()
}

fn text(language: PageLanguage, key: &str) -> Result<&'static Text, Error> {
    texts(language).get(key).ok_or_else(|| Error::new(ErrorKind::UndefinedError, format!("there is no text {key}")))
}

/// A text with its values.
fn t(language: PageLanguage, key: &str, values: &Kwargs) -> Result<Value, Error> {
    let Text::Plain(text) = text(language, key)? else {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("{key} counts")));
    };
    let html = filled(text, |name| values.get::<String>(name).ok());
    let html = html.ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("a value of {key}")))?;
    values.assert_all_used()?;
    Ok(Value::from_safe_string(html))
}

/// A text without values.
fn plain(language: PageLanguage, key: &str) -> Result<Value, Error> {
    t(language, key, &Kwargs::from_iter(std::iter::empty::<(&str, Value)>()))
}

/// A text with a number, which needs no setting apart.
fn number(language: PageLanguage, key: &str, n: u64) -> Result<Value, Error> {
    let form = counted(text(language, key)?, language, n);
    Ok(Value::from_safe_string(escaped(&form.replace("{n}", &n.to_string()))))
}

/// A text with a time to wait: in minutes, if that is long. Never too short.
fn until(language: PageLanguage, key: &str, seconds: u64) -> Result<Value, Error> {
    match seconds {
        0..=120 => number(language, &format!("{key}.seconds"), seconds.max(1)),
        _ => number(language, &format!("{key}.minutes"), seconds.div_ceil(60)),
    }
}

/// What is said of a field that is wrong: in the page's language if we have words for the code there, else our English sentence. Nothing
/// of what has a notice of its own.
fn said(language: PageLanguage, field: &str, bad: &Value) -> Result<Value, Error> {
    if bad.is_none() {
        return Ok(Value::from(""));
    }
    let kind = bad.get_attr("kind")?;
    let problem = match (kind.as_str(), bad.kind()) {
        (Some("throttled"), _) => return Ok(Value::from("")),
        (Some("other"), _) => bad.get_attr("of")?,
        (Some(kind), _) => return plain(language, &format!("problem.{field}.{kind}")),
        (None, ValueKind::Map) => bad.clone(),
        _ => return Err(Error::new(ErrorKind::InvalidOperation, "no problem")),
    };
    let (code, message) = (problem.get_attr("code")?, problem.get_attr("message")?);
    let known = [format!("problem.{field}.{code}"), format!("problem.{code}")];
    let found = known.iter().find_map(|key| match texts(language).get(key) {
        Some(Text::Plain(text)) => Some(escaped(text)),
        _ => None,
    });
    let message = message.as_str().filter(|message| !message.is_empty());
    let ours = || message.map(|message| format!("<span lang=\"en\" dir=\"ltr\">{}</span>", escaped(message)));
    match found.or_else(ours) {
        Some(html) => Ok(Value::from_safe_string(html)),
        None => plain(language, "problem.other"),
    }
}
