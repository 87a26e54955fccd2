//! What is given to those who are asked before a write: webhooks and the like, and what they are asked about.

use crate::edit::Edit;

/// The port of a service that answers.
const PORT: i64 = 443;
/// How long a webhook may take, in seconds.
const TIMEOUT_SECONDS: i64 = 10;

/// Fills in a webhook of either kind.
pub(crate) fn webhook(webhook: &mut Edit<'_>) {
    webhook.default("failurePolicy", "Fail");
    matching(webhook);
    webhook.default("timeoutSeconds", TIMEOUT_SECONDS);
    client(webhook, "clientConfig");
    webhook.items("rules").for_each(|mut one| rule(&mut one));
}

/// Fills in what says which objects a policy, or a binding of one, is about.
pub(crate) fn match_resources(resources: &mut Edit<'_>) {
    matching(resources);
    for name in ["resourceRules", "excludeResourceRules"] {
        resources.items(name).for_each(|mut one| rule(&mut one));
    }
}

fn matching(of: &mut Edit<'_>) {
    of.default("matchPolicy", "Equivalent");
    of.made("namespaceSelector");
    of.made("objectSelector");
}

fn rule(rule: &mut Edit<'_>) {
    rule.default("scope", "*");
}

/// Fills in whom to ask, in the field called `name`.
pub(crate) fn client(of: &mut Edit<'_>, name: &str) {
    if let Some(mut service) = of.part(name).as_mut().and_then(|client| client.part("service")) {
        self::service(&mut service);
    }
}

/// Fills in a service that answers.
pub(crate) fn service(service: &mut Edit<'_>) {
    service.default("port", PORT);
}
