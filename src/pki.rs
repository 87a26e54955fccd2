//! Certificates and keys: takes what lies in a directory under kubeadm's names and makes what is missing.
//!
//! [`look_at`] reads and judges and changes nothing; [`Plan::make`] then writes what is missing or will soon end.
//! What others made is used as it is and never replaced, however old: only they know what else depends on it. What
//! was made here is told by its serial number.
//!
//! A certificate made anew keeps its key, so a crash between two files never leaves a pair that does not fit.

mod certificate;
pub(crate) mod issuing;
mod key;

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use keelson_api::time::UnixMillis;
use keelson_apiserver::tokens::keys::{BadKey, Keys};

use crate::failure::Failure;
use crate::file::{self, Readable};
use certificate::{Certificate, Name, Purpose, Request};
use key::Key;

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;
/// As kubeadm's: ten years for an authority, one for what it issues.
const AUTHORITY_MILLIS: u64 = 3650 * DAY_MILLIS;
const LEAF_MILLIS: u64 = 365 * DAY_MILLIS;

/// The two authorities.
const AUTHORITIES: [Authority; 2] = [
    Authority { file: "ca", common_name: "kubernetes" },
    Authority { file: "front-proxy-ca", common_name: "front-proxy-ca" },
];

struct Authority {
    file: &'static str,
    common_name: &'static str,
}

/// What they issue. The groups are what the holders need to do, as kubeadm gives them.
const LEAVES: [Leaf; 3] = [
    Leaf {
        file: SERVING,
        authority: 0,
        common_name: "kube-apiserver",
        group: None,
        purpose: Purpose::Server,
    },
    Leaf {
        file: "apiserver-kubelet-client",
        authority: 0,
        common_name: "kube-apiserver-kubelet-client",
        group: Some("system:masters"),
        purpose: Purpose::Client,
    },
    Leaf {
        file: "front-proxy-client",
        authority: 1,
        common_name: "front-proxy-client",
        group: None,
        purpose: Purpose::Client,
    },
];

struct Leaf {
    file: &'static str,
    authority: usize,
    common_name: &'static str,
    group: Option<&'static str>,
    purpose: Purpose,
}

const SERVING: &str = "apiserver";
/// Whose name is in the admin's kubeconfig.
const ADMIN: Leaf = Leaf {
    file: "admin.kubeconfig",
    authority: 0,
    common_name: "kubernetes-admin",
    group: Some("system:masters"),
    purpose: Purpose::Client,
};

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What the process needs of all this.
#[derive(Clone, Debug)]
pub(crate) struct Pki {
    /// Whose certificates are taken from clients, and by whom the server's is issued.
    pub(crate) authority: String,
    /// What that one signs with.
    pub(crate) authority_key: String,
    /// Who vouches for proxies in front of servers, which say for whom they ask.
    pub(crate) proxy_authority: String,
    /// What the server shows.
    pub(crate) serving: Pair,
    /// What the admin shows.
    pub(crate) admin: Pair,
    /// What service accounts' tokens are signed with.
    pub(crate) service_account: String,
    /// What they are checked against, besides.
    pub(crate) service_account_public: String,
}

/// What was found, and thereby what is to be made.
#[derive(Debug)]
pub(crate) struct Plan {
    dir: PathBuf,
    authorities: [Found; 2],
    leaves: [Found; 3],
    service_account: Option<Key>,
    service_account_public: Option<String>,
    now: UnixMillis,
}

#[derive(Debug, Default)]
struct Found {
    key: Option<Key>,
    certificate: Option<Certificate>,
}

