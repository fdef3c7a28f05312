"""Film whose motion is known exactly: Sintel, Middlebury, and how to follow it.

A *flow* is (2, H, W), float32, x then y, in pixels, and lives on the pixels of the earlier frame:
``before[y, x] = after[y + flow_y, x + flow_x]``, so that warping the later frame by it gives the
earlier one.  A *mask*, (H, W), bool, is True where that holds.

Butler et al., "A Naturalistic Open Source Movie for Optical Flow Evaluation", ECCV 2012;
Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.train.data import open_picture

MAGIC = 202021.25
UNKNOWN = 1e9  # a component beyond it says that the flow there is not known
_MOST_SIDE = 16384
# How the folders beside one of flows are called in the two data sets, best first: the clean pass
# of Sintel obeys its flow, the final one has motion blur and fog on top.
_FRAMES = {"flow": ("clean", "final", "frames"), "other-gt-flow": ("other-data",)}
_MASKS = ("occlusions", "invalid")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two frames of a scene, `gap` frames apart, and the exact motion between them.

    `before`, `after`: (3, H, W), RGB, 0..1; `flow` and `mask` as above.  `group` is where the scene
    comes from: `still`, `sintel` or `middlebury`.
    """

    group: str
    scene: str
    gap: int
    before: Tensor
    after: Tensor
    flow: Tensor
    mask: Tensor


def pairs_of_arrays(
    group: str,
    scene: str,
    before: np.ndarray,
    later: Iterable[tuple[int, np.ndarray, np.ndarray, np.ndarray]],
) -> Iterator[Pair]:
    """The Pairs of one frame with `later` ones, from NumPy.

    `before`: (H, W, 3), uint8, RGB.  `later`: the gap, the frame, the flow to it, (H, W, 2),
    float32, and its mask, (H, W), bool.
    """
    first = picture_of_array(before)
    for gap, after, flow, mask in later:
        moved = torch.from_numpy(flow).permute(2, 0, 1).contiguous()
        yield Pair(group, scene, gap, first, picture_of_array(after), moved, torch.from_numpy(mask))


def picture_of_array(pixels: np.ndarray) -> Tensor:
    """(H, W, 3), uint8, RGB → (3, H, W), RGB, 0..1."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255.0


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """`picture`, (C, H, W), seen where `flow`, (2, H, W), points: bilinear, borders repeated."""
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    across = (x + flow[0]) * (2.0 / max(width - 1, 1)) - 1.0
    down = (y + flow[1]) * (2.0 / max(height - 1, 1)) - 1.0
    return F.grid_sample(
        picture[None],
        torch.stack([across, down], -1)[None],
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )[0]


def inside(flow: Tensor) -> Tensor:
    """(H, W), bool: where `flow`, (2, H, W), points into the picture."""
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    there_x, there_y = x + flow[0], y + flow[1]
    return (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)


def chain(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Flow and mask from frame a to c, from those of a to b and of b to c.

    flow_ac(p) = flow_ab(p) + flow_bc(p + flow_ab(p)), bilinear.  A pixel counts when all four
    pixels of b that it is mixed from do.
    """
    (flow_ab, mask_ab), (flow_bc, mask_bc) = first, second
    flow = flow_ab + warp(flow_bc, flow_ab)
    followed = warp(mask_bc.float()[None], flow_ab)[0] > 0.999
    return flow, mask_ab & followed & inside(flow_ab) & inside(flow)


def hidden(flow: Tensor) -> Tensor:
    """(H, W), bool: pixels that are or may be hidden in the later frame, from `flow` alone.

    For scenes without a mask of occlusions.  Where pixels that move differently (by more than one
    pixel) land in the same 3×3 spot, one hides the other; which of them is not known, so all count.
    Of Sintel's frames that have a mask, this one leaves warping errors within 2 % of it.
    """
    height, width = flow.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    there_x = (x + flow[0]).round().long().clamp(0, width - 1)
    there_y = (y + flow[1]).round().long().clamp(0, height - 1)
    spot = (there_y * width + there_x).flatten()
    nothing = torch.full((height * width,), -torch.inf)
    apart = torch.zeros(height, width, dtype=torch.bool)
    for part in flow.flatten(1):
        most, least = (
            F.max_pool2d(nothing.scatter_reduce(0, spot, p, "amax").view(1, height, width), 3, 1, 1)
            for p in (part, -part)
        )
        apart |= (most + least)[0] > 1.0
    return apart.flatten()[spot].view(height, width)


