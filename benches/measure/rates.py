"""Steps at a rate that is kept whether or not the server keeps up: latency, the largest rate that it holds, what snapshots cost."""

import statistics

from .bench import say
from .figure import Figure, at_least, at_most, never, ratios
from .load import open_loop, sale
from .process import Failed
from .tidegate import ENDLESS

# The goals are set for this one.
USUAL = 350_000
LARGEST = 1_000_000
P99_OF_LARGEST = 20
EPOCH = 64 << 20
SNAPSHOT_SECONDS = 20


def rate(bench):
    """The whole rate, with a p99 of at most 5 ms and a p99.9 of at most 15 ms."""
    asked, seconds = bench.asked, bench.seconds(60)
    loads, cores = [], []
    for _ in bench.rounds():
        with bench.server() as server:
            load, spent = bench.load(server, *open_loop(asked.rate, seconds, asked.warmup), *sale())
        loads.append(load)
        cores.append(spent / (seconds + asked.warmup))
    latency = lambda which: [load.latency(which) for load in loads]
    return [
        # The generator takes a rate for held from 99 % of it.
        Figure(f"achieved of {asked.rate:,}/s", "requests/s", [load.rate for load in loads], at_least(asked.rate * 0.99)),
        Figure("p50", "ms", latency("p50")),
        Figure("p99", "ms", latency("p99"), at_most(5)),
        Figure("p99.9", "ms", latency("p999"), at_most(15)),
        Figure("longest", "ms", latency("max")),
        Figure("refused, unanswered or unsent", "requests", [load.refused for load in loads], never()),
        Figure("processor time of the server", "cores", cores),
        Figure("processor time of the generator", "cores", [load.generator_cores for load in loads]),
    ]


def largest(bench):
    """The largest rate that most rounds hold, with a p99 of at most 20 ms."""
    tried = {}

    def holds(candidate):
        tried[candidate] = try_rate(bench, candidate)
        return is_held(tried[candidate], bench.asked.rounds)

    found = search(holds, bench.asked.rate, bench.asked.by)
    if not found:
        raise Failed(f"not even {min(tried):,}/s were held with a p99 of at most {P99_OF_LARGEST} ms: lower --rate or --by")
    p99 = lambda candidate: Figure(f"p99 at {candidate:,}/s", "ms", [load.latency("p99") for load in tried[candidate]])
    return [
        Figure(f"largest rate with a p99 of at most {P99_OF_LARGEST} ms", "requests/s", [found], at_least(LARGEST)),
        *map(p99, sorted(tried)),
    ]


def try_rate(bench, candidate):
    """As many rounds as it takes to know what most of them say."""
    loads = []
    while max(votes(loads)) * 2 <= bench.asked.rounds and len(loads) < bench.asked.rounds:
        say(f"{bench.step}: {candidate:,}/s, round {len(loads) + 1} of {bench.asked.rounds} at most")
        with bench.server() as server:
            load, _ = bench.load(server, *open_loop(candidate, bench.seconds(10), bench.asked.warmup), *sale())
        loads.append(load)
    return loads


def votes(loads):
    """How many held their rate, and how many did not."""
    held = sum(load.held and load.latency("p99") <= P99_OF_LARGEST and not load.refused for load in loads)
    return held, len(loads) - held


def is_held(loads, rounds):
    return votes(loads)[0] * 2 > rounds


def search(holds, first, by):
    """The largest rate that holds, to within `by`; 0 if none does. First upwards in steps that double, then between what held and
    what did not."""
    held, missed, candidate, step = 0, None, first, by
    while missed is None or missed - held > by:
        if holds(candidate):
            held = candidate
        else:
            missed = candidate
        if missed is None:
            candidate, step = held + step, step * 2
        else:
            candidate = held + max(1, (missed - held) // 2 // by) * by
    return held


def snapshot(bench):
    """What the p99 becomes while snapshots are made all the time."""
    asked, seconds = bench.asked, bench.seconds(SNAPSHOT_SECONDS)
    # Of slower or shorter runs epochs are smaller by as much, so that as many end.
    epoch = max(1 << 20, int(EPOCH * min(1, asked.rate / USUAL * seconds / SNAPSHOT_SECONDS)))
    none, some = "no snapshot", f"epochs of {epoch / 2**20:.3g} MiB"

    def side(epoch_bytes):
        with bench.server(TIDEGATE_JOURNAL__EPOCH_BYTES=epoch_bytes) as server:
            load, _ = bench.load(server, *open_loop(asked.rate, seconds, asked.warmup), *sale(reserve=40))
            metrics = server.metrics()
        # One that is being made when the load ends is one too.
        return load, metrics["tidegate_journal_snapshots_total"] + metrics["tidegate_journal_snapshot_running"]

    found = bench.by_turns({none: lambda: side(ENDLESS), some: lambda: side(epoch)})
    made = {name: [count for _, count in rounds] for name, rounds in found.items()}
    if not min(made[some]) or any(made[none]):
        raise Failed(f"snapshots made: {made}, so the sides are not what they should be: take more --seconds or a higher --rate")
    p99 = {name: [load.latency("p99") for load, _ in rounds] for name, rounds in found.items()}
    rates = {name: [load.rate for load, _ in rounds] for name, rounds in found.items()}
    return [
        *(Figure(f"p99, {name}", "ms", p99[name]) for name in found),
        ratios("p99 with snapshots to that without", p99[some], p99[none], at_most(1.3)),
        *(Figure(f"achieved of {asked.rate:,}/s, {name}", "requests/s", rates[name]) for name in found),
        Figure("snapshots made in a run", "", made[some]),
    ]
