"""The student: a painter, its style vectors and its optimiser.  A checkpoint holds it whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from murai_show.errors import TrainError
from murai_show.nets.conditional import neutral_style
from murai_show.nets.painter import SIZES, Painter
from murai_show.style.bank import Bank, write_bank
from murai_show.style.card import BankCard, StyleCard
from murai_show.train.recipe import Recipe


class Student:
    """One painter that learns as many styles as `names` has, from nothing or from a bank."""

    def __init__(self, recipe: Recipe, names: Sequence[str], start: Bank | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.names = tuple(names)
        self.painter = Painter(**SIZES[recipe.size])
        self.painter.to(memory_format=torch.channels_last)  # pyright: ignore
        self.styles = nn.Parameter(neutral_style(self.painter).repeat(len(names), 1))
        self.named = {f"network.{k}": p for k, p in self.painter.named_parameters()}
        self.named["styles"] = self.styles
        if start is not None:
            self._start_from(start)
        self._make_optimisers()
        self.step = 0

    def _make_optimisers(self) -> None:
        """Muon (Jordan et al. 2024) for the kernels, Adam for style vectors and biases.

        Muon is a third below Adam's style loss after the same 300 steps (docs/LOG.md).  torch's
        takes matrices only, so every kernel (O, I, 3, 3) is given to it as a view (O, 9 I).
        """
        kernels = {k: p for k, p in self.named.items() if p.ndim == 4}
        others = {k: p for k, p in self.named.items() if p.ndim != 4}
        self._flat = {k: nn.Parameter(_as_matrix(p.data)) for k, p in kernels.items()}
        self.muon = torch.optim.Muon(
            self._flat.values(), weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.Adam(others.values())
        self._learners = {  # what each optimiser calls each parameter
            **{k: (self.muon, flat) for k, flat in self._flat.items()},
            **{k: (self.adam, p) for k, p in others.items()},
        }

    def learn(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`, at the recipe's rate for this step."""
        share = self.recipe.share_at(self.step)
        self.muon.param_groups[0]["lr"] = share * self.recipe.kernel_rate
        self.adam.param_groups[0]["lr"] = share * self.recipe.style_rate
        for parameter in self.named.values():
            parameter.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(self.named.values(), self.recipe.clip)
        for name, flat in self._flat.items():
            gradient = self.named[name].grad
            assert gradient is not None
            flat.grad = _as_matrix(gradient)
        self.muon.step()
        self.adam.step()
        self.step += 1

    def _start_from(self, bank: Bank) -> None:
        """Take over the network; styles that it knows by name keep their vectors, and a new one
        starts in the middle of them."""
        if bank.card.architecture != "painter" or bank.card.config != SIZES[self.recipe.size]:
            raise TrainError(
                f"{bank.path}: holds a {bank.card.architecture} of {dict(bank.card.config)}; "
                f"size {self.recipe.size} is a painter of {SIZES[self.recipe.size]}"
            )
        known = dict(zip(bank.card.names, bank.styles, strict=True))
        rows = [known.get(name, bank.styles.mean(0)) for name in self.names]
        with torch.no_grad():
            for key, parameter in self.painter.named_parameters():
                parameter.copy_(torch.from_numpy(bank.network[key].copy()))
            self.styles.copy_(torch.from_numpy(np.stack(rows)))

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        tensors = {k: p.detach().contiguous() for k, p in self.named.items()}
        for name, (optimiser, parameter) in self._learners.items():
            for key, value in optimiser.state[parameter].items():
                tensors[f"optimiser.{key}.{name}"] = value.contiguous()
        facts = {"step": self.step, "recipe": asdict(self.recipe), "styles": self.names}
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        save_file(tensors, temporary, {"murai_checkpoint": json.dumps(facts)})
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.  Raises TrainError when it belongs to another run."""
        try:
            with safe_open(path, "pt") as file:
                facts = json.loads((file.metadata() or {})["murai_checkpoint"])
                tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise TrainError(f"{path}: not a checkpoint of murai-show: {error}") from None
        mine = asdict(replace(self.recipe, steps=facts["recipe"]["steps"]))
        changed = sorted(k for k, v in mine.items() if facts["recipe"].get(k) != v)
        if tuple(facts["styles"]) != self.names:
            changed.insert(0, "styles")
        if changed:
            raise TrainError(
                f"{path}: this checkpoint was made with other {', '.join(changed)}; "
                "give the same pictures and settings, or another --run folder"
            )
        with torch.no_grad():
            for name, (optimiser, parameter) in self._learners.items():
                self.named[name].copy_(tensors[name])
                keys = [k for k in tensors if k.startswith("optimiser.") and k.endswith(f".{name}")]
                if keys:
                    state = {k.split(".")[1]: tensors[k].clone() for k in keys}
                    optimiser.state[parameter] = state
        self.step = facts["step"]

    def write_bank(
        self, path: Path, cards: Sequence[StyleCard], made: Mapping[str, object]
    ) -> None:
        network = {
            k.removeprefix("network."): p.detach().contiguous().numpy()
            for k, p in self.named.items()
            if k != "styles"
        }
        card = BankCard("painter", SIZES[self.recipe.size], tuple(cards), made)
        write_bank(path, card, network, self.styles.detach().numpy())


def _as_matrix(kernel: Tensor) -> Tensor:
    """A channels-last kernel (O, I, 3, 3) as (O, 9 I), sharing its memory."""
    matrix = kernel.permute(0, 2, 3, 1).flatten(1)
    assert matrix.data_ptr() == kernel.data_ptr()
    return matrix
