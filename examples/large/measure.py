"""Time and memory of one cell of very many strips: `pca-gaussian` and the whole suite.

    python examples/large/measure.py --strips 100000 --store STORE --out large.json

Runs ``ecgbench run`` on `large-strips` (strips.py, beside this file), and looks at its processes four times a second.

Memory is what the system cannot drop: ``RssAnon`` and ``RssShmem`` of Linux, of the largest process.  Pages of
files count as none: a memory map of windows is read from the disk again if other programs need the room.  Pages
that a process shares with the one it was forked from count in both.  Time is the processor's, of all threads
and processes, and a clock's.

Prints a table of stages, the largest memory first met in each.  ``--out`` gets the same as JSON.
"""

# ruff: noqa: T201 - it is a program

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

EVERY = 0.25
"""Seconds between two looks."""


class Watch:
    """Looks at a program and its children until they end.

    Attributes:
        stages: name of each stage and its figures, in order.
    """

    def __init__(self, program: psutil.Process) -> None:
        self.program = program
        self.stages: dict[str, dict[str, float]] = {}
        self.known: dict[int, float] = {}
        self.begin("plan")

    def begin(self, stage: str) -> None:
        """Count from here on for this stage."""
        self.stage = self.stages.setdefault(stage, {"MiB": 0.0, "cpu_seconds": 0.0, "seconds": 0.0})
        self.began = time.monotonic()

    def look(self) -> None:
        """Take note of memory and time of all processes."""
        stage, now = self.stage, time.monotonic()
        stage["seconds"] += now - self.began
        self.began = now
        for process in self._all():
            try:
                used, cpu = unshared(process.pid), sum(process.cpu_times()[:2])
            except (psutil.Error, OSError):
                continue
            stage["MiB"] = max(stage["MiB"], used)
            stage["cpu_seconds"] += cpu - self.known.get(process.pid, 0.0)
            self.known[process.pid] = cpu

    def _all(self) -> list[psutil.Process]:
        try:
            return [self.program, *self.program.children(recursive=True)]
        except psutil.Error:
            return []


def unshared(pid: int) -> float:
    """Return the MiB of a process that no file holds."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    kib = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(kib) / 1024


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--strips", type=int, default=100_000)
    parser.add_argument("--store", required=True)
    parser.add_argument("--metrics", help="default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    command = [sys.executable, "-m", "ecgbench", "run", "--json", "--no-references"]
    command += ["--plugin", str(Path(__file__).with_name("strips.py"))]
    command += ["--datasets", "large-strips", "--generators", "pca-gaussian", "--seeds", "0"]
    command += ["--set", f"dataset.large-strips.strips={given.strips}", "--store", given.store]
    command += ["--threads", str(given.threads), "--jobs", "1"]
    command += ["--metrics", given.metrics] if given.metrics else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        watch = Watch(psutil.Process(program.pid))
        assert program.stdout is not None
        told: list[dict[str, Any]] = []

        def listen() -> None:
            told.extend(json.loads(line) for line in program.stdout or ())

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        heard = 0
        while program.poll() is None or heard < len(told):
            watch.look()
            while heard < len(told):
                event = told[heard]
                heard += 1
                if event["event"] == "stage":
                    watch.begin(event["stage"])
                elif event["event"] == "score":
                    print(event["metric"], event["status"], event["value"], event["reason"])
                elif event["event"] in ("cell", "end", "note"):
                    print(event)
                sys.stdout.flush()
            given.out.write_text(json.dumps(watch.stages, indent=1))
            time.sleep(EVERY)
        listener.join()
    print(f"{'stage':45} {'processor, s':>12} {'clock, s':>9} {'MiB':>7}")
    for name, stage in watch.stages.items():
        print(f"{name:45} {stage['cpu_seconds']:12.1f} {stage['seconds']:9.1f} {stage['MiB']:7.0f}")


if __name__ == "__main__":
    main()
