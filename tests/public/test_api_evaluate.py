"""`ecgbench.evaluate`: the metric's own number, and a reason for each metric that two arrays cannot feed."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ecgbench
from ecgbench import Comparison, EcgWindows, MetricSpec, Splits
from ecgbench.contracts.errors import ConfigError, UsageError

RATE = 100.0


def arrays(*shape: int) -> Any:
    rng = np.random.default_rng(3)
    time = np.linspace(0, 6, shape[-1])
    return np.sin(time + rng.uniform(0, 1, (*shape[:-1], 1))) + 0.1 * rng.standard_normal(shape)


REAL, MADE = arrays(120, 1, 64), 1.3 * arrays(90, 1, 64)
LABELS: dict[str, Any] = {"real_labels": np.arange(120) % 2, "synthetic_labels": np.arange(90) % 2}


def windows(signals: Any, labels: Any = None) -> EcgWindows:
    count = len(signals)
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=np.zeros(count, dtype=np.int64) if labels is None else labels.astype(np.int64),
        patients=np.zeros(count, dtype=np.int64),
        sampling_rate=RATE,
        leads=tuple(f"lead {number}" for number in range(signals.shape[1])),
        classes=("all",) if labels is None else ("0", "1"),
    )


@pytest.mark.parametrize(
    "metric", ["mmd", "discriminative", "log-spectral-distance", "skewness-difference", "distance"]
)
def test_a_value_is_the_metrics_own(metric: str) -> None:
    evaluation = ecgbench.evaluate(REAL, MADE, metric, sampling_rate=RATE, seed=4, study="smoke")
    real = windows(REAL)
    comparison = Comparison(
        synthetic=windows(MADE),
        splits=Splits(train=real, control=real, auxiliary=real, fresh=real, test=real, fold=0),
        seed=4,
        headline_classes=("all",),
    )
    spec = ecgbench.discover().metric(metric)
    returned = spec.load()(comparison, spec.config(**spec.smoke))
    assert evaluation[metric].value == float(getattr(returned, "value", returned))
    assert evaluation[metric].value != 0


def test_what_two_arrays_cannot_feed_is_skipped_with_the_reason() -> None:
    skipped = {
        "copied-share": "train windows",
        "membership-inference": "train windows",
        "frechet-distance": "auxiliary windows",
        "cross-classification": "unseen people",
        "patient-membership": "both folds",
        "fit-time": "measured",
    }
    evaluation = ecgbench.evaluate(REAL, MADE, [*skipped], sampling_rate=RATE, **LABELS)
    assert {each.state for each in evaluation.metrics.values()} == {"skipped"}
    for metric, reason in skipped.items():
        assert reason in evaluation[metric].reason
        assert evaluation[metric].value is None


@pytest.mark.slow
def test_without_names_every_metric_is_there_and_none_fails() -> None:
    evaluation = ecgbench.evaluate(REAL, MADE, sampling_rate=RATE, study="smoke", **LABELS)
    specs = [entry.spec for entry in ecgbench.discover().of_kind("metric")]
    costly = {s.name for s in specs if isinstance(s, MetricSpec) and s.costly}
    assert set(evaluation.metrics) == {spec.name for spec in specs} - costly
    states = {each.metric: each.state for each in evaluation.metrics.values()}
    assert "failed" not in states.values()
    assert sum(state == "ok" for state in states.values()) >= 12
    assert "inception-score" not in [name for name, state in states.items() if state == "ok"]


def test_two_and_three_dimensions_are_the_same_windows() -> None:
    flat = ecgbench.evaluate(REAL[:, 0], MADE[:, 0], "mmd", sampling_rate=RATE)
    assert flat["mmd"] == ecgbench.evaluate(windows(REAL), windows(MADE), "mmd")["mmd"]
    two = ecgbench.evaluate(arrays(30, 2, 64), arrays(40, 2, 64), "mmd", sampling_rate=RATE)
    assert two["mmd"].state == "ok"


def test_names_of_classes_are_labels_too() -> None:
    real, made = (np.array(["N", "V"])[labels] for labels in LABELS.values())
    by_name = ecgbench.evaluate(
        REAL, MADE, "mmd", sampling_rate=RATE, real_labels=real, synthetic_labels=made
    )
    assert by_name["mmd"].state == "ok"


def test_splits_feed_every_metric_of_one_fold() -> None:
    parts = ecgbench.splits("ecgsyn", 0, windows=600)
    names = ["mmd", "copied-share", "patient-membership"]
    evaluation = ecgbench.evaluate(parts, parts.fresh, names, study="smoke")
    assert evaluation["copied-share"].state == "ok"
    assert abs(float(evaluation["copied-share"].value or 0)) < 0.1
    assert evaluation["patient-membership"].state == "skipped"
    wrong = parts.fresh.take(slice(1, None))
    with pytest.raises(UsageError, match=r"other labels than splits\.fresh"):
        ecgbench.evaluate(parts, wrong, "mmd")


def spread(comparison: Any, config: Any) -> float:
    """Return the ratio of the deviations."""
    random.seed(5)
    return float(comparison.synthetic.signals.std() / comparison.splits.control.signals.std())


def broken(comparison: Any, config: Any) -> float:
    raise ValueError("two <classes> are wanted")


def metric(name: str, target: Any) -> MetricSpec:
    return MetricSpec(name=name, target=target, summary=name, family="fidelity", better="lower")


def test_a_function_is_a_metric_and_leaves_the_random_state_alone() -> None:
    random.seed(1)
    before = random.getstate()
    own: list[str | MetricSpec] = [metric("spread", spread), metric("broken", broken), "mmd"]
    evaluation = ecgbench.evaluate(REAL, MADE, own, sampling_rate=RATE)
    assert random.getstate() == before
    assert evaluation["spread"].value == pytest.approx(1.3, abs=0.05)
    assert evaluation["broken"].state == "failed"
    assert "two <classes> are wanted (test_api_evaluate.py:" in evaluation["broken"].reason
    assert "mmd" in evaluation.metrics
    html = evaluation._repr_html_()
    assert "two &lt;classes&gt; are wanted" in html
    assert "nothing is ranked" in html
    assert "nothing is ranked" in str(evaluation)


def test_a_frame_has_a_line_for_each_metric() -> None:
    frame = ecgbench.evaluate(REAL, MADE, "mmd,copied-share", sampling_rate=RATE).to_frame()
    columns = ["metric", "family", "better", "state", "value", "n", "reason"]
    assert list(frame.columns) == columns
    assert dict(zip(frame["metric"], frame["state"], strict=True)) == {
        "mmd": "ok",
        "copied-share": "skipped",
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sampling_rate": None}, "sampling_rate is missing"),
        ({"real": REAL[:, :, :60]}, r"\(1, 60\).*\(1, 64\)"),
        ({"real": REAL[0, 0]}, r"shape \(64,\)"),
        ({"real": (1000 * REAL).astype(int)}, "floating-point millivolts"),
        ({"synthetic": np.where(MADE > 1, np.nan, MADE)}, "NaN or infinite"),
        ({"synthetic": MADE[:0]}, "there are no windows"),
        ({"real_labels": np.zeros(3, dtype=int)}, r"real_labels: int64 of shape \(3,\)"),
        ({"real_labels": np.zeros(120, dtype=int), "synthetic_labels": ["N"] * 90}, "of two kinds"),
        ({"real_labels": LABELS["real_labels"]}, "synthetic_labels are missing"),
        ({"real_labels": np.zeros(120)}, "real_labels: float64"),
        ({"real": windows(REAL), "real_labels": ["N"] * 120}, "real holds its own"),
        ({"real": windows(REAL, np.full(120, 7))}, "labels run from 7 to 7"),
        ({"real": windows(REAL), "sampling_rate": 2 * RATE}, "sampling_rate = 200, but .* 100 Hz"),
        ({"real": [[1.0], [1.0, 2.0]]}, "real is no array"),
        ({"real": np.ma.masked_greater(REAL, 1)}, "real: some values are masked"),
        ({"real": 1e300 * REAL}, "NaN or infinite"),
        ({"real": REAL[:, :, :0]}, "real: there are no samples"),
        (
            {"synthetic": 1000 * MADE},
            "synthetic: samples deviate .* the real windows .* are these µV",
        ),
        ({"sampling_rate": "100"}, "sampling_rate = '100': one number"),
        ({"sampling_rate": np.array([100.0, 100.0])}, "one number"),
        ({"sampling_rate": float("nan")}, "one number"),
        ({"sampling_rate": float("inf")}, "one number"),
        ({"metrics": 3}, "metrics holds 3: names are wanted"),
        ({"metrics": ["mmd", np.std]}, "names are wanted, or ecgbench.MetricSpec"),
        ({"metrics": ["mmd", ""]}, "no metric is called ''"),
        ({"threads": 0}, "threads = 0: a whole number from 1"),
        ({"device": "gpu"}, "device = 'gpu': 'auto', 'cpu' or 'cuda'"),
        ({"headline_classes": ["al"]}, "did you mean 'all'"),
        ({"headline_classes": 3}, "headline_classes = 3: names"),
        ({"settings": ["metric.mmd.windows=5"]}, "settings = .*: a dict is wanted"),
        ({"plugins": 3}, "plugins = 3: paths"),
        ({"plugins": "nothing.py"}, "nothing.py: there is no such file"),
        ({"metrics": "mdm"}, "did you mean 'mmd'"),
        ({"metrics": ["mmd", "nothing"]}, "no metric is called 'nothing'"),
        ({"seed": -1}, "seeds"),
    ],
)
def test_a_mistake_is_an_error_with_the_way_out(changes: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"real": REAL, "synthetic": MADE, "metrics": "mmd"}
    given |= {"sampling_rate": RATE} | changes
    with pytest.raises(UsageError, match=said):
        ecgbench.evaluate(given.pop("real"), given.pop("synthetic"), **given)


def test_leads_with_other_names_do_not_fit() -> None:
    made = dataclasses.replace(windows(MADE), leads=("V5",))
    with pytest.raises(UsageError, match=r"leads .*lead 0.*V5"):
        ecgbench.evaluate(windows(REAL), made, "mmd")


def test_an_array_beside_windows_takes_their_rate_leads_and_only_class() -> None:
    seen: list[Comparison] = []

    def look(comparison: Any, config: Any) -> float:
        seen.append(comparison)
        return 0.0

    real = dataclasses.replace(windows(REAL), leads=("II",), classes=("N",))
    assert ecgbench.evaluate(real, MADE, [metric("look", look)])["look"].state == "ok"
    synthetic = seen[0].synthetic
    assert (synthetic.sampling_rate, synthetic.leads, synthetic.classes) == (RATE, ("II",), ("N",))


def test_labels_may_be_a_column_of_pandas() -> None:
    labels: Any = {
        name: pd.Series(np.array(["N", "V"])[own], dtype=object) for name, own in LABELS.items()
    }
    evaluation = ecgbench.evaluate(REAL, MADE, "mmd", sampling_rate=RATE, **labels)
    assert evaluation["mmd"].state == "ok"


def test_an_unknown_setting_is_an_error() -> None:
    settings = {"metric.mmd.windoze": 5}
    with pytest.raises(ConfigError, match="has no setting 'windoze'"):
        ecgbench.evaluate(REAL, MADE, "mmd", sampling_rate=RATE, settings=settings)
