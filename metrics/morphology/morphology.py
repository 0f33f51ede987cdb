"""`morphology`: the waves of the beat, measured as a cardiologist does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip, stratified
from ecgbench.contracts.streams import MorphologyStream
from ecgbench.metrics.morphology.features import FEATURES, features
from ecgbench.metrics.morphology.transport import transport
from ecgbench.processing import usual_place
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison
    from ecgbench.metrics.morphology import MorphologyConfig
    from ecgbench.metrics.morphology.transport import Transport

    Measured = dict[str, NDArray[np.float64]]

FEWEST = 20
"""Windows that a class takes on each side, and that a feature takes among the real ones."""

SLOWEST = 100.0
"""Hz: in a window of a lower rate a QRS complex is a few samples."""


def morphology(comparison: Comparison, config: MorphologyConfig) -> Score:
    r"""Distance of the beats' amplitudes, durations and levels from those of ``control``.

    The waves of every beat are found (`ecgbench.metrics.morphology.delineate`; docs/morphology.md
    compares them with cardiologists' marks), and nine features measured in every lead: the
    amplitudes of P, Q, R, S and T and the ST level in mV, the width of the QRS complex and the QT
    interval in ms, and whether there is a P wave.  Then::

        value = Σ_c n_c / n · mean over leads and features of d
        d = min(a, b) · ∫ |F(z) − G(z)| dz + 5 · |a − b|

    over the classes c that have 20 windows on both sides, n_c of ``control``.  F and G are the
    distribution functions of the feature in ``control`` and in the synthetic windows of that class,
    counted in deviations of ``control`` and cut off at five of them, so that the integral is a
    1-Wasserstein distance that outliers do not rule; a and b are the shares of windows in which it
    could be measured.  Without a QRS complex nothing can, so such a window is five deviations from
    everything, which is as bad as can be: noise does not score well by having no waves.  A wave that
    is absent has amplitude 0; a P wave's presence counts ½ as its deviation.  Of each side at most
    ``windows`` are looked at, every class in its proportion.

    Lower is better.  Range [0, ∞), in practice to about 5.  An ideal generator scores 0, up to the
    noise of finite sets (the ``real`` row shows how much); white noise, in which no QRS complex is
    found, about 5.

    Parts: each feature's distance in mV or ms, not cut short by missing values (``p-presence``: the
    difference of the rates), averaged as the value is; ``detected`` and ``detected-real``, the shares
    of synthetic and of ``control`` windows with a QRS complex; ``morphology-CLASS``, the value of a
    class.

    Contributions are of first order, by influence function; a synthetic window counts for the person
    of its nearest control window.

    Raises:
        Skip: the sampling rate is below 100 Hz, no class has 20 windows on both sides, or too few
            QRS complexes are found in ``control``.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if comparison.sampling_rate < SLOWEST:
        raise Skip(f"it needs {SLOWEST:g} Hz; the windows have {comparison.sampling_rate:g}")
    rng = np.random.default_rng([comparison.seed, MorphologyStream.WINDOWS])
    real = control.take(stratified(control.labels, config.windows, rng))
    kept = stratified(synthetic.labels, config.windows, rng)
    made = synthetic.take(kept)
    place = usual_place(real.signals.reshape(-1, real.length), comparison.sampling_rate)
    # measured anew for each cell, in a second, so that a store holds no measurements of patients
    of_real = features(real.signals, comparison.sampling_rate, place)
    of_made = features(made.signals, comparison.sampling_rate, place)

    classes = {
        c: label
        for c, label in enumerate(comparison.classes)
        if min(np.sum(real.labels == c), np.sum(made.labels == c)) >= FEWEST
    }
    if not classes:
        raise Skip(f"no class has {FEWEST} windows of control and {FEWEST} synthetic ones")
    compared = {
        c: found
        for c in classes
        if (found := _compared(of_real, of_made, real.labels == c, made.labels == c))
    }
    if not compared:
        raise Skip("too few QRS complexes are found in control")

    sizes = {c: int(np.sum(real.labels == c)) for c in compared}
    values = {c: float(np.mean([t.value for _, t in found])) for c, found in compared.items()}
    shares = {c: size / sum(sizes.values()) for c, size in sizes.items()}
    value = sum(shares[c] * values[c] for c in compared)
    by_real, by_made = np.zeros(len(real)), np.zeros(len(made))
    for c, found in compared.items():
        of_c, made_c = real.labels == c, made.labels == c
        # a person brings values, and a mixture of classes
        within = np.mean([t.of_real for _, t in found], axis=0)
        by_real[of_c] = shares[c] / of_c.mean() * (values[c] - value + within)
        within = np.mean([t.of_synthetic for _, t in found], axis=0)
        by_made[made_c] = shares[c] / made_c.mean() * within
    return Score(
        value=value,
        parts={
            **_distances(compared, shares),
            "detected": float(np.isfinite(of_made["qrs-width"]).mean()),
            "detected-real": float(np.isfinite(of_real["qrs-width"]).mean()),
            **{f"morphology-{classes[c]}": values[c] for c in compared},
        },
        contributions=Contributions.first_order(
            value, (real.patients, by_real), (people_behind(comparison)[kept], by_made)
        ),
        n=len(real) + len(made),
    )


def _compared(
    real: Measured, made: Measured, of_real: NDArray[np.bool_], of_made: NDArray[np.bool_]
) -> list[tuple[str, Transport]]:
    """Each feature in each lead, of these windows, where real ones have enough of it."""
    return [
        (name, transport(values, made[name][of_made, lead], scale))
        for name, scale in FEATURES.items()
        for lead, values in enumerate(real[name][of_real].T)
        if np.isfinite(values).sum() >= FEWEST
    ]


def _distances(
    compared: dict[int, list[tuple[str, Transport]]], shares: dict[int, float]
) -> dict[str, float]:
    """Each feature's distance in its own unit, over the classes and leads in which it has one."""
    distances = {}
    for name in FEATURES:
        known = [
            (shares[c], t.distance)
            for c, found in compared.items()
            for feature, t in found
            if feature == name and np.isfinite(t.distance)
        ]
        if known:
            weights, values = np.array(known).T
            distances[name] = float(weights @ values / weights.sum())
    return distances
