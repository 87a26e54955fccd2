//! How messages show a struct that upstream holds in a form of its own: as JSON with the names and in the order of that
//! form's fields, all of them.
//!
//! That form has the fields of the first version, in the same order; only their names are those of Go.

use std::fmt::Write as _;

use keelson_api::field::Value as Shown;
use keelson_api::golang::JsonText;
use keelson_schema::arena::{FieldRef, Kind, StructRef, TypeRef};
use keelson_schema::tree::{Fields, Value, View};

/// A value as messages show it then.
pub(crate) fn shown(view: View<'_>) -> Shown<'static> {
    Shown::Json(json(view).into())
}

/// A struct as messages show it then, with all its fields if it is not there: for fields that are no pointers.
pub(crate) fn shown_struct(view: View<'_>) -> Shown<'static> {
    match (view.ty().and_then(TypeRef::as_struct), view.value()) {
        (Some(of), None) => {
            let mut out = String::new();
            write_struct(of, view, &mut out);
            Shown::Json(out.into())
        }
        _ => shown(view),
    }
}

/// A value as such JSON.
pub(crate) fn json(view: View<'_>) -> String {
    let mut out = String::new();
    match (view.ty(), view.value()) {
        (Some(ty), Some(value)) => write(ty, value, &mut out),
        _ => out.push_str("null"),
    }
    out
}

/// The same with every field on a line of its own, as deep as it lies.
pub(crate) fn pretty(view: View<'_>) -> String {
    indented(&json(view))
}

fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escapes) = (0_usize, false, false);
    let mut letters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    };
    while let Some(c) = letters.next() {
        match c {
            _ if in_text => {
                out.push(c);
                in_text = escapes || c != '"';
                escapes = !escapes && c == '\\';
            }
            '{' | '[' => {
                out.push(c);
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_text = c == '"';
                out.push(c);
            }
        }
    }
    out
}

/// Some fields of a struct, as a struct of their own.
pub(crate) fn pretty_fields<'a>(fields: impl Iterator<Item = (&'static str, View<'a>)>) -> String {
    let fields: Vec<String> =
        fields.map(|(name, value)| format!("\"{}\":{}", go_name(name), json(value))).collect();
    indented(&format!("{{{}}}", fields.join(",")))
}

/// Types that have no other form: what all kinds share.
fn is_shared(ty: TypeRef<'_>) -> bool {
    ty.name().starts_with("io.k8s.apimachinery.")
}

fn write(ty: TypeRef<'_>, value: &Value, out: &mut String) {
    match value {
        Value::Struct(_) if is_shared(ty) => write_plain(ty, value, out),
        Value::Struct(_) => {
            if let Some(of) = ty.as_struct() {
                write_struct(of, View::new(ty, Some(value)), out);
            }
        }
        Value::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, out);
                write(ty.elem(), item, out);
            }
            out.push(']');
        }
        Value::Map(entries) if ty.kind() == Kind::Map => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                separate(at, out);
                _ = write!(out, "{}:", JsonText(key));
                write(ty.elem(), item, out);
            }
            out.push('}');
        }
        _ => write_plain(ty, value, out),
    }
}

fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

