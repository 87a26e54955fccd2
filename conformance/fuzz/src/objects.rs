//! Objects in every encoding, and what changes them.

use keelson_api::options::FieldValidation;
use keelson_schema::apply::{Configuration, OneVersion, Target, Writer, apply};
use keelson_schema::convert::{Encoding, decode, encode};
use keelson_schema::patch::{Patch, PatchKind};
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::Object;
use keelson_schema::{json, proto, yaml};

use crate::{fuzz, must, seeds};

fn read(input: &[u8], from: Encoding) -> Result<Object, String> {
    decode(input, from, true).map(|(object, _)| object).map_err(|error| error.to_string())
}

fn write(object: &Object, to: Encoding) -> Result<Vec<u8>, String> {
    encode(object, to).map_err(|error| error.to_string())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whatever was read can be written in every encoding that has a form for it, and what was written reads the same.
fn round_trip(input: &[u8], from: Encoding) -> Result<String, String> {
    let object = match read(input, from) {
        Ok(object) => object,
        Err(error) => return Ok(error),
    };
    if let Err(error) = write(&object, Encoding::Json) {
        return Ok(format!("not written: {error}"));
    }
    if object.kind().is_empty() || object.api_version().is_empty() {
        // It was found by a name in other letters, which is no field; upstream writes it without one too.
        return Ok("nameless".to_owned());
    }
    // YAML sorts its keys, also where they are free and JSON keeps their order: each is held against itself.
    for to in [Encoding::Json, Encoding::Yaml] {
        // YAML has no form for control characters.
        let Ok(written) = write(&object, to) else { return Ok(format!("not written as {to:?}")) };
        let again = read(&written, to).map_err(|error| format!("{error} for {}", text(&written)))?;
        let twice = write(&again, to)?;
        must(twice == written, || format!("{} becomes {}", text(&written), text(&twice)))?;
    }
    if let Ok(written) = write(&object, Encoding::Protobuf) {
        let again = read(&written, Encoding::Protobuf)?;
        let twice = write(&again, Encoding::Protobuf)?;
        must(twice == written, || "what protobuf says changes".to_owned())?;
    }
    Ok(format!("a {:?}", object.ty()).chars().take(60).collect())
}

#[test]
fn objects_in_json() {
    fuzz(15_000, seeds::JSON, |input| round_trip(input, Encoding::Json));
}

#[test]
fn objects_in_yaml() {
    fuzz(15_000, seeds::YAML, |input| {
        let documents = str::from_utf8(input).map_or(0, |text| yaml::documents(text).count());
        must(documents <= input.len() + 1, || format!("{documents} documents"))?;
        round_trip(input, Encoding::Yaml)
    });
}

#[test]
fn objects_in_protobuf() {
    // Mutations work on text, and carry bytes as they are: one symbol for each.
    let encoded = seeds::JSON.iter().filter_map(|seed| {
        let bytes = write(&read(seed.as_bytes(), Encoding::Json).ok()?, Encoding::Protobuf).ok()?;
        Some(bytes.into_iter().map(char::from).collect::<String>())
    });
    let encoded: Vec<_> = encoded.collect();
    let encoded: Vec<_> = encoded.iter().map(String::as_str).collect();
    fuzz(20_000, &encoded, |input| {
        let bytes: Vec<_> =
            String::from_utf8_lossy(input).chars().map(|symbol| u32::from(symbol) as u8).collect();
        if let Ok(envelope) = proto::open(&bytes) {
            must(envelope.message.len() <= bytes.len(), || "it has grown".to_owned())?;
        }
        let object = match read(&bytes, Encoding::Protobuf) {
            Ok(object) => object,
            Err(error) => return Ok(error),
        };
        let Ok(json) = write(&object, Encoding::Json) else { return Ok("not written".to_owned()) };
        read(&json, Encoding::Json).map_err(|error| format!("{error} for {}", text(&json)))?;
        Ok(format!("an object of {} lengths", "x".repeat(json.len().ilog2() as usize)))
    });
}

#[test]
fn patches() {
    let objects: Vec<_> =
        seeds::JSON[..4].iter().filter_map(|seed| read(seed.as_bytes(), Encoding::Json).ok()).collect();
    fuzz(20_000, seeds::PATCHES, |input| {
        let [kind, object, patch @ ..] = input else { return Ok("nothing".to_owned()) };
        let kind = [PatchKind::Json, PatchKind::Merge, PatchKind::Strategic][usize::from(*kind) % 3];
        let object = &objects[usize::from(*object) % objects.len()];
        let patched = Patch::parse(kind, patch, FieldValidation::Warn).and_then(|patch| patch.apply(object));
        match patched {
            Ok(patched) => {
                let json = write(&patched.object, Encoding::Json);
                Ok(format!("{kind:?}: {} warnings, {}", patched.warnings.len().min(3), json.is_ok()))
            }
            Err(error) => Ok(format!("{kind:?}: {error}")),
        }
    });
}

#[test]
fn applied_configurations() {
    let objects: Vec<_> =
        seeds::JSON[..4].iter().filter_map(|seed| read(seed.as_bytes(), Encoding::Json).ok()).collect();
    let configurations: Vec<_> = (0..objects.len())
        .flat_map(|number| {
            seeds::JSON[..4].iter().chain(seeds::YAML).map(move |seed| format!("{number}{seed}"))
        })
        .collect();
    let configurations: Vec<_> = configurations.iter().map(String::as_str).collect();
    fuzz(8_000, &configurations, |input| {
        let [number, configuration @ ..] = input else { return Ok("nothing".to_owned()) };
        let live = &objects[usize::from(*number) % objects.len()];
        apply_twice(live, configuration)
    });
}

/// What was applied is there: applied once more it changes nothing.
fn apply_twice(live: &Object, configuration: &[u8]) -> Result<String, String> {
    let converted = match yaml::to_json(configuration) {
        Ok(converted) => converted,
        Err(error) => return Ok(error.to_string()),
    };
    let value = match json::decode_any(&converted.json) {
        Ok(value) => value,
        Err(error) => return Ok(error.to_string()),
    };
    let configuration = Configuration::new(value, live.schema().clone());
    let target = Target {
        api_version: live.api_version(),
        kind: live.kind(),
        subresource: "",
        filters: &[],
        versions: &OneVersion,
    };
    let writer = Writer { manager: "fuzz", now: Time { seconds: 1, nanos: 0 } };
    let applied = match apply(Some(live), &configuration, &writer, true, &target) {
        Ok(applied) => applied.unwrap_or_else(|| live.clone()),
        Err(error) => return Ok(error.to_string()),
    };
    let again = apply(Some(&applied), &configuration, &writer, true, &target);
    let again =
        again.map_err(|error| format!("the second time: {error}"))?.unwrap_or_else(|| applied.clone());
    let [first, second] =
        [&applied, &again].map(|object| write(object, Encoding::Json).map(|json| text(&json)));
    must(first == second, || format!("{first:?} becomes {second:?}"))?;
    Ok("applied".to_owned())
}
