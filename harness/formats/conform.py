"""Brings windows from elsewhere into the form of a dataset; names each difference with both numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecgbench.contracts.errors import UsageError
from ecgbench.harness.formats.found import texts
from ecgbench.harness.formats.named import named_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ecgbench.contracts.windows import EcgWindows

UNITS = {"mV": 1.0, "uV": 1e-3, "µV": 1e-3, "μV": 1e-3, "V": 1e3}
"""Millivolts in a unit; both signs of Unicode for micro."""

AXES = ("window", "lead", "sample")

FLAT = ("window", "sample")
"""Axes of a table, whatever the number of its leads."""

SOME = 2000
"""Training windows to compare with: medians of more are the same."""

EDGE = 1e-3
"""By how much the ends of a scaled window may miss 0 and 1."""

MOST = 0.9
"""Share of the windows that have to look scaled."""

PADDED = 0.02
"""Share of a window that ends in zeros, from which it looks padded."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """The user's own words on a file of windows; None for what they leave to the file.

    Attributes:
        rate: Hz.
        resample: whether to resample to the dataset's rate.
        unit: of the samples, one of `UNITS`.
        leads: names of the file's leads, in order.
        classes: names of classes by label.
        axes: of the signals, in order.
    """

    rate: float | None = None
    resample: bool = False
    unit: str | None = None
    leads: tuple[str, ...] | None = None
    classes: Mapping[str, str] | None = None
    axes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate > 0):
            raise UsageError(f"rate = {self.rate}: one number of Hz above 0 is wanted")
        if self.unit is not None and self.unit not in UNITS:
            raise UsageError(f"unit = {self.unit!r}: mV, uV or V is wanted")
        if self.axes is not None and sorted(self.axes) not in (sorted(AXES), sorted(FLAT)):
            raise UsageError(
                f"axes = {','.join(self.axes)}: window, lead and sample are wanted, each once, in the "
                "order of the file (or window,sample)"
            )
        if self.leads is not None and len(set(self.leads)) < len(self.leads):
            raise UsageError(f"lead = {','.join(self.leads)}: a lead is named twice")


class Conformed(NamedTuple):
    """Windows in the form of a dataset.

    Attributes:
        signals: float, shape (window, lead, sample), mV.
        labels: int64, shape (window,), as the dataset counts its classes.
        notes: remarks on the conversions, one sentence each.
    """

    signals: NDArray[Any]
    labels: NDArray[np.int64]
    notes: list[str]


class _Unlike(Exception):  # noqa: N818 - it ends the look at the signals, and is told with other findings
    """The signals cannot be looked at any further."""


@dataclass
class _Findings:
    """Findings on the way.

    Attributes:
        problems: differences that no option has resolved.
        notes: conversions.
        taken: facts of the dataset, in place of those that nobody said.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)


def conform(
    file: str, arrays: Mapping[str, NDArray[Any]], said: Said, train: EcgWindows, count: int
) -> Conformed:
    """Bring windows into the form of the training windows.

    Nothing is guessed: the file says a fact, or the user does, or it is taken as the dataset's and told.

    Args:
        file: its name, for messages.
        arrays: by the names of `ecgbench.harness.formats.found.ARRAYS`.
        said: by the user.
        train: the training windows.
        count: the wanted number of windows.

    Raises:
        UsageError: some difference stays; the message names all, with the options that resolve them.
    """
    found = _Findings()
    signals = np.empty(0)
    windows = len(arrays["signals"]) if arrays["signals"].ndim else 0
    try:
        signals = _axes(arrays, said, train, count, found)
        windows = len(signals)
        signals = _units(signals, arrays, said, found)
        signals = _leads(signals, arrays, said, train, found)
        _check_scale(signals, train, found)
        signals = _rates(signals, arrays, said, train, found)
        if windows != count:
            found.problems.append(
                f"signals have {windows} windows; {count} are wanted, one for each label that ecgbench "
                "split writes into its file draw"
            )
        _check_finite(signals)
    except _Unlike as unlike:
        found.problems.append(str(unlike))
    labels = named_labels(arrays, said.classes, train.classes, windows, found.problems, found.notes)
    if labels is None or found.problems:
        raise UsageError(_told(file, found.problems))
    if "classes" not in arrays and not said.classes and arrays["labels"].dtype.kind not in "US":
        found.taken.append(f"labels as indices into {', '.join(train.classes)}")
    if found.taken:
        found.notes.append(f"does not say all, so it is read with {', '.join(found.taken)}")
    return Conformed(signals, labels, found.notes)


