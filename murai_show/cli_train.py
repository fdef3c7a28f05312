"""The verb `murai-show train`: many options, each with its reason in docs/training.md."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from murai_show.train.recipe import IMITATION_SHARE, LEARNING_ON, VECTORS_ALONE, Recipe


def _usual(word: str) -> str:
    return f"Default: {getattr(Recipe, word):g}; {LEARNING_ON[word]:g} where a bank learns on."


def train(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Paintings to learn.")],
    content: Annotated[Path, typer.Option(metavar="FOLDER", help="Photographs to practise on.")],
    bank: Annotated[
        Path | None, typer.Option(metavar="OUT.safetensors", help="The bank to write.")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="VGG weights, safetensors. Default: VGG-16, fetched."),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Name of each style, in order. Default: file names.")
    ] = None,
    credit: Annotated[list[str] | None, typer.Option(help="Credit of each, in order.")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Licence of each, in order.")] = None,
    crop: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,W,H", help="Part of each to learn, in order; - for all of it."),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Of the painter: pocket, kiosk (the default), stage, facade.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="BANK",
            help="Begin with this bank's painter; with another --size it grows or shrinks.",
        ),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="BANK", help="Add to this bank; --vector-only or --own.")
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(metavar="BANK", help="Imitate this bank first; for a smaller --size."),
    ] = None,
    imitation_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="How much of the run, with --teacher. Default: 0.6."),
    ] = None,
    vector_only: Annotated[
        bool, typer.Option("--vector-only", help="Freeze the painter, learn only the new styles.")
    ] = False,
    own: Annotated[
        str | None,
        typer.Option(metavar="tail|all", help="Kernels that the new styles have for themselves."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help=f"Optimiser steps. Default: {Recipe.steps}.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Learn for this long instead, over all sessions.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1 … Default: a GPU where there is one.")
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Of the VGG: fp32, bf16, or auto, what is quicker here.")
    ] = Recipe.precision,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help=f"Photographs a step, of all processes. {_usual('batch')}"),
    ] = None,
    crop_side: Annotated[
        int | None,
        typer.Option(min=32, help=f"Pixels of the photographs' crops. {_usual('crop')}"),
    ] = None,
    last_crop_side: Annotated[
        int | None,
        typer.Option(min=32, help=f"The same, for the last of the run. {_usual('last_crop')}"),
    ] = None,
    content_weight: Annotated[
        float, typer.Option(min=0, help="How much the photograph counts.")
    ] = Recipe.content_weight,
    style_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            help=f"How much the painting counts. Default: {Recipe.style_weight:g}; "
            f"{VECTORS_ALONE['style_weight']:g} with --vector-only.",
        ),
    ] = None,
    noise_weight: Annotated[
        float, typer.Option(min=0, help="Calm under sensor noise.")
    ] = Recipe.noise_weight,
    motion_weight: Annotated[
        float, typer.Option(min=0, help="Paint that travels with what it lies on.")
    ] = Recipe.motion_weight,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help=f"Length of the steps. {_usual('rate')}"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=f"Of all that is drawn at random. Default: {Recipe.seed}; another for each bank "
            "that learns on.",
        ),
    ] = None,
    preview_every: Annotated[
        int, typer.Option(min=1, metavar="N", help="Steps between two preview sheets.")
    ] = 200,
    preview_photo: Annotated[
        list[Path] | None,
        typer.Option(metavar="PHOTO", help="Show the style on this one, such as a face."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--run", help="Checkpoint and previews. Default: runs/BANK.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
) -> None:
    """Learn the styles of paintings into a bank.

    One network holds as many styles as there are pictures.  It is saved every half minute, also
    when it is stopped with Ctrl-C, and --resume goes on where a run ended.  docs/training.md
    tells more.

    \b
    A photograph of a mural, cropped, learned in twenty minutes:
        murai-show train mural.jpg --crop 120,80,900,700 --content photos \\
            --bank models/mine.safetensors --minutes 20
    Two styles in one bank, and then one more, without learning the others again:
        murai-show train wave.jpg klee.jpg --content photos --bank models/mine.safetensors
        murai-show train scream.jpg --into models/mine.safetensors --vector-only \\
            --content photos --minutes 10
    The same with kernels of its own, which is stronger, and takes longer to fade to:
        murai-show train scream.jpg --into models/mine.safetensors --own all \\
            --content photos --minutes 20
    All GPUs of a machine; two machines, the same on each but for --node-rank:
        torchrun --standalone --nproc-per-node gpu -m murai_show train … --batch 16
        torchrun --nnodes 2 --node-rank 0 --nproc-per-node gpu --master-addr 10.0.0.1 \\
            --master-port 29500 -m murai_show train … --batch 32
    """
    from murai_show.app import stopped_by_signals
    from murai_show.train.goal import Goal, choose_recipe, list_paintings, plan_training
    from murai_show.train.session import train_with_progress

    if teacher is not None and imitation_share is None:
        imitation_share = IMITATION_SHARE
    recipe = choose_recipe(
        steps=steps,
        minutes=minutes,
        learns_on=start is not None or into is not None,
        vector_only=vector_only,
        own=own,
        precision=precision,
        batch=batch,
        crop=crop_side,
        last_crop=last_crop_side,
        content_weight=content_weight,
        style_weight=style_weight,
        noise_weight=noise_weight,
        motion_weight=motion_weight,
        imitation_share=imitation_share or 0.0,
        rate=rate,
    )
    paintings = list_paintings(pictures, name or [], credit or [], licence or [], crop or [])
    goal = Goal(bank, size, start, into, teacher, folder, resume, seed)
    training = plan_training(goal, paintings, content, features, recipe)
    stop = threading.Event()
    with stopped_by_signals(stop):
        train_with_progress(training, device, preview_every, preview_photo or [], stop)
