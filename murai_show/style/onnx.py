"""A bank's network as ONNX, for TensorRT: fp16 in the graph, norms in fp32.

TensorRT 11 computes in the types that the graph names, so half precision is exported, not asked
for.  The graph takes the frame as it comes and gives the picture as it goes, both NHWC bytes:
TensorRT takes uint8 at its edges (cast to or from a float there, truncated, hence the rounding) and
fuses that with the layers beside it, which torch outside could not.  The picture is RGBA, alpha
255: OpenGL has no three-byte texture that CUDA can write.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from murai_show.cuda_faults import first_line
from murai_show.errors import EngineError
from murai_show.style.bank import Bank
from murai_show.style.half import FromBytes, fit_to_half
from murai_show.style.network import build_network

FRAME, STYLE, PICTURE = "frame", "style", "picture"  # the names of the graph's inputs and output
GRID = 4  # sides of a frame are multiples of it; what is not is scaled before
SMALLEST = 16  # pixels, of a side
LARGEST = 16384
_OPSET = 20
_EXAMPLE = (1, 64, 96, 3)  # the shape that is traced; height and width stay free
_TYPES = {"fp16": torch.float16, "fp32": torch.float32}


class Bytes(nn.Module):
    """`network` from bytes to bytes.

    `frame`: (1, H, W, 3), uint8, RGB.  `style`: (1, style_length), float32.  Returns
    (1, H, W, 4), uint8, RGBA, alpha 255.
    """

    def __init__(self, network: FromBytes, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network.to(dtype)
        self.dtype = dtype

    def forward(self, frame: Tensor, style: Tensor) -> Tensor:
        planes = frame.to(self.dtype).permute(0, 3, 1, 2)  # TensorRT moves no bytes uncast
        picture = torch.round(self.network(planes, style) * 255.0)
        opaque = F.pad(picture, (0, 0, 0, 0, 0, 1), value=255.0)
        return opaque.permute(0, 2, 3, 1).to(torch.uint8)


def export(bank: Bank, precision: Literal["fp16", "fp32"] = "fp16") -> bytes:
    """The ONNX model of `bank`, serialised; any height and width of 16 to 16384 in steps of 4.

    The style vector is an input: no style is in the file.  Raises EngineError, also when the
    packages `onnx` and `onnxscript` are missing; BankError.
    """
    network = build_network(bank)
    taking = fit_to_half(network) if precision == "fp16" else FromBytes(network)
    module = Bytes(taking, _TYPES[precision]).eval()
    example = (torch.zeros(_EXAMPLE, dtype=torch.uint8), torch.zeros((1, bank.styles.shape[1])))
    height, width = (
        GRID * torch.export.Dim(f"quarter_{side}", min=SMALLEST // GRID, max=LARGEST // GRID)
        for side in ("height", "width")
    )
    try:
        with _quietly(), torch.no_grad():
            program = torch.onnx.export(
                module,
                example,
                dynamo=True,
                opset_version=_OPSET,
                input_names=[FRAME, STYLE],
                output_names=[PICTURE],
                dynamic_shapes={"frame": {1: height, 2: width}, "style": {}},
                verbose=False,
            )
    except ImportError as error:
        missing = (error.name or str(error)).split(".")[0]
        raise EngineError(
            f"TensorRT is handed the network as ONNX, and the package {missing} is missing; "
            "pip install 'murai-show[nvidia]'"
        ) from None
    except RuntimeError as error:  # what all of torch.export's and torch.onnx's are
        raise EngineError(f"the network cannot be written as ONNX: {first_line(error)}") from None
    assert program is not None  # it is None only when a file was asked for
    return program.model_proto.SerializeToString()


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter misses torchvision and warns of its own parts; a show has no use for that."""
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        exporter.setLevel(before)
