//! A configuration in the making: values laid over each other, with a note of where each came from and of everything wrong.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::Path,
};

use toml::{Table, Value};

use super::{Config, ConfigErrors, Problem, checks, schema};

/// What every variable begins with. `TENANTRY_CONFIG`, with one underscore, is the command line's business.
const PREFIX: &str = "TENANTRY__";

pub(super) struct Draft {
    schema: schema::Schema,
    values: Table,
    sources: HashMap<String, String>,
    problems: Vec<Problem>,
}

impl Draft {
    pub(super) fn new() -> Self {
        let (schema, values) = (schema::Schema::new(), schema::defaults());
        Self { schema, values, sources: HashMap::new(), problems: Vec::new() }
    }

    /// Lays the keys of a TOML file over what is there.
    pub(super) fn read_file(&mut self, path: &Path) {
        let source = path.display().to_string();
        let read = read(path).map_err(|e| format!("cannot be read: {e}."));
        // The parser's `message` has no excerpt of the file, which could hold a secret.
        let table = read.and_then(|text| text.parse::<Table>().map_err(|e| syntax(&text, &e)));
        match table {
            Err(problem) => self.problems.push(Problem { key: source, source: String::new(), problem, example: None }),
            Ok(table) => table.into_iter().for_each(|(section, value)| self.read_section(&section, value, &source)),
        }
    }

    fn read_section(&mut self, section: &str, value: Value, source: &str) {
        match value {
            Value::Table(table) => {
                for (name, value) in table {
                    self.set(&format!("{section}.{name}"), source, |key| check(key, value));
                }
            }
            _ => self.unknown(section, source),
        }
    }

    /// Lays the `TENANTRY__SECTION__KEY` variables over what is there; `…_FILE` names a file that holds the value.
    pub(super) fn read_env(&mut self, env: impl Iterator<Item = (OsString, OsString)>) {
        // Variables of others may be anything.
        let ours = env.map(|(name, value)| (name.to_string_lossy().into_owned(), value));
        let mut variables: Vec<_> = ours.filter(|(name, _)| name.starts_with(PREFIX)).collect();
        variables.sort();
        for (variable, value) in variables {
            let key = variable[PREFIX.len()..].to_lowercase().replace("__", ".");
            let Ok(text) = value.into_string() else {
                self.problem(&key, &variable, "is not text in UTF-8.".to_owned());
                continue;
            };
            match key.strip_suffix("_file") {
                Some(base) if !self.schema.0.contains_key(&key) && self.schema.0.contains_key(base) => {
                    self.set_from_file(base, &variable, &text);
                }
                _ => self.set(&key, &variable, |key| convert(key, &text)),
            }
        }
    }

    fn set_from_file(&mut self, key: &str, variable: &str, path: &str) {
        // `X` sorts before `X_FILE`, so a value of the environment is there already.
        let twin = variable.trim_end_matches("_FILE");
        if self.sources.get(key).is_some_and(|source| source == twin) {
            return self.problem(key, variable, format!("{twin} is set as well; keep one of them."));
        }
        match read(Path::new(path)) {
            Ok(text) => self.set(key, variable, |key| convert(key, text.trim_end_matches(['\r', '\n']))),
            // What is no path may be the secret itself, put into the wrong variable.
            Err(e) if path.contains('/') => self.problem(key, variable, format!("the file {path} cannot be read: {e}.")),
            Err(e) => {
                self.problem(key, variable, format!("must name a file that holds the value, and that cannot be read: {e}."));
            }
        }
    }

    fn set(&mut self, key: &str, source: &str, read: impl FnOnce(&schema::Key) -> Result<Value, String>) {
        let Some(known) = self.schema.0.get(key) else { return self.unknown(key, source) };
        match read(known) {
            Err(problem) => self.problem(key, source, problem),
            Ok(value) => {
                self.sources.insert(key.to_owned(), source.to_owned());
                put(&mut self.values, key, value);
            }
        }
    }

    fn unknown(&mut self, key: &str, source: &str) {
        let hint = self.schema.nearest(key).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        let problem = format!("there is no such key.{hint}");
        self.problems.push(Problem { key: key.to_owned(), source: source.to_owned(), problem, example: None });
    }

    fn problem(&mut self, key: &str, source: &str, problem: String) {
        let example = self.schema.0.get(key).and_then(|key| key.example.clone());
        self.problems.push(Problem { key: key.to_owned(), source: source.to_owned(), problem, example });
    }

    /// The configuration, or all problems. The reader of types stops at its first error, so a bad value is noted, replaced by
    /// its default, and reading starts over.
    pub(super) fn finish(mut self, more: impl Fn(&Config) -> Vec<(&'static str, String)>) -> Result<Config, ConfigErrors> {
        for _ in 0..=self.schema.0.len() {
            match serde_path_to_error::deserialize::<_, Config>(Value::Table(self.values.clone())) {
                Err(e) => self.replace(&e.path().to_string(), e.inner().message()),
                Ok(config) => {
                    for (key, problem) in checks::consistency(&config).into_iter().chain(more(&config)) {
                        let source = self.sources.get(key).cloned().unwrap_or_default();
                        self.problem(key, &source, problem);
                    }
                    return if self.problems.is_empty() { Ok(config) } else { Err(ConfigErrors(self.problems)) };
                }
            }
        }
        Err(ConfigErrors(self.problems))
    }

    fn replace(&mut self, path: &str, message: &str) {
        let key = path.split('[').next().unwrap_or(path).to_owned();
        let source = self.sources.remove(&key).unwrap_or_default();
        self.problem(&key, &source, format!("{}.", message.trim().trim_end_matches('.')));
        if let Some(known) = self.schema.0.get(&key) {
            put(&mut self.values, &key, known.default.clone());
        }
    }
}

/// No file of ours is larger; an endless one (`/dev/zero`) must not fill the memory.
const MAX_FILE: u64 = 1 << 20;

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    // What some editors put in front.
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn put(values: &mut Table, key: &str, value: Value) {
    if let Some((section, name)) = key.split_once('.')
        && let Some(Value::Table(table)) = values.get_mut(section)
    {
        table.insert(name.to_owned(), value);
    }
}

fn syntax(text: &str, e: &toml::de::Error) -> String {
    let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("line {line} is not valid TOML: {}.", e.message())
}

/// A value of the file, if it has the type of the default.
fn check(key: &schema::Key, value: Value) -> Result<Value, String> {
    match (&key.default, value) {
        (Value::Integer(_), Value::Integer(n)) => bounded(key, n),
        (Value::Array(_), Value::Array(items)) if !items.iter().all(Value::is_str) => Err("must be a list of texts.".into()),
        (default, value) if default.same_type(&value) => Ok(value),
        (default, _) => Err(format!("must be {}.", kind(default))),
    }
}

/// A text of the environment as a value of the default's type.
fn convert(key: &schema::Key, text: &str) -> Result<Value, String> {
    let wrong = || format!("must be {}.", kind(&key.default));
    match &key.default {
        Value::Integer(_) => text.trim().parse().map_err(|_| wrong()).and_then(|n| bounded(key, n)),
        Value::Boolean(_) => text.trim().parse().map(Value::Boolean).map_err(|_| wrong()),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn bounded(key: &schema::Key, n: i64) -> Result<Value, String> {
    match key.range {
        Some((low, high)) if !(low..=high).contains(&n) => Err(format!("must be between {low} and {high}.")),
        _ => Ok(Value::Integer(n)),
    }
}

fn kind(default: &Value) -> &'static str {
    match default {
        Value::Integer(_) => "a whole number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        _ => "a text",
    }
}
