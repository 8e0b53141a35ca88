//! Draws the charts of `docs/BENCHMARKS.md` from what `benches/sweep` found: `charts FIGURES.json DIRECTORY`.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use serde_json::Value;

/// Draws charts of what benches/sweep found.
#[derive(Parser)]
struct Arguments {
    /// What it wrote.
    figures: PathBuf,
    /// Where the charts go.
    directory: PathBuf,
}

const SIZE: (u32, u32) = (760, 420);
const BLUE: RGBColor = RGBColor(31, 93, 168);
const RED: RGBColor = RGBColor(196, 63, 49);
const GREY: RGBColor = RGBColor(120, 120, 120);

/// A line of a chart.
struct Line {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
}

/// What a chart shows. What it shows it over is logarithmic.
struct Chart {
    file: &'static str,
    title: &'static str,
    across: &'static str,
    up: &'static str,
    /// Where a linear axis begins; any other is logarithmic too.
    from: Option<f64>,
    lines: Vec<Line>,
    /// A value to compare with, and what it is.
    goal: Option<(f64, &'static str)>,
}

fn main() -> Result<()> {
    let Arguments { figures, directory } = Arguments::parse();
    let text = fs::read(&figures).with_context(|| format!("cannot read {}", figures.display()))?;
    let figures: Value = serde_json::from_slice(&text).context("not what benches/sweep writes")?;
    fs::create_dir_all(&directory)?;
    for chart in charts(&figures)? {
        chart.draw(&directory)?;
    }
    Ok(())
}

fn charts(figures: &Value) -> Result<[Chart; 4]> {
    let line = |of, across, up, name, colour| -> Result<Line> {
        Ok(Line { name, colour, points: points(figures, of, across, up)? })
    };
    Ok([
        Chart {
            file: "pipeline.svg",
            title: "Durable reservations of one hot SKU, 50 connections",
            across: "commands in a pipeline",
            up: "orders a second",
            from: None,
            lines: vec![
                line("pipelines", "pipeline", "Tidegate", "Tidegate", BLUE)?,
                line("pipelines", "pipeline", "Redis", "Redis + Lua, appendfsync always", RED)?,
            ],
            goal: None,
        },
        Chart {
            file: "latency.svg",
            title: "Latency, open loop, 20 % reservations over 1,000 SKUs",
            across: "requests a second",
            up: "milliseconds",
            from: None,
            lines: vec![
                line("rates", "asked", "p50", "median", GREY)?,
                line("rates", "asked", "p99", "99 of 100", BLUE)?,
                line("rates", "asked", "p999", "999 of 1,000", RED)?,
            ],
            goal: Some((20.0, "20 ms")),
        },
        Chart {
            file: "skus.svg",
            title: "What an order costs over many SKUs, closed loop",
            across: "SKUs, equally wanted",
            up: "nanoseconds an order",
            from: Some(0.0),
            lines: vec![cost(line("skus", "skus", "rate", "server and load generator on two cores", BLUE)?)],
            goal: None,
        },
        Chart {
            file: "memory.svg",
            title: "Memory for a live order of one SKU, ids of 16 bytes",
            across: "orders",
            up: "bytes an order",
            from: Some(80.0),
            lines: vec![
                line("memory", "orders", "allocated", "allocated", BLUE)?,
                line("memory", "orders", "resident", "resident", RED)?,
            ],
            goal: Some((96.0, "96 bytes")),
        },
    ])
}

/// Nanoseconds from one to the next where the line has so many a second.
fn cost(line: Line) -> Line {
    Line { points: line.points.into_iter().map(|(across, rate)| (across, 1e9 / rate)).collect(), ..line }
}

/// The points of one list of the figures.
fn points(figures: &Value, of: &str, across: &str, up: &str) -> Result<Vec<(f64, f64)>> {
    let list = figures[of].as_array().with_context(|| format!("no list {of}"))?;
    let number = |point: &Value, name: &str| {
        point[name].as_f64().with_context(|| format!("a point of {of} has no number {name}"))
    };
    list.iter().map(|point| Ok((number(point, across)?, number(point, up)?))).collect()
}

/// From the power of ten below the smallest to the one above the largest.
fn decades(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let (least, most) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
    10_f64.powf(least.log10().floor())..10_f64.powf(most.log10().ceil())
}

/// Without zeros that say nothing: 50,000 as 50 k.
fn short(value: &f64) -> String {
    match *value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e3 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}

impl Chart {
    fn draw(&self, directory: &Path) -> Result<()> {
        let path = directory.join(self.file);
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        self.draw_on(&area).with_context(|| format!("cannot draw {}", path.display()))
    }

    fn draw_on(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<()> {
        let values = self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let values = values.chain(self.goal.map(|(value, _)| value));
        match self.from {
            Some(from) => self.draw_up_to(area, from..1.1 * values.fold(from, f64::max)),
            None => self.draw_up_to(area, decades(values).log_scale()),
        }
    }

    fn draw_up_to<Up>(&self, area: &DrawingArea<SVGBackend<'_>, Shift>, up: Up) -> Result<()>
    where
        Up: AsRangedCoord<Value = f64, CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>>,
    {
        let across = decades(self.lines.iter().flat_map(|line| &line.points).map(|point| point.0));
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(across.clone().log_scale(), up)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(self.across)
            .y_desc(self.up)
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .draw()?;
        if let Some((value, name)) = self.goal {
            let level = [(across.start, value), (across.end, value)];
            chart
                .draw_series(DashedLineSeries::new(level, 4, 4, GREY.stroke_width(1)))?
                .label(format!("goal: {name}"))
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], GREY));
        }
        for Line { name, colour, points } in &self.lines {
            let colour = *colour;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)).point_size(3))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(GREY)
            .draw()?;
        area.present()?;
        Ok(())
    }
}
