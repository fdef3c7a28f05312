"""Good shows, spoilt at random: only ShowError ever comes out, and it points into the file."""

from __future__ import annotations

import copy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from murai_show.errors import Problem, ShowError
from murai_show.show.plan import plan_show
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.starter import starter
from tests.show.machine import GOOD, SHOWS, machine

SCHEDULED = (
    GOOD
    + """\
place: { lat: 69.6492, lon: 18.9553, tz: Europe/Oslo }
schedule:
  - default: dark
  - { from: dusk+10m, to: "23:00", not_before: "17:30", play: evening }
  - { days: [fri, sat-mon], from: "22:00", to: 02:00, style: { wave: 0.7, starry: 0.3 } }
  - { dates: [2026-12-24..2027-01-02, 02-29], from: sun -4°, to: sunrise-1h, play: dark, fade: 9s }
"""
)
CUED = (
    GOOD
    + """\
tokens: { hero: { wave: 0.7, starry: 0.3 }, noir: { hero: 0.5, kandinsky: 0.5 } }
cues:
  applause:
    - { at: 0s, style: noir, fade: 2s }
    - { at: +45s, morph: [hero, { wave: 0.5, dark: 0.5 }], over: 60s }
    - { wait: go, timeout: 2m, then: end }
    - { blackout: 3s }
  finale: { key: f, end: stay, fade: 9s, steps: [{ play: evening }, { hold: 30s }] }
schedule: [{ days: fri, at: "22:00", cue: finale }]
control: 127.0.0.1:9476
"""
)
SHIPPED = [path.read_text(encoding="utf-8") for path in SHOWS]
TEXTS = [*SHIPPED, starter("plaza"), SCHEDULED, CUED]
TREES = [YAML(typ="safe", pure=True).load(text) for text in TEXTS]
often = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoilt")


def judge(folder: Path, data: bytes, rehearse: bool) -> None:
    """Plan the file; whatever is said about it points into it and is one line in our words."""
    path = folder / "spoilt.yaml"
    path.write_bytes(data)
    try:
        plan = plan_show(path, machine(folder, monitors=()), {"A": "b"}, rehearse=rehearse)
    except ShowError as error:
        judge_problems(error.problems, data.decode("utf-8", "replace").split("\n"))
    else:
        plan_to_json(plan)
        plan_to_text(plan).encode()


def judge_problems(problems: tuple[Problem, ...], lines: list[str]) -> None:
    assert problems
    for problem in problems:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert "Input should" not in problem.text
        assert "does not fit here" not in problem.text
        assert "\n" not in str(problem)
        str(problem).encode()  # no half characters: a terminal can print it


# --- as text --------------------------------------------------------------------------------------

signs = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [*":-#&*!|>%@`'\"{}[],?\t\n\r", "${", "${A}", "<<: ", "---\n", "\x00", "\ufeff"]
    ),
)


@st.composite
def spoilt_texts(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        lines = text.splitlines(keepends=True)
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        place = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["drop", "twice", "swap", "indent", "insert", "cut", "end"])):
            case "drop":
                text = "".join(lines[:at] + lines[at + 1 :])
            case "twice":
                text = "".join(lines[: at + 1] + lines[at:])
            case "swap":
                text = "".join(lines[at:] + lines[:at])
            case "indent":
                text = "".join([*lines[:at], " ", *lines[at:]])
            case "insert":
                text = text[:place] + draw(signs) + text[place:]
            case "cut":
                text = text[:place] + text[place + draw(st.integers(1, 9)) :]
            case _:
                text = text[:place]
    return text.encode("utf-8", "surrogatepass")


@given(data=spoilt_texts(), rehearse=st.booleans())
@often
def test_spoilt_text(folder: Path, data: bytes, rehearse: bool) -> None:
    judge(folder, data, rehearse)


@given(data=st.binary(max_size=60), rehearse=st.booleans())
@often
def test_any_bytes(folder: Path, data: bytes, rehearse: bool) -> None:
    judge(folder, data, rehearse)


# --- as a tree ------------------------------------------------------------------------------------

WORDS = [
    "",
    "wave",
    "hall",
    "../x",
    "/etc/passwd",
    "a\x07b",
    "20:00",
    "1280x720",
    "rtsp://a:b@c",
    "${A}",
]
WORDS += ["${B}", "still", "display", "4m", "{show}.mp4", "dark", "x" * 300, "http://h/?token=a"]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "path", "wave", "of"]), inner, max_size=3)
    ),
    max_leaves=4,
)
KEYS = ["kind", "size", "path", "of", "slate", "hodl", "password", "dark", "url", "photos", "1"]


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of the tree with every one of its keys."""
    if not isinstance(tree, dict | list):
        return []
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    return [(tree, key) for key in keys] + [p for key in keys for p in places(tree[key])]


@st.composite
def spoilt_trees(draw: st.DrawFn) -> bytes:
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(tree) or [([], 0)]))
        if not container:
            break
        match draw(st.sampled_from(["drop", "replace", "add", "graft"])):
            case "drop":
                del container[key]
            case "replace":
                container[key] = draw(values)
            case "add" if isinstance(container, dict):
                container[draw(st.sampled_from(KEYS))] = draw(values)
            case _:
                other, part = draw(st.sampled_from(places(draw(st.sampled_from(TREES)))))
                container[key] = copy.deepcopy(other[part])
    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.representer.ignore_aliases = lambda _: True
    yaml.allow_unicode = False
    yaml.dump(tree, stream)
    return stream.getvalue().encode("utf-8", "surrogatepass")


@given(data=spoilt_trees(), rehearse=st.booleans())
@often
def test_spoilt_tree(folder: Path, data: bytes, rehearse: bool) -> None:
    judge(folder, data, rehearse)
