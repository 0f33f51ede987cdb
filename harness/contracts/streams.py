"""Random streams: the last number of each seed, by what it seeds.

A stream is ``numpy.random.default_rng([seed, NUMBER])``, and ``seed`` is that of the cell, the network or
the cohort.  Streams of one class are all unlike.  Two classes may share a number: their suites are plugins
of their own, draw unlike things, and know nothing of each other.  A changed number changes results, so it
takes a new version of the plugin.  A dose of an audit seeds by the name of its fault instead.
"""

from enum import IntEnum, unique


@unique
class CellStream(IntEnum):
    """Draws of the harness for a cell."""

    SHADOW = 61
    """The seed of a fit on other training windows; the number of the fit stands before it."""
    UNSEEN = 62
    """The windows of unseen people in the place of ``control``."""
    MORE = 63
    """Further windows of a kept model; the number of the drawing stands before it."""


@unique
class NetworkStream(IntEnum):
    """Draws of `ecgbench.nn`; weights take the seed alone."""

    BATCHES = 1
    """The windows of each step; the encoder distorts them by the same stream."""
    DISTORTION = 2
    """The distortion of a classifier's windows."""


@unique
class AttackStream(IntEnum):
    """Draws of the suite ``attacks``."""

    PARTS = 6
    """Parts of the training windows that are exchangeable with ``control``."""
    SHADOW_HALVES = 51
    """The half of the targets that each shadow fit sees."""


@unique
class EmbeddingStream(IntEnum):
    """Draws of the suite ``embedding``."""

    FRECHET_HALVES = 41
    """Halves of the real windows, whose distance is the floor."""
    BALLS = 42
    """The windows whose balls are compared."""
    TWO_SAMPLE = 43
    """The windows of the two-sample test and their order."""


@unique
class FidelityStream(IntEnum):
    """Draws of the suite ``fidelity``."""

    MMD = 5
    """The windows of the discrepancy, and its permutations."""
    DTW = 6
    """The windows for which a nearest one is searched."""
    DISCRIMINATIVE = 7
    """The windows of training and test, and the training; the repetition stands before it."""
    EMBEDDING = 8
    """The windows of the plane in the picture."""
    DETECTION = 9
    """The windows of training and test, the noise on them, and the trees."""


@unique
class MorphologyStream(IntEnum):
    """Draws of the suite ``morphology``."""

    WINDOWS = 8
    """The windows that are measured."""


@unique
class RhythmStream(IntEnum):
    """Draws of the suite ``rhythm``."""

    WINDOWS = 12
    """The strips that are measured."""


@unique
class LeadStream(IntEnum):
    """Draws of the suite ``leads``."""

    WINDOWS = 13
    """The windows that are measured."""


@unique
class PatientStream(IntEnum):
    """Draws of the suite ``patients``."""

    WINDOWS = 41
    """The windows of each person, as many of all."""
    PARTS = 42
    """Parts of the windows of unseen people, as the split makes them of members'."""


@unique
class PrivacyStream(IntEnum):
    """Draws of the suite ``privacy``."""

    PARTS = 1
    """Parts of the training windows that are exchangeable with ``control``."""
    REDRAWN_PEOPLE = 6
    """People drawn again, by whom the threshold is judged."""
    UNSEEN_WINDOWS = 7
    """The windows of unseen people, as many as of members."""


@unique
class StatisticsStream(IntEnum):
    """Draws of the suite ``statistics``."""

    DIRECTIONS = 10
    """Directions of the sliced distance."""
    HALVES = 11
    """Halves of ``control``, whose distance is the floor."""


@unique
class UtilityStream(IntEnum):
    """Draws of the suite ``utility``."""

    REAL_LIKE_SYNTHETIC = 1
    """Training windows in the place of synthetic ones."""
    BATCHES = 2
    """The batches of the predictive networks."""


@unique
class BaselineStream(IntEnum):
    """Draws of the generators ``baselines``."""

    FIT = 0
    """The fit."""
    SAMPLE = 1
    """The windows."""


