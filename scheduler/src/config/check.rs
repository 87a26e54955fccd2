//! Whether a configuration makes sense: upstream's rules, in its order and words.

use std::collections::{HashMap, HashSet};

use keelson_api::field::{Error, Errors, Path};
use keelson_api::names::label;
use serde_json::Value;

use super::arguments::{
    Added, Arguments, Balance, Binding, FitArguments, Point, Preemption, Resource, Spread,
};
use super::{API_VERSION, Whole, WrittenProfile};

/// Plugins that there were once.
const GONE: [&str; 4] = ["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

type Given = Vec<(String, Option<Arguments>)>;

/// Checks everything.
pub(super) fn whole(whole: &Whole, arguments: &[Given]) -> Result<(), Errors> {
    let mut errors = Errors::default();
    let election = &whole.leader_election;
    let lock = election.resource_lock.as_deref().unwrap_or_default();
    if election.leader_elect == Some(true) && !matches!(lock, "" | "leases") {
        let path = Path::new("leaderElection");
        errors.push(Error::invalid(
            &path.child("resourceLock"),
            lock,
            "resourceLock value must be \"leases\"",
        ));
    }
    if let Some(parallelism) = whole.parallelism.filter(|number| *number <= 0) {
        let path = Path::new("parallelism");
        errors.push(Error::invalid(&path, parallelism, "should be an integer value greater than zero"));
    }
    let profiles = whole.profiles.as_deref().unwrap_or_default();
    check_profiles(profiles, arguments, &mut errors);
    let path = Path::new("percentageOfNodesToScore");
    check_percentage(&path, whole.percentage_of_nodes_to_score, &mut errors);
    let (first, max) =
        (whole.pod_initial_backoff_seconds.unwrap_or(1), whole.pod_max_backoff_seconds.unwrap_or(10));
    if first <= 0 {
        errors.push(Error::invalid(&Path::new("podInitialBackoffSeconds"), first, "must be greater than 0"));
    }
    if max < first {
        let detail = "must be greater than or equal to PodInitialBackoffSeconds";
        errors.push(Error::invalid(&Path::new("podMaxBackoffSeconds"), max, detail));
    }
    errors.into_result()
}

fn check_profiles(profiles: &[WrittenProfile], arguments: &[Given], errors: &mut Errors) {
    let all = Path::new("profiles");
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (at, (profile, arguments)) in profiles.iter().zip(arguments).enumerate() {
        let path = all.index(at);
        let name = profile.scheduler_name.as_deref().unwrap_or_default();
        if name.is_empty() {
            errors.push(Error::required(&path.child("schedulerName"), ""));
        }
        let percentage = path.child("percentageOfNodesToScore");
        check_percentage(&percentage, profile.percentage_of_nodes_to_score, errors);
        check_arguments(&path, arguments, errors);
        if let Some(before) = known.insert(name, at) {
            let of_other = all.index(before);
            let other = of_other.child("schedulerName").to_string();
            // A path is shown as upstream shows any structure.
            errors.push(Error::duplicate(&path.child("schedulerName"), other.as_str()));
        }
    }
    let sorts = |profile: &WrittenProfile| {
        let set = profile.plugins.as_ref().map(|plugins| plugins.set("queueSort")).unwrap_or_default();
        (set.enabled_names(), set.disabled_names())
    };
    let Some(first) = profiles.first() else { return };
    let canon = sorts(first);
    if canon.0.len() > 1 {
        let count = i64::try_from(canon.0.len()).unwrap_or(i64::MAX);
        let path = all.index(0);
        let path = path.child("plugins.queueSort.Enabled");
        errors.push(Error::invalid(&path, count, "only one queue sort plugin can be enabled"));
    }
    for (at, profile) in profiles.iter().enumerate().skip(1) {
        if sorts(profile) != canon {
            let path = all.index(at);
            let path = path.child("plugins.queueSort");
            let names = sorts(profile).0;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let value = keelson_api::field::Value::Texts(&names);
            errors.push(Error::invalid(&path, value, "must be the same for all profiles"));
        }
    }
}

fn check_percentage(path: &Path<'_>, percentage: Option<i64>, errors: &mut Errors) {
    if let Some(percentage) = percentage.filter(|percentage| !(0..=100).contains(percentage)) {
        errors.push(Error::invalid(path, percentage, "not in valid range [0-100]"));
    }
}

fn check_arguments(profile: &Path<'_>, given: &Given, errors: &mut Errors) {
    let all = profile.child("pluginConfig");
    let mut seen = HashSet::new();
    for (at, (name, arguments)) in given.iter().enumerate() {
        let path = all.index(at);
        if !seen.insert(name.as_str()) {
            errors.push(Error::duplicate(&path, name.as_str()));
        }
        if GONE.contains(&name.as_str()) {
            let detail = format!(
                "was invalid in version \"{API_VERSION}\" (KubeSchedulerConfiguration is version \"{API_VERSION}\")"
            );
            errors.push(Error::invalid(&path, name.as_str(), detail));
            continue;
        }
        let path = path.child("args");
        match arguments {
            Some(Arguments::Preemption(arguments)) => check_preemption(&path, arguments, errors),
            Some(Arguments::PodAffinity(arguments)) => {
                let weight = arguments.hard_pod_affinity_weight.unwrap_or(1);
                if !(0..=100).contains(&weight) {
                    let path = path.child("hardPodAffinityWeight");
                    errors.push(Error::invalid(&path, weight, "not in valid range [0, 100]"));
                }
            }
            Some(Arguments::NodeAffinity(arguments)) => check_affinity(&path, arguments, errors),
            Some(Arguments::Balance(arguments)) => check_balance(&path, arguments, errors),
            Some(Arguments::Spread(arguments)) => check_spread(&path, arguments, errors),
            Some(Arguments::Binding(arguments)) => check_binding(&path, arguments, errors),
            // Upstream checks these where the plugin is made.
            Some(Arguments::Fit(_)) | None => {}
        }
    }
}

fn check_preemption(path: &Path<'_>, arguments: &Preemption, errors: &mut Errors) {
    let (percentage, absolute) = (arguments.percentage(), arguments.absolute());
    let (of_percentage, of_absolute) =
        (path.child("minCandidateNodesPercentage"), path.child("minCandidateNodesAbsolute"));
    if !(0..=100).contains(&percentage) {
        errors.push(Error::invalid(&of_percentage, percentage, "not in valid range [0, 100]"));
    }
    if absolute < 0 {
        errors.push(Error::invalid(&of_absolute, absolute, "not in valid range [0, inf)"));
    }
    if percentage == 0 && absolute == 0 {
        let detail = "cannot be zero at the same time as minCandidateNodesAbsolute";
        errors.push(Error::invalid(&of_percentage, percentage, detail));
        let detail = "cannot be zero at the same time as minCandidateNodesPercentage";
        errors.push(Error::invalid(&of_absolute, absolute, detail));
    }
}

fn check_balance(path: &Path<'_>, arguments: &Balance, errors: &mut Errors) {
    let all = path.child("resources");
    let mut seen = HashSet::new();
    for (at, resource) in arguments.resources.iter().enumerate() {
        let path = all.index(at);
        if !seen.insert(&resource.name) {
            errors.push(Error::duplicate(&path.child("name"), &resource.name));
        }
        if resource.weight != 1 {
            errors.push(Error::invalid(&path.child("weight"), resource.weight, "must be 1"));
        }
    }
}

fn check_spread(path: &Path<'_>, arguments: &Spread, errors: &mut Errors) {
    let kind = arguments.defaulting_type.as_str();
    let of_kind = path.child("defaultingType");
    if !matches!(kind, "System" | "List") {
        errors.push(Error::not_supported(&of_kind, kind, &["System", "List"]));
    } else if kind == "System" && !arguments.default_constraints.is_empty() {
        errors.push(Error::invalid(&of_kind, kind, "when .defaultConstraints are not empty"));
    }
    let all = path.child("defaultConstraints");
    let mut seen = HashSet::new();
    for (at, constraint) in arguments.default_constraints.iter().enumerate() {
        let path = all.index(at);
        if constraint.max_skew <= 0 {
            let path = path.child("maxSkew");
            errors.push(Error::invalid(&path, constraint.max_skew, "not in valid range (0, inf)"));
        }
        let of_key = path.child("topologyKey");
        if constraint.topology_key.is_empty() {
            errors.push(Error::required(&of_key, "can not be empty"));
        } else {
            label::check_key(&constraint.topology_key, &of_key, errors);
        }
        let (of_action, action) = (path.child("whenUnsatisfiable"), constraint.when_unsatisfiable.as_str());
        match action {
            "" => errors.push(Error::required(&of_action, "can not be empty")),
            "DoNotSchedule" | "ScheduleAnyway" => {}
            _ => errors.push(Error::not_supported(&of_action, action, &["DoNotSchedule", "ScheduleAnyway"])),
        }
        if constraint.label_selector.is_some() {
            let detail = "constraint must not define a selector, as they deduced for each pod";
            errors.push(Error::forbidden(&path.child("labelSelector"), detail));
        }
        let key = constraint.topology_key.as_str();
        if !seen.insert((key, action)) {
            errors.push(Error::duplicate(&path, format!("{{{key}, {action}}}").as_str()));
        }
    }
}

fn check_binding(path: &Path<'_>, arguments: &Binding, errors: &mut Errors) {
    if let Some(seconds) = arguments.bind_timeout_seconds.filter(|seconds| *seconds < 0) {
        let detail = "invalid BindTimeoutSeconds, should not be a negative value";
        errors.push(Error::invalid(&path.child("bindTimeoutSeconds"), seconds, detail));
    }
    if let Some(shape) = &arguments.shape {
        let detail = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring";
        let value = keelson_api::field::Value::Json(shape.to_string().into());
        errors.push(Error::invalid(&path.child("shape"), value, detail));
    }
}

fn check_affinity(path: &Path<'_>, arguments: &Added, errors: &mut Errors) {
    let Some(affinity) = &arguments.added_affinity else { return };
    let path = path.child("addedAffinity");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let of_required = path.child(required);
    let of_required = of_required.child("nodeSelectorTerms");
    for (at, term) in list(&affinity[required]["nodeSelectorTerms"]).iter().enumerate() {
        check_term(&of_required.index(at), term, errors);
    }
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    let of_preferred = path.child(preferred);
    for (at, term) in list(&affinity[preferred]).iter().enumerate() {
        check_term(&of_preferred.index(at), &term["preference"], errors);
    }
}

fn check_term(path: &Path<'_>, term: &Value, errors: &mut Errors) {
    const OPERATORS: [&str; 6] = ["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"];
    for (field, operators) in [("matchExpressions", &OPERATORS[..]), ("matchFields", &["In", "NotIn"])] {
        let path = path.child(field);
        for (at, requirement) in term[field].as_array().into_iter().flatten().enumerate() {
            let path = path.index(at);
            let text = |key: &str| requirement[key].as_str().unwrap_or_default();
            let values = requirement["values"].as_array().map_or(0, Vec::len);
            let (operator, key) = (text("operator"), text("key"));
            if !operators.contains(&operator) {
                errors.push(Error::not_supported(&path.child("operator"), operator, operators));
                continue;
            }
            if field == "matchExpressions" {
                label::check_key(key, &path.child("key"), errors);
            } else if key != "metadata.name" {
                let detail = "not a valid field selector key";
                errors.push(Error::invalid(&path.child("key"), key, detail));
            }
            let of_values = path.child("values");
            let shown = || keelson_api::field::Value::Json(requirement["values"].to_string().into());
            match (operator, values) {
                ("In" | "NotIn", 0) => {
                    let detail = "for 'in', 'notin' operators, values set can't be empty";
                    errors.push(Error::invalid(&of_values, shown(), detail));
                }
                ("Exists" | "DoesNotExist", 1..) => {
                    let detail = "values set must be empty for exists and does not exist";
                    errors.push(Error::invalid(&of_values, shown(), detail));
                }
                ("Gt" | "Lt", count) if count != 1 => {
                    let detail = "for 'Gt', 'Lt' operators, exactly one value is required";
                    errors.push(Error::invalid(&of_values, shown(), detail));
                }
                _ => {}
            }
        }
    }
}

/// Checks what `NodeResourcesFit` is told: where it is made, and without saying where that stands.
pub(super) fn fit(arguments: &FitArguments) -> Result<(), Errors> {
    let mut errors = Errors::default();
    let all = Path::new("ignoredResources");
    for (at, name) in arguments.ignored_resources.iter().enumerate() {
        label::check_key(name, &all.index(at), &mut errors);
    }
    let all = Path::new("ignoredResourceGroups");
    for (at, group) in arguments.ignored_resource_groups.iter().enumerate() {
        if group.contains('/') {
            let detail = "resource group name can't contain '/'";
            errors.push(Error::invalid(&all.index(at), group.as_str(), detail));
        }
        label::check_key(group, &all.index(at), &mut errors);
    }
    let path = Path::new("scoringStrategy");
    let Some(strategy) = &arguments.scoring_strategy else { return errors.into_result() };
    let kind = strategy.kind.as_str();
    let known = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
    if !known.contains(&kind) {
        errors.push(Error::not_supported(&path.child("type"), kind, &known));
    }
    check_weights(&path.child("resources"), &strategy.resources, &mut errors);
    let of_ratio = path.child("requestedToCapacityRatio");
    match &strategy.requested_to_capacity_ratio {
        None if kind == "RequestedToCapacityRatio" => {
            let detail = "must be specified when type is RequestedToCapacityRatio";
            errors.push(Error::required(&of_ratio, detail));
        }
        Some(ratio) if kind == "RequestedToCapacityRatio" => {
            check_line(&of_ratio.child("shape"), &ratio.shape, &mut errors);
        }
        Some(_) => {
            let detail = "must be nil when type is not RequestedToCapacityRatio";
            errors.push(Error::forbidden(&of_ratio, detail));
        }
        None => {}
    }
    errors.into_result()
}

fn check_weights(path: &Path<'_>, resources: &[Resource], errors: &mut Errors) {
    for (at, resource) in resources.iter().enumerate() {
        if !(1..=100).contains(&resource.weight) {
            let detail = format!("resource weight of {} not in valid range (0, 100]", resource.name);
            let path = path.index(at);
            errors.push(Error::invalid(&path.child("weight"), resource.weight, detail));
        }
    }
}

fn check_line(path: &Path<'_>, points: &[Point], errors: &mut Errors) {
    if points.is_empty() {
        errors.push(Error::required(path, "at least one point must be specified"));
        return;
    }
    let unsorted = points.windows(2).position(|pair| pair[0].utilization >= pair[1].utilization);
    if let Some(at) = unsorted {
        let detail = "values must be sorted in increasing order";
        let of_point = path.index(at + 1);
        errors.push(Error::invalid(&of_point.child("utilization"), points[at + 1].utilization, detail));
    }
    for (at, point) in points.iter().enumerate() {
        let path = path.index(at);
        if !(0..=100).contains(&point.utilization) {
            let detail = "not in valid range [0, 100]";
            errors.push(Error::invalid(&path.child("utilization"), point.utilization, detail));
        }
        if !(0..=10).contains(&point.score) {
            errors.push(Error::invalid(&path.child("score"), point.score, "not in valid range [0, 10]"));
        }
    }
}
