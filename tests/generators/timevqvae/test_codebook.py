"""The codebook: nearest codes, running means, and the gradient that passes by."""

from __future__ import annotations

import torch

from ecgbench.generators.timevqvae.codebook import SMOOTHING, Codebook, flat
from tests.generators.timevqvae.conftest import small


def codebook(**changes: object) -> Codebook:
    found = Codebook(small(codes=5, width=3, **changes))
    found.start(torch.Generator().manual_seed(0))
    return found


def latents(seed: int = 1) -> torch.Tensor:
    return torch.randn(4, 3, 2, 6, generator=torch.Generator().manual_seed(seed))


def test_each_latent_becomes_the_nearest_code() -> None:
    book, z = codebook().eval(), latents()
    found, tokens, commitment = book(z)
    error = 0.0
    for window in range(4):
        for row in range(2):
            for frame in range(6):
                own = z[window, :, row, frame]
                distances = [float((own - code).square().sum()) for code in book.codes]
                nearest = distances.index(min(distances))
                assert tokens[window, 6 * row + frame] == nearest
                torch.testing.assert_close(found[window, :, row, frame], book.codes[nearest])
                error += min(distances)
    torch.testing.assert_close(float(commitment), error / z.numel(), rtol=1e-5, atol=0)
    torch.testing.assert_close(book.spread(tokens, 2), found)


def test_distances_are_those_of_the_definition() -> None:
    book, z = codebook(), flat(latents())
    expected = (z[:, :, None] - book.codes).square().sum(dim=3)
    torch.testing.assert_close(book.distances(z), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_passes_as_if_nothing_had_happened() -> None:
    book, z = codebook().eval(), latents().requires_grad_()
    weights = latents(2)
    (book(z)[0] * weights).sum().backward()
    torch.testing.assert_close(z.grad, weights)


def test_codes_are_the_running_means_in_closed_form() -> None:
    book = codebook(decay=0.7)
    start = book.codes.clone()
    batches = [(torch.full((3, 3), float(k)), torch.tensor([0, 0, 1])) for k in (2, 4, 8)]
    for members, tokens in batches:
        book.move(members, tokens)
    counts, sums = torch.full((5,), 0.7**3), 0.7**3 * start
    for age, value in ((2, 2.0), (1, 4.0), (0, 8.0)):
        counts += 0.3 * 0.7**age * torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0])
        sums += 0.3 * 0.7**age * value * torch.tensor([2.0, 1.0, 0.0, 0.0, 0.0])[:, None]
    total = counts.sum()
    smoothed = (counts + SMOOTHING) / (total + 5 * SMOOTHING) * total
    torch.testing.assert_close(book.counts, counts)
    torch.testing.assert_close(book.codes, sums / smoothed[:, None])
    torch.testing.assert_close(book.codes[2:], start[2:], rtol=1e-3, atol=0)  # no latent moved them


def test_codes_stay_outside_training() -> None:
    book = codebook().eval()
    before = book.codes.clone()
    book(latents())
    assert torch.equal(book.codes, before)
    book.train()(latents())
    assert not torch.equal(book.codes, before)
