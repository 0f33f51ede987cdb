"""`mitdb` and `ludb` have the windows that readers in Python once gave: their digests are pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecgbench.harness.data import physionet
from ecgbench.harness.data.digest import digest
from ecgbench.harness.data.returned import as_windows
from tests.shipped import load, shipped

if TYPE_CHECKING:
    from pathlib import Path

    from ecgbench import EcgWindows

DIGESTS = {
    ("mitdb", "MLII"): "bda7c9e288a264c404f3bf0e37d1f7594b0ebdd14a1b8bd55f2db9ed64ef7194",
    ("mitdb", "MLII,V1"): "85e3eaa25519a6b7b2bdff5629c903e7edba846ca471821d11d7e97e708741e4",
    ("ludb", "II"): "daf6cac09a9ef6d3ea58057a83ce548ded627915d7a7e6782323ce3b0ff7ab3d",
    ("ludb", "V1,II"): "01e794a5aa0e2031122d5a6d8e9ab3f79060ffd074c8d687211a37aac1a35608",
}


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "leads"), DIGESTS)
def test_the_windows_are_those_from_before(name: str, leads: str, data_dir: Path) -> None:
    spec = shipped(name)
    assert spec.source is not None
    folder = physionet.find(spec.source, data_dir)
    if folder is None:
        pytest.skip(f"ECGBENCH_DATA_DIR holds no {name}")
    windows: EcgWindows = as_windows(load(spec, folder, leads=leads), name)
    assert digest(windows, spec.source.sums_sha256) == DIGESTS[name, leads]


@pytest.mark.real_data
def test_strips_of_real_people(data_dir: Path) -> None:
    import numpy as np

    for name, folder, shape, counts in (
        ("mitdb-strips", "mitdb", (6368, 2, 1000), [4840, 703, 825]),
        ("ludb-strips", "ludb", (200, 12, 1000), [143, 15, 42]),
    ):
        if not (data_dir / folder).is_dir():
            pytest.skip(f"ECGBENCH_DATA_DIR holds no {folder}")
        windows = load(shipped(name), data_dir / folder)
        assert windows.problem() is None
        assert windows.signals.shape == shape
        assert np.bincount(windows.labels).tolist() == counts
        assert windows.attributes is not None
        assert {"sex", "age"} <= set(windows.attributes[101])
