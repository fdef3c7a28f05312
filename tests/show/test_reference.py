"""What is generated from the models is what lies in the repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from murai_show.show.plan import plan_show
from murai_show.show.prose import REGENERATE
from murai_show.show.reference import json_schema, reference
from murai_show.show.starter import starter
from tests.show.machine import ROOT, machine, write


def test_the_reference_is_generated() -> None:
    written = (ROOT / "docs" / "show.md").read_text(encoding="utf-8")
    assert written == reference(), f"regenerate it: {REGENERATE}"


def test_the_schema_is_generated() -> None:
    written = (ROOT / "shows" / "murai-show.schema.json").read_text(encoding="utf-8")
    regenerate = "murai-show schema > shows/murai-show.schema.json"
    assert written == json.dumps(json_schema(), indent=2) + "\n", f"regenerate it: {regenerate}"


def test_the_schema_knows_the_short_forms() -> None:
    schema = json_schema()
    for key in ("bank", "play"):
        assert {"type": "string"} in schema["properties"][key]["anyOf"]
    assert schema["additionalProperties"] is False
    camera = schema["properties"]["cameras"]["additionalProperties"]
    assert camera["discriminator"]["propertyName"] == "kind"
    assert schema["$defs"]["StillCamera"]["properties"]["each"]["default"] == "6s"
    assert "hold" in schema["$defs"]["Defaults"]["properties"]["cameras"]["properties"]


def test_every_reference_within_the_schema_leads_somewhere() -> None:
    schema = json_schema()
    text = json.dumps(schema)
    for part in text.split('"#/$defs/')[1:]:
        assert part.split('"')[0] in schema["$defs"]


def test_the_example_of_the_reference_is_a_show(tmp_path: Path) -> None:
    example = reference().split("```yaml\n")[1].split("```")[0]
    assert plan_show(write(tmp_path, example), machine(tmp_path), {}).show == "plaza"


def test_the_starter_runs_anywhere(tmp_path: Path) -> None:
    plan = plan_show(write(tmp_path, starter("plaza-2")), machine(tmp_path, monitors=()), {})
    assert plan.show == "plaza-2"
    assert plan.notes == ()
    with pytest.raises(ValueError, match="is not a name"):
        starter("../plaza")


def test_reading_a_show_loads_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; import murai_show.show.plan as p;"
        "f = p.Facts({}, None, None, Path('/'), True, True, False, None, True);\n"
        "try: p.plan_show(Path('shows/demo.yaml'), f, {})\n"
        "except Exception as e: assert 'no bank' in str(e), e\n"
        "heavy = {'torch', 'numpy', 'moderngl', 'glfw', 'typer', 'rich', 'av', 'PIL'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
