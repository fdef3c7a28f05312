"""The verbs of `murai-show`.  Thin: each calls one function; heavy modules load in their verb."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from murai_show import (
    __version__,
    cli_booth,
    cli_build,
    cli_cue,
    cli_doctor,
    cli_evening,
    cli_kiosk,
    cli_outbox,
    cli_projection,
    cli_train,
    logs,
)
from murai_show.cli_monitor import monitor
from murai_show.cli_words import (
    AsJson,
    CameraChoice,
    Force,
    Length,
    Rehearse,
    ShowName,
    parse_cameras,
    parse_length,
    print_report,
)
from murai_show.errors import MuraiError, ShowError, UsageError

app = typer.Typer(
    help="One YAML file becomes a painted, projected picture: cameras, styles, projectors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

BankName = Annotated[
    str,
    typer.Option("--bank", help="A bank in models/, or a .safetensors file."),
]


@app.callback(invoke_without_command=True)
def start(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Tell more.")] = False,
    log: Annotated[
        str | None,
        typer.Option("--log", metavar="STYLE", help="plain, journal or json; else $MURAI_LOG."),
    ] = None,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    logs.setup(verbose, log)


@app.command()
def run(
    show: ShowName,
    rehearse: Rehearse = False,
    length: Length = None,
    camera: CameraChoice = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Tell at the end where a frame's time went.")
    ] = False,
    reload: Annotated[
        bool, typer.Option("--reload/--no-reload", help="Take the file's newer versions.")
    ] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Never run a broken file's last good version.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Run a show until Ctrl-C, SIGTERM or --for.

    A file that is saved meanwhile is the show from the next frame on, if it is right.  One that is
    broken at the start runs in its last good version, if it ever ran.

    \b
    murai-show run up375.yaml
    murai-show run demo --for 20s --profile
    murai-show run demo --for 30s --camera crowd=party.mp4
    """
    from functools import partial

    from murai_show.app import (
        Live,
        locate_show,
        make_plan,
        plan_or_last_good,
        run_show,
        stopped_by_signals,
        supervised,
    )
    from murai_show.last_good import AFTER
    from murai_show.leaving import leaving_at_once, unless_stopped
    from murai_show.show.evening import dark_words

    seconds, work = parse_length(length), Path.cwd()
    stop = threading.Event()
    with stopped_by_signals(stop), leaving_at_once(), supervised(stop) as vigil:
        cameras = parse_cameras(camera)
        planner = partial(
            make_plan, show, os.environ, work, displays=True, rehearse=rehearse, cameras=cameras
        )
        file = locate_show(show, work)
        plan = planner() if strict else plan_or_last_good(file.resolve(), planner)
        if words := dark_words(plan, time.time(), show):
            typer.echo(words, err=True)
        if plan.expect.painted is not None:
            from murai_show.proof import check_pace, proof_of

            proof = unless_stopped(partial(proof_of, plan), stop)
            check_pace(proof, force=force or rehearse)
        live = Live(file, planner if reload else None, None if rehearse else AFTER)
        report = run_show(plan, seconds, stop, live=live, vigil=vigil)
    print_report(report, as_json, profile)


@app.command()
def check(
    shows: Annotated[list[str], typer.Argument(metavar="SHOW…", help="Show files.")],
) -> None:
    """Say all that is wrong in show files, at once.

    \b
    murai-show check shows/*.yaml
    """
    from murai_show.app import make_plan
    from murai_show.show.align import ENDING

    wrong = 0
    for show in shows:
        if show.endswith(ENDING):
            typer.echo(f"{show}: an alignment; it is read with its show")
            continue
        try:
            plan = make_plan(show, os.environ, Path.cwd(), displays=False)
        except ShowError as error:
            wrong += 1
            typer.echo(str(error), err=True)
        else:
            typer.echo(f"{show}: good ({plan.show}, {plan.config_hash})")
    if wrong:
        raise typer.Exit(2)


