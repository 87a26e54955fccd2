//! What a configuration may hold: a table by which it is decoded strictly, as upstream's Go types say.

use serde_json::Value;

/// What stands at a place.
#[derive(Debug)]
pub(super) enum Shape {
    /// Whatever: somebody else reads it.
    Any,
    Text,
    /// A whole number, by Go's name of its type.
    Number(&'static str),
    Real,
    Flag,
    List(&'static Shape, &'static str),
    /// By Go's name of the type.
    Object(&'static str, &'static [(&'static str, Shape)]),
    /// Of texts by texts.
    Texts,
}

use Shape::{Any, Flag, List, Number, Object, Real, Text, Texts};

/// Where something stands: as strict decoding names it, and as Go names the field.
struct Place<'a> {
    path: String,
    object: &'a str,
    fields: String,
}

impl Shape {
    /// Adds what there is no place for; fails at what has another type.
    pub(super) fn check(&self, value: &Value, unknown: &mut Vec<String>) -> Result<(), String> {
        let place = Place { path: String::new(), object: "", fields: String::new() };
        self.check_at(value, &place, unknown)
    }

    fn go(&self) -> &'static str {
        match self {
            Any => "interface {}",
            Text => "string",
            Number(name) | Object(name, _) | List(_, name) => name,
            Real => "float32",
            Flag => "bool",
            Texts => "map[string]string",
        }
    }

    fn check_at(&self, value: &Value, place: &Place<'_>, unknown: &mut Vec<String>) -> Result<(), String> {
        let wrong = |found: &str| {
            let go = self.go();
            if place.object.is_empty() {
                return Err(format!("json: cannot unmarshal {found} into Go value of type {go}"));
            }
            Err(format!(
                "json: cannot unmarshal {found} into Go struct field {}.{} of type {go}",
                place.object, place.fields
            ))
        };
        match (self, value) {
            (Any, _) | (_, Value::Null) => Ok(()),
            (Text, Value::String(_)) | (Flag, Value::Bool(_)) | (Real, Value::Number(_)) => Ok(()),
            (Number(go), Value::Number(number)) => match number.as_i64() {
                Some(number) if *go != "int32" || i32::try_from(number).is_ok() => Ok(()),
                _ => wrong(&format!("number {number}")),
            },
            (List(item, _), Value::Array(items)) => items.iter().enumerate().try_for_each(|(at, value)| {
                let path = format!("{}[{at}]", place.path);
                let place = Place { path, object: place.object, fields: place.fields.clone() };
                item.check_at(value, &place, unknown)
            }),
            (Texts, Value::Object(members)) => members.values().try_for_each(|value| {
                let place =
                    Place { path: place.path.clone(), object: place.object, fields: place.fields.clone() };
                Text.check_at(value, &place, unknown)
            }),
            (Object(go, fields), Value::Object(members)) => members.iter().try_for_each(|(name, value)| {
                let join = |before: &str| {
                    if before.is_empty() { name.clone() } else { format!("{before}.{name}") }
                };
                let path = join(&place.path);
                let Some((_, shape)) = fields.iter().find(|(known, _)| known == name) else {
                    unknown.push(format!("unknown field \"{path}\""));
                    return Ok(());
                };
                let place = Place { path, object: go, fields: join(&place.fields) };
                shape.check_at(value, &place, unknown)
            }),
            (_, Value::Bool(_)) => wrong("bool"),
            (_, Value::Number(_)) => wrong("number"),
            (_, Value::String(_)) => wrong("string"),
            (_, Value::Array(_)) => wrong("array"),
            (_, Value::Object(_)) => wrong("object"),
        }
    }
}

const INT32: Shape = Number("int32");
const INT64: Shape = Number("int64");

const PLUGIN: Shape = Object("Plugin", &[("name", Text), ("weight", INT32)]);
const SET: Shape = Object(
    "PluginSet",
    &[("enabled", List(&PLUGIN, "[]v1.Plugin")), ("disabled", List(&PLUGIN, "[]v1.Plugin"))],
);
const PLUGINS: Shape = Object(
    "Plugins",
    &[
        ("preEnqueue", SET),
        ("queueSort", SET),
        ("preFilter", SET),
        ("filter", SET),
        ("postFilter", SET),
        ("preScore", SET),
        ("score", SET),
        ("reserve", SET),
        ("permit", SET),
        ("preBind", SET),
        ("bind", SET),
        ("postBind", SET),
        ("multiPoint", SET),
        ("placementGenerate", SET),
        ("placementScore", SET),
        ("podGroupPostFilter", SET),
    ],
);
const CONFIG: Shape = Object("PluginConfig", &[("name", Text), ("args", Any)]);
const PROFILE: Shape = Object(
    "KubeSchedulerProfile",
    &[
        ("schedulerName", Text),
        ("percentageOfNodesToScore", INT32),
        ("plugins", PLUGINS),
        ("pluginConfig", List(&CONFIG, "[]v1.PluginConfig")),
    ],
);

/// The whole configuration.
pub(super) const CONFIGURATION: Shape = Object(
    "KubeSchedulerConfiguration",
    &[
        ("apiVersion", Text),
        ("kind", Text),
        ("parallelism", INT32),
        (
            "leaderElection",
            Object(
                "LeaderElectionConfiguration",
                &[
                    ("leaderElect", Flag),
                    ("leaseDuration", Text),
                    ("renewDeadline", Text),
                    ("retryPeriod", Text),
                    ("resourceLock", Text),
                    ("resourceName", Text),
                    ("resourceNamespace", Text),
                ],
            ),
        ),
        (
            "clientConnection",
            Object(
                "ClientConnectionConfiguration",
                &[
                    ("kubeconfig", Text),
                    ("acceptContentTypes", Text),
                    ("contentType", Text),
                    ("qps", Real),
                    ("burst", INT32),
                ],
            ),
        ),
        ("enableProfiling", Flag),
        ("enableContentionProfiling", Flag),
        ("percentageOfNodesToScore", INT32),
        ("podInitialBackoffSeconds", INT64),
        ("podMaxBackoffSeconds", INT64),
        ("profiles", List(&PROFILE, "[]v1.KubeSchedulerProfile")),
        ("extenders", List(&Any, "[]v1.Extender")),
        ("delayCacheUntilActive", Flag),
    ],
);

const RESOURCE: Shape = Object("ResourceSpec", &[("name", Text), ("weight", INT64)]);
const RESOURCES: Shape = List(&RESOURCE, "[]v1.ResourceSpec");
const POINT: Shape = Object("UtilizationShapePoint", &[("utilization", INT32), ("score", INT32)]);
const LINE: Shape = List(&POINT, "[]v1.UtilizationShapePoint");
const REQUIREMENT: Shape = Object(
    "NodeSelectorRequirement",
    &[("key", Text), ("operator", Text), ("values", List(&Text, "[]string"))],
);
const REQUIREMENTS: Shape = List(&REQUIREMENT, "[]v1.NodeSelectorRequirement");
const TERM: Shape =
    Object("NodeSelectorTerm", &[("matchExpressions", REQUIREMENTS), ("matchFields", REQUIREMENTS)]);
const PREFERRED: Shape = Object("PreferredSchedulingTerm", &[("weight", INT32), ("preference", TERM)]);
const AFFINITY: Shape = Object(
    "NodeAffinity",
    &[
        (
            "requiredDuringSchedulingIgnoredDuringExecution",
            Object("NodeSelector", &[("nodeSelectorTerms", List(&TERM, "[]v1.NodeSelectorTerm"))]),
        ),
        ("preferredDuringSchedulingIgnoredDuringExecution", List(&PREFERRED, "[]v1.PreferredSchedulingTerm")),
    ],
);
const EXPRESSION: Shape = Object(
    "LabelSelectorRequirement",
    &[("key", Text), ("operator", Text), ("values", List(&Text, "[]string"))],
);
const CONSTRAINT: Shape = Object(
    "TopologySpreadConstraint",
    &[
        ("maxSkew", INT32),
        ("topologyKey", Text),
        ("whenUnsatisfiable", Text),
        (
            "labelSelector",
            Object(
                "LabelSelector",
                &[
                    ("matchLabels", Texts),
                    ("matchExpressions", List(&EXPRESSION, "[]v1.LabelSelectorRequirement")),
                ],
            ),
        ),
        ("minDomains", INT32),
        ("nodeAffinityPolicy", Text),
        ("nodeTaintsPolicy", Text),
        ("matchLabelKeys", List(&Text, "[]string")),
    ],
);

/// The arguments of plugins, by the plugin's name.
pub(super) const ARGUMENTS: &[(&str, Shape)] = &[
    (
        "DefaultPreemption",
        Object(
            "DefaultPreemptionArgs",
            &[
                ("apiVersion", Text),
                ("kind", Text),
                ("minCandidateNodesPercentage", INT32),
                ("minCandidateNodesAbsolute", INT32),
            ],
        ),
    ),
    (
        "InterPodAffinity",
        Object(
            "InterPodAffinityArgs",
            &[
                ("apiVersion", Text),
                ("kind", Text),
                ("hardPodAffinityWeight", INT32),
                ("ignorePreferredTermsOfExistingPods", Flag),
            ],
        ),
    ),
    (
        "NodeAffinity",
        Object("NodeAffinityArgs", &[("apiVersion", Text), ("kind", Text), ("addedAffinity", AFFINITY)]),
    ),
    (
        "NodeResourcesBalancedAllocation",
        Object(
            "NodeResourcesBalancedAllocationArgs",
            &[("apiVersion", Text), ("kind", Text), ("resources", RESOURCES)],
        ),
    ),
    (
        "NodeResourcesFit",
        Object(
            "NodeResourcesFitArgs",
            &[
                ("apiVersion", Text),
                ("kind", Text),
                ("ignoredResources", List(&Text, "[]string")),
                ("ignoredResourceGroups", List(&Text, "[]string")),
                (
                    "scoringStrategy",
                    Object(
                        "ScoringStrategy",
                        &[
                            ("type", Text),
                            ("resources", RESOURCES),
                            (
                                "requestedToCapacityRatio",
                                Object("RequestedToCapacityRatioParam", &[("shape", LINE)]),
                            ),
                        ],
                    ),
                ),
            ],
        ),
    ),
    (
        "PodTopologySpread",
        Object(
            "PodTopologySpreadArgs",
            &[
                ("apiVersion", Text),
                ("kind", Text),
                ("defaultConstraints", List(&CONSTRAINT, "[]v1.TopologySpreadConstraint")),
                ("defaultingType", Text),
            ],
        ),
    ),
    (
        "VolumeBinding",
        Object(
            "VolumeBindingArgs",
            &[("apiVersion", Text), ("kind", Text), ("bindTimeoutSeconds", INT64), ("shape", LINE)],
        ),
    ),
];
