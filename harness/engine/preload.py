"""Imported once by the fork server: no cell pays for these imports again."""

import os
import signal
import warnings
from contextlib import suppress
from importlib.metadata import distribution

# Ctrl-C reaches the fork server too; the run decides
signal.signal(signal.SIGINT, signal.SIG_IGN)

import matplotlib.backends.backend_agg
import matplotlib.figure
import sklearn.ensemble
import sklearn.manifold
import sklearn.metrics
import sklearn.mixture
import sklearn.neighbors
import torch
import torch._dynamo  # the first optimiser of a process imports it, and takes a second
import torch.nn

import ecgbench.harness.cell.judge
from ecgbench.contracts.hooks import PROJECT
from ecgbench.harness.isolation.process import SAFE_PATH
from ecgbench.harness.planning.catalog import DISTRIBUTION

if SAFE_PATH in os.environ.items():
    del os.environ[SAFE_PATH[0]]

# three processes of a cell ask the plugins for their specs; a stranger's plugin is imported there alone
for entry_point in distribution(DISTRIBUTION).entry_points.select(group=PROJECT):
    with suppress(Exception):  # discovery tells what is wrong
        entry_point.load()

# a cell's windows are read-only; a tensor over them is fine as long as nobody writes to it
warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)

__all__ = ["ecgbench", "matplotlib", "sklearn", "torch"]
