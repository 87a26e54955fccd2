//! Our server is asked everything, and has to answer as upstream's did when it was recorded, but for what is known.

use std::path::Path;

use keelson_differ::judge::judge;
use keelson_differ::known::Known;
use keelson_differ::normal::RUN;
use keelson_differ::{ask, questions, record};
use keelson_subject::client::Client;
use keelson_subject::ours::Scratch;

#[test]
fn answers_are_as_upstreams() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (scripts, recorded) = (questions::all(), record::read(&record::directory()).unwrap());
    let answers = runtime.block_on(async {
        let scratch = Scratch::new(Path::new(env!("CARGO_BIN_EXE_keelson")), "data");
        let server = scratch.up(&ask::FLAGS).await;
        let answers = ask::ask(&Client::of(&server.kubeconfig()), RUN, &scripts).await;
        server.end().await;
        answers.unwrap()
    });
    let found = record::record(&scripts, answers);
    let judgement = judge(&scripts, &found, &recorded, &mut Known::listed().unwrap());
    let report = judgement.report();
    assert!(judgement.is_clean(), "{report}\nin full: cargo run -p keelson-differ -- compare");
    assert!(judgement.answers > 5000, "so few answers prove little: {}", judgement.answers);
}
