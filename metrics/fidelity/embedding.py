"""`embedding-plots`: real and synthetic windows in two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from ecgbench import Contributions, Score, Skip, principal_components, stratified
from ecgbench.contracts.streams import FidelityStream
from ecgbench.large import flat, parts
from ecgbench.metrics.fidelity.overlap import fewest, overlap
from ecgbench.metrics.fidelity.pictures import Cloud, side_by_side
from ecgbench.shared import people_behind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecgbench import Comparison, Components, EcgWindows
    from ecgbench.metrics.fidelity import EmbeddingPlotsConfig


def embedding_plots(comparison: Comparison, config: EmbeddingPlotsConfig) -> Score:
    r"""Return the overlap of synthetic windows and ``control`` in the plane of two principal components.

    The pictures are those of Yoon et al. (NeurIPS 2019, section 5), with the PCA fitted on the n
    control windows alone.  The number is ours (`overlap`)::

        value = Σ min(p, q) / (1 − ½ Σ √(2/π · p(1 − p) · (1/n + 1/m)))

    p and q are the shares of the control windows and of the m synthetic ones in cells of (PC 1, PC 2,
    distance from the plane).  The numerator is one minus the total variation distance, the denominator
    its expectation by chance at these sizes.  The distance from the plane counts because noise has little of
    its length in any plane, and so lies among the real windows there.  On MIT-BIH white noise reads
    .22 to .25 without this third axis and .06 to .09 with it (four seeds); real windows under noise as
    strong as the signal read .86 to .91 without and .21 to .25 with it.

    An ideal generator scores 1, a little above or below.

    Parts: ``plane``, the overlap in the plane alone; ``overlap-CLASS``, the value within each class of
    at least 40 control windows, in cells of its own; ``explained-variance``, the share of control's
    variance in the plane.

    Artefacts: ``pca.png`` and ``tsne.png`` (van der Maaten, Hinton; fitted on real and synthetic
    windows together), real beside synthetic.  If pictures of the real windows must not leave the
    machine, contours of density stand for them, and for the windows of a reference row.

    Contributions, to first order: a window counts if its cell has a smaller share of its own side; a
    synthetic window counts for the person of its nearest control window.

    Raises:
        Skip: there are fewer than 40 control windows, or they are all equal.
    """
    control, synthetic = comparison.splits.control, comparison.synthetic
    real_flat = flat(control.signals)
    if len(control) < fewest(axes=3):
        raise Skip(f"it needs {fewest(axes=3)} control windows, there are {len(control)}")
    if real_flat.shape[1] < 2 or not np.ptp(real_flat, axis=0).any():
        raise Skip("the control windows are all equal, or of one sample")
    plane = principal_components(real_flat, 2)
    real, drawn = _place(plane, real_flat), _place(plane, flat(synthetic.signals))
    shared = overlap(real, drawn)
    explained = plane.variances / plane.total
    parts = {
        "plane": overlap(real[:, :2], drawn[:, :2]).value,
        "explained-variance": float(explained.sum()),
    }
    for c, name in enumerate(comparison.classes):
        of_real, of_synthetic = control.labels == c, synthetic.labels == c
        if of_real.sum() >= fewest(axes=3) and of_synthetic.any():
            parts[f"overlap-{name}"] = overlap(real[of_real], drawn[of_synthetic]).value
    return Score(
        value=shared.value,
        parts=parts,
        contributions=Contributions.first_order(
            shared.value,
            (control.patients, shared.of_real),
            (people_behind(comparison), shared.of_synthetic),
        ),
        n=len(control) + len(synthetic),
        artefacts={
            "pca.png": _pca_picture(comparison, config, real[:, :2], drawn[:, :2], explained),
            "tsne.png": _tsne_picture(comparison, config),
        },
    )


def _place(plane: Components, windows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the place in the plane and the distance from it, shape (window, 3), mV."""
    place = plane.project(windows)
    beyond = [
        np.linalg.norm(windows[part] - plane.mean - place[part] @ plane.axes, axis=1)
        for part in parts(*windows.shape)
    ]
    return np.column_stack([place, np.concatenate(beyond)])


def _pca_picture(
    comparison: Comparison,
    config: EmbeddingPlotsConfig,
    real: NDArray[np.float64],
    drawn: NDArray[np.float64],
    explained: NDArray[np.float64],
) -> bytes:
    left = _rows(comparison, comparison.splits.control, config.points)
    right = _rows(comparison, comparison.synthetic, config.points)
    first, second = (
        f"PC {number} ({share:.0%} of the real variance)"
        for number, share in enumerate(explained, start=1)
    )
    clouds = _clouds(comparison, left, right, real[left], drawn[right])
    return side_by_side(*clouds, axes=(first, second), classes=comparison.classes, ticks=True)


def _tsne_picture(comparison: Comparison, config: EmbeddingPlotsConfig) -> bytes:
    left = _rows(comparison, comparison.splits.control, config.tsne_windows)
    right = _rows(comparison, comparison.synthetic, config.tsne_windows)
    both = np.concatenate(
        [comparison.splits.control.signals[left], comparison.synthetic.signals[right]]
    )
    windows = both.reshape(len(both), -1).astype(np.float64)
    start = principal_components(windows, 2).project(windows)
    start *= 1e-4 / (start[:, 0].std() or 1.0)  # scikit-learn's own start, with fixed signs
    # several threads add up in any order, and the method amplifies the rounding
    with threadpool_limits(limits=1):
        points = TSNE(
            perplexity=min(30.0, (len(windows) - 1) / 3),
            init=start.astype(np.float32),
            random_state=0,
        ).fit_transform(windows)
    clouds = _clouds(comparison, left, right, points[: len(left)], points[len(left) :])
    return side_by_side(
        *clouds, axes=("t-SNE 1", "t-SNE 2"), classes=comparison.classes, ticks=False
    )


def _clouds(
    comparison: Comparison,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    real: NDArray[np.float64],
    drawn: NDArray[np.float64],
) -> tuple[Cloud, Cloud]:
    """Return the two panels, for these rows of control and synthetic at these points."""
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
            points=drawn,
            labels=comparison.synthetic.labels[right],
            hidden=hide and comparison.reference,
        ),
    )


def _rows(comparison: Comparison, windows: EcgWindows, count: int) -> NDArray[np.int64]:
    return stratified(
        windows.labels, count, np.random.default_rng([comparison.seed, FidelityStream.EMBEDDING])
    )
