"""YAML 1.2 → the nouns of a show, with every error at its place.

Nouns are read one by one: what is right takes part in the cross-noun rules of `plan.py` even
when something else is wrong, so that one report holds everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from murai_show.errors import UsageError
from murai_show.show.area import Area
from murai_show.show.booth import Booth
from murai_show.show.findings import START, Findings, Spot
from murai_show.show.guard import Degrade, Expect
from murai_show.show.hints import nearest, one_of
from murai_show.show.noun import Noun
from murai_show.show.overlay import OVERLAY_KINDS, Overlay
from murai_show.show.playing import Play, Playlist, Rule
from murai_show.show.posting import POST_KINDS, PostAccount
from murai_show.show.read_cues import Look, ReadCue, read_cues, read_tokens
from murai_show.show.schema import (
    CAMERA_KINDS,
    OUTPUT_KINDS,
    VERSION,
    BankChoice,
    Camera,
    CanvasNoun,
    Defaults,
    Head,
    Output,
    Show,
)
from murai_show.show.sentences import Kinds, fields_of, report, suggest_kind
from murai_show.show.surface import Surface
from murai_show.show.tree import Node, read_tree
from murai_show.show.variables import fill, refuse_secrets
from murai_show.show.viewing import VIEW_KINDS, View
from murai_show.show.words import UnfitError, parse_name

LARGEST = 1 << 20
N = TypeVar("N", bound=Noun)


@dataclass(frozen=True)
class Source:
    """A show file as read: its absolute path, the name that sentences use, its text."""

    path: Path
    shown: str
    text: str
    config_hash: str


@dataclass(frozen=True)
class Draft:
    """A show as far as it could be read.

    `root` has the environment filled in and the defaults merged.  A noun is None, and an item of
    a noun maps to None, when it is broken; that has been said.  A noun that is not even a map of
    items is None as a whole.
    """

    source: Source
    root: Node
    head: Head | None
    cameras: Mapping[str, Camera | None] | None
    bank: BankChoice | None
    playlists: Mapping[str, Playlist | None] | None
    play: Play | None
    schedule: tuple[Rule | None, ...]
    outputs: Mapping[str, Output | None] | None
    surfaces: Mapping[str, Surface | None] | None
    areas: Mapping[str, Area | None] | None
    cues: Mapping[str, ReadCue | None]
    tokens: Mapping[str, Look | None]
    views: Mapping[str, View | None] | None
    overlays: Mapping[str, Overlay | None] | None
    expect: Expect | None
    degrade: Degrade | None
    flashes: str
    post: Mapping[str, PostAccount | None] | None
    booth: Booth | None

    def spot(self, *path: str | int) -> Spot:
        """Where the value at `path` stands; where its noun is named, when it is a default."""
        node, found = self.root.find(*path)
        return node.at if found else node.named

    def shown(self, *path: str | int) -> str:
        """The value at `path` for a sentence."""
        return self.root.find(*path)[0].shown()


def read_source(file: Path, work: Path) -> Source:
    """Read the file.  Raises UsageError when there is none, ShowError when it is no text."""
    path = file.absolute()
    shown = str(path.relative_to(work) if path.is_relative_to(work) else path)
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(_unreadable(path, shown, error)) from None
    findings = Findings(shown)
    if len(data) > LARGEST:
        findings.only(START, "the file is over 1 MiB; a show is a few KiB of text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        spot = Spot(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        findings.only(spot, f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8")
    return Source(path, shown, text, hashlib.sha256(data).hexdigest()[:12])


def _unreadable(path: Path, shown: str, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return f"{shown}: the show file cannot be read: {error.strerror}"
    siblings = [sibling.name for sibling in path.parent.glob("*.yaml")]
    near = get_close_matches(path.name, siblings, 1)
    return f"{shown}: no such show file" + (f"; did you mean {near[0]}?" if near else "")


def read_draft(
    source: Source,
    environ: Mapping[str, str],
    findings: Findings,
    excuse: Callable[[Node], Node] = lambda root: root,
) -> Draft:
    """Read the nouns of `source`; what is wrong goes to `findings`.

    `excuse` may change the tree before the environment is filled in: it takes out what a
    rehearsal or the command line replaces.  Raises ShowError when nothing can be read at all.
    """
    written = read_tree(source.text, findings)
    _check_root(written, findings)
    _check_version(written, findings)
    refuse_secrets(written, findings)
    root = fill(excuse(written), environ, findings)
    _check_keys(root, findings)
    root = _merge_defaults(root, findings)
    members = root.members
    head = Node({k: n for k, n in members.items() if k in Head.model_fields}, root.at, root.named)
    return Draft(
        source,
        root,
        _read(Head, head, "the show", findings),
        _read_kinds("camera", CAMERA_KINDS, members.get("cameras"), findings),
        _read_one(BankChoice, "bank", members, findings),
        _read_named(Playlist, "playlist", members.get("playlists"), findings),
        _read_one(Play, "play", members, findings),
        _read_schedule(members.get("schedule"), findings),
        _read_kinds("output", OUTPUT_KINDS, members.get("outputs"), findings),
        _read_named(Surface, "surface", members.get("surfaces"), findings),
        _read_named(Area, "area", members.get("areas"), findings),
        read_cues(members.get("cues"), findings),
        read_tokens(members.get("tokens"), findings),
        _read_kinds("view", VIEW_KINDS, members.get("views"), findings),
        _read_kinds("overlay", OVERLAY_KINDS, members.get("overlays"), findings),
        _read_one(Expect, "expect", members, findings),
        _read_one(Degrade, "degrade", members, findings),
        _read_flashes(members.get("flashes"), findings),
        _read_kinds("account", POST_KINDS, members.get("post"), findings),
        _read_one(Booth, "booth", members, findings),
    )


def _check_root(root: Node, findings: Findings) -> None:
    if root.value is None and root.known:
        findings.only(START, "the file is empty; begin with `murai: 1`")
    if not isinstance(root.value, dict):
        findings.add(root.at, f"a show is a map of keys, found {root.shown()}; begin with murai: 1")
        findings.done()


def _check_version(root: Node, findings: Findings) -> None:
    """A future version is the one thing to say: this program cannot know what else is wrong."""
    node = root.members.get("murai")
    version = node.value if node else None
    if node and isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        findings.only(
            node.at,
            f"this show is written in version {version} of the show language, this program reads "
            f"version {VERSION}; update murai-show",
        )


def _check_keys(root: Node, findings: Findings) -> None:
    """Unknown and missing keys of the show itself."""
    known = fields_of(Show)
    for key, node in root.members.items():
        if key not in known:
            near = nearest(key, known)
            hint = f"did you mean {near}?" if near else f"it knows {', '.join(known)}"
            findings.add(node.named, f"unknown key {key!r} in the show; {hint}")
    # Head misses the keys that stand on their own.
    for key in ("cameras", "bank", "playlists", "play", "outputs"):
        if key not in root.members:
            description = Show.model_fields[key].description
            findings.add(root.at, f"the show needs the key {key!r}: {description}")


def _merge_defaults(root: Node, findings: Findings) -> Node:
    """`defaults:` merged into the items that know the keys: maps merge, lists replace."""
    defaults = root.members.get("defaults")
    if defaults is None or defaults.value is None:
        return root
    if not isinstance(defaults.value, dict):
        findings.add(
            defaults.at,
            f"defaults: {defaults.shown()} is not a map; write cameras: or outputs: below",
        )
        return root
    for noun, values in defaults.members.items():
        if noun not in Defaults.model_fields:
            hint = one_of(noun, fields_of(Defaults))
            findings.add(values.named, f"unknown key {noun!r} in defaults{hint}")
        elif isinstance(values.value, dict):
            kinds = _KINDS_OF[noun]
            _check_default_keys(noun, values, kinds, findings)
            root = _merge_noun(root, noun, values, kinds)
        elif values.value is not None:
            findings.add(
                values.at, f"{noun}: {values.shown()} is not a map; write key: value below it"
            )
    return root


_KINDS_OF: Mapping[str, Kinds] = {
    "cameras": CAMERA_KINDS,
    "playlists": {"": Playlist},
    "outputs": OUTPUT_KINDS,
}


def _check_default_keys(noun: str, values: Node, kinds: Kinds, findings: Findings) -> None:
    known = list(dict.fromkeys(key for model in kinds.values() for key in model.model_fields))
    for key, node in values.members.items():
        if key not in known:
            near = nearest(key, known)
            hint = f"; did you mean {near}?" if near else ""
            findings.add(node.named, f"unknown key {key!r}: no {noun[:-1]} has it{hint}")


def _merge_noun(root: Node, noun: str, defaults: Node, kinds: Kinds) -> Node:
    items = root.members.get(noun)
    if items is None:
        return root
    for name, item in items.members.items():
        if isinstance(item.value, dict):
            items = items.with_member(name, _merge_item(item, defaults, kinds))
    return root.with_member(noun, items)


def _merge_item(item: Node, defaults: Node, kinds: Kinds) -> Node:
    kind = item.members.get("kind", defaults.members.get("kind"))
    word = kind.value if kind is not None else ""
    model = kinds.get(word) if isinstance(word, str) else None
    if model is None:
        return item
    known = set(model.model_fields)
    if "of" in item.members:  # it takes the other output's whole canvas
        known -= {*CanvasNoun.model_fields, "camera"}
    if "surface" in item.members or "surface" in defaults.members:
        known -= {"fit"}  # the surface says how the picture fills it
    return _merge(item, {key: n for key, n in defaults.members.items() if key in known})


def _merge(item: Node, defaults: Mapping[str, Node]) -> Node:
    for key, default in defaults.items():
        own = item.members.get(key)
        if own is None:
            item = item.with_member(key, default)
        elif isinstance(own.value, dict) and isinstance(default.value, dict):
            item = item.with_member(key, _merge(own, default.members))
    return item


def _read(
    model: type[N], node: Node, owner: str, findings: Findings, kinds: Kinds | None = None
) -> N | None:
    """Validate one noun."""
    try:
        return model.model_validate(node.bare())
    except ValidationError as error:
        report(error, model, node, owner, findings, kinds)
    return None


def _read_one(
    model: type[N], key: str, members: Mapping[str, Node], findings: Findings
) -> N | None:
    node = members.get(key)
    return _read(model, node, key, findings) if node is not None else None


def _read_flashes(node: Node | None, findings: Findings) -> str:
    """`limit` or `off`: a key of the show that is a word."""
    words = ("limit", "off")
    if node is None or not node.known or node.value in words:
        return str(node.value) if node is not None and node.known else words[0]
    found = "" if node.template else node.value
    hint = one_of(found, words)
    findings.add(node.at, f"flashes: {node.shown()} is not one of the choices{hint}")
    return words[0]


def _read_items(
    noun: str, node: Node | None, findings: Findings, read: Callable[[str, Node], Any]
) -> dict[str, Any] | None:
    """The items of a noun by name; None for those that are broken."""
    if node is None or not node.known:
        return None
    key = {"account": "post"}.get(noun, f"{noun}s")
    if not isinstance(node.value, dict):
        findings.add(
            node.at,
            f"{key}: {node.shown()} is not a map of {noun}s; "
            f"write a name, a colon, and the {noun} below it",
        )
        return None
    if not node.value:
        findings.add(node.named, f"{key} is empty; name at least one {noun}")
        return None
    one = f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    items: dict[str, Any] = {}
    for name, item in node.members.items():
        try:
            parse_name(name)
        except UnfitError as error:
            findings.add(item.named, f"{key}: {error}")
        if isinstance(item.value, dict):
            items[name] = read(name, item)
            continue
        items[name] = None
        if item.known:
            findings.add(
                item.named if item.value is None else item.at,
                f"{noun} {name}: {item.shown()} is not {one}; write its keys below the name",
            )
    return items


def _read_named(
    model: type[N], noun: str, node: Node | None, findings: Findings
) -> dict[str, N | None] | None:
    """The items of a noun that has no kinds."""
    return _read_items(
        noun, node, findings, lambda name, item: _read(model, item, f"{noun} {name}", findings)
    )


def _read_schedule(node: Node | None, findings: Findings) -> tuple[Rule | None, ...]:
    """The rules in order; None for those that are broken."""
    if node is None or not node.known:
        return ()
    if not isinstance(node.value, tuple):
        shown = node.shown()
        findings.add(node.at, f"schedule: {shown} is not a list; write - before each rule")
        return ()
    if not node.items:
        findings.add(node.named, "schedule is empty; write a rule, or leave the key out")
    rules: list[Rule | None] = []
    for number, item in enumerate(node.items, 1):
        owner = f"schedule, rule {number}"
        if isinstance(item.value, dict):
            rules.append(_read(Rule, item, owner, findings))
            continue
        rules.append(None)
        if item.known:
            findings.add(
                item.at, f"{owner}: {item.shown()} is not a rule; write its keys, such as play:"
            )
    return tuple(rules)


def _read_kinds(
    noun: str, kinds: Mapping[str, type[Any]], node: Node | None, findings: Findings
) -> dict[str, Any] | None:
    def read(name: str, item: Node) -> Any:
        kind = item.members.get("kind")
        if kind is None:
            hint = suggest_kind(set(item.members), kinds) or one_of("", kinds)
            findings.add(item.named, f"{noun} {name} needs the key 'kind'{hint}")
            return None
        if not kind.known:
            return None
        if not isinstance(kind.value, str) or kind.value not in kinds:
            found = "" if kind.template else kind.value
            findings.add(
                kind.at, f"kind: {kind.shown()} is no kind of {noun}{one_of(found, kinds)}"
            )
            return None
        article = "an" if kind.value[0] in "aeioux" else "a"
        owner = f"{article} {kind.value} {noun}"
        return _read(kinds[kind.value], item, owner, findings, kinds)

    return _read_items(noun, node, findings, read)
