"""The verbs `build`, engines for this machine ahead of the show, and `join` and `mean`, which make
one bank of several."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from murai_show.errors import EngineError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from murai_show.show.words import Size
    from murai_show.style.bank import Bank
    from murai_show.style.judge import Practice, StyleLoss, Verdict


@dataclass(frozen=True)
class Built:
    """What was built for `bank`, in `folder`, and how it fared: `paints` is the precision that
    does, `why` the sentence about it; `milliseconds` a frame and `verdicts` by precision; `more`
    for scripts."""

    bank: Bank
    engine: str
    folder: Path
    paints: str
    why: str
    milliseconds: Mapping[str, float]
    verdicts: Mapping[str, Verdict]
    more: Mapping[str, Any]


@dataclass(frozen=True)
class Order:
    """What is to be built: for which bank, of one network, fitted to which photographs, measured
    at which size; judged by `style_loss` too, where the paintings are at hand."""

    bank: Bank
    content: Path | None
    paint: Size
    anew: bool
    style_loss: StyleLoss | None = None

    @property
    def fresh(self) -> bool:
        """Whether it is made again where it is there: for other frames, or another judge."""
        return self.anew or self.content is not None or self.style_loss is not None

    def frames(self) -> Practice:
        from murai_show.practice import practice_frames

        return replace(practice_frames(self.content), style_loss=self.style_loss)


def build(
    bank: Annotated[str, typer.Argument(help="A bank in models/, or a .safetensors file.")],
    content: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Photographs to fit eight bits to. Default: demo."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The paintings: eight bits must keep their style too."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="VGG weights, with --pictures. Default: VGG-16, fetched."
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="The paint size to measure at.")
    ] = "640x360",
    engine: Annotated[
        str,
        typer.Option(metavar="ENGINE", help="tensorrt or openvino. Default: what fits here."),
    ] = "auto",
    anew: Annotated[bool, typer.Option("--anew", help="Build and measure again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Build what paints a bank on this machine, and pick the fastest.

    On a CPU a show does this by itself when it first plays a bank, and takes about a minute for it.
    On an NVIDIA GPU with TensorRT a show builds fp16 alone; int8 and fp8 are made here.  What
    computes in eight bits is taken only where every style still looks like itself: an SSIM of at
    least 0.95 to the fp32 picture, on photographs that it was not fitted to; with --pictures also a
    style loss of at most 1.03 times that of the fp32 picture.  Styles that have kernels of their
    own are a network of their own, and have an engine of their own.

    \b
    murai-show build montreal
    murai-show build mine --content photos --pictures paintings
    murai-show build montreal --engine tensorrt --size 1920x1080
    """
    from murai_show.app import find_bank
    from murai_show.show.words import parse_size
    from murai_show.style.bank import kernel_sets, read_bank

    makers = {"openvino": _openvino, "tensorrt": _tensorrt}
    if engine not in (*makers, "auto"):
        raise UsageError(f"--engine: {engine!r}; there are: auto, openvino, tensorrt")
    try:
        paint = parse_size(size)
    except ValueError as error:
        raise UsageError(f"--size: {error}") from None
    if features is not None and pictures is None:
        raise UsageError(
            "--features says how paintings are looked at; --pictures names their folder"
        )
    opened = read_bank(find_bank(bank, Path.cwd()))
    loss = None
    if pictures is not None:
        from murai_show.scoring import style_losses

        loss = style_losses(opened.card.styles, pictures, features)
    networks = kernel_sets(opened)
    make = makers[_best() if engine == "auto" else engine]
    built: list[Built] = []
    with _spinner() as say:
        for one in networks:
            told = partial(_tell, say, one.name) if len(networks) > 1 else say
            built.append(make(Order(one, content, paint, anew, loss), told))
    if as_json:
        typer.echo(json.dumps({"networks": [_facts(one) for one in built]}))
        return
    from rich.console import Console

    for one in built:
        Console().print(_table(one))
        typer.echo(f"{one.bank.name}: {one.why}")
        typer.echo(f"kept in {one.folder}")


def _tell(say: Callable[[str], None], name: str, what: str) -> None:
    say(f"{name}: {what}")


def join(
    banks: Annotated[list[str], typer.Argument(metavar="BANK…", help="In models/, or files.")],
    bank: Annotated[Path, typer.Option(metavar="OUT.safetensors", help="The bank to write.")],
    replacing: Annotated[
        bool, typer.Option("--replace", help="A style of a later bank replaces its namesake.")
    ] = False,
) -> None:
    """Put banks together: one bank with all their styles, painted as before, for one show.

    Each network comes along as kernels that its styles have for themselves, half a megabyte for the
    painter of the shipped banks.  A fade between styles of two networks is a dissolve, and paints
    both while it lasts.  Only banks of one kind and size can be joined.

    \b
    murai-show join wave klee --bank models/evening.safetensors
    murai-show join montreal better.safetensors --replace --bank models/montreal.safetensors
    """
    from murai_show.style.join import join_banks

    _make_of(banks, bank, "join", partial(join_banks, replacing=replacing))


