//! The names of images: which tag one asks for decides whether it is pulled again each time.
//!
//! A name is `[domain[:port]/]path[:tag][@algorithm:digest]`, by the grammar that registries agree on.

/// How an image is pulled if nobody says so: always if its name, well-formed, asks for the latest one, by that tag or
/// by saying nothing.
pub(crate) fn pull_policy(image: &str) -> &'static str {
    if asks_for_latest(image) { "Always" } else { "IfNotPresent" }
}

/// The longest path of a repository.
const PATH_BYTES_MAX: usize = 255;
/// The longest tag.
const TAG_BYTES_MAX: usize = 128;

fn asks_for_latest(image: &str) -> bool {
    match parse(image) {
        Some((tag, digest)) => tag == "latest" || tag.is_empty() && digest.is_empty(),
        None => false,
    }
}

/// The tag and the digest of a well-formed name.
fn parse(image: &str) -> Option<(&str, &str)> {
    let is_identifier =
        image.len() == 64 && image.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_identifier {
        return None;
    }
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    if rest.len() < image.len() && !is_digest(digest) {
        return None;
    }
    let (domain, rest) = match rest.split_once('/') {
        Some((first, behind)) if is_domain_like(first) => (Some(first), behind),
        _ => (None, rest),
    };
    let (path, tag) = rest.split_once(':').unwrap_or((rest, ""));
    let has_tag = path.len() < rest.len();
    let is_well_formed = domain.is_none_or(is_domain)
        && path.len() + if domain.is_none() && !path.contains('/') { "library/".len() } else { 0 }
            <= PATH_BYTES_MAX
        && path.split('/').all(is_path_component)
        && (!has_tag || is_tag(tag));
    is_well_formed.then_some((tag, digest))
}

/// Whether what stands before the first slash is where the registry is, rather than the beginning of the path.
fn is_domain_like(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.to_lowercase() != first
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(at) if !text.ends_with(']') => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    };
    let is_address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|address| {
        !address.is_empty() && address.bytes().all(|byte| byte == b':' || byte.is_ascii_hexdigit())
    });
    let is_name = host.split('.').all(|part| {
        let bytes = part.as_bytes();
        let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        is_edge(bytes.first())
            && is_edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    });
    (is_address || is_name)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Small letters and digits, with single points, one or two underscores, or dashes between them.
fn is_path_component(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_whole = text.starts_with(is_plain) && text.ends_with(is_plain);
    let mut separators = text.split(is_plain).filter(|separator| !separator.is_empty());
    is_whole
        && separators.all(|separator| {
            matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_BYTES_MAX
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let digits = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == digits && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_image_is_always_pulled() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let always = [
            "nginx",
            "nginx:latest",
            "library/nginx",
            "localhost/nginx",
            "localhost:5000/a/b",
            "registry.example.com/a__b/c-d---e:latest",
            "[fe80::1]:5000/a",
            &format!("nginx:latest@{digest}"),
        ];
        for image in always {
            assert_eq!(pull_policy(image), "Always", "{image}");
        }
        let other = [
            "nginx:1.27",
            "nginx:LATEST",
            &format!("nginx@{digest}"),
            "",
            "Nginx",
            "nginx:",
            "nginx:latest:latest",
            "a//b",
            "a___b",
            "a..b",
            "-a",
            "nginx@sha256:abc",
            "registry.example.com:port/a",
            "UPPER/nginx:v1",
            &"a".repeat(64),
            " nginx",
        ];
        for image in other {
            assert_eq!(pull_policy(image), "IfNotPresent", "{image}");
        }
    }
}
