//! Turns a panic into an answer.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use crate::problem::Problem;

/// Runs `request`; a panic in it ends only this request. What a panic leaves behind is dropped with the request, so
/// nobody sees it half done.
pub(super) async fn from_panic<T>(request: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    AssertUnwindSafe(request).catch_unwind().await.unwrap_or_else(|payload| {
        let what = said(&*payload);
        tracing::error!(what, "a request ran into a defect; please report this with what led to it");
        Err(Problem::Defect("the request ran into a defect; the server's log has more".into()))
    })
}

fn said(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_problem_and_keeps_its_words_from_the_client() {
        let problem = from_panic::<()>(async { panic!("secret") }).await.unwrap_err();
        let Problem::Defect(what) = problem else { panic!("{problem:?}") };
        assert!(!what.contains("secret"));
        assert_eq!(from_panic(async { Ok(1) }).await, Ok(1));
    }
}
