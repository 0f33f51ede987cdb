"""What tests of `ecgbench.harness.process` run in another process."""

# ruff: noqa: T201 - what is printed is to stand in the log

import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ecgbench import EcgbenchError


def echo(*arguments: Any) -> None:
    *values, send = arguments
    for value in values:
        send(("value", value))


def say(send: Any) -> None:
    print("to stdout ♥")
    print("to stderr", file=sys.stderr)
    os.system("echo from a program")


def print_and_crash(send: Any) -> None:
    print("last words")
    os.kill(os.getpid(), signal.SIGSEGV)


def end(how: str, send: Any) -> None:
    send(("began",))
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
    send(("sleeping",))
    time.sleep(60)


def leave_a_thread(send: Any) -> None:
    threading.Thread(target=time.sleep, args=(60,)).start()
    send(("value", 1))


def leave_a_child(file: Path, send: Any) -> None:
    """Fork a process that outlives this one with its end of the pipe."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    file.write_text(str(child))
    os._exit(3)


def _square(number: int, pipe: Any) -> None:
    pipe.send(number**2)


def start_a_process(send: Any) -> None:
    ours, theirs = multiprocessing.Pipe()
    helper = multiprocessing.Process(target=_square, args=(7, theirs))
    helper.start()
    send(("value", ours.recv()))
    helper.join()


def variables(send: Any) -> None:
    found = {name: value for name, value in os.environ.items() if name.startswith("ECGBENCH_TEST")}
    send(("value", found))


def threads(send: Any) -> None:
    import torch
    from threadpoolctl import threadpool_info

    pools = {pool["num_threads"] for pool in threadpool_info()}
    send(("value", [torch.get_num_threads(), pools, os.environ["OMP_NUM_THREADS"]]))


def imported(send: Any) -> None:
    send(("value", {"torch", "sklearn.manifold"} <= set(sys.modules)))


def interrupts(send: Any) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    send(("value", "still here"))
