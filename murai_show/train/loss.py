"""The losses, each one equation.

Pictures are (B, 3, H, W), RGB, 0..1; features (B, C, H, W); both of any float dtype, computed in
fp32.  Every loss is a scalar tensor, normalised, so that its weight means the same for every layer,
crop and painting, and a mean over the pictures of a batch, so that a batch may be shared out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

NAMES = ("content", "style", "tv", "noise", "motion", "likeness")
_INNER = (1, 2, 3)  # every dimension of one picture


def gram(features: Tensor) -> Tensor:
    """The Gram matrix G = F Fᵀ / (H W), shape (B, C, C), in fp32.

    Gatys, Ecker and Bethge 2016, eq. 3.
    """
    # (B, H W, C) is a view where features are channels-last, as VGG's are; else it is a copy.
    flat = features.permute(0, 2, 3, 1).flatten(1, 2).float()
    # Half precision would add up tens of thousands of squares with 8 bits; autocast wants it to.
    with torch.autocast(features.device.type, enabled=False):
        return _Products.apply(flat) / flat.shape[1]  # pyright: ignore[reportOperatorIssue]


class _Products(torch.autograd.Function):
    """FᵀF of F, (B, N, C).  The gradient, F (A + Aᵀ) where A is that of FᵀF, is one product here;
    left to autograd it would be two, each as large as the features, and their sum."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        ctx.save_for_backward(flat)
        return flat.transpose(1, 2) @ flat

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (flat,) = ctx.saved_tensors
        return flat @ (grads[0] + grads[0].transpose(1, 2))


def content_loss(painted: Tensor, photo: Tensor) -> Tensor:
    """Mean over pictures of mean((F_painted - F_photo)²) / mean(F_photo²).

    Johnson et al. 2016, eq. 2, normalised by picture.
    """
    painted, photo = painted.float(), photo.float()
    return ((painted - photo).square().mean(_INNER) / photo.square().mean(_INNER)).mean()


def style_loss(painted: Mapping[str, Tensor], style: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """Mean over layers and pictures of mean((G - G_style)²) / mean(G_style²).

    `painted` maps a layer to the features of the batch; `style[i]` maps it to the Gram matrix
    (C, C) that picture i should have.  Johnson et al. 2016, eq. 4, normalised by layer.
    """
    terms: list[Tensor] = []
    for layer, features in painted.items():
        target = torch.stack([grams[layer] for grams in style])
        error = (gram(features) - target).square().mean((1, 2))
        terms.append((error / target.square().mean((1, 2))).mean())
    return torch.stack(terms).mean()


def total_variation(picture: Tensor) -> Tensor:
    """mean|∂x| + mean|∂y|, per pixel step.  Rudin, Osher and Fatemi 1992, anisotropic."""
    across = (picture[..., :, 1:] - picture[..., :, :-1]).float().abs().mean()
    down = (picture[..., 1:, :] - picture[..., :-1, :]).float().abs().mean()
    return across + down


def noise_loss(painted: Tensor, painted_noisy: Tensor) -> Tensor:
    """mean((P(x) - P(x + n))²): sensor noise must not move the paint (Element AI, 2017)."""
    return (painted - painted_noisy).float().square().mean()


def likeness_loss(painted: Tensor, taught: Tensor) -> Tensor:
    """mean|P(x) - T(x)|: what a small painter paints, beside what its teacher paints.

    The absolute difference: squares would pay most for a soft mean of all strokes.
    """
    return (painted - taught).float().abs().mean()


def motion_loss(painted_moved: Tensor, moved_painted: Tensor, mask: Tensor) -> Tensor:
    """Mean over pictures of the mean over the mask of (P(W x) - W P(x))².

    The paint must travel with what it lies on.  `painted_moved` is the painted moved photo,
    `moved_painted` the moved painted photo, both (B, 3, H, W); `mask`, (B, 1, H, W), is 0 where W
    shows what the photo did not have.  The warping error of Ruder et al. 2016, §5.1, with a known W
    in place of an estimated one.
    """
    error = (painted_moved - moved_painted).float().square().mean(1, keepdim=True)
    return ((error * mask).sum(_INNER) / mask.sum(_INNER).clamp_min(1.0)).mean()
