"""Processes that are started for a measurement and end with it."""

import os
import socket
import subprocess
import time
from pathlib import Path


class Failed(Exception):
    """What could not be measured, why, and what to do."""


def run(*command):
    """What a command that ends by itself says."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{command[0]} can't be run: {error}")
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def kill(process):
    """For what nobody needs any more: its data are thrown away. A process that was stopped ends too."""
    process.kill()
    process.wait()


def free_ports(count):
    """Open together, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    for taken in sockets:
        taken.bind(("127.0.0.1", 0))
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


def wait_until(is_so, seconds, otherwise):
    """Asks until it is so. `otherwise` is what went wrong if it is not so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(otherwise)
        time.sleep(0.01)


def processor_seconds(process):
    """In user and system time."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def connect(port):
    """To a server on this machine that answers at once or is gone."""
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def answer(connection, request, end):
    """What comes back, up to and without `end`."""
    connection.sendall(request)
    received = bytearray()
    while not received.endswith(end):
        if not (chunk := connection.recv(1 << 20)):
            raise OSError("the connection was closed")
        received += chunk
    return bytes(received[: -len(end)])