/// A value as it was written, for rules that are asked of what was written.
pub(crate) fn shown_written(view: View<'_>) -> Shown<'static> {
    let mut out = String::new();
    match (view.ty(), view.value()) {
        (Some(ty), Some(value)) => write_plain(ty, value, &mut out),
        _ => out.push_str("null"),
    }
    Shown::Json(out.into())
}

fn write_plain(ty: TypeRef<'_>, value: &Value, out: &mut String) {
    let mut json = Vec::new();
    // What cannot be encoded is a time out of range, or JSON that is none; neither gets here.
    match keelson_schema::json::encode_value(ty, value, &mut json) {
        Ok(()) => out.push_str(&String::from_utf8_lossy(&json)),
        Err(_) => out.push_str("null"),
    }
}

fn write_struct(of: StructRef<'_>, view: View<'_>, out: &mut String) {
    if of.ty().short_name() == "JSONSchemaProps" {
        return write_schema(of, view, out);
    }
    out.push('{');
    let mut count = 0;
    // What says the kind of an object is not held with it.
    let is_object = of.by_name("metadata").is_some();
    for field in of.fields().filter(|field| !is_object || !matches!(field.name(), "apiVersion" | "kind")) {
        let value = view.fields().and_then(|fields| fields.get(field.index));
        // Metadata is embedded: its fields stand among the others.
        if field.name() == "metadata" {
            let mut metadata = String::new();
            if let Some(value) = value {
                write_plain(field.ty(), value, &mut metadata);
            }
            let inner = metadata.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or("");
            if !inner.is_empty() {
                out.push_str(inner);
                count += 1;
            }
            continue;
        }
        separate(count, out);
        count += 1;
        if (of.ty().short_name(), field.name()) == ("PodCertificateRequestSpec", "stubPKCS10Request") {
            out.push_str(OLD_KEYS);
        }
        _ = write!(out, "\"{}\":", go_name_in(of, field.name()));
        match value {
            Some(value) => write(field.ty(), value, out),
            // Here alone, upstream's form has no pointer where the first version has one.
            None if field.ty().kind() == Kind::IntOrString
                && matches!(of.ty().short_name(), "RollingUpdateDeployment" | "RollingUpdateDaemonSet") =>
            {
                out.push('0');
            }
            None => write_zero(field, out),
        }
    }
    out.push('}');
}

/// A schema, whose form has `nullable` in another place and other names for what its users write with `x-`.
fn write_schema(of: StructRef<'_>, view: View<'_>, out: &mut String) {
    out.push('{');
    let mut put = |name: &str| {
        let Some(field) = of.by_name(name) else { return };
        let short = name.strip_prefix("x-kubernetes-");
        let go = match (name, short) {
            ("id", _) => "ID".to_owned(),
            ("$schema", _) => "Schema".to_owned(),
            ("$ref", _) => "Ref".to_owned(),
            (_, Some(short)) => format!("X{}", short.split('-').map(go_name).collect::<String>()),
            _ => go_name(name),
        };
        separate(usize::from(!out.ends_with('{')), out);
        _ = write!(out, "\"{go}\":");
        let value = view.fields().and_then(|fields| fields.get(field.index));
        match (field.ty().kind(), value) {
            (Kind::SchemaOrBool, Some(Value::Bool(allows))) => {
                _ = write!(out, r#"{{"Allows":{allows},"Schema":null}}"#);
            }
            (Kind::SchemaOrBool, Some(value @ Value::Struct(_))) => {
                out.push_str(r#"{"Allows":true,"Schema":"#);
                write(field.ty().elem(), value, out);
                out.push('}');
            }
            (Kind::SchemaOrArray, Some(value @ Value::Struct(_))) => {
                out.push_str(r#"{"Schema":"#);
                write(field.ty().elem(), value, out);
                out.push_str(r#","JSONSchemas":null}"#);
            }
            (_, Some(value)) => write(field.ty(), value, out),
            (_, None) => write_zero(field, out),
        }
    };
    for field in of.fields().filter(|field| field.name() != "nullable") {
        put(field.name());
        if field.name() == "type" {
            put("nullable");
        }
    }
    out.push('}');
}

/// What a field without a value is in Go.
fn write_zero(field: FieldRef<'_>, out: &mut String) {
    let ty = field.ty();
    match ty.kind() {
        _ if field.is_pointer() => out.push_str("null"),
        Kind::Struct => match ty.as_struct() {
            Some(of) if !is_shared(ty) => write_struct(of, View::new(ty, None), out),
            _ => write_plain(ty, &Value::Struct(Fields::new()), out),
        },
        Kind::Bool => out.push_str("false"),
        Kind::Int32 | Kind::Int64 | Kind::Float64 | Kind::IntOrString => out.push('0'),
        Kind::String => out.push_str("\"\""),
        Kind::Quantity => out.push_str("\"0\""),
        _ => out.push_str("null"),
    }
}

/// What upstream still holds of an older version of requests for certificates.
const OLD_KEYS: &str = r#""PKIXPublicKey":null,"ProofOfPossession":null,"#;

/// What Go calls the fields whose names are not simply written large.
const GO_NAMES: &[(&str, &str)] = &[
    ("fsType", "FSType"),
    ("apiGroups", "APIGroups"),
    ("caBundle", "CABundle"),
    ("cel", "CEL"),
    ("cidr", "CIDR"),
    ("cidrs", "CIDRs"),
    ("ips", "IPs"),
    ("nonResourceURLs", "NonResourceURLs"),
    ("tls", "TLS"),
    ("uid", "UID"),
    ("url", "URL"),
    ("diskURI", "DataDiskURI"),
    ("tty", "TTY"),
    ("wwids", "WWIDs"),
    ("pdName", "PDName"),
    ("httpHeaders", "HTTPHeaders"),
    ("httpGet", "HTTPGet"),
    ("tcpSocket", "TCPSocket"),
    ("grpc", "GRPC"),
    ("ip", "IP"),
    ("iqn", "IQN"),
    ("iscsiInterface", "ISCSIInterface"),
    ("chapAuthDiscovery", "DiscoveryCHAPAuth"),
    ("chapAuthSession", "SessionCHAPAuth"),
    ("apiVersion", "APIVersion"),
    ("seLinuxOptions", "SELinuxOptions"),
    ("seLinuxChangePolicy", "SELinuxChangePolicy"),
    ("fsGroup", "FSGroup"),
    ("fsGroupChangePolicy", "FSGroupChangePolicy"),
    ("dnsPolicy", "DNSPolicy"),
    ("dnsConfig", "DNSConfig"),
    ("os", "OS"),
    ("sslEnabled", "SSLEnabled"),
    ("apiGroup", "APIGroup"),
    ("gcePersistentDisk", "GCEPersistentDisk"),
    ("awsElasticBlockStore", "AWSElasticBlockStore"),
    ("nfs", "NFS"),
    ("iscsi", "ISCSI"),
    ("rbd", "RBD"),
    ("cephfs", "CephFS"),
    ("fc", "FC"),
    ("storageos", "StorageOS"),
    ("csi", "CSI"),
    ("gmsaCredentialSpecName", "GMSACredentialSpecName"),
    ("gmsaCredentialSpec", "GMSACredentialSpec"),
];

/// The same where a name means something else in other structs: the struct, the field, and what Go calls it.
const GO_NAMES_IN: &[(&str, &str, &str)] = &[
    ("GlusterfsPersistentVolumeSource", "endpoints", "EndpointsName"),
    ("GlusterfsVolumeSource", "endpoints", "EndpointsName"),
    ("PodSpec", "serviceAccount", "DeprecatedServiceAccount"),
    ("RBDPersistentVolumeSource", "monitors", "CephMonitors"),
    ("RBDPersistentVolumeSource", "image", "RBDImage"),
    ("RBDPersistentVolumeSource", "pool", "RBDPool"),
    ("RBDPersistentVolumeSource", "user", "RadosUser"),
    ("RBDVolumeSource", "monitors", "CephMonitors"),
    ("RBDVolumeSource", "image", "RBDImage"),
    ("RBDVolumeSource", "pool", "RBDPool"),
    ("RBDVolumeSource", "user", "RadosUser"),
];

/// What Go calls a field of that struct.
fn go_name_in(of: StructRef<'_>, name: &str) -> String {
    let here = |(of_name, json, _): &&(&str, &str, &str)| *of_name == of.ty().short_name() && *json == name;
    GO_NAMES_IN.iter().find(here).map_or_else(|| go_name(name), |(_, _, go)| (*go).to_owned())
}

/// What Go calls a field of that name.
pub(super) fn go_name(name: &str) -> String {
    if let Some((_, go)) = GO_NAMES.iter().find(|(json, _)| *json == name) {
        return (*go).to_owned();
    }
    let mut letters = name.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
