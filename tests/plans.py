"""A plan for tests, whole and small; name what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from murai_show.show.plan import (
    Plan,
    PlannedBank,
    PlannedCamera,
    PlannedOutput,
    PlannedPlace,
    PlannedPlaylist,
)
from murai_show.show.schema import MemoryOutput, PatternCamera
from murai_show.show.words import Size

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "../shared/data"


def a_plan(**changed: Any) -> Plan:
    facts: dict[str, Any] = {
        "show": "test",
        "title": "A test",
        "source": Path("/nowhere/test.yaml"),
        "config_hash": "0123456789ab",
        "place": PlannedPlace(0.0, 0.0, "UTC"),
        "camera": PlannedCamera("bars", PatternCamera(kind="pattern", size="160x90", fps=60)),
        "bank": PlannedBank("none", Path("/nowhere/none.safetensors"), "identity", ("a", "b")),
        "playlist": PlannedPlaylist("evening", ((("a", 1.0),), (("b", 1.0),)), 60, 10, "listed"),
        "paint": Size(160, 90),
        "outputs": (PlannedOutput("wall", MemoryOutput(kind="memory", fps=60), None),),
        "metrics": None,
        "notes": (),
    }
    return Plan(**{**facts, **changed})
