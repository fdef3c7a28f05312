"""The architecture, enforced: who imports whom, what stays unloaded, which kinds exist."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.plans import REPOSITORY

PACKAGE = REPOSITORY / "murai_show"
MODULES = sorted(PACKAGE.rglob("*.py"))

LEAVES = {
    "backoff",
    "bell",
    "clocks",
    "cuda_faults",
    "errors",
    "frame",
    "gpu",
    "leaving",
    "nets",
    "redact",
    "shipped",
}
BACKENDS = {"errors", "frame", "ports", "show"}
MAY_IMPORT: dict[str, set[str]] = {
    **{leaf: set() for leaf in LEAVES},
    "show": {"errors", "redact"},
    "ports": {"frame", "show"},
    "camera": BACKENDS | {"backoff", "bell", "cuda_faults"},
    "output": BACKENDS | {"backoff", "cuda_faults", "gpu"},
    "style": BACKENDS | {"cuda_faults", "nets"},
    "loop": BACKENDS | {"bell"},
    "edge": {"backoff", "board", "errors", "frame", "loop.mailbox", "redact", "show"},
    "board": {"errors", "show"},
    "logs": {"errors", "redact"},
    "doctor": {
        "camera",
        "clocks",
        "edge",
        "errors",
        "gpu",
        "last_good",
        "output",
        "redact",
        "show",
        "style",
    },
    "support": {"doctor", "edge", "redact", "show"},
    "train": {"errors", "nets", "style.bank", "style.card", "style.network"},
    "paint": {"errors", "frame", "ports", "show"},
    "proof": {"errors", "frame", "practice", "show", "style"},
    "practice": {"errors", "camera", "show", "style"},
    "report": {"loop"},
    "evening_table": {"show"},
    "strip": {"evening_table", "show"},
    "thumbnails": {"camera", "errors", "frame", "paint", "show", "style"},
    "app": {"*"},
    "edges": {
        "booth_on_air",
        "edge",
        "loop",
        "on_air",
        "output",
        "ports",
        "posting",
        "show",
        "watched",
    },
    "booth_on_air": {"edge", "errors", "loop.shutter", "on_air", "output", "ports", "show"},
    "filming": {"bell", "camera", "held", "ports", "show"},
    "held": {"frame", "ports"},
    "last_good": {"show", "style.vault"},
    "on_air": {
        "board",
        "camera.slate",
        "errors",
        "filming",
        "frame",
        "loop",
        "output",
        "ports",
        "practice",
        "show",
        "style",
    },
    "posting": {"edge", "show"},
    "reload": {"edge", "errors", "on_air", "show"},
    "watched": {"edge", "last_good", "loop.mailbox", "on_air", "ports"},
    "monitor": {"errors", "show"},
    "scoring": {"errors", "camera", "show", "style", "train"},
    "cli_booth": {"app", "cli_words", "edge", "errors", "show"},
    "cli_build": {"app", "errors", "gpu", "practice", "scoring", "show", "style"},
    "cli_train": {"app", "train"},
    "cli_cue": {"app", "cli_words", "edge", "errors", "show"},
    "cli_monitor": {"app", "errors", "monitor", "show"},
    "cli_words": {"errors", "report", "show"},
    "cli_evening": {
        "app",
        "cli_words",
        "clocks",
        "errors",
        "evening_table",
        "show",
        "strip",
        "thumbnails",
    },
    "cli_outbox": {"app", "cli_words", "edge", "errors", "posting", "show"},
    "cli_projection": {"app", "cli_words", "errors", "output", "show"},
    "cli_kiosk": {"cli_words", "errors", "installing", "kiosk", "show"},
    "installing": {"errors"},
    "kiosk": {"app", "errors", "installing", "shipped", "show"},
    "cli_doctor": {"app", "cli_words", "doctor", "errors", "support"},
    "cli": {
        "errors",
        "show",
        "app",
        "cli_booth",
        "cli_build",
        "cli_cue",
        "cli_doctor",
        "cli_evening",
        "cli_kiosk",
        "cli_monitor",
        "cli_outbox",
        "cli_projection",
        "cli_train",
        "cli_words",
        "last_good",
        "leaving",
        "logs",
        "paint",
        "proof",
        "report",
        "scoring",
        "style",
        "train",
    },
    "__main__": {"cli"},
}
# Heavy or optional libraries, and the only places that may know them.
HOMES = {
    "astral": {"show.sun"},
    "torch": {
        "nets",
        "style",
        "train",
        "camera.darkroom",
        "camera.nv12",
        "camera.nvdec",
        "output.surfaces",
    },
    "cuda": {"output", "camera.darkroom", "camera.nvdec"},
    "tensorrt": {"doctor", "style"},
    "PyNvVideoCodec": {"camera"},
    "moderngl": {"output"},
    "glfw": {"output"},
    "av": {"camera", "output", "paint"},
    "openvino": {"doctor", "style"},
    "nncf": {"style"},
    "onnx": {"style"},
    "onnxruntime": {"style"},
    "typer": {
        "cli",
        "cli_booth",
        "cli_build",
        "cli_cue",
        "cli_doctor",
        "cli_evening",
        "cli_kiosk",
        "cli_monitor",
        "cli_outbox",
        "cli_projection",
        "cli_train",
        "cli_words",
    },
    "pythonjsonlogger": {"logs"},
    "prometheus_client": {"edge"},
    "schedule": {"edge.jobs"},
    "gpiod": {"edge.booth.button"},
    "resvg_py": {"output.mask"},
    "segno": {"output.lettering"},
    "tweepy": {"edge.social.x"},
    "mastodon": {"edge.social.mastodon"},
    "atproto": {"edge.social.bluesky"},
    "atproto_client": {"edge.social.bluesky"},
    "httpx": {"edge.social.wire_httpx"},
    "requests": {"edge.social.wire"},
    "urllib3": {"edge.social.wire"},
}


def place(path: Path) -> str:
    """`murai_show/camera/feed.py` → camera.feed"""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


def imports(path: Path) -> list[tuple[int, str]]:
    """Every module that a file imports, anywhere in it, with the line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            assert node.module
            found.append((node.lineno, node.module))
            if node.module == "murai_show":
                found += [(node.lineno, f"murai_show.{alias.name}") for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: place(p) or "murai_show")
