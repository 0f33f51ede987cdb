from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from ecgbench import Context, EcgbenchError, EcgWindows, Splits
from ecgbench.contracts.comparison import Comparison
from ecgbench.contracts.config import NoConfig, build
from ecgbench.generators.references import NoisyCopyConfig, ecgbench_generators
from ecgbench.harness.data.split import number, split
from ecgbench.shared import neighbours

SPECS = {spec.name: spec for spec in ecgbench_generators()}


def windows(seed: int = 0, count: int = 600) -> EcgWindows:
    """Six people, classes 0 and 1, two leads of different scale."""
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((count, 2, 20)).cumsum(axis=2) * [[[1.0], [0.1]]] + 0.3
    patients = np.arange(count) % 6
    return EcgWindows(
        signals=signals.astype(np.float32),
        labels=(rng.random(count) < 0.2).astype(np.int64),
        patients=patients,
        sampling_rate=100.0,
        leads=("I", "II"),
        classes=("N", "V", "F"),
        records=patients.astype(str),
        positions=np.arange(float(count)),
        attributes={person: {"sex": "F"} for person in range(6)},
    )


def splits(seed: int = 0) -> Splits:
    return split(number(windows()), seed=seed)


def context(seed: int = 0, fresh: EcgWindows | None = None) -> Context:
    return Context(
        seed=seed,
        device="cpu",
        threads=1,
        log=lambda step, /, *, total=None, **values: None,
        checkpoint_dir=Path(),
        fresh=fresh,
    )


def sample(name: str, seed: int = 0, **settings: float) -> tuple[Splits, EcgWindows]:
    made = splits()
    spec = SPECS[name]
    told = context(seed, made.fresh if spec.draws_on_fresh else None)
    model = spec.load()(build(spec.config, settings, where=name))
    model.fit(made.train, told)
    synthetic: EcgWindows = model.sample(made.fresh.labels, told)
    return made, synthetic


@pytest.mark.parametrize("name", SPECS)
def test_a_reference_gives_what_is_asked_for_and_names_nobody(name: str) -> None:
    made, synthetic = sample(name)
    assert SPECS[name].reference
    assert synthetic.problem() is None
    assert synthetic.signals.shape == made.fresh.signals.shape
    np.testing.assert_array_equal(synthetic.labels, made.fresh.labels)
    assert (synthetic.patients == -1).all()
    assert synthetic.records is None
    assert synthetic.positions is None
    assert synthetic.attributes is None
    assert synthetic.leads == made.train.leads
    assert synthetic.classes == made.train.classes


@pytest.mark.parametrize("name", SPECS)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    assert sample(name)[1].signals.tobytes() == sample(name)[1].signals.tobytes()


@pytest.mark.parametrize("name", ["copy", "noisy-copy", "gaussian-noise"])
def test_another_seed_gives_other_windows(name: str) -> None:
    assert not np.array_equal(sample(name)[1].signals, sample(name, seed=1)[1].signals)


def test_real_is_the_fresh_windows_in_their_order() -> None:
    made, synthetic = sample("real")
    np.testing.assert_array_equal(synthetic.signals, made.fresh.signals)
    np.testing.assert_array_equal(synthetic.indices, made.fresh.indices)


def test_only_real_draws_on_fresh() -> None:
    assert [name for name, spec in SPECS.items() if spec.draws_on_fresh] == ["real"]


@pytest.mark.parametrize("given", [False, True])
def test_real_without_the_fresh_windows_of_these_labels_is_an_error(given: bool) -> None:
    made = splits()
    told = context(fresh=made.fresh if given else None)
    with pytest.raises(EcgbenchError, match="sample it with their labels"):
        SPECS["real"].load()(NoConfig()).sample(made.control.labels, told)


def test_copies_are_training_windows_of_their_class_and_say_which() -> None:
    made, synthetic = sample("copy")
    assert made.train.indices is not None
    row = {int(index): n for n, index in enumerate(made.train.indices)}
    assert synthetic.indices is not None
    rows = np.array([row[int(index)] for index in synthetic.indices])
    np.testing.assert_array_equal(synthetic.signals, made.train.signals[rows])
    np.testing.assert_array_equal(synthetic.labels, made.train.labels[rows])


def test_no_window_is_copied_again_before_all_of_its_class_have_been() -> None:
    made = splits()
    copier = SPECS["copy"].load()(NoConfig())
    copier.fit(made.train, context())
    count = int((made.train.labels == 1).sum())
    twice = copier.sample(np.ones(2 * count, dtype=np.int64), context()).indices
    assert len(set(twice[:count])) == count
    assert len(set(twice[count:])) == count
    assert (
        len(set(copier.sample(np.ones(count - 1, dtype=np.int64), context()).indices)) == count - 1
    )


def test_a_class_that_train_lacks_is_filled_with_copies_of_any_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = splits()
    copier = SPECS["copy"].load()(NoConfig())
    copier.fit(made.train, context())
    asked = np.array([0, 2, 1, 2], dtype=np.int64)
    with caplog.at_level(logging.WARNING):
        synthetic = copier.sample(asked, context())
    np.testing.assert_array_equal(synthetic.labels, asked)
    assert made.train.indices is not None
    assert set(synthetic.indices) <= set(made.train.indices)
    assert caplog.messages == ["train has no window of class F: the 2 asked for are of any class"]


def test_noisy_copies_are_the_copies_under_noise_of_sigma_deviations_of_each_lead() -> None:
    made, noisy = sample("noisy-copy", sigma=0.5)
    _, copies = sample("copy")
    np.testing.assert_array_equal(noisy.indices, copies.indices)
    noise = noisy.signals - copies.signals
    deviation = made.train.signals.std(axis=(0, 2))
    np.testing.assert_allclose(noise.std(axis=(0, 2)), 0.5 * deviation, rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=(0, 2)) / deviation, 0.0, atol=0.05)


def test_noise_has_the_mean_and_deviation_of_each_lead_and_no_structure() -> None:
    made, noise = sample("gaussian-noise")
    for statistic in (np.mean, np.std):
        of_train, of_noise = (statistic(w.signals, axis=(0, 2)) for w in (made.train, noise))
        np.testing.assert_allclose(of_noise, of_train, atol=0.05 * made.train.signals[:, 0].std())
    assert noise.indices is None
    lag = [np.corrcoef(noise.signals[:, k, 0], noise.signals[:, k, 1])[0, 1] for k in (0, 1)]
    np.testing.assert_allclose(lag, 0.0, atol=0.35)


def test_references_order_themselves_by_distance_to_train() -> None:
    def median_distance(name: str) -> float:
        made, synthetic = sample(name)
        comparison = Comparison(
            synthetic=synthetic, splits=made, seed=0, headline_classes=made.train.classes
        )
        return float(np.median(neighbours(comparison, "synthetic", "train").distances))

    found = {name: median_distance(name) for name in SPECS}
    scale = np.sqrt((splits().train.signals.std(axis=(0, 2)) ** 2).sum() * 20)
    assert found["copy"] == 0.0
    assert found["noisy-copy"] == pytest.approx(NoisyCopyConfig().sigma * scale, rel=0.1)
    assert found["noisy-copy"] < found["real"] < found["gaussian-noise"]
