//! What a volume is given that its writer left open.

use super::claim;
use super::container::field_selector;
use super::image::pull_policy;
use crate::edit::Edit;

/// The mode of files that are made of a Secret, a ConfigMap or the like: 0644.
const FILE_MODE: i64 = 0o644;
/// How long a token in a volume is valid.
const TOKEN_SECONDS: i64 = 3600;

/// Fills in a volume of a pod: one that says nothing of where it comes from is an empty directory.
pub(crate) fn volume(volume: &mut Edit<'_>) {
    let has_source = volume.names().any(|name| name != "name");
    if !has_source {
        volume.made("emptyDir");
        return;
    }
    if let Some(mut image) = volume.part("image") {
        let pull = pull_policy(image.text("reference"));
        image.default("pullPolicy", pull);
    }
    if let Some(mut host) = volume.part("hostPath") {
        host_path(&mut host);
    }
    for name in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(mut files) = volume.part(name) {
            files.default("defaultMode", FILE_MODE);
        }
    }
    if let Some(mut downward) = volume.part("downwardAPI") {
        downward_items(&mut downward);
    }
    if let Some(mut projected) = volume.part("projected") {
        for mut source in projected.items("sources") {
            if let Some(mut downward) = source.part("downwardAPI") {
                downward_items(&mut downward);
            }
            if let Some(mut token) = source.part("serviceAccountToken") {
                token.default("expirationSeconds", TOKEN_SECONDS);
            }
        }
    }
    if let Some(mut template) =
        volume.part("ephemeral").as_mut().and_then(|ephemeral| ephemeral.part("volumeClaimTemplate"))
    {
        claim::spec(&mut template.made("spec"));
    }
}

/// Fills in a path of the node.
pub(crate) fn host_path(host: &mut Edit<'_>) {
    host.default("type", "");
}

fn downward_items(of: &mut Edit<'_>) {
    for mut item in of.items("items") {
        if let Some(mut field) = item.part("fieldRef") {
            field_selector(&mut field);
        }
    }
}
