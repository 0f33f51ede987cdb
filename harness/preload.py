"""Imported once by the fork server, so that no cell pays for these imports again."""

import sklearn.ensemble
import sklearn.manifold
import sklearn.metrics
import sklearn.mixture
import sklearn.neighbors
import torch
import torch.nn

import ecgbench.harness.cell

__all__ = ["ecgbench", "sklearn", "torch"]
