//! Tokens of service accounts that lie in secrets: whoever makes a secret of that type and names an account in it gets
//! the account's token put in. It goes with the account.
//!
//! Keys are secrets. Only secrets of that type are watched.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use compact_str::CompactString;
use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key, Kind};
use serde_json::{Value, json};

use crate::builtin::Settings;
use crate::driver::{Controller, Inputs};
use crate::plan::{Action, Plan};
use crate::signing::TokenSigner;
use crate::views::secret::{ACCOUNT_NAME, ACCOUNT_UID, SECRETS, TokenSecret};
use crate::views::serviceaccount::{SERVICEACCOUNTS, ServiceAccount};

/// The index of secrets by their account, and that of accounts by the secrets that they name.
const BY_ACCOUNT: &str = "account";
const BY_SECRET: &str = "secret";
/// Who makes such tokens, as they say.
const ISSUER: &str = "kubernetes/serviceaccount";

/// The controller.
pub(crate) struct ServiceAccountTokens {
    secrets: Arc<Cache<TokenSecret>>,
    accounts: Arc<Cache<ServiceAccount>>,
    /// Nothing is signed where there is none.
    signer: Option<TokenSigner>,
    /// The certificates by which to know the API server, in base64, if they are known.
    certificates: Option<String>,
}

impl ServiceAccountTokens {
    pub(crate) fn new(caches: &Caches, settings: &Settings) -> Self {
        Self::over(caches.of(), caches.of(), settings)
    }

    fn over(
        secrets: Arc<Cache<TokenSecret>>,
        accounts: Arc<Cache<ServiceAccount>>,
        settings: &Settings,
    ) -> Self {
        secrets.index(BY_ACCOUNT, |secret| {
            let account = secret.metadata.annotation(ACCOUNT_NAME);
            let space = &secret.metadata.namespace;
            account.map(|name| compact_str::format_compact!("{space}/{name}")).into_iter().collect()
        });
        accounts.index(BY_SECRET, |account| {
            let space = &account.metadata.namespace;
            account.secrets().map(|name| compact_str::format_compact!("{space}/{name}")).collect()
        });
        let certificates = settings.root_ca.as_deref().map(|pem| BASE64_STANDARD.encode(pem));
        Self { secrets, accounts, signer: settings.token_signer.clone(), certificates }
    }

    /// A secret is gone: the accounts that name it forget it, unless there is another one of its name.
    fn forgotten(&self, key: &Key) -> Plan {
        let naming = self.accounts.by(BY_SECRET, key.as_str());
        let actions = naming.iter().map(|account| {
            let gone = json!([{"$patch": "delete", "name": key.name()}]);
            let change = json!({"metadata": {"uid": account.metadata.uid}, "secrets": gone});
            Action::strategic(&SERVICEACCOUNTS, account.key(), change).while_gone(&SECRETS, key.clone())
        });
        Plan::of(actions.collect())
    }

    /// What is to be put into a secret.
    fn filled(&self, secret: &TokenSecret, account: &ServiceAccount) -> Plan {
        let Some(signer) = &self.signer else { return Plan::nothing() };
        let (meta, own) = (&secret.metadata, &account.metadata);
        let mut data = json!({});
        if let Some(certificates) =
            self.certificates.as_ref().filter(|pem| *pem != secret.data.certificates.as_str())
        {
            data["ca.crt"] = json!(certificates);
        }
        if !secret.data.has_namespace {
            data["namespace"] = json!(BASE64_STANDARD.encode(&meta.namespace));
        }
        if !secret.data.has_token {
            match signer.sign(&claims(&meta.namespace, &meta.name, &own.name, &own.uid)) {
                Ok(token) => data["token"] = json!(BASE64_STANDARD.encode(token)),
                Err(why) => tracing::warn!(secret = %meta.key(), why, "a token cannot be signed"),
            }
        }
        if data == json!({}) {
            return Plan::nothing();
        }
        let annotations = json!({ACCOUNT_NAME: own.name, ACCOUNT_UID: own.uid});
        let change = json!({"metadata": {"annotations": annotations}, "data": data});
        Plan::of(vec![Action::merge(&SECRETS, meta, "", change)])
    }
}

fn claims(namespace: &str, secret: &str, account: &str, uid: &CompactString) -> Value {
    json!({
        "iss": ISSUER,
        "sub": format!("system:serviceaccount:{namespace}:{account}"),
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": secret,
        "kubernetes.io/serviceaccount/service-account.name": account,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
    })
}

