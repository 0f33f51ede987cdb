"""The neural spline flow as the harness calls it: fit and sampling.

Source: Durkan, Bekasov, Murray, Papamakarios, "Neural Spline Flows", NeurIPS 2019.  Differences:

- the flow models principal components (``space.py``), not samples, and the class is given to each step;
- each coupling step changes a random half of the numbers, given the other half.  The paper multiplies
  the numbers by a learned matrix between steps (its section 4.1);
- the last layer of each step's network starts at 0, so the flow starts as the identity: the first
  hundred iterations then gain several times as much;
- splines reach from −5 to 5 deviations, as in zuko, not from −3 to 3, and there is no dropout;
- a step's network has ``layers`` layers without a residual.

The fit keeps the weights under which training windows held out of it are the likeliest.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ecgbench import EcgbenchError, known_labels
from ecgbench.contracts.streams import SplineFlowStream
from ecgbench.generators.spline_flow.space import ComponentSpace
from ecgbench.nn.conditional import one_hot
from ecgbench.nn.training import Training, batch, count, warm_cosine
from ecgbench.nn.weights import weights, with_weights
from ecgbench.saving import load_model, save_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from ecgbench import Context, EcgWindows
    from ecgbench.generators.spline_flow import SplineFlowConfig

    Floats = NDArray[np.float64]

ROWS = 1024
"""Windows at once outside of training."""


class SplineFlow:
    """A neural spline flow, conditional on the class.

    Args:
        config: settings.

    Attributes:
        parameters: weights of the flow, and the numbers of the principal components and deviations; 0
            before the fit.
    """

    def __init__(self, config: SplineFlowConfig) -> None:
        self.config = config
        self.parameters = 0
        self.space = ComponentSpace(config.prior)

    def fit(self, train: EcgWindows, context: Context) -> None:
        """Maximise the likelihood of windows; continues from a checkpoint of the same fit.

        Raises:
            EcgbenchError: zuko is not installed.
            FloatingPointError: the loss is NaN or infinite.
        """
        config, device = self.config, context.device
        self.like, self.labels = train.take(slice(0)), train.labels
        self.space.fit(train)
        coordinates = self.space.coordinates(train)[:, : config.dimensions]
        z = torch.from_numpy(coordinates.astype(np.float32)).to(device)
        s = one_hot(train.labels, self.like.classes, device)
        flow = self._build(context.seed).to(device)
        best = _Best(flow)
        self.parameters = count(flow) + self.space.parameters
        rng = np.random.default_rng([context.seed, SplineFlowStream.TRAINING])
        order = rng.permutation(len(train))
        held, own = np.split(order, [min(math.ceil(config.held_out * len(train)), len(train) - 1)])
        adam = torch.optim.Adam(flow.parameters(), config.learning_rate, fused=True)

        def iterate(iteration: int) -> dict[str, Tensor | float]:
            rows = own[batch(rng, len(own), config.batch)]
            factor = warm_cosine(iteration, config.iterations, 0)
            adam.param_groups[0]["lr"] = config.learning_rate * factor
            loss = -log_density(flow, z[rows], s[rows]).mean()
            adam.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(flow.parameters(), config.clip)
            adam.step()
            if (iteration + 1) % config.every == 0 or iteration + 1 == config.iterations:
                with torch.inference_mode():
                    best.see(flow, log_density(flow, z[held], s[held]).mean())
            return {"loss": loss, "held_out": -best.likelihood.clamp(min=-1e6)}

        modules = {"flow": flow, "best": best}
        training = Training(
            "spline-flow",
            context,
            config,
            train,
            modules=modules,
            optimisers={"adam": adam},
            rng=rng,
        )
        training.run(iterate, config.iterations)
        self.flow = best.weights

    def sample(self, labels: NDArray[np.int64], context: Context) -> EcgWindows:
        """Return one window for each label, from noise through the inverse of the flow.

        If the training windows lack a class, its windows are drawn as if their labels were any of
        theirs, at their frequency.
        """
        rng = np.random.default_rng([context.seed, SplineFlowStream.SAMPLE])
        known = known_labels(labels, self.labels, self.like.classes, rng)
        noise = rng.standard_normal((len(labels), self.space.axes.shape[1]))
        z, beside = self.space.split(noise)
        leading = torch.from_numpy(z[:, : self.config.dimensions].astype(np.float32))
        leading, flow = leading.to(context.device), self.flow.to(context.device)
        s = one_hot(known, self.like.classes, context.device)
        with torch.inference_mode():
            parts = [
                flow(classes).transform.inv(part)
                for part, classes in zip(leading.split(ROWS), s.split(ROWS), strict=True)
            ]
        z[:, : self.config.dimensions] = torch.cat(parts).cpu().numpy()
        return self.like.synthetic(self.space.signals(z, beside, known), labels)

    def save(self, folder: Path) -> None:
        """Write the space and the flow."""
        save_model(
            folder,
            like=self.like,
            labels=self.labels,
            space=self.space.parts(),
            flow=weights(self.flow),
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            EcgbenchError: zuko is not installed.
        """
        parts = load_model(folder)
        self.like, self.labels = parts["like"], parts["labels"]
        self.space.restore(parts["space"])
        self.flow = with_weights(self._build(seed=0), parts["flow"])

    def _build(self, seed: int) -> nn.Module:
        """Return the flow at its start."""
        features = min(len(self.space.axes), self.config.dimensions)
        return spline_flow(features, len(self.like.classes), self.config, seed)


