"""What every diffusion model promises."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.generators.diffusion.conftest import (
    LABELS,
    TINY,
    fitted,
    make_context,
    windows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import Context

EACH = pytest.mark.parametrize("name", sorted(TINY))


@EACH
def test_samples_are_windows_of_the_labels(name: str, context: Context) -> None:
    train = windows()
    synthetic = fitted(name, context).sample(LABELS, context)
    assert synthetic.problem() is None
    assert synthetic.signals.shape == (5, 2, 13)
    np.testing.assert_array_equal(synthetic.labels, LABELS)
    assert (synthetic.patients == -1).all()
    assert synthetic.leads == train.leads
    assert synthetic.signals[:, 1].mean() > 5  # lead 1 lies about 10 mV


@EACH
def test_no_labels_give_no_windows(name: str, context: Context) -> None:
    synthetic = fitted(name, context).sample(LABELS[:0], context)
    assert synthetic.signals.shape == (0, 2, 13)


@EACH
@pytest.mark.parametrize(("leads", "length"), [(1, 16), (1, 5), (3, 31)])
def test_windows_of_any_leads_and_length_are_modelled(
    name: str, leads: int, length: int, context: Context
) -> None:
    model = fitted(name, context, windows(leads=leads, length=length))
    assert model.sample(LABELS, context).signals.shape == (5, leads, length)


@EACH
def test_two_equal_windows_and_a_flat_lead_are_modelled(name: str, context: Context) -> None:
    two = windows().take(np.array([0, 0]))
    flat = dataclasses.replace(two, signals=np.ones_like(two.signals))
    for train in (two, flat):
        assert fitted(name, context, train).sample(LABELS, context).problem() is None


@EACH
def test_a_fit_reports_its_loss_and_its_parameters(name: str, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    context = make_context(tmp_path, log=lambda done, /, **values: seen.append(values))
    assert fitted(name, context).parameters > 100
    assert all(np.isfinite(values["loss"]) for values in seen)
    assert seen[-1]["total"] == TINY[name]["iterations"]