def mean(
    banks: Annotated[list[str], typer.Argument(metavar="BANK…", help="In models/, or files.")],
    bank: Annotated[Path, typer.Option(metavar="OUT.safetensors", help="The bank to write.")],
) -> None:
    """Take the mean of banks with the same styles: of a training and of one that went on from it.

    Each of them wanders about what is best for all photographs, and their mean mostly lies nearer:
    measure it with `score`, and look at it.  Banks that learned apart are refused, for the mean of
    two hands paints like neither.

    \b
    murai-show mean wave.safetensors wave-on.safetensors --bank models/wave.safetensors
    """
    from murai_show.style.mean import mean_banks

    _make_of(banks, bank, "average", mean_banks)


def _make_of(names: list[str], out: Path, verb: str, make: Callable[..., None]) -> None:
    """Write the bank `out` that `make` makes of the banks `names`, and say what is in it."""
    from murai_show.app import find_bank
    from murai_show.style.bank import kernel_sets, read_bank

    if len(names) < 2:
        raise UsageError(f"{names[0]} alone: name at least two banks to {verb}")
    if out.suffix != ".safetensors":
        raise UsageError(f"--bank {out}: a bank's name ends in .safetensors")
    found = [read_bank(find_bank(name, Path.cwd())) for name in names]
    try:
        make(found, out)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from None
    made = read_bank(out)
    typer.echo(
        f"{out} is written: {', '.join(made.card.names)}; networks: {len(kernel_sets(made))}"
    )


def _best() -> str:
    """The engine that a show would take: TensorRT's where there is a GPU and it can be loaded."""
    from murai_show.gpu import find_gpu

    if find_gpu() is None:
        return "openvino"
    from murai_show.style.tensorrt import load_tensorrt

    try:
        load_tensorrt()
    except EngineError:
        return "openvino"
    return "tensorrt"


def _openvino(order: Order, say: Callable[[str], None]) -> Built:
    try:
        from murai_show.style.build import build_engines, find_engines
        from murai_show.style.tune import choose
    except ImportError as error:
        raise UsageError(f"{error}; pip install 'murai-show[cpu]'") from None
    engines = None if order.fresh else find_engines(order.bank)
    if engines is None:
        engines = build_engines(order.bank, order.frames, say)
    say("measuring")
    choice = choose(engines, order.bank, order.paint, anew=order.anew)
    return Built(
        order.bank,
        "openvino",
        engines.folder,
        choice.precision,
        choice.why(order.paint),
        choice.milliseconds,
        engines.verdicts,
        {"threads": choice.threads},
    )


def _tensorrt(order: Order, say: Callable[[str], None]) -> Built:
    from murai_show.style.cuda import find_device
    from murai_show.style.qdq import find_narrow, make_narrow
    from murai_show.style.tensorrt import choose_tensorrt, load_tensorrt, runnable

    load_tensorrt()  # before minutes are spent on what it could not run
    for precision in runnable(find_device()):
        if order.fresh or find_narrow(order.bank, precision) is None:
            make_narrow(order.bank, precision, order.frames(), say)
    say("building and measuring")
    choice = choose_tensorrt(order.bank, order.paint, watch=say, anew=order.anew)
    choice.stylizer.close()
    return Built(
        order.bank,
        "tensorrt",
        choice.folder,
        choice.precision,
        choice.why(order.paint),
        choice.milliseconds,
        choice.verdicts,
        {},
    )


@contextmanager
def _spinner() -> Iterator[Callable[[str], None]]:
    """What is being done, on stderr, and for how long already."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading")
        yield lambda what: progress.update(task, description=what)


def _facts(built: Built) -> dict[str, Any]:
    return {
        "styles": list(built.bank.card.names),
        "engine": built.engine,
        "folder": str(built.folder),
        "paints": built.paints,
        **built.more,
        "precisions": {
            name: {
                "good": verdict.good,
                "ms": built.milliseconds.get(name),
                "ssim": dict(verdict.ssim),
                "style_loss": dict(verdict.style_loss),
                "wide": list(verdict.wide),
                "why": verdict.why,
            }
            for name, verdict in built.verdicts.items()
        },
    }


def _table(built: Built) -> Table:
    """A row for each precision."""
    from rich.table import Table

    judged = any(verdict.style_loss for verdict in built.verdicts.values())
    heads = ["style loss × fp32, worst"] if judged else []
    table = Table("", "ms a frame", "SSIM, worst style", *heads, "verdict")
    for name, verdict in built.verdicts.items():
        taken = built.milliseconds.get(name)
        worst = min(verdict.ssim, key=lambda style: verdict.ssim[style], default=None)
        most = max(verdict.style_loss, key=lambda s: verdict.style_loss[s], default=None)
        table.add_row(
            name,
            "" if taken is None else f"{taken:.1f}",
            "" if worst is None else f"{verdict.ssim[worst]:.3f} {worst}",
            *["" if most is None else f"{verdict.style_loss[most]:.3f} {most}" for _ in heads],
            verdict.why or ("paints" if name == built.paints else "good"),
        )
    return table
