//! What stands in a token. Field names are the wire's; their alphabetical order is upstream's.

use serde::{Deserialize, Deserializer, Serialize};

/// The claims of a token that is bound to an object, or to nothing but its account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub(crate) aud: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub(crate) exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub(crate) iat: Option<i64>,
    pub(crate) iss: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) jti: String,
    #[serde(rename = "kubernetes.io")]
    pub(crate) kubernetes: Kubernetes,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub(crate) nbf: Option<i64>,
    pub(crate) sub: String,
}

/// Whose token it is, and what it is bound to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kubernetes {
    pub(crate) namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pod: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<Reference>,
    pub(crate) serviceaccount: Reference,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub(crate) warnafter: Option<i64>,
}

/// An object by name and identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reference {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) uid: String,
}

/// The claims of a token that lies in a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LegacyClaims {
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub(crate) aud: Vec<String>,
    pub(crate) iss: String,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace")]
    pub(crate) namespace: String,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name")]
    pub(crate) secret: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.name")]
    pub(crate) account: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.uid")]
    pub(crate) account_uid: String,
    pub(crate) sub: String,
}

/// An audience may stand alone.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Written::deserialize(from)? {
        Written::One(one) => vec![one],
        Written::Many(many) => many,
    })
}

/// A time may be written with a fraction, which does not count.
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[expect(clippy::cast_possible_truncation, reason = "beyond what fits, a time is as far away as it gets")]
    Ok(Option::<f64>::deserialize(from)?.map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_either_form_are_read() {
        let claims: Claims = serde_json::from_str(r#"{"aud":"a","exp":12.5,"iss":"i","extra":{}}"#).unwrap();
        assert_eq!((claims.aud, claims.exp, claims.iat), (vec!["a".to_owned()], Some(12), None));
    }

    #[test]
    fn claims_are_written_as_upstream_writes_them() {
        let reference = |name: &str| Reference { name: name.into(), uid: "u".into() };
        let claims = Claims {
            aud: vec!["a".into()],
            exp: Some(3),
            iat: Some(1),
            iss: "i".into(),
            jti: "j".into(),
            kubernetes: Kubernetes {
                namespace: "ns".into(),
                pod: Some(reference("p")),
                serviceaccount: reference("sa"),
                warnafter: Some(2),
                ..Kubernetes::default()
            },
            nbf: Some(1),
            sub: "s".into(),
        };
        assert_eq!(
            serde_json::to_string(&claims).unwrap(),
            r#"{"aud":["a"],"exp":3,"iat":1,"iss":"i","jti":"j","kubernetes.io":{"namespace":"ns","pod":{"name":"p","uid":"u"},"serviceaccount":{"name":"sa","uid":"u"},"warnafter":2},"nbf":1,"sub":"s"}"#
        );
    }
}
