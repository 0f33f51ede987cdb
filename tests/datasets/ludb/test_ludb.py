"""The light module of `ludb`, and its files."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from ecgbench.harness.data import physionet
from tests.datasets.ludb.conftest import LEADS, NAMES, SPEC, load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import PhysioNetServer


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lead": "V1"}, "dataset ludb has no setting 'lead'; did you mean 'leads'?"),
        ({"leads": ""}, "leads = ''"),
        ({"leads": "V1,MLII"}, f"leads: there is no 'MLII' among {', '.join(LEADS)}"),
        ({"leads": "V1,V1"}, "leads = V1,V1 names a lead twice"),
        ({"band": "50,1"}, "band = 50, 1 does not ascend"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(SPEC.config, given, where="dataset ludb")


def test_the_light_module_imports_no_numpy() -> None:
    program = (
        "import sys; from ecgbench.datasets import physionet\n"
        "physionet.ecgbench_datasets()\n"
        "print({'numpy', 'scipy', 'wfdb', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"


def test_fetch_brings_the_files_that_are_needed_and_no_other(
    physionet_server: PhysioNetServer, database: Path, tmp_path: Path
) -> None:
    assert SPEC.source is not None
    needed = {
        str(file.relative_to(database)): file.read_bytes()
        for file in database.rglob("*")
        if file.is_file()
    }
    others = {"README": b"", "RECORDS": b"data/1\n", "data/1.xws": b"", "data/1.iiii": b""}
    published = physionet_server.publish(needed | others, slug="ludb", wanted=SPEC.source.files)
    folder = physionet.fetch(published, tmp_path, base_url=physionet_server.url)
    physionet.verify(published, folder)
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found == {*needed, "SHA256SUMS.txt"}
    np.testing.assert_array_equal(load(folder).signals, load(database).signals)


@pytest.mark.real_data
def test_the_pinned_digest_is_that_of_the_published_list(real_folder: Path) -> None:
    assert SPEC.source is not None
    published = (real_folder / "SHA256SUMS.txt").read_bytes()
    assert hashlib.sha256(published).hexdigest() == SPEC.source.sums_sha256
    physionet.verify(SPEC.source, real_folder)


@pytest.mark.real_data
def test_fetch_wants_14_files_of_each_of_the_200_real_records_and_the_table(
    physionet_server: PhysioNetServer, real_folder: Path, tmp_path: Path
) -> None:
    assert SPEC.source is not None
    records = (real_folder / "RECORDS").read_text().split()
    wanted = {f"{record}.{end}" for record in records for end in ("hea", "dat", *NAMES)}
    listed = [line.split()[1] for line in (real_folder / "SHA256SUMS.txt").read_text().splitlines()]
    assert len(wanted) == 200 * 14
    assert {path for path in listed if re.fullmatch(SPEC.source.files, path)} == {
        *wanted,
        "ludb.csv",
    }
    physionet_server.mirror(SPEC.source, real_folder)
    few = replace(SPEC.source, files=r"ludb\.csv|data/100\.\w+")
    fetched = physionet.fetch(few, tmp_path, base_url=physionet_server.url)
    assert fetched == tmp_path / "ludb" / "1.0.1"
    assert len(list(fetched.glob("data/100.*"))) == 14
