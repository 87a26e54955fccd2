//! The keys behind tokens: one that signs, and those that what is shown is checked against.
//!
//! They come from the PKI as PEM. A key goes by the hash of its public half, as upstream has it, so tokens stay good
//! when servers of both kinds share a directory of keys.

use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
use x509_parser::public_key::PublicKey as Parsed;

/// How many tokens are remembered whose signature was right; beyond, all are forgotten and checked anew.
const BELIEVED_MAX: usize = 4096;

/// Why keys cannot be used for tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// The text holds no private key.
    #[error("it holds no PEM private key")]
    NoKey,
    /// It is of a kind that signs no tokens.
    #[error("tokens are signed with RSA, P-256 or P-384 keys")]
    Kind,
    /// The text holds something that is no public key.
    #[error("the public keys cannot be read")]
    Public,
}

/// The key that signs tokens, and all that tokens are checked against.
pub struct Keys {
    signing: EncodingKey,
    algorithm: Algorithm,
    public: Vec<PublicKey>,
    /// Digests of tokens whose signature was right: most are shown again and again, and checking costs more than all
    /// the rest of a small request.
    believed: Mutex<HashSet<[u8; 32]>>,
}

/// A key that tokens are checked against.
struct PublicKey {
    id: String,
    algorithm: Algorithm,
    key: DecodingKey,
    shown: Jwk,
}

/// A public key as others are told of it, its fields in upstream's order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Jwk {
    #[serde(rename = "use")]
    purpose: &'static str,
    kty: &'static str,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    pub(crate) alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

/// Why a token's signature proves nothing. The words are upstream's where a client gets to see them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    #[error("invalid signature, no keys found")]
    UnknownKey,
    #[error("go-jose/go-jose: error in cryptographic primitive")]
    Wrong,
}

impl Keys {
    /// Signs with the key in `private`; believes that key's tokens, and those of the keys in `public`. All in PEM.
    ///
    /// # Errors
    /// [`BadKey`] where they cannot be used.
    pub fn new(private: &str, public: &str) -> Result<Self, BadKey> {
        super::ring::install();
        let der = PrivateKeyDer::from_pem_slice(private.as_bytes()).map_err(|_| BadKey::NoKey)?;
        let key = any_supported_type(&der).map_err(|_| BadKey::Kind)?;
        let own = PublicKey::read(key.public_key().ok_or(BadKey::Kind)?.as_ref())?;
        let algorithm = own.algorithm;
        let signing = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_der(der.secret_der()),
            _ => EncodingKey::from_ec_der(der.secret_der()),
        };
        let mut keys = vec![own];
        for info in SubjectPublicKeyInfoDer::pem_slice_iter(public.as_bytes()) {
            let key = PublicKey::read(info.map_err(|_| BadKey::Public)?.as_ref())?;
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(key);
            }
        }
        Ok(Self { signing, algorithm, public: keys, believed: Mutex::default() })
    }

    /// A token that says `claims`; their fields in alphabetical order, as upstream writes them.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(self.algorithm);
        header.typ = None;
        header.kid = Some(self.public[0].id.clone());
        jsonwebtoken::encode(&header, claims, &self.signing)
    }

    /// A token that says `claims`, whatever they are: for whoever makes tokens that lie in secrets.
    ///
    /// # Errors
    /// Why it cannot be signed, for people.
    pub fn token(&self, claims: &serde_json::Value) -> Result<String, String> {
        self.sign(claims).map_err(|error| error.to_string())
    }

    /// What a token says, if one of the keys has signed it. Nothing of what it says has been judged.
    pub(crate) fn open<T: DeserializeOwned>(&self, token: &str) -> Result<T, BadSignature> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        if self.believed.lock().contains(&digest) {
            return jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| BadSignature::Wrong);
        }
        let claims = self.check(token)?;
        let mut believed = self.believed.lock();
        if believed.len() >= BELIEVED_MAX {
            believed.clear();
        }
        believed.insert(digest);
        Ok(claims)
    }

    fn check<T: DeserializeOwned>(&self, token: &str) -> Result<T, BadSignature> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadSignature::Wrong)?;
        let id = header.kid.filter(|id| !id.is_empty());
        let mut candidates =
            self.public.iter().filter(|key| id.as_ref().is_none_or(|id| key.id == *id)).peekable();
        if candidates.peek().is_none() {
            return Err(BadSignature::UnknownKey);
        }
        candidates
            .filter(|key| key.algorithm == header.alg)
            .find_map(|key| jsonwebtoken::decode(token, &key.key, &validation(key.algorithm)).ok())
            .map(|data| data.claims)
            .ok_or(BadSignature::Wrong)
    }

    /// The keys that tokens are checked against, as others are told of them.
    pub(crate) fn shown(&self) -> Vec<Jwk> {
        self.public.iter().map(|key| key.shown.clone()).collect()
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key is made");
        Self::new(&key.serialize_pem(), "").expect("it can sign")
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.public.iter().map(|key| &key.id)).finish()
    }
}

/// The signature alone is checked: times are judged by the server's clock, everything else by who asks.
fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

impl PublicKey {
    /// Reads a public key with its kind, in DER.
    fn read(info: &[u8]) -> Result<Self, BadKey> {
        let id = BASE64.encode(Sha256::digest(info));
        let (_, parsed) = SubjectPublicKeyInfo::from_der(info).map_err(|_| BadKey::Public)?;
        let bytes = &parsed.subject_public_key.data;
        let blank = |kty, alg| Jwk {
            purpose: "sig",
            kty,
            kid: id.clone(),
            crv: None,
            alg,
            x: None,
            y: None,
            n: None,
            e: None,
        };
        let number =
            |bytes: &[u8]| BASE64.encode(&bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]);
        let (algorithm, key, shown) = match parsed.parsed().map_err(|_| BadKey::Public)? {
            Parsed::RSA(rsa) => {
                let shown = Jwk {
                    n: Some(number(rsa.modulus)),
                    e: Some(number(rsa.exponent)),
                    ..blank("RSA", "RS256")
                };
                (Algorithm::RS256, DecodingKey::from_rsa_der(bytes), shown)
            }
            Parsed::EC(_) => {
                let (algorithm, alg, crv, half) = match bytes.len() {
                    65 => (Algorithm::ES256, "ES256", "P-256", 32),
                    97 => (Algorithm::ES384, "ES384", "P-384", 48),
                    _ => return Err(BadKey::Kind),
                };
                let (x, y) = bytes[1..].split_at(half);
                let shown = Jwk {
                    crv: Some(crv),
                    x: Some(BASE64.encode(x)),
                    y: Some(BASE64.encode(y)),
                    ..blank("EC", alg)
                };
                (algorithm, DecodingKey::from_ec_der(bytes), shown)
            }
            _ => return Err(BadKey::Kind),
        };
        Ok(Self { id, algorithm, key, shown })
    }
}
