//! What a new cluster begins with: the objects that are there before anybody has made one.
//!
//! They are asked for like any others, through the server's own door, and one that is there already stays as it is;
//! but where a start was cut off between an object and its status, the next one adds that.
//! What they are is data in `bootstrap/objects.json`; only what depends on where the server is stands in code.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::caller::Caller;
use crate::server::{ApiServer, Door};
use crate::tokens;

/// The name under which the server itself writes.
pub(crate) const OWN_NAME: &str = "system:apiserver";
/// The name under which it owns what it writes.
pub(crate) const OWN_MANAGER: &str = "kube-apiserver";

/// An object could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot make {what}: {why}")]
pub struct BootstrapError {
    what: String,
    why: String,
}

/// An object, where it is made, and what its status is to say.
struct Wanted {
    at: String,
    object: Value,
    status: Value,
    /// Whether it says what may be another thing at the next start, and is then brought up to date.
    follows: bool,
}

/// Makes what is missing in the cluster of `server`, whose services have the addresses of `service_cidr` (one range,
/// or one of each family with a comma in between) and which itself is reached at `address`.
pub(crate) async fn run(
    server: &ApiServer,
    service_cidr: &str,
    address: SocketAddr,
) -> Result<(), BootstrapError> {
    let door = server.door(Caller::authenticated(OWN_NAME, ["system:masters"]));
    let mut wanted = listed();
    wanted.extend(services(service_cidr, address));
    wanted.push(token_tracking(server));
    wanted.extend(server.shared.api.offer.versions_beside().map(local));
    // What lies in a namespace can be made once that is there.
    let (inside, first): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|wanted| wanted.at.contains("/namespaces/"));
    for wanted in [first, inside] {
        futures::future::try_join_all(wanted.into_iter().map(|wanted| make(door.clone(), wanted))).await?;
    }
    Ok(())
}

/// Writes down for servers that extend this one whose certificates to believe; anew each time, since authorities change.
pub(crate) async fn tell_authorities(
    server: &ApiServer,
    clients: &str,
    proxies: &str,
) -> Result<(), BootstrapError> {
    const AT: &str = "/api/v1/namespaces/kube-system/configmaps";
    let door = server.door(Caller::authenticated(OWN_NAME, ["system:masters"]));
    let object = json!({
        "metadata": {"name": "extension-apiserver-authentication"},
        "data": {
            "client-ca-file": clients,
            "requestheader-allowed-names": r#"["front-proxy-client"]"#,
            "requestheader-client-ca-file": proxies,
            "requestheader-extra-headers-prefix": r#"["X-Remote-Extra-"]"#,
            "requestheader-group-headers": r#"["X-Remote-Group"]"#,
            "requestheader-uid-headers": r#"["X-Remote-Uid"]"#,
            "requestheader-username-headers": r#"["X-Remote-User"]"#,
        },
    });
    make(door, Wanted { at: AT.into(), object, status: Value::Null, follows: true }).await
}

fn listed() -> Vec<Wanted> {
    let listed: Vec<Value> = serde_json::from_str(include_str!("bootstrap/objects.json"))
        .expect("the file is part of the program");
    let wanted = listed.into_iter().map(|mut listed| Wanted {
        at: listed["at"].as_str().unwrap_or_default().to_owned(),
        object: listed["object"].take(),
        status: listed["status"].take(),
        follows: false,
    });
    wanted.collect()
}

/// What says that this server itself serves a version.
fn local((group, version, [group_priority, version_priority]): &(&str, &str, [u32; 2])) -> Wanted {
    Wanted {
        at: "/apis/apiregistration.k8s.io/v1/apiservices".into(),
        object: json!({
            "metadata": {
                "name": format!("{version}.{group}"),
                "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"},
            },
            "spec": {
                "group": group, "version": version,
                "groupPriorityMinimum": group_priority, "versionPriority": version_priority,
            },
        }),
        status: json!({"conditions": [{
            "type": "Available", "status": "True", "reason": "Local",
            "message": "Local APIServices are always available",
        }]}),
        follows: false,
    }
}

