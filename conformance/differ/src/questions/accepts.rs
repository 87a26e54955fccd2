//! The form in which an answer is asked for.

use crate::fixed;
use crate::script::Script;

const MAPS: &str = "/api/v1/namespaces/$(ns)/configmaps";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

const FORMS: &[&str] = &[
    "application/json",
    "application/yaml",
    "text/html",
    "*/*",
    "application/*",
    "text/*",
    "application/json;q=0.5,application/yaml",
    "application/xml,application/json;q=0.1",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    "application/json;as=Table;v=v2;g=meta.k8s.io",
    "application/json;as=Table;g=meta.k8s.io",
    "application/json;as=Table;v=v1",
    "application/json;as=Foo;v=v1;g=meta.k8s.io",
    "application/json;as=Foo;v=v1;g=meta.k8s.io,application/json",
    "application/yaml;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io",
    "application/yaml;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;charset=utf-8",
    "application/json;pretty=1",
    "application/json;pretty=0",
    "application/cbor",
    "application/vnd.kubernetes.protobuf",
    "application/vnd.kubernetes.protobuf,application/json",
    "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "",
    " ",
    ",",
    "garbage",
    "a/b/c",
    "/",
    "application/",
    "application/apply-patch+yaml",
    "APPLICATION/JSON",
    "application/json;q=0",
    "application/json;q=2",
    "application/json;q=x",
    "application/json;as=Table;v=v1;g=meta.k8s.io;q=0.1,application/yaml",
    "application/json;stream=watch",
    "application/json ; as=Table ; v=v1 ; g=meta.k8s.io",
    "application/json;as=\"Table\";v=v1;g=meta.k8s.io",
    "application/json;v=v1",
    "application/json;bogus=1",
    "application/json;as=ConfigMap;v=v1;g=",
];

pub(super) fn scripts() -> Vec<Script> {
    vec![forms(), agents(), tables()]
}

fn new(name: &str) -> Script {
    let mut script = Script::with_namespace("accepts", name);
    let object =
        fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"k": "v"}});
    script.post("create", format!("{MAPS}?fieldManager=differ"), &object).silent();
    script
}

fn forms() -> Script {
    let mut script = new("forms");
    for form in FORMS {
        for (name, path) in [
            ("list", MAPS.to_owned()),
            ("get", format!("{MAPS}/one")),
            ("absent", format!("{MAPS}/none")),
            ("no resource", "/api/v1/bogus".to_owned()),
            ("no group", "/apis/bogus.example.com/v1/x".to_owned()),
            ("group", "/apis/apps".to_owned()),
            ("resources", "/apis/scheduling.k8s.io/v1".to_owned()),
            ("versions", "/api".to_owned()),
        ] {
            script.get(format!("{name} `{form}`"), path).accept(*form);
        }
        let object = fixed!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}});
        script.post(format!("create `{form}`"), format!("{MAPS}?dryRun=All"), &object).accept(*form);
        script.delete(format!("delete `{form}`"), format!("{MAPS}/one?dryRun=All")).accept(*form);
    }
    script.get("two headers", format!("{MAPS}/one")).accept("text/html").accept("application/yaml");
    script
}

fn agents() -> Script {
    let mut script = new("agents");
    for agent in ["curl/8.0", "Wget/1", "Mozilla/5.0 (X)", "kubectl/v1", ""] {
        for path in [&format!("{MAPS}/one"), &format!("{MAPS}/none"), "/api/v1", "/apis"] {
            script.get(format!("{agent} {path}"), path).header("User-Agent", agent);
        }
    }
    for pretty in ["", "1", "true", "0", "false", "x", "T", "yes"] {
        script.get(format!("pretty {pretty}"), format!("{MAPS}/one?pretty={pretty}"));
        script.get(format!("pretty {pretty} refused"), format!("{MAPS}/none?pretty={pretty}"));
    }
    script
}

fn tables() -> Script {
    let mut script = new("tables");
    for include in ["None", "Metadata", "Object", "Bogus", "", "none"] {
        script.get(format!("list {include}"), format!("{MAPS}?includeObject={include}")).accept(TABLE);
        script.get(format!("get {include}"), format!("{MAPS}/one?includeObject={include}")).accept(TABLE);
    }
    script.get("absent", format!("{MAPS}/none")).accept(TABLE);
    script.delete("deleted", format!("{MAPS}/one")).accept(TABLE);
    script
}
