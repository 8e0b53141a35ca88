"""Steps about what is on the disk: bytes of a reservation, and how soon a killed server is back."""

import shutil

from .figure import Figure, at_least, at_most
from .load import reservations
from .process import Failed, wait_until
from .tidegate import ENDLESS

SKUS = 3_000
# Under so many more it is killed: enough to last until then, and few beside what is replayed.
LOAD = 500_000
# So that one or two of them are closed when all orders are there, at 45 to 120 bytes an order.
EPOCH_PER_ORDER = 26
# Of journal, epochs that are kept and snapshots, with room to spare.
DISK_PER_ORDER = 500
SNAPSHOT_WITHIN = 900


def journal(bench):
    """Bytes of each reservation; those of putting the SKUs are among them."""

    def side(skus):
        with bench.server() as server:
            commits = lambda: server.metrics()["tidegate_journal_commit_bytes_sum"]
            before = commits()
            load, _ = bench.load(server, *reservations(bench.asked.requests, skus))
            return (commits() - before) / load.accepted, server.disk_bytes() / load.accepted

    hot, many = "one hot SKU, pipeline 64", "1,000 SKUs, pipeline 64"
    found = bench.by_turns({hot: lambda: side(1), many: lambda: side(1_000)})
    return [
        figure
        for name, rounds in found.items()
        for figure in (
            Figure(f"journal for a reserve, {name}", "bytes", [journal for journal, _ in rounds], at_most(80)),
            # The directory grows by 16 MiB at a time.
            Figure(f"data directory for a reserve, {name}", "bytes", [disk for _, disk in rounds]),
        )
    ]


def restart(bench):
    """From kill -9 under load until it is ready."""
    needed, free = bench.asked.orders * DISK_PER_ORDER, shutil.disk_usage(bench.directory).free
    if free < needed:
        raise Failed(f"{bench.asked.orders:,} orders may take {needed >> 20:,} MiB of disk and {free >> 20:,} are free: make room, "
                     "name another --directory, or take fewer --orders")
    epoch = max(1 << 20, bench.asked.orders * EPOCH_PER_ORDER)
    alone, after = "the journal alone", "a snapshot and the journal after it"
    found = bench.by_turns({alone: lambda: fill_and_kill(bench, ENDLESS), after: lambda: fill_and_kill(bench, epoch)})
    of = lambda name, key: [start[key] for start in found[name]]
    if any(of(alone, "snapshot")) or not all(of(after, "snapshot")):
        raise Failed("a start was with a snapshot that should have been without, or the other way round: take more --orders")
    return [
        Figure(f"ready after, {alone}", "s", of(alone, "ready"), at_most(5)),
        Figure(f"ready after, {after}", "s", of(after, "ready"), at_most(5)),
        Figure("events replayed, the journal alone", "events", of(alone, "replayed")),
        Figure("events replayed a second", "events/s", [start["replayed"] / start["took"] for start in found[alone]]),
        Figure("events replayed in a second of one core", "events/s",
               [start["replayed"] / start["spent"] for start in found[alone]], at_least(5_000_000)),
        Figure("processor time until ready, the journal alone", "s", of(alone, "spent")),
        Figure("events in the snapshot", "events", of(after, "snapshot")),
        Figure("events replayed after it", "events", of(after, "replayed")),
        Figure("processor time until ready, with a snapshot", "s", of(after, "spent")),
    ]


def fill_and_kill(bench, epoch_bytes):
    """What the start after it did. The books hold before and after it."""
    with bench.server(TIDEGATE_JOURNAL__EPOCH_BYTES=epoch_bytes) as server:
        fill, _ = bench.load(server, *reservations(bench.asked.orders, SKUS))
        if epoch_bytes != ENDLESS:
            wait_for_snapshot(server)
        durable = lambda: server.metrics()["tidegate_journal_durable_sequence"]
        # SKUs are put before the load begins: their events say nothing of it.
        enough = durable() + SKUS + LOAD // 10
        with bench.generator(server, *reservations(LOAD, SKUS)) as generator:
            wait_until(lambda: generator.is_over() or durable() >= enough, 60, "the load to kill the server under does not begin")
            server.kill()
            # It would ask the server all the time whether it is back.
            generator.pause()
            start = restarted(server)
            generator.go_on()
            load = generator.load()
        if not load.found["requests"]["lost_connections"]:
            raise Failed("the load was over before the server was killed: run this step again while nothing else runs")
        bench.keep(load, server)
        fill.check(server)
        return start


def wait_for_snapshot(server):
    if not server.metrics()["tidegate_journal_epochs_made_total"]:
        raise Failed("no epoch was full, so there is no snapshot: take more --orders")

    def is_there():
        metrics = server.metrics()
        return metrics["tidegate_journal_snapshots_total"] and not metrics["tidegate_journal_snapshot_running"]

    wait_until(is_there, SNAPSHOT_WITHIN, f"no snapshot was made within {SNAPSHOT_WITHIN} s: take fewer --orders")


def restarted(server):
    ready = server.start()
    spent, metrics = server.processor_seconds(), server.metrics()
    of = lambda name: metrics[f"tidegate_recovery_{name}"]
    return {
        "ready": ready, "spent": spent, "took": of("duration_seconds"), "replayed": of("replayed_events"),
        "snapshot": of("snapshot_sequence"),
    }
