//! Tables: objects as rows of cells, for people to look at.

use bytes::{BufMut, BytesMut};
use keelson_api::options::IncludeObject;
use keelson_api::time::UnixMillis;
use keelson_schema::tree;
use keelson_store::object::Object;
use serde::Serialize;
use serde_json::Value;

use super::list::{Listing, list_meta};
use super::{MetaVersion, metadata, whole};
use crate::catalog::Served;
use crate::cells;
use crate::problem::Problem;
use crate::resource::Column;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Definition<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    type_: &'a str,
    format: &'a str,
    description: &'a str,
    priority: i32,
}

/// A table of one object.
pub(crate) fn of_one(
    served: &Served,
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    object: &Object,
) -> Result<BytesMut, Problem> {
    let meta = format!(r#"{{"resourceVersion":"{}"}}"#, object.revision());
    let mut out = opening(served, version, &meta, true);
    row(served, version, include, now, object, &mut out)?;
    out.put_slice(b"]}");
    Ok(out)
}

/// A table of a list.
pub(crate) fn of_list(
    served: &Served,
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    listing: &Listing,
) -> Result<BytesMut, Problem> {
    let mut out = opening(served, version, &list_meta(listing), true);
    for (at, object) in listing.objects.iter().enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        row(served, version, include, now, object, &mut out)?;
    }
    out.put_slice(b"]}");
    Ok(out)
}

/// A table of an object that is not stored.
pub(crate) fn of_tree(
    served: &Served,
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    tree: &tree::Object,
) -> Result<BytesMut, Problem> {
    let mut out = opening(served, version, "{}", true);
    out.put_slice(row_opening(served, now, tree).as_bytes());
    included(version, include, tree, &mut out)?;
    out.put_slice(b"}]}");
    Ok(out)
}

/// A table of a scale.
pub(crate) fn of_scale(
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    scale: &tree::Object,
) -> Result<BytesMut, Problem> {
    const COLUMNS: &[Column] = &[
        Column::text("Name"),
        Column::integer("Desired"),
        Column::integer("Available"),
        Column::text("Age"),
    ];
    let meta = format!(r#"{{"resourceVersion":"{}"}}"#, crate::meta::meta(scale).resource_version());
    let number = |path| scale.get(path).and_then(tree::Value::as_int).unwrap_or(0);
    let cells = Value::Array(vec![
        cells::name(scale),
        number("spec.replicas").into(),
        number("status.replicas").into(),
        cells::age_of(scale, now),
    ]);
    let mut out = opened(version, &meta, &definitions(COLUMNS));
    out.put_slice(format!(r#"{{"cells":{cells},"object":"#).as_bytes());
    included(version, include, scale, &mut out)?;
    out.put_slice(b"}]}");
    Ok(out)
}

/// What of its object stands in a row.
fn included(
    version: MetaVersion,
    include: IncludeObject,
    tree: &tree::Object,
    out: &mut BytesMut,
) -> Result<(), Problem> {
    match include {
        IncludeObject::None => out.put_slice(b"null"),
        IncludeObject::Metadata => out.put_slice(&super::metadata_of_tree(version, tree)?),
        IncludeObject::Object => out.put_slice(&super::encode(tree)?),
    }
    Ok(())
}

/// A table of one object in a watch, of which the first event alone has the headings.
pub(crate) fn of_event(
    served: &Served,
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    object: &Object,
    headings: bool,
) -> Result<BytesMut, Problem> {
    let meta = format!(r#"{{"resourceVersion":"{}"}}"#, object.revision());
    let mut out = opening(served, version, &meta, headings);
    row(served, version, include, now, object, &mut out)?;
    out.put_slice(b"]}");
    Ok(out)
}

/// A table of the blank object with which a watch says how far it is.
pub(crate) fn of_bookmark(
    served: &Served,
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    tree: &tree::Object,
    headings: bool,
) -> Result<BytesMut, Problem> {
    let meta = format!(r#"{{"resourceVersion":"{}"}}"#, crate::meta::meta(tree).resource_version());
    let mut out = opening(served, version, &meta, headings);
    out.put_slice(row_opening(served, now, tree).as_bytes());
    included(version, include, tree, &mut out)?;
    out.put_slice(b"}]}");
    Ok(out)
}

fn opening(served: &Served, version: MetaVersion, meta: &str, headings: bool) -> BytesMut {
    let facts = served.facts();
    let definitions = if headings { definitions(facts.columns) } else { "null".into() };
    opened(version, meta, &definitions)
}

fn opened(version: MetaVersion, meta: &str, definitions: &str) -> BytesMut {
    let api_version = version.api_version();
    let text = format!(
        r#"{{"kind":"Table","apiVersion":"{api_version}","metadata":{meta},"columnDefinitions":{definitions},"rows":["#
    );
    BytesMut::from(text.as_bytes())
}

fn row(
    served: &Served,
    version: MetaVersion,
    include: IncludeObject,
    now: UnixMillis,
    object: &Object,
    out: &mut BytesMut,
) -> Result<(), Problem> {
    out.put_slice(row_opening(served, now, &super::tree(served, object)?).as_bytes());
    match include {
        IncludeObject::None => out.put_slice(b"null"),
        IncludeObject::Metadata => metadata(object, object.revision(), Some(version), out)?,
        IncludeObject::Object => out.put_slice(&whole(served, object, object.revision())?),
    }
    out.put_u8(b'}');
    Ok(())
}

/// A row up to its object.
fn row_opening(served: &Served, now: UnixMillis, tree: &tree::Object) -> String {
    let cells = Value::Array(served.resource.cells(tree, now));
    let conditions = served.resource.row_conditions(tree);
    if conditions.is_empty() {
        return format!(r#"{{"cells":{cells},"object":"#);
    }
    let conditions = Value::Array(conditions);
    format!(r#"{{"cells":{cells},"conditions":{conditions},"object":"#)
}

fn definitions(columns: &[Column]) -> String {
    let definition = |column: &Column| Definition {
        name: column.name,
        type_: column.type_,
        format: column.format,
        description: "",
        priority: column.priority,
    };
    let definitions: Vec<_> = columns.iter().map(definition).collect();
    serde_json::to_string(&definitions).expect("texts and numbers can be written")
}
