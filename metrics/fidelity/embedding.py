"""`embedding-plots`: real and synthetic windows in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from ecgbench import Score, Skip
from ecgbench.metrics.fidelity.draw import stratified
from ecgbench.metrics.fidelity.overlap import FEWEST, overlap
from ecgbench.metrics.fidelity.people import first_order, people_behind
from ecgbench.metrics.fidelity.pictures import Cloud, side_by_side

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, EcgWindows
    from ecgbench.metrics.fidelity import EmbeddingPlotsConfig


def embedding_plots(comparison: Comparison, config: EmbeddingPlotsConfig) -> Score:
    r"""Overlap of synthetic windows and ``control`` in the plane of two principal components.

    The pictures are those of Yoon, Jarrett, van der Schaar (NeurIPS 2019, section 5), with the PCA
    fitted on the real windows alone; the number is ours (`overlap`)::

        value = Σ min(p, q) / (1 − ½ Σ √(2/π · p(1 − p) · (1/n + 1/m)))

    over cells of about equally many of the n control windows, p and q being the shares of control and
    of the m synthetic windows in a cell: one minus the total variation distance, over what chance
    leaves of it at these sizes.

    Higher is better.  Range (0, ∞).  An ideal generator scores 1, a little above or below: fresh real
    windows, being stratified by person, about 1.02.  White noise scores about 0.

    Parts: ``overlap-CLASS``, the same within each class of at least 40 control windows, each with a
    grid of its own; ``explained-variance``, the share of control's variance in the plane.

    Artefacts: ``pca.png`` and ``tsne.png`` (van der Maaten, Hinton, JMLR 9:2579, 2008; fitted on
    real and synthetic windows together), real beside synthetic.  Where pictures of the real windows
    must not leave the machine, contours of density stand for them, and for the windows of a
    reference row.

    Contributions, to first order: a window counts where its cell has a smaller share of its own side;
    a synthetic window for the person of its nearest control window.

    Raises:
        Skip: there are fewer than 40 control windows, or they are all equal.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    if len(control) < FEWEST:
        raise Skip(f"it needs {FEWEST} control windows, there are {len(control)}")
    flat = _flat(control.signals)
    if not flat.std(axis=0).any():
        raise Skip("the control windows are all equal")
    if flat.shape[1] < 2:
        raise Skip("a window of one sample has no plane to lie in")
    projection = PCA(n_components=2, svd_solver="randomized", random_state=0).fit(flat)
    real, made = projection.transform(flat), projection.transform(_flat(synthetic.signals))
    shared = overlap(real, made)
    parts = {"explained-variance": float(projection.explained_variance_ratio_.sum())}
    for c, label in enumerate(comparison.classes):
        of_real, of_made = control.labels == c, synthetic.labels == c
        if of_real.sum() >= FEWEST and of_made.any():
            parts[f"overlap-{label}"] = overlap(real[of_real], made[of_made]).value
    names = [
        f"PC {number} ({share:.0%} of the real variance)"
        for number, share in enumerate(projection.explained_variance_ratio_, start=1)
    ]
    return Score(
        value=shared.value,
        parts=parts,
        contributions=first_order(
            shared.value,
            (control.patients, shared.of_real),
            (people_behind(comparison), shared.of_synthetic),
        ),
        n=len(control) + len(synthetic),
        artefacts={
            "pca.png": _pca_picture(comparison, real, made, (names[0], names[1]), config.points),
            "tsne.png": _tsne_picture(comparison, config),
        },
    )


def _pca_picture(
    comparison: Comparison,
    real: NDArray[np.float64],
    made: NDArray[np.float64],
    axes: tuple[str, str],
    count: int,
) -> bytes:
    left = _rows(comparison, comparison.splits.control, count)
    right = _rows(comparison, comparison.synthetic, count)
    clouds = _clouds(comparison, left, right, real[left], made[right])
    return side_by_side(*clouds, axes=axes, classes=comparison.classes, ticks=True)


def _tsne_picture(comparison: Comparison, config: EmbeddingPlotsConfig) -> bytes:
    left = _rows(comparison, comparison.splits.control, config.tsne_windows)
    right = _rows(comparison, comparison.synthetic, config.tsne_windows)
    signals = np.concatenate(
        [comparison.splits.control.signals[left], comparison.synthetic.signals[right]]
    )
    # the order in which several threads add up is not fixed, and the method amplifies rounding
    with threadpool_limits(limits=1):
        points = TSNE(
            perplexity=min(30.0, (len(signals) - 1) / 3), init="pca", random_state=0
        ).fit_transform(_flat(signals))
    clouds = _clouds(comparison, left, right, points[: len(left)], points[len(left) :])
    return side_by_side(
        *clouds, axes=("t-SNE 1", "t-SNE 2"), classes=comparison.classes, ticks=False
    )


def _clouds(
    comparison: Comparison,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    real: NDArray[np.float64],
    made: NDArray[np.float64],
) -> tuple[Cloud, Cloud]:
    """The two panels, of these rows of control and synthetic, which lie at these points."""
    hide = not comparison.redistributable
    return (
        Cloud(
            title="Real (control)",
            points=real,
            labels=comparison.splits.control.labels[left],
            hidden=hide,
        ),
        Cloud(
            title="Synthetic",
            points=made,
            labels=comparison.synthetic.labels[right],
            hidden=hide and comparison.reference,
        ),
    )


def _rows(comparison: Comparison, windows: EcgWindows, count: int) -> NDArray[np.int64]:
    return stratified(windows.labels, count, np.random.default_rng([comparison.seed, 8]))


def _flat(signals: NDArray[np.float32]) -> NDArray[np.float64]:
    return signals.reshape(len(signals), -1).astype(np.float64)