def _told(file: str, problems: list[str]) -> str:
    if len(problems) == 1:
        return f"{file}: {problems[0]}"
    lines = "\n".join(f"- {problem}" for problem in problems)
    return f"{file} is unlike the dataset in {len(problems)} ways:\n{lines}"


def _axes(
    arrays: Mapping[str, NDArray[Any]],
    said: Said,
    train: EcgWindows,
    count: int,
    found: _Findings,
) -> NDArray[Any]:
    """Return the signals with axes (window, lead, sample)."""
    signals = arrays["signals"]
    has_unit = said.unit is not None or "unit" in arrays
    if signals.dtype.kind not in ("fiu" if has_unit else "f"):
        raise _Unlike(
            f"signals are {signals.dtype}; floating-point millivolts are wanted (raw digital samples "
            "become mV by (sample − baseline) / gain; whole microvolts: --unit uV)"
        )
    file_says = texts(arrays["axes"]) if "axes" in arrays else None
    axes = said.axes or file_says
    if said.axes and file_says and said.axes != file_says:
        raise _Unlike(f"axes are {','.join(file_says)}, --axes says {','.join(said.axes)}")
    if axes is None:
        hint = _wrong_axes(signals.shape, (count, *train.signals.shape[1:]))
        if hint is not None:
            raise _Unlike(hint)
        return signals
    if len(axes) != signals.ndim or sorted(axes) not in (sorted(AXES), sorted(FLAT)):
        raise _Unlike(
            f"signals have shape {signals.shape}, and their axes are said to be {','.join(axes)}"
        )
    if axes not in (AXES, FLAT):
        found.notes.append(f"axes {','.join(axes)} were put into the order {','.join(AXES)}")
    if len(axes) == len(AXES):
        return signals.transpose([axes.index(name) for name in AXES])
    leads = said.leads or (texts(arrays["leads"]) if "leads" in arrays else ("",))
    return _unfolded(signals if axes == FLAT else signals.T, len(leads), found)


def _unfolded(flat: NDArray[Any], leads: int, found: _Findings) -> NDArray[Any]:
    """Return signals of shape (window, number) with an axis of leads, one after the other in a window."""
    length, rest = divmod(flat.shape[1], leads)
    if rest:
        raise _Unlike(
            f"a window has {flat.shape[1]} numbers; they are no {leads} leads of one length"
        )
    if leads > 1:
        found.notes.append(
            f"each window's {flat.shape[1]} numbers are {leads} leads of {length} samples, one after the "
            "other"
        )
    return flat.reshape(len(flat), leads, length)


