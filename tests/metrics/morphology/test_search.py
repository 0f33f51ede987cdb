from __future__ import annotations

import numpy as np

from ecgbench.metrics.morphology.search import at, first, highest, last


def test_they_do_what_a_loop_over_windows_does() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 30))
    true = values > 0.8
    place = rng.integers(0, 30, 200)
    end = np.minimum(place + rng.integers(0, 9, 200), 29)
    for i, (row, n, e) in enumerate(zip(true, place, end, strict=True)):
        before, after = np.flatnonzero(row[:n]), n + 1 + np.flatnonzero(row[n + 1 :])
        assert last(true, place)[i] == (before[-1] if len(before) else -1)
        assert first(true, place)[i] == (after[0] if len(after) else 30)
        assert highest(values, place, end)[i] == n + values[i, n : e + 1].argmax()
        assert at(values, place)[i] == values[i, n]