def spline_flow(features: int, classes: int, config: SplineFlowConfig, seed: int) -> nn.Module:
    """Return zuko's flow, as the identity, with all other weights from this seed.

    Args:
        features: numbers of a point.
        classes: length of the one-hot class.
        config: settings.
        seed: of the weights.

    Raises:
        EcgbenchError: zuko is not installed.
    """
    try:
        from zuko.distributions import DiagNormal  # noqa: PLC0415 - an extra
        from zuko.flows.coupling import GeneralCouplingTransform  # noqa: PLC0415 - an extra
        from zuko.lazy import Flow, UnconditionalDistribution  # noqa: PLC0415 - an extra
        from zuko.transforms import MonotonicRQSTransform  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EcgbenchError(
            "spline-flow needs zuko: pip install 'synthetic-ecgbench[flows]'"
        ) from error
    generator = torch.Generator().manual_seed(seed)
    bins = config.bins
    with torch.random.fork_rng(devices=[]):  # zuko draws weights of its own
        steps = [
            GeneralCouplingTransform(
                features,
                classes,
                mask=torch.randperm(features, generator=generator) % 2 == 0,
                univariate=MonotonicRQSTransform,
                shapes=[(bins,), (bins,), (bins - 1,)],
                hidden_features=[config.hidden] * config.layers,
            )
            for _ in range(config.transforms)
        ]
    base = UnconditionalDistribution(
        DiagNormal, torch.zeros(features), torch.ones(features), buffer=True
    )
    with torch.no_grad():
        for step in steps:
            *inner, last = (layer for layer in step.hyper if hasattr(layer, "weight"))
            for layer in inner:
                bound = 1 / math.sqrt(layer.weight.shape[1])
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)
            last.weight.zero_()
            last.bias.zero_()
    flow: nn.Module = Flow(steps, base)
    return flow


def log_density(flow: nn.Module, z: Tensor, s: Tensor) -> Tensor:
    """Return the logarithm of the density of each point given its class, shape (point,).

    Args:
        flow: of `spline_flow`.
        z: points, float32, shape (point, feature).
        s: classes, one-hot, float32, shape (point, class).
    """
    parts = [flow(s_).log_prob(z_) for z_, s_ in zip(z.split(ROWS), s.split(ROWS), strict=True)]
    return torch.cat(parts)


class _Best(nn.Module):
    """The weights under which windows held out were the likeliest; a module, so checkpoints keep it."""

    likelihood: Tensor

    def __init__(self, flow: nn.Module) -> None:
        super().__init__()
        self.weights = copy.deepcopy(flow)
        self.register_buffer("likelihood", torch.tensor(-math.inf))

    def see(self, flow: nn.Module, likelihood: Tensor) -> None:
        """Keep these weights if their likelihood is the greatest so far."""
        if likelihood > self.likelihood:
            self.weights.load_state_dict(flow.state_dict())
            self.likelihood.copy_(likelihood)
