"""The networks that generators and metrics share: `RecurrentStack` and `Classifier`."""

from ecgbench.nn.classifier import Classifier, ClassifierConfig
from ecgbench.nn.recurrent import RecurrentStack

__all__ = ["Classifier", "ClassifierConfig", "RecurrentStack"]
