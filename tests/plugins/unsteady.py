"""A generator with other windows each time, off by the millivolts in the file LEVEL."""

import os
from pathlib import Path
from typing import Any

from ecgbench import EcgWindows, GeneratorSpec, hookimpl


class Unsteady:
    def __init__(self, config: Any) -> None:
        pass

    def fit(self, train: EcgWindows, context: Any) -> None:
        self.train = train
        if Path(os.environ["LEVEL"]).read_text() == "broken":
            raise RuntimeError("it does not work any more")

    def sample(self, labels: Any, context: Any) -> EcgWindows:
        import numpy as np

        rng = np.random.default_rng()
        rows = [rng.choice(np.flatnonzero(self.train.labels == label)) for label in labels]
        gain = float(Path(os.environ["LEVEL"]).read_text())
        return self.train.synthetic(gain * self.train.signals[rows], labels)


@hookimpl
def ecgbench_generators() -> list[GeneratorSpec]:
    return [GeneratorSpec(name="unsteady", target=Unsteady, summary="for tests", conditional=True)]
