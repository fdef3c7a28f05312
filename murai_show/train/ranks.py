"""Several processes that train one painter together, as torchrun starts them.

The gradients are averaged by one explicit all_reduce per step.  DistributedDataParallel would hook
into a module's forward pass, but here the painter runs twice in most steps, the style vectors are
no part of it; one flat message is simpler, carries the losses
and the clock as well, and at half a million numbers costs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from murai_show.errors import TrainError
from murai_show.train.device import choose_device

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Ranks:
    """This process among `count`: number `rank`, number `place` on its machine.  Alone by default.

    Each method is one message that every process must take part in, and raises TrainError when one
    of them has gone.
    """

    device: torch.device = CPU
    rank: int = 0
    count: int = 1
    place: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that prints, saves and draws previews."""
        return self.rank == 0

    def places(self, batch: int) -> range:
        """The places of a global batch that this process fills.  Raises TrainError."""
        if batch % self.count:
            near = max(1, round(batch / self.count)) * self.count
            raise TrainError(
                f"--batch {batch} cannot be shared by {self.count} processes; "
                f"{near} can: it is the batch of all of them together"
            )
        each = batch // self.count
        return range(self.rank * each, (self.rank + 1) * each)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over the processes into each of `tensors`, fp32, on `device`."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _talk():
            dist.all_reduce(flat)
        flat /= self.count
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.count > 1:
            with _talk():
                dist.barrier()

    def from_first(self, data: bytes) -> bytes:
        """The first process's `data`; that of the others is ignored."""
        if self.count == 1:
            return data
        with _talk():
            length = torch.tensor([len(data)], device=self.device)
            dist.broadcast(length, 0)
            sent = bytearray(data) if self.first else bytearray(int(length.item()))
            if not sent:
                return b""
            message = torch.frombuffer(sent, dtype=torch.uint8).to(self.device)
            dist.broadcast(message, 0)
        return message.cpu().numpy().tobytes()


@contextmanager
def _talk() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what gloo and nccl raise when a peer has gone
        first = str(error).strip().splitlines()[0]
        raise TrainError(f"another process of this training has ended: {first}") from None


@contextmanager
def join_ranks(device: str | None) -> Iterator[Ranks]:
    """The processes that torchrun started, or this one alone, on the device that `--device` names.

    They talk over nccl on GPUs, over gloo on CPUs.  Raises UsageError for a device that is not
    there, and TrainError when the others cannot be reached.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(choose_device(device))
        return
    place = int(os.environ["LOCAL_RANK"])
    ranks = Ranks(choose_device(device, place), int(os.environ["RANK"]), count, place)
    cuda = ranks.device.type == "cuda"
    if cuda:
        torch.cuda.set_device(ranks.device)
    try:
        dist.init_process_group("nccl" if cuda else "gloo")
    except (RuntimeError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise TrainError(f"the processes of this training cannot meet: {first}") from None
    try:
        yield ranks
    finally:
        dist.destroy_process_group()