def test_imports_follow_the_table(path: Path) -> None:
    here = place(path).split(".")[0]
    if not here:
        return
    allowed = MAY_IMPORT[here]
    for line, module in imports(path):
        if not module.startswith("murai_show."):
            continue
        target = module.removeprefix("murai_show.")
        top = target.split(".")[0]
        good = {"*", top, ".".join(target.split(".")[:2])} & allowed or top == here
        good = good or target == "__version__"
        assert good, f"{path}:{line}: {here} may not import {target}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: place(p) or "murai_show")
def test_heavy_libraries_stay_at_home(path: Path) -> None:
    here = place(path).split(".")[0]
    for line, module in imports(path):
        homes = HOMES.get(module.split(".")[0])
        assert homes is None or {here, place(path)} & homes, (
            f"{path}:{line}: {here} may not import {module}"
        )


def test_every_module_has_a_row() -> None:
    assert {place(p).split(".")[0] for p in MODULES} - {""} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: place(p) or "murai_show")
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.parametrize("path", MODULES, ids=lambda p: place(p) or "murai_show")
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_check_loads_neither_torch_nor_opengl() -> None:
    """Nor anything else that is slow to load and needless for reading a file."""
    code = (
        "import sys; from murai_show.cli import app\n"
        "app(['check', 'demo.yaml'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    loaded = set(ran.stdout.split())
    assert "murai_show.show.plan" in loaded
    assert not loaded & {"torch", "moderngl", "glfw", "av", "numpy", "PIL", "skimage"}


def test_each_kind_of_the_schema_is_a_kind_that_opens() -> None:
    from murai_show import camera, output, style
    from murai_show.show import schema

    def kinds(union: object) -> set[str]:
        return {
            get_args(model.model_fields["kind"].annotation)[0]
            for model in get_args(get_args(union)[0])
        }

    assert set(camera.KINDS) == kinds(schema.Camera)
    assert set(output.KINDS) == kinds(schema.Output)
    engines = get_args(schema.BankChoice.model_fields["engine"].annotation)
    assert set(style.ENGINES) == set(engines) - {"auto"}
