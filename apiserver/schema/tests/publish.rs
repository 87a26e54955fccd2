//! The published documents against the facts: every operation of every resource, every field of every type, in both
//! versions and both encodings.
// So that clippy takes the functions between the tests for tests, too.
#![cfg(test)]

#[path = "publish/facts.rs"]
mod facts;
#[path = "publish/wire.rs"]
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keelson_schema::publish::{
    Api, Dialect, Documents, Encoding, GroupVersion, Name, Node, Object, Resource, Source, Subresource,
};
use serde_json::{Map, Value, json};

const PATCHES: [&str; 4] = [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];

fn everything() -> Documents {
    Documents::new(facts::api(&facts::read("resources")))
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

/// All documents of version 3, by path.
fn v3(documents: &Documents) -> BTreeMap<String, Value> {
    let document = |path: &String| parsed(&documents.v3(path, Encoding::Json).unwrap().unpacked());
    documents.etags().keys().map(|path| (path.clone(), document(path))).collect()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
}

fn target(schema: &Value) -> &str {
    schema["$ref"].as_str().unwrap_or_default().trim_start_matches(Dialect::V3.prefix())
}

/// Every operation of the documents: its id, and what the facts say of it.
fn operations(documents: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut operations = BTreeMap::new();
    for document in documents.values() {
        for item in document["paths"].as_object().unwrap().values() {
            for (method, operation) in
                item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters")
            {
                let parameters = [&operation["parameters"], &item["parameters"]]
                    .into_iter()
                    .filter_map(Value::as_array)
                    .flatten();
                let query: BTreeSet<&str> = parameters
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| parameter["name"].as_str().unwrap())
                    .collect();
                let content = &operation["requestBody"]["content"];
                let body = content
                    .as_object()
                    .and_then(|content| content.values().next())
                    .map(|media| target(&media["schema"]));
                let answer =
                    operation["responses"]["200"]["content"].as_object().unwrap().values().next().unwrap();
                let codes: Vec<&str> =
                    keys(&operation["responses"]).into_iter().filter(|code| *code != "401").collect();
                let id = operation["operationId"].as_str().unwrap().to_owned();
                let said = json!({
                    "params": query,
                    "body": body.unwrap_or_default(),
                    "returns": target(&answer["schema"]),
                    "codes": codes,
                    "patchTypes": if method == "patch" { keys(content) } else { Vec::new() },
                });
                assert_eq!(operations.insert(id.clone(), said), None, "{id} stands twice");
            }
        }
    }
    operations
}

#[test]
fn every_operation_of_the_facts_is_published_as_they_say() {
    let resources = facts::read("resources");
    let published = operations(&v3(&everything()));
    let mut checked = 0;
    let mut check = |facts: &Value| {
        for expected in facts["ops"].as_object().into_iter().flat_map(Map::values) {
            let id = expected["id"].as_str().unwrap();
            let parameters: BTreeSet<&str> = resources["paramSets"]
                [expected["params"].as_u64().unwrap() as usize]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
                .collect();
            // CBOR is behind a gate that is off.
            let patches = expected["patchTypes"]
                .as_array()
                .map(|_| PATCHES.to_vec())
                .filter(|_| !id.starts_with("connect"));
            let body = if patches.is_some() {
                "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
            } else {
                expected["body"].as_str().unwrap_or_default()
            };
            let expected = json!({
                "params": parameters,
                "body": body,
                "returns": expected["returns"].as_str().unwrap_or_default(),
                "codes": expected["codes"],
                "patchTypes": patches.unwrap_or_default(),
            });
            assert_eq!(published.get(id), Some(&expected), "{id}");
            checked += 1;
        }
    };
    for version in resources["groups"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|group| group.as_object().unwrap().values())
    {
        for resource in version.as_object().unwrap().values() {
            check(resource);
            resource["subresources"].as_object().into_iter().flat_map(Map::values).for_each(&mut check);
        }
    }
    assert!(checked > 800, "{checked}");
    // What is not in the facts: watch paths, and the documents about groups and versions.
    let (watches, others): (Vec<&String>, Vec<&String>) = published
        .keys()
        .filter(|id| id.starts_with("watch") || id.starts_with("get"))
        .partition(|id| id.starts_with("watch"));
    assert_eq!(published.len(), checked + watches.len() + others.len());
}

