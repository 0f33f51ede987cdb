"""Small plugins of each kind, for tests of the command; given to it with ``--plugin``."""

import os
import time
from pathlib import Path

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


class TinyConfig(Config, frozen=True):
    patients: int = 6
    windows: int = 300


def load(config, folder):
    import numpy as np

    rng = np.random.default_rng(5)
    patients = np.sort(rng.integers(config.patients, size=config.windows))
    labels = rng.integers(2, size=config.windows)
    t = np.linspace(0, 1, 16)
    signals = np.sin(2 * np.pi * (1 + labels[:, None]) * t) * (1 + 0.1 * patients[:, None])
    signals = signals + 0.05 * rng.standard_normal(signals.shape)
    return EcgWindows(
        signals=signals[:, None, :].astype(np.float32),
        labels=labels.astype(np.int64),
        patients=patients.astype(np.int64),
        sampling_rate=16.0,
        leads=("II",),
        classes=("N", "V"),
    )


class JitterConfig(Config, frozen=True):
    sigma: float = 0.1
    seconds: float = 0.0
    work: int = 0
    fail_on_odd_seeds: bool = False


class Jitter:
    """Training windows with noise; slow, or failing, on request."""

    def __init__(self, config):
        self.config = config

    def fit(self, train, context):
        if self.config.fail_on_odd_seeds and context.seed % 2:
            raise RuntimeError("odd [bold]seeds[/bold] are not for me")
        self.train = train
        sum(number * number for number in range(self.config.work))
        for step in range(10):
            time.sleep(self.config.seconds / 10)
            context.log(step + 1, total=10, loss=1 / (step + 1))
        with Path(os.environ.get("STUB_FITS", os.devnull)).open("a") as fits:
            print(context.seed, file=fits)

    def sample(self, labels, context):
        import numpy as np

        rng = np.random.default_rng(context.seed)
        rows = [rng.choice(np.flatnonzero(self.train.labels == label)) for label in labels]
        signals = self.train.signals[rows]
        return self.train.synthetic(
            signals + self.config.sigma * rng.standard_normal(signals.shape), labels
        )


class SlowConfig(Config, frozen=True):
    seconds: float = 0.0


def amplitude(comparison, config):
    import numpy as np

    time.sleep(config.seconds)
    with Path(os.environ.get("STUB_SCORES", os.devnull)).open("a") as scores:
        print(comparison.seed, file=scores)
    control = comparison.splits.control
    values = np.abs(control.signals).max(axis=(1, 2)).astype(float)
    offset = -float(np.abs(comparison.synthetic.signals).max(axis=(1, 2)).mean())
    contributions = Contributions.of([Term(patients=control.patients, numerators=values)], offset)
    return Score(
        value=float(contributions.evaluate()[0]), contributions=contributions, n=len(values)
    )


def never(comparison, config):
    raise Skip("it never [red]applies[/red]")


@hookimpl
def ecgbench_datasets():
    return [
        DatasetSpec(
            name="tiny",
            target=load,
            config=TinyConfig,
            summary="for tests",
            leads=("II",),
            sampling_rate=16.0,
            classes=("N", "V"),
            licence="MIT",
            files=(),
        )
    ]


@hookimpl
def ecgbench_generators():
    return [
        GeneratorSpec(
            name="jitter", target=Jitter, config=JitterConfig, summary="for tests", conditional=True
        )
    ]


@hookimpl
def ecgbench_metrics():
    return [
        MetricSpec(
            name="peak",
            target=amplitude,
            config=SlowConfig,
            summary="for tests",
            family="fidelity",
            better="lower",
        ),
        MetricSpec(
            name="never", target=never, summary="for tests", family="privacy", better="lower"
        ),
    ]
