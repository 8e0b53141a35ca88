"""What the load generator is asked for and what it found."""

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from .process import Failed, kill

# For loads that end with their requests: longer than they take, in seconds.
LONGEST = 3_600
ACCEPTED = ("RESERVED", "FOUND")


def sale(reserve=20):
    """So many reservations of a hundred requests, the rest looks; goals of rates are set for a fifth."""
    mix = f"reserve={reserve},get={100 - reserve}"
    return ("--mix", mix, "--skus", 1_000, "--stock", 1_000_000, "--buyers", 1_000_000)


def open_loop(rate, seconds, warmup):
    return ("--rate", rate, "--duration", seconds, "--warmup", warmup)


def reservations(requests, skus):
    """In a closed loop, 64 in flight on each of 50 connections; nearly each is of another buyer."""
    return (
        "--closed", "--requests", requests, "--duration", LONGEST, "--connections", 50, "--pipeline", 64,
        "--mix", "reserve=100", "--skus", skus, "--stock", 100_000_000, "--buyers", 100_000_000,
    )


class Load:
    """What the generator found, from its JSON."""

    def __init__(self, found):
        self.found = found

    @property
    def rate(self):
        return self.found["throughput"]["achieved_per_s"]

    @property
    def held(self):
        return self.found["throughput"]["held"]

    @property
    def generator_cores(self):
        return self.found["throughput"]["generator_cores"]

    def latency(self, which):
        """In milliseconds, of whichever command is the slower."""
        return max(command["latency"][f"{which}_us"] for command in self.found["commands"].values()) / 1e3

    @property
    def refused(self):
        """Requests that got another answer than what they wanted, or none."""
        requests = self.found["requests"]
        others = sum(count for word, count in self.outcomes().items() if word not in ACCEPTED)
        return others + requests["unanswered"] + requests["unsent"]

    def outcomes(self):
        """How often each word was the answer, to whichever command."""
        return dict(sum((Counter(command["outcomes"]) for command in self.found["commands"].values()), Counter()))

    @property
    def accepted(self):
        return self.found["verdict"]["accepted"]["orders"]

    def check(self, server):
        """Whether the server's books hold what the generator was told: the generator's own comparison of each SKU, and the sum
        once more from here. What was never answered may be there or not."""
        verdict, config = self.found["verdict"], self.found["config"]
        if not verdict["ok"]:
            raise Failed(f"{' '.join(verdict['words'])} {verdict['findings'][:3]}; this is a defect, report it")
        orders = server.orders([f"{config['prefix']}{sku}" for sku in range(config["skus"])])
        if not 0 <= orders - self.accepted <= verdict["unknown"]["orders"]:
            raise Failed(f"{self.accepted:,} orders were accepted and the reports say {orders:,}; this is a defect, report it")


class Generator:
    """A run of the load generator, which ends with the block it is made for."""

    def __init__(self, program, server, file, arguments):
        self.server, self.file = server, Path(file)
        self.file.unlink(missing_ok=True)
        command = [program, "run", "--target", f"127.0.0.1:{server.port}", "--no-progress", "--json", file, *arguments]
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        kill(self.process)
        self.process.stderr.close()

    def is_over(self):
        return self.process.poll() is not None

    def pause(self):
        """Leaves the processor to others."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def load(self):
        said = self.wait()
        # 1 is of books that do not add up, of which the file tells more.
        if self.process.returncode not in (0, 1) or not self.file.exists():
            raise Failed(f"the load generator: {said.strip() or 'it ended without a word'}")
        return Load(json.loads(self.file.read_text()))

    def wait(self):
        """Until it is over, but not for a server that is gone: the generator would wait for that one to come back."""
        deadline = time.monotonic() + LONGEST + 300
        while time.monotonic() < deadline:
            try:
                return self.process.communicate(timeout=1)[1]
            except subprocess.TimeoutExpired:
                if self.server.is_over():
                    raise Failed(f"the server ended under the load: {self.server.last_words()}; see whether something killed it")
        raise Failed("the load did not end within an hour: take less of it, or see whether the server still answers")
