//! Certificates that others ask for: what a request says, and issuing what it asks for.
//!
//! What is issued names whom the request names, byte by byte, for a name can have parts that libraries would drop: so
//! its form is written here.

use std::net::IpAddr;

use keelson_api::time::UnixMillis;
use keelson_controllers::signing::{Asked, Certificates, Order};
use rcgen::SigningKey;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use time::OffsetDateTime;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Pair;
use super::certificate::{Certificate, pem};
use super::key::Key;
use crate::random;

/// Reads certificates and requests for them; issues them where it has an authority.
#[derive(Debug)]
pub(crate) struct Issuing {
    authority: Option<(Certificate, Key)>,
}

impl Issuing {
    /// It issues nothing.
    pub(crate) fn none() -> Self {
        Self { authority: None }
    }

    /// It issues as the authority that this pair is of.
    pub(crate) fn by(authority: &Pair) -> Result<Self, String> {
        let (certificate, key) = (Certificate::parse(&authority.certificate)?, Key::parse(&authority.key)?);
        if !certificate.is_of(&key) {
            return Err("the key is not the certificate's".into());
        }
        Ok(Self { authority: Some((certificate, key)) })
    }
}

fn request_in(pem: &[u8]) -> Result<CertificateSigningRequestDer<'static>, String> {
    CertificateSigningRequestDer::from_pem_slice(pem)
        .map_err(|_| "PEM block type must be CERTIFICATE REQUEST".to_owned())
}

fn parsed<'a>(der: &'a CertificateSigningRequestDer<'_>) -> Result<X509CertificationRequest<'a>, String> {
    let (_, request) = X509CertificationRequest::from_der(der).map_err(|error| error.to_string())?;
    Ok(request)
}

fn names<'a>(request: &'a X509CertificationRequest<'_>) -> Vec<&'a GeneralName<'a>> {
    let extensions = request.requested_extensions().into_iter().flatten();
    let names = extensions.filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.flatten().collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

impl Certificates for Issuing {
    fn asked(&self, request: &[u8]) -> Result<Asked, String> {
        let der = request_in(request)?;
        let request = parsed(&der)?;
        let subject = &request.certification_request_info.subject;
        let text =
            |value: &x509_parser::x509::AttributeTypeAndValue<'_>| value.as_str().ok().map(str::to_owned);
        let mut asked = Asked {
            common_name: subject.iter_common_name().filter_map(text).last().unwrap_or_default(),
            organizations: subject.iter_organization().filter_map(text).collect(),
            ..Asked::default()
        };
        for name in names(&request) {
            match name {
                GeneralName::DNSName(name) => asked.names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => asked.addresses.extend(address(bytes)),
                GeneralName::RFC822Name(_) => asked.mails += 1,
                GeneralName::URI(_) => asked.uris += 1,
                _ => {}
            }
        }
        Ok(asked)
    }

    fn not_after(&self, certificate: &[u8]) -> Option<UnixMillis> {
        let der = CertificateDer::from_pem_slice(certificate).ok()?;
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let seconds = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
        Some(UnixMillis(seconds.saturating_mul(1000)))
    }

    fn can_sign(&self) -> bool {
        self.authority.is_some()
    }

    fn sign(&self, order: &Order<'_>) -> Result<String, String> {
        let Some((authority, key)) = &self.authority else { return Err("there is no authority".into()) };
        if order.now >= authority.not_after {
            return Err("the authority's certificate has expired".into());
        }
        let der = request_in(order.request)?;
        let request = parsed(&der)?;
        let checked = request.verify_signature();
        checked.map_err(|_| "unable to verify certificate request signature".to_owned())?;
        let body = body(order, &request, (authority, key))?;
        let signature = key.sign(&body).map_err(|error| error.to_string())?;
        let whole = [body, algorithm(key)?.to_vec(), der::bits(0, &signature)].concat();
        Ok(pem("CERTIFICATE", &der::sequence(&whole)))
    }
}

/// What is signed.
fn body(
    order: &Order<'_>,
    request: &X509CertificationRequest<'_>,
    (authority, key): (&Certificate, &Key),
) -> Result<Vec<u8>, String> {
    let (_, issuer) = X509Certificate::from_der(authority.der()).map_err(|error| error.to_string())?;
    let info = &request.certification_request_info;
    let until = order.until.min(authority.not_after);
    let mut serial = random::bytes::<16>().map_err(|failure| failure.to_string())?;
    // A number above zero of full length.
    serial[0] = (serial[0] & 0x3f) | 0x40;
    let validity = [moment(order.from), moment(until)].concat();
    let parts = [
        der::tagged(0xa0, &der::tagged(0x02, &[2])),
        der::tagged(0x02, &serial),
        algorithm(key)?.to_vec(),
        issuer.subject().as_raw().to_vec(),
        der::sequence(&validity),
        info.subject.as_raw().to_vec(),
        info.subject_pki.raw.to_vec(),
        der::tagged(0xa3, &der::sequence(&extensions(order, request, &issuer)?)),
    ];
    Ok(der::sequence(&parts.concat()))
}