/// Judges what lies in `dir`, which need not exist.
pub(crate) fn look_at(dir: &Path, now: UnixMillis) -> Result<Plan, Failure> {
    let [ca, front_proxy_ca] = AUTHORITIES.map(|authority| find(dir, authority.file));
    let authorities = [ca?, front_proxy_ca?];
    for (Authority { file, .. }, found) in AUTHORITIES.iter().zip(&authorities) {
        check_authority(dir, file, found, now)?;
    }
    let [serving, kubelet, front_proxy] = LEAVES.map(|leaf| find(dir, leaf.file));
    let leaves = [serving?, kubelet?, front_proxy?];
    for (leaf, found) in LEAVES.iter().zip(&leaves) {
        check_leaf(dir, leaf, found, authorities[leaf.authority].certificate.as_ref(), now)?;
    }
    let service_account = read(dir, "sa.key")?.map(|pem| parse_key(dir, "sa.key", &pem)).transpose()?;
    let service_account_public = read(dir, "sa.pub")?;
    if let Some(key) = &service_account {
        let public = service_account_public.as_deref().unwrap_or_default();
        Keys::new(&key.pem, public).map_err(|why| {
            let file = if why == BadKey::Public { "sa.pub" } else { "sa.key" };
            broken(
                dir,
                file,
                &format!("cannot be used for tokens: {why}"),
                "restore the keys that belong there",
            )
        })?;
    }
    if service_account.is_none() && service_account_public.is_some() {
        return Err(broken(
            dir,
            "sa.pub",
            "is there but sa.key is not",
            "put sa.key beside it, or move sa.pub away",
        ));
    }
    let plan =
        Plan { dir: dir.to_owned(), authorities, leaves, service_account, service_account_public, now };
    if plan.lacks_something() && !file::can_write(dir) {
        let shown = dir.display();
        return Err(Failure::stopped(format!(
            "certificates are missing in {shown} or will soon end, and it cannot be written; make it writable, or choose another directory by --pki-dir"
        )));
    }
    Ok(plan)
}

