"""Shrink a trained painter: fewer channels and blocks, and nearly the picture that it painted.

He, Zhang and Sun, "Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017: what
matters least to the layer that it feeds goes, and that layer is fitted anew, by least squares, to
make of what is left what it made of all (eq. 1).  Layer after layer, each from what the shrunken
ones before it hand on and to what the whole painter had there, so that errors are mended and do not
add up (§3.1, "whole model pruning").  Channels are chosen by what they tell the next layer that
the others do not, instead of by the paper's lasso.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.nets.conditional import ConditionalNorm, pairs
from murai_show.nets.painter import Painter

PATCHES = 1500  # of each photograph, drawn at random, for the least squares
RIDGE = 1e-3  # of the mean variance: pulls to the kernel that was there, where patches say little


def can_shrink(old: Mapping[str, int], new: Mapping[str, int]) -> bool:
    """Whether a painter of the configuration `new` is nowhere larger than one of `old`."""
    return all(new[key] <= old[key] for key in ("half", "quarter", "blocks"))


@torch.no_grad()
def shrink(
    weights: Mapping[str, Tensor],
    vectors: Tensor,
    old: Mapping[str, int],
    new: Mapping[str, int],
    photos: Tensor,
) -> tuple[dict[str, Tensor], Tensor]:
    """The state of a painter of the configuration `new` and its style vectors, (styles, new style
    length), that paint nearly as `weights` and `vectors`, (styles, old style length), of `old` do.

    `photos`: (B, 3, H, W), RGB, 0..1, at least one for each style; the styles take turns on them.
    Raises ValueError where `new` is larger than `old`.
    """
    if not can_shrink(old, new):
        raise ValueError(f"a painter of {dict(old)} cannot shrink to {dict(new)}")
    whole = Painter(**old)
    whole.load_state_dict({name: weight.float() for name, weight in weights.items()})
    turns = torch.arange(len(photos)) % len(vectors)
    blocks = _best_blocks(whole, photos, vectors.float()[turns], new["blocks"])
    seen = _watch(whole, photos, vectors.float()[turns])
    plan = _layers(whole, seen, blocks, new)
    styles = _kept_vectors(whole, vectors.float(), plan)
    small = Painter(**new)
    for name, layer in plan.items():
        kernel = whole.get_parameter(f"{layer.source}.weight")[layer.outputs][:, layer.inputs]
        small.get_parameter(f"{name}.weight").copy_(kernel)
    small.get_parameter("head.bias").copy_(whole.get_parameter("head.bias"))
    for name, layer in plan.items():
        convolution = small.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        given, _ = _watch(small, photos, styles[turns])[name]
        _, wanted = seen[layer.source]
        _fit(convolution, given, wanted[:, layer.outputs])
    return {name: weight.clone() for name, weight in small.state_dict().items()}, styles


@dataclass(frozen=True)
class _Layer:
    """A layer of the small painter: the whole one's that it comes from, and which channels."""

    source: str
    inputs: Tensor
    outputs: Tensor


