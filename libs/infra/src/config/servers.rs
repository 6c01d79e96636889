//! URLs of servers of ours, which may hold a password. What is wrong is said without a word of them: a password with a `#` or a `/` ends up
//! anywhere in what a parser quotes.

use url::Url;

const ENCODE: &str = "cannot be read as a URL. If user or password hold any of : / ? # [ ] @ % or a space, percent-encode it: # is %23, / is %2F, @ is %40, % is %25.";

/// What PostgreSQL's URL may say behind the `?`. Of anything else the library would log name and value.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

fn server(value: &str) -> Result<Url, &'static str> {
    let url = Url::parse(value).map_err(|_| ENCODE)?;
    let strays = url.fragment().is_some() || url.path().contains('@') || url.query().is_some_and(|query| query.contains('@'));
    let good = |text: &str| {
        let mut rest = text.split('%').skip(1);
        rest.all(|after| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
    };
    if strays || !good(url.username()) || !url.password().is_none_or(good) { Err(ENCODE) } else { Ok(url) }
}

const SEVERAL: &str = "must name one server: lists of hosts, target_session_attrs and load_balance_hosts are not understood. Name an address that follows the primary: a Service, a virtual address, or a proxy such as HAProxy or PgBouncer.";

/// Whether hosts are separated by commas where the host stands; that is no URL, and a password with a comma is one.
fn names_several(value: &str) -> bool {
    let rest = value.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().is_some_and(|hosts| hosts.contains(','))
}

/// Whether a URL sends `options` along.
pub(super) fn has_options(value: &str) -> bool {
    let url = Url::parse(value).ok().filter(|url| url.scheme().starts_with("postgres"));
    url.is_some_and(|url| url.query_pairs().any(|(name, _)| name == "options" || name.starts_with("options[")))
}

/// Whether `database.url` can be meant.
pub(super) fn database(value: &str) -> Result<(), &'static str> {
    if value.is_empty() || value.starts_with("sqlite:") {
        return Ok(());
    }
    if !["postgres://", "postgresql://"].iter().any(|scheme| value.starts_with(scheme)) {
        return Err("must begin with postgres:// or sqlite://.");
    }
    if names_several(value) {
        return Err(SEVERAL);
    }
    let url = server(value)?;
    let has = |name: &str, value: &str| url.query_pairs().any(|(key, text)| key == name && text.contains(value));
    if ["host", "hostaddr", "port"].iter().any(|name| has(name, ","))
        || has("target_session_attrs", "")
        || has("load_balance_hosts", "")
    {
        return Err(SEVERAL);
    }
    if url.query_pairs().any(|(key, text)| key == "sslrootcert" && text == "system") {
        return Err("has sslrootcert=system, which is not understood: leave it out, then the system's certificates are used.");
    }
    let options = |name: &str| name.starts_with("options[") || PARAMETERS.contains(&name);
    if !url.query_pairs().all(|(name, _)| options(&name)) {
        return Err(
            "has a parameter behind the `?` that is not known. Known are sslmode, sslrootcert, sslcert, sslkey, host, port, dbname, user, password, application_name and options.",
        );
    }
    Ok(())
}

/// Whether `redis.url` can be meant.
pub(super) fn redis(value: &str) -> Result<(), &'static str> {
    if value.is_empty() {
        return Ok(());
    }
    if !["redis:", "rediss:", "redis+unix:", "unix:"].iter().any(|scheme| value.starts_with(scheme)) {
        return Err("is not a redis:// or rediss:// URL.");
    }
    server(value)?;
    redis::Client::open(value).map(|_| ()).map_err(|_| "is not a redis:// or rediss:// URL.")
}

/// Which PostgreSQL a URL leads to, without user and password; `None` for what is no server's.
pub fn place(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| url.scheme().starts_with("postgres"))?;
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let host = parameter("host").or_else(|| url.host_str().map(str::to_owned)).unwrap_or_else(|| "localhost".to_owned());
    let port = parameter("port").or_else(|| url.port().map(|port| port.to_string())).unwrap_or_else(|| "5432".to_owned());
    let database = parameter("dbname").unwrap_or_else(|| url.path().trim_start_matches('/').to_owned());
    Some(format!("database {} on {host}:{port}", if database.is_empty() { "of the user's name" } else { &database }))
}
