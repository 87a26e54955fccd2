//! A private key, of whatever kind and form, that can sign certificates.

use std::fmt;
use std::sync::Arc;

use rcgen::{PublicKeyData, SignatureAlgorithm, SigningKey};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};

use super::certificate::pem;
use crate::failure::Failure;

/// Kinds of keys, by the signature that certificates made with them bear.
const KINDS: [(SignatureScheme, &SignatureAlgorithm); 4] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, &rcgen::PKCS_ECDSA_P384_SHA384),
    (SignatureScheme::RSA_PKCS1_SHA256, &rcgen::PKCS_RSA_SHA256),
    (SignatureScheme::ED25519, &rcgen::PKCS_ED25519),
];

/// A private key.
pub(super) struct Key {
    /// As it stands in its file.
    pub(super) pem: String,
    signing: Arc<dyn rustls::sign::SigningKey>,
    scheme: SignatureScheme,
    algorithm: &'static SignatureAlgorithm,
    /// The public key with its kind, in DER.
    public_info: Vec<u8>,
    /// The public key alone.
    public: Vec<u8>,
}

impl Key {
    /// A new key: P-256, which is quick to make, to sign with and to verify.
    pub(super) fn generate() -> Result<Self, Failure> {
        let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256);
        let made = made.map_err(|error| Failure::from_error("cannot make a key", &error, ""))?;
        Self::parse(&made.serialize_pem())
            .map_err(|why| Failure::stopped(format!("cannot use a new key: {why}")))
    }

    /// Reads a key in PEM: PKCS #8, PKCS #1 or SEC 1.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let der =
            PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| "it holds no PEM private key")?;
        let signing = any_supported_type(&der).map_err(|error| error.to_string())?;
        let kind = KINDS.into_iter().find(|(scheme, _)| signing.choose_scheme(&[*scheme]).is_some());
        let (scheme, algorithm) = kind.ok_or("keys of its kind cannot sign certificates here")?;
        let public_info = signing.public_key().ok_or("its public key cannot be told")?.as_ref().to_vec();
        let (_, info) = SubjectPublicKeyInfo::from_der(&public_info).map_err(|error| error.to_string())?;
        let public = info.subject_public_key.data.to_vec();
        Ok(Self { pem: text.to_owned(), signing, scheme, algorithm, public_info, public })
    }

    /// How it signs.
    pub(super) fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    /// The public key, in PEM.
    pub(super) fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_info)
    }

    /// The public key with its kind, in DER.
    pub(super) fn public_info(&self) -> &[u8] {
        &self.public_info
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.scheme)
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signer = self.signing.choose_scheme(&[self.scheme]).ok_or(rcgen::Error::RemoteKeyError)?;
        signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
