"""Draw docs/pictures/bench-*.png from docs/scores/engines.json and docs/scores/show.json.

python bench/engines.py --json > docs/scores/engines.json
python bench/show.py --json > docs/scores/show.json
python bench/plots.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parents[1] / "docs"
OURS, THEIRS, INK = "#d98324", "#5b7a99", "#222428"


def read(name: str) -> dict[str, Any]:
    return json.loads((DOCS / f"scores/{name}.json").read_text(encoding="utf-8"))


def painters(found: dict[str, Any]) -> None:
    """Milliseconds a frame, the least and the most of the rounds as whiskers."""
    rows = sorted(found["painters"].items(), key=lambda row: -row[1]["ms"])
    names = [name for name, _ in rows]
    ms = [row["ms"] for _, row in rows]
    spread = [[r["ms"] - r["least"] for _, r in rows], [r["most"] - r["ms"] for _, r in rows]]
    colours = [THEIRS if "examples" in name else OURS for name in names]
    figure = Figure((8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(names, ms, xerr=spread, color=colours, height=0.62, error_kw={"ecolor": INK})
    for number, (_, row) in enumerate(rows):
        told = f"  {row['ms']:.0f} ms, {row['times eager']:.1f} ×"
        axes.text(row["most"], number, told, va="center", color=INK, fontsize=9)
    axes.set_xlim(0, max(row["most"] for _, row in rows) * 1.25)
    axes.set_xlabel(f"ms a frame at {found['size']}, {found['machine']}")
    finish(figure, axes, "bench-painters.png")


def sizes(found: dict[str, Any]) -> None:
    """Milliseconds that a picture takes its painter, against its pixels."""
    rows = found["sizes"]
    pixels = [int(w) * int(h) / 1e6 for w, h in (name.split("x") for name in rows)]
    ms = [row["style_ms"] for row in rows.values()]
    figure = Figure((8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(pixels, ms, "o-", color=OURS)
    for name, x, y in zip(rows, pixels, ms, strict=True):
        told = f"{name.partition('x')[2]}p: {y:.0f} ms"
        axes.annotate(told, (x, y), (7, -12), textcoords="offset points", fontsize=9)
    axes.set_xlim(pixels[0] * 0.8, pixels[-1] * 2.2)
    axes.set_ylim(min(ms) * 0.5, max(ms) * 1.6)
    axes.set_ylabel("ms a picture")
    axes.set_xlabel(f"megapixels painted, {found['machine']}")
    axes.grid(which="major", alpha=0.3)
    finish(figure, axes, "bench-sizes.png")


def counts(found: dict[str, Any]) -> None:
    """Pictures painted a second against the number of cameras and of outputs, with their spread."""
    curves = {
        "outputs of one canvas": (found["outputs"], THEIRS, "s-"),
        "cameras in one picture": (found["cameras"]["in one picture"], OURS, "o-"),
        "cameras, each painted, all together": (found["cameras"]["each painted"], INK, "^-"),
    }
    figure = Figure((8, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for name, (rows, colour, mark) in curves.items():
        places = range(len(rows))
        middle, least, most = np.transpose([row["painted_fps"] for row in rows.values()])
        spread = [middle - least, most - middle]
        axes.errorbar(places, middle, spread, fmt=mark, color=colour, label=name, capsize=3)
    axes.set_xticks(range(len(found["outputs"])), list(found["outputs"]))
    axes.set_ylim(0)
    axes.set_ylabel("painted a second")
    axes.set_xlabel(f"how many, painted at 640x360, {found['machine']}")
    axes.legend(frameon=False)
    finish(figure, axes, "bench-counts.png")


def finish(figure: Figure, axes: Axes, name: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "pictures" / name, dpi=110)
    print(f"docs/pictures/{name}")


def main() -> None:
    painters(read("engines"))
    sizes(read("show"))
    counts(read("show"))


if __name__ == "__main__":
    main()