/// The names that the serving certificate has to hold for a server that others reach at `addresses`.
pub(crate) fn serving_names(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<String> {
    let mut names: Vec<String> = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    .map(Into::into)
    .into();
    names.push("localhost".into());
    names.push(rustix::system::uname().nodename().to_string_lossy().to_lowercase());
    let local = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for address in local.into_iter().chain(addresses) {
        let address = address.to_string();
        if !names.contains(&address) {
            names.push(address);
        }
    }
    names
}

impl Plan {
    /// Whether nothing was there.
    pub(crate) fn is_new(&self) -> bool {
        self.authorities[0].certificate.is_none()
    }

    /// Whether there is something to make, as far as can be told without knowing the server's names.
    fn lacks_something(&self) -> bool {
        let ends = |made: &Certificate| made.is_ours() && made.ends_soon(self.now);
        self.service_account.is_none()
            || self.service_account_public.is_none()
            || self.authorities.iter().any(|found| found.key.is_none() || found.certificate.is_none())
            || self
                .leaves
                .iter()
                .any(|found| found.key.is_none() || found.certificate.as_ref().is_none_or(ends))
    }

    /// Makes what is missing or will soon end. `names` are those of the server; `admin` is the admin's pair as it was
    /// handed out before.
    pub(crate) fn make(self, names: &[String], admin: Option<&Pair>) -> Result<Pki, Failure> {
        let mut files = Vec::new();
        let mut issuers = Vec::with_capacity(AUTHORITIES.len());
        for (authority, found) in AUTHORITIES.iter().zip(self.authorities) {
            issuers.push(authority.make(found, self.now, &mut files)?);
        }
        let mut pairs = Vec::with_capacity(LEAVES.len());
        for (leaf, found) in LEAVES.iter().zip(self.leaves) {
            let names = if leaf.file == SERVING { names } else { &[] };
            pairs.push(leaf.make(found, &issuers[leaf.authority], names, self.now, &mut files)?);
        }
        let service_account = key_or_new(self.service_account, "sa", &mut files)?;
        let service_account_public = self.service_account_public.unwrap_or_else(|| {
            let public = service_account.public_pem();
            files.push(("sa.pub".into(), public.clone(), Readable::ByAll));
            public
        });
        // The admin's pair lies in the kubeconfig, which is written once the server is ready.
        let admin =
            ADMIN.make(Found::of(admin), &issuers[ADMIN.authority], &[], self.now, &mut Vec::new())?;
        write(&self.dir, &files)?;
        let proxy_authority = issuers.swap_remove(1).certificate.pem;
        let Issuer { certificate, key } = issuers.swap_remove(0);
        let (authority, authority_key) = (certificate.pem, key.pem);
        let (serving, service_account) = (pairs.swap_remove(0), service_account.pem);
        Ok(Pki {
            authority,
            authority_key,
            proxy_authority,
            serving,
            admin,
            service_account,
            service_account_public,
        })
    }
}

type File = (String, String, Readable);

/// An authority that can issue.
struct Issuer {
    certificate: Certificate,
    key: Key,
}

impl Authority {
    /// This authority as it was found, or as it is made now.
    fn make(&self, found: Found, now: UnixMillis, files: &mut Vec<File>) -> Result<Issuer, Failure> {
        let key = key_or_new(found.key, self.file, files)?;
        if let Some(certificate) = found.certificate {
            return Ok(Issuer { certificate, key });
        }
        let request = Request {
            common_name: self.common_name,
            group: None,
            purpose: Purpose::Authority,
            names: &[],
            from: now,
            millis: AUTHORITY_MILLIS,
        };
        let certificate = certificate::issue(&request, &key, None)?;
        files.push((format!("{}.crt", self.file), certificate.pem.clone(), Readable::ByAll));
        Ok(Issuer { certificate, key })
    }
}

impl Leaf {
    /// This leaf as it was found, or as it is made now.
    fn make(
        &self,
        found: Found,
        issuer: &Issuer,
        names: &[String],
        now: UnixMillis,
        files: &mut Vec<File>,
    ) -> Result<Pair, Failure> {
        let names: BTreeSet<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
        let key = key_or_new(found.key, self.file, files)?;
        if let Some(certificate) = found.certificate {
            let complete = names.is_subset(&certificate.names);
            let stays = if certificate.is_ours() {
                complete && !certificate.ends_soon(now) && certificate.is_issued_by(&issuer.certificate)
            } else {
                if !complete {
                    let file = self.file;
                    tracing::warn!(
                        file,
                        "the certificate does not hold all names of this server; clients may refuse it"
                    );
                }
                true
            };
            if stays {
                return Ok(Pair { certificate: certificate.pem, key: key.pem });
            }
            tracing::info!(file = self.file, "renewing a certificate");
        }
        let names: Vec<Name> = names.into_iter().collect();
        let request = Request {
            common_name: self.common_name,
            group: self.group,
            purpose: self.purpose,
            names: &names,
            from: now,
            millis: LEAF_MILLIS,
        };
        let made = certificate::issue(&request, &key, Some((&issuer.certificate, &issuer.key)))?;
        files.push((format!("{}.crt", self.file), made.pem.clone(), Readable::ByAll));
        Ok(Pair { certificate: made.pem, key: key.pem })
    }
}

impl Found {
    /// What was handed out before; what does not make sense any more counts as not there.
    fn of(pair: Option<&Pair>) -> Self {
        let Some(pair) = pair else { return Self::default() };
        match (Key::parse(&pair.key), Certificate::parse(&pair.certificate)) {
            (Ok(key), Ok(certificate)) if certificate.is_of(&key) && certificate.is_ours() => {
                Self { key: Some(key), certificate: Some(certificate) }
            }
            _ => Self::default(),
        }
    }
}

fn key_or_new(key: Option<Key>, file: &str, files: &mut Vec<File>) -> Result<Key, Failure> {
    if let Some(key) = key {
        return Ok(key);
    }
    let made = Key::generate()?;
    files.push((format!("{file}.key"), made.pem.clone(), Readable::ByOwner));
    Ok(made)
}

fn write(dir: &Path, files: &[File]) -> Result<(), Failure> {
    if files.is_empty() {
        return Ok(());
    }
    let paths = files.iter().map(|(name, text, readable)| (dir.join(name), text.as_bytes(), *readable));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let written = made.and_then(|()| file::put_all(&paths.collect::<Vec<_>>()));
    written.map_err(|error| {
        let doing = format!("cannot write certificates to {}", dir.display());
        Failure::from_error(&doing, &error, "make the directory writable, or choose another one by --pki-dir")
    })
}

fn find(dir: &Path, name: &str) -> Result<Found, Failure> {
    let (key_file, certificate_file) = (format!("{name}.key"), format!("{name}.crt"));
    let key = read(dir, &key_file)?.map(|pem| parse_key(dir, &key_file, &pem)).transpose()?;
    let certificate = match read(dir, &certificate_file)? {
        Some(pem) => Some(Certificate::parse(&pem).map_err(|why| {
            broken(dir, &certificate_file, &format!("cannot be read as a certificate: {why}"), "restore it")
        })?),
        None => None,
    };
    match (&key, &certificate) {
        (None, Some(_)) => {
            let what = format!("is there but {key_file} is not");
            let remedy =
                format!("put {key_file} beside it, or move {certificate_file} away to have both made anew");
            Err(broken(dir, &certificate_file, &what, &remedy))
        }
        (Some(key), Some(certificate)) if !certificate.is_of(key) => {
            let what = format!("does not belong to {key_file}");
            Err(broken(dir, &certificate_file, &what, "restore the pair that belongs together"))
        }
        _ => Ok(Found { key, certificate }),
    }
}

fn check_authority(dir: &Path, name: &str, found: &Found, now: UnixMillis) -> Result<(), Failure> {
    let Some(certificate) = &found.certificate else { return Ok(()) };
    let file = format!("{name}.crt");
    if !certificate.is_authority {
        return Err(broken(
            dir,
            &file,
            "is no certificate of an authority",
            "restore the one that issued the others",
        ));
    }
    if certificate.not_after < now {
        let remedy = format!(
            "move {name}.crt and {name}.key away to have an authority made; clients then need a new kubeconfig"
        );
        return Err(broken(dir, &file, "has expired", &remedy));
    }
    Ok(())
}

/// What was made here is made anew where it does not fit any more; what others made must fit.
fn check_leaf(
    dir: &Path,
    leaf: &Leaf,
    found: &Found,
    authority: Option<&Certificate>,
    now: UnixMillis,
) -> Result<(), Failure> {
    let Some(certificate) = found.certificate.as_ref().filter(|certificate| !certificate.is_ours()) else {
        return Ok(());
    };
    let file = format!("{}.crt", leaf.file);
    if certificate.not_after < now {
        let remedy = "renew it where it was made, or move it and its key away to have both made here";
        return Err(broken(dir, &file, "has expired", remedy));
    }
    let issuer = AUTHORITIES[leaf.authority].file;
    if !authority.is_some_and(|authority| certificate.is_issued_by(authority)) {
        let what = format!("was not issued by {issuer}.crt");
        let remedy =
            format!("put the right {issuer}.crt and {issuer}.key there, or move {file} and its key away");
        return Err(broken(dir, &file, &what, &remedy));
    }
    Ok(())
}

fn parse_key(dir: &Path, file: &str, pem: &str) -> Result<Key, Failure> {
    Key::parse(pem).map_err(|why| {
        let what = format!("cannot be used as a key: {why}");
        broken(dir, file, &what, "give an unencrypted RSA, P-256, P-384 or Ed25519 key in PEM")
    })
}

fn read(dir: &Path, file: &str) -> Result<Option<String>, Failure> {
    let path = dir.join(file);
    file::read_if_there(&path).map_err(|error| {
        let doing = format!("cannot read {}", path.display());
        Failure::from_error(&doing, &error, "make it readable, or choose another directory by --pki-dir")
    })
}

fn broken(dir: &Path, file: &str, what: &str, remedy: &str) -> Failure {
    Failure::stopped(format!("{} {what}; {remedy}", dir.join(file).display()))
}

#[cfg(test)]
mod tests;
