"""Plugins that import well and then break the contract in the way that their setting ``how`` says."""

# ruff: noqa: NPY002, T201 - global random numbers and printing are what these are for

import ctypes
import os
import random
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecgbench import (
    Config,
    Contributions,
    DatasetSpec,
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


class PidConfig(Config, frozen=True):
    pid: str = ""


def end_process(how: str) -> None:
    """End this process, if ``how`` says so."""
    if how == "segfault":
        ctypes.string_at(0)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "os._exit(3)":
        os._exit(3)
    if how == "os._exit(0)":
        os._exit(0)
    if how == "sys.exit()":
        sys.exit()


class Bad:
    def __init__(self, config: Any) -> None:
        self.how = config.how

    def fit(self, train: EcgWindows, context: Any) -> None:
        import numpy as np
        import torch

        self.train = train
        (context.checkpoint_dir / "mark").write_text("half a fit")
        context.log(1, loss=0.5)
        end_process(self.how)
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
        if self.how == "writes to train":
            train.signals[:] = 0
        if self.how == "thread":
            threading.Thread(target=time.sleep, args=(30,)).start()

    def sample(self, labels: Any, context: Any) -> Any:
        import numpy as np

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
        made: dict[str, Callable[[], Any]] = {
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
        return made[self.how]() if self.how in made else good


def bad_metric(comparison: Any, config: Any) -> Any:
    import numpy as np

    end_process(config.how)
    people = comparison.splits.control.patients
    ones = np.ones(len(people))
    if config.how == "raises":
        raise ZeroDivisionError("no windows\nat all")
    if config.how == "writes to control":
        comparison.splits.control.signals[:] = 0
    if config.how == "random numbers":
        return float(np.random.random() * random.random())
    if config.how == "counts people":
        return float((comparison.synthetic.patients >= 0).mean())
    made: dict[str, Callable[[], Any]] = {
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
    return made[config.how]() if config.how in made else np.float32(0.5)


def wait_metric(comparison: Any, config: Any) -> float:
    """Write down the process's number and wait to be killed; the next time, score."""
    file = Path(config.pid)
    if not file.exists():
        file.write_text(str(os.getpid()))
        time.sleep(60)
    return 0.5


def bad_dataset(config: Any, folder: Path | None) -> Any:
    import numpy as np

    end_process(config.how)
    if config.how == "raises":
        raise KeyError("record 101")
    if config.how == "an array":
        return np.zeros((10, 1, 16))
    n = 60
    good = EcgWindows(
        signals=np.random.default_rng(1).standard_normal((n, 1, 16)).astype(np.float32),
        labels=np.zeros(n, dtype=np.int64),
        patients=np.arange(n, dtype=np.int64) % 3,
        sampling_rate=16.0,
        leads=("II",),
        classes=("N",),
    )
    made: dict[str, Callable[[], Any]] = {
        "NaN": lambda: replace(good, signals=np.full((n, 1, 16), np.nan, dtype=np.float32)),
        "objects": lambda: replace(good, records=np.array([None] * n)),
        "short records": lambda: replace(good, records=np.array(["100"])),
    }
    return made[config.how]() if config.how in made else good


@hookimpl
def ecgbench_datasets() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            name="bad-dataset",
            target=bad_dataset,
            config=HowConfig,
            summary="breaks the contract on request",
            leads=("II",),
            sampling_rate=16.0,
            classes=("N",),
            licence="MIT",
        )
    ]


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
        for name, conditional in (("bad", True), ("bad-by-class", False))
    ]


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    bad = [
        MetricSpec(
            name=name,
            target=bad_metric,
            config=HowConfig,
            summary="breaks the contract on request",
            family="fidelity",
            better="lower",
            bounds=(0.0, 1.0),
        )
        for name in ("bad-a", "bad-b")
    ]
    waits = MetricSpec(
        name="waits",
        target=wait_metric,
        config=PidConfig,
        summary="waits to be killed",
        family="fidelity",
        better="lower",
    )
    return [*bad, waits]
