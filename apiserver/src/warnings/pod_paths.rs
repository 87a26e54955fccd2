//! Files of one volume that are in each other's way: two with the same path, or one where another needs a directory.

use keelson_schema::tree::View;

/// Where a file is to be, and what it is made of if that has to be said.
#[derive(Clone, PartialEq)]
struct File {
    path: String,
    source: String,
}

impl File {
    fn shown(&self) -> String {
        if self.source.is_empty() {
            format!("{:?}", self.path)
        } else {
            format!("{:?} ({})", self.path, self.source)
        }
    }
}

/// Warns of the volumes of a pod.
pub(super) fn of_volumes(volumes: View<'_>, warnings: &mut Vec<String>) {
    for volume in volumes.items() {
        let name = volume.field("name").text();
        let simple = [
            ("configMap", format!("ConfigMap {:?}", volume.path("configMap.name").text())),
            ("secret", format!("Secret {:?}", volume.path("secret.secretName").text())),
            ("downwardAPI", "DownwardAPI".to_owned()),
        ];
        for (kind, shown) in simple {
            of_files(name, &shown, items(volume.field(kind), ""), warnings);
        }
        let mut all = Vec::new();
        for source in volume.path("projected.sources").items() {
            if source.fields().is_none_or(|fields| fields.is_empty()) {
                warnings.push(format!("volume {name:?} (Projected) has no sources provided"));
            }
            all.extend(projected(source));
        }
        of_files(name, "Projected", all, warnings);
    }
}

fn items(of: View<'_>, source: &str) -> Vec<File> {
    let items = of.field("items");
    items
        .items()
        .map(|item| File { path: item.field("path").text().to_owned(), source: source.to_owned() })
        .collect()
}

fn projected(source: View<'_>) -> Vec<File> {
    let named = |kind: &str, shown: &str| {
        let of = source.field(kind);
        items(of, &format!("{shown} {:?}", of.field("name").text()))
    };
    let file = |of: View<'_>, field: &str, source: &str| {
        let path = of.field(field).text();
        (!path.is_empty()).then(|| File { path: path.to_owned(), source: source.to_owned() })
    };
    let token = source.field("serviceAccountToken");
    let trust = source.field("clusterTrustBundle");
    let certificate = source.field("podCertificate");
    let bundle = if trust.field("name").value().is_some() { "name" } else { "signerName" };
    let trust_shown = format!("ClusterTrustBundle {:?}", trust.field(bundle).text());
    let lists = [
        named("configMap", "ConfigMap"),
        named("secret", "Secret"),
        items(source.field("downwardAPI"), "DownwardAPI"),
    ];
    let files = [
        file(token, "path", "ServiceAccountToken"),
        file(trust, "path", &trust_shown),
        file(certificate, "certificateChainPath", "PodCertificate chain"),
        file(certificate, "keyPath", "PodCertificate key"),
        file(certificate, "credentialBundlePath", "PodCertificate credential bundle"),
    ];
    lists.into_iter().flatten().chain(files.into_iter().flatten()).collect()
}

fn of_files(volume: &str, shown: &str, files: Vec<File>, warnings: &mut Vec<String>) {
    let mut before: Vec<File> = Vec::new();
    for mut file in files {
        file.path.truncate(file.path.trim_end_matches('/').len());
        for other in before.iter().filter(|other| overlap(&file, other)) {
            let (file, other) = (file.shown(), other.shown());
            warnings.push(format!("volume {volume:?} ({shown}): overlapping paths: {file} with {other}"));
        }
        before.push(file);
    }
}

/// Whether two paths are the same or one lies below the other.
fn overlap(one: &File, other: &File) -> bool {
    let is_below = |path: &str, above: &str| {
        path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let (one, other) = (&*one.path, &*other.path);
    !one.is_empty() && !other.is_empty() && (is_below(one, other) || is_below(other, one))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::resource::check::object;

    fn check(volume: &Value, expected: &[&str]) {
        let spec = json!({"containers": [], "volumes": [volume]});
        let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a"}, "spec": spec});
        let mut warnings = Vec::new();
        super::of_volumes(object(&pod.to_string()).view().path("spec.volumes"), &mut warnings);
        assert_eq!(warnings, expected, "{volume}");
    }

    #[test]
    fn files_in_each_others_way() {
        let item = |path: &str| json!({"key": "k", "path": path});
        check(
            &json!({"name": "v", "configMap": {"name": "m", "items": [item("a"), item("a/b"), item("ab")]}}),
            &[r#"volume "v" (ConfigMap "m"): overlapping paths: "a/b" with "a""#],
        );
        check(
            &json!({"name": "v", "projected": {"sources": [
                {"secret": {"name": "s", "items": [item("token/")]}},
                {"serviceAccountToken": {"path": "token"}},
                {},
            ]}}),
            &[
                r#"volume "v" (Projected) has no sources provided"#,
                r#"volume "v" (Projected): overlapping paths: "token" (ServiceAccountToken) with "token" (Secret "s")"#,
            ],
        );
    }
}
