//! The admin's kubeconfig: written into the data directory once the server is ready, and read back for its pair.
//! Nobody's own `~/.kube/config` is ever touched.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::failure::Failure;
use crate::file::{self, Readable};
use crate::pki::{Pair, Pki};

/// Writes it, unless it already says just that.
pub(crate) fn write(path: &Path, listen: SocketAddr, pki: &Pki) -> Result<(), Failure> {
    let text = text(listen, pki);
    let same = file::read_if_there(path).is_ok_and(|there| there.as_deref() == Some(text.as_str()));
    if same {
        return Ok(());
    }
    file::put(path, text.as_bytes(), Readable::ByOwner).map_err(|error| {
        Failure::from_error(
            &format!("cannot write {}", path.display()),
            &error,
            "make its directory writable",
        )
    })
}

/// The admin's pair in the kubeconfig at `path`; absent where there is none that can be read.
pub(crate) fn admin(path: &Path) -> Option<Pair> {
    let text = file::read_if_there(path).ok()??;
    // Only what was written here is looked for, in the form in which it is written here.
    let field = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
    let decode = |name| String::from_utf8(BASE64_STANDARD.decode(field(name)?).ok()?).ok();
    Some(Pair { certificate: decode("client-certificate-data")?, key: decode("client-key-data")? })
}

/// Where a client on this machine finds a server that listens at `listen`.
pub(crate) fn url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("https://{}", SocketAddr::new(ip, listen.port()))
}

fn text(listen: SocketAddr, pki: &Pki) -> String {
    let encode = |text: &str| BASE64_STANDARD.encode(text);
    let (server, authority) = (url(listen), encode(&pki.authority));
    let (certificate, key) = (encode(&pki.admin.certificate), encode(&pki.admin.key));
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: keelson\n\
         clusters:\n\
         - name: keelson\n\
         \x20 cluster:\n\
         \x20   server: {server}\n\
         \x20   certificate-authority-data: {authority}\n\
         users:\n\
         - name: kubernetes-admin\n\
         \x20 user:\n\
         \x20   client-certificate-data: {certificate}\n\
         \x20   client-key-data: {key}\n\
         contexts:\n\
         - name: keelson\n\
         \x20 context:\n\
         \x20   cluster: keelson\n\
         \x20   user: kubernetes-admin\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pki() -> Pki {
        let pair =
            |text: &str| Pair { certificate: format!("{text} certificate\n"), key: format!("{text} key\n") };
        let (serving, admin) = (pair("serving"), pair("admin"));
        let (service_account, service_account_public) = (String::new(), String::new());
        Pki {
            authority: "ca\n".into(),
            authority_key: String::new(),
            proxy_authority: "proxies\n".into(),
            serving,
            admin,
            service_account,
            service_account_public,
        }
    }

    #[test]
    fn the_pair_can_be_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.kubeconfig");
        assert_eq!(admin(&path), None);
        write(&path, "127.0.0.1:1".parse().unwrap(), &pki()).unwrap();
        assert_eq!(admin(&path), Some(pki().admin));
        std::fs::write(&path, "nonsense").unwrap();
        assert_eq!(admin(&path), None);
    }

    #[test]
    fn a_client_here_finds_it() {
        for (listen, found) in [
            ("127.0.0.1:6443", "https://127.0.0.1:6443"),
            ("0.0.0.0:1", "https://127.0.0.1:1"),
            ("[::]:1", "https://[::1]:1"),
            ("10.1.2.3:6443", "https://10.1.2.3:6443"),
        ] {
            assert_eq!(url(listen.parse().unwrap()), found);
        }
    }
}