def _wrong_axes(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str | None:
    """Return why signals have other axes than (window, lead, sample); None if they look right."""
    _, leads, length = wanted
    told = f"signals have shape {shape}; {wanted} is wanted"
    if len(shape) == 2 and leads == 1:
        return f"{told}: signals[:, None, :] has it, or --axes window,sample"
    if len(shape) != 3:
        return told
    if leads not in (shape[1], length) and shape[2] == leads and shape[1] > leads:
        return f"{told}: signals.transpose(0, 2, 1) has it, or --axes window,sample,lead"
    return None


def _units(
    signals: NDArray[Any], arrays: Mapping[str, NDArray[Any]], said: Said, found: _Findings
) -> NDArray[Any]:
    """Return the signals in millivolts."""
    units = texts(arrays["unit"]) if "unit" in arrays else ()
    if said.unit is not None:
        if other := [unit for unit in units if UNITS.get(unit) != UNITS[said.unit]]:
            raise _Unlike(f"its unit is {other[0]}, --unit says {said.unit}: one of them is wrong")
        units = (said.unit,)
    if not units:
        found.taken.append("samples in mV")
        return signals
    if unknown := [unit for unit in units if unit not in UNITS]:
        raise _Unlike(f"its unit is {unknown[0]!r}; mV, uV or V is wanted")
    if len(units) not in (1, signals.shape[1]):
        raise _Unlike(f"it has {len(units)} units and {signals.shape[1]} leads")
    factors = np.array([UNITS[unit] for unit in units])
    if (factors == 1.0).all():
        return signals if signals.dtype.kind == "f" else signals.astype(np.float64)
    found.notes.append(f"samples in {', '.join(dict.fromkeys(units))} were converted to mV")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(signals.astype(np.float64) * factors[None, :, None])


def _leads(
    signals: NDArray[Any],
    arrays: Mapping[str, NDArray[Any]],
    said: Said,
    train: EcgWindows,
    found: _Findings,
) -> NDArray[Any]:
    """Return the dataset's leads, by name."""
    file_says = texts(arrays["leads"]) if "leads" in arrays else None
    names = said.leads or file_says
    wanted = ", ".join(train.leads)
    if names is None:
        if signals.shape[1] != len(train.leads):
            raise _Unlike(
                f"signals have {signals.shape[1]} leads; {len(train.leads)} are wanted, {wanted}: "
                "--lead NAME,NAME names those of the file, in order"
            )
        found.taken.append(f"leads {wanted}")
        return signals
    told = ", ".join(names)
    if len(names) != signals.shape[1]:
        raise _Unlike(f"signals have {signals.shape[1]} leads, and {len(names)} are named: {told}")
    if said.leads and file_says and said.leads != file_says:
        found.notes.append(f"its leads {', '.join(file_says)} are called {told} by --lead")
    if set(train.leads) - set(names) or len(set(names)) < len(names):
        raise _Unlike(
            f"leads are {told}; wanted are {wanted} (--lead NAME,NAME renames those of the file, in order)"
        )
    if names == train.leads:
        return signals
    found.notes.append(f"leads {wanted} were taken by name from {told}")
    return signals[:, [names.index(lead) for lead in train.leads]]


def _check_scale(signals: NDArray[Any], train: EcgWindows, found: _Findings) -> None:
    """Look for windows scaled to [0, 1], and for zeros at their ends."""
    if not signals.size:
        return
    real = train.signals[:: max(1, len(train) // SOME)]
    low, high = (float(np.median(side(real, axis=2))) for side in (np.min, np.max))
    if _scaled(signals) > MOST > _scaled(real):
        found.problems.append(
            f"each window runs from 0 to 1 in each lead, windows of train from {low:.3g} to {high:.3g} mV "
            "(medians): they were scaled one by one, which loses the millivolts, and no option brings "
            "them back; train on ecgbench split, or undo the scaling with each window's own ends"
        )
    ends, usual = _zeros_at_end(signals), _zeros_at_end(real)
    padded, ours = (side >= max(3, PADDED * signals.shape[2]) for side in (ends, usual))
    if padded.mean() > 0.5 > ours.mean():
        told = (
            f"{int(padded.sum())} of {len(ends)} windows end in zeros, {float(np.median(ends)):g} of "
            f"{signals.shape[2]} samples (median); of train {int(ours.sum())} of {len(usual)} do"
        )
        found.notes.append(told)
        if found.problems:
            found.problems.append(f"{told}: zero padding is no ECG")


def _scaled(signals: NDArray[Any]) -> float:
    """Return the share of windows from 0 to 1 in each lead."""
    low, high = signals.min(axis=2), signals.max(axis=2)
    return float(((np.abs(low) <= EDGE) & (np.abs(high - 1) <= EDGE)).all(axis=1).mean())


def _zeros_at_end(signals: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of zeros at the end of each window; 0 for a window of nothing else."""
    other = (signals != 0).any(axis=1)[:, ::-1]
    return np.where(other.any(axis=1), other.argmax(axis=1), 0)


def _rates(
    signals: NDArray[Any],
    arrays: Mapping[str, NDArray[Any]],
    said: Said,
    train: EcgWindows,
    found: _Findings,
) -> NDArray[Any]:
    """Return the signals at the dataset's rate and of its length."""
    rate = _rate(arrays, said, train, found)
    wanted, length = train.length, signals.shape[2]
    theirs = train.sampling_rate
    if math.isclose(rate, theirs, rel_tol=1e-6):
        if length != wanted:
            way = "" if "sampling_rate" in arrays or said.rate else " (--rate HZ says another rate)"
            raise _Unlike(
                f"a window is {wanted} samples at {theirs:g} Hz ({wanted / theirs:.3f} s); these are "
                f"{length} samples ({length / theirs:.3f} s){way}"
            )
        return signals
    exact = length * theirs / rate
    fits = abs(exact - wanted) < 1
    become = f"{length} samples at {rate:g} Hz become {exact:.6g} of {wanted} at {theirs:g} Hz"
    if not said.resample:
        way = (
            "--resample resamples them" if fits else f"and {become}, so --resample does not suffice"
        )
        raise _Unlike(f"sampling_rate is {rate:g} Hz; {theirs:g} Hz is wanted: {way}")
    if not fits:
        raise _Unlike(
            f"{become}: windows of {length / rate:.3f} s are no windows of {wanted / theirs:.3f} s, and no "
            "option cuts or pads them"
        )
    ratio = Fraction(theirs / rate).limit_denominator(2000)
    if not ratio or not math.isclose(float(ratio), theirs / rate, rel_tol=1e-6):
        raise _Unlike(
            f"{rate:g} Hz and {theirs:g} Hz have no ratio of small whole numbers: resample there"
        )
    found.notes.append(f"windows were resampled from {rate:g} to {theirs:g} Hz ({become})")
    return _resampled(signals, ratio, wanted)


def _rate(
    arrays: Mapping[str, NDArray[Any]], said: Said, train: EcgWindows, found: _Findings
) -> float:
    """Return the rate of the file's windows, in Hz."""
    given = arrays.get("sampling_rate")
    if given is None:
        if said.rate is None:
            if said.resample:
                raise _Unlike("--resample needs the rate of the file: --rate HZ")
            found.taken.append(f"a rate of {train.sampling_rate:g} Hz")
        return said.rate or train.sampling_rate
    if given.size != 1 or given.dtype.kind not in "iuf":
        shown = repr(given.ravel()[0].item()) if given.size == 1 else f"of shape {given.shape}"
        raise _Unlike(
            f"sampling_rate is {shown} ({given.dtype}); one number of Hz is wanted, {train.sampling_rate:g}"
        )
    rate = float(given.item())
    if not (math.isfinite(rate) and rate > 0):
        raise _Unlike(f"sampling_rate is {rate:g} Hz; {train.sampling_rate:g} Hz is wanted")
    if said.rate is not None and not math.isclose(rate, said.rate, rel_tol=1e-6):
        raise _Unlike(
            f"sampling_rate is {rate:g} Hz, --rate says {said.rate:g}: one of them is wrong"
        )
    return rate


def _resampled(signals: NDArray[Any], ratio: Fraction, length: int) -> NDArray[np.float64]:
    """Return signals at another rate, by a polyphase filter; a window's ends are continued by a line."""
    from scipy.signal import resample_poly  # noqa: PLC0415 - it takes a while, and few need it

    up, down = ratio.numerator, ratio.denominator
    made = resample_poly(signals.astype(np.float64), up, down, axis=2, padtype="line")
    if made.shape[2] < length:
        made = np.concatenate([made, made[:, :, -1:]], axis=2)
    return np.asarray(made[:, :, :length])


def _check_finite(signals: NDArray[Any]) -> None:
    # numbers beyond float32 become infinite
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(signals.astype(np.float32)).all(axis=(1, 2))
    if bad.any():
        raise _Unlike(
            f"{int(bad.sum())} windows hold NaN or infinite samples, first window {int(bad.argmax())}"
        )
