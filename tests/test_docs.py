"""What the documents say is true: links lead somewhere, shows plan, verbs and targets exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from murai_show.app import gather_facts
from murai_show.cli import app
from murai_show.show.plan import plan_show
from tests.plans import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
ids = [str(p.relative_to(REPOSITORY)) for p in PAGES]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_shows_in_the_documents_plan(page: Path, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "yaml")):
        if "murai: 1" in text:
            show = tmp_path / f"{number}.yaml"
            show.write_text(text)
            secrets = {"CAM_PASSWORD": "x", "STREAM_KEY": "x"}
            plan_show(show, gather_facts(show, tmp_path, displays=False), secrets)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_in_the_documents_exist(page: Path) -> None:
    verbs = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for block in blocks(page, "sh"):
        for verb in re.findall(r"^murai-show (\w+)", block, re.MULTILINE):
            assert verb in verbs, f"{page.name}: murai-show {verb}"
        for target in re.findall(r"^make (\w+)", block, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_the_error_in_the_readme_is_the_error_of_the_program(tmp_path: Path) -> None:
    """The sentence that the README quotes, from the show that it quotes, with the typo in it."""
    from murai_show.errors import ShowError

    readme = REPOSITORY / "README.md"
    quoted = re.search(r"^plaza\.yaml:(\d+):(\d+): (.*)$", readme.read_text("utf-8"), re.MULTILINE)
    assert quoted
    show = tmp_path / "plaza.yaml"
    text = next(b for b in blocks(readme, "yaml") if "show: plaza" in b)
    show.write_text(text.replace("play: {playlist: evening", "play: {playlist: evning"))
    with pytest.raises(ShowError) as error:
        plan_show(show, gather_facts(show, tmp_path, displays=False), {})
    found = [(str(p.line), str(p.column), p.text) for p in error.value.problems]
    assert found == [quoted.groups()]
