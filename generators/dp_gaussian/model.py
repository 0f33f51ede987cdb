"""A Gaussian per class, differentially private.

A window of T samples a lead is modelled by its cosine components (the orthonormal DCT of each lead) of up
to ``bandwidth``, k numbers y in all; it has nothing above.  Windows of class c are drawn as::

    y ~ N(μ_c, Σ_c),    Σ_c = E Λ Eᵀ

and back-transformed.  The basis is fixed, so it costs no privacy, and it avoids the noise of the
components above.

**What is protected.**  One window with its label.  Two sets of windows that differ by one (added or
removed) give models with probabilities that differ by no more than the factor exp(ε), up to δ.  A person
with hundreds of windows is *not* protected to that degree.  The common properties of the windows are
public (classes, leads, rate, length), but not their number.  The harness names the labels to draw.

**How.**  The model sees only these sums over the training windows, each through the Gaussian mechanism
(``mechanism.py``), with C = clip · √(samples of all leads), since the norm of y is at most that of the
window::

    n_c = Σ 1                                     sensitivity 1,    5% of the budget
    a_c = Σ clip(y, C)                            sensitivity C,   35%
    S_c = Σ clip(y − μ_c, C) clip(y − μ_c, C)ᵀ    sensitivity C²,  60%  (Frobenius norm)

A window belongs to one class, so its change in all classes together is that in its own.  n and a give
μ_c before the release of S.  S is after Analyze Gauss (Dwork and others, 2014).  The rest needs n, a, S
only and costs nothing: n_c is raised at least to the deviation of its noise; means a_c/n_c and
covariances S_c/n_c are shrunk against noise of known size (``shrinkage.py``).  There the principal
components appear: eigenvectors above the noise keep a variance of their own.  With ε → ∞ these are the
mean and the covariance of the class's clipped windows.

**Not for a real release.**  The noise comes from a seed, and anybody with the seed can subtract it.  And
it is drawn in floating point: the rounding can betray the true sum (Mironov, CCS 2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.fft import dct, idct

from ecgbench.contracts.streams import DpGaussianStream
from ecgbench.gaussians import check_numbers
from ecgbench.generators.dp_gaussian.mechanism import GaussianMechanism, clipped
from ecgbench.generators.dp_gaussian.shrinkage import shrunk_covariances, shrunk_means
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.dp_gaussian import DpPcaGaussianConfig

    Floats = NDArray[np.float64]

COUNTS, SUMS, SCATTERS = 0.05, 0.35, 0.6
"""Shares of the budget.

On MIT-BIH the error (squared Wasserstein distance to the true Gaussian, summed over classes, at ε = 10) is
nearly flat about them: equal shares raise it by 10% in one fold and 16% in the other; shares of 2, 20 and
78% lower it by 5%, but raise it at ε = 1.
"""


class DpPcaGaussian:
    """One Gaussian a class, with moments released by the Gaussian mechanism.

    Attributes:
        parameters: number of estimated numbers: n, μ and Σ of each class.
    """

    def __init__(self, config: DpPcaGaussianConfig) -> None:
        self.config = config
        self.parameters = 0

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Release the moments of each class.

        Raises:
            EcgbenchError: dp-accounting is not installed.
            Skip: the windows have too many cosine components for their covariance.
        """
        components = self._components(train)
        check_numbers(components.shape[1])
        mechanism = GaussianMechanism(
            self.config.epsilon,
            self.config.delta,
            np.random.default_rng([context.seed, DpGaussianStream.MECHANISM]),
        )
        self.like = train.take(slice(0))
        norm = self.config.clip * np.sqrt(len(train.leads) * train.length)
        own = [train.labels == label for label in range(len(train.classes))]

        sizes = mechanism.release(
            np.array([rows.sum() for rows in own], dtype=float), sensitivity=1.0, share=COUNTS
        )
        counts = np.maximum(sizes.values, sizes.deviation)
        bounded = clipped(components, norm)
        sums = mechanism.release(
            np.stack([bounded[rows].sum(axis=0) for rows in own]), sensitivity=norm, share=SUMS
        )
        self.means = shrunk_means(sums.values / counts[:, None], sums.deviation / counts)

        about = [
            clipped(components[rows] - mean, norm)
            for rows, mean in zip(own, self.means, strict=True)
        ]
        scatters = mechanism.release_symmetric(
            np.stack([rows.T @ rows for rows in about]), sensitivity=norm**2, share=SCATTERS
        )
        covariances = shrunk_covariances(
            scatters.values / counts[:, None, None], scatters.deviation / counts
        )
        values, vectors = np.linalg.eigh(covariances)
        roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        # symmetric: an eigenvector's sign is LAPACK's own, and equal eigenvalues leave more open
        self.roots = roots @ np.swapaxes(vectors, 1, 2)
        size = components.shape[1]
        self.parameters = len(own) * (1 + size + size * (size + 1) // 2)

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Draw windows."""
        rng = np.random.default_rng([context.seed, DpGaussianStream.SAMPLE])
        components = rng.standard_normal((len(labels), self.means.shape[1]))
        for label, (mean, root) in enumerate(zip(self.means, self.roots, strict=True)):
            rows = labels == label
            components[rows] = mean + components[rows] @ root
        length = self.like.length
        leads = components.reshape(len(labels), len(self.like.leads), -1)
        return self.like.synthetic(idct(leads, n=length, norm="ortho", axis=-1), labels)

    def save(self, folder: Path) -> None:
        """Write means and roots, which are made of released moments alone."""
        save_model(folder, like=self.like, means=self.means, roots=self.roots)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; dp-accounting is not needed."""
        parts = load_model(folder)
        self.like, self.means, self.roots = parts["like"], parts["means"], parts["roots"]

    def _components(self, windows: EcgWindows) -> Floats:
        """Return cosine components of all leads; component j of a lead has the frequency j · rate / 2T."""
        highest = 2 * windows.length * self.config.bandwidth / windows.sampling_rate
        kept = min(windows.length, int(highest) + 1)
        leads = dct(windows.signals.astype(np.float64), norm="ortho", axis=-1)[:, :, :kept]
        return np.asarray(leads.reshape(len(windows), -1))
