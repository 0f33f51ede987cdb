"""Well-behaved plugins of each kind, for the harness's own tests."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec

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


def tell(what: str) -> None:
    """Append a line to the file in TRACE, if there is one, for tests of the number of calls."""
    with Path(os.environ.get("TRACE", os.devnull)).open("a") as trace:
        print(what, file=trace)


class CohortConfig(Config, frozen=True):
    patients: Annotated[int, msgspec.Meta(ge=1, description="people")] = 6
    windows: Annotated[int, msgspec.Meta(ge=1, description="windows")] = 240
    classes: Annotated[int, msgspec.Meta(ge=1, le=3, description="classes")] = 2
    gain: Annotated[float, msgspec.Meta(gt=0, description="mV")] = 1


def load_cohort(config: Any, folder: Path | None) -> EcgWindows:
    import numpy as np

    tell("load")
    rng = np.random.default_rng(5)
    patients = np.sort(rng.integers(config.patients, size=config.windows))
    labels = rng.integers(config.classes, size=config.windows)
    phase = 2 * np.pi * np.linspace(0, 1, 16)
    signals = np.sin((1 + labels[:, None]) * phase) * (1 + 0.1 * patients[:, None])
    signals += 0.05 * rng.standard_normal(signals.shape)
    return EcgWindows(
        signals=(config.gain * signals[:, None, :]).astype(np.float32),
        labels=labels.astype(np.int64),
        patients=patients.astype(np.int64),
        sampling_rate=16.0,
        leads=("II",),
        classes=("N", "S", "V")[: config.classes],
        attributes={int(patient): {"age": 40 + int(patient)} for patient in range(config.patients)},
    )


class JitterConfig(Config, frozen=True):
    sigma: Annotated[float, msgspec.Meta(ge=0, description="mV")] = 0.1
    steps: Annotated[int, msgspec.Meta(ge=0, description="of the fit")] = 3
    seconds: Annotated[float, msgspec.Meta(ge=0, description="for each step")] = 0.0


class Jitter:
    """Training windows of the wanted class, with noise; goes on from its checkpoint."""

    parameters = 7

    def __init__(self, config: Any) -> None:
        self.config = config

    def fit(self, train: EcgWindows, context: Any) -> None:
        import numpy as np

        tell(f"fit {len(train)} {','.join(map(str, np.unique(train.labels)))}")
        self.train = train
        mark = context.checkpoint_dir / "step"
        first = int(mark.read_text()) if mark.exists() else 0
        for step in range(first + 1, self.config.steps + 1):
            tell(f"step {step}")
            time.sleep(self.config.seconds)
            context.log(step, total=self.config.steps, loss=1 / step)
            mark.with_suffix(".new").write_text(str(step))
            mark.with_suffix(".new").replace(mark)

    def sample(self, labels: Any, context: Any) -> EcgWindows:
        import numpy as np

        tell(f"sample {len(labels)}")
        rng = np.random.default_rng([context.seed, 1])
        rows = [rng.choice(np.flatnonzero(self.train.labels == label)) for label in labels]
        signals = self.train.signals[rows]
        noise = self.config.sigma * rng.standard_normal(signals.shape)
        return self.train.synthetic(signals + noise, labels)


class Chosen:
    """A reference row: training windows of the wanted class, as they are."""

    def __init__(self, config: Any) -> None:
        pass

    def fit(self, train: EcgWindows, context: Any) -> None:
        self.train = train

    def sample(self, labels: Any, context: Any) -> EcgWindows:
        import numpy as np

        rng = np.random.default_rng([context.seed, 1])
        rows = [rng.choice(np.flatnonzero(self.train.labels == label)) for label in labels]
        return self.train.take(np.array(rows))


class ScaleConfig(Config, frozen=True):
    scale: float = 1.0


def level(comparison: Any, config: Any) -> Score:
    """Return mean magnitude in control less that of the synthetic windows, in a full score."""
    import numpy as np

    tell("score level")
    control, synthetic = comparison.splits.control, comparison.synthetic
    values = config.scale * np.abs(control.signals).mean(axis=(1, 2)).astype(float)
    offset = -config.scale * float(np.abs(synthetic.signals).mean())
    contributions = Contributions.of([Term(patients=control.patients, numerators=values)], offset)
    return Score(
        value=float(contributions.evaluate()[0]),
        parts={"synthetic": -offset, "nothing": float("nan")},
        contributions=contributions,
        n=np.int64(len(values)),  # type: ignore[arg-type]  # as many a metric would
        artefacts={"note.txt": b"a note"},
    )


def spread(comparison: Any, config: Any) -> float:
    tell("score spread")
    return float(comparison.synthetic.signals.std())


def shared(comparison: Any, config: Any) -> float:
    """Looks up a result of dataset and seed alone."""

    def compute() -> dict[str, Any]:
        tell("once")
        return {"mean": comparison.splits.auxiliary.signals.mean(axis=0)}

    found = comparison.once("mean-window", compute, version=1, settings={"k": 1})
    return float(found["mean"].std())


def never(comparison: Any, config: Any) -> float:
    raise Skip("it never applies")


@hookimpl
def ecgbench_datasets() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            name="cohort",
            target=load_cohort,
            config=CohortConfig,
            summary="sines of some people",
            smoke={"windows": 120},
            leads=("II",),
            sampling_rate=16.0,
            classes=("N", "S"),
            licence="MIT",
            files=(),
        )
    ]


@hookimpl
def ecgbench_generators() -> list[GeneratorSpec]:
    return [
        GeneratorSpec(
            name="jitter",
            target=Jitter,
            config=JitterConfig,
            summary="training windows with noise",
            smoke={"steps": 1},
            conditional=True,
        ),
        GeneratorSpec(
            name="jitter-by-class",
            target=Jitter,
            config=JitterConfig,
            summary="the same, fitted once per class",
        ),
        GeneratorSpec(
            name="chosen",
            target=Chosen,
            summary="training windows as they are",
            conditional=True,
            reference=True,
        ),
    ]


@hookimpl
def ecgbench_metrics() -> list[MetricSpec]:
    return [
        MetricSpec(
            name="level",
            target=level,
            config=ScaleConfig,
            summary="difference of mean magnitudes",
            family="fidelity",
            better="lower",
            ideal=0.0,
        ),
        MetricSpec(
            name="spread",
            target=spread,
            summary="standard deviation",
            family="diversity",
            better="higher",
            bounds=(0.0, float("inf")),
        ),
        MetricSpec(
            name="shared",
            target=shared,
            summary="uses what is computed once per store",
            family="fidelity",
            better="lower",
        ),
        MetricSpec(
            name="never", target=never, summary="never applies", family="privacy", better="lower"
        ),
    ]
