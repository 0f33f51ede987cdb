"""`morphology`: the waves of the beat, measured as a cardiologist does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecgbench import Contributions, Score, Skip
from ecgbench.contracts.streams import MorphologyStream
from ecgbench.metrics.morphology.beats import beats
from ecgbench.metrics.morphology.features import FEATURES, features
from ecgbench.processing import usual_place
from ecgbench.shared import people_behind, unseen
from ecgbench.transport import FEWEST, distance

if TYPE_CHECKING:
    from ecgbench import Comparison
    from ecgbench.metrics.morphology import MorphologyConfig

SLOWEST = 100.0
"""Hz: in a window of a lower rate a QRS complex is a few samples."""


def morphology(comparison: Comparison, config: MorphologyConfig) -> Score:
    """Return the distance of the beats' amplitudes, durations and levels from those of ``control``.

    Every beat is delineated (`ecgbench.metrics.morphology.delineate`; docs/morphology.md compares it with
    cardiologists' marks), and nine features are measured in every lead: the amplitudes of P, Q, R, S and
    T and the ST level in mV, the width of the QRS complex and the QT interval in ms, and the presence of
    a P wave.  Then::

        value = Σ_c n_c / n · mean over leads and features of d
        d = min(a, b) · ∫ |F(z) − G(z)| dz + 5 · |a − b|

    The sum is over the classes c with 20 windows on both sides, n_c of ``control``.  F and G are the
    distribution functions of the feature in ``control`` and in the synthetic windows of that class, in
    deviations of ``control`` and cut off at five of them.  So the integral is a 1-Wasserstein distance
    that outliers do not rule.  a and b are the shares of windows with a measured value.  A window
    without a QRS complex has none, and so is five deviations from everything, the worst distance: noise
    does not score well by having no waves.  An absent wave has amplitude 0; the presence of a P wave has
    ½ as its deviation.  At most ``windows`` of each side count, every class in its proportion.  Of strips,
    every whole beat counts as a window with the label of its strip, and at most ``windows`` beats.

    The ``real`` row shows the noise of finite sets.  White noise scores about 5: no QRS complex is found
    in it.

    Parts: each feature's distance in mV or ms, without the term of missing values (``p-presence``: the
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
    real = beats(comparison, "control", config.windows, rng)
    chosen = beats(comparison, "synthetic", config.windows, rng)
    # measured anew for each cell, in a second, so that a store holds no measurements of patients
    place = real.place
    if place is None:
        flat = real.signals.reshape(-1, real.signals.shape[2])
        place = usual_place(flat, comparison.sampling_rate)
    of_real = features(real.signals, comparison.sampling_rate, place)
    of_synthetic = features(chosen.signals, comparison.sampling_rate, place)
    labels = control.labels[real.rows], synthetic.labels[chosen.rows]
    measured = distance(of_real, of_synthetic, labels, FEATURES)
    if measured is None:
        raise Skip(
            f"no class has {FEWEST} windows of control with QRS complexes and {FEWEST} synthetic ones"
        )
    return Score(
        value=measured.value,
        parts={
            **measured.features,
            "detected": float(np.isfinite(of_synthetic["qrs-width"]).mean()),
            "detected-real": float(np.isfinite(of_real["qrs-width"]).mean()),
            **{
                f"morphology-{comparison.classes[c]}": value
                for c, value in measured.classes.items()
            },
        },
        contributions=Contributions.first_order(
            measured.value,
            (control.patients[real.rows], measured.of_real),
            (people_behind(comparison)[chosen.rows], measured.of_synthetic),
        ),
        n=len(real.rows) + len(chosen.rows),
    )


def morphology_unseen(comparison: Comparison, config: MorphologyConfig) -> Score:
    """Return `morphology` against the windows of unseen people, in the place of ``control``.

    ``real`` is no ceiling: it shows the members' beats, and a generator of the population can be nearer
    to people whom nobody saw.

    Parts and contributions: those of `morphology`; ``detected-real`` is of the unseen people.

    Raises:
        Skip: as `morphology`, or there are no windows of unseen people.
    """
    return morphology(unseen(comparison), config)
