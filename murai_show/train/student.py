"""The student: a painter, its style vectors and its optimisers.  A checkpoint holds it whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from murai_show.errors import TrainError
from murai_show.nets.conditional import neutral_style
from murai_show.nets.painter import SIZES, TAIL, Painter
from murai_show.style.bank import Bank, Weights, kernels_of, write_bank
from murai_show.style.card import SHARED, BankCard, StyleCard
from murai_show.style.network import build_network
from murai_show.train.muon import Muon
from murai_show.train.recipe import Recipe

FORMAT = 2  # of the checkpoint; 1 knew neither time nor what else must be the same
# What each optimiser remembers of a parameter.
MEMORIES = ({"momentum"}, {"step", "exp_avg", "exp_avg_sq"})
# What may change between a checkpoint and its resumption: how long to learn, not what.
LENGTHS = {"steps", "minutes"}


class Student:
    """One painter that learns as many styles as `names` has, from nothing or from `start`, a bank
    of one network.

    With `recipe.vector_only` it is that bank's painter, frozen, and only the styles are learned;
    with `recipe.own` kernels too, and none but those that are to be the styles' own.  What is
    learned is then added to `into`, of whose kernel sets `start` is one.  `step` and `seconds` say
    how much it has learned, over all sessions.
    """

    def __init__(
        self,
        recipe: Recipe,
        names: Sequence[str],
        start: Bank | None = None,
        device: torch.device | None = None,
        into: Bank | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.names = tuple(names)
        self.start = start
        self.into = into or start
        self.config = dict(SIZES[recipe.size] if start is None else start.card.config)
        self.painter = self._make_painter()
        self.painter.to(device=device, memory_format=torch.channels_last)  # pyright: ignore
        vectors = self._first_vectors(neutral_style(self.painter))
        self.styles = nn.Parameter(vectors.to(device))
        self.named: dict[str, nn.Parameter] = {"styles": self.styles}
        for name, parameter in self.painter.named_parameters():
            parameter.requires_grad_(self._learns(name))
            if parameter.requires_grad:
                self.named[f"network.{name}"] = parameter
        self._make_optimisers()
        self.step = 0
        self.seconds = 0.0

    def _learns(self, name: str) -> bool:
        """Whether the kernel or bias `name` is learned."""
        if self.recipe.vector_only:
            return False
        return self.recipe.own != "tail" or name.split(".")[0] in TAIL

    def _make_painter(self) -> Painter:
        start = self.start
        if start is None:
            return Painter(**self.config)
        if start.card.architecture != "painter":
            raise TrainError(
                f"{start.path}: holds a {start.card.architecture} network; "
                "only a painter can learn more"
            )
        painter = build_network(start)
        assert isinstance(painter, Painter)
        return painter

    def _first_vectors(self, neutral: Tensor) -> Tensor:
        """Styles that the bank knows by name keep their vectors, a new one starts in the middle of
        them; without a bank all start from plain instance norm.  (styles, style_length)"""
        if self.start is None:
            return neutral.repeat(len(self.names), 1)
        assert self.into is not None
        known = dict(zip(self.into.card.names, self.into.styles, strict=True))
        if self.config != self.into.card.config:  # it has grown, and its vectors with it
            known = dict(zip(self.start.card.names, self.start.styles, strict=True))
        rows = [known.get(name, self.start.styles.mean(0)) for name in self.names]
        return torch.from_numpy(np.stack(rows))

    def _make_optimisers(self) -> None:
        """Muon for the kernels, Adam for style vectors and biases."""
        kernels = {name: p for name, p in self.named.items() if p.ndim == 4}
        last = {name for name in kernels if name.startswith("network.head.")}
        free = [p for name, p in kernels.items() if name not in last]
        self._adam = torch.optim.Adam(p for p in self.named.values() if p.ndim != 4)
        self._muon = Muon(free, [kernels[name] for name in last]) if kernels else None

    def _learner(self, parameter: nn.Parameter) -> torch.optim.Optimizer:
        return self._muon if self._muon is not None and parameter.ndim == 4 else self._adam

    @property
    def done(self) -> float:
        """The share of the run that lies behind, 0..1."""
        return self.recipe.done(self.step, self.seconds)

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """The gradients of `loss`, ready to be averaged in place, then for `learn`."""
        for parameter in self.named.values():
            parameter.grad = None
        loss.backward()
        found = [parameter.grad for parameter in self.named.values()]
        return [gradient for gradient in found if gradient is not None]

    def learn(self) -> None:
        """One step down the gradients, at the recipe's rates for this moment of the run."""
        recipe, rate = self.recipe, self.recipe.rate_at(self.step, self.done)
        nn.utils.clip_grad_norm_(self.named.values(), recipe.clip)
        vector = recipe.vector_rate if recipe.vector_only else recipe.style_rate
        self._adam.param_groups[0]["lr"] = rate * vector
        self._adam.step()
        if self._muon is not None:
            for group in self._muon.param_groups:
                group["lr"] = rate * recipe.kernel_rate
            self._muon.step()
        self.step += 1

    def to_bytes(self, about: Mapping[str, str]) -> bytes:
        """A checkpoint, safetensors.  `about` names what else must be the same on resuming."""
        tensors = {k: p.detach() for k, p in self.named.items()}
        for name, parameter in self.named.items():
            for key, value in self._learner(parameter).state[parameter].items():
                tensors[f"optimiser.{key}.{name}"] = value
        facts = {
            "format": FORMAT,
            "step": self.step,
            "seconds": self.seconds,
            "recipe": asdict(self.recipe),
            "styles": self.names,
            "about": dict(about),
        }
        ready = {k: tensor.cpu().contiguous() for k, tensor in tensors.items()}
        return save(ready, {"murai_checkpoint": json.dumps(facts)})

    def resume(self, data: bytes, path: Path, about: Mapping[str, str]) -> None:
        """Go on from the checkpoint `data`, which was read from `path`.

        Raises TrainError when it is none, or belongs to another run.
        """
        facts, tensors = _read_checkpoint(data, path)
        then, now = {**asdict(Recipe()), **facts["recipe"]}, asdict(self.recipe)
        changed = [k for k, v in about.items() if facts.get("about", about).get(k) != v]
        changed += sorted(k for k, v in now.items() if k not in LENGTHS and then.get(k) != v)
        if tuple(facts["styles"]) != self.names:
            changed.insert(0, "styles")
        if changed:
            raise TrainError(
                f"{path}: this checkpoint was made with other {', '.join(changed)}; "
                "give the same pictures and settings, or another --run folder"
            )
        try:
            self._restore(tensors)
        except (KeyError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0]
            raise TrainError(
                f"{path}: holds a painter of another shape, from another version of murai-show "
                f"({first}); name another --run folder"
            ) from None
        self.step, self.seconds = facts["step"], facts.get("seconds", 0.0)

    def _restore(self, tensors: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(tensors[name])
                keys = [k for k in tensors if k.startswith("optimiser.") and k.endswith(f".{name}")]
                state: dict[str, Tensor] = {}
                for key in keys:
                    word, value = key.split(".")[1], tensors[key].clone()
                    # Adam counts its steps on the CPU.
                    state[word] = value if word == "step" else value.to(parameter.device)
                if state and set(state) not in MEMORIES:
                    raise KeyError(f"{name} was learned by another optimiser")
                if state:
                    self._learner(parameter).state[parameter] = state

    def write_bank(
        self, path: Path, cards: Sequence[StyleCard], made: Mapping[str, object]
    ) -> None:
        """Write what was learned as a bank; or, with `vector_only` and `own`, the bank that got it.

        The other styles of that bank stay as they were to the bit.  Raises OSError.
        """
        styles = self.styles.detach().cpu().numpy()
        learned = {
            name: parameter.detach().cpu().contiguous().numpy()
            for name, parameter in self.painter.named_parameters()
            if self._learns(name) or not self._adds
        }
        card = BankCard("painter", self.config, tuple(cards), made)
        if self._adds:
            card, network, styles, own = self._added(card, styles, learned)
        else:
            network, own = learned, {}
        try:
            write_bank(path, card, network, styles, own)
        except OSError:
            path.with_name(path.name + ".new").unlink(missing_ok=True)  # room on a full disk
            raise

    @property
    def _adds(self) -> bool:
        return self.recipe.vector_only or self.recipe.own is not None

    def _added(
        self, card: BankCard, styles: np.ndarray, learned: Weights
    ) -> tuple[BankCard, Weights, np.ndarray, Mapping[int, Weights]]:
        """All of the bank that got what was learned: in the place of a style of the same name, or
        behind all."""
        assert self.into is not None
        assert self.start is not None
        into, number, own = self.into, kernels_of(self.start), dict(self.into.own)
        if self.recipe.own is not None:
            before, number = own.get(number, {}), max(own, default=SHARED) + 1
            # Half precision moves no picture by more than a step of 255: tests/train/test_own.py.
            half = {name: kernel.astype(np.float16) for name, kernel in learned.items()}
            own[number] = {**before, **half}
        rows = {c.name: (c, v) for c, v in zip(into.card.styles, into.styles, strict=True)}
        for style, vector in zip(card.styles, styles, strict=True):
            rows[style.name] = (replace(style, kernels=number), vector)
        cards, vectors = zip(*rows.values(), strict=True)
        return replace(card, styles=cards), into.network, np.stack(vectors), own


def _read_checkpoint(data: bytes, path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Its facts and its tensors.  Raises TrainError."""
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8 : 8 + length])["__metadata__"]
        facts = json.loads(about["murai_checkpoint"])
        version = facts.get("format", 1)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise TrainError(f"{path}: not a checkpoint of murai-show: {error}") from None
    if version not in (1, FORMAT):
        which = "newer" if version > FORMAT else "older"
        raise TrainError(
            f"{path}: a checkpoint of format {version}, from {which} murai-show; this one reads "
            f"formats 1 and {FORMAT}: go on with that version, or name another --run folder"
        )
    return facts, tensors