@unique
class NeighbourStream(IntEnum):
    """Draws of the generators ``neighbours``."""

    FIT = 0
    """The windows that judge a bandwidth."""
    SAMPLE = 1
    """The windows."""


@unique
class AutoregressiveStream(IntEnum):
    """Draws of the generator ``ar``."""

    FIT = 0
    """The windows that judge an order."""
    SAMPLE = 1
    """The windows."""


@unique
class DynamicalStream(IntEnum):
    """Draws of the generator ``ecgsyn-fit``."""

    FIT = 0
    """The windows of the fit, and the mixtures."""
    SAMPLE = 1
    """The windows."""


@unique
class ReferenceStream(IntEnum):
    """Draws of the reference rows that copy."""

    ROWS = 0
    """The windows that are copied."""
    NOISE = 1
    """The noise on copies."""


@unique
class DpGaussianStream(IntEnum):
    """Draws of the generator ``dp-gaussian``."""

    MECHANISM = 0
    """The noise of the mechanism."""
    SAMPLE = 1
    """The windows."""


@unique
class DiffusionStream(IntEnum):
    """Draws of the generators ``diffusion``; weights take the seed alone."""

    FIT = 0
    """The mixture of the source."""
    TRAINING = 1
    """Batches, times and noise of the training."""
    SAMPLE = 2
    """The windows."""


@unique
class TimeGanStream(IntEnum):
    """Draws of the generator ``timegan``; weights take the seed alone."""

    TRAINING = 1
    """Batches and noise of the training."""
    SAMPLE = 2
    """The noise of the windows."""


@unique
class SplineFlowStream(IntEnum):
    """Draws of the generator ``spline-flow``; weights take the seed alone."""

    TRAINING = 1
    """The windows held out, and batches."""
    SAMPLE = 2
    """The noise of the windows."""


@unique
class WaveGanStream(IntEnum):
    """Draws of the generators ``wavegan`` and ``pulse2pulse``; weights take the seed alone."""

    TRAINING = 1
    """Batches, noise and shifts of the training."""
    SAMPLE = 2
    """The noise of the windows."""


@unique
class RcGanStream(IntEnum):
    """Draws of the generator ``rcgan``; weights take the seed alone."""

    TRAINING = 1
    """Batches and noise of the training."""
    SAMPLE = 2
    """The noise of the windows."""


@unique
class VaeStream(IntEnum):
    """Draws of the generator ``vae``; weights take the seed alone."""

    TRAINING = 1
    """The windows held out, batches and latents of the training."""
    PRIOR = 2
    """Latents of the training windows, and the start of their mixtures."""
    SAMPLE = 3
    """The windows."""


@unique
class TimeVaeStream(IntEnum):
    """Draws of the generator ``timevae``; weights take the seed alone."""

    TRAINING = 1
    """Batches and latents of the training."""
    SAMPLE = 2
    """The latents of the windows."""


@unique
class TimeVqVaeStream(IntEnum):
    """Draws of the generator ``timevqvae``; weights take the seed alone."""

    TRAINING = 1
    """Batches, masks and hidden classes of the training."""
    TOKENS = 2
    """The tokens of the training windows."""
    SAMPLE = 3
    """The windows."""


@unique
class DpVaeStream(IntEnum):
    """Draws of the generator ``dp-vae``; weights take the seed alone."""

    TRAINING = 1
    """Poisson samples, latents and the seeds of the noise on gradients."""
    SAMPLE = 2
    """The windows."""


@unique
class EcgsynStream(IntEnum):
    """Draws of the datasets ``ecgsyn`` and ``ecgsyn-strips`` for a person; the person's number stands before."""

    BODY = 0
    """The person."""
    RHYTHM = 1
    """The classes and times of the beats."""
    WAVES = 2
    """The waves of the beats."""
    NOISE = 3
    """The noise on the recording."""
    PATIENT = 4
    """Sex, age, axis and visits of a person."""
    VISITS = 5
    """A visit; its number stands behind."""
