//! Cases of configurations.

use serde_json::json;

use super::*;

fn with(more: Value) -> Value {
    let mut whole = json!({"apiVersion": API_VERSION, "kind": KIND});
    let Value::Object(more) = more else { panic!("{more} is no object") };
    for (key, value) in more {
        whole[key] = value;
    }
    whole
}

/// Of the only profile: its filters; its scores with their weights; what else it does.
fn shown(profile: &Profile) -> String {
    let filters: Vec<&str> = profile.filters.iter().map(|plugin| plugin.name()).collect();
    let scores: Vec<String> =
        profile.scores.iter().map(|(plugin, weight)| format!("{}={weight}", plugin.name())).collect();
    format!("{} | {}", filters.join(" "), scores.join(" "))
}

fn profile(profile: Value) -> Result<Profile, Refused> {
    let mut whole = with(json!({}));
    whole["profiles"] = Value::Array(vec![profile]);
    let config = read(&whole, None)?;
    Ok(config.settings.profiles.all().next().unwrap().clone())
}

#[test]
fn what_says_nothing_is_the_default() {
    let config = read(&with(json!({})), None).unwrap();
    let only = config.settings.profiles.all().next().unwrap();
    assert_eq!(shown(only), shown(&crate::plugins::default_profile()));
    assert_eq!(only.scheduler_name, "default-scheduler");
    assert_eq!((config.settings.back_off, config.election.asks), (BackOff::default(), None));
    assert_eq!(only.preempting, crate::plugins::default_profile().preempting);
}

#[test]
fn plugins_are_added_replaced_and_taken_away() {
    let off = |points: &[&str], name: &str| {
        let sets = points.iter().map(|point| ((*point).to_owned(), json!({"disabled": [{"name": name}]})));
        json!({"plugins": Value::Object(sets.collect())})
    };
    let made = profile(off(&["multiPoint"], "*")).unwrap_err();
    assert!(made.to_string().contains("only one queue sort plugin required"), "{made}");
    let made = profile(off(&["multiPoint"], "NodePorts")).unwrap();
    assert!(!shown(&made).contains("NodePorts"));
    let made = profile(off(&["preScore", "score"], "*")).unwrap();
    assert!(made.scores.is_empty() && made.filters.len() == 12);
    let made = profile(off(&["postFilter"], "DefaultPreemption")).unwrap();
    assert!(made.preempting.is_none() && made.gates);
    let said =
        json!({"score": {"enabled": [{"name": "ImageLocality", "weight": 9}, {"name": "NodeAffinity"}]}});
    let made = profile(json!({"plugins": said})).unwrap();
    assert_eq!(
        shown(&made).split(" | ").nth(1).unwrap(),
        "ImageLocality=9 NodeAffinity=1 TaintToleration=3 NodeResourcesFit=1 PodTopologySpread=2 \
         InterPodAffinity=2 NodeResourcesBalancedAllocation=1"
    );
    let made =
        profile(json!({"plugins": {"multiPoint": {"enabled": [{"name": "ImageLocality", "weight": 7}]}}}));
    assert!(shown(&made.unwrap()).ends_with("ImageLocality=7"));
}

#[test]
fn arguments_reach_their_plugins() {
    let told = |name: &str, args: Value| profile(json!({"pluginConfig": [{"name": name, "args": args}]}));
    let made = told("DefaultPreemption", json!({"minCandidateNodesAbsolute": 7})).unwrap();
    assert_eq!(made.preempting, Some(crate::framework::Preempting { tried_percent: 10, tried_min: 7 }));
    let made = told("VolumeBinding", json!({"bindTimeoutSeconds": 5})).unwrap();
    assert_eq!(made.prepared_within, Duration::from_secs(5));
    let strategy = json!({"scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu"}]}});
    let made = told("NodeResourcesFit", strategy).unwrap();
    let (fuller, emptier) = {
        use crate::cases::{cluster, node, pod, scores};
        let asking = |name: &str, node: &str| {
            pod(
                name,
                json!({"spec": {"nodeName": node,
                "containers": [{"resources": {"requests": {"cpu": "1"}}}]}}),
            )
        };
        let snapshot = cluster([node("a", json!({})), node("b", json!({}))], [asking("there", "a")]);
        let fit = made.scores.iter().find(|(plugin, _)| plugin.name() == "NodeResourcesFit").unwrap();
        let liked = scores(fit.0.as_ref(), &asking("p", ""), &snapshot);
        (liked[0], liked[1])
    };
    assert_eq!((fuller, emptier), (50, 25));
}

