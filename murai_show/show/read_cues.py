"""`cues` and `tokens` as they are written → their models, each step by itself."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from murai_show.show.cue import Cue, Step
from murai_show.show.findings import Findings
from murai_show.show.noun import Noun
from murai_show.show.playing import StyleMix
from murai_show.show.sentences import report
from murai_show.show.tree import Node
from murai_show.show.words import UnfitError, parse_name

Look = str | dict[str, float]
MOST = 200  # tokens of a show, steps of a cue: both are followed from one to the next


@dataclass(frozen=True)
class ReadCue:
    """A cue as far as it could be read: what it says of itself, and its steps, None for those that
    are broken.  `path` leads from the show to the list of its steps."""

    itself: Cue
    steps: tuple[Step | None, ...]
    path: tuple[str, ...]


def read_cues(node: Node | None, findings: Findings) -> dict[str, ReadCue | None]:
    """The cues by name; None for those that are broken."""
    return {
        name: _read_cue(name, item, findings)
        for name, item in _named("cues", "a name, a colon, and its steps below", node, findings)
    }


def read_tokens(node: Node | None, findings: Findings) -> dict[str, Look | None]:
    """The tokens by name, as written; None for those that are broken."""
    if node is not None and len(node.members) > MOST:
        count = len(node.members)
        findings.add(node.named, f"tokens: {count} are too many; a show has at most {MOST}")
        return dict.fromkeys(node.members)
    return {
        name: _read_token(name, item, findings)
        for name, item in _named("tokens", "a name, a colon, and a style or mix", node, findings)
    }


def _named(
    noun: str, how: str, node: Node | None, findings: Findings
) -> tuple[tuple[str, Node], ...]:
    if node is None or not node.known:
        return ()
    if not isinstance(node.value, dict):
        findings.add(node.at, f"{noun}: {node.shown()} is not a map of {noun}; write {how}")
        return ()
    if not node.value:
        findings.add(node.named, f"{noun} is empty; write {how}, or leave the key out")
    for name, item in node.members.items():
        try:
            parse_name(name)
        except UnfitError as error:
            findings.add(item.named, f"{noun}: {error}")
    return tuple(node.members.items())


def _read_cue(name: str, node: Node, findings: Findings) -> ReadCue | None:
    owner = f"cue {name}"
    path: tuple[str, ...] = ("cues", name)
    written = node
    if isinstance(node.value, dict):
        path = (*path, "steps")
        if "steps" not in node.members:
            findings.add(
                node.named, f"{owner} needs the key 'steps': what happens, in order, each after a -"
            )
            written = Node((), node.at, node.named, known=False)
        else:
            written = node.members["steps"]
    itself = _read_itself(owner, node, findings)
    if not written.known:
        return None
    if not isinstance(written.value, tuple):
        findings.add(
            written.named if written.value is None else written.at,
            f"{owner}: {written.shown()} is not a list of steps; write - before each",
        )
        return None
    if not written.items:
        findings.add(written.named, f"{owner} has no steps; write - {{ style: … }} below it")
        return None
    if len(written.items) > MOST:
        count = len(written.items)
        findings.add(
            written.named,
            f"{owner}: {count} steps are too many; a cue has at most {MOST}, make it two",
        )
        return None
    steps = tuple(
        _read_step(f"{owner}, step {number}", item, findings)
        for number, item in enumerate(written.items, 1)
    )
    return ReadCue(itself, steps, path) if itself else None


def _read_itself(owner: str, node: Node, findings: Findings) -> Cue | None:
    """All but its steps."""
    given = node.members or {}
    bare = {key: item.bare() for key, item in given.items()} | {"steps": ()}
    try:
        return Cue.model_validate(bare)
    except ValidationError as error:
        report(error, Cue, node, owner, findings)
    return None


def _read_step(owner: str, node: Node, findings: Findings) -> Step | None:
    if not isinstance(node.value, dict):
        if node.known:
            shown = node.shown()
            findings.add(node.at, f"{owner}: {shown} is not a step; write its keys, such as style:")
        return None
    try:
        return Step.model_validate(node.bare())
    except ValidationError as error:
        report(error, Step, node, owner, findings)
    return None


class _Token(Noun):
    look: StyleMix


def _read_token(name: str, node: Node, findings: Findings) -> Look | None:
    if not node.known:
        return None
    try:
        return _Token.model_validate({"look": node.bare()}).look
    except ValidationError:
        findings.add(
            node.at if node.value is not None else node.named,
            f"token {name}: {node.shown()} is no look; write a style, or a mix such as "
            "{wave: 0.7, starry: 0.3}",
        )
    return None
