//! Writes a status as upstream writes it: fields in the order of its type, empty ones left out.

use std::fmt::{self, Display, Write as _};

use super::{Cause, Details, Outcome, Status};
use crate::golang::JsonText;

impl Status {
    /// The JSON of the object, without the newline that an answer ends with.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(256);
        self.write_json(&mut json).expect("writing to a text cannot fail");
        json
    }

    fn write_json(&self, json: &mut String) -> fmt::Result {
        json.push_str(r#"{"kind":"Status","apiVersion":"v1","metadata":"#);
        let mut metadata = Object::open(json);
        metadata.text("continue", self.continue_token.as_deref().unwrap_or_default())?;
        metadata.close();
        let mut rest = Object { json, is_empty: false };
        let outcome = if self.outcome == Outcome::Success { "Success" } else { "Failure" };
        rest.text("status", outcome)?;
        rest.text("message", &self.message)?;
        rest.text("reason", self.reason.as_str())?;
        if let Some(details) = &self.details {
            rest.name("details")?;
            details.write_json(rest.json)?;
        }
        rest.number("code", u32::from(self.code))?;
        rest.close();
        Ok(())
    }
}

impl Details {
    fn write_json(&self, json: &mut String) -> fmt::Result {
        let mut object = Object::open(json);
        object.text("name", &self.name)?;
        object.text("group", &self.group)?;
        object.text("kind", &self.kind)?;
        object.text("uid", &self.uid)?;
        if !self.causes.is_empty() {
            object.name("causes")?;
            for (i, cause) in self.causes.iter().enumerate() {
                object.json.push(if i == 0 { '[' } else { ',' });
                cause.write_json(object.json)?;
            }
            object.json.push(']');
        }
        object.number("retryAfterSeconds", self.retry_after_seconds)?;
        object.close();
        Ok(())
    }
}

impl Cause {
    fn write_json(&self, json: &mut String) -> fmt::Result {
        let mut object = Object::open(json);
        object.text("reason", &self.reason)?;
        object.text("message", &self.message)?;
        object.text("field", &self.field)?;
        object.close();
        Ok(())
    }
}

/// An object that is being written.
struct Object<'a> {
    json: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn open(json: &'a mut String) -> Self {
        json.push('{');
        Self { json, is_empty: true }
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        if !self.is_empty {
            self.json.push(',');
        }
        self.is_empty = false;
        write!(self.json, "\"{name}\":")
    }

    fn value(&mut self, name: &str, value: impl Display) -> fmt::Result {
        self.name(name)?;
        write!(self.json, "{value}")
    }

    fn text(&mut self, name: &str, text: &str) -> fmt::Result {
        if text.is_empty() { Ok(()) } else { self.value(name, JsonText(text)) }
    }

    fn number(&mut self, name: &str, number: u32) -> fmt::Result {
        if number == 0 { Ok(()) } else { self.value(name, number) }
    }

    fn close(self) {
        self.json.push('}');
    }
}
