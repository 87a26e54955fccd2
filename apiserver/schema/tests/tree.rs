//! Trees as the server's hooks use them: by path, by handle, by walking.

use keelson_schema::arena::handle::Handle;
use keelson_schema::arena::{Schema, builtin};
use keelson_schema::convert::{Encoding, decode, encode};
use keelson_schema::normal::normalize;
use keelson_schema::tree::{Object, Value};

fn object(json: &str) -> Object {
    decode(json.as_bytes(), Encoding::Json, true).expect("well formed").0
}

fn shown(object: &Object) -> String {
    String::from_utf8(encode(object, Encoding::Json).expect("it can be written"))
        .expect("UTF-8")
        .trim_end()
        .to_owned()
}

const POD: &str = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"n","labels":{"app":"x"}},"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}],"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1"}}}],"nodeName":"k"},"status":{}}"#;

#[test]
fn values_are_found_by_path() {
    let pod = object(POD);
    for (path, expected) in [
        ("metadata.name", "p"),
        ("metadata.labels[app]", "x"),
        ("spec.containers[0].image", "i"),
        ("spec.containers[0].resources.limits[cpu]", "1"),
        ("spec.volumes[0].hostPath.path", "/x"),
        ("spec.nodeName", "k"),
        // What is absent, unknown or of another shape is simply not there.
        ("spec.containers[1].image", ""),
        ("spec.hostname", ""),
        ("spec.noSuchField.deeper", ""),
        ("metadata.name.deeper", ""),
    ] {
        assert_eq!(pod.text(path), expected, "{path}");
    }
    assert_eq!((pod.kind(), pod.api_version(), pod.name(), pod.namespace()), ("Pod", "v1", "p", "n"));
    assert_eq!(pod.view().field("spec").field("containers").items().len(), 1);
}

#[test]
fn handles_read_write_and_make_what_is_missing() {
    const POD_TYPE: &str = "io.k8s.api.core.v1.Pod";
    let node = Handle::builtin(POD_TYPE, "spec.nodeName");
    let sysctls = Handle::builtin(POD_TYPE, "spec.securityContext.runAsNonRoot");
    let grace = Handle::builtin(POD_TYPE, "spec.terminationGracePeriodSeconds");
    let mut pod = Object::new(Schema::builtin("", "v1", "Pod").expect("a built-in kind"));
    pod.set(&node, Value::from("a"));
    pod.set(&sysctls, Value::from(false));
    pod.set(&grace, Value::from(0));
    assert_eq!(pod.at(&node).and_then(Value::as_str), Some("a"));
    // A pointer's zero is a value.
    let with_zeros = r#"{"metadata":{},"spec":{"containers":null,"terminationGracePeriodSeconds":0,"nodeName":"a","securityContext":{"runAsNonRoot":false}},"status":{}}"#;
    assert_eq!(shown(&pod), with_zeros);
    // A value field's zero is its absence.
    pod.set(&node, Value::from(""));
    assert_eq!(pod.at(&node), None);
    assert_eq!(pod.unset(&grace), Some(Value::Int(0)));
    *pod.at_mut(&sysctls).expect("set before") = Value::Bool(true);
    let without =
        r#"{"metadata":{},"spec":{"containers":null,"securityContext":{"runAsNonRoot":true}},"status":{}}"#;
    assert_eq!(shown(&pod), without);
    let ty = builtin().by_name(POD_TYPE).expect("a built-in type");
    assert_eq!(Handle::resolve(ty, "spec.containers.name"), None);
    assert_eq!(Handle::resolve(ty, "spec.nope"), None);
}

#[test]
fn walking_names_every_value_as_upstream_names_fields() {
    let mut paths = Vec::new();
    object(POD).walk(&mut |path, ty, _| paths.push(format!("{path}: {}", ty.go())));
    for expected in [
        "metadata: v1.ObjectMeta",
        "metadata.labels[app]: string",
        "spec.volumes[0].hostPath.path: string",
        "spec.containers[0].resources.limits[cpu]: resource.Quantity",
    ] {
        assert!(paths.iter().any(|path| path == expected), "{expected} in {paths:#?}");
    }
}

#[test]
fn objects_that_are_written_alike_are_alike_in_normal_form() {
    let of = |json: &str| {
        let mut object = object(json);
        let schema = object.schema().clone();
        normalize(schema.ty().as_struct().expect("a struct"), object.root_mut());
        object
    };
    let plain = of(r#"{"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"name":"c"}]}}"#);
    let wordy = of(
        r#"{"kind":"Pod","apiVersion":"v1","metadata":{"labels":{},"name":""},"spec":{"containers":[{"name":"c","env":[],"resources":{}}],"hostNetwork":false,"nodeSelector":null},"status":{"phase":""}}"#,
    );
    assert_eq!(plain, wordy);
    assert_eq!(shown(&plain), shown(&wordy));
    // An empty pointer is something.
    assert_ne!(
        plain,
        of(r#"{"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"name":"c"}],"securityContext":{}}}"#)
    );
}
