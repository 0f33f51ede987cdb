"""Imported once by the fork server: no cell pays for these imports again."""

import os
import signal
import warnings

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
from ecgbench.harness.isolation.process import SAFE_PATH

if SAFE_PATH in os.environ.items():
    del os.environ[SAFE_PATH[0]]

# a cell's windows are read-only; a tensor over them is fine as long as nobody writes to it
warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)

__all__ = ["ecgbench", "matplotlib", "sklearn", "torch"]