@app.command()
def plan(
    show: ShowName,
    rehearse: Rehearse = False,
    camera: CameraChoice = None,
    on: Annotated[
        str | None,
        typer.Option("--date", metavar="DATE", help="The evening of 2026-12-24, or of today."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="OUT.png", help="Draw that evening.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show what a show file means on this machine.

    Nothing is defaulted and nothing is left to look up.  With --date: what plays when from noon to
    noon, by which rule, and when the sun sets.

    \b
    murai-show plan up375 --rehearse
    murai-show plan up375 --date 2026-12-24 --png evening.png
    """
    from murai_show.app import make_plan
    from murai_show.show.report import plan_to_json, plan_to_text

    evening = on is not None or png is not None  # planned at a desk: no monitor is asked for
    planned = make_plan(
        show,
        os.environ,
        Path.cwd(),
        displays=not evening,
        rehearse=rehearse or evening,
        cameras=parse_cameras(camera),
    )
    if evening:
        cli_evening.show_evening(planned, on or "today", as_json, png)
        return
    from murai_show.proof import check_pace, proof_of

    proof = proof_of(planned)
    if as_json:
        typer.echo(json.dumps(plan_to_json(planned) | {"proof": proof.to_json()}, indent=2))
    else:
        typer.echo(plan_to_text(planned))
        if proof.kept:
            typer.echo(f"\n{proof.sentence}")
    if not proof.kept:
        check_pace(proof, force=force or rehearse)


@app.command()
def schema() -> None:
    """Print the JSON schema of the show language, for editors.

    \b
    murai-show schema > shows/murai-show.schema.json
    """
    from murai_show.show.reference import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the show: small letters, digits, - and _.")],
) -> None:
    """Write a commented show file that runs as it is.

    \b
    murai-show new plaza && murai-show run plaza.yaml --for 20s
    """
    from murai_show.show.starter import starter
    from murai_show.show.words import parse_name

    try:
        name = parse_name(name.removesuffix(".yaml"))
    except ValueError as error:
        raise UsageError(str(error)) from None
    path = Path(f"{name}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(name))
    except FileExistsError:
        raise UsageError(f"{path} exists already; choose another name") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    typer.echo(f"{path} is written; try: murai-show run {path} --for 20s")


@app.command()
def paint(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A photograph or a film.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A .png, .jpg, .mp4 …")],
    style: Annotated[
        str, typer.Option("--style", metavar="NAME[:WEIGHT],…", help="A style or a mix of styles.")
    ],
    bank: BankName = "first",
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Paint inside this size, not the source's."),
    ] = None,
) -> None:
    """Paint a photograph or a film.

    \b
    murai-show paint party.jpg painted.jpg --style wave
    murai-show paint party.mp4 painted.mp4 --style wave:0.7,starry:0.3 --size 1280x720
    """
    from rich.progress import Progress

    from murai_show.paint import FILMS, PHOTOS, paint_film, paint_photo, parse_mix
    from murai_show.show.timeline import Look

    kind = target.suffix.lower()
    if kind not in PHOTOS + FILMS:
        raise UsageError(f"{target}: write to one of {', '.join(PHOTOS + FILMS)}")
    if not source.is_file():
        raise UsageError(f"{source}: no such file")
    stylizer = _stylizer(bank, size)
    look = Look(parse_mix(style, stylizer.styles))
    if kind in PHOTOS:
        width, height = paint_photo(source, target, stylizer, look)
        typer.echo(f"{target}: {width}x{height}, {style}")
        return
    with Progress() as progress:
        bar = progress.add_task(f"painting {source.name}", total=None)
        frames = paint_film(
            source,
            target,
            stylizer,
            look,
            lambda done, total: progress.update(bar, completed=done, total=total or None),
        )
    typer.echo(f"{target}: {frames} frames, {style}")


@app.command()
def styles(
    bank: Annotated[str, typer.Argument(help="A bank's name or a .safetensors file.")] = "first",
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="OUT.png", help="Draw a contact sheet.")
    ] = None,
    photo: Annotated[
        list[Path] | None,
        typer.Option("--photo", help="For the sheet. Default: the demo's."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name the styles of a bank, with their credits.

    \b
    murai-show styles first --sheet sheet.png
    """
    from rich.console import Console
    from rich.table import Table

    from murai_show.app import find_bank
    from murai_show.style.card import read_card

    file = find_bank(bank, Path.cwd())
    card = read_card(file)
    if as_json:
        typer.echo(json.dumps([vars(style) for style in card.styles], indent=2, ensure_ascii=False))
    else:
        table = Table("style", "credit", "licence", title=f"{file.stem}: {card.architecture}")
        for style in card.styles:
            table.add_row(style.name, style.credit, style.licence)
        Console().print(table)
    if sheet is not None:
        from murai_show.app import demo_photos
        from murai_show.paint import contact_sheet, open_photo

        photos = [open_photo(path) for path in (photo or demo_photos())]
        contact_sheet(_stylizer(bank, "960x640"), photos).save(sheet)
        typer.echo(f"{sheet}: {len(photos)} photographs in {len(card.styles)} styles", err=True)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .pth of pytorch/examples fast_neural_style.")],
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Name of style and bank.")],
    credit: Annotated[str, typer.Option(help="Whose picture it was learned from.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence.")] = "",
) -> None:
    """Make a bank of an old network, so that it runs in a show.

    \b
    murai-show import mosaic.pth --as mosaic
    """
    from murai_show.show.words import parse_name
    from murai_show.style.card import StyleCard
    from murai_show.train.importers import import_classic

    try:
        parse_name(name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    bank = Path("models") / f"{name}.safetensors"
    if bank.exists():
        raise UsageError(f"{bank} exists already; choose another name")
    import_classic(file, bank, StyleCard(name, credit, licence))
    typer.echo(f"{bank} is written; in a show: `bank: {name}`, style `{name}`")


app.command()(cli_evening.why)
app.command()(cli_evening.rehearse)
app.command("testcard")(cli_projection.show_testcard)
app.command()(cli_projection.align)
app.command()(cli_cue.cue)
app.command()(cli_booth.booth)
app.command()(monitor)
app.command()(cli_kiosk.install)
app.command()(cli_kiosk.uninstall)
app.command()(cli_outbox.outbox)
app.command()(cli_build.build)
app.command()(cli_build.join)
app.command()(cli_build.mean)
app.command()(cli_train.train)
app.command()(cli_doctor.doctor)
app.command()(cli_doctor.support)


@app.command()
def score(
    bank: Annotated[str, typer.Argument(metavar="BANK", help="A bank's name or its file.")],
    content: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Photographs. Default: the demo's.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the paintings are, by file name.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="VGG weights, safetensors. Default: VGG-16, fetched."),
    ] = None,
    clip: Annotated[list[Path] | None, typer.Option(metavar="VIDEO", help="A film.")] = None,
    flow: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Scenes of Sintel or Middlebury.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]FILE", help="Another network, .pth or .npz, for style NAME."),
    ] = None,
    photos: Annotated[int, typer.Option(min=1, help="How many, evenly over the folder.")] = 20,
    report: Annotated[
        Path | None, typer.Option(metavar="OUT.html", help="Write a page with the pictures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a bank: closeness, flicker, motion, cost; beside other people's networks.

    \b
    murai-show score first --content photos --pictures paintings --report first.html
    """
    from murai_show.app import find_bank
    from murai_show.scoring import Order, score_bank

    order = Order(
        find_bank(bank, Path.cwd()),
        content,
        pictures,
        features,
        tuple(clip or ()),
        flow,
        tuple(against or ()),
        photos,
    )
    found = score_bank(order)
    from murai_show.train.score_table import report_json, report_tables

    if as_json:
        typer.echo(json.dumps(report_json(found), indent=1, ensure_ascii=False))
    else:
        from rich.console import Console

        for table in report_tables(found):
            Console().print(table)
    if report is not None:
        from murai_show.train.score_page import write_page

        write_page(report, found, order.bank.stem)
        typer.echo(f"{report} is written", err=True)


def _stylizer(bank: str, size: str | None):
    from murai_show.app import find_bank
    from murai_show.show.words import Size, parse_size
    from murai_show.style import open_reference
    from murai_show.style.bank import read_bank

    try:
        paint = Size(16384, 16384) if size is None else parse_size(size)
    except ValueError as error:
        raise UsageError(f"--size: {error}") from None
    return open_reference(read_bank(find_bank(bank, Path.cwd())), paint)


def main() -> None:
    """Entry point: what went wrong is one sentence on stderr and an exit status."""
    try:
        app()
    except MuraiError as error:
        logs.tell(error)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
