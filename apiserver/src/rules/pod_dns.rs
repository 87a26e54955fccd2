//! Rules for how pods are called, and how they find others by name.

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::address::{Strictness, check_legacy_ip};
use keelson_api::names::dns;

use super::{At, selector::texts};

/// How many servers are asked, and how many and how long the names behind names are: what the system's library reads.
const SERVERS_MAX: usize = 3;
const SEARCHES_MAX: usize = 32;
const SEARCH_BYTES_MAX: usize = 2048;

/// Who is asked for names.
pub(super) fn policy(policy: &At<'_, '_>, errors: &mut Errors) {
    if policy.require(errors) {
        policy.one_of(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], errors);
    }
}

/// How names are looked up.
pub(super) fn config(spec: &At<'_, '_>, errors: &mut Errors) {
    let config = spec.field("dnsConfig");
    let servers = config.field("nameservers");
    if spec.field("dnsPolicy").text() == "None" {
        if !config.is_present() {
            return config.missing("must provide `dnsConfig` when `dnsPolicy` is None", errors);
        }
        if servers.is_empty() {
            let words = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return servers.missing(words, errors);
        }
    }
    let refuse = |list: &At<'_, '_>, words: String, errors: &mut Errors| {
        errors.push(Error::invalid(&list.path, Shown::Texts(&texts(list.view)), words));
    };
    if servers.len() > SERVERS_MAX {
        refuse(&servers, format!("must not have more than {SERVERS_MAX} nameservers"), errors);
    }
    for server in servers.items() {
        check_legacy_ip(&server.path, server.text(), Strictness::Strict, &[], errors);
    }
    let searches = config.field("searches");
    if searches.len() > SEARCHES_MAX {
        refuse(&searches, format!("must not have more than {SEARCHES_MAX} search paths"), errors);
    }
    if texts(searches.view).join(" ").len() > SEARCH_BYTES_MAX {
        let words = format!(
            "must not have more than {SEARCH_BYTES_MAX} characters (including spaces) in the search list"
        );
        refuse(&searches, words, errors);
    }
    for search in searches.items().filter(|search| search.text() != ".") {
        let name = search.text().strip_suffix('.').unwrap_or(search.text());
        errors.push_invalid(&search.path, name, dns::subdomain_with_underscore(name));
    }
    for option in config.field("options").items() {
        if option.field("name").is_empty() {
            option.missing("must not be empty", errors);
        }
    }
}

/// Names that a pod knows by itself.
pub(super) fn host_aliases(aliases: &At<'_, '_>, errors: &mut Errors) {
    for alias in aliases.items() {
        let address = alias.field("ip");
        check_legacy_ip(&address.path, address.text(), Strictness::Strict, &[], errors);
        for name in alias.field("hostnames").items() {
            name.keep_to(dns::subdomain, errors);
        }
    }
}

/// The name that a pod has whatever else is said.
pub(super) fn host_name(spec: &At<'_, '_>, errors: &mut Errors) {
    const BYTES_MAX: usize = 64;
    let name = spec.field("hostnameOverride");
    if !name.is_present() {
        return;
    }
    if spec.field("setHostnameAsFQDN").is_true() {
        name.forbidden("may not be specified when setHostnameAsFQDN is true", errors);
    }
    if spec.field("hostNetwork").is_true() {
        name.forbidden("may not be specified when hostNetwork is true", errors);
    }
    if name.text().len() > BYTES_MAX {
        errors.push(Error::too_long(&name.path, BYTES_MAX));
    }
    name.keep_to(dns::subdomain, errors);
}
