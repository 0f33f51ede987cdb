from __future__ import annotations

import math

from ecgbench.harness.cli.progress.say import duration, memory, values
from ecgbench.results.store.progress import Progress


def test_amounts_are_told_as_a_person_tells_them() -> None:
    assert [duration(s) for s in (0, 9.98, 59.7, 3599.7)] == [
        "0.0 s",
        "10 s",
        "1 min 0 s",
        "1 h 0 min",
    ]
    assert [memory(size) for size in (0, 300 * 2**20, 3 * 2**29)] == ["", "300 MiB", "1.5 GiB"]
    diverged = {"loss": math.inf, "kl": math.nan, "norm": 1e300, "acc": 0.5}
    shown = values(Progress(began=0, values=diverged))
    assert shown == "loss inf, kl nan, norm 1e+300, acc 0.500"
