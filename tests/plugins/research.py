"""Generators as research code is: they write into the working folder, look about, and start children."""

import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

from ecgbench import Config, EcgWindows, GeneratorSpec, MetricSpec, hookimpl


class HowConfig(Config, frozen=True):
    how: str = "keeps a file"
    file: str = ""


def double(number: int) -> int:
    return 2 * number


class Research:
    """Draws the mean of its training windows plus noise, and does as ``how`` says on the way."""

    def __init__(self, config: Any) -> None:
        self.config = config
        if config.file:
            self.text = Path(config.file).read_text("utf-8")

    def fit(self, train: EcgWindows, context: Any) -> None:
        import numpy as np

        self.train = train
        self.level = float(np.abs(train.signals).mean())
        how = self.config.how
        if how == "keeps a file":
            assert not list(Path().iterdir())
            np.save("best.npy", train.signals.mean(axis=0))
        elif how == "resumes":
            if not Path("model.npy").exists():
                np.save("model.npy", train.signals)
        elif how == "tells":
            told = {
                "people": sorted(set(train.patients.tolist())),
                "attributes": sorted(train.attributes or {}),
                "folder": [str(file) for file in Path().iterdir()],
                "variables": [name for name in os.environ if name.startswith("ECGBENCH_")],
                "windows": len(seen_windows()),
            }
            sys.stdout.write(f"TOLD {told}\n")
        elif how == "starts children":
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(1) as pool:
                    assert pool.map(double, [1, 2]) == [2, 4]
            assert multiprocessing.get_start_method() == multiprocessing.get_all_start_methods()[0]

    def sample(self, labels: Any, context: Any) -> EcgWindows:
        import numpy as np

        rng = np.random.default_rng(context.seed)
        how, shape = self.config.how, (len(labels), *self.train.signals.shape[1:])
        mean = self.train.signals.mean(axis=0)
        if how == "keeps a file":
            mean = np.load("best.npy")
        elif how == "resumes":
            mean = np.load("model.npy").mean(axis=0)
        signals = mean + 0.05 * rng.standard_normal(shape)
        return self.train.synthetic(signals, labels)


def seen_windows() -> set[int]:
    """Return windows within reach of this process's objects, other than synthetic ones."""
    import gc

    found: set[int] = set()
    for each in gc.get_objects():
        if type(each).__name__ == "Splits":
            found.update(range(sum(len(part) for part in (each.control, each.test))))
    frame = sys._getframe()
    while frame is not None:
        if hasattr(frame.f_locals.get("self"), "splits"):
            found.add(-1)
        frame = frame.f_back  # type: ignore[assignment]
    return found


class Thief(Research):
    """Returns forbidden windows, from the file in ``file``."""

    def sample(self, labels: Any, context: Any) -> EcgWindows:
        import numpy as np

        arrays = np.load(self.config.file, allow_pickle=False)
        return self.train.synthetic(arrays[: len(labels)], labels)

    def __init__(self, config: Any) -> None:
        self.config = config


@hookimpl
def ecgbench_generators() -> list[GeneratorSpec]:
    return [
        GeneratorSpec(name="research", target=Research, config=HowConfig, summary="research code"),
        GeneratorSpec(
            name="thief", target=Thief, config=HowConfig, summary="a thief", conditional=True
        ),
    ]


def patches(comparison: Any, config: Any) -> float:
    """Replaces the check of every score of this process."""
    from ecgbench.harness.cell import judge

    setattr(judge, "as_score", lambda *_: 1 / 0)  # noqa: B010 - as a patch does
    return 1.0


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            name="patches", target=patches, summary="patches", family="fidelity", better="lower"
        )
    ]
