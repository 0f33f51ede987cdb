"""A heart's dipole in three dimensions, and its projection to twelve leads.

The dipole is a sum of Gaussian waves with a direction each, as Sameni, Clifford, Jutten and Shamsollahi
(EURASIP J Adv Signal Process 2007:43407, equations 4 and 5) extend the model of McSharry et al.; it is
projected with the matrix of Dower, Machado and Osborne (Clin Cardiol 3:87, 1980).  Axes are Frank's: x to
the left, y to the feet, z to the back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench.datasets.ecgsyn.model import Waves

    Floats = NDArray[np.float64]

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

DOWER = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}
"""The matrix of Dower et al.: each lead's mV in a mV of x, y and z."""

REACH = 6.0
"""Widths from the peak of a wave at which it counts as 0: e⁻¹⁸ is 10⁻⁸."""


def dipole(waves: Waves, directions: Floats, times: Floats) -> Floats:
    """Return the dipole at some times.

    Args:
        waves: shape (wave,).
        directions: mV of x, y and z in a mV of a wave's amplitude, float64, shape (wave, 3).
        times: s, ascending, float64, shape (sample,).

    Returns:
        float64, shape (3, sample), mV.
    """
    reach = REACH * waves.widths
    first = np.searchsorted(times, waves.times - reach)
    end = np.searchsorted(times, waves.times + reach)
    there = np.flatnonzero((first < end) & (waves.amplitudes != 0))
    moments = waves.amplitudes[:, None] * directions
    total = np.zeros((3, len(times)))
    for wave in there:
        near = slice(first[wave], end[wave])
        away = (times[near] - waves.times[wave]) / waves.widths[wave]
        total[:, near] += moments[wave][:, None] * np.exp(-0.5 * away**2)
    return total


def twelve_leads(dipoles: Floats, electrodes: Floats) -> NDArray[np.float32]:
    """Return the leads of a dipole, with what each electrode adds.

    The limb leads are those of Einthoven and Goldberger: II = I + III, aVR = −(I + II) / 2,
    aVL = (I − III) / 2, aVF = (II + III) / 2, to the rounding of float32.

    Args:
        dipoles: mV, shape (3, sample).
        electrodes: potentials of noise and wander at RA, LA, LL and V1 to V6, mV, shape (9, sample).

    Returns:
        float32, shape (12, sample), mV, in the order of `LEADS`.
    """
    right, left, foot, *chest = electrodes
    projected = {lead: np.array(row) @ dipoles for lead, row in DOWER.items()}
    one, two = projected["I"] + left - right, projected["II"] + foot - right
    central = (right + left + foot) / 3  # Wilson's terminal, the chest leads' reference
    found = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    found += [projected[f"V{n + 1}"] + chest[n] - central for n in range(6)]
    return np.array(found, dtype=np.float32)


def rotation(angles: Floats) -> Floats:
    """Return the rotation about x, then y, then z by three angles, radians; shape (3, 3)."""
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[j, i] = np.sin(angle)
        turn[i, j] = -turn[j, i]
        turned = turn @ turned
    return turned
