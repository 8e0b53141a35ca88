//! The page as it grows: families and their samples, in the words of the `prometheus` crate.

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use tidegate_persistence::Powers;

use crate::metrics::Distribution;
use crate::metrics::families::{Family, Kind};

/// Upper bounds of the latency histogram, in microseconds: 50 µs to 10 s.
const TIME_BOUNDS: [u64; 16] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];
const MICROS_PER_SECOND: f64 = 1e6;

/// What the powers of two of a histogram count, and which of them are told.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum Unit {
    /// Nanoseconds, told as seconds: 1 µs to 17 s.
    Nanos,
    /// Microseconds, told as seconds: 16 µs to 17 s.
    Micros,
    /// Bytes: 128 B to 128 MiB.
    Bytes,
    /// A number of things: 1 to 64 Ki.
    Things,
}

impl Unit {
    /// What one of them is in the unit that is told, and the least and the greatest exponent.
    fn scale(self) -> (f64, usize, usize) {
        match self {
            Self::Nanos => (1e9, 10, 34),
            Self::Micros => (MICROS_PER_SECOND, 4, 24),
            Self::Bytes => (1.0, 7, 27),
            Self::Things => (1.0, 0, 16),
        }
    }
}

/// The families in the order of the page.
#[derive(Default)]
pub(in crate::http) struct Page(Vec<MetricFamily>);

impl Page {
    pub(in crate::http) fn families(&self) -> &[MetricFamily] {
        &self.0
    }

    /// The only sample of a gauge.
    pub(in crate::http) fn gauge(&mut self, family: &Family, value: f64) {
        self.samples::<0, &str>(family, [([], value)]);
    }

    /// The only sample of a counter.
    pub(in crate::http) fn counter(&mut self, family: &Family, value: u64) {
        self.samples::<0, &str>(family, [([], value as f64)]);
    }

    /// Samples of a gauge or a counter: values of its labels, in their order, and its own.
    pub(in crate::http) fn samples<const N: usize, L: AsRef<str>>(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = ([L; N], f64)>,
    ) {
        self.add(
            family,
            samples.into_iter().map(|(labels, value)| {
                let mut metric = labelled(family, &labels);
                match family.kind {
                    Kind::Counter => {
                        let mut counter = Counter::default();
                        counter.set_value(value);
                        metric.set_counter(counter);
                    }
                    Kind::Gauge | Kind::Histogram => {
                        let mut gauge = Gauge::default();
                        gauge.set_value(value);
                        metric.set_gauge(gauge);
                    }
                }
                metric
            }),
        );
    }

    /// The same of a histogram that is kept by powers of two.
    pub(in crate::http) fn powers<'p, const N: usize, L: AsRef<str>>(
        &mut self,
        family: &Family,
        unit: Unit,
        samples: impl IntoIterator<Item = ([L; N], &'p Powers)>,
    ) {
        let (per_unit, first, last) = unit.scale();
        self.add(
            family,
            samples.into_iter().map(|(labels, powers)| {
                let buckets = powers
                    .cumulative(first, last)
                    .map(|(bound, count)| bucket(bound as f64 / per_unit, count));
                let mut metric = labelled(family, &labels);
                metric.set_histogram(histogram(
                    buckets.collect(),
                    powers.count(),
                    powers.sum() as f64 / per_unit,
                ));
                metric
            }),
        );
    }

    /// The same of one that is kept by fine steps, in microseconds.
    pub(in crate::http) fn latencies<'d, const N: usize, L: AsRef<str>>(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = ([L; N], &'d Distribution)>,
    ) {
        self.add(
            family,
            samples.into_iter().map(|(labels, micros)| {
                let buckets = TIME_BOUNDS
                    .iter()
                    .zip(micros.cumulative(&TIME_BOUNDS))
                    .map(|(bound, count)| bucket(*bound as f64 / MICROS_PER_SECOND, count));
                let mut metric = labelled(family, &labels);
                let sum = micros.sum() as f64 / MICROS_PER_SECOND;
                metric.set_histogram(histogram(buckets.collect(), micros.count(), sum));
                metric
            }),
        );
    }

    /// A family without a sample is left out: the format has no way to say it.
    fn add(&mut self, family: &Family, samples: impl Iterator<Item = Metric>) {
        let samples: Vec<Metric> = samples.collect();
        if samples.is_empty() {
            return;
        }
        let mut out = MetricFamily::default();
        out.set_name(family.name.to_owned());
        out.set_help(family.help.to_owned());
        out.set_field_type(match family.kind {
            Kind::Gauge => MetricType::GAUGE,
            Kind::Counter => MetricType::COUNTER,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        out.set_metric(samples);
        self.0.push(out);
    }
}

fn labelled<L: AsRef<str>>(family: &Family, values: &[L]) -> Metric {
    debug_assert_eq!(family.labels.len(), values.len(), "labels of {}", family.name);
    let pairs = family.labels.iter().zip(values).map(|(name, value)| {
        let mut label = LabelPair::default();
        label.set_name((*name).to_owned());
        label.set_value(value.as_ref().to_owned());
        label
    });
    Metric::from_label(pairs.collect())
}

fn bucket(bound: f64, count: u64) -> Bucket {
    let mut bucket = Bucket::default();
    bucket.set_upper_bound(bound);
    bucket.set_cumulative_count(count);
    bucket
}

fn histogram(buckets: Vec<Bucket>, count: u64, sum: f64) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.set_sample_count(count);
    histogram.set_sample_sum(sum);
    histogram.set_bucket(buckets);
    histogram
}
