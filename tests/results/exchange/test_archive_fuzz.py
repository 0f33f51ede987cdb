"""Archives that were changed in every way: ``ECGBENCH_FUZZ_EXAMPLES`` says how many."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.results.exchange.archive import pack
from ecgbench.results.exchange.merge import merge
from ecgbench.results.exchange.sound import check_cell, check_plan, check_score, check_windows
from ecgbench.results.store.records import (
    CellRecord,
)
from ecgbench.results.store.store import Store, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

from tests.results.exchange.builders import contents
from tests.results.exchange.forged import ABSOLUTE, archives
from tests.results.exchange.valid import CELL, VALID

EXAMPLES = int(os.environ.get("ECGBENCH_FUZZ_EXAMPLES", "300"))

# --- the promise -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with something beside the store; stores of three states to begin with."""
    root = tmp_path_factory.mktemp("fuzz")
    (root / "outside").mkdir()
    (root / "outside" / "keep").write_bytes(b"mine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        for state in ("empty", "same", "other"):
            (root / "templates" / state).mkdir(parents=True)
        for path, content in VALID.items():
            file = root / "templates" / "same" / path
            if "scores" not in path and "level-note" not in path:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        failed = CellRecord(cell=CELL, status="failed", reason="ours failed")
        Store(root / "templates" / "other").write_cell(failed)
        yield root


def see_that_all_is_sound(store: Store) -> None:
    for name in store.cell_names():
        files = contents(store.folder(name))
        digests = {path: sha256(content) for path, content in files.items()}
        record = check_cell(files["cell.json"], name, digests)
        if record.synthetic_file:
            check_windows(files["synthetic.npz"], record)
        for path in files:
            if path.startswith("scores/"):
                check_score(files[path], path.removeprefix("scores/"), name, record, digests)
    for file in store.path.glob("**/plans/*/*.json"):
        check_plan(file.read_bytes(), f"plans/{file.parent.name}/{file.name}")


@pytest.mark.filterwarnings("ignore:Duplicate name")  # zipfile's, of what is made here
def test_whatever_an_archive_holds_only_our_errors_come_out_and_only_sound_cells_go_in(
    root: Path,
) -> None:
    ended: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(archive=archives(), state=st.sampled_from(["empty", "same", "other"]))
    def merge_it(archive: bytes, state: str) -> None:
        ended.update(see_what_becomes_of(archive, state, root))

    merge_it()
    # the changes reach all layers
    wanted = {"archive refused", "cell added", "cell refused", "cell conflict", "cell already here"}
    assert wanted | {"score added", "plan added", "plan refused"} <= set(ended)


def see_what_becomes_of(archive: bytes, state: str, root: Path) -> set[str]:
    """Merge an archive into a store; see that the promise holds; return which ends there were."""
    store = Store(root / "store")
    shutil.rmtree(store.path, ignore_errors=True)
    shutil.copytree(root / "templates" / state, store.path)
    file = root / "a.zip"
    file.write_bytes(archive)
    before, outside = contents(store.path), contents(root / "outside")
    told, outcomes = "", []
    try:
        outcomes = merge(store, file)
    except EcgbenchError as error:
        told = str(error)
    after = contents(store.path)
    assert {path: after.get(path) for path in before} == before
    assert {path.split("/")[0] for path in after} <= {"cells", "plans", "provenance"}
    see_that_all_is_sound(store)
    assert contents(root / "outside") == outside
    assert {path.name for path in root.iterdir()} == {"outside", "templates", "store", "a.zip"}
    assert not (store.path / "incoming").exists()
    assert not Path(ABSOLUTE).exists()
    if told:
        assert str(file) in told
        assert after == before
        return {"archive refused"}
    return {f"{outcome.what} {outcome.end}" for outcome in outcomes}


def test_the_archive_that_is_changed_is_valid(root: Path) -> None:
    pack(root / "a.zip", VALID, who="me", when="2026", environment={})
    store = Store(root / "valid")
    try:
        assert {outcome.end for outcome in merge(store, root / "a.zip")} == {"added"}
        (folder,) = (store.path / "provenance").iterdir()
        found = contents(store.path) | contents(folder)
        assert {path: found.get(path) for path in VALID} == VALID
    finally:
        shutil.rmtree(store.path)