/// A field's schema as the facts write it.
fn as_facts(schema: &Value, required: bool) -> Value {
    let mut facts = Map::new();
    for (name, value) in schema.as_object().unwrap() {
        let reference = || target(if name == "allOf" { &value[0] } else { schema }).into();
        let (name, value) = match name.as_str() {
            "description" => continue,
            "$ref" | "allOf" => ("ref", reference()),
            "items" => ("items", as_facts(value, false)),
            "additionalProperties" => ("map", as_facts(value, false)),
            "x-kubernetes-list-type" => ("listType", value.clone()),
            "x-kubernetes-list-map-keys" => ("listMapKeys", value.clone()),
            "x-kubernetes-map-type" => ("mapType", value.clone()),
            "x-kubernetes-patch-strategy" => ("patchStrategy", value.clone()),
            "x-kubernetes-patch-merge-key" => ("patchMergeKey", value.clone()),
            name => (name, value.clone()),
        };
        facts.insert(name.to_owned(), value);
    }
    if required {
        facts.insert("required".to_owned(), true.into());
    }
    facts.into()
}

#[test]
fn every_type_of_the_facts_is_published_field_by_field() {
    let mut differing = BTreeSet::new();
    let types = facts::read("types");
    let documents = v3(&everything());
    let mut open: BTreeSet<&str> = types["types"].as_object().unwrap().keys().map(String::as_str).collect();
    for (name, definition) in
        documents.values().filter_map(|document| document["components"]["schemas"].as_object()).flatten()
    {
        open.remove(name.as_str());
        let facts = &types["types"][name];
        let required: Vec<&str> = definition["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| field.as_str().unwrap())
            .collect();
        assert_eq!(keys(&definition["properties"]).len(), keys(&facts["fields"]).len(), "{name}");
        for (field, schema) in definition["properties"].as_object().into_iter().flatten() {
            if as_facts(schema, required.contains(&field.as_str())) != facts["fields"][field] {
                differing.insert(format!("{name}.{field}"));
            }
        }
        for (published, said) in [
            ("x-kubernetes-map-type", "mapType"),
            ("x-kubernetes-unions", "unions"),
            ("format", "format"),
            ("oneOf", "oneOf"),
        ] {
            assert_eq!(definition[published], facts[said], "{name}");
        }
        let is_object = facts.get("fields").is_some() || facts["type"] == "object";
        assert_eq!(definition["type"] == "object", is_object, "{name}");
    }
    assert_eq!(open, BTreeSet::new());
    assert_eq!(differing, BTreeSet::new());
}

#[test]
fn both_versions_say_the_same_of_paths_and_types() {
    let documents = everything();
    let v2 = parsed(&documents.v2(Encoding::Json).unpacked());
    let v3 = v3(&documents);
    let united = |part: fn(&Value) -> &Value| -> BTreeSet<String> {
        v3.values().flat_map(|document| keys(part(document))).map(str::to_owned).collect()
    };
    let of = |part: &Value| -> BTreeSet<String> { keys(part).into_iter().map(str::to_owned).collect() };
    assert_eq!(of(&v2["paths"]), united(|document| &document["paths"]));
    assert_eq!(of(&v2["definitions"]), united(|document| &document["components"]["schemas"]));
    // Whatever is referred to is there, and version 2 knows neither defaults nor alternatives.
    let text = v2.to_string();
    for reference in text.split("\"$ref\":\"#/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let (part, name) = reference.split_once('/').unwrap();
        assert!(v2[part].get(name).is_some(), "{reference}");
    }
    for (name, definition) in v2["definitions"].as_object().unwrap() {
        for property in
            definition["properties"].as_object().into_iter().flat_map(Map::values).chain([definition])
        {
            let unknown = ["default", "oneOf", "allOf"].into_iter().find(|word| property.get(word).is_some());
            assert_eq!(unknown, None, "{name}");
        }
    }
    let int_or_string = &v2["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"];
    assert_eq!(
        (&int_or_string["type"], &int_or_string["format"]),
        (&json!("string"), &json!("int-or-string"))
    );
}

#[test]
fn descriptions_come_from_upstream() {
    let documents = v3(&everything());
    let (mut described, mut fields) = (0, 0);
    for definition in documents
        .values()
        .filter_map(|document| document["components"]["schemas"].as_object())
        .flat_map(Map::values)
    {
        for property in definition["properties"].as_object().into_iter().flat_map(Map::values) {
            fields += 1;
            described += usize::from(property["description"].as_str().is_some_and(|text| text.len() > 3));
        }
    }
    // Upstream itself leaves one in a hundred undescribed.
    assert!(described * 100 > fields * 97, "{described} of {fields}");
    let protocol = &documents["api/v1"]["components"]["schemas"]["io.k8s.api.core.v1.ServicePort"]["properties"]
        ["protocol"];
    assert!(protocol["description"].as_str().unwrap().ends_with(" - `\"UDP\"`"), "{protocol}");
}

/// What protobuf holds at some places, and the same read from JSON.
#[test]
fn protobuf_says_what_json_says() {
    let documents = everything();
    let of = |path: &[u64], bytes: &[u8]| wire::texts(bytes, path);
    let (json, bytes) =
        (parsed(&documents.v2(Encoding::Json).unpacked()), documents.v2(Encoding::Protobuf).unpacked());
    assert_eq!(of(&[8, 2, 1], &bytes), keys(&json["paths"]));
    assert_eq!(of(&[9, 1, 1], &bytes), keys(&json["definitions"]));
    assert_eq!(of(&[10, 1, 1], &bytes), keys(&json["parameters"]));
    let collect = |part: &Value, pick: &dyn Fn(&Value) -> Vec<String>| -> Vec<String> {
        part.as_object().unwrap().values().flat_map(pick).collect()
    };
    let names = |value: &Value| keys(value).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let text = |value: &Value| value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>();
    assert_eq!(of(&[9, 1, 2, 4], &bytes), collect(&json["definitions"], &|node| text(&node["description"])));
    assert_eq!(
        of(&[9, 1, 2, 25, 1, 1], &bytes),
        collect(&json["definitions"], &|node| names(&node["properties"]))
    );
    assert_eq!(
        of(&[8, 2, 2, 2, 5], &bytes),
        collect(&json["paths"], &|item| text(&item["get"]["operationId"]))
    );
    let strategies = |node: &Value| {
        let properties = node["properties"].as_object().into_iter().flat_map(Map::values);
        properties
            .filter_map(|property| property.as_object())
            .flatten()
            .filter(|(name, _)| name.starts_with("x-"))
            .map(|(name, _)| name.clone())
            .collect()
    };
    assert_eq!(of(&[9, 1, 2, 25, 1, 2, 31, 1], &bytes), collect(&json["definitions"], &strategies));

    let document = |encoding| documents.v3("apis/apps/v1", encoding).unwrap().unpacked();
    let (json, bytes) = (parsed(&document(Encoding::Json)), document(Encoding::Protobuf));
    assert_eq!(of(&[4, 1, 1], &bytes), keys(&json["paths"]));
    assert_eq!(
        of(&[4, 1, 2, 4, 5], &bytes),
        collect(&json["paths"], &|item| text(&item["get"]["operationId"]))
    );
    assert_eq!(of(&[5, 1, 1, 1], &bytes), keys(&json["components"]["schemas"]));
    let schemas = &json["components"]["schemas"];
    assert_eq!(of(&[5, 1, 1, 2, 1, 34], &bytes), collect(schemas, &|node| text(&node["description"])));
    let all_of = |node: &Value| {
        let properties = node["properties"].as_object().into_iter().flat_map(Map::values);
        properties.flat_map(|property| text(&property["allOf"][0]["$ref"])).collect()
    };
    assert_eq!(of(&[5, 1, 1, 2, 1, 31, 1, 2, 1, 26, 2, 1], &bytes), collect(schemas, &all_of));
}

#[test]
fn a_document_is_known_by_its_hash() {
    let documents = everything();
    let index = parsed(&documents.index());
    for (path, etag) in documents.etags().iter() {
        let json = documents.v3(path, Encoding::Json).unwrap();
        assert_eq!((json.etag.len(), &json.etag), (128, etag), "{path}");
        assert_eq!(
            index["paths"][path]["serverRelativeURL"],
            json!(format!("/openapi/v3/{path}?hash={etag}"))
        );
        // Asked for again, it need not be made again.
        assert_eq!(documents.v3(path, Encoding::Json).unwrap().gzip.as_ptr(), json.gzip.as_ptr(), "{path}");
    }
    assert_eq!(keys(&index["paths"]).len(), documents.etags().len());
    assert_eq!(
        documents.v3("apis/apps/v1", Encoding::Protobuf).unwrap().etag,
        documents.etags()["apis/apps/v1"]
    );
    assert_eq!(documents.v2(Encoding::Protobuf).etag, documents.v2(Encoding::Json).etag);
    for unknown in ["", "apis/apps/v2", "apis/apps/v1/", "/apis/apps/v1"] {
        assert!(documents.v3(unknown, Encoding::Json).is_none(), "{unknown}");
    }
}

fn custom() -> Documents {
    let names = |names: &[&'static str]| names.iter().map(|name| Name::from(*name)).collect::<Vec<_>>();
    let part = names(&["get", "patch", "update"]);
    let below = |name: &'static str, kind: &'static str, group_version| Subresource {
        name: name.into(),
        kind: kind.into(),
        group_version,
        verbs: part.clone(),
    };
    let make = |dialect: Dialect| -> Node<'static> {
        let metadata = format!("{}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", dialect.prefix());
        let properties = Object::default().with("metadata", Object::default().with("$ref", metadata));
        let size = Object::default().with("type", "integer").with("minimum", Node::Number("1".into()));
        Object::default().with("type", "object").with("properties", properties.with("size", size)).into()
    };
    let boat = Resource {
        kind: "Boat".into(),
        list_kind: "BoatList".into(),
        plural: "boats".into(),
        namespaced: true,
        verbs: names(&["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]),
        returns_deleted: false,
        subresources: vec![
            below("status", "Boat", None),
            below("scale", "Scale", Some(("autoscaling".into(), "v1".into()))),
        ],
        schema: Source::Made(Arc::new(make)),
    };
    let of = GroupVersion {
        group: "harbour.example.com".into(),
        version: "v1".into(),
        custom: true,
        resources: vec![boat],
    };
    Documents::new(Api { version: "1.37".into(), group_versions: vec![Arc::new(of)] })
}

#[test]
fn custom_resources_are_published_by_the_same_code() {
    let documents = custom();
    let groups: Vec<String> =
        documents.etags().keys().filter(|path| path.contains("example")).cloned().collect();
    assert_eq!(groups, ["apis/harbour.example.com/v1"]);
    let document = parsed(&documents.v3("apis/harbour.example.com/v1", Encoding::Json).unwrap().unpacked());
    let root = "/apis/harbour.example.com/v1";
    let below = ["", "/{name}", "/{name}/scale", "/{name}/status"]
        .map(|rest| format!("{root}/namespaces/{{namespace}}/boats{rest}"));
    let mut expected = vec![format!("{root}/boats")];
    expected.extend(below.clone());
    assert_eq!(keys(&document["paths"]), expected);
    let id = |path: &str, method: &str| document["paths"][path][method]["operationId"].clone();
    assert_eq!(id(&expected[0], "get"), "listHarbourExampleComV1BoatForAllNamespaces");
    assert_eq!(id(&below[0], "delete"), "deleteHarbourExampleComV1CollectionNamespacedBoat");
    assert_eq!(id(&below[2], "patch"), "patchHarbourExampleComV1NamespacedBoatScale");
    let schemas = &document["components"]["schemas"];
    let boats = &schemas["com.example.harbour.v1.BoatList"];
    assert_eq!(
        boats["properties"]["items"]["items"]["$ref"],
        "#/components/schemas/com.example.harbour.v1.Boat"
    );
    assert_eq!(
        boats["x-kubernetes-group-version-kind"],
        json!([{"group": "harbour.example.com", "kind": "BoatList", "version": "v1"}])
    );
    assert_eq!(
        schemas["com.example.harbour.v1.Boat"]["properties"]["size"],
        json!({"type": "integer", "minimum": 1})
    );
    // What the schema refers to comes along.
    assert!(schemas.get("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").is_some());
    let v2 = parsed(&documents.v2(Encoding::Json).unpacked());
    let metadata = &v2["definitions"]["com.example.harbour.v1.Boat"]["properties"]["metadata"];
    assert_eq!(metadata["$ref"], "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
}
