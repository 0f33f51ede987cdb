"""The pictures of a cell: what was made, at a glance.  A picture that cannot be drawn costs a note."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from ecgbench.harness.cell.trouble import say
from ecgbench.harness.data.same import TOLERANCE
from ecgbench.results.pictures.beside import Made, Real, pictures

if TYPE_CHECKING:
    from ecgbench.contracts.specs import DatasetSpec
    from ecgbench.contracts.windows import EcgWindows, Splits
    from ecgbench.results.store.records import CellId


def pictures_of(
    cell: CellId,
    synthetic: EcgWindows,
    splits: Splits,
    dataset: DatasetSpec,
    *,
    reference: bool = False,
) -> tuple[dict[str, bytes], list[str]]:
    """Return the pictures of a cell as PNG by file name, and a note if they cannot be drawn.

    Args:
        cell: names dataset, generator and seed; the seed draws the windows.
        synthetic: the windows of the cell.
        splits: of its dataset and seed.
        dataset: says whether real windows may be shown.
        reference: whether the windows are real ones, or made of them.
    """
    name, seed = cell.generator.name, cell.seed
    real = Real(
        dataset=dataset.name,
        train=splits.train,
        control=splits.control,
        free=dataset.redistributable,
        tolerance=TOLERANCE,
    )
    made = Made(name=name, windows=synthetic, reference=reference)
    try:
        return pictures(made, real, title=f"{name} on {dataset.name}, seed {seed}", seed=seed), []
    except Exception as error:  # noqa: BLE001 - no picture is worth a cell
        traceback.print_exc()
        return {}, [f"Its pictures could not be drawn: {say(error)}"]
