//! What inputs grow from.

/// Objects in JSON.
pub(crate) const JSON: &[&str] = &[
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n","labels":{"a":"b"},"annotations":{"c":"d"},"creationTimestamp":"2026-01-02T03:04:05Z","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r","uid":"u","controller":true}]},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80,"protocol":"TCP"}],"resources":{"limits":{"cpu":"100m","memory":"1Gi"}},"env":[{"name":"e","value":"v"}],"livenessProbe":{"httpGet":{"path":"/","port":"http"}}}],"tolerations":[{"key":"k","operator":"Exists"}]},"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"}]}}"#,
    r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":3,"selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"a","operator":"In","values":["b"]}]},"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}"#,
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","time":"2026-01-02T03:04:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{".":{},"f:a":{}}}}]},"data":{"a":"b"},"binaryData":{"x":"AAEC"}}"#,
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80,"targetPort":"http","nodePort":31080},{"name":"b","port":81,"targetPort":8081}],"selector":{"a":"b"},"type":"NodePort"}}"#,
    r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"type":"Opaque","data":{"k":"dg=="}}]}"#,
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{"name":"r"},"spec":{"devices":{"requests":[{"name":"a","exactly":{"deviceClassName":"x","count":2}}],"config":[{"opaque":{"driver":"d","parameters":{"free":[1,"two",{"three":null}]}}}]}}}"#,
    r#"{"apiVersion":"meta.k8s.io/v1","kind":"DeleteOptions","gracePeriodSeconds":3,"propagationPolicy":"Foreground","preconditions":{"uid":"u","resourceVersion":"4"}}"#,
];

/// Objects in YAML.
pub(crate) const YAML: &[&str] = &[
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: b\n  text: |\n    one\n    two\n  folded: >-\n    one\n    two\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {a: 'b'}}\nspec:\n  replicas: 3\n  selector:\n    matchLabels: &l\n      a: \"b\"\n  template:\n    metadata:\n      labels: *l\n    spec:\n      containers:\n      - name: c\n        image: i\n        args: [\"--x=1\", -y]\n",
    "# two\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: n\n...\n---\nkind: Service\n",
];

/// Patches of a pod, each behind two bytes that choose the kind of patch and the object.
pub(crate) const PATCHES: &[&str] = &[
    r#"00[{"op":"replace","path":"/metadata/labels/a","value":"c"},{"op":"test","path":"/kind","value":"Pod"}]"#,
    r#"00[{"op":"add","path":"/spec/containers/-","value":{"name":"x"}},{"op":"remove","path":"/metadata/annotations/c"},{"op":"move","from":"/metadata/labels","path":"/metadata/annotations"},{"op":"copy","from":"/spec/containers/0","path":"/spec/containers/1"}]"#,
    r#"10{"metadata":{"labels":{"a":null,"b":"c"}},"spec":{"containers":null}}"#,
    r#"11{"spec":{"template":{"spec":{"containers":[{"name":"y"}]}}}}"#,
    r#"20{"spec":{"containers":[{"name":"c","image":"j"},{"$patch":"delete","name":"old"}],"$setElementOrder/containers":[{"name":"new"},{"name":"c"}]}}"#,
    r#"20{"metadata":{"$retainKeys":["name"],"finalizers":["a"],"$deleteFromPrimitiveList/finalizers":["b"]},"spec":{"$patch":"replace"}}"#,
];

/// Selectors, behind a byte that chooses what kind they are of.
pub(crate) const SELECTORS: &[&str] = &[
    "0a=b,c!=d,e in (f,g), h notin (i),j,!k,l>1,m<2",
    "0app.kubernetes.io/name == x",
    "1metadata.name=a,spec.nodeName!=b\\,c,status.phase==\\=",
    "2100m",
    "21.5Gi",
    "2-1e3",
    "2123456789012345678901234567890",
    "20.0000000001k",
    "32026-01-02T03:04:05.123456Z",
];

/// Requests: the method and the path, headers, an empty line, the body.
pub(crate) const REQUESTS: &[&str] = &[
    "GET /api/v1/namespaces/default/pods?limit=2&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx\naccept: application/json\n\n",
    "GET /api/v1/pods?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTAsInN0YXJ0IjoiYS9iXHUwMDAwIn0\n\n",
    "GET /api/v1/configmaps?watch=1&resourceVersion=1&timeoutSeconds=1&allowWatchBookmarks=true\naccept: application/json;stream=watch\n\n",
    "GET /api/v1/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1\naccept: application/vnd.kubernetes.protobuf;stream=watch\n\n",
    "GET /apis/apps/v1/deployments?resourceVersion=0&resourceVersionMatch=NotOlderThan\naccept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\n\n",
    "GET /api/v1/namespaces/default?pretty=true\naccept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io\n\n",
    "GET /api\naccept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList\n\n",
    "GET /openapi/v3/apis/apps/v1\naccept: application/json\n\n",
    "GET /livez/ping?verbose&exclude=etcd\n\n",
    "HEAD /api/v1/nodes\n\n",
    "POST /api/v1/namespaces/default/configmaps?fieldManager=m&dryRun=All&fieldValidation=Strict\ncontent-type: application/json\n\n{\"metadata\":{\"generateName\":\"g-\"},\"data\":{\"a\":\"b\"}}",
    "POST /api/v1/namespaces/default/pods\ncontent-type: application/yaml\n\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    image: i\n",
    "POST /api/v1/namespaces\ncontent-type: application/json\n\n{\"metadata\":{\"name\":\"n\",\"finalizers\":[\"x.example/y\"]}}",
    "PUT /api/v1/namespaces/default/configmaps/c\ncontent-type: application/json\n\n{\"metadata\":{\"name\":\"c\",\"resourceVersion\":\"3\"},\"data\":{}}",
    "PUT /apis/apps/v1/namespaces/default/deployments/d/scale\ncontent-type: application/json\n\n{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":2}}",
    "PATCH /api/v1/namespaces/default/configmaps/c?fieldManager=m&force=true\ncontent-type: application/apply-patch+yaml\n\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n",
    "PATCH /api/v1/namespaces/default\ncontent-type: application/merge-patch+json\n\n{\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
    "PATCH /api/v1/namespaces/default\ncontent-type: application/strategic-merge-patch+json\n\n{\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
    "PATCH /api/v1/namespaces/default\ncontent-type: application/json-patch+json\n\n[{\"op\":\"add\",\"path\":\"/metadata/labels/x\",\"value\":\"y\"}]",
    "DELETE /api/v1/namespaces/default/configmaps/c?propagationPolicy=Foreground&gracePeriodSeconds=0\ncontent-type: application/json\n\n{\"preconditions\":{\"uid\":\"u\"}}",
    "DELETE /api/v1/namespaces/default/configmaps?labelSelector=a&limit=1\n\n",
    "POST /api/v1/namespaces/default/pods/p/binding\ncontent-type: application/json\n\n{\"target\":{\"kind\":\"Node\",\"name\":\"n\"}}",
    "POST /api/v1/namespaces/default/pods/p/eviction\ncontent-type: application/json\n\n{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"p\"}}",
    "GET /api/v1/namespaces/default/pods/p/log?follow=true&tailLines=3\n\n",
];