def _watch(painter: Painter, photos: Tensor, styles: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What goes into each convolution of `painter`, and what comes out, by its name."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str, _module: nn.Module, given: tuple[Tensor], made: Tensor) -> None:
        seen[name] = (given[0], made)

    hooks = [
        module.register_forward_hook(partial(note, name))
        for name, module in painter.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    painter(photos, styles)
    for hook in hooks:
        hook.remove()
    return seen


def _best_blocks(painter: Painter, photos: Tensor, styles: Tensor, count: int) -> list[int]:
    """The `count` blocks to keep: one after the other goes that the picture misses least."""
    kept = list(range(len(painter.blocks) // 2))
    picture = painter(photos, styles)
    while len(kept) > count:
        harm = {
            block: F.mse_loss(painter(photos, _without(painter, styles, block)), picture).item()
            for block in kept
        }
        gone = min(harm, key=harm.__getitem__)
        styles = _without(painter, styles, gone)
        kept.remove(gone)
    return kept


def _without(painter: Painter, styles: Tensor, block: int) -> Tensor:
    """`styles` that leave out a residual block: scale and shift of its last norm are 0."""
    norms: list[ConditionalNorm] = [*painter.norms]  # pyright: ignore[reportAssignmentType]
    parts = [list(pair) for pair in pairs(styles, norms)]
    parts[3 + 2 * block] = [torch.zeros_like(part) for part in parts[3 + 2 * block]]
    return torch.cat([part for pair in parts for part in pair], 1)


def _layers(
    whole: Painter,
    seen: Mapping[str, tuple[Tensor, Tensor]],
    blocks: Sequence[int],
    new: Mapping[str, int],
) -> dict[str, _Layer]:
    """Every layer of the small painter, in order, by its name there."""

    def strongest(count: int, *readers: str) -> Tensor:
        """The channels that the layers `readers`, which all read the same, miss most."""
        power = torch.zeros(())
        for name in readers:
            kernel = whole.get_parameter(f"{name}.weight")
            given = (
                seen[name][0].transpose(0, 1).flatten(1)
                * kernel.square().sum((0, 2, 3)).sqrt()[:, None]
            )
            found = given @ given.T
            power = power + found / found.diagonal().sum()
        return _pivots(power, count)

    first = [f"blocks.{2 * block}" for block in blocks]
    second = [f"blocks.{2 * block + 1}" for block in blocks]
    entered = strongest(new["half"], "down")
    stream = strongest(new["quarter"], *first, "up")
    raised = strongest(new["half"], "head")
    plan = {
        "enter": _Layer("enter", torch.arange(whole.enter.in_channels), entered),
        "down": _Layer("down", entered, stream),
    }
    for number, (one, two) in enumerate(zip(first, second, strict=True)):
        inner = strongest(new["quarter"], two)
        plan[f"blocks.{2 * number}"] = _Layer(one, stream, inner)
        plan[f"blocks.{2 * number + 1}"] = _Layer(two, inner, stream)
    plan["up"] = _Layer("up", stream, raised)
    plan["head"] = _Layer("head", raised, torch.arange(whole.head.out_channels))
    return plan


def _pivots(power: Tensor, count: int) -> Tensor:
    """`count` channels that tell most of all: one after the other the one of which the ones before
    tell least, as in a Cholesky decomposition with pivots.  `power`: (C, C), what each channel has
    in common with each; one that repeats another has nothing left when that is taken."""
    rest, chosen = power.double().clone(), []
    for _ in range(count):
        place = int(rest.diagonal().argmax())
        chosen.append(place)
        column = rest[:, place].clone()
        rest -= column[:, None] * column / column[place].clamp_min(1e-30)
        rest[place, place] = -1.0  # no more
    return torch.tensor(sorted(chosen))


def _kept_vectors(whole: Painter, vectors: Tensor, plan: Mapping[str, _Layer]) -> Tensor:
    """Scales and shifts of the channels that are left, for every layer but the head."""
    norms: list[ConditionalNorm] = [*whole.norms]  # pyright: ignore[reportAssignmentType]
    names = ["enter", "down", *(f"blocks.{i}" for i in range(len(whole.blocks))), "up"]
    by_name = dict(zip(names, pairs(vectors, norms), strict=True))
    layers = [layer for name, layer in plan.items() if name != "head"]
    return torch.cat(
        [part[:, layer.outputs] for layer in layers for part in by_name[layer.source]], 1
    )


def _fit(convolution: nn.Conv2d, given: Tensor, wanted: Tensor) -> None:
    """Give `convolution` the kernel, and the bias where it has one, that make `wanted` of `given`.

    `given`: (B, I, H, W); `wanted`: (B, O, H', W'), up to a constant for each channel, which the
    norm behind a layer without a bias takes away.  Ridge regression, in float64.
    """
    border = 1 if convolution.padding_mode == "replicate" else 0
    draw = torch.Generator().manual_seed(0)
    rows: list[Tensor] = []
    targets: list[Tensor] = []
    for one, target in zip(given, wanted, strict=True):
        padded = F.pad(one[None], (border,) * 4, mode="replicate")
        patches = F.unfold(padded, convolution.kernel_size, stride=convolution.stride)[0]
        some = torch.randperm(patches.shape[1], generator=draw)[:PATCHES]
        rows.append(patches[:, some].T.double())
        targets.append(target.flatten(1)[:, some].T.double())
    x, y = torch.cat(rows), torch.cat(targets)
    centre, middle = x.mean(0), y.mean(0)
    x, y = x - centre, y - middle
    before = convolution.weight.flatten(1).T.double()
    square = x.T @ x
    ridge = RIDGE * square.diagonal().mean()
    kernel = torch.linalg.solve(square + ridge * torch.eye(len(square)), x.T @ y + ridge * before)
    convolution.weight.copy_(kernel.T.reshape(convolution.weight.shape))
    if convolution.bias is not None:
        convolution.bias.copy_(middle - centre @ kernel)
