//! Tables of requests and what each is answered, a line each with a name: see [`answers!`](crate::answers!).

use serde_json::Value;

use crate::Response;

/// What an answer must be.
#[derive(Clone, Copy, Debug)]
pub enum Expected<'a> {
    /// 200 with some JSON.
    Ok,
    /// 200 `null`: how the contract says "done".
    Done,
    /// This status, whatever the body.
    Status(u16),
    /// A refusal in the contract's shape.
    Refused {
        /// Status.
        status: u16,
        /// The contract's `error_code`.
        error_code: &'a str,
        /// The stable `code`, if it matters.
        code: Option<&'a str>,
    },
    /// 400 that names exactly these fields.
    Invalid(&'a [&'a str]),
}

/// A refusal.
pub const fn refused<'a>(status: u16, error_code: &'a str) -> Expected<'a> {
    Expected::Refused { status, error_code, code: None }
}
/// A refusal with this stable code.
pub const fn refused_as<'a>(status: u16, error_code: &'a str, code: &'a str) -> Expected<'a> {
    Expected::Refused { status, error_code, code: Some(code) }
}

impl Expected<'_> {
    /// The JSON of an answer that is as expected; otherwise what is wrong with it.
    pub(crate) fn judge(&self, answer: &Response) -> Result<Value, String> {
        match *self {
            Expected::Status(status) => has_status(answer, status).map(|()| Value::Null),
            Expected::Ok => has_status(answer, 200).and_then(|()| body(answer)),
            Expected::Done => {
                has_status(answer, 200)?;
                let body = body(answer)?;
                if body.is_null() { Ok(body) } else { Err(format!("not `null`: {answer}")) }
            }
            Expected::Refused { status, error_code, code } => refusal(answer, status, error_code, code),
            Expected::Invalid(fields) => {
                let body = refusal(answer, 400, "BAD_REQUEST", None)?;
                let details = body["details"].as_array().into_iter().flatten();
                let (mut named, mut fields): (Vec<_>, _) =
                    (details.filter_map(|d| d["field"].as_str()).collect(), fields.to_vec());
                named.sort_unstable();
                fields.sort_unstable();
                if named == fields { Ok(body) } else { Err(format!("names {named:?} and not {fields:?}: {answer}")) }
            }
        }
    }
}

fn has_status(answer: &Response, status: u16) -> Result<(), String> {
    if answer.status == status { Ok(()) } else { Err(format!("expected {status}: {answer}")) }
}

fn body(answer: &Response) -> Result<Value, String> {
    if !answer.header("content-type").contains("application/json") {
        return Err(format!("content type {:?} of {answer}", answer.header("content-type")));
    }
    serde_json::from_slice(&answer.body).map_err(|e| format!("not JSON ({e}): {answer}"))
}

/// All three members of the contract and our code, present and not empty, and none but the known ones.
fn refusal(answer: &Response, status: u16, error_code: &str, code: Option<&str>) -> Result<Value, String> {
    const MEMBERS: [&str; 4] = ["error", "error_code", "timestamp", "code"];
    has_status(answer, status)?;
    let body = body(answer)?;
    if let Some(missing) = MEMBERS.iter().find(|member| body[**member].as_str().is_none_or(|text| text.is_empty())) {
        return Err(format!("`{missing}` is missing or empty: {answer}"));
    }
    let asks = body["code"] == "step_up_required";
    if asks != body["step_up"].is_object() {
        return Err(format!("`step_up` goes with `step_up_required`: {answer}"));
    }
    let known = |name: &String| MEMBERS.contains(&name.as_str()) || ["details", "step_up"].contains(&name.as_str());
    if !body.as_object().is_some_and(|members| members.keys().all(known)) {
        return Err(format!("members that nobody knows: {answer}"));
    }
    if body["error_code"] != error_code {
        return Err(format!("`error_code` is not {error_code}: {answer}"));
    }
    match code {
        Some(code) if body["code"] != code => Err(format!("`code` is not {code}: {answer}")),
        _ => Ok(body),
    }
}

/// The rows of a table, as far as they were judged.
#[derive(Debug, Default)]
pub struct Table {
    rows: usize,
    wrong: Vec<String>,
}

impl Table {
    /// Judges a row.
    pub fn row(&mut self, name: &str, answer: &Response, expected: Expected<'_>) {
        self.rows += 1;
        self.wrong.extend(expected.judge(answer).err().map(|complaint| format!("{name}: {complaint}")));
    }
    /// Fails, naming every row that was wrong.
    #[track_caller]
    pub fn finish(self) {
        assert!(self.wrong.is_empty(), "{} of {} rows:\n\n{}", self.wrong.len(), self.rows, self.wrong.join("\n\n"));
    }
}

/// Sends each request in turn and says by name which answers were wrong, all of them and not only the first.
///
/// ```ignore
/// answers! {
///     "a stranger": app.by(&zed).get(&org.path) => refused_as(403, "FORBIDDEN", "not_a_member"),
///     "nobody": app.client().get(&org.path) => refused(401, "UNAUTHORIZED"),
///     "a name that is no name": app.by(&ann).patch(&org.path, json!({"name": ""})) => Invalid(&["name"]),
///     "the owner": app.by(&ann).get(&org.path) => Ok,
/// }
/// ```
#[macro_export]
macro_rules! answers {
    ($($name:literal: $request:expr => $expected:expr),+ $(,)?) => {{
        #[allow(unused_imports, reason = "a table uses some of these words")]
        use $crate::words::*;
        let mut table = $crate::Table::default();
        $(table.row($name, &$request.await, $expected);)+
        table.finish();
    }};
}
