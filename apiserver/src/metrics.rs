//! Counters for those who watch the server, by upstream's names where upstream has them.
//!
//! Counting happens on every request, so it is one look-up and a few atomic adds; everything that can be worked out
//! when somebody asks (the process, the store) is worked out then, from [`Figure`]s.

mod text;

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The buckets of a request's duration, in seconds: upstream's.
const DURATION_SECONDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0,
    20.0, 30.0, 45.0, 60.0,
];

/// A number that is read when somebody asks for the metrics.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name, as it is to be shown.
    pub name: &'static str,
    /// What it is, without a full stop.
    pub help: &'static str,
    /// Whether it can only grow.
    pub counts: bool,
    /// Its values, each with what tells them apart.
    pub values: Vec<(Vec<(&'static str, String)>, f64)>,
    /// The same where each value is a distribution. A figure has either these or those.
    pub distributions: Vec<(Vec<(&'static str, String)>, Distribution)>,
}

/// How often something was how large.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// How often it was at most so large, and larger than the bound before; the last is for all that is larger.
    pub buckets: Vec<(f64, u64)>,
    /// All of it together.
    pub sum: f64,
}

impl Figure {
    /// A figure with one value.
    #[must_use]
    pub fn one(name: &'static str, help: &'static str, counts: bool, value: f64) -> Self {
        Self { name, help, counts, values: vec![(Vec::new(), value)], distributions: Vec::new() }
    }
}

/// Reads figures. Asked once for each scrape.
pub type Read = Box<dyn Fn() -> Vec<Figure> + Send + Sync>;

/// What a request was, for counting.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) verb: &'static str,
    pub(crate) dry_run: &'static str,
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) subresource: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) component: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    verb: &'static str,
    dry_run: &'static str,
    group: &'static str,
    version: &'static str,
    resource: &'static str,
    subresource: &'static str,
    scope: &'static str,
    component: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    request_kind: &'static str,
}

/// Everything that is counted here.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<AnswerLabels, Counter>,
    durations: Family<RequestLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<KindLabels, Gauge>,
    /// Handshakes that came to nothing.
    pub(crate) tls_handshake_errors: Counter,
    /// Connections that are open.
    pub(crate) connections: Gauge,
}

impl Metrics {
    /// All at zero; `read` is asked for the rest.
    #[must_use]
    pub fn new(read: Read) -> Self {
        let mut registry = Registry::default();
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_SECONDS)),
            in_flight: Family::default(),
            tls_handshake_errors: Counter::default(),
            connections: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("apiserver_request", "Requests answered", metrics.requests.clone());
        let help = "How long requests took to be answered, in seconds";
        registry.register("apiserver_request_duration_seconds", help, metrics.durations.clone());
        let help = "Requests being answered now";
        registry.register("apiserver_current_inflight_requests", help, metrics.in_flight.clone());
        let help = "TLS handshakes that came to nothing";
        registry.register("apiserver_tls_handshake_errors", help, metrics.tls_handshake_errors.clone());
        registry.register("keelson_connections", "Connections that are open", metrics.connections.clone());
        registry.register_collector(Box::new(Reader(read)));
        Self { registry, ..metrics }
    }

    /// Everything as text, in the format that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut open_metrics = String::new();
        prometheus_client::encoding::text::encode(&mut open_metrics, &self.registry)
            .expect("writing to a string does not fail");
        text::prometheus(&open_metrics)
    }

    /// Notes an answer.
    pub(crate) fn answered(&self, request: &RequestLabels, code: u16, took: Duration) {
        let RequestLabels { verb, dry_run, group, version, resource, subresource, scope, component } =
            *request;
        let labels =
            AnswerLabels { verb, dry_run, group, version, resource, subresource, scope, component, code };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(request).observe(took.as_secs_f64());
    }

    /// Shows how many requests are being answered.
    pub(crate) fn show_in_flight(&self, reading: usize, mutating: usize) {
        for (request_kind, count) in [("readOnly", reading), ("mutating", mutating)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.in_flight.get_or_create(&KindLabels { request_kind }).set(count);
        }
    }
}