fn extensions(
    order: &Order<'_>,
    request: &X509CertificationRequest<'_>,
    issuer: &X509Certificate<'_>,
) -> Result<Vec<u8>, String> {
    let (key, extended) = usages(order.usages)?;
    let mut all = Vec::new();
    if key != 0 {
        all.push(extension(&[0x55, 0x1d, 0x0f], Weight::Critical, &key_usage(key)));
    }
    if !extended.is_empty() {
        let ids: Vec<u8> = extended.into_iter().flat_map(|id| der::tagged(0x06, id)).collect();
        all.push(extension(&[0x55, 0x1d, 0x25], Weight::Plain, &der::sequence(&ids)));
    }
    all.push(extension(&[0x55, 0x1d, 0x13], Weight::Critical, &der::sequence(&[])));
    let issuer_key = issuer.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    if let Some(id) = issuer_key {
        all.push(extension(&[0x55, 0x1d, 0x23], Weight::Plain, &der::sequence(&der::tagged(0x80, id))));
    }
    let names = names(request).into_iter().filter_map(|name| {
        let (tag, content) = match name {
            GeneralName::RFC822Name(text) => (0x81, text.as_bytes()),
            GeneralName::DNSName(text) => (0x82, text.as_bytes()),
            GeneralName::URI(text) => (0x86, text.as_bytes()),
            GeneralName::IPAddress(bytes) => (0x87, *bytes),
            _ => return None,
        };
        Some(der::tagged(tag, content))
    });
    let names: Vec<u8> = names.flatten().collect();
    if !names.is_empty() {
        let nameless = request.certification_request_info.subject.iter().next().is_none();
        let weight = if nameless { Weight::Critical } else { Weight::Plain };
        all.push(extension(&[0x55, 0x1d, 0x11], weight, &der::sequence(&names)));
    }
    Ok(all.concat())
}

/// Whether who does not know an extension must refuse the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Plain,
    Critical,
}

fn extension(id: &[u8], weight: Weight, value: &[u8]) -> Vec<u8> {
    let critical = if weight == Weight::Critical { der::tagged(0x01, &[0xff]) } else { Vec::new() };
    der::sequence(&[der::tagged(0x06, id), critical, der::tagged(0x04, value)].concat())
}

/// What keys may be used for, by the API's words: the bit of each.
const OF_KEYS: [(&str, u16); 10] = [
    ("signing", 0),
    ("digital signature", 0),
    ("content commitment", 1),
    ("key encipherment", 2),
    ("data encipherment", 3),
    ("key agreement", 4),
    ("cert sign", 5),
    ("crl sign", 6),
    ("encipher only", 7),
    ("decipher only", 8),
];
/// What certificates may be used for, in the order in which they say it, each with its identifier.
const EXTENDED: [(&str, &[u8]); 13] = [
    ("any", &[0x55, 0x1d, 0x25, 0x00]),
    ("server auth", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01]),
    ("client auth", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02]),
    ("code signing", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03]),
    ("email protection", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04]),
    ("s/mime", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04]),
    ("ipsec end system", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x05]),
    ("ipsec tunnel", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x06]),
    ("ipsec user", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x07]),
    ("timestamping", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08]),
    ("ocsp signing", &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09]),
    ("microsoft sgc", &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x03, 0x03]),
    ("netscape sgc", &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x04, 0x01]),
];

/// The bits of the key's uses, the first one the highest; and the identifiers of the others.
fn usages(asked: &[String]) -> Result<(u16, Vec<&'static [u8]>), String> {
    let mut key = 0_u16;
    for usage in asked {
        match OF_KEYS.iter().find(|(known, _)| known == usage) {
            Some((_, bit)) => key |= 0x8000 >> bit,
            None if EXTENDED.iter().any(|(known, _)| known == usage) => {}
            None => return Err(format!("unrecognized usage values: [{usage:?}]")),
        }
    }
    let is_asked = |name: &str| asked.iter().any(|usage| usage == name);
    let mut extended: Vec<&[u8]> =
        EXTENDED.iter().filter(|(name, _)| is_asked(name)).map(|(_, id)| *id).collect();
    extended.dedup();
    Ok((key, extended))
}

/// A list of bits without the zeros at its end.
fn key_usage(bits: u16) -> Vec<u8> {
    let unused = bits.trailing_zeros();
    let bytes = bits.to_be_bytes();
    let (unused, bytes) = if unused >= 8 { (unused - 8, &bytes[..1]) } else { (unused, &bytes[..]) };
    der::bits(u8::try_from(unused).unwrap_or(0), bytes)
}

/// How an authority signs.
fn algorithm(key: &Key) -> Result<&'static [u8], String> {
    use rustls::SignatureScheme as Scheme;
    const ECDSA_256: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    const ECDSA_384: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
    const RSA_256: &[u8] =
        &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00];
    const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
    match key.scheme() {
        Scheme::ECDSA_NISTP256_SHA256 => Ok(ECDSA_256),
        Scheme::ECDSA_NISTP384_SHA384 => Ok(ECDSA_384),
        Scheme::RSA_PKCS1_SHA256 => Ok(RSA_256),
        Scheme::ED25519 => Ok(ED25519),
        other => Err(format!("an authority cannot sign with {other:?}")),
    }
}

