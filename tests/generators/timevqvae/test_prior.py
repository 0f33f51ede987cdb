"""The prior: its masks, its decoding in steps, and what each part reads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ecgbench.generators.timevqvae.prior import Prior, decode, masked_share, masks, prior_loss
from tests.generators.timevqvae.conftest import small


def prior(below: int = 0) -> Prior:
    torch.manual_seed(0)
    return Prior(6, 2, small(codes=4), below=below)


def test_the_schedule_is_a_cosine() -> None:
    np.testing.assert_allclose(
        masked_share(np.array([0, 1 / 3, 0.5, 2 / 3, 1])),
        [1, np.sqrt(3) / 2, np.sqrt(0.5), 0.5, 0],
        atol=1e-15,
    )


def test_masks_hide_as_many_tokens_as_the_cosine_says() -> None:
    hidden = masks(4000, 20, np.random.default_rng(0))
    shares = np.random.default_rng(0).random(4000)
    expected = np.maximum(np.floor(np.cos(np.pi / 2 * shares) * 20), 1)
    np.testing.assert_array_equal(hidden.sum(dim=1), expected)
    each = hidden.float().mean(dim=0)
    assert (each - each.mean()).abs().max() < 0.03  # no place is preferred


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_decoding_hides_fewer_tokens_in_each_step_and_none_at_the_end(steps: int) -> None:
    seen: list[list[int]] = []
    kept: list[torch.Tensor] = []

    def logits(tokens: torch.Tensor) -> torch.Tensor:
        seen.append((tokens == 4).sum(dim=1).tolist())
        kept.append(tokens)
        return torch.zeros(3, 25, 4)

    start = torch.full((3, 25), 4)
    rng = np.random.default_rng(1)
    tokens = decode(logits, start, 4, steps=steps, temperature=1.0, rng=rng)
    expected = [int(25 * np.cos(np.pi / 2 * step / steps)) for step in range(steps)]
    assert seen == [[count] * 3 for count in expected]
    for before, after in zip(kept, [*kept[1:], tokens], strict=True):
        known = before != 4
        assert torch.equal(before[known], after[known])  # what is drawn stays
    assert (tokens < 4).all()


def test_decoding_without_noise_keeps_the_most_credible_token() -> None:
    certain = torch.zeros(1, 3, 4)
    certain[0, 1, 2] = 50.0
    kept: list[torch.Tensor] = []

    def logits(tokens: torch.Tensor) -> torch.Tensor:
        kept.append(tokens)
        return certain

    start = torch.full((1, 3), 4)
    decode(logits, start, 4, steps=3, temperature=0.0, rng=np.random.default_rng(0))
    assert kept[1].tolist() == [[4, 2, 4]]


def test_tokens_are_drawn_at_their_probabilities() -> None:
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125]).log().expand(2000, 3, 4)
    start = torch.full((2000, 3), 4)
    tokens = decode(
        lambda _: logits, start, 4, steps=1, temperature=0.0, rng=np.random.default_rng(2)
    )
    found = torch.bincount(tokens.flatten()) / 6000
    torch.testing.assert_close(found, torch.tensor([0.5, 0.25, 0.125, 0.125]), atol=0.02, rtol=0)


def test_only_hidden_tokens_count_and_they_are_not_read() -> None:
    found = prior()
    tokens = torch.randint(4, (2, 6), generator=torch.Generator().manual_seed(1))
    hidden = torch.zeros(2, 6, dtype=torch.bool)
    hidden[:, 2] = True
    labels = torch.zeros(2, dtype=torch.int64)
    loss = prior_loss(found, tokens, labels, tokens, hidden)
    logits = found(tokens.masked_fill(hidden, 4), labels, tokens)[:, 2].log_softmax(dim=1)
    torch.testing.assert_close(loss, -logits.gather(1, tokens[:, 2:3]).mean())


def test_each_prior_reads_the_class_and_the_high_one_the_low_band() -> None:
    labels = torch.zeros(1, dtype=torch.int64)
    tokens = torch.full((1, 6), 4)
    for found in (prior(), prior(below=3)):
        below = torch.zeros(1, 3, dtype=torch.int64)
        first = found(tokens, labels, below)
        assert first.shape == (1, 6, 4)
        assert not torch.equal(first, found(tokens, labels + 1, below))
        assert torch.equal(first, found(tokens, labels, below + 1)) == (found.below is None)
        assert not torch.equal(first, found(tokens.masked_fill(tokens == 4, 1), labels, below))
