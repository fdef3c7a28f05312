"""Engines for a bare CPU: built once for a bank, judged by their pictures, kept beside the bank.

`models/.engines/NAME-…/` holds `fp32.xml`, `int8.xml` with their weights, what OpenVINO has
compiled of them, and `engines.json`: how each was judged.  Its name carries the content of the
bank, OpenVINO's version and the CPU, so nothing stale is ever used.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from murai_show.errors import EngineError
from murai_show.ports import Stylizer
from murai_show.show.words import Size
from murai_show.style.bank import Bank, kernel_sets, read_bank
from murai_show.style.judge import Practice, Remembered, Verdict, judge, read_verdict, settle
from murai_show.style.openvino import OpenvinoStylizer, Program, ov, painting_threads
from murai_show.style.vault import PART, choose_home, clear, content_key, user_cache

FORMAT = 4
FACTS = "engines.json"
Watch = Callable[[str], None]


@dataclass(frozen=True)
class Engines:
    """What was built for one bank on one kind of machine; `verdicts` by precision."""

    folder: Path
    verdicts: Mapping[str, Verdict]

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those that may paint, fp32 first."""
        return tuple(name for name, verdict in self.verdicts.items() if verdict.good)

    def program(self, precision: str, threads: int | None = None) -> Program:
        """What to compile for `precision`."""
        return _program(self.folder, precision, threads)


def find_engines(bank: Bank) -> Engines | None:
    """What was built before for `bank`, OpenVINO and CPU as they are now."""
    for home in homes(bank.path):
        folder = home / engines_name(bank)
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            if facts["murai_engines"] != FORMAT:
                continue
            verdicts = {name: read_verdict(raw) for name, raw in facts["verdicts"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return Engines(folder, verdicts)
    return None


def build_engines(bank: Bank, practice: Callable[[], Practice], watch: Watch) -> Engines:
    """Build fp32 and int8 for `bank`, whatever was there before.

    `practice` gives the frames; where it raises EngineError, fp32 paints alone.  `watch` is told
    each step.  Raises EngineError, also when nothing can be written; BankError.
    """
    from murai_show.style.graph import save, trace

    home = choose_home(homes(bank.path), _prepare)
    clear(home, time.time())
    with tempfile.TemporaryDirectory(prefix=PART, dir=home) as name:
        part = Path(name)
        watch("tracing the network")
        model = trace(bank)
        save(model, part / "fp32.xml")
        verdicts = {"fp32": Verdict(good=True)}
        try:
            frames = practice()
            reference = Remembered(_painter(bank, frames, part, "fp32"))
            if computes_bf16():
                watch("judging bf16")
                tried = _painter(bank, frames, part, "bf16")
                verdicts["bf16"] = judge(reference, tried, frames)
            verdicts["int8"] = _make_int8(bank, model, frames, part, reference, watch)
            if computes_bf16():
                watch("judging int8 with bf16 between")
                tried = _painter(bank, frames, part, "int8-bf16")
                wide = verdicts["int8"].wide
                verdicts["int8-bf16"] = judge(reference, tried, frames, wide)
        except EngineError as error:
            verdicts["int8"] = Verdict(good=False, why=str(error))
        facts = {
            "murai_engines": FORMAT,
            "bank": bank.path.name,
            "sha256": bank.sha256,
            "verdicts": {name: asdict(verdict) for name, verdict in verdicts.items()},
        }
        (part / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        folder = home / engines_name(bank)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        part.mkdir()  # for the context to remove
    _forget_others(bank.path, home)
    return Engines(folder, verdicts)


def homes(bank: Path) -> tuple[Path, Path]:
    """Where engines of `bank` may be: beside it, or in the user's cache where that is read-only."""
    return bank.parent / ".engines", user_cache() / "engines"


def engines_name(bank: Bank) -> str:
    """`montreal-0123456789ab-openvino-2026.4.1-89abcdef`"""
    version = importlib.metadata.version("openvino")
    return f"{bank.path.stem}-{content_key(bank)}-openvino-{version}-{cpu_key()}"


def cpu_key() -> str:
    """Eight digits that tell one kind of CPU from another: its model and what it can compute."""
    told = _cpu()
    known = [told.get("model name", platform.processor()), told.get("flags", platform.machine())]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


def _cpu() -> dict[str, str]:
    """The lines in which Linux tells of the first core, each under its name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return {line.split(":")[0].strip(): line for line in reversed(lines) if ":" in line}


def sums_in_32() -> bool:
    """Whether this CPU has VNNI; an Arm adds products of bytes in 32 bits with or without."""
    flags = _cpu().get("flags", "").split()
    return bool({"avx512_vnni", "avx_vnni"} & {*flags}) or platform.machine() in (
        "aarch64",
        "arm64",
    )


def _make_int8(
    bank: Bank, model: Any, frames: Practice, part: Path, reference: Stylizer, watch: Watch
) -> Verdict:
    """Quantise all convolutions but those that the picture cannot do without."""
    from murai_show.style.graph import convolutions, quantise, save

    add_in_32 = sums_in_32()

    def make(wide: Sequence[str]) -> Verdict:
        narrow = quantise(model, frames.seen, bank.styles, wide, sums_in_32=add_in_32)
        save(narrow, part / "int8.xml")
        tried = _painter(bank, frames, part, "int8")
        return judge(reference, tried, frames, tuple(wide))

    return settle(convolutions(model), make, watch)


def _painter(bank: Bank, frames: Practice, folder: Path, precision: str) -> Stylizer:
    """What `precision` paints with, at the size of the frames that it is judged on."""
    height, width = frames.unseen[0].shape[:2]
    program = _program(folder, precision, None, cached=False)
    return OpenvinoStylizer(bank, program, Size(width, height))


def _program(folder: Path, precision: str, threads: int | None, *, cached: bool = True) -> Program:
    graph = folder / ("int8.xml" if precision.startswith("int8") else "fp32.xml")
    return Program(
        graph, precision, threads or painting_threads(), folder / "compiled" if cached else None
    )


def computes_bf16() -> bool:
    """Whether this CPU has instructions for bf16; it can pretend, slowly, without."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _prepare(home: Path) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


def _forget_others(path: Path, home: Path) -> None:
    """Remove from `home` engines of the bank as it was before, or for an older OpenVINO.

    The bank is read as it is now: what is built may be one of its kernel sets.
    """
    kept = {engines_name(part) for part in kernel_sets(read_bank(path))}
    key = "[0-9a-f]" * 12
    for folder in home.glob(f"{path.stem}-{key}-openvino-*-{cpu_key()}"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
