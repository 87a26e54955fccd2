//! The messages of `openapi.v3`, as far as our documents use them.

use super::{Form, Message};

pub(super) static INFO: Message =
    Message { fields: &[("title", 1, Form::Text), ("version", 6, Form::Text)], extensions: 7 };

pub(super) static REFERENCE: Form =
    Form::Message(&Message { fields: &[("$ref", 1, Form::Text)], extensions: 0 });

pub(super) static PATH: Form = Form::Message(&Message {
    fields: &[
        ("get", 4, OPERATION),
        ("put", 5, OPERATION),
        ("post", 6, OPERATION),
        ("delete", 7, OPERATION),
        ("options", 8, OPERATION),
        ("head", 9, OPERATION),
        ("patch", 10, OPERATION),
        ("parameters", 13, PARAMETERS),
    ],
    extensions: 14,
});

const OPERATION: Form = Form::Message(&OPERATION_MESSAGE);

static OPERATION_MESSAGE: Message = Message {
    fields: &[
        ("tags", 1, Form::Texts),
        ("description", 3, Form::Text),
        ("operationId", 5, Form::Text),
        ("parameters", 6, PARAMETERS),
        ("requestBody", 7, Form::OrReference(&BODY)),
        ("responses", 8, Form::Map(2, &Form::OrReference(&RESPONSE))),
    ],
    extensions: 13,
};

const PARAMETERS: Form = Form::Each(&Form::OrReference(&PARAMETER));

static PARAMETER: Form = Form::Message(&Message {
    fields: &[
        ("name", 1, Form::Text),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("required", 4, Form::Bool),
        ("schema", 10, Form::OrReference(&SCHEMA)),
    ],
    extensions: 14,
});

static BODY: Form = Form::Message(&Message {
    fields: &[("description", 1, Form::Text), ("content", 2, CONTENT), ("required", 3, Form::Bool)],
    extensions: 4,
});

static RESPONSE: Form = Form::Message(&Message {
    fields: &[("description", 1, Form::Text), ("content", 3, CONTENT)],
    extensions: 5,
});

const CONTENT: Form = Form::Map(
    1,
    &Form::Message(&Message { fields: &[("schema", 1, Form::OrReference(&SCHEMA))], extensions: 5 }),
);

pub(super) static SCHEMA_OR_REFERENCE: Form = Form::OrReference(&SCHEMA);

static SCHEMA: Form = Form::Message(&SCHEMA_MESSAGE);

static SCHEMA_MESSAGE: Message = Message {
    fields: &[
        ("nullable", 1, Form::Bool),
        ("example", 7, Form::Any),
        ("title", 9, Form::Text),
        ("multipleOf", 10, Form::Real),
        ("maximum", 11, Form::Real),
        ("exclusiveMaximum", 12, Form::Bool),
        ("minimum", 13, Form::Real),
        ("exclusiveMinimum", 14, Form::Bool),
        ("maxLength", 15, Form::Whole),
        ("minLength", 16, Form::Whole),
        ("pattern", 17, Form::Text),
        ("maxItems", 18, Form::Whole),
        ("minItems", 19, Form::Whole),
        ("uniqueItems", 20, Form::Bool),
        ("maxProperties", 21, Form::Whole),
        ("minProperties", 22, Form::Whole),
        ("required", 23, Form::Texts),
        ("enum", 24, Form::Anys),
        ("type", 25, Form::Text),
        ("allOf", 26, Form::Each(&SCHEMA_OR_REFERENCE)),
        ("oneOf", 27, Form::Each(&SCHEMA_OR_REFERENCE)),
        ("anyOf", 28, Form::Each(&SCHEMA_OR_REFERENCE)),
        ("not", 29, Form::Message(&SCHEMA_MESSAGE)),
        ("items", 30, Form::Within(1, &SCHEMA_OR_REFERENCE)),
        ("properties", 31, Form::Map(1, &SCHEMA_OR_REFERENCE)),
        ("additionalProperties", 32, Form::OrBool(&SCHEMA_OR_REFERENCE)),
        ("default", 33, Form::Scalar),
        ("description", 34, Form::Text),
        ("format", 35, Form::Text),
    ],
    extensions: 36,
};

pub(super) static SECURITY_SCHEMES: Form = Form::Map(
    1,
    &Form::OrReference(&Form::Message(&Message {
        fields: &[
            ("type", 1, Form::Text),
            ("description", 2, Form::Text),
            ("name", 3, Form::Text),
            ("in", 4, Form::Text),
        ],
        extensions: 9,
    })),
);
