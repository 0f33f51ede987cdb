"""The networks of generators and metrics: `RecurrentStack`, `Classifier` and `Encoder`."""

from ecgbench.nn.classifier import Classifier, ClassifierConfig
from ecgbench.nn.encoder import Encoder, EncoderConfig, FixedEncoder
from ecgbench.nn.recurrent import RecurrentStack

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "Encoder",
    "EncoderConfig",
    "FixedEncoder",
    "RecurrentStack",
]
