//! TLS on a connection, and what the client's certificate proves.
//!
//! As upstream does, the handshake takes any certificate whose key the client holds, and the identity stage answers
//! one that proves nothing with a readable 401: a broken handshake would tell the client's owner nothing.

use std::io;
use std::sync::Arc;

use keelson_api::time::UnixMillis;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::gather::Ahead;
use crate::caller::{Caller, Credentials, extra};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The PEM text is not what it should be.
    #[error("{what} cannot be read")]
    Pem {
        /// Which of them.
        what: &'static str,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit each other, or their kind is unknown.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
    /// The client authority cannot be used.
    #[error("the client authority cannot be used")]
    Authority(#[from] rustls::server::VerifierBuilderError),
}

/// What a server shows its clients, and whose certificates it takes from them.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    authority: Arc<dyn ClientCertVerifier>,
}

impl Tls {
    /// Shows `chain`, whose key is `key`, and takes client certificates of `authority`; all in PEM.
    ///
    /// # Errors
    /// [`TlsError`] where they cannot be used.
    pub fn new(chain: &str, key: &str, authority: &str) -> Result<Self, TlsError> {
        let certificates = |pem: &str, what| {
            let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
            all.map_err(|source| TlsError::Pem { what, source })
        };
        let chain = certificates(chain, "the serving certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|source| TlsError::Pem { what: "the serving key", source })?;
        let mut roots = RootCertStore::empty();
        for root in certificates(authority, "the client authority")? {
            roots.add(root)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authority =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        let verifier =
            Arc::new(TakeAny { authority: Arc::clone(&authority), provider: Arc::clone(&provider) });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority })
    }

    /// Does the handshake, and says what the client proved by it.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        now: UnixMillis,
    ) -> io::Result<(TlsStream<Ahead<TcpStream>>, Credentials)> {
        let stream = self.acceptor.accept(Ahead::new(stream)).await?;
        let credentials = match stream.get_ref().1.peer_certificates() {
            Some([certificate, intermediates @ ..]) => self.proven(certificate, intermediates, now),
            _ => Credentials::None,
        };
        Ok((stream, credentials))
    }

    fn proven(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixMillis,
    ) -> Credentials {
        let at = UnixTime::since_unix_epoch(std::time::Duration::from_millis(now.0));
        if let Err(error) = self.authority.verify_client_cert(certificate, intermediates, at) {
            return Credentials::Unacceptable(error.to_string().into());
        }
        match X509Certificate::from_der(certificate) {
            Ok((_, parsed)) => named(&parsed, certificate),
            Err(error) => Credentials::Unacceptable(error.to_string().into()),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Whom a sound certificate names: the common name is the user, the organizations are the groups. Without a common
/// name it names nobody.
fn named(certificate: &X509Certificate, der: &[u8]) -> Credentials {
    let subject = certificate.subject();
    let Some(name) = subject.iter_common_name().next().and_then(|name| name.as_str().ok()) else {
        return Credentials::None;
    };
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok());
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    let digest: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    let credential = (extra::CREDENTIAL_ID.into(), vec![format!("X509SHA256={digest}").into()]);
    let caller = Caller::authenticated(name, groups).with_extra([credential].into_iter().collect());
    let caller = Arc::new(caller);
    Credentials::Certificate { caller, not_after: UnixMillis(seconds.saturating_mul(1_000)) }
}

/// Takes any client certificate, but only with proof that the client holds its key.
#[derive(Debug)]
struct TakeAny {
    authority: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for TakeAny {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.authority.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
