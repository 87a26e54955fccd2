//! What the certificates of kubelets have to look like: the words are upstream's, for people read them.

use crate::signing::Asked;

const NODES: &str = "system:nodes";
const NODE: &str = "system:node:";

fn has(usages: &[String], wanted: &[&str]) -> bool {
    // The key's encipherment is RSA's alone.
    let is_wanted = |usage: &String| wanted.contains(&usage.as_str());
    usages.iter().all(is_wanted)
        && wanted
            .iter()
            .filter(|wanted| **wanted != "key encipherment")
            .all(|wanted| usages.iter().any(|usage| usage == wanted))
}

fn usages(usages: &[String], wanted: &[&str]) -> Result<(), String> {
    if has(usages, wanted) { Ok(()) } else { Err(format!("usages did not match [{}]", wanted.join(" "))) }
}

fn organization(asked: &Asked) -> Result<(), String> {
    if asked.organizations == [NODES] {
        Ok(())
    } else {
        Err("subject organization is not system:nodes".into())
    }
}

fn common_name(asked: &Asked) -> Result<(), String> {
    if asked.common_name.starts_with(NODE) {
        return Ok(());
    }
    Err("subject common name does not begin with system:node:".into())
}

fn none_of(list: &[(bool, &str)]) -> Result<(), String> {
    let found = list.iter().find(|(is_there, _)| *is_there);
    found.map_or(Ok(()), |(_, what)| Err(format!("{what} subjectAltNames are not allowed")))
}

/// A certificate that a kubelet shows to those who ask it.
pub(super) fn serving(asked: &Asked, wanted: &[String]) -> Result<(), String> {
    organization(asked)?;
    if asked.names.is_empty() && asked.addresses.is_empty() {
        return Err("DNS or IP subjectAltName is required".into());
    }
    none_of(&[(asked.mails > 0, "Email"), (asked.uris > 0, "URI")])?;
    usages(wanted, &["digital signature", "key encipherment", "server auth"])?;
    common_name(asked)
}

/// A certificate by which a kubelet asks the server.
pub(super) fn client(asked: &Asked, wanted: &[String]) -> Result<(), String> {
    organization(asked)?;
    none_of(&[
        (!asked.names.is_empty(), "DNS"),
        (asked.mails > 0, "Email"),
        (!asked.addresses.is_empty(), "IP"),
        (asked.uris > 0, "URI"),
    ])?;
    common_name(asked)?;
    usages(wanted, &["client auth", "digital signature", "key encipherment"])
}
