//! What `/metrics` says.

use std::collections::{BTreeMap, BTreeSet};

/// A page in Prometheus' text format, checked line by line.
#[derive(Debug)]
pub(crate) struct Exposition {
    /// Type by family.
    pub(crate) families: BTreeMap<String, String>,
    pub(crate) samples: BTreeMap<String, f64>,
}

impl Exposition {
    pub(crate) fn parse(text: &str) -> Self {
        let mut page = Self { families: BTreeMap::new(), samples: BTreeMap::new() };
        let mut helped = BTreeSet::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(helped.contains(name), "{name} has no HELP");
                assert!(page.families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
            } else {
                page.sample_line(line);
            }
        }
        page
    }

    fn sample_line(&mut self, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|base| self.families.get(*base).is_some_and(|kind| kind == "histogram"))
            .unwrap_or(name);
        let kind = self.families.get(family).unwrap_or_else(|| panic!("{line} has no TYPE"));
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        assert!(family.starts_with("tidegate_") || family.starts_with("process_"), "{line}");
        assert!(self.samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{line} twice");
    }

    #[track_caller]
    pub(crate) fn sample(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no sample {series} in {:?}", self.samples.keys()))
    }
}
