//! Asking a running server.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{Answer, LINE_BYTES_MAX, Request, WAIT_MAX};
use crate::failure::Failure;

/// A connection to a running server, good for one request.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// The server that runs on the data directory `dir`; absent if there is none.
    pub(crate) fn connect(dir: &Path) -> Result<Option<Self>, Failure> {
        let connected = super::reach(dir).and_then(|(_dir, path)| UnixStream::connect(path));
        match connected {
            Ok(stream) => Ok(Some(Self { stream: BufReader::new(stream) })),
            // Nothing there, or left by a server that was killed.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => {
                let doing = format!("cannot reach the server that runs on {}", dir.display());
                Err(Failure::from_error(&doing, &error, "ask as the user that runs it"))
            }
        }
    }

    /// Asks for something that is answered in one line. There is no bound on how long that may take.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, request: Request) -> Result<T, Failure> {
        let answer = self.exchange(request).map_err(|error| {
            Failure::from_error(
                "the server did not answer",
                &error,
                "look at its log, and whether it still runs",
            )
        })?;
        match serde_json::from_str(&answer) {
            Ok(Answer::Done(value)) => Ok(value),
            Ok(Answer::Failed(why)) => Err(Failure::stopped(why)),
            Err(error) => Err(Failure::from_error(
                "the server answers in another way",
                &error,
                "ask with its own version",
            )),
        }
    }

    /// Asks for something that comes as bytes.
    pub(crate) fn receive(mut self, request: Request, out: &mut impl Write) -> Result<(), Failure> {
        self.ask::<()>(request)?;
        let stopped = |error: io::Error| {
            Failure::from_error("the server stopped in the middle", &error, "look at its log")
        };
        self.stream.get_ref().set_read_timeout(Some(WAIT_MAX)).map_err(stopped)?;
        io::copy(&mut self.stream, out).map(drop).map_err(stopped)
    }

    fn exchange(&mut self, request: Request) -> io::Result<String> {
        let mut line = serde_json::to_string(&request)?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes())?;
        let mut answer = String::new();
        (&mut self.stream).take(LINE_BYTES_MAX).read_line(&mut answer)?;
        if answer.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
    }
}
