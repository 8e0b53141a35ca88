"""What every step works with: servers, loads, and what was asked for."""

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager

from .load import Generator
from .process import Failed
from .tidegate import Tidegate


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, server, generator, directory, asked):
        """`server` and `generator` are the programs, `asked` are the options."""
        self.programs, self.directory, self.asked = (server, generator), directory, asked
        self.step, self.loads = None, []

    def seconds(self, usual):
        return self.asked.seconds or usual

    @contextmanager
    def home(self):
        """An empty directory that is gone behind the block, so that the disk holds one server's data at a time."""
        directory = tempfile.mkdtemp(dir=self.directory)
        try:
            yield directory
        finally:
            shutil.rmtree(directory)

    @contextmanager
    def server(self, **settings):
        """A new one, on an empty directory."""
        with self.home() as home:
            server = Tidegate(self.programs[0], home, settings)
            try:
                server.start()
                yield server
            finally:
                server.kill()

    def generator(self, server, *arguments):
        return Generator(self.programs[1], server, os.path.join(self.directory, "found.json"), arguments)

    def load(self, server, *arguments):
        """A load, and the server's processor time for it; the books are checked. In a closed loop, where nothing says what should
        have been done, whatever is refused would count as done."""
        before = server.processor_seconds()
        with self.generator(server, *arguments) as generator:
            load = generator.load()
        spent = server.processor_seconds() - before
        self.keep(load, server)
        if load.held is None and load.refused:
            raise Failed(f"{load.refused:,} requests were refused or not answered: {load.outcomes()}; take less of this load")
        return load, spent

    def keep(self, load, server):
        load.check(server)
        say(f"    {load.rate:11,.0f}/s, p99 {load.latency('p99'):,.1f} ms, {load.accepted:,} accepted, and in the books")
        self.loads.append({"step": self.step, **load.found})

    def rounds(self):
        for round_ in range(self.asked.rounds):
            say(f"{self.step}: round {round_ + 1} of {self.asked.rounds}")
            yield round_

    def by_turns(self, sides):
        """What each side found in each round. They take turns to begin, so that a machine that gets slower favours none."""
        found = {name: [] for name in sides}
        for round_ in self.rounds():
            for name in list(sides)[:: -1 if round_ % 2 else 1]:
                say(f"  {name}")
                found[name].append(sides[name]())
        return found