impl Controller for ServiceAccountTokens {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.secrets);
        let secrets = Arc::clone(&self.secrets);
        inputs.map(&self.accounts, move |change| {
            let key = change.latest().map(|account| account.key());
            let theirs = key.map(|key| secrets.by(BY_ACCOUNT, key.as_str())).unwrap_or_default();
            theirs.iter().map(|secret| secret.key()).collect()
        });
    }

    fn plan(&self, key: &Key, _: UnixMillis) -> Plan {
        let Some(secret) = self.secrets.get(key) else { return self.forgotten(key) };
        let meta = &secret.metadata;
        let Some(name) = meta.annotation(ACCOUNT_NAME).filter(|_| !meta.is_deleting()) else {
            return Plan::nothing();
        };
        let of_account = Key::new(key.namespace(), name);
        let account = self.accounts.get(&of_account);
        let uid = meta.annotation(ACCOUNT_UID).filter(|uid| !uid.is_empty());
        match account {
            Some(account) if uid.is_none_or(|uid| account.metadata.uid == uid) => {
                self.filled(&secret, &account)
            }
            // It is another one now; what is known of it may be old.
            Some(account) => {
                let delete = Action::delete(&SECRETS, meta);
                Plan::of(vec![delete.while_same(&SERVICEACCOUNTS, &account.metadata)])
            }
            None => Plan::of(vec![Action::delete(&SECRETS, meta).while_gone(&SERVICEACCOUNTS, of_account)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::lines;

    fn plan(secret: Option<Value>, account: Option<Value>) -> Vec<String> {
        let settings = Settings {
            root_ca: Some("PEM".into()),
            token_signer: Some(TokenSigner::new(|claims| Ok(claims["sub"].as_str().unwrap().to_owned()))),
            ..Settings::default()
        };
        let controller = ServiceAccountTokens::over(
            Cache::holding(secret.map(|secret| serde_json::from_value(secret).unwrap())),
            Cache::holding(account.map(|account| serde_json::from_value(account).unwrap())),
            &settings,
        );
        lines(controller.plan(&Key::new("ns", "s"), UnixMillis(0)))
    }

    fn secret(annotations: &Value, data: &Value) -> Option<Value> {
        Some(
            json!({"metadata": {"name": "s", "namespace": "ns", "uid": "u", "annotations": annotations}, "data": data}),
        )
    }

    #[test]
    fn a_secret_gets_what_it_has_not() {
        let account = json!({"metadata": {"name": "a", "namespace": "ns", "uid": "1"}});
        let of = |uid: &str| json!({ACCOUNT_NAME: "a", ACCOUNT_UID: uid});
        let annotations = r#""metadata":{"annotations":{"kubernetes.io/service-account.name":"a","kubernetes.io/service-account.uid":"1"}}"#;
        let token = BASE64_STANDARD.encode("system:serviceaccount:ns:a");
        let all = format!(
            r#"patch secrets ns/s {{"data":{{"ca.crt":"UEVN","namespace":"bnM=","token":"{token}"}},{annotations}}}"#
        );
        let certificates = format!(r#"patch secrets ns/s {{"data":{{"ca.crt":"UEVN"}},{annotations}}}"#);
        let full = |ca: &str| json!({"ca.crt": ca, "namespace": "bnM=", "token": "eA=="});
        for (secret, expected) in [
            (secret(&json!({ACCOUNT_NAME: "a"}), &Value::Null), vec![all.as_str()]),
            (secret(&of("1"), &json!({})), vec![all.as_str()]),
            (secret(&of("1"), &full("UEVN")), vec![]),
            (secret(&of("1"), &full("b3RoZXI=")), vec![certificates.as_str()]),
            (secret(&json!({}), &json!({})), vec![]),
            (secret(&of("2"), &full("UEVN")), vec!["delete secrets ns/s"]),
        ] {
            assert_eq!(plan(secret.clone(), Some(account.clone())), expected, "{secret:?}");
        }
        assert_eq!(plan(secret(&of("1"), &full("UEVN")), None), ["delete secrets ns/s"]);
    }

    #[test]
    fn an_account_forgets_a_secret_that_is_gone() {
        let account = json!({"metadata": {"name": "a", "namespace": "ns", "uid": "1"}, "secrets": [{"name": "s"}, {"name": "t"}]});
        assert_eq!(
            plan(None, Some(account)),
            [r#"patch serviceaccounts ns/a {"secrets":[{"$patch":"delete","name":"s"}]}"#]
        );
    }
}
