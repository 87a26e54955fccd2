//! A certificate: what it says, and how one is issued.

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use keelson_api::time::UnixMillis;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::key::Key;
use crate::failure::Failure;
use crate::random;

/// What the serial numbers of certificates made here begin with; nobody else's are likely to.
const MARK: [u8; 8] = *b"Keelson!";
/// How much a certificate's time begins before now, for clients whose clocks are behind.
const EARLIER_MILLIS: u64 = 5 * 60 * 1_000;

/// A name that a server goes by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Dns(String),
    Ip(IpAddr),
}

impl Name {
    /// Absent for what certificates cannot hold.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Ip(address));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        (!text.is_empty() && text.chars().all(fits)).then(|| Self::Dns(text.to_owned()))
    }
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Authority,
    Server,
    Client,
}

/// A certificate, and what of it decides something.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// The whole chain as it stands in its file.
    pub(super) pem: String,
    pub(super) not_after: UnixMillis,
    pub(super) is_authority: bool,
    pub(super) names: BTreeSet<Name>,
    not_before: UnixMillis,
    serial: Vec<u8>,
    public_info: Vec<u8>,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let der =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| "it holds no PEM certificate")?;
        Self::read(text.to_owned(), der.into_owned())
    }

    fn read(pem: String, der: CertificateDer<'static>) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|error| error.to_string())?;
        let millis = |seconds: i64| UnixMillis(u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000));
        let alternatives = parsed.subject_alternative_name().ok().flatten();
        let names = alternatives.iter().flat_map(|names| &names.value.general_names).filter_map(name);
        Ok(Self {
            not_after: millis(parsed.validity().not_after.timestamp()),
            not_before: millis(parsed.validity().not_before.timestamp()),
            is_authority: parsed.is_ca(),
            names: names.collect(),
            serial: parsed.raw_serial().to_vec(),
            public_info: parsed.public_key().raw.to_vec(),
            pem,
            der,
        })
    }

    /// As it is signed.
    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it was made here.
    pub(super) fn is_ours(&self) -> bool {
        self.serial.starts_with(&MARK)
    }

    /// Whether this is the key it speaks of.
    pub(super) fn is_of(&self, key: &Key) -> bool {
        self.public_info == key.public_info()
    }

    /// Whether less than a third of its time is left: then there is time to notice, should renewing it fail.
    pub(super) fn ends_soon(&self, now: UnixMillis) -> bool {
        self.not_after.since(now) < self.not_after.since(self.not_before) / 3
    }

    /// Whether this authority signed it.
    pub(super) fn is_issued_by(&self, authority: &Self) -> bool {
        let parsed = (X509Certificate::from_der(&self.der), X509Certificate::from_der(&authority.der));
        let (Ok((_, this)), Ok((_, authority))) = parsed else { return false };
        this.issuer() == authority.subject() && this.verify_signature(Some(authority.public_key())).is_ok()
    }
}

fn name(name: &GeneralName) -> Option<Name> {
    match name {
        GeneralName::DNSName(name) => Some(Name::Dns((*name).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(Name::Ip)
        }
        _ => None,
    }
}

/// What to issue.
pub(super) struct Request<'a> {
    pub(super) common_name: &'a str,
    pub(super) group: Option<&'a str>,
    pub(super) purpose: Purpose,
    pub(super) names: &'a [Name],
    pub(super) from: UnixMillis,
    pub(super) millis: u64,
}

/// Issues a certificate for `key`; without an authority it signs itself.
pub(super) fn issue(
    request: &Request<'_>,
    key: &Key,
    authority: Option<(&Certificate, &Key)>,
) -> Result<Certificate, Failure> {
    let failed = |error: rcgen::Error| {
        Failure::from_error(&format!("cannot make a certificate for {}", request.common_name), &error, "")
    };
    let params = params(request)?;
    let made = match authority {
        None => params.self_signed(key),
        Some((authority, authority_key)) => {
            let issuer = Issuer::from_ca_cert_der(&authority.der, authority_key).map_err(failed)?;
            params.signed_by(key, &issuer)
        }
    };
    let der = made.map_err(failed)?.der().clone();
    Certificate::read(pem("CERTIFICATE", &der), der)
        .map_err(|why| Failure::stopped(format!("cannot read a certificate that was just made: {why}")))
}

fn params(request: &Request<'_>) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(group) = request.group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.distinguished_name.push(DnType::CommonName, request.common_name);
    params.serial_number = Some(SerialNumber::from([MARK, random::bytes::<8>()?].concat()));
    params.not_before = moment(request.from.before(EARLIER_MILLIS));
    params.not_after = moment(UnixMillis(request.from.0.saturating_add(request.millis)));
    params.use_authority_key_identifier_extension = request.purpose != Purpose::Authority;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    match request.purpose {
        Purpose::Authority => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            params.subject_alt_names.clear();
        }
        Purpose::Server => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth],
        Purpose::Client => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
    for name in request.names {
        params.subject_alt_names.push(match name {
            Name::Ip(address) => SanType::IpAddress(*address),
            Name::Dns(name) => {
                SanType::DnsName(name.as_str().try_into().map_err(|error: rcgen::Error| {
                    Failure::from_error(&format!("{name} cannot be in a certificate"), &error, "")
                })?)
            }
        });
    }
    Ok(params)
}

fn moment(at: UnixMillis) -> OffsetDateTime {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Bytes as PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    const LINE_BYTES: usize = 48;
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(LINE_BYTES) {
        BASE64_STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}
