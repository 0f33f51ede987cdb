"""The networks of generators and metrics: `RecurrentStack`, `Classifier` and `Encoder`; `in_step`."""

from ecgbench.nn.classifier import Classifier, ClassifierConfig
from ecgbench.nn.encoder import Encoder, EncoderConfig, FixedEncoder
from ecgbench.nn.recurrent import RecurrentStack
from ecgbench.nn.steps import in_step

__all__ = [
    "Classifier",
    "ClassifierConfig",
    "Encoder",
    "EncoderConfig",
    "FixedEncoder",
    "RecurrentStack",
    "in_step",
]
