"""Windows between a training window and one of its nearest neighbours of the same class.

SMOTE (Chawla, Bowyer, Hall, Kegelmeyer 2002, section 4.2): a window x_i of the class is drawn, then one
x_j of its k nearest windows of the class, by Euclidean distance over all samples of all leads, and::

    x = x_i + u (x_j − x_i),    u ~ U(0, 1)

u is one number for a window, as in the paper's text ("along the line segment"); its listing draws one for
each attribute, which would mix two windows sample by sample.

The paper adds windows to a rare class.  Here all windows are drawn so.  Each lies between two training
windows, so it gives them away.  A class with a single window has nothing to interpolate: its windows
are copies, and the log says so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from ecgbench import known_labels
from ecgbench.contracts.streams import NeighbourStream
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.neighbours import SmoteConfig

logger = logging.getLogger(__name__)


class _Class(NamedTuple):
    windows: NDArray[np.float32]  # (window, number)
    nearest: NDArray[np.int64]  # rows of the nearest others, (window, neighbour)


class Smote:
    """Interpolation within each class.

    Attributes:
        parameters: how many numbers the fit keeps: all samples of all training windows, and the
            neighbours of each.
    """

    def __init__(self, config: SmoteConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Find the neighbours of each training window."""
        self.like, self.labels = train.take(slice(0)), train.labels
        flat = train.signals.reshape(len(train), -1)
        self.classes: dict[int, _Class] = {}
        for label in np.unique(train.labels):
            own = flat[train.labels == label].copy()
            count = min(self.config.neighbours, len(own) - 1)
            if count < 1:
                logger.warning(
                    "class %s has one training window, and smote can only copy it",
                    train.classes[label],
                )
                nearest = np.zeros((1, 1), dtype=np.int64)
            else:
                search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(own)
                nearest = search.kneighbors(return_distance=False)
            self.classes[int(label)] = _Class(own, nearest)
            self.parameters += own.size + nearest.size
        context.log(1, total=1, windows=len(train))

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, NeighbourStream.SAMPLE])
        drawn = known_labels(labels, self.labels, self.like.classes, rng)
        shape = (len(self.like.leads), self.like.length)
        flat = np.empty((len(labels), shape[0] * shape[1]), dtype=np.float32)
        for label, (windows, nearest) in self.classes.items():
            rows = np.flatnonzero(drawn == label)
            first = rng.integers(len(windows), size=len(rows))
            second = nearest[first, rng.integers(nearest.shape[1], size=len(rows))]
            part = rng.random((len(rows), 1)).astype(np.float32)
            flat[rows] = windows[first] + part * (windows[second] - windows[first])
        return self.like.synthetic(flat.reshape(-1, *shape), labels)

    def save(self, folder: Path) -> None:
        """Write the windows and their neighbours."""
        classes = {str(label): of for label, of in self.classes.items()}
        save_model(folder, like=self.like, labels=self.labels, classes=classes)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.classes = {int(label): _Class(*of) for label, of in parts["classes"].items()}
