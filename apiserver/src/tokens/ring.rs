//! What signs and checks tokens: ring, which TLS brings in anyway, so that the process has one crypto library.

use std::sync::Arc;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory, verifier_factory, key_utils: KeyUtils::new_unimplemented() };

/// Makes ring what tokens are signed and checked with in this process.
pub(super) fn install() {
    // That it has been installed before is all that can stand in the way, and nobody installs another one.
    _ = PROVIDER.install_default();
}

/// How a signature of this kind is made. A number of bytes where it is two numbers of that many.
pub(super) fn scheme(algorithm: Algorithm) -> Option<(SignatureScheme, Option<usize>)> {
    match algorithm {
        Algorithm::ES256 => Some((SignatureScheme::ECDSA_NISTP256_SHA256, Some(32))),
        Algorithm::ES384 => Some((SignatureScheme::ECDSA_NISTP384_SHA384, Some(48))),
        Algorithm::RS256 => Some((SignatureScheme::RSA_PKCS1_SHA256, None)),
        _ => None,
    }
}

struct Signs {
    algorithm: Algorithm,
    signer: Box<dyn rustls::sign::Signer>,
    number_bytes: Option<usize>,
}

fn signer_factory(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let (scheme, number_bytes) = scheme(*algorithm).ok_or(ErrorKind::InvalidAlgorithm)?;
    let der = PrivateKeyDer::try_from(key.as_bytes()).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    let key = any_supported_type(&der).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    let signer = key.choose_scheme(&[scheme]).ok_or(ErrorKind::InvalidAlgorithm)?;
    Ok(Box::new(Signs { algorithm: *algorithm, signer, number_bytes }))
}

impl Signer<Vec<u8>> for Signs {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let signature = self.signer.sign(message).map_err(Error::from_source)?;
        match self.number_bytes {
            Some(bytes) => fixed(&signature, bytes).ok_or_else(Error::new),
            None => Ok(signature),
        }
    }
}

impl JwtSigner for Signs {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// The two numbers of a signature, which TLS writes in DER, side by side as tokens have them.
fn fixed(der: &[u8], number_bytes: usize) -> Option<Vec<u8>> {
    let [0x30, _, rest @ ..] = der else { return None };
    let mut out = Vec::with_capacity(2 * number_bytes);
    let mut rest = rest;
    for _ in 0..2 {
        let [0x02, length, tail @ ..] = rest else { return None };
        let (number, tail) = tail.split_at_checked(usize::from(*length))?;
        // A zero in front only says that the number is not negative.
        let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
        out.resize(out.len() + number_bytes.checked_sub(number.len())?, 0);
        out.extend_from_slice(number);
        rest = tail;
    }
    rest.is_empty().then_some(out)
}

struct Checks {
    algorithm: Algorithm,
    with: &'static dyn VerificationAlgorithm,
    key: Arc<[u8]>,
}

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let with: &dyn VerificationAlgorithm = match algorithm {
        Algorithm::ES256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &ECDSA_P384_SHA384_FIXED,
        Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Checks { algorithm: *algorithm, with, key: key.try_get_as_bytes()?.into() }))
}

impl Verifier<Vec<u8>> for Checks {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        UnparsedPublicKey::new(self.with, &self.key).verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Checks {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use super::fixed;

    #[test]
    fn the_numbers_of_a_signature_stand_side_by_side() {
        assert_eq!(fixed(&[0x30, 7, 2, 2, 0, 0xff, 2, 1, 5], 2), Some(vec![0, 0xff, 0, 5]));
        assert_eq!(fixed(&[0x30, 8, 2, 1, 1, 2, 3, 1, 2, 3], 2), None, "a number is too long");
        assert_eq!(fixed(&[0x30, 3, 2, 1, 1], 2), None, "a number is missing");
        assert_eq!(fixed(&[0x30, 7, 2, 1, 1, 2, 1, 1, 9], 2), None, "there is more");
        assert_eq!(fixed(&[], 2), None);
    }
}
