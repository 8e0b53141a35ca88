"""A Tidegate of one's own: started on free ports and an empty directory, asked for its metrics and its books, killed."""

import http.client
import os
import re
import subprocess
import time
from pathlib import Path

from .process import Failed, answer, connect, free_ports, kill, processor_seconds

READY_WITHIN = 900
# An epoch that never ends, so that no snapshot is made: as many bytes as the setting takes.
ENDLESS = 1 << 40
# REPORTs that are asked for together.
TOGETHER = 1_000
RESERVED = re.compile(rb"\$6\r\norders\r\n\*12\r\n\$8\r\nRESERVED\r\n:(\d+)\r\n")
BALANCED = b"$8\r\nbalanced\r\n:1\r\n"


class Tidegate:
    def __init__(self, program, directory, settings):
        """`settings` are environment variables. Those of whoever runs this are not for it: its defaults are measured."""
        self.data, self.log = Path(directory) / "data", Path(directory) / "log"
        self.port, self.http = free_ports(2)
        self.command = [program, "serve", "--data-dir", self.data]
        self.command += ["--tcp-listen", f"127.0.0.1:{self.port}", "--http-listen", f"127.0.0.1:{self.http}"]
        others = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        self.environment = others | {name: str(value) for name, value in settings.items()}
        self.process = None

    def start(self):
        """The seconds until it was ready."""
        began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stderr=log, stdout=log)
        while not self.is_ready():
            if self.is_over():
                raise Failed(f"the server did not start: {self.last_words()}; put that right, then run this step again")
            if time.monotonic() - began > READY_WITHIN:
                raise Failed(f"the server was not ready after {READY_WITHIN} s: {self.last_words()}; take fewer --orders")
            time.sleep(0.005)
        return time.monotonic() - began

    def kill(self):
        if self.process:
            kill(self.process)

    def is_over(self):
        return self.process.poll() is not None

    def last_words(self):
        said = self.log.read_text(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def get(self, path):
        """Status and body."""
        client = http.client.HTTPConnection("127.0.0.1", self.http, timeout=60)
        try:
            client.request("GET", path)
            response = client.getresponse()
            return response.status, response.read().decode()
        finally:
            client.close()

    def is_ready(self):
        try:
            return self.get("/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def metrics(self):
        """Each sample by its name and labels."""
        try:
            lines = self.get("/metrics")[1].splitlines()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"the server does not tell its metrics ({error}): {self.last_words()}")
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def processor_seconds(self):
        return processor_seconds(self.process)

    def orders(self, names):
        """Reserved orders of these SKUs together, as their reports say, which all have to balance."""
        orders = 0
        try:
            with connect(self.port) as connection:
                for begin in range(0, len(names), TOGETHER):
                    some = names[begin : begin + TOGETHER]
                    asked = "".join(f"REPORT {name}\r\n" for name in some) + "PING\r\n"
                    reports = answer(connection, asked.encode(), b"+PONG\r\n")
                    counts = RESERVED.findall(reports)
                    if not len(counts) == (balanced := reports.count(BALANCED)) == len(some):
                        raise Failed(f"of {len(some)} reports {balanced} balance; this is a defect, report it")
                    orders += sum(map(int, counts))
        except OSError as error:
            raise Failed(f"the server does not tell its books ({error}): {self.last_words()}")
        return orders

    def disk_bytes(self):
        """What the data directory takes of the disk."""
        return sum(path.stat().st_blocks for path in self.data.rglob("*")) * 512
