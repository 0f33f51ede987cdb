import subprocess
import sys

import numpy as np
import pytest

from ecgbench import Comparison, Costs, EcgWindows, Skip
from ecgbench.harness.data.split import number, split
from ecgbench.metrics.cost import ecgbench_metrics

SPECS = {spec.name: spec for spec in ecgbench_metrics()}
COSTS = Costs(
    fit_seconds=12.5,
    sample_seconds=0.25,
    cpu_seconds=20.0,
    peak_memory=3 * 2**30,
    parameters=1234,
)


def comparison(costs: Costs | None, *, reference: bool = False) -> Comparison:
    rng = np.random.default_rng(0)
    windows = EcgWindows(
        signals=rng.standard_normal((100, 1, 8)).astype(np.float32),
        labels=np.zeros(100, dtype=np.int64),
        patients=np.repeat(np.arange(2), 50),
        sampling_rate=125.0,
        leads=("II",),
        classes=("beat",),
    )
    splits = split(number(windows), 0)
    return Comparison(
        synthetic=splits.fresh.synthetic(splits.fresh.signals, splits.fresh.labels),
        splits=splits,
        seed=0,
        headline_classes=("beat",),
        costs=costs,
        reference=reference,
    )


def cost(name: str, costs: Costs | None, *, reference: bool = False) -> float:
    spec = SPECS[name]
    value: float = spec.load()(comparison(costs, reference=reference), spec.config())
    return value


def test_each_cost_is_what_was_measured_in_its_unit() -> None:
    n_synthetic = len(comparison(COSTS).synthetic)
    assert cost("fit-time", COSTS) == 12.5
    assert cost("sample-rate", COSTS) == n_synthetic / 0.25
    assert cost("peak-memory", COSTS) == 3072
    assert cost("parameters", COSTS) == 1234


@pytest.mark.parametrize("name", SPECS)
def test_windows_that_were_made_elsewhere_have_no_costs(name: str) -> None:
    with pytest.raises(Skip, match="made elsewhere"):
        cost(name, None)


@pytest.mark.parametrize("name", SPECS)
def test_a_reference_row_has_no_costs(name: str) -> None:
    with pytest.raises(Skip, match="reference row"):
        cost(name, COSTS, reference=True)


def test_a_generator_that_does_not_count_its_parameters_is_skipped_and_not_failed() -> None:
    silent = Costs(fit_seconds=1.0, sample_seconds=1.0, cpu_seconds=1.0, peak_memory=1)
    with pytest.raises(Skip, match="does not say"):
        cost("parameters", silent)
    assert cost("fit-time", silent) == 1.0


def test_a_sampling_shorter_than_the_clock_resolves_has_a_finite_rate() -> None:
    instant = Costs(fit_seconds=0.0, sample_seconds=0.0, cpu_seconds=0.0, peak_memory=1)
    assert 0 < cost("sample-rate", instant) < float("inf")


def test_only_the_sample_rate_is_better_when_higher() -> None:
    assert {name for name, spec in SPECS.items() if spec.better == "higher"} == {"sample-rate"}
    assert {spec.family for spec in SPECS.values()} == {"cost"}


def test_naming_the_metrics_imports_nothing_heavy() -> None:
    program = (
        "import sys; from ecgbench.metrics import cost, privacy, utility\n"
        "for plugin in (cost, privacy, utility): list(plugin.ecgbench_metrics())\n"
        "print({'numpy', 'scipy', 'sklearn', 'torch', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"
