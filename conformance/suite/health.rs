//! The paths that probes, monitoring and `kubectl version` ask for, word for word.

use http::Method;
use keelson_subject::client::Client;

use crate::place;

#[tokio::test]
async fn health_is_told_in_upstreams_words() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let (admin, stranger) = (Client::of(&server.kubeconfig()), Client::anonymous(&server.kubeconfig()));
    for (path, code, body) in [
        ("/livez", 200, "ok"),
        ("/readyz", 200, "ok"),
        ("/healthz", 200, "ok"),
        ("/livez?verbose", 200, "[+]ping ok\n[+]etcd ok\nlivez check passed\n"),
        ("/readyz?verbose", 200, "[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n"),
        ("/healthz?verbose", 200, "[+]ping ok\n[+]etcd ok\nhealthz check passed\n"),
        (
            "/readyz?verbose&exclude=etcd&exclude=ping",
            200,
            "[+]ping excluded: ok\n[+]etcd excluded: ok\n[+]shutdown ok\nreadyz check passed\n",
        ),
        (
            "/livez?verbose&exclude=x",
            200,
            "[+]ping ok\n[+]etcd ok\nwarn: some health checks cannot be excluded: no matches for \"x\"\nlivez check passed\n",
        ),
    ] {
        for client in [&admin, &stranger] {
            let answer = client.get(path).await;
            assert_eq!((answer.code, answer.body.as_str()), (code, body), "{path}");
            assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8", "{path}");
            assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(answer.headers["cache-control"], "no-cache, private", "{path}");
        }
    }
    for (path, code, body) in [
        ("/livez/ping", 200, "ok"),
        ("/readyz/shutdown", 200, "ok"),
        ("/livez/shutdown", 404, "404 page not found\n"),
        ("/nothing", 404, "404 page not found\n"),
        ("/apis/nothing.example.com/v1/things", 404, "404 page not found\n"),
    ] {
        let answer = admin.get(path).await;
        assert_eq!((answer.code, answer.body.as_str()), (code, body), "{path}");
    }
    assert_eq!(admin.ask(Method::POST, "/version").await.code, 405);
    server.end().await;
}

#[tokio::test]
async fn the_version_is_one_that_clients_understand() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let answer = Client::anonymous(&server.kubeconfig()).get("/version").await;
    assert_eq!((answer.code, &answer.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let info: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&info["major"], &info["minor"]), (&"1".into(), &"37".into()));
    assert!(info["gitVersion"].as_str().unwrap().starts_with("v1.37.0+keelson."), "{info}");
    for field in ["gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"] {
        assert!(info[field].is_string(), "{field} in {info}");
    }
    let printed = scratch.keelson(&["version", "--json"]);
    assert_eq!(keelson_subject::ours::run(printed).await.out.trim(), answer.body.trim());
    server.end().await;
}

#[tokio::test]
async fn metrics_have_upstreams_names() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let client = Client::of(&server.kubeconfig());
    client.get("/livez").await;
    let answer = client.get("/metrics").await;
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let value = |name: &str| {
        let line = answer.body.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{}", answer.body));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(
        value(
            "apiserver_request_total{verb=\"GET\",dry_run=\"\",group=\"\",version=\"\",resource=\"\",subresource=\"/livez\""
        ),
        1.0
    );
    assert_eq!(value("apiserver_current_inflight_requests{request_kind=\"readOnly\"}"), 1.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_start_time_seconds") > 1.7e9);
    assert!(value("keelson_storage_revision") >= 1.0);
    assert!(value("apiserver_storage_size_bytes{") >= 0.0);
    for line in answer.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = name.split('{').next().unwrap();
        let base =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let typed = |name: &str| answer.body.contains(&format!("# TYPE {name} "));
        assert!(typed(name) || typed(base), "no type for {line}");
    }
    server.end().await;
}
