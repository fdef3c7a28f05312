"""Muon with relative steps, on kernels with and without a scale of their own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from murai_show.train.muon import Muon, first_norm, orthogonal


def kernel(seed: int, outputs: int = 8, inputs: int = 6) -> nn.Parameter:
    torch.manual_seed(seed)
    return nn.Conv2d(inputs, outputs, 3).weight


def learn(muon: Muon, kernels: list[nn.Parameter], steps: int) -> None:
    draw = torch.Generator().manual_seed(3)
    for _ in range(steps):
        for one in kernels:
            one.grad = torch.randn(one.shape, generator=draw)
        muon.step()


def test_every_direction_is_learned_at_one_speed() -> None:
    found = torch.linalg.svdvals(orthogonal(torch.randn(8, 54, generator=torch.Generator())))
    assert found.max() / found.min() < 2.5  # Newton-Schulz is about, not exact


def test_a_step_is_a_share_of_the_norm() -> None:
    one = kernel(1)
    before = one.detach().clone()
    learn(Muon([], [one], lr=0.02), [one], 1)
    moved = (one.detach() - before).norm() / before.norm()
    assert moved == pytest.approx(0.02, rel=1e-4)


def test_a_kernel_before_a_norm_is_held_at_the_norm_of_its_initialisation() -> None:
    """Without that it grows without bound; one with a scale of its own may."""
    free, scaled = kernel(1), kernel(2)
    learn(Muon([free], [scaled], lr=0.05), [free, scaled], 60)
    assert free.detach().norm() == pytest.approx(first_norm(free), rel=1e-5)
    assert scaled.detach().norm() > 1.03 * first_norm(scaled)


def test_the_norm_is_that_of_torchs_own_initialisation() -> None:
    drawn = torch.stack([kernel(seed, 56, 56).detach().norm() for seed in range(4)])
    assert drawn.mean() == pytest.approx(first_norm(kernel(0, 56, 56)), rel=0.01)
