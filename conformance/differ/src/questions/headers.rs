//! Headers that are strange, or mean nothing here.

use crate::fixed;
use crate::script::Script;

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";

pub(super) fn scripts() -> Vec<Script> {
    let mut script = Script::with_namespace("headers", "strange");
    let map =
        fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "b"}});
    script.post("create", format!("{MAPS}?fieldManager=differ"), &map).silent();
    let long = "a".repeat(9000);
    for (name, value) in [
        ("Accept-Encoding", "gzip"),
        ("Accept-Encoding", "br"),
        ("Accept-Encoding", "gzip;q=0"),
        ("X-Foo", long.as_str()),
        ("Range", "bytes=0-5"),
        ("If-None-Match", "*"),
        ("If-None-Match", "\"x\""),
        ("If-Match", "x"),
        ("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT"),
        ("If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"),
        ("Expect", "100-continue"),
        ("Audit-ID", "my-audit-id"),
        ("Origin", "https://x.example"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("Forwarded", "for=1.2.3.4"),
        ("X-Remote-User", "someone"),
        ("Cookie", "a=b"),
        ("Connection", "close"),
        ("Connection", "keep-alive"),
        ("Upgrade", "websocket"),
        ("Upgrade", "SPDY/3.1"),
        ("TE", "trailers"),
        ("Accept-Language", "de"),
        ("Accept-Charset", "utf-16"),
        ("Content-Encoding", "gzip"),
        ("Content-Type", "garbage"),
        ("Impersonate-User", "someone"),
        ("Impersonate-Group", "some"),
        ("Impersonate-Uid", "x"),
        ("Impersonate-Extra-a", "b"),
        ("Impersonate-User", ""),
        ("Impersonate-User", "system:anonymous"),
        ("Impersonate-User", "system:serviceaccount:a:b"),
        ("Impersonate-User", "system:serviceaccount:a"),
        ("Priority", "u=1"),
        ("Cache-Control", "no-cache"),
        ("X-Kubernetes-Request-Timeout", "1s"),
        ("Content-Length", "0"),
        ("User-Agent", ""),
        ("Host", "evil.example"),
        ("Host", ""),
    ] {
        let shown: String = value.chars().take(30).collect();
        for (what, method, path) in [
            ("get", "GET", format!("{MAPS}/one")),
            ("absent", "GET", format!("{MAPS}/none")),
            ("delete", "DELETE", format!("{MAPS}/one?dryRun=All")),
        ] {
            script.ask(format!("{what} {name}: {shown}"), method, path).header(name, value);
        }
        if !matches!(name, "Content-Type" | "Content-Length" | "Expect") {
            script
                .post(format!("create {name}: {shown}"), format!("{MAPS}?dryRun=All&fieldManager=m"), &map)
                .header(name, value);
        }
    }
    script
        .get("impersonated with groups", format!("{MAPS}/one"))
        .header("Impersonate-User", "someone")
        .header("Impersonate-Group", "system:masters");
    vec![script]
}