/// Since when it is recorded that a service account's token of the old kind is used; controllers remove those that are
/// not.
fn token_tracking(server: &ApiServer) -> Wanted {
    let day = tokens::used::day(server.shared.clock.now());
    Wanted {
        at: "/api/v1/namespaces/kube-system/configmaps".into(),
        object: json!({
            "metadata": {"name": "kube-apiserver-legacy-service-account-token-tracking"},
            "data": {"since": day},
        }),
        status: Value::Null,
        follows: false,
    }
}

/// The way to the server itself: a service with the first address of the range.
fn services(service_cidr: &str, address: SocketAddr) -> Vec<Wanted> {
    let ready = json!({"type": "Ready", "status": "True", "reason": "", "message": "The range can be used"});
    let ranges: Vec<&str> = service_cidr.split(',').collect();
    let mut wanted = vec![Wanted {
        at: "/apis/networking.k8s.io/v1/servicecidrs".into(),
        object: json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ranges}}),
        status: json!({"conditions": [ready]}),
        follows: false,
    }];
    let Some(first) = first_address(ranges[0]) else { return wanted };
    let (ip, port) = (address.ip().to_string(), address.port());
    let family = if first.is_ipv4() { "IPv4" } else { "IPv6" };
    let in_default = |group: &str, plural: &str| format!("{group}/namespaces/default/{plural}");
    let mut make =
        |at: String, object: Value| wanted.push(Wanted { at, object, status: Value::Null, follows: true });
    make(
        in_default("/api/v1", "services"),
        json!({
            "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
            "spec": {
                "type": "ClusterIP", "clusterIP": first.to_string(), "clusterIPs": [first.to_string()],
                "ipFamilies": [family], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
                "sessionAffinity": "None",
                "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
            },
        }),
    );
    // A loopback address would be another machine's own to whoever looks it up.
    if !address.ip().is_loopback() && !address.ip().is_unspecified() {
        make(
            in_default("/api/v1", "endpoints"),
            json!({
                "metadata": {"name": "kubernetes", "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
                "subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}],
            }),
        );
        make(
            in_default("/apis/discovery.k8s.io/v1", "endpointslices"),
            json!({
                "metadata": {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}},
                "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
                "endpoints": [{"addresses": [ip], "conditions": {"ready": true}}],
                "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
            }),
        );
    }
    wanted
}

/// The first address in a range that a service may have: it is the server's own.
#[must_use]
pub fn first_address(cidr: &str) -> Option<IpAddr> {
    let (base, _) = cidr.split_once('/')?;
    match base.parse().ok()? {
        IpAddr::V4(base) => Some(IpAddr::V4((u32::from(base).checked_add(1)?).into())),
        IpAddr::V6(base) => Some(IpAddr::V6((u128::from(base).checked_add(1)?).into())),
    }
}

async fn make(door: Door, wanted: Wanted) -> Result<(), BootstrapError> {
    let Wanted { at, object, status, follows } = wanted;
    let (code, mut made) = ask(&door, Method::POST, &at, &object).await?;
    match code {
        StatusCode::CREATED => {}
        // What is there already may have got, for itself, what it asks for.
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => match found(&door, &at, &object).await? {
            Some(_) if follows => return bring_up_to_date(&door, &at, &object).await,
            Some(found) => made = found,
            None => return Err(refused(&at, &made)),
        },
        _ => return Err(refused(&at, &made)),
    }
    let has_status = made["status"].as_object().is_some_and(|status| !status.is_empty());
    if status.is_null() || has_status {
        return Ok(());
    }
    let path = format!("{}/status", path_of(&at, &made));
    let since = made["metadata"]["creationTimestamp"].clone();
    made["status"] = status;
    for condition in made["status"]["conditions"].as_array_mut().into_iter().flatten() {
        condition["lastTransitionTime"] = since.clone();
    }
    match ask(&door, Method::PUT, &path, &made).await? {
        (StatusCode::OK, _) => Ok(()),
        (_, answer) => Err(refused(&path, &answer)),
    }
}

