"""The networks that generators and metrics share: `RecurrentStack`, `Classifier` and `Encoder`."""

from ecgbench.nn.classifier import Classifier, ClassifierConfig
from ecgbench.nn.encoder import Encoder, EncoderConfig
from ecgbench.nn.recurrent import RecurrentStack

__all__ = ["Classifier", "ClassifierConfig", "Encoder", "EncoderConfig", "RecurrentStack"]
