//! `/livez`, `/readyz`, `/healthz`: whether the server lives and is ready, check by check, in upstream's format.
//!
//! Probes and people parse the text, so every line is as upstream writes it. Why a check fails is told to whoever
//! asks for that check alone, and to the log; the overview is public and withholds it.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use axum::body::Body;
use http::{Response, StatusCode};

use crate::problem::text;

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Kept for old clients: both of the others.
    Healthz,
    /// A failure wants a restart.
    Livez,
    /// A failure wants traffic to stay away.
    Readyz,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Healthz, Self::Livez, Self::Readyz];

    /// Its name, which is its path without the slash.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthz => "healthz",
            Self::Livez => "livez",
            Self::Readyz => "readyz",
        }
    }
}

type Run = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Something that can be told to be well or not, at once and at any time.
pub struct Check {
    name: &'static str,
    on: &'static [Endpoint],
    run: Run,
}

impl Check {
    /// A check that `run` does, on these endpoints. It must not block.
    pub fn new(
        name: &'static str,
        on: &'static [Endpoint],
        run: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { name, on, run: Box::new(run) }
    }

    /// The check that always passes: it says that somebody answers.
    #[must_use]
    pub fn ping() -> Self {
        Self::new("ping", &Endpoint::ALL, || Ok(()))
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

/// All checks, in the order in which they are shown.
#[derive(Debug)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// These.
    #[must_use]
    pub fn new(checks: Vec<Check>) -> Self {
        Self(checks)
    }

    /// Runs those of `endpoint`. The query may name some to leave out (`exclude`) and ask for each line (`verbose`).
    #[must_use]
    pub fn all(&self, endpoint: Endpoint, query: &str) -> Response<Body> {
        let (mut verbose, mut excluded) = (false, BTreeSet::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "verbose" => verbose = true,
                "exclude" => drop(excluded.insert(value.into_owned())),
                _ => {}
            }
        }
        let (mut lines, mut failed) = (String::new(), false);
        for check in self.on(endpoint) {
            let name = check.name;
            let line = if excluded.remove(name) {
                format!("[+]{name} excluded: ok\n")
            } else if let Err(why) = (check.run)() {
                tracing::warn!(check = name, endpoint = endpoint.name(), %why, "health check failed");
                failed = true;
                format!("[-]{name} failed: reason withheld\n")
            } else {
                format!("[+]{name} ok\n")
            };
            lines.push_str(&line);
        }
        if !excluded.is_empty() {
            let names: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
            let names = names.join(",");
            let _ = writeln!(lines, "warn: some health checks cannot be excluded: no matches for {names}");
        }
        let name = endpoint.name();
        match (failed, verbose) {
            (true, _) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{name} check failed\n")),
            (false, true) => text(StatusCode::OK, format!("{lines}{name} check passed\n")),
            (false, false) => text(StatusCode::OK, "ok"),
        }
    }

    /// Runs one of those of `endpoint`; absent if there is none of that name.
    #[must_use]
    pub fn one(&self, endpoint: Endpoint, name: &str) -> Option<Response<Body>> {
        let check = self.on(endpoint).find(|check| check.name == name)?;
        Some(match (check.run)() {
            Ok(()) => text(StatusCode::OK, "ok"),
            Err(why) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("internal server error: {why}\n")),
        })
    }

    /// The paths of the single checks and of the overviews.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        Endpoint::ALL.into_iter().flat_map(|endpoint| {
            let single = self.on(endpoint).map(move |check| format!("/{}/{}", endpoint.name(), check.name));
            single.chain([format!("/{}", endpoint.name())])
        })
    }

    fn on(&self, endpoint: Endpoint) -> impl Iterator<Item = &Check> {
        self.0.iter().filter(move |check| check.on.contains(&endpoint))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn check(checks: &Checks, endpoint: Endpoint, query: &str, code: u16, body: &str) {
        let answer = checks.all(endpoint, query);
        assert_eq!(answer.status(), code, "{query}");
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&bytes), body, "{query}");
    }

    #[tokio::test]
    async fn the_format_is_upstreams() {
        let well = Checks::new(vec![
            Check::ping(),
            Check::new("etcd", &Endpoint::ALL, || Ok(())),
            Check::new("shutdown", &[Endpoint::Readyz], || Ok(())),
        ]);
        for (endpoint, query, body) in [
            (Endpoint::Livez, "", "ok"),
            (Endpoint::Livez, "verbose", "[+]ping ok\n[+]etcd ok\nlivez check passed\n"),
            (Endpoint::Readyz, "verbose=1", "[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n"),
            (
                Endpoint::Healthz,
                "verbose&exclude=etcd",
                "[+]ping ok\n[+]etcd excluded: ok\nhealthz check passed\n",
            ),
            (
                Endpoint::Livez,
                "verbose&exclude=b&exclude=a",
                "[+]ping ok\n[+]etcd ok\nwarn: some health checks cannot be excluded: no matches for \"a\",\"b\"\nlivez check passed\n",
            ),
            (Endpoint::Livez, "exclude=nothing", "ok"),
        ] {
            check(&well, endpoint, query, 200, body).await;
        }
        let ill =
            Checks::new(vec![Check::ping(), Check::new("etcd", &Endpoint::ALL, || Err("a secret".into()))]);
        let body = "[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n";
        check(&ill, Endpoint::Livez, "", 500, body).await;
        check(&ill, Endpoint::Livez, "exclude=etcd", 200, "ok").await;
    }

    #[tokio::test]
    async fn a_single_check_tells_its_reason() {
        let checks =
            Checks::new(vec![Check::ping(), Check::new("etcd", &[Endpoint::Readyz], || Err("why".into()))]);
        assert_eq!(checks.one(Endpoint::Livez, "ping").unwrap().status(), 200);
        assert!(checks.one(Endpoint::Livez, "etcd").is_none(), "not one of this endpoint's");
        let body = checks.one(Endpoint::Readyz, "etcd").unwrap().into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "internal server error: why\n");
    }
}
