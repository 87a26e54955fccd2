//! HTTP/1.1 by hand: what is asked here may be what a proper client would not send, and must go out as it is written.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// An answer's head and body are no longer than this, or something is wrong with whoever answers.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How much is read at once.
const PIECE_BYTES: usize = 16 << 10;

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub fn header(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the connection can be used again.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.header("connection").any(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// A request as it goes out.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(String, String)], body: Option<&[u8]>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    let mut put = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
    let has = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    for (name, value) in [("Host", "differ"), ("User-Agent", "differ/1")] {
        if !has(name) {
            put(name, value);
        }
    }
    headers.iter().for_each(|(name, value)| put(name, value));
    let body = body.or(matches!(method, "POST" | "PUT" | "PATCH").then_some(&[]));
    if let (Some(body), false) = (body, has("Content-Length")) {
        put("Content-Length", &body.len().to_string());
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

/// A connection, and what was read from it beyond the last answer.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Over this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Sends a request and reads its answer to the end.
    ///
    /// # Errors
    /// If the connection breaks, or what comes is no HTTP.
    pub async fn exchange(&mut self, method: &str, request: &[u8]) -> Result<Answer, String> {
        // Who refuses a large body early does not read the rest: the answer is there all the same.
        let sent = async {
            self.stream.write_all(request).await?;
            self.stream.flush().await
        };
        let sent: Result<(), std::io::Error> = sent.await;
        let answer = self.answer(method).await;
        sent.map_err(|error| error.to_string()).and(Ok(())).or_else(|error| match &answer {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        })?;
        answer
    }

    async fn answer(&mut self, method: &str) -> Result<Answer, String> {
        loop {
            let mut answer = self.head().await?;
            if answer.code / 100 == 1 && answer.code != 101 {
                continue;
            }
            if method == "HEAD" || matches!(answer.code, 101 | 204 | 304) {
                return Ok(answer);
            }
            let length = answer.header("content-length").next().map(str::to_owned);
            answer.body = if answer.header("transfer-encoding").any(|value| value == "chunked") {
                self.chunks().await?
            } else if let Some(length) = length {
                self.bytes(length.parse().map_err(|_| format!("content-length: {length}"))?).await?
            } else {
                while self.more().await? {}
                std::mem::take(&mut self.read)
            };
            return Ok(answer);
        }
    }

    async fn head(&mut self) -> Result<Answer, String> {
        let status = self.line().await?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut answer =
            Answer { code: code.ok_or_else(|| format!("no status: {status}"))?, ..Answer::default() };
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(answer);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("no header: {line}"))?;
            answer.headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| format!("no chunk: {line}"))?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.bytes(size).await?);
            self.line().await?;
        }
    }

    async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, String> {
        while self.read.len() < count {
            self.must().await?;
        }
        let rest = self.read.split_off(count);
        Ok(std::mem::replace(&mut self.read, rest))
    }

    async fn line(&mut self) -> Result<String, String> {
        let mut seen = 0;
        loop {
            if let Some(end) = self.read[seen..].iter().position(|byte| *byte == b'\n') {
                let line = self.bytes(seen + end + 1).await?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            seen = self.read.len();
            self.must().await?;
        }
    }

    async fn must(&mut self) -> Result<(), String> {
        if self.more().await? { Ok(()) } else { Err("the connection ended".to_owned()) }
    }

    async fn more(&mut self) -> Result<bool, String> {
        if self.read.len() > ANSWER_BYTES_MAX {
            return Err(format!("an answer of more than {ANSWER_BYTES_MAX} bytes"));
        }
        self.read.reserve(PIECE_BYTES);
        let count = self.stream.read_buf(&mut self.read).await.map_err(|error| error.to_string())?;
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(with: &str) -> Result<Answer, String> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(with.as_bytes()).await.unwrap();
        theirs.shutdown().await.unwrap();
        Connection::new(ours).exchange("GET", &request("GET", "//x", &[], None)).await
    }

    #[tokio::test]
    async fn answers_end_where_they_say() {
        let length = answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc").await.unwrap();
        assert_eq!((length.code, length.body.as_slice()), (200, b"ab".as_slice()));
        let chunks = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\nWarning: a\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        let chunks = answered(chunks).await.unwrap();
        assert_eq!((chunks.code, chunks.body.as_slice()), (404, b"abc".as_slice()));
        assert_eq!(chunks.header("warning").collect::<Vec<_>>(), ["a"]);
        assert_eq!(answered("HTTP/1.1 200 OK\r\n\r\nabc").await.unwrap().body, b"abc");
        assert!(answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await.is_err());
    }

    #[test]
    fn requests_go_out_as_they_are_written() {
        let headers = [("host".to_owned(), "there".to_owned())];
        let request = request("POST", "/a//b c", &headers, None);
        let text = String::from_utf8(request).unwrap();
        assert_eq!(
            text,
            "POST /a//b c HTTP/1.1\r\nUser-Agent: differ/1\r\nhost: there\r\nContent-Length: 0\r\n\r\n"
        );
    }
}
