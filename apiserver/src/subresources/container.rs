//! The ways to a container: logs, commands, ports. They lead through the pod's node.

use axum::body::Body;
use http::{Response, StatusCode};
use keelson_api::field::{Error, Errors, Path};
use keelson_api::golang::Quoted;
use keelson_api::group::{GroupKind, GroupResource};
use keelson_api::status::Status;
use keelson_schema::tree::Object;
use keelson_store::At;
use keelson_store::key::Key;

use crate::api::Call;
use crate::problem::Problem;
use crate::verbs::get;
use crate::{refusal, render};

const OPTIONS: GroupKind<'static> = GroupKind::new("", "PodLogOptions");
/// Where a pod's containers stand, of every kind.
const CONTAINERS: [&str; 3] = ["spec.containers", "spec.initContainers", "spec.ephemeralContainers"];

/// Goes there; as yet there is no node to go through.
pub(crate) async fn reach(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    match (call.served.facts().kind, call.subresource.map(|part| part.name)) {
        ("Service", _) => Err(without_endpoints(call.target.name)),
        ("Pod", Some("log")) => log(call).await,
        ("Pod", Some("proxy")) => {
            pod(call).await?;
            // There is no address, or none that one may be sent on to.
            Err(refusal::bad_request(&"address not allowed"))
        }
        ("Pod", part) => {
            if part == Some("portforward") {
                check_ports(call)?;
            }
            let pod = pod(call).await?;
            if part != Some("portforward") {
                check_container(call, &pod)?;
            }
            match pod.text("spec.nodeName") {
                "" => {
                    let words = format!("pod {} does not have a host assigned", call.target.name);
                    Err(refusal::bad_request(&words))
                }
                node => Err(beyond(call, node).await?),
            }
        }
        _ => node(call).await,
    }
}

/// Services are asked for endpoints alone, whether or not there are such services.
fn without_endpoints(asked: &str) -> Problem {
    match parts(asked) {
        Some(name) => {
            Status::service_unavailable(format!("no endpoints available for service {}", Quoted(name))).into()
        }
        None => refusal::bad_request(&format!("invalid service request {}", Quoted(asked))),
    }
}

/// The name in `name`, `name:port` or `scheme:name:port`.
fn parts(asked: &str) -> Option<&str> {
    match asked.split(':').collect::<Vec<_>>()[..] {
        [name] | [name, _] | ["" | "http" | "https", name, _] => Some(name),
        _ => None,
    }
}

async fn node(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    let asked = call.target.name;
    let name = parts(asked)
        .ok_or_else(|| refusal::bad_request(&format!("invalid node request {}", Quoted(asked))))?;
    let key = Key::new(&call.served.store, "", name);
    let (_, found) = call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
    found.ok_or_else(|| refusal::not_found(call, name))?;
    let words = format!("{}/{name} cannot be reached: there is no way to it yet", call.served.facts().plural);
    Err(Status::service_unavailable(words).into())
}

/// The pod, with its node if it is to be on one.
async fn pod(call: &Call<'_>) -> Result<Object, Problem> {
    let object = get::read(call, At::Latest).await?;
    render::tree(call.served, &object)
}

/// The log of a pod's container. One that is on no node yet has said nothing so far.
async fn log(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    check_log(call)?;
    let pod = pod(call).await?;
    check_container(call, &pod)?;
    let node = pod.text("spec.nodeName");
    if !node.is_empty() {
        return Err(beyond(call, node).await?);
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

fn check_log(call: &Call<'_>) -> Result<(), Problem> {
    let number = |name| call.query.number(name).map_err(|error| refusal::bad_request(&error));
    let mut errors = Errors::new();
    if let Some(lines) = number("tailLines")?.filter(|lines| *lines < 0) {
        errors.push(Error::invalid(&Path::new("tailLines"), lines, "must be greater than or equal to 0"));
    }
    if let Some(bytes) = number("limitBytes")?.filter(|bytes| *bytes < 1) {
        errors.push(Error::invalid(&Path::new("limitBytes"), bytes, "must be greater than 0"));
    }
    let seconds = number("sinceSeconds")?;
    let time = !call.query.text("sinceTime").is_empty();
    match seconds {
        Some(_) if time => {
            let words = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(Error::forbidden(&Path::new("[]"), words));
        }
        Some(seconds) if seconds < 1 => {
            errors.push(Error::invalid(&Path::new("sinceSeconds"), seconds, "must be greater than 0"));
        }
        _ => {}
    }
    if call.query.first("stream").is_some() {
        errors.push(Error::forbidden(&Path::new("stream"), "may not be specified"));
    }
    if errors.is_empty() { Ok(()) } else { Err(refusal::invalid(&OPTIONS, call.target.name, &errors)) }
}

/// Refuses ports that are no numbers.
fn check_ports(call: &Call<'_>) -> Result<(), Problem> {
    let bad =
        call.query.all("ports").flat_map(|ports| ports.split(',')).find(|port| port.parse::<u32>().is_err());
    bad.map_or(Ok(()), |port| {
        let port = Quoted(port);
        let words = format!("cannot convert to []int32: strconv.ParseUint: parsing {port}: invalid syntax");
        Err(refusal::bad_request(&words))
    })
}

/// Why nothing is reached through this node.
async fn beyond(call: &Call<'_>, node: &str) -> Result<Problem, Problem> {
    let nodes = call.api.catalog.known("", "v1", "nodes");
    let nodes = nodes.ok_or_else(|| Problem::Defect("there are no nodes".into()))?;
    let key = Key::new(&nodes.store, "", node);
    let (_, found) = call.api.store.get(&key, At::Latest).await.map_err(refusal::unreadable)?;
    Ok(match found {
        // As upstream says it, which has the pod's resource in mind.
        None => Status::not_found(&GroupResource::new("", "pods"), node).into(),
        Some(_) => {
            let words = format!("node {node} of pod {} cannot be reached", call.target.name);
            Status::internal_error(words).into()
        }
    })
}

/// Refuses containers that the pod does not have, and a choice that is not made.
fn check_container(call: &Call<'_>, pod: &Object) -> Result<(), Problem> {
    let (name, wanted) = (call.target.name, call.query.text("container"));
    let names = |path: &str| -> Vec<&str> {
        pod.view().path(path).items().map(|item| item.field("name").text()).collect()
    };
    if !wanted.is_empty() && !CONTAINERS.iter().any(|path| names(path).contains(&wanted)) {
        return Err(refusal::bad_request(&format!("container {wanted} is not valid for pod {name}")));
    }
    let own = names(CONTAINERS[0]);
    if wanted.is_empty() && own.len() > 1 {
        let own = own.join(" ");
        let mut words = format!("a container name must be specified for pod {name}, choose one of: [{own}]");
        let first = names(CONTAINERS[1]);
        if !first.is_empty() {
            words += &format!(" or one of the init containers: [{}]", first.join(" "));
        }
        return Err(refusal::bad_request(&words));
    }
    Ok(())
}
