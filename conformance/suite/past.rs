//! `keelson history` and `keelson undo`, on objects that others have changed and deleted.

use http::Method;
use keelson_subject::client::Client;
use serde_json::{Value, json};

use crate::place;

const JSON: &str = "application/json";
const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn write(client: &Client, method: Method, path: &str, color: &str) -> String {
    let map = json!({"metadata": {"name": "first"}, "data": {"color": color}});
    let answer = client.send(method, path, JSON, &map.to_string()).await;
    let map: Value = serde_json::from_str(&answer.body).unwrap();
    map["metadata"]["resourceVersion"].as_str().unwrap_or_else(|| panic!("{map}")).to_owned()
}

#[tokio::test]
async fn an_object_is_made_what_it_was() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let client = Client::of(&server.kubeconfig());
    let path = format!("{CONFIG_MAPS}/first");
    let red = write(&client, Method::POST, CONFIG_MAPS, "red").await;
    let green = write(&client, Method::PUT, &path, "green").await;
    client.ask(Method::DELETE, &path).await;

    let past = scratch.must(&["history", "cm/first", "--diff"]).await;
    let lines: Vec<Vec<&str>> = past.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["REVISION", "TIME", "WHAT", "BY"]);
    assert_eq!((lines[1][0], lines[1][2]), (&*red, "created"));
    assert_eq!((lines[2][0], lines[2][2]), (&*green, "changed"));
    assert_eq!(lines[3], ["data.color:", "red", "→", "green"]);
    assert_eq!(lines[4][2], "deleted");

    let tried = scratch.must(&["undo", "configmap/first", "--to", &green, "--dry-run"]).await;
    assert!(tried.starts_with(&format!("configmaps/first would be there again as of {green}\n")), "{tried}");
    assert_eq!(client.get(&path).await.code, 404);
    let undone = scratch.must(&["undo", "configmaps/first", "--to", &green]).await;
    assert!(
        undone.starts_with(&format!("configmaps/first is there again as of {green}, at revision ")),
        "{undone}"
    );
    let undone = scratch.must(&["undo", "ConfigMap/first", "--to", &red]).await;
    assert!(undone.starts_with(&format!("configmaps/first is as of {red} again, at revision ")), "{undone}");
    assert!(undone.contains("  data.color: green → red\n"), "{undone}");
    let again = scratch.must(&["undo", "cm/first", "--to", &red]).await;
    assert_eq!(again, format!("configmaps/first is as of {red} already\n"));

    for (args, words) in [
        (&["history", "first"][..], "\"first\" names no object; give KIND/NAME, such as deployment/web"),
        (
            &["history", "widget/first"],
            "the server has no kind \"widget\"; `kubectl api-resources` lists them",
        ),
        (&["history", "cm/other"], "configmaps/other: configmaps \"other\" not found"),
        (
            &["undo", "cm/first", "--to", "1"],
            "configmaps/first was not there at revision 1; `keelson history` lists when it was",
        ),
    ] {
        let ended = scratch.run(args).await;
        assert!(ended.code != Some(0) && ended.err.contains(words), "{args:?}: {ended:?}");
    }
    server.end().await;
}
