"""TimeGAN's joint phase as PyTorch ports commonly write it: `torch.nn.GRU`, and autograd for the rest.

Every loss builds the graph through all networks that it touches, and every network is called once for
each input: what the benchmarks compare with.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss


class Stack(nn.Module):
    def __init__(
        self, inputs: int, hidden: int, outputs: int, layers: int, *, sigmoid: bool = True
    ) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True)
        self.head = nn.Linear(hidden, outputs)
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.gru(x)[0])
        return torch.sigmoid(y) if self.sigmoid else y


class PlainTimeGan(nn.Module):
    """The five networks and three Adam optimisers of the joint phase."""

    def __init__(self, leads: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.embedder = Stack(leads, hidden, hidden, layers)
        self.recovery = Stack(hidden, hidden, leads, layers)
        self.generator = Stack(leads, hidden, hidden, layers)
        self.supervisor = Stack(hidden, hidden, hidden, layers - 1)
        self.discriminator = Stack(hidden, hidden, 1, layers, sigmoid=False)
        self.for_generator = self._adam(self.generator, self.supervisor)
        self.for_embedder = self._adam(self.embedder, self.recovery)
        self.for_discriminator = self._adam(self.discriminator)

    def joint(self, x: Tensor, z: Tensor) -> None:
        """Two updates of generator and embedder, one of the discriminator."""
        for _ in range(2):
            self._step(self.for_generator, self._generator_loss(x, z))
            self._step(self.for_embedder, self._embedder_loss(x))
        self._step(self.for_discriminator, self._discriminator_loss(x, z))

    def _generator_loss(self, x: Tensor, z: Tensor) -> Tensor:
        h: Tensor = self.embedder(x)
        e_hat = self.generator(z)
        h_hat = self.supervisor(e_hat)
        h_supervised: Tensor = self.supervisor(h)
        x_hat: Tensor = self.recovery(h_hat)
        supervised = mse_loss(h_supervised[:, :-1], h[:, 1:])
        deviations: Tensor = (x_hat.var(0, correction=0) + 1e-6).sqrt()
        deviations = deviations - (x.var(0, correction=0) + 1e-6).sqrt()
        moments = deviations.abs().mean() + (x_hat.mean(0) - x.mean(0)).abs().mean()
        adversarial = self._judge(h_hat, real=True) + self._judge(e_hat, real=True)
        loss: Tensor = adversarial + 100 * supervised.sqrt() + 100 * moments
        return loss

    def _embedder_loss(self, x: Tensor) -> Tensor:
        h: Tensor = self.embedder(x)
        supervised = mse_loss(self.supervisor(h)[:, :-1], h[:, 1:])
        return 10 * mse_loss(self.recovery(h), x).sqrt() + 0.1 * supervised

    def _discriminator_loss(self, x: Tensor, z: Tensor) -> Tensor:
        h: Tensor = self.embedder(x)
        e_hat = self.generator(z)
        h_hat = self.supervisor(e_hat)
        fake = self._judge(h_hat, real=False) + self._judge(e_hat, real=False)
        return fake + self._judge(h, real=True)

    def _judge(self, h: Tensor, *, real: bool) -> Tensor:
        y: Tensor = self.discriminator(h)
        return binary_cross_entropy_with_logits(y, torch.full_like(y, float(real)))

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam([w for n in networks for w in n.parameters()], 1e-3)

    def _step(self, adam: torch.optim.Adam, loss: Tensor) -> None:
        self.zero_grad()
        loss.backward()
        adam.step()
