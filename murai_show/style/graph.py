"""A bank's network as an OpenVINO graph, in fp32 and in int8.

The graph takes a frame and gives a picture, both (1, H, W, 3), uint8, RGB, and takes the style
vector, (1, style_length), as its second input: a look is never compiled in.  H and W are free.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from murai_show.errors import EngineError
from murai_show.style.bank import Bank
from murai_show.style.openvino import ov

if TYPE_CHECKING:
    from collections.abc import Iterable

# All that is not a convolution stays fp32: the statistics of a norm do not survive 8 bits (25 dB to
# the fp32 picture with them, 31 to 42 dB without), and they are a quarter of the time at most.
_KEPT_WIDE = (
    "Add",
    "AvgPool",
    "Concat",
    "Divide",
    "Interpolate",
    "MVN",
    "Maximum",
    "Multiply",
    "ReduceMean",
    "Sigmoid",
    "Sqrt",
    "Subtract",
)
# NNCF takes the mean of the largest values that the frames give.  A trunk, the sum of a network's
# blocks, has long tails that carry the style: cut there, scream lost 5 % of it.  Behind the last
# convolution no norm stands, so its steps are the picture's, and finer ones are worth more than
# what they cut off.
_TRUNK_ROOM = 1.25
_HEAD_ROOM = 0.75
_STYLES_EACH = 5  # that a frame is shown in; with one the ranges are too narrow for some style
_BYTES = (0.0, 255.0, 0.0, 255.0)  # least and most, in and out
_EXAMPLE = (96, 128)  # the size that is traced; any other will do later


def trace(bank: Bank) -> ov.Model:
    """The network of `bank` in fp32.  Raises BankError, or EngineError when it has no graph."""
    import torch
    from torch import Tensor, nn

    from murai_show.nets.folded import Folded
    from murai_show.nets.painter import Painter
    from murai_show.style.network import build_network

    class Easel(nn.Module):
        """Bytes in, bytes out."""

        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, frame: Tensor, style: Tensor) -> Tensor:
            picture = self.network(frame.permute(0, 3, 1, 2).float() * (1.0 / 255.0), style)
            return torch.round(picture * 255.0).to(torch.uint8).permute(0, 2, 3, 1)

    network = build_network(bank)
    easel = Folded(network) if isinstance(network, Painter) else Easel(network)
    length = bank.styles.shape[1]
    example = (torch.zeros((1, *_EXAMPLE, 3), dtype=torch.uint8), torch.zeros((1, length)))
    free = [ov.PartialShape([1, -1, -1, 3]), ov.PartialShape([1, length])]
    # Without gradients: the norm that learns is not made of operators that a tracer knows.
    with torch.no_grad(), _root_kept(), warnings.catch_warnings():
        # A size that is no multiple of 4 is padded by the caller, so the branch is always the same.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # pyright: ignore
        warnings.simplefilter("ignore", DeprecationWarning)  # of tracing itself
        try:
            return ov.convert_model(easel.eval(), example_input=example, input=free)
        except RuntimeError as error:
            raise EngineError(_first_line("OpenVINO cannot read the network", error)) from None


@contextlib.contextmanager
def _root_kept() -> Iterator[None]:
    """OpenVINO sets the root logger to ERROR, and leaves it so where it cannot read a network."""
    before = logging.root.level
    try:
        yield
    finally:
        logging.root.setLevel(before)


def convolutions(model: ov.Model) -> list[str]:
    """The names of the convolutions, from the first to the last."""
    return [op.get_friendly_name() for op in _ops(model) if op.get_type_name() == "Convolution"]


def quantise(
    model: ov.Model,
    frames: Sequence[np.ndarray],
    styles: np.ndarray,
    wide: Sequence[str] = (),
    *,
    sums_in_32: bool,
) -> ov.Model:
    """`model` with its convolutions in int8, except those named in `wide`.

    Post-training quantisation by NNCF: each convolution's input gets a range, seen on `frames`,
    each (H, W, 3), uint8, painted in a few of `styles`, (styles, style_length), in turn; its
    weights one scale for each channel.  `sums_in_32` says that this CPU adds products of bytes in
    32 bits (VNNI).  Raises EngineError.
    """
    try:
        import nncf
        from nncf.quantization.advanced_parameters import (
            AdvancedQuantizationParameters,
            OverflowFix,
        )
    except ImportError:
        raise EngineError("int8 is made with NNCF; pip install 'murai-show[cpu]'") from None
    # NNCF draws its progress on stdout, where --json prints.
    with contextlib.redirect_stdout(io.StringIO()):
        logging.getLogger("nncf").setLevel(logging.ERROR)
        each = min(_STYLES_EACH, len(styles))
        shown = [
            (frame[None], styles[(i * each + k) % len(styles)][None].astype(np.float32))
            for i, frame in enumerate(frames)
            for k in range(each)
        ]
        try:
            narrow = nncf.quantize(
                model,
                nncf.Dataset(shown),
                # Symmetric: a range of its own for each end cost the picture 0.01 to 0.02 of SSIM.
                preset=nncf.QuantizationPreset.PERFORMANCE,
                subset_size=len(shown),
                ignored_scope=nncf.IgnoredScope(
                    names=list(wide), types=list(_KEPT_WIDE), validate=False
                ),
                advanced_parameters=AdvancedQuantizationParameters(
                    # Pairs of products added in 16 bits: weights of 7 bits do not overflow there
                    # (without: 24 to 40 dB to the fp32 picture).
                    overflow_fix=OverflowFix.DISABLE if sums_in_32 else OverflowFix.ENABLE,
                ),
            )
        except (RuntimeError, nncf.errors.InternalError, nncf.errors.ValidationError) as error:
            raise EngineError(_first_line("int8 cannot be made", error)) from None
    _take_bytes_whole(narrow)
    _give_room(narrow)
    return narrow


def _take_bytes_whole(model: ov.Model) -> None:
    """Where a convolution reads the frame's bytes, give it the range of bytes.

    The brightest that was seen is not the brightest there is, and a range of 256 whole numbers
    costs no pass over the frame at all.
    """
    for op in _ops(model):
        if op.get_type_name() == "FakeQuantize" and _is_bytes(op.input_value(0).get_node()):
            _set_range(op, [np.full_like(b, v) for b, v in zip(_range(op), _BYTES, strict=True)])


def _give_room(model: ov.Model) -> None:
    """Widen the ranges of the trunk, and narrow what the last convolution takes."""
    last = convolutions(model)[-1]
    for op in _ops(model):
        if op.get_type_name() != "FakeQuantize":
            continue
        if op.input_value(0).get_node().get_type_name() == "Add":
            _set_range(op, [bound * _TRUNK_ROOM for bound in _range(op)])
        elif last in _readers(op):
            _set_range(op, [bound * _HEAD_ROOM for bound in _range(op)])


def _readers(op: ov.Op) -> set[str]:
    """The names of what reads `op` as its input, not as its weights, directly or padded."""
    names: set[str] = set()
    for target in op.output(0).get_target_inputs():
        taker = target.get_node()
        if taker.get_type_name() == "Pad":
            names |= _readers(taker)
        elif target.get_index() == 0:
            names.add(taker.get_friendly_name())
    return names


def _range(op: ov.Op) -> list[np.ndarray]:
    """Least and most of a FakeQuantize, in and out."""
    return [op.input_value(index).get_node().data for index in range(1, 5)]  # pyright: ignore


def _set_range(op: ov.Op, bounds: Sequence[np.ndarray]) -> None:
    for index, bound in enumerate(bounds, start=1):
        constant = ov.opset13.constant(np.asarray(bound, np.float32))
        op.input(index).replace_source_output(constant.output(0))


def _is_bytes(op: ov.Node) -> bool:
    return op.get_type_name() == "Convert" and op.input_value(0).get_element_type() == ov.Type.u8


def save(model: ov.Model, path: Path) -> None:
    """Write `path`, an .xml, and its .bin beside it; the weights as they are."""
    ov.save_model(model, path, compress_to_fp16=False)


def _ops(model: ov.Model) -> Iterable[ov.Op]:
    return model.get_ordered_ops()


def _first_line(what: str, error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{what}: {lines[0] if lines else type(error).__name__}"
