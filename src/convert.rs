//! `keelson convert`: an object from standard input to standard output, in another encoding, without a server.

use std::io::{Read, Write};

use clap::{Args, ValueEnum};
use keelson_schema::convert::{self, Encoding};

use crate::failure::Failure;

/// What is to become of the object on standard input.
#[derive(Debug, Args)]
pub(crate) struct ConvertLine {
    /// What to write
    #[arg(long, value_enum)]
    to: Form,
    /// What is read; without it, what it looks like
    #[arg(long, value_enum)]
    from: Option<Form>,
    /// Refuse fields that the kind does not have, and fields given twice
    #[arg(long)]
    strict: bool,
}

/// An encoding of objects.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Json,
    Yaml,
    /// Upstream's protobuf, in its envelope
    Protobuf,
}

impl From<Form> for Encoding {
    fn from(form: Form) -> Self {
        match form {
            Form::Json => Self::Json,
            Form::Yaml => Self::Yaml,
            Form::Protobuf => Self::Protobuf,
        }
    }
}

/// Does it.
pub(crate) fn run(line: &ConvertLine) -> Result<(), Failure> {
    let mut input = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut input);
    read.map_err(|error| Failure::from_error("cannot read standard input", &error, ""))?;
    let converted = convert::convert(&input, line.from.map(Encoding::from), line.to.into(), line.strict);
    let output = converted.map_err(|error| Failure::from_error("cannot convert the object", &error, ""))?;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&output).and_then(|()| out.flush());
    written.map_err(|error| Failure::from_error("cannot write to standard output", &error, ""))
}
