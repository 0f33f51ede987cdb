"""Functions for another process, in tests of `ecgbench.harness.isolation.process`."""

# ruff: noqa: T201 - prints are to stand in the log

import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from ecgbench import EcgbenchError
from ecgbench.harness.isolation.messages import Exit, WorkerEnd
from ecgbench.results.store.progress import Stage, Step, Usage


class Value(msgspec.Struct, frozen=True, tag=True):
    """Anything that a function tells."""

    value: Any


KINDS = Value | Stage | Step
"""Messages of these functions."""


def forge(send: Any) -> None:
    """Send what no worker may send, then what it may."""
    for message in (Usage(2**50, 1e9), Exit("forged", 0.0, 0), WorkerEnd(0, 0.0, 0, None)):
        send(message)
    pipe = send.args[0]
    for content in ({"type": "Value"}, {"type": "Stage", "name": 3}, ["stage", "x"], 7, None):
        pipe.send_bytes(msgspec.msgpack.encode(content))
    send(Value("sound"))


def echo(*arguments: Any) -> None:
    *values, send = arguments
    for value in values:
        send(Value(value))


def say(send: Any) -> None:
    print("to stdout ♥")
    print("to stderr", file=sys.stderr)
    os.system("echo from a program")


def print_and_crash(send: Any) -> None:
    print("last words")
    os.kill(os.getpid(), signal.SIGSEGV)


def end(how: str, send: Any) -> None:
    send(Value("began"))
    if how == "raise":
        raise ValueError("a\nproblem")
    if how == "error":
        raise EcgbenchError("a message for the user")
    if how == "sys.exit()":
        sys.exit()
    if how == "sys.exit(2)":
        sys.exit(2)
    if how == "os._exit(0)":
        os._exit(0)
    if how == "os._exit(5)":
        os._exit(5)
    os.kill(os.getpid(), int(how))


def sleep(file: Path, send: Any) -> None:
    file.write_text(str(os.getpid()))
    send(Value("sleeping"))
    time.sleep(60)


def sleep_in_stages(count: int, send: Any) -> None:
    for number in range(count):
        send(Stage(str(number)))
        time.sleep(0.1)


def flood(send: Any) -> None:
    while True:
        send(Step(1, 1, {}))


def write_into_the_pipe(send: Any) -> None:
    os.write(send.args[0].fileno(), b"\x00\x00\x00\x04junk")


def write_half_a_message(size: bytes, send: Any) -> None:
    os.write(send.args[0].fileno(), size + b"half")
    time.sleep(60)


def _burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def burn_in_a_child(send: Any) -> None:
    """Let a process without a parent use half a second."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        _burn(0.5)
        os._exit(0)
    os.close(theirs)
    os.read(ours, 1)


def burn_and_kill_the_guard(send: Any) -> None:
    _burn(0.5)
    time.sleep(1.7)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


def hold_memory(mib: int, seconds: float, send: Any) -> None:
    kept = b"x" * (mib * 2**20)
    send(Value(len(kept)))
    time.sleep(seconds)


def share_memory(mib: int, send: Any) -> None:
    """Have it in two processes that share each page."""
    kept = b"x" * (mib * 2**20)
    child = os.fork()
    if child == 0:
        time.sleep(1.7)
        os._exit(len(kept) % 2)
    os.waitpid(child, 0)


def tidy_up_at_the_end(file: Path, send: Any) -> None:
    def tidy(*_: Any) -> None:
        file.write_text("tidy")
        sys.exit()

    signal.signal(signal.SIGTERM, tidy)
    send(Value("ready"))
    time.sleep(3600)


def ask_once(once: Any, folder: Path, who: str, hang: bool, send: Any) -> None:
    """Ask for a shared computation; it ends when two have asked for it."""
    import numpy as np

    def compute() -> dict[str, Any]:
        with (folder / "computed").open("a") as file:
            print(who, file=file, flush=True)
        while hang or len(list(folder.glob("*.asks"))) < 2:
            time.sleep(0.02)
        time.sleep(0.5)  # the other is between the two lines below
        return {"found": np.arange(3)}

    (folder / f"{who}.asks").write_text(str(os.getpid()))
    send(Value(once.get("thing", None, compute)["found"].tolist()))


def leave_a_thread(send: Any) -> None:
    threading.Thread(target=time.sleep, args=(3600,)).start()
    send(Value(1))


def leave_a_child(file: Path, send: Any) -> None:
    """Fork a process that outlives this one with its end of the pipe."""
    child = os.fork()
    if child == 0:
        time.sleep(3600)
        os._exit(0)
    file.write_text(str(child))
    os._exit(3)


def _square(number: int, pipe: Any) -> None:
    pipe.send(number**2)


def start_a_process(send: Any) -> None:
    ours, theirs = multiprocessing.Pipe()
    helper = multiprocessing.Process(target=_square, args=(7, theirs))
    helper.start()
    send(Value(ours.recv()))
    helper.join()


def safe_path(send: Any) -> None:
    send(Value(os.environ.get("PYTHONSAFEPATH")))


def variables(send: Any) -> None:
    found = {name: value for name, value in os.environ.items() if name.startswith("ECGBENCH_TEST")}
    send(Value(found))


def threads(send: Any) -> None:
    import torch
    from threadpoolctl import threadpool_info

    pools = {pool["num_threads"] for pool in threadpool_info()}
    send(Value([torch.get_num_threads(), pools, os.environ["OMP_NUM_THREADS"]]))


def imported(send: Any) -> None:
    send(Value({"torch", "sklearn.manifold"} <= set(sys.modules)))


def interrupts(send: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    send(Value("still here"))


def page_faults(send: Any) -> None:
    """How often the system had to give memory for six tensors of 20 MB, each time they were made."""
    import resource

    import torch

    for _ in range(30):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        [torch.zeros(5_000_000) for _ in range(6)]
        send(Value(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
