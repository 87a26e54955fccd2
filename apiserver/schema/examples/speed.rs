//! What decoding and encoding cost: nanoseconds for a typical pod and Deployment, each way.
//!
//! `cargo run --release -p keelson-schema --example speed`

use std::hint::black_box;
use std::time::Instant;

use keelson_schema::convert::{Encoding, decode, encode};
use keelson_schema::tree::Object;
use keelson_schema::{json, metadata, proto};

/// The best of many short rounds in nanoseconds per run: short enough for some to pass undisturbed on a busy machine.
#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn time<T>(mut run: impl FnMut() -> T) -> u128 {
    const RUNS: u128 = 20;
    let mut best = u128::MAX;
    for _ in 0..1000 {
        let start = Instant::now();
        for _ in 0..RUNS {
            black_box(run());
        }
        best = best.min(start.elapsed().as_nanos() / RUNS);
    }
    best
}

fn main() {
    for (name, text) in [("pod", include_str!("pod.json")), ("deployment", include_str!("deployment.json"))] {
        let (object, _) = decode(text.as_bytes(), Encoding::Json, true).expect("the example is well formed");
        let json = encode(&object, Encoding::Json).expect("it can be written");
        let protobuf = encode(&object, Encoding::Protobuf).expect("it has a protobuf form");
        let yaml = encode(&object, Encoding::Yaml).expect("it has a YAML form");
        println!("{name}: {} bytes of JSON, {} of protobuf", json.len(), protobuf.len());
        let ty = object.ty();
        let mut out = Vec::with_capacity(json.len());
        let rows = [
            ("JSON decode", time(|| json::decode(&json, ty, false))),
            ("JSON decode, strict", time(|| json::decode(&json, ty, true))),
            ("JSON kind only", time(|| json::interpret(&json))),
            (
                "JSON encode",
                time(|| {
                    out.clear();
                    json::encode(ty, object.root(), &mut out)
                }),
            ),
            ("JSON decode + encode", time(|| round(&json, &object))),
            (
                "protobuf decode",
                time(|| {
                    proto::open(&protobuf).and_then(|envelope| proto::decode_message(envelope.message, ty))
                }),
            ),
            ("protobuf encode", time(|| proto::encode(ty, object.root(), protobuf.len()))),
            ("clone", time(|| object.clone())),
            ("metadata of bytes", time(|| metadata::partial_json(&json))),
            ("YAML encode", time(|| encode(&object, Encoding::Yaml))),
            ("YAML decode", time(|| decode(&yaml, Encoding::Yaml, false))),
        ];
        for (what, nanos) in rows {
            println!("  {what:<22}{nanos:>8} ns");
        }
    }
}

fn round(input: &[u8], object: &Object) -> usize {
    let decoded = json::decode(input, object.ty(), true).expect("the example is well formed");
    let mut out = Vec::with_capacity(input.len());
    json::encode(object.ty(), &decoded.root, &mut out).expect("it can be written");
    out.len()
}
