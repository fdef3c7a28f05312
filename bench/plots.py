"""Draw docs/pictures/bench-*.png from docs/scores/engines.json and docs/scores/show.json.

python bench/engines.py --json > docs/scores/engines.json
python bench/show.py --json > docs/scores/show.json
python bench/plots.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    """Frames painted a second against the paint size."""
    rows = found["sizes"]
    figure = Figure((8, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(list(rows), [row["painted_fps"] for row in rows.values()], "o-", color=OURS)
    for name, row in rows.items():
        axes.annotate(
            f"{row['painted_fps']:.1f}",
            (name, row["painted_fps"]),
            (6, 6),
            textcoords="offset points",
        )
    axes.set_ylim(0)
    axes.set_ylabel("painted a second")
    axes.set_xlabel(f"paint size, {found['machine']}")
    finish(figure, axes, "bench-sizes.png")


def finish(figure: Figure, axes: Axes, name: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(DOCS / "pictures" / name, dpi=110)
    print(f"docs/pictures/{name}")


def main() -> None:
    painters(read("engines"))
    sizes(read("show"))


if __name__ == "__main__":
    main()
