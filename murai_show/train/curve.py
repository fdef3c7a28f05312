"""The losses of a run as a picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from murai_show.train.records import read_losses

COLOURS = {
    "content": "#0072b2",  # Okabe and Ito 2008: told apart by everyone
    "style": "#d55e00",
    "tv": "#009e73",
    "noise": "#cc79a7",
    "motion": "#6a6a6a",
    "likeness": "#e69f00",
}


def draw_curve(losses: Path, title: str) -> bytes:
    """A PNG of every loss of the CSV file over the steps, log scale: what was measured faintly, its
    smoothed line over it.  Raises ImportError without matplotlib, and OSError."""
    from matplotlib.figure import Figure

    figure = Figure((10, 5.6), layout="constrained")
    axes = figure.add_subplot()
    last = 1
    for name, pairs in read_losses(losses).items():
        if not pairs:
            continue
        steps, values = (np.array(column) for column in zip(*pairs, strict=True))
        values = np.maximum(values, 1e-12)  # a logarithm of nothing has no place on paper
        smooth = smoothed(values)
        axes.plot(steps, values, color=COLOURS[name], alpha=0.25, linewidth=0.7)
        axes.plot(steps, smooth, color=COLOURS[name], linewidth=2.0)
        last = max(last, int(steps[-1]))
        axes.annotate(
            f"{name} {smooth[-1]:.3g}",
            (steps[-1], smooth[-1]),
            (8, 0),
            textcoords="offset points",
            color=COLOURS[name],
            verticalalignment="center",
            fontsize=11,
            annotation_clip=False,
        )
    axes.set(yscale="log", xlabel="step", ylabel="loss, unweighted", xlim=(0, last * 1.02))
    axes.set_title(title, loc="left")
    axes.grid(which="major", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120)
    return picture.getvalue()


def smoothed(values: np.ndarray) -> np.ndarray:
    """A series of (N,) positive values as exponential means of their logarithms over 2 % of it, 10
    values at the least, forwards and backwards, so that the line does not lag behind."""
    keep = max(10, len(values) // 50)
    logs = np.log(values)
    return np.exp((_trailing(logs, keep) + _trailing(logs[::-1], keep)[::-1]) / 2)


def _trailing(values: np.ndarray, keep: int) -> np.ndarray:
    mean, found = 0.0, np.empty(len(values))
    for i, value in enumerate(values):
        mean += (value - mean) * max(1 / (i + 1), 1 / keep)
        found[i] = mean
    return found