#[test]
fn several_profiles_have_several_names() {
    let two = with(json!({"profiles": [{"schedulerName": "a"}, {"schedulerName": "b",
        "percentageOfNodesToScore": 50}], "percentageOfNodesToScore": 70, "podMaxBackoffSeconds": 20}));
    let config = read(&two, None).unwrap();
    let percentages: Vec<_> =
        config.settings.profiles.all().map(|profile| profile.percentage_of_nodes_to_score).collect();
    assert_eq!(percentages, [Some(70), Some(50)]);
    assert_eq!(config.settings.back_off.max, Duration::from_secs(20));
    assert!(config.settings.profiles.of("default-scheduler").is_none());
}

#[test]
fn what_makes_no_sense_is_refused_in_upstreams_words() {
    let args =
        |name: &str, args: Value| json!({"profiles": [{"pluginConfig": [{"name": name, "args": args}]}]});
    let enabled =
        |point: &str, name: &str| json!({"profiles": [{"plugins": {point: {"enabled": [{"name": name}]}}}]});
    let creating = "initializing profiles: creating profile for scheduler name default-scheduler: ";
    let cases = [
        (json!({"foo": 1}), "strict decoding error: unknown field \"foo\"".to_owned()),
        (
            json!({"profiles": [{"plugins": {"filters": {}}}]}),
            "strict decoding error: unknown field \"profiles[0].plugins.filters\"".into(),
        ),
        (
            json!({"parallelism": "x"}),
            "json: cannot unmarshal string into Go struct field KubeSchedulerConfiguration.parallelism of type int32"
                .into(),
        ),
        (
            args("NodeResourcesFit", json!({"foo": 1})),
            "strict decoding error: decoding .profiles[0].pluginConfig[0]: strict decoding error: decoding args for \
             plugin NodeResourcesFit: strict decoding error: unknown field \"foo\""
                .into(),
        ),
        (
            json!({"parallelism": 0}),
            "parallelism: Invalid value: 0: should be an integer value greater than zero".into(),
        ),
        (
            json!({"profiles": [{}, {"schedulerName": "b"}]}),
            "profiles[0].schedulerName: Required value".into(),
        ),
        (
            json!({"percentageOfNodesToScore": 101}),
            "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]".into(),
        ),
        (
            json!({"podInitialBackoffSeconds": 20}),
            "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to PodInitialBackoffSeconds".into(),
        ),
        (
            args("InterPodAffinity", json!({"hardPodAffinityWeight": 101})),
            "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]"
                .into(),
        ),
        (
            args("PodTopologySpread", json!({"defaultConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]})),
            "profiles[0].pluginConfig[0].args.defaultingType: Invalid value: \"System\": when .defaultConstraints are not empty"
                .into(),
        ),
        (
            args("NodeResourcesFit", json!({"scoringStrategy": {"type": "RequestedToCapacityRatio"}})),
            format!("{creating}initializing plugin \"NodeResourcesFit\": scoringStrategy.requestedToCapacityRatio: \
                Required value: must be specified when type is RequestedToCapacityRatio"),
        ),
        (enabled("filter", "Foo"), format!("{creating}FilterPlugin \"Foo\" does not exist")),
        (
            enabled("filter", "ImageLocality"),
            format!("{creating}plugin \"ImageLocality\" does not extend FilterPlugin plugin"),
        ),
        (
            json!({"extenders": [{"urlPrefix": "http://x"}]}),
            "extenders: not supported: nobody outside is asked where a pod goes".into(),
        ),
    ];
    for (more, expected) in cases {
        let said = read(&with(more.clone()), None).unwrap_err().to_string();
        assert_eq!(said, expected, "{more}");
    }
    let of_old = json!({"apiVersion": "kubescheduler.config.k8s.io/v1beta3", "kind": KIND});
    assert!(read(&of_old, None).unwrap_err().to_string().starts_with("no kind"));
}
