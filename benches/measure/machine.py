"""Of what, and where, figures are."""

import os
import platform
import shutil
from pathlib import Path

from .process import Failed, run

ROOT = Path(__file__).resolve().parent.parent.parent


def file_system(directory):
    return run("stat", "-f", "-c", "%T", directory).strip()


def about(files, server, generator):
    return {"machine": machine(files), "versions": versions(server, generator), **source()}


def machine(files):
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"processor": model, "cores": os.cpu_count(), "kernel": platform.release(), "files": files}


def versions(server, generator):
    found = {"tidegate": run(server, "--version").split()[-1], "tidegate-loadgen": run(generator, "--version").split()[-1]}
    if shutil.which("redis-server"):
        found["redis"] = run("redis-server", "--version").partition("v=")[2].split()[0]
    return found


def source():
    """What is checked out here; that the programs were built of it, nobody can know. Without git nothing is known."""
    # Without waiting for, or in the way of, another git.
    git = lambda *words: run("git", "--no-optional-locks", "-C", ROOT, *words).strip()
    try:
        return {"commit": git("rev-parse", "HEAD"), "clean": not git("status", "--porcelain")}
    except Failed:
        return {"commit": None, "clean": None}
