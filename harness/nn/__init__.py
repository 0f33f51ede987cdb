"""The networks of generators and metrics: `RecurrentStack`, `Classifier` and `Encoder`."""

from ecgbench.nn.classifier import Classifier, ClassifierConfig
from ecgbench.nn.encoder import Encoder, EncoderConfig
from ecgbench.nn.recurrent import RecurrentStack

__all__ = ["Classifier", "ClassifierConfig", "Encoder", "EncoderConfig", "RecurrentStack"]
