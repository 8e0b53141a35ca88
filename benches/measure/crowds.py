"""Steps about more of something: SKUs, connections."""

import resource
import shutil
import subprocess
from contextlib import contextmanager

from .bench import say
from .figure import Figure, at_least, at_most, ratios
from .load import reservations, sale
from .process import Failed, answer, connect, free_ports, kill, run, wait_until

FEW_SKUS, MANY_SKUS = 1_000, 100_000
FEW, IN_FLIGHT = 50, 100
# That a process has besides those of its connections: for files, HTTP, threads.
OTHER_DESCRIPTORS = 1_000
# A second of redis-benchmark, about: of many connections, and of few with a pipeline.
GETS_OF_MANY, GETS_OF_FEW = 30_000, 1_000_000


def skus(bench):
    """What a reservation costs over 100,000 SKUs."""

    def side(count):
        with bench.server() as server:
            return bench.load(server, *reservations(bench.asked.requests, count))[0].rate

    few, many = f"{FEW_SKUS:,} SKUs", f"{MANY_SKUS:,} SKUs"
    found = bench.by_turns({few: lambda: side(FEW_SKUS), many: lambda: side(MANY_SKUS)})
    return [
        *(Figure(f"reservations over {name}", "requests/s", rates) for name, rates in found.items()),
        ratios(f"cost over {many} to that over {few}", found[few], found[many], at_most(1.5)),
    ]


def connections(bench):
    """What many connections without a pipeline do, of what few with one do; and Redis beside it."""
    allow_descriptors(bench.asked.connections + OTHER_DESCRIPTORS)
    figures = compared(bench, "Tidegate", lambda *shape: throughput(bench, *shape), at_least(0.7))
    if missing := [name for name in ("redis-server", "redis-benchmark") if not shutil.which(name)]:
        say(f"  nothing is told of Redis: {' and '.join(missing)} can't be found (Debian: redis-server redis-tools)")
        return figures
    with redis(bench) as port:
        return figures + compared(bench, "Redis GET", lambda *shape: gets(port, bench.seconds(10), *shape))


def compared(bench, whose, measured, goal=None):
    """`measured` takes connections, and how many requests are in flight on each."""
    count = bench.asked.connections
    sides = {
        f"{FEW} connections, {IN_FLIGHT} in flight on each": lambda: measured(FEW, IN_FLIGHT),
        f"{count:,} connections, one in flight on each": lambda: measured(count, 1),
    }
    say(f"{bench.step}: {whose}")
    found = bench.by_turns(sides)
    few, many = found.values()
    figures = [Figure(f"{whose}: {name}", "requests/s", rates) for name, rates in found.items()]
    return [*figures, ratios(f"{whose}: the many to the few", many, few, goal)]


def throughput(bench, connections, in_flight):
    with bench.server() as server:
        shape = ("--closed", "--duration", bench.seconds(10), "--connections", connections, "--pipeline", in_flight)
        return bench.load(server, *shape, *sale())[0].rate


def allow_descriptors(needed):
    """To this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = hard if hard == resource.RLIM_INFINITY else max(hard, needed)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
        except (ValueError, OSError):
            raise Failed(f"{needed:,} file descriptors are needed and {hard:,} may be had: raise the limit (as root `ulimit -n "
                         f"{needed}`, or nofile in /etc/security/limits.conf), or take fewer --connections")


@contextmanager
def redis(bench):
    """The port of one that answers from memory."""
    [port] = free_ports(1)
    with bench.home() as home:
        command = ["redis-server", "--port", str(port), "--dir", home, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: process.poll() is not None or is_shown(port), 30, "Redis does not answer: run this step again")
            if process.poll() is not None:
                raise Failed(f"Redis did not start: try `{' '.join(command[:3])}` to see why")
            yield port
        finally:
            kill(process)


def is_shown(port):
    """Whether what is looked at could be put there."""
    try:
        with connect(port) as connection:
            answer(connection, f"SET shown {'x' * 200}\r\n".encode(), b"+OK\r\n")
            return True
    except OSError:
        return False


def gets(port, seconds, connections, in_flight):
    requests = int(seconds * (GETS_OF_MANY if in_flight == 1 else GETS_OF_FEW))
    said = run("redis-benchmark", "-p", port, "-c", connections, "-P", in_flight, "-n", requests, "--csv", "GET", "shown")
    rate = float(said.strip().splitlines()[-1].split('","')[1])
    say(f"    {rate:11,.0f}/s")
    return rate
