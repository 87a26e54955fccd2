//! Objects of every type, made up by walking the arena from a seed: what goes round through any encoding comes back
//! the same, and mangled bytes are refused, not choked on.

use keelson_schema::arena::{Arena, Flags, Kind, Schema, TypeRef, builtin};
use keelson_schema::convert::{Encoding, convert, decode, encode};
use keelson_schema::normal::normalize;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Entries, Fields, Object, Value};
use keelson_schema::{json, metadata, proto, yaml};

/// xorshift64*: enough for making things up.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A place in something of that length.
    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("a length fits")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.place(from.len())]
    }
}

const TEXTS: [&str; 16] = [
    "a",
    "",
    "nginx:1.29",
    "<b>&\u{2028}",
    "two\nlines\n",
    "yes",
    "0755",
    "é😀",
    " padded ",
    "x: y",
    "- z",
    "1e3",
    "~",
    "\"quoted\"",
    "it's",
    "a text of more than twenty-three bytes",
];

fn fields(ty: TypeRef<'_>, random: &mut Random, depth: u32) -> Fields {
    let mut made = Fields::new();
    let Some(of) = ty.as_struct() else { return made };
    for field in of.fields() {
        // Kind and version of the object itself are set by the caller; those within survive only in JSON and YAML.
        if matches!(field.name(), "kind" | "apiVersion")
            && of.by_name("kind").is_some_and(|kind| kind.index == 0)
        {
            continue;
        }
        if random.below(4) > u64::from(depth) / 2 {
            continue;
        }
        if let Some(value) = value(field.ty(), random, depth + 1)
            && !(value.is_empty() && !field.is_pointer() && !field.flags().has(Flags::ALWAYS))
        {
            made.set(field.index, value);
        }
    }
    made
}