/// Has the object that is there say what `object` says.
async fn bring_up_to_date(door: &Door, at: &str, object: &Value) -> Result<(), BootstrapError> {
    let path = path_of(at, object);
    let (mut code, mut answer) = ask(door, Method::PATCH, &path, object).await?;
    if code == StatusCode::UNPROCESSABLE_ENTITY {
        // What cannot be changed is made anew: endpoints of the other family of addresses.
        ask(door, Method::DELETE, &path, &Value::Null).await?;
        (code, answer) = ask(door, Method::POST, at, object).await?;
    }
    if code.is_success() { Ok(()) } else { Err(refused(&path, &answer)) }
}

fn path_of(at: &str, object: &Value) -> String {
    format!("{at}/{}", object["metadata"]["name"].as_str().unwrap_or_default())
}

/// The object as it is there already.
async fn found(door: &Door, at: &str, object: &Value) -> Result<Option<Value>, BootstrapError> {
    let path = path_of(at, object);
    let (code, found) = ask(door, Method::GET, &path, &Value::Null).await?;
    Ok((code == StatusCode::OK).then_some(found))
}

async fn ask(
    door: &Door,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<(StatusCode, Value), BootstrapError> {
    let failed = |why: &dyn std::fmt::Display| BootstrapError { what: path.to_owned(), why: why.to_string() };
    let media_type =
        if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, media_type)
        .header(USER_AGENT, OWN_MANAGER)
        .body(body)
        .map_err(|error| failed(&error))?;
    let Ok(answer) = door.clone().oneshot(request).await;
    let code = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|error| failed(&error))?.to_bytes();
    Ok((code, serde_json::from_slice(&bytes).map_err(|error| failed(&error))?))
}

fn refused(path: &str, answer: &Value) -> BootstrapError {
    let why = answer["message"].as_str().unwrap_or("the server does not say why");
    BootstrapError { what: path.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use keelson_api::time::{Clock, UnixMillis};

    use super::*;
    use crate::server::Parts;

    #[tokio::test]
    async fn the_way_to_the_server_follows_it() {
        let server = ApiServer::new(Parts::for_tests(Clock::new(|| UnixMillis(1))).await);
        let door = server.door(Caller::authenticated(OWN_NAME, ["system:masters"]));
        let read = async |path: &str| ask(&door, Method::GET, path, &Value::Null).await.unwrap().1;
        for address in ["192.0.2.7:6443", "192.0.2.8:7443", "[2001:db8::7]:7443", "192.0.2.8:7443"] {
            server.bootstrap("10.96.0.0/16", address.parse().unwrap()).await.unwrap();
            let address: SocketAddr = address.parse().unwrap();
            let endpoints = read("/api/v1/namespaces/default/endpoints/kubernetes").await;
            let wanted = json!([{"addresses": [{"ip": address.ip().to_string()}],
                "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}]}]);
            assert_eq!(endpoints["subsets"], wanted);
            let slice = read("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes").await;
            assert_eq!(slice["endpoints"][0]["addresses"], json!([address.ip().to_string()]));
            assert_eq!(slice["ports"][0]["port"], json!(address.port()));
            let service = read("/api/v1/namespaces/default/services/kubernetes").await;
            assert_eq!(service["spec"]["ports"][0]["targetPort"], json!(address.port()));
        }
    }

    #[tokio::test]
    async fn a_start_that_was_cut_off_is_finished_by_the_next() {
        let server = ApiServer::new(Parts::for_tests(Clock::new(|| UnixMillis(1))).await);
        let door = server.door(Caller::authenticated(OWN_NAME, ["system:masters"]));
        let range = json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/16"]}});
        let at = "/apis/networking.k8s.io/v1/servicecidrs";
        assert_eq!(ask(&door, Method::POST, at, &range).await.unwrap().0, StatusCode::CREATED);
        for _ in 0..2 {
            server.bootstrap("10.96.0.0/16", ([127, 0, 0, 1], 6443).into()).await.unwrap();
            let range = found(&door, at, &range).await.unwrap().unwrap();
            assert_eq!(range["status"]["conditions"][0]["type"], "Ready");
            let path = "/api/v1/namespaces/default/services/kubernetes";
            let (_, service) = ask(&door, Method::GET, path, &Value::Null).await.unwrap();
            assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
        }
    }
}
