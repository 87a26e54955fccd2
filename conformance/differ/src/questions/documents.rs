//! What a server says of itself: discovery and OpenAPI.

use super::kinds;
use crate::script::{Reading, Script};

pub(super) fn scripts() -> Vec<Script> {
    vec![discovery(), openapi()]
}

fn versions() -> Vec<String> {
    let mut versions: Vec<_> = kinds::all(0).into_iter().map(|kind| kind.version).collect();
    versions.extend(["authentication.k8s.io/v1", "authorization.k8s.io/v1"].map(str::to_owned));
    versions.sort();
    versions.dedup();
    versions
}

fn discovery() -> Script {
    let mut script = Script::new("documents", "discovery");
    let aggregated = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList";
    for path in ["/api", "/apis"] {
        for (name, accept) in [
            ("aggregated", format!("{aggregated},application/json")),
            ("aggregated alone", aggregated.to_owned()),
            (
                "beta",
                "application/json;v=v2beta1;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList,application/json"
                    .to_owned(),
            ),
            (
                "beta alone",
                "application/json;v=v2beta1;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList".to_owned(),
            ),
            (
                "other version",
                "application/json;v=v9;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList".to_owned(),
            ),
            ("other group", "application/json;v=v2;g=x;as=APIGroupDiscoveryList".to_owned()),
            ("profile", format!("{aggregated};profile=nopeer,application/json")),
            ("protobuf", aggregated.replace("application/json", "application/vnd.kubernetes.protobuf")),
            ("yaml", aggregated.replace("application/json", "application/yaml")),
            ("plain", "application/json".to_owned()),
            ("plain yaml", "application/yaml".to_owned()),
            ("plain protobuf", "application/vnd.kubernetes.protobuf".to_owned()),
        ] {
            script.get(format!("{path} {name}"), path).accept(accept);
        }
        script.get(format!("{path} not changed"), path).accept(aggregated).header("If-None-Match", "*");
    }
    script.get("v1", "/api/v1");
    for version in versions().iter().filter(|version| version.contains('/')) {
        let group = version.split('/').next().unwrap_or_default();
        script.get(version.as_str(), format!("/apis/{version}"));
        script.get(format!("{version} yaml"), format!("/apis/{version}")).accept("application/yaml");
        script
            .get(format!("{version} protobuf"), format!("/apis/{version}"))
            .accept("application/vnd.kubernetes.protobuf");
        if !script.steps.iter().any(|step| step.name == group) {
            script.get(group, format!("/apis/{group}"));
        }
    }
    script.get("issuer", "/.well-known/openid-configuration");
    script.get("keys", "/openid/v1/jwks").reading(Reading::Head);
    script.get("paths", "/");
    script
}

fn openapi() -> Script {
    let mut script = Script::new("documents", "openapi");
    for accept in [
        "application/json",
        "*/*",
        "",
        "application/*",
        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
        "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    ] {
        script.get(format!("v2 `{accept}`"), "/openapi/v2").accept(accept).reading(Reading::Head);
        script
            .get(format!("v3 `{accept}`"), "/openapi/v3/apis/node.k8s.io/v1")
            .accept(accept)
            .reading(Reading::Head);
    }
    for accept in ["text/html", "application/yaml", "garbage", "application/vnd.kubernetes.protobuf"] {
        script.get(format!("v2 `{accept}`"), "/openapi/v2").accept(accept);
        script.get(format!("v3 `{accept}`"), "/openapi/v3/apis/node.k8s.io/v1").accept(accept);
        script.get(format!("v3 index `{accept}`"), "/openapi/v3").accept(accept);
    }
    script.get("v2", "/openapi/v2").reading(Reading::Digest);
    script.get("v3 index", "/openapi/v3");
    script.get("v3 other hash", "/openapi/v3/apis/node.k8s.io/v1?hash=ABC").reading(Reading::Head);
    for path in ["api", "apis", "version", ".well-known/openid-configuration", "openid/v1/jwks", "logs"] {
        script.get(format!("v3 {path}"), format!("/openapi/v3/{path}")).reading(Reading::Digest);
    }
    for version in versions() {
        let (root, group) = match version.split_once('/') {
            Some((group, _)) => ("apis", Some(group)),
            None => ("api", None),
        };
        script.get(format!("v3 {version}"), format!("/openapi/v3/{root}/{version}")).reading(Reading::Digest);
        if let Some(group) = group
            && !script.steps.iter().any(|step| step.name == format!("v3 group {group}"))
        {
            script
                .get(format!("v3 group {group}"), format!("/openapi/v3/apis/{group}"))
                .reading(Reading::Digest);
        }
    }
    script
}