fn value(ty: TypeRef<'_>, random: &mut Random, depth: u32) -> Option<Value> {
    let many = if depth > 9 { 0 } else { random.below(3) + 1 };
    let raw = |random: &mut Random| {
        Value::Raw(random.pick(&[r#"{"a":[1,"b"]}"#, "[]", "\"x\"", "1.5", "true"]).as_bytes().into())
    };
    Some(match ty.kind() {
        Kind::Bool => Value::Bool(random.below(2) == 0),
        Kind::Int32 => Value::Int(i64::from(random.pick(&[0, 1, -1, 8080, i32::MAX, i32::MIN]))),
        Kind::Int64 => Value::Int(random.pick(&[0, 1, -1, 30, i64::MAX, i64::MIN])),
        Kind::Float64 => Value::Float(random.pick(&[0.5, -1.25, 1e21, 1e-7, 3.0])),
        Kind::String => Value::from(random.pick(&TEXTS)),
        Kind::Bytes => Value::Bytes(random.pick(&["x", "ab", "\0\u{7f}"]).as_bytes().into()),
        Kind::Time => {
            Value::Time(Time { seconds: random.pick(&[0, -1, 1_700_000_000, 253_402_300_799]), nanos: 0 })
        }
        Kind::MicroTime => {
            Value::Time(Time { seconds: 1_700_000_000, nanos: random.pick(&[0, 1000, 999_999_000]) })
        }
        Kind::Quantity => Value::from(random.pick(&["1", "100m", "1536Mi", "12e6", "0"])),
        Kind::IntOrString if random.below(2) == 0 => Value::from("http"),
        Kind::IntOrString => Value::Int(80),
        Kind::Raw | Kind::FieldsV1 | Kind::Json => raw(random),
        Kind::Any => Value::Int(5),
        Kind::SchemaOrBool if depth > 5 => Value::Bool(true),
        Kind::SchemaOrArray if depth > 5 => return None,
        Kind::SchemaOrStrings if depth > 5 => Value::List([Value::from("x")].into()),
        Kind::SchemaOrBool | Kind::SchemaOrStrings => Value::Struct(fields(ty.elem(), random, depth)),
        Kind::SchemaOrArray => Value::List([Value::Struct(fields(ty.elem(), random, depth))].into()),
        Kind::Struct if depth > 12 => return None,
        Kind::Struct => Value::Struct(fields(ty, random, depth)),
        Kind::List => Value::List((0..many).filter_map(|_| value(ty.elem(), random, depth)).collect()),
        Kind::Map => {
            let mut entries = Entries::new();
            for _ in 0..many {
                if let Some(value) = value(ty.elem(), random, depth) {
                    entries.set(random.pick(&TEXTS), value);
                }
            }
            Value::Map(entries)
        }
    })
}

/// An object of every kind, in normal form.
fn objects(seed: u64) -> impl Iterator<Item = Object> {
    let arena: &'static Arena = builtin();
    arena.gvks().enumerate().map(move |(at, (group, version, kind, ty))| {
        let mut random = Random(seed.wrapping_mul(1_000_003).wrapping_add(at as u64) | 1);
        let mut root = fields(ty, &mut random, 0);
        let of = ty.as_struct().expect("kinds are structs");
        let version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        for (name, text) in [("kind", kind), ("apiVersion", version.as_str())] {
            if let Some(index) = of.index_of(name) {
                root.set(index, Value::from(text));
            }
        }
        normalize(of, &mut root);
        Object::with_root(Schema::of_builtin(ty), root)
    })
}

fn has_kind(object: &Object) -> bool {
    !object.kind().is_empty()
}

#[test]
fn what_goes_round_comes_back_the_same() {
    let mut rounds = 0;
    for seed in 1..=1 {
        for object in objects(seed).filter(has_kind) {
            let shown = encode(&object, Encoding::Json).unwrap();
            for form in [Encoding::Json, Encoding::Yaml, Encoding::Protobuf] {
                let Ok(bytes) = encode(&object, form) else {
                    assert!(object.kind().starts_with("Table"), "{} has no {form:?}", object.kind());
                    continue;
                };
                let (mut back, complaints) = decode(&bytes, form, true).unwrap_or_else(|error| {
                    panic!("{form:?} of {}: {error}", String::from_utf8_lossy(&shown))
                });
                assert!(complaints.is_empty(), "{complaints}");
                let schema = back.schema().clone();
                normalize(schema.ty().as_struct().unwrap(), back.root_mut());
                let again = encode(&back, Encoding::Json).unwrap();
                assert_eq!(
                    String::from_utf8_lossy(&again),
                    String::from_utf8_lossy(&shown),
                    "through {form:?}"
                );
                // Order within a raw value is the one thing YAML does not keep.
                if form != Encoding::Yaml {
                    assert_eq!(back, object, "through {form:?}: {}", String::from_utf8_lossy(&shown));
                }
                assert_eq!(encode(&back, form).unwrap(), bytes);
                rounds += 1;
            }
        }
    }
    assert!(rounds > 1_500, "{rounds} rounds");
}

#[test]
fn the_metadata_form_is_the_same_from_bytes_and_from_the_tree() {
    for object in objects(7).filter(|object| has_kind(object) && object.view().field("metadata").is_present())
    {
        let bytes = encode(&object, Encoding::Json).unwrap();
        let of_bytes = metadata::partial_json(&bytes).unwrap();
        let of_list =
            object.ty().as_struct().unwrap().by_name("metadata").unwrap().ty().short_name() != "ObjectMeta";
        if !of_list {
            let of_tree = encode(&metadata::partial(&object).unwrap(), Encoding::Json).unwrap();
            assert_eq!(String::from_utf8_lossy(&of_bytes), String::from_utf8_lossy(&of_tree));
        }
    }
}

/// Changes a few bytes.
fn mangle(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.place(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.next().to_le_bytes()[7],
            1 => bytes[at] = random.pick(b"{}[]\",:\\0-\n &*!|>'\x00\x80\xff"),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            _ => {
                let piece = bytes[at..(at + 8).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn mangled_bytes_are_read_or_refused() {
    let mut random = Random(99);
    let (mut refused, mut read) = (0, 0);
    for object in objects(3).filter(has_kind) {
        for form in [Encoding::Json, Encoding::Yaml, Encoding::Protobuf] {
            let Ok(bytes) = encode(&object, form) else { continue };
            for _ in 0..2 {
                let mut mangled = bytes.clone();
                mangle(&mut mangled, &mut random);
                match decode(&mangled, form, true) {
                    Ok((object, _)) => {
                        read += 1;
                        // What can be read can be written, but for raw values that are no JSON and texts beyond YAML.
                        let _ = encode(&object, Encoding::Json);
                        let _ = encode(&object, Encoding::Protobuf);
                        let _ = encode(&object, Encoding::Yaml);
                    }
                    Err(error) => {
                        refused += 1;
                        assert!(
                            !error.to_string().contains("disagree"),
                            "{}",
                            String::from_utf8_lossy(&mangled)
                        );
                    }
                }
                let _ = json::decode_any(&mangled);
                let _ = json::interpret(&mangled);
                let _ = yaml::to_json(&mangled);
                let _ = proto::decode_message(&mangled, object.ty());
                let _ = metadata::partial_json(&mangled);
            }
        }
    }
    assert!(refused > 2000 && read > 200, "{refused} refused, {read} read");
}

/// Runs on a stack as small as a server's worker has.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(work);
    thread.expect("a thread").join().expect("the stack suffices");
}

#[test]
fn depth_is_bounded_on_a_small_stack() {
    on_a_small_stack(|| {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for depth in [400_usize, 9_000, 200_000] {
                let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                assert_eq!(json::decode_any(deep.as_bytes()).is_ok(), depth == 400);
                // Raw values are kept, not walked.
                let raw = format!(
                    r#"{{"kind":"ControllerRevision","apiVersion":"apps/v1","data":{deep},"revision":1}}"#
                );
                let converted = convert(raw.as_bytes(), None, Encoding::Protobuf, true);
                assert_eq!(converted.is_ok(), depth < 10_000, "{depth}");
                let _ = yaml::to_json(deep.as_bytes());
                let _ = yaml::from_json(deep.as_bytes());
            }
        }
        let schemas = |depth: usize| {
            let inner = r#"{"properties":{"a":"#.repeat(depth) + "{}" + &"}}".repeat(depth);
            format!(
                r#"{{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{{"versions":[{{"schema":{{"openAPIV3Schema":{inner}}}}}]}}}}"#
            )
        };
        for depth in [200, 5_000] {
            let bytes = convert(schemas(depth).as_bytes(), None, Encoding::Protobuf, true);
            assert_eq!(bytes.is_ok(), depth == 200);
            if let Ok(bytes) = bytes {
                assert!(convert(&bytes, None, Encoding::Yaml, true).is_ok());
            }
        }
        // Messages in messages, as deep as their lengths allow.
        let ty = builtin()
            .by_name("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
            .unwrap();
        let mut message = Vec::new();
        for _ in 0..5_000 {
            let mut outer = vec![0xe2, 0x01];
            let mut length = message.len();
            while length >= 0x80 {
                outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            outer.push(u8::try_from(length).unwrap());
            outer.extend(&message);
            message = outer;
        }
        assert!(proto::decode_message(&message, ty).is_err());
    });
}

#[test]
fn repetition_costs_no_more_than_its_bytes() {
    // Each of these takes minutes where what is already there is handled anew every time.
    let key = "k".repeat(100_000);
    let unknown = r#","x":1"#.repeat(200_000);
    let labels: Vec<String> = (0..100_000).rev().map(|at| format!(r#""labels":{{"k{at}":""}}"#)).collect();
    for input in [
        format!(
            r#"{{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","spec":{{"versions":[{{"schema":{{"openAPIV3Schema":{{"properties":{{"{key}":{{"type":""{unknown}}}}}}}}}}}]}}}}"#
        ),
        format!(r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{{}}}}}"#, labels.join(",")),
    ] {
        let (_, complaints) = decode(input.as_bytes(), Encoding::Json, true).expect("well formed");
        assert!(!complaints.is_empty());
    }
    // A pod's metadata a hundred thousand times, with a label each.
    let mut message = Vec::new();
    for at in (0..100_000).rev() {
        let key = format!("k{at:05}");
        let entry = [&[0x5a, 8, 0x0a, 6][..], key.as_bytes()].concat();
        message.extend([0x0a, u8::try_from(entry.len()).expect("a short entry")]);
        message.extend(entry);
    }
    let ty = builtin().by_name("io.k8s.api.core.v1.Pod").expect("a built-in type");
    assert!(proto::decode_message(&message, ty).is_ok());
}
