"""The windows of an optimiser step: fewer if windows are long."""

SAMPLES = 200
"""Samples of a window of beats, for which the settings ``batch`` are meant."""

FEWEST = 16
"""Windows of a step, however long: batch normalisation and rare classes need some."""


def in_step(batch: int, samples: int) -> int:
    """Return how many windows of a length a network is shown in a step.

    A step costs what its samples cost, so windows longer than `SAMPLES` come in proportionally fewer,
    but at least `FEWEST` of them.  Leads do not count: they cost in the first layer alone.

    Args:
        batch: windows in a step if they are of beats; never more are returned.
        samples: of a lead of a window.
    """
    return min(batch, max(FEWEST, batch * SAMPLES // max(samples, SAMPLES)))