/// A time as certificates have it: with two digits of the year before 2050.
fn moment(at: UnixMillis) -> Vec<u8> {
    let seconds = i64::try_from(at.0 / 1000).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (month, day) = (u8::from(at.month()), at.day());
    let (hour, minute, second) = at.to_hms();
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if (1950..2050).contains(&at.year()) {
        der::tagged(0x17, format!("{:02}{rest}", at.year() % 100).as_bytes())
    } else {
        der::tagged(0x18, format!("{:04}{rest}", at.year()).as_bytes())
    }
}

/// The few forms of DER that are needed.
mod der {
    /// A value under its tag.
    pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut whole = vec![tag];
        let length = content.len();
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => whole.push(short),
            _ => {
                whole.push(0x80 | u8::try_from(significant.len()).unwrap_or(0x7f));
                whole.extend(significant);
            }
        }
        whole.extend(content);
        whole
    }

    pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
        tagged(0x30, content)
    }

    /// Bits, of which some at the end are none.
    pub(super) fn bits(unused: u8, content: &[u8]) -> Vec<u8> {
        tagged(0x03, &[&[unused], content].concat())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};
    use x509_parser::public_key::PublicKey;

    use super::*;
    use crate::pki::certificate::{Purpose, Request, issue};

    const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

    fn authority() -> Pair {
        let key = Key::generate().unwrap();
        let request = Request {
            common_name: "kubernetes",
            group: None,
            purpose: Purpose::Authority,
            names: &[],
            from: UnixMillis(DAY_MILLIS * 20_000),
            millis: DAY_MILLIS * 100,
        };
        Pair { certificate: issue(&request, &key, None).unwrap().pem, key: key.pem }
    }

    fn request(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "jane");
        params.distinguished_name.push(DnType::OrganizationName, "dev");
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 10]), "ops");
        params.subject_alt_names = names;
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        params.serialize_request(&key).unwrap().pem().unwrap().into_bytes()
    }

    #[test]
    fn what_is_asked_for_is_read_and_issued() {
        let authority = authority();
        let issuing = Issuing::by(&authority).unwrap();
        let names = vec![
            SanType::DnsName("a.example.com".try_into().unwrap()),
            SanType::IpAddress("10.0.0.1".parse().unwrap()),
            SanType::URI("spiffe://x".try_into().unwrap()),
        ];
        let request = request(names);
        let asked = issuing.asked(&request).unwrap();
        assert_eq!((asked.common_name.as_str(), asked.organizations.join(",")), ("jane", "dev,ops".into()));
        assert_eq!(
            (asked.names, asked.addresses.len(), asked.uris),
            (vec!["a.example.com".to_owned()], 1, 1)
        );
        let now = UnixMillis(DAY_MILLIS * 20_010);
        let usages = ["digital signature", "client auth", "key encipherment"].map(str::to_owned);
        let order =
            Order { request: &request, usages: &usages, from: now, until: UnixMillis(u64::MAX / 2), now };
        let issued = issuing.sign(&order).unwrap();
        let ends = issuing.not_after(issued.as_bytes()).unwrap();
        assert_eq!(ends, UnixMillis(DAY_MILLIS * 20_100), "not longer than the authority");
        let issued = Certificate::parse(&issued).unwrap();
        assert!(
            issued.is_issued_by(&Certificate::parse(&authority.certificate).unwrap()) && !issued.is_authority
        );
        let (_, parsed) = X509Certificate::from_der(issued.der()).unwrap();
        let groups: Vec<&str> =
            parsed.subject().iter_organization().map(|part| part.as_str().unwrap()).collect();
        assert_eq!(groups, ["dev", "ops"]);
        let key = parsed.key_usage().unwrap().unwrap().value;
        assert!(key.digital_signature() && key.key_encipherment() && !key.key_agreement());
        let extended = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(extended.client_auth && !extended.server_auth);
        assert_eq!(parsed.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 3);
        assert!(matches!(parsed.public_key().parsed(), Ok(PublicKey::EC(_))));
    }

    #[test]
    fn what_makes_no_sense_is_not_issued() {
        let issuing = Issuing::by(&authority()).unwrap();
        let request = request(Vec::new());
        let now = UnixMillis(DAY_MILLIS * 20_010);
        let order = Order { request: &request, usages: &[], from: now, until: now, now };
        let nonsense = ["nonsense".to_owned()];
        assert!(issuing.sign(&Order { usages: &nonsense, ..order }).is_err());
        assert!(issuing.sign(&Order { request: b"nonsense", ..order }).is_err());
        assert!(issuing.sign(&Order { now: UnixMillis(DAY_MILLIS * 20_100), ..order }).is_err());
        assert!(Issuing::none().sign(&order).is_err() && issuing.sign(&order).is_ok());
        let other = Pair { key: authority().key, ..authority() };
        assert!(Issuing::by(&other).is_err());
    }
}
