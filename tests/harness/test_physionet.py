from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecgbench import DataError, PhysioNet
from ecgbench.datasets import mitdb
from ecgbench.harness import download, physionet
from tests.conftest import Cut

if TYPE_CHECKING:
    from tests.conftest import PhysioNetServer

MITDB = next(iter(mitdb.ecgbench_datasets())).source