def read_flo(path: Path) -> Tensor:
    """Read a Middlebury .flo: (2, H, W), pixels; unknown flow is NaN.  Raises TrainError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainError(f"{path}: the flow cannot be read: {error.strerror}") from None
    if len(data) < 12 or np.frombuffer(data, "<f4", 1)[0] != MAGIC:
        raise TrainError(f"{path}: not a .flo file: it does not begin with {MAGIC}")
    width, height = (int(side) for side in np.frombuffer(data, "<i4", 2, 4))
    if not (0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE):
        raise TrainError(f"{path}: a flow of {width}x{height} pixels cannot be meant")
    wanted = 12 + 8 * width * height
    if len(data) != wanted:
        raise TrainError(
            f"{path}: {len(data)} bytes; a flow of {width}x{height} pixels has {wanted}"
        )
    flow = np.frombuffer(data, "<f4", 2 * width * height, 12).reshape(height, width, 2)
    flow = np.where(np.abs(flow) > UNKNOWN, np.nan, flow).astype(np.float32)
    return torch.from_numpy(flow).permute(2, 0, 1).contiguous()


def write_flo(path: Path, flow: Tensor) -> None:
    """Write `flow`, (2, H, W), pixels, as a Middlebury .flo; NaN becomes unknown."""
    height, width = flow.shape[-2:]
    numbers = flow.permute(1, 2, 0).contiguous().numpy().astype("<f4")
    numbers = np.where(np.isnan(numbers), np.float32(10 * UNKNOWN), numbers)
    head = np.array([MAGIC], "<f4").tobytes() + np.array([width, height], "<i4").tobytes()
    path.write_bytes(head + numbers.tobytes())


@dataclass(frozen=True)
class _Scene:
    """Frames by number, and the file of the flow from each that has one to the next."""

    group: str
    name: str
    frames: Mapping[int, Path]
    flows: Mapping[int, Path]

    def run(self, start: int) -> int:
        """How many frames can be followed on from `start`."""
        end = start
        while end in self.frames and end in self.flows and end + 1 in self.frames:
            end += 1
        return end - start


def find_pairs(folder: Path, gaps: Sequence[int] = (1, 10)) -> Iterator[Pair]:
    """The pairs of every scene below `folder`: at each of `gaps`, or at the longest that a scene
    has frames and flows for.

    Knows Sintel (``frame_0001.png`` with ``frame_0001.flo``, in one folder or in ``clean`` and
    ``flow``, with ``occlusions`` and ``invalid``) and Middlebury (``frame10.png`` with
    ``flow10.flo``).  Raises TrainError when there is no pair, or a file cannot be read.
    """
    if not folder.is_dir():
        raise TrainError(f"{folder}: no such folder; --flow names a folder of frames and flows")
    scenes = [(scene, _spans(scene, gaps)) for scene in _scenes(folder)]
    if not any(spans for _, spans in scenes):
        raise TrainError(
            f"{folder}: no frames with their flow in it; it should hold scenes of Sintel "
            "(frame_0001.png, frame_0001.flo) or Middlebury (frame10.png, flow10.flo)"
        )
    for scene, spans in scenes:
        numbers = {n for start, gap in spans for n in (start, start + gap)}
        frames = {number: open_picture(scene.frames[number]) for number in numbers}
        for start, gap in spans:
            yield _open_pair(scene, frames, start, gap)


def _scenes(folder: Path) -> list[_Scene]:
    """Every scene below `folder` that has flows, sorted."""
    flows: dict[Path, dict[int, Path]] = {}
    for path in sorted(folder.rglob("*.flo")):
        number = _number(path)
        if number is not None:
            flows.setdefault(path.parent, {})[number] = path
    scenes: list[_Scene] = []
    for place, numbered in flows.items():
        group = "middlebury" if next(iter(numbered.values())).name.startswith("flow") else "sintel"
        frames = {
            number: path
            for path in sorted(_frames_folder(place).glob("frame*.png"))
            if (number := _number(path)) is not None
        }
        name = place.parent.name if place.name == "flow" else place.name
        scenes.append(_Scene(group, name, frames, numbered))
    return scenes


def _frames_folder(flows: Path) -> Path:
    """Where the frames are that belong to a folder of flows."""
    return next((f for f in _beside(flows, _FRAMES) if f.is_dir()), flows)


def _beside(flows: Path, names: Mapping[str, Sequence[str]]) -> Iterator[Path]:
    """`flows` with the part of its path that says "flows" replaced by each of `names` for it."""
    for i in range(len(flows.parts) - 1, 0, -1):
        for name in names.get(flows.parts[i], ()):
            yield Path(*flows.parts[:i], name, *flows.parts[i + 1 :])


def _number(path: Path) -> int | None:
    found = re.search(r"(\d+)$", path.stem)
    return int(found[1]) if found else None


def _spans(scene: _Scene, gaps: Sequence[int]) -> list[tuple[int, int]]:
    """(first frame, gap) of the pairs of a scene, each once."""
    longest = max((scene.run(start) for start in scene.flows), default=0)
    wanted = sorted({min(gap, longest) for gap in gaps} - {0})
    return [(s, gap) for gap in wanted for s in sorted(scene.flows) if scene.run(s) >= gap]


def _open_pair(scene: _Scene, frames: Mapping[int, Tensor], start: int, gap: int) -> Pair:
    flow, mask = _step(scene, start)
    for number in range(start + 1, start + gap):
        flow, mask = chain((flow, mask), _step(scene, number))
    before, after = frames[start], frames[start + gap]
    if before.shape[1:] != flow.shape[1:] or after.shape != before.shape:
        raise TrainError(
            f"{scene.flows[start]}: a flow of {flow.shape[2]}x{flow.shape[1]} pixels beside "
            f"frames of {before.shape[2]}x{before.shape[1]}"
        )
    return Pair(scene.group, scene.name, gap, before, after, flow, mask)


def _step(scene: _Scene, number: int) -> tuple[Tensor, Tensor]:
    """Flow and mask from frame `number` to the next."""
    path = scene.flows[number]
    flow = read_flo(path)
    mask = ~flow.isnan().any(0)
    flow = flow.nan_to_num(0.0)
    mask &= inside(flow)
    files = {kind: _mask_file(path, kind) for kind in _MASKS}
    for file in filter(None, files.values()):
        white = open_picture(file)[0] > 0.5
        if white.shape != mask.shape:
            raise TrainError(f"{file}: a mask of another size than {path}")
        mask &= ~white
    if files["occlusions"] is None:
        mask &= ~hidden(flow)
    return flow, mask


def _mask_file(flow: Path, kind: str) -> Path | None:
    """The picture that is white where the flow is `kind`; None where there is none."""
    digits = flow.stem.rpartition("_")[2]
    candidates = [flow.with_name(f"{kind}_{digits}.png")]
    candidates += [place / f"{flow.stem}.png" for place in _beside(flow.parent, {"flow": (kind,)})]
    return next((path for path in candidates if path.is_file()), None)
