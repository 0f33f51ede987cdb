"""A generator and a metric that import well and then break the contract, as their setting ``how`` says."""

# ruff: noqa: NPY002, T201 - these are for global random numbers and printing

import ctypes
import os
import random
import signal
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgbench import (
    Config,
    Contributions,
    EcgWindows,
    GeneratorSpec,
    MetricSpec,
    Score,
    Skip,
    Term,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class HowConfig(Config, frozen=True):
    how: str = "well"


MIB = 2**20
KEPT: list[Any] = []
"""Things that are never given back."""


class Odd(BaseException):
    """An error beyond `except Exception`."""


def tell_pid() -> None:
    """Append this process's number to the file in PIDS, if there is one."""
    with Path(os.environ.get("PIDS", os.devnull)).open("a") as file:
        print(os.getpid(), file=file, flush=True)


def child(does: "Callable[[], object]", *, daemon: bool = False) -> int:
    """Fork a process deaf to SIGTERM; a daemon is nobody's child and has a session of its own."""
    pid = os.fork()
    if pid:
        if daemon:
            os.waitpid(pid, 0)
        return pid
    if daemon:
        os.setsid()
        if os.fork():
            os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell_pid()
    does()
    os._exit(0)


def hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def hang_in_c() -> None:
    """Sleep without giving the interpreter back."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.PyDLL(None).sleep(600)


def eat_memory() -> None:
    for _ in range(64):
        KEPT.append(b"x" * (64 * MIB))
        time.sleep(0.02)
    hang()


def let_a_child_eat_memory() -> None:
    os.waitpid(child(eat_memory), 0)


def leave_children() -> None:
    child(hang)
    child(hang, daemon=True)


def stop_the_guard() -> None:
    os.kill(os.getppid(), signal.SIGSTOP)
    hang()


def keep_the_guard_stopped() -> None:
    guard = os.getppid()

    def stop() -> None:
        while True:
            os.kill(guard, signal.SIGSTOP)
            time.sleep(0.001)

    child(stop)
    child(hang, daemon=True)
    stop()


def kill_the_guard() -> None:
    child(hang)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def print_much() -> None:
    print("the first words")
    line = "x" * 1023 + "\n"
    for _ in range(100):
        sys.stdout.write(line * 1024)
    print("the last words")


def print_for_ever() -> None:
    line = b"y" * 1023 + b"\n"

    def write() -> None:
        while True:
            os.write(1, line)

    child(write, daemon=True)


def open_files() -> None:
    KEPT.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(5000))


def close_standard_files() -> None:
    sys.stdout.close()
    sys.stderr.close()
    os.closerange(0, 3)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    KEPT.extend(os.open(os.environ["TRACE"], flags) for _ in range(3))


def come_back_from_a_fork() -> None:
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)


def change_everything() -> None:
    import numpy as np
    import torch

    os.chdir("/")
    os.environ.clear()
    os.environ["HOME"] = "/nowhere"
    os.umask(0o777)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    torch.set_num_threads(3)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    np.seterr(all="raise")
    warnings.simplefilter("error")
    sys.setrecursionlimit(500)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 300)
    sys.stdout = None


def burn() -> None:
    """Use half a second of processor time."""
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass


def allocate() -> None:
    KEPT.append(b"x" * (300 * MIB))


def exit_after(work: "Callable[[], None]") -> None:
    work()
    os._exit(3)


def recurse() -> None:
    recurse()


def wait_with_children() -> None:
    """Leave children, and hang as long as there is a file HANG."""
    if Path(os.environ["HANG"]).exists():
        leave_children()
        tell_pid()
        hang()


def interrupt() -> None:
    raise KeyboardInterrupt


def raise_odd() -> None:
    raise Odd("beyond\nreason")


DOES: dict[str, "Callable[[], object]"] = {
    "segfault": lambda: ctypes.string_at(0),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "os._exit(3)": lambda: os._exit(3),
    "os._exit(0)": lambda: os._exit(0),
    "sys.exit()": sys.exit,
    "sys.exit(text)": lambda: sys.exit("no licence found"),
    "KeyboardInterrupt": interrupt,
    "BaseException": raise_odd,
    "recursion": recurse,
    "hangs": hang,
    "hangs in C": hang_in_c,
    "stops itself": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "stops its guard": stop_the_guard,
    "keeps its guard stopped": keep_the_guard_stopped,
    "kills its guard": kill_the_guard,
    "eats memory": eat_memory,
    "a child eats memory": let_a_child_eat_memory,
    "leaves children": leave_children,
    "prints much": print_much,
    "prints for ever": print_for_ever,
    "opens files": open_files,
    "closes standard files": close_standard_files,
    "comes back from a fork": come_back_from_a_fork,
    "changes everything": change_everything,
    "takes a second": lambda: time.sleep(1),
    "burns": burn,
    "burns and exits": lambda: exit_after(burn),
    "allocates": allocate,
    "allocates and exits": lambda: exit_after(allocate),
    "waits with children": wait_with_children,
}


def misbehave(how: str) -> None:
    """Do as ``how`` says, if any plugin can do it."""
    DOES.get(how, lambda: None)()


class Bad:
    def __init__(self, config: Any) -> None:
        self.how = config.how

    def fit(self, train: EcgWindows, context: Any) -> None:
        import numpy as np
        import torch

        self.train = train
        (context.checkpoint_dir / "mark").write_text("half a fit")
        context.log(1, loss=0.5)
        misbehave(self.how)
        if self.how == "raises":
            raise ZeroDivisionError("the loss\nvanished")
        if self.how == "skips":
            raise Skip("it wants longer windows")
        if self.how == "prints":
            print("to stdout ♥")
            print("to stderr", file=sys.stderr)
        if self.how == "random":
            random.seed(1)
            np.random.seed(1)
            torch.manual_seed(1)
        if self.how == "tensor":
            torch.from_numpy(train.signals).sub_(1)
        if self.how == "writes to train":
            train.signals[:] = 0
        if self.how == "thread":
            threading.Thread(target=time.sleep, args=(30,)).start()

    def sample(self, labels: Any, context: Any) -> Any:
        import numpy as np

        if self.how == "hangs in sampling":
            hang()
        if self.how == "takes a second":
            time.sleep(1)
        n, (_, leads, length) = len(labels), self.train.signals.shape
        good = self.train.synthetic(np.ones((n, leads, length)), labels.copy())
        if self.how == "mutates its labels":
            labels[:] = labels[::-1].copy()
            return self.train.synthetic(good.signals, labels)
        if self.how == "NaN":
            signals = good.signals.copy()
            signals[3, 0, 2] = np.nan
            return replace(good, signals=signals)
        if self.how == "random numbers":
            noise = np.random.standard_normal(good.signals.shape)
            return self.train.synthetic(noise + random.random(), labels)
        if self.how == "real people":
            return replace(good, patients=np.zeros(n, dtype=np.int64))
        wrong: dict[str, Callable[[], Any]] = {
            "too short": lambda: replace(good, signals=good.signals[:, :, 1:]),
            "too few": lambda: good.take(slice(1, None)),
            "flat": lambda: replace(good, signals=good.signals[:, 0]),
            "other labels": lambda: replace(good, labels=labels[::-1].copy()),
            "labels in a list": lambda: replace(good, labels=labels.tolist()),
            "double": lambda: replace(good, signals=good.signals.astype(np.float64)),
            "an array": lambda: good.signals,
            "other rate": lambda: replace(good, sampling_rate=360.0),
            "other leads": lambda: replace(good, leads=("V1",)),
            "class beyond": lambda: replace(good, labels=labels + 9),
        }
        return wrong[self.how]() if self.how in wrong else good


def bad_metric(comparison: Any, config: Any) -> Any:
    import numpy as np

    misbehave(config.how)
    people = comparison.splits.control.patients
    ones = np.ones(len(people))
    if config.how == "raises":
        raise ZeroDivisionError("no windows\nat all")
    if config.how == "tensor":
        import torch

        torch.from_numpy(comparison.splits.control.signals).zero_()
    if config.how == "writes to control":
        comparison.splits.control.signals[:] = 0
    if config.how == "random numbers":
        return float(np.random.random() * random.random())
    if config.how == "counts people":
        return float((comparison.synthetic.patients >= 0).mean())
    wrong: dict[str, Callable[[], Any]] = {
        "NaN": lambda: float("nan"),
        "infinite": lambda: Score(value=float("inf")),
        "beyond": lambda: 1.5,
        "text": lambda: "0.5",
        "nothing": lambda: None,
        "text in a score": lambda: Score(value="half"),  # type: ignore[arg-type]
        "NaN contributions": lambda: Score(
            value=0.5,
            contributions=Contributions.of([Term(patients=people, numerators=ones * np.nan)]),
        ),
        "infinite contributions": lambda: Score(
            value=0.0,
            contributions=Contributions.of(
                [Term(patients=people, numerators=ones, denominators=ones * np.inf)]
            ),
        ),
        "other contributions": lambda: Score(
            value=0.5, contributions=Contributions.of([Term(patients=people, numerators=ones)])
        ),
        "no contributions": lambda: Score(value=0.5, contributions=[1, 2]),  # type: ignore[arg-type]
        "artefact of text": lambda: Score(value=0.5, artefacts={"a.txt": "text"}),  # type: ignore[dict-item]
    }
    return wrong[config.how]() if config.how in wrong else np.float32(0.5)


@hookimpl
def ecgbench_generators() -> list[GeneratorSpec]:
    return [
        GeneratorSpec(
            name=name,
            target=Bad,
            config=HowConfig,
            summary="breaks the contract on request",
            conditional=conditional,
        )
        for name, conditional in (
            ("bad", True),
            ("bad-by-class", False),
            *((f"bad-{number}", True) for number in range(1, 10)),
        )
    ]


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            name=name,
            target=bad_metric,
            config=HowConfig,
            summary="breaks the contract on request",
            family="fidelity",
            better="lower",
            bounds=(0.0, 1.0),
        )
        for name in ("bad-a", "bad-b", "bad-c", "bad-d", "bad-e", "bad-f")
    ]
