from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecgbench.contracts.errors import DataError
from ecgbench.harness.data import physionet
from ecgbench.harness.data.sources import default_datasets, locate, prepare
from ecgbench.harness.isolation import process
from tests.harness.data.conftest import source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.conftest import Bench


def test_without_a_full_dataset_the_embedded_ones_are_the_default(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_datasets(bench.catalog, None) == (("bad-dataset", "cohort"), True)
    monkeypatch.delenv("ECGBENCH_DISABLE")
    names, embedded = default_datasets(bench.catalog, bench.folder)
    assert embedded
    assert set(names) == {"bad-dataset", "cohort", "ecgsyn", "mitdb-208"}
    monkeypatch.setattr(physionet, "find", lambda source, folder: folder)
    assert default_datasets(bench.catalog, bench.folder) == (("ludb", "mitdb"), False)


def test_a_costly_dataset_has_to_be_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECGBENCH_DISABLE")
    assert bench.catalog.dataset("ecgsyn-strips").costly
    assert "ecgsyn-strips" not in default_datasets(bench.catalog, bench.folder)[0]


def test_a_dataset_that_is_absent_is_fetched(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ECGBENCH_DISABLE")
    study, fetched = bench.study(datasets=("cohort", "mitdb")), []

    def fetch(name: str) -> Path:
        fetched.append(name)
        return bench.folder / "fetched"

    sources = locate(study, bench.catalog, bench.folder, fetch)
    assert fetched == ["mitdb"]
    assert [source.folder for source in sources] == [None, bench.folder / "fetched"]


def test_preparing_reads_in_another_process_what_the_cache_lacks(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tuple(str(file) for file in bench.files)
    (record,) = prepare([source(bench)], 100, files)
    assert bench.trace == ["load"]
    assert record.windows == 100
    monkeypatch.setattr(process, "call", None)
    assert prepare([source(bench)], 100, files) == [record]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "^dataset bad-dataset cannot be read: KeyError: 'record 101'$"),
        ("sys.exit()", "^dataset bad-dataset: its process ended before its work did"),
        ("segfault", "^dataset bad-dataset: its process was ended by SIGSEGV$"),
        ("os._exit(0)", "^dataset bad-dataset: its process ended before its work did"),
    ],
)
def test_a_dataset_plugin_that_crashes_is_told_as_a_data_error(
    bench: Bench, how: str, said: str
) -> None:
    files = tuple(str(file) for file in bench.files)
    with pytest.raises(DataError, match=said):
        prepare([source(bench, "bad-dataset", how=how)], None, files)
