"""The verbs `install` and `uninstall`: a show that comes back by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from murai_show.cli_words import ShowName

if TYPE_CHECKING:
    from murai_show.installing import Work

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
User = Annotated[
    bool, typer.Option("--user", help="As your own service, in your desktop, without root.")
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root", metavar="DIR", help="Into the tree of a system that does not run, for images."
    ),
]


def install(
    show: ShowName,
    user: User = False,
    dry_run: DryRun = False,
    root: Root = None,
    restart: Annotated[
        str | None,
        typer.Option("--restart", metavar="HH:MM", help="Start anew each night, in the dark."),
    ] = None,
) -> None:
    """Install a show as a service: it starts with the machine and comes back after any fault.

    Copies the show with all that it reads below /etc/murai-show, makes the user that it runs as,
    enables and starts it.  Once more is an update.

    \b
    sudo murai-show install plaza.yaml
    murai-show install plaza.yaml --dry-run
    murai-show install plaza.yaml --user
    """
    from murai_show.installing import checked_root
    from murai_show.kiosk import (
        Order,
        check_program,
        check_restart,
        find_place,
        install_work,
        notes,
        read_show,
        this_program,
    )

    tree = None if root is None else checked_root(root)
    place = find_place(user=user, root=tree, dry_run=dry_run)
    plan, variables = read_show(show, Path.cwd(), place, os.environ)
    program = this_program(place)
    check_program(place, program)
    hour = None if restart is None else check_restart(restart, plan)
    order = Order(plan, place, program, hour, variables)
    _do(install_work(order), dry_run)
    typer.echo(f"{plan.show} {'would be' if dry_run else 'is'} installed as {order.unit}")
    for note in notes(order):
        typer.echo(f"note: {note}")


def uninstall(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The show's name.")],
    purge: Annotated[
        bool, typer.Option("--purge", help="Also what it wrote and what was edited: films, values.")
    ] = False,
    user: User = False,
    dry_run: DryRun = False,
    root: Root = None,
) -> None:
    """Take an installed show away: exactly what install brought.

    Films, values that were filled in and files that were edited in their place stay, without
    --purge.

    \b
    sudo murai-show uninstall plaza
    """
    from murai_show.errors import UsageError
    from murai_show.installing import checked_root
    from murai_show.kiosk import find_place, uninstall_work
    from murai_show.show.words import parse_name

    try:
        name = parse_name(name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    tree = None if root is None else checked_root(root)
    place = find_place(user=user, root=tree, dry_run=dry_run)
    _do(uninstall_work(name, place, purge=purge), dry_run)
    typer.echo(f"{name} {'would be' if dry_run else 'is'} uninstalled")
    if place.state(name).is_dir() and not purge:
        typer.echo(f"note: what it wrote is still in {place.state(name)}")


def _do(work: Work, dry_run: bool) -> None:
    """Say each step, and take it."""
    from murai_show.installing import run_command

    lines = work.words()
    if not dry_run:
        work.carry_out(run_command)
    for line in lines or ["nothing to do: all is as it should be"]:
        typer.echo(line)
