//! The messages of `openapi.v2`, as far as our documents use them.

use super::{Form, Message};

pub(super) static INFO: Message =
    Message { fields: &[("title", 1, Form::Text), ("version", 2, Form::Text)], extensions: 7 };

pub(super) static REFERENCE: Form =
    Form::Message(&Message { fields: &[("$ref", 1, Form::Text)], extensions: 0 });

pub(super) static PATH: Form = Form::Message(&Message {
    fields: &[
        ("get", 2, OPERATION),
        ("put", 3, OPERATION),
        ("post", 4, OPERATION),
        ("delete", 5, OPERATION),
        ("options", 6, OPERATION),
        ("head", 7, OPERATION),
        ("patch", 8, OPERATION),
        ("parameters", 9, PARAMETERS),
    ],
    extensions: 10,
});

const OPERATION: Form = Form::Message(&OPERATION_MESSAGE);

static OPERATION_MESSAGE: Message = Message {
    fields: &[
        ("tags", 1, Form::Texts),
        ("description", 3, Form::Text),
        ("operationId", 5, Form::Text),
        ("produces", 6, Form::Texts),
        ("consumes", 7, Form::Texts),
        ("parameters", 8, PARAMETERS),
        ("responses", 9, Form::Map(1, &Form::Within(1, &RESPONSE))),
        ("schemes", 10, Form::Texts),
    ],
    extensions: 13,
};

const PARAMETERS: Form = Form::Each(&Form::ParameterOrReference);

static RESPONSE: Form = Form::Message(&Message {
    fields: &[("description", 1, Form::Text), ("schema", 2, Form::Within(1, &SCHEMA))],
    extensions: 5,
});

pub(super) static BODY: Form = Form::Message(&Message {
    fields: &[
        ("description", 1, Form::Text),
        ("name", 2, Form::Text),
        ("in", 3, Form::Text),
        ("required", 4, Form::Bool),
        ("schema", 5, Form::Message(&SCHEMA_MESSAGE)),
    ],
    extensions: 6,
});

pub(super) static PATH_PARAMETER: Form = Form::Message(&Message {
    fields: &[
        ("required", 1, Form::Bool),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("name", 4, Form::Text),
        ("type", 5, Form::Text),
        ("uniqueItems", 19, Form::Bool),
    ],
    extensions: 22,
});

pub(super) static QUERY_PARAMETER: Form = Form::Message(&Message {
    fields: &[
        ("required", 1, Form::Bool),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("name", 4, Form::Text),
        ("type", 6, Form::Text),
        ("uniqueItems", 20, Form::Bool),
    ],
    extensions: 23,
});

pub(super) static SCHEMA: Form = Form::Message(&SCHEMA_MESSAGE);

static SCHEMA_MESSAGE: Message = Message {
    fields: &[
        ("$ref", 1, Form::Text),
        ("format", 2, Form::Text),
        ("title", 3, Form::Text),
        ("description", 4, Form::Text),
        ("default", 5, Form::Any),
        ("multipleOf", 6, Form::Real),
        ("maximum", 7, Form::Real),
        ("exclusiveMaximum", 8, Form::Bool),
        ("minimum", 9, Form::Real),
        ("exclusiveMinimum", 10, Form::Bool),
        ("maxLength", 11, Form::Whole),
        ("minLength", 12, Form::Whole),
        ("pattern", 13, Form::Text),
        ("maxItems", 14, Form::Whole),
        ("minItems", 15, Form::Whole),
        ("uniqueItems", 16, Form::Bool),
        ("maxProperties", 17, Form::Whole),
        ("minProperties", 18, Form::Whole),
        ("required", 19, Form::Texts),
        ("enum", 20, Form::Anys),
        ("additionalProperties", 21, Form::OrBool(&SCHEMA)),
        ("type", 22, Form::TextsWithin),
        ("items", 23, Form::Within(1, &SCHEMA)),
        ("allOf", 24, Form::Each(&SCHEMA)),
        ("properties", 25, Form::Map(1, &SCHEMA)),
        ("example", 30, Form::Any),
    ],
    extensions: 31,
};

pub(super) static SECURITY_REQUIREMENT: Form = Form::Map(1, &Form::TextsWithin);

pub(super) static SECURITY_DEFINITIONS: Form = Form::Map(
    1,
    &Form::Within(
        2,
        &Form::Message(&Message {
            fields: &[
                ("type", 1, Form::Text),
                ("name", 2, Form::Text),
                ("in", 3, Form::Text),
                ("description", 4, Form::Text),
            ],
            extensions: 5,
        }),
    ),
);
