//! Bodies that are too long, or too deep.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::time::timeout;

use super::{AT_ONCE, Attacked};
use keelson_subject::ours::PATIENCE;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_end_are_refused() {
    let attacked = Attacked::new().await;
    for framing in ["content-length: 1000000000", "transfer-encoding: chunked"] {
        let (mut from, mut to) = split(attacked.client.connect().await.unwrap());
        let head =
            format!("POST {MAPS} HTTP/1.1\r\nhost: k\r\ncontent-type: application/json\r\n{framing}\r\n\r\n");
        to.write_all(head.as_bytes()).await.unwrap();
        let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let flood = async {
            let mut sent = 0_usize;
            while to.write_all(piece.as_bytes()).await.is_ok() {
                sent += piece.len();
                assert!(sent < 256 << 20, "so long a body is still listened to");
            }
        };
        let mut answer = Vec::new();
        let (_, ended) =
            tokio::join!(timeout(PATIENCE, flood), timeout(PATIENCE, from.read_to_end(&mut answer)));
        assert!(ended.is_ok(), "it is not cut off");
        // A client that is still sending when its connection ends may not see the answer.
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
        attacked.answers().await;
        attacked.holds_at_most(64 << 20);
    }
    attacked.recovers().await;
}

/// So often what opens, then what is inside, then so often what closes.
fn nested(open: &str, inside: &str, close: &str, depth: usize) -> String {
    format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_bodies_are_refused() {
    const JSON: &str = "application/json";
    const YAML: &str = "application/yaml";
    let attacked = Attacked::new().await;
    // Everything stays below the three MiB that a body may have.
    let lists = nested("[", "1", "]", 1_400_000);
    let maps = nested("{\"a\":", "1", "}", 400_000);
    let with = |field: &str, value: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"deep"}},"{field}":{value}}}"#)
    };
    let fields = |value: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"deep","managedFields":[{{"manager":"a","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{value}}}]}}}}"#
        )
    };
    let names = "abcdefghijklmnopqrstuvwxyz".chars();
    // Each line is ten of the one before: the last would have 10^26 items.
    let laughs: String =
        names.clone().zip(names.skip(1)).fold("a: &a [1]\n".to_owned(), |all, (old, new)| {
            all + &format!("{new}: &{new} [{}]\n", vec![format!("*{old}"); 10].join(", "))
        });
    let bodies = [
        (JSON, lists.clone()),
        (JSON, maps.clone()),
        (JSON, with("data", &lists)),
        (JSON, with("data", &maps)),
        (JSON, with("unknown", &lists)),
        (JSON, with("unknown", &maps)),
        (JSON, fields(&maps.replace("\"a\"", "\"f:a\""))),
        (JSON, "[".repeat(3_000_000)),
        (YAML, nested("[", "1", "]", 1_400_000)),
        (YAML, nested("{a: ", "1", "}", 400_000)),
        (YAML, "- ".repeat(1_400_000)),
        (YAML, format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deep}}\ndata: {lists}\n")),
        (YAML, laughs),
        (YAML, "&a ".repeat(900_000)),
        (YAML, "? ".repeat(1_400_000)),
    ];
    for (number, (media, body)) in bodies.iter().enumerate() {
        let sent = timeout(PATIENCE, attacked.client.send(Method::POST, MAPS, media, body));
        let answer = sent.await.unwrap_or_else(|_| panic!("body {number} is never answered"));
        assert!((400..500).contains(&answer.code), "body {number}: {} {:.300}", answer.code, answer.body);
        attacked.answers().await;
    }
    attacked.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_patches_are_refused() {
    let attacked = Attacked::new().await;
    let made = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"data":{"a":"1"}}"#;
    assert_eq!(attacked.client.send(Method::POST, MAPS, "application/json", made).await.code, 201);
    let maps = nested("{\"a\":", "1", "}", 400_000);
    let path = format!("{MAPS}/deep");
    let patches = [
        ("merge-patch+json", format!(r#"{{"data":{maps}}}"#)),
        ("merge-patch+json", maps.clone()),
        ("strategic-merge-patch+json", format!(r#"{{"data":{maps}}}"#)),
        ("json-patch+json", format!(r#"[{{"op":"add","path":"/data/b","value":{maps}}}]"#)),
        ("json-patch+json", nested("[", "", "]", 1_000_000)),
        (
            "apply-patch+yaml",
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deep}}\ndata: {maps}\n"),
        ),
    ];
    for (number, (kind, patch)) in patches.iter().enumerate() {
        let query = if kind.starts_with("apply") { "?fieldManager=deep" } else { "" };
        let media = format!("application/{kind}");
        let target = format!("{path}{query}");
        let sent = attacked.client.send(Method::PATCH, &target, &media, patch);
        let answer =
            timeout(PATIENCE, sent).await.unwrap_or_else(|_| panic!("patch {number} is never answered"));
        assert!((400..500).contains(&answer.code), "patch {number}: {} {:.300}", answer.code, answer.body);
        attacked.answers().await;
    }
    let thousands = format!("[{}]", [r#"{"op":"copy","from":"/data","path":"/data/a"}"#; 9_000].join(","));
    // Doubles with each step, if somebody lets it.
    let sent = attacked.client.send(Method::PATCH, &path, "application/json-patch+json", &thousands);
    let answer = timeout(PATIENCE, sent).await.expect("it is answered");
    assert!((400..500).contains(&answer.code), "{} {:.300}", answer.code, answer.body);
    attacked.recovers().await;
}

/// A length or a field's number as protobuf writes it.
fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// Messages in each other, by the fields that hold them from the outside in.
fn messages(fields: impl DoubleEndedIterator<Item = usize>) -> Vec<u8> {
    const OF_BYTES: usize = 2;
    let mut heads = Vec::new();
    let mut length = 0;
    for field in fields.rev() {
        let head = [varint(field << 3 | OF_BYTES), varint(length)].concat();
        length += head.len();
        heads.push(head);
    }
    heads.reverse();
    heads.concat()
}

/// Protobuf that nests where a type holds itself: a schema that is not a schema that is not a schema.
#[tokio::test(flavor = "multi_thread")]
async fn deep_protobuf_is_refused() {
    const SPEC_VERSIONS_SCHEMA: [usize; 4] = [2, 7, 4, 1];
    const NOT: usize = 28;
    let attacked = Attacked::new().await;
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for depth in [1_000, 400_000] {
        let object = messages(SPEC_VERSIONS_SCHEMA.into_iter().chain(std::iter::repeat_n(NOT, depth)));
        let mut body = b"k8s\0".to_vec();
        let kind = "CustomResourceDefinition";
        let group = "apiextensions.k8s.io/v1";
        let names = [
            &[0x0a][..],
            &varint(group.len()),
            group.as_bytes(),
            &[0x12],
            &varint(kind.len()),
            kind.as_bytes(),
        ]
        .concat();
        body.extend(
            [&[0x0a][..], &varint(names.len()), &names, &[0x12], &varint(object.len()), &object].concat(),
        );
        assert!(body.len() < 3 << 20, "{}", body.len());
        let mut stream = attacked.client.connect().await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: k\r\ncontent-type: application/vnd.kubernetes.protobuf\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut answer = [0; 10];
        timeout(AT_ONCE, stream.read_exact(&mut answer)).await.expect("it is answered").unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), "HTTP/1.1 4", "{depth} deep");
        attacked.answers().await;
    }
    attacked.recovers().await;
}
