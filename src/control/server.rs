//! Answering the storage commands.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use keelson_store::snapshot;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::{Answer, LINE_BYTES_MAX, NAME, Request, WAIT_MAX};
use crate::clock;
use crate::failure::Failure;
use crate::storage::open::{self, Opened};
use crate::supervise::Stop;

/// The bound socket; removed when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Keeps the path that it was bound by.
    _dir: File,
}

impl Socket {
    /// Binds the socket in the data directory `dir`, whose store this process has open: what lies there is stale.
    pub(crate) fn bind(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(NAME);
        let bind = || {
            let (dir, reach) = super::reach(dir)?;
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(&reach)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok((dir, listener))
        };
        let (_dir, listener) = bind().map_err(|error| {
            Failure::from_error(
                &format!("cannot listen at {}", path.display()),
                &error,
                "choose another --data-dir",
            )
        })?;
        Ok(Self { listener, path, _dir })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Without us it is stale, which clients can tell too.
        let _ = fs::remove_file(&self.path);
    }
}

/// Answers requests until it is time to stop. Whoever is being answered then is cut off.
pub(crate) async fn serve(socket: Socket, opened: Opened, stop: Stop) -> Result<(), Failure> {
    let mut answering = JoinSet::new();
    let mut stop = std::pin::pin!(stop.wait());
    loop {
        tokio::select! {
            () = &mut stop => return Ok(()),
            Some(_) = answering.join_next(), if !answering.is_empty() => {}
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => drop(answering.spawn(answer(stream, opened.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept on the control socket");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn answer(stream: UnixStream, opened: Opened) {
    if let Err(error) = try_answer(stream, &opened).await {
        tracing::warn!(%error, "a storage command was not answered");
    }
}

async fn try_answer(stream: UnixStream, opened: &Opened) -> io::Result<()> {
    let (asker, me) = (stream.peer_cred()?.uid(), rustix::process::geteuid());
    if asker != me.as_raw() && asker != 0 {
        return Err(io::Error::other(format!("user {asker} may not ask")));
    }
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    timeout(WAIT_MAX, (&mut stream).take(LINE_BYTES_MAX).read_line(&mut line)).await??;
    let request = match serde_json::from_str(&line) {
        Ok(request) => request,
        Err(error) => {
            let why =
                Failure::from_error("the server does not know this request", &error, "use its own version");
            return write::<()>(&mut stream, Err(why)).await;
        }
    };
    tracing::info!(?request, "storage command");
    match request {
        Request::Status => write(&mut stream, open::status(opened).await).await,
        Request::Compact => write(&mut stream, open::compact(opened).await).await,
        Request::Check => {
            let opened = opened.clone();
            let checked = spawn_blocking(move || open::check(&opened)).await.map_err(io::Error::other)?;
            write(&mut stream, checked).await
        }
        Request::Snapshot => {
            write(&mut stream, Ok(())).await?;
            let (image, taken) = (opened.store.image(), clock::machine().now());
            let stream = stream.into_inner().into_std()?;
            stream.set_nonblocking(false)?;
            stream.set_write_timeout(Some(WAIT_MAX))?;
            let saving = spawn_blocking(move || snapshot::save(&image, taken, BufWriter::new(&stream)));
            saving.await.map_err(io::Error::other)?.map(drop)
        }
    }
}

async fn write<T: Serialize>(
    stream: &mut BufReader<UnixStream>,
    answer: Result<T, Failure>,
) -> io::Result<()> {
    let answer = answer.map_or_else(|failure| Answer::Failed(failure.to_string()), Answer::Done);
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    timeout(WAIT_MAX, stream.get_mut().write_all(line.as_bytes())).await?
}