/// Encodes what is only read on demand.
struct Reader(Read);

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl Collector for Reader {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for figure in (self.0)() {
            // The encoder puts the suffix of a counter back on.
            let name = if figure.counts { figure.name.trim_end_matches("_total") } else { figure.name };
            let values = Values(&figure);
            let encoder = encoder.encode_descriptor(name, figure.help, None, values.metric_type())?;
            values.encode(encoder)?;
        }
        Ok(())
    }
}

struct Values<'a>(&'a Figure);

impl Values<'_> {
    fn encode_one(&self, encoder: &mut MetricEncoder, value: f64) -> Result<(), fmt::Error> {
        if self.0.counts {
            encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
        } else {
            encoder.encode_gauge(&value)
        }
    }
}

fn encode_distribution(encoder: &mut MetricEncoder, shown: &Distribution) -> Result<(), fmt::Error> {
    let count = shown.buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram::<NoLabelSet>(shown.sum, count, &shown.buckets, None)
}

/// Labels as the encoder takes them.
fn borrowed<'a>(labels: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    labels.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

impl EncodeMetric for Values<'_> {
    fn encode(&self, mut encoder: MetricEncoder) -> Result<(), fmt::Error> {
        for (labels, value) in &self.0.values {
            let labels = borrowed(labels);
            if labels.is_empty() {
                self.encode_one(&mut encoder, *value)?;
            } else {
                self.encode_one(&mut encoder.encode_family(&labels)?, *value)?;
            }
        }
        for (labels, shown) in &self.0.distributions {
            let labels = borrowed(labels);
            if labels.is_empty() {
                encode_distribution(&mut encoder, shown)?;
            } else {
                encode_distribution(&mut encoder.encode_family(&labels)?, shown)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        if !self.0.distributions.is_empty() {
            return MetricType::Histogram;
        }
        if self.0.counts { MetricType::Counter } else { MetricType::Gauge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_dashboards_look_for() {
        let metrics = Metrics::new(Box::new(|| {
            let objects = Figure {
                name: "apiserver_resource_objects",
                help: "Objects",
                counts: false,
                values: vec![(vec![("group", "apps".into())], 3.0), (vec![("group", "a\"b".into())], 1.0)],
                distributions: Vec::new(),
            };
            let took = Figure {
                name: "took_seconds",
                help: "How long",
                counts: false,
                values: Vec::new(),
                distributions: vec![(
                    vec![("result", "ok".into())],
                    Distribution { buckets: vec![(0.5, 2), (f64::INFINITY, 1)], sum: 3.5 },
                )],
            };
            vec![took, objects, Figure::one("process_cpu_seconds_total", "CPU time", true, 1.5)]
        }));
        let labels = RequestLabels {
            verb: "GET",
            dry_run: "",
            group: "",
            version: "",
            resource: "",
            subresource: "/livez",
            scope: "",
            component: "apiserver",
        };
        metrics.answered(&labels, 200, Duration::from_millis(7));
        metrics.show_in_flight(1, 0);
        let text = metrics.text();
        for line in [
            "# TYPE apiserver_request_total counter",
            "apiserver_request_total{verb=\"GET\",dry_run=\"\",group=\"\",version=\"\",resource=\"\",subresource=\"/livez\",scope=\"\",component=\"apiserver\",code=\"200\"} 1",
            "# TYPE apiserver_request_duration_seconds histogram",
            "# TYPE took_seconds histogram",
            "took_seconds_bucket{le=\"+Inf\",result=\"ok\"} 3",
            "took_seconds_count{result=\"ok\"} 3",
            "apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1",
            "apiserver_tls_handshake_errors_total 0",
            "apiserver_resource_objects{group=\"apps\"} 3.0",
            "apiserver_resource_objects{group=\"a\\\"b\"} 1.0",
            "# TYPE process_cpu_seconds_total counter",
            "process_cpu_seconds_total 1.5",
        ] {
            assert!(text.lines().any(|found| found == line), "no line `{line}` in\n{text}");
        }
        for le in ["0.025", "1"] {
            let bucket = format!("_seconds_bucket{{le=\"{le}\",verb=\"GET\"");
            assert!(text.lines().any(|line| line.contains(&bucket) && line.ends_with("} 1")), "{text}");
        }
        assert!(!text.contains("EOF"));
    }
}
