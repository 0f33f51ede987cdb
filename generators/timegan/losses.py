"""Every loss of TimeGAN with its weight, from the authors' code; the paper's equation beside each.

Tensors: x, x̃, x̂ (batch, time, lead); h (batch, time, hidden); logits y (batch, time, 1).  Means go
over all their elements.
"""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, softplus


def reconstruction_loss(x: Tensor, x_tilde: Tensor) -> Tensor:
    """Return 10 √MSE(x, x̃): L_R, equation 7."""
    return 10 * torch.sqrt(mse_loss(x_tilde, x))


def supervised_loss(h: Tensor, h_supervised: Tensor) -> Tensor:
    """Return the MSE between each latent and its prediction from the steps before: L_S, equation 9.

    Args:
        h: latents of real windows.
        h_supervised: the supervisor's output for ``h``; its step t predicts ``h`` at t + 1.
    """
    return mse_loss(h_supervised[:, :-1], h[:, 1:])


def embedder_loss(reconstruction: Tensor, supervised: Tensor) -> Tensor:
    """Return L_R + 0.1 L_S for embedder and recovery in the joint phase, equation 10."""
    return reconstruction + 0.1 * supervised


def moment_loss(x: Tensor, x_hat: Tensor) -> Tensor:
    """Return the difference of deviations and of means over the batch at each step and lead.

    mean|√(var x̂ + 10⁻⁶) − √(var x + 10⁻⁶)| + mean|mean x̂ − mean x|: in the code only.
    """
    var, mean = torch.var_mean(x, dim=0, correction=0)
    var_hat, mean_hat = torch.var_mean(x_hat, dim=0, correction=0)
    deviations = (var_hat + 1e-6).sqrt() - (var + 1e-6).sqrt()
    return deviations.abs().mean() + (mean_hat - mean).abs().mean()


def adversarial_loss(y_hat: Tensor, y_e: Tensor, gamma: float) -> Tensor:
    """Return the generator's part of L_U, equation 8, in the form without saturation: mean −log σ(y).

    Args:
        y_hat: logits of the supervised synthetic latents ĥ.
        y_e: logits of the generator's own latents ê.
        gamma: weight of the second.
    """
    return softplus(-y_hat).mean() + gamma * softplus(-y_e).mean()


def generator_loss(
    adversarial: Tensor,
    supervised: Tensor,
    moments: Tensor,
    *,
    supervised_weight: float,
    moment_weight: float,
) -> Tensor:
    """Return L_U + η √L_S + weighted moments for generator and supervisor, equation 11; weights 100."""
    return adversarial + supervised_weight * torch.sqrt(supervised) + moment_weight * moments


def discriminator_loss(y: Tensor, y_hat: Tensor, y_e: Tensor, gamma: float) -> Tensor:
    """Return the cross-entropy of real (y) against both kinds of synthetic latents: −L_U, equation 8."""
    fake = softplus(y_hat).mean() + gamma * softplus(y_e).mean()
    return softplus(-y).mean() + fake
