//! etcd as the peer of the write rates, spoken to in its own protocol over loopback.
//!
//! Only one call is needed, so its two messages stand here instead of a client library and a protocol compiler.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::subject::value;
use crate::writes::KEYS_PER_WRITER;

#[derive(Clone, PartialEq, prost::Message)]
struct PutRequest {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "bytes", tag = "2")]
    value: bytes::Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PutResponse {}

/// A running etcd of our own; ended with this.
pub struct Peer {
    process: Child,
    url: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Peer {
    /// Starts one on free ports; nothing if there is no `etcd`.
    pub fn start(root: &Path) -> Option<Self> {
        let [client, peer] = [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
        let process = Command::new("etcd")
            .arg("--data-dir").arg(root.join("etcd"))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}"), "--quota-backend-bytes", "8589934592"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { process, url: client })
    }

    pub async fn writes_per_second(&mut self, writers: usize, duration: Duration) -> f64 {
        // Several connections, as API servers have them.
        let connections = writers.div_ceil(32);
        let mut channels = Vec::new();
        for _ in 0..connections {
            channels.push(self.connect().await);
        }
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..writers {
            let mut client = Grpc::new(channels[writer % connections].clone());
            let value = value(writer as u64);
            tasks.spawn(async move {
                let mut written = 0_u64;
                while began.elapsed() < duration {
                    let key = format!("/registry/pods/default/w{writer}-{}", written % KEYS_PER_WRITER).into_bytes();
                    let request = tonic::Request::new(PutRequest { key, value: value.clone() });
                    client.ready().await.expect("a connection");
                    let path = PathAndQuery::from_static("/etcdserverpb.KV/Put");
                    let codec: ProstCodec<PutRequest, PutResponse> = ProstCodec::default();
                    client.unary(request, path, codec).await.expect("a write");
                    written += 1;
                }
                written
            });
        }
        let written: u64 = tasks.join_all().await.into_iter().sum();
        written as f64 / began.elapsed().as_secs_f64()
    }

    async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(self.url.clone()).expect("a URL");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match endpoint.connect().await {
                Ok(channel) => return channel,
                Err(error) => assert!(Instant::now() < deadline, "etcd does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
