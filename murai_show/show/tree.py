"""YAML 1.2 text → a tree in which every key and every value knows where it stands.

Built from the parser's events, because the events still know what a show must not have: aliases,
anchors, merge keys, tags, directives, second documents and duplicate keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as kinds
from ruamel.yaml.error import YAMLError

from murai_show.show.findings import START, Findings, Spot
from murai_show.show.syntax import explain_syntax
from murai_show.show.words import FromEnviron, quote

DEEPEST = 20
Scalar = str | int | float | bool | None

# The core schema of YAML 1.2: 20:00 and `on` are text.  Longer numbers than these are text too:
# nothing in a show needs them, and Python takes quadratic time over them.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_OCTAL, _HEXADECIMAL = re.compile(r"0o[0-7]{1,18}"), re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((s + w for s in ("", "+") for w in (".inf", ".Inf", ".INF")), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
# C0, C1, DEL, line separators that editors count differently, surrogates, non-characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Node:
    """A value of the show file and where it stands.

    `at` is where the value begins, `named` where its key does (in a list: the value again).
    `plain` is an unquoted scalar.  `template` is the text as written when the environment filled
    in variables.  `known` is False when the value could not be read, which has been said already.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    at: Spot
    named: Spot
    plain: bool = False
    template: str = ""
    known: bool = True

    @property
    def members(self) -> dict[str, Node]:
        """The members of a map; nothing for any other value."""
        return self.value if isinstance(self.value, dict) else {}

    def find(self, *path: str | int) -> tuple[Node, bool]:
        """The deepest node on the way along `path`, and whether that is the end of it."""
        node = self
        for part in path:
            inside: Any = node.value
            if isinstance(part, str) and isinstance(inside, dict) and part in inside:
                node = node.members[part]
            elif isinstance(part, int) and isinstance(inside, tuple) and part < len(node.items):
                node = node.items[part]
            else:
                return node, False
        return node, True

    @property
    def items(self) -> tuple[Node, ...]:
        """The entries of a list; nothing for any other value."""
        return self.value if isinstance(self.value, tuple) else ()

    def with_member(self, key: str, node: Node) -> Node:
        return replace(self, value=self.members | {key: node})

    def without(self, *keys: str) -> Node:
        return replace(self, value={k: n for k, n in self.members.items() if k not in keys})

    def bare(self) -> Any:
        """The value without positions: what the models validate."""
        match self.value:
            case dict() as members:
                return {key: node.bare() for key, node in members.items()}
            case tuple() as items:
                return tuple(node.bare() for node in items)
            case str() as text if self.template:
                return FromEnviron(text, self.template)
            case scalar:
                return scalar

    def shown(self) -> str:
        """The value for a sentence; what the environment gave goes by its variable's name."""
        if 0 < len(self.items) <= 3 and not any(n.items or n.members for n in self.items):
            return f"[{', '.join(node.shown() for node in self.items)}]"
        return quote(FromEnviron("", self.template) if self.template else self.bare())


def resolve(text: str) -> Scalar:
    """An unquoted scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def unprintable(text: str) -> str:
    """The first character of `text` that has no place in a show, as U+0000, else an empty text."""
    match = _UNPRINTABLE.search(text.replace("\r\n", "\n"))
    return f"U+{ord(match[0]):04X}" if match else ""


def read_tree(text: str, findings: Findings) -> Node:
    """The tree of `text`.  Raises ShowError when there is none; lesser faults go to `findings`."""
    _refuse_unprintable(text, findings)
    last = _Last()
    try:
        parser: Any = YAML(typ="safe", pure=True)
        return _Builder(last.watch(parser.parse(text)), findings).document()
    except YAMLError as error:
        spot, sentence = explain_syntax(error, text)
    except ValueError:  # the scanner leaves "\U00110000" to chr()
        spot, sentence = last.spot, "an escape after this names no character; write it out"
    findings.add(spot, sentence)
    findings.done()
    raise AssertionError("a finding was just added")


def _refuse_unprintable(text: str, findings: Findings) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        match = _UNPRINTABLE.search(line.removesuffix("\r"))
        if match:
            found = f"U+{ord(match[0]):04X}"
            findings.add(Spot(number, match.start() + 1), f"control character {found}; delete it")
    findings.done()


class _Last:
    """Remembers where the last event began."""

    spot = START

    def watch(self, events: Iterator[Any]) -> Iterator[Any]:
        for event in events:
            self.spot = _spot(event)
            yield event


def _is(event: Any, kind: type[Any]) -> bool:
    return isinstance(event, kind)


def _spot(event: Any) -> Spot:
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1)


class _Builder:
    """Recursive descent over the events of one document, at most `DEEPEST` deep."""

    def __init__(self, events: Iterator[Any], findings: Findings) -> None:
        self._events = events
        self._findings = findings

    def document(self) -> Node:
        next(self._events)  # the stream starts
        start = next(self._events)
        if _is(start, kinds.StreamEndEvent):
            self._findings.only(START, "the file is empty; begin with `murai: 1`")
        if start.version or start.tags:
            self._findings.add(
                START, "% directives are not part of the show language; delete the line"
            )
        first = next(self._events)
        root = self._node(first, _spot(first), 1)
        next(self._events)  # the document ends
        after = next(self._events)
        if not _is(after, kinds.StreamEndEvent):
            self._findings.add(
                _spot(after), "a second document begins here; one file holds one show"
            )
        return root

    def _node(self, event: Any, named: Spot, depth: int) -> Node:
        at = _spot(event)
        if _is(event, kinds.AliasEvent):
            self._findings.add(
                at,
                f"the alias *{event.anchor} is not part of the show language; "
                "write the value out, or use `defaults:`",
            )
            return Node(None, at, named, known=False)
        if event.anchor:
            self._findings.add(
                at,
                f"the anchor &{event.anchor} is not part of the show language; "
                "delete it; `defaults:` shares values",
            )
        if event.tag:
            self._findings.add(
                at, "tags (!) are not part of the show language; write the value alone"
            )
            if _is(event, kinds.ScalarEvent):
                return Node(None, at, named, known=False)
        if _is(event, kinds.ScalarEvent):
            return self._scalar(event, at, named)
        if depth > DEEPEST:
            self._findings.only(at, f"nested more than {DEEPEST} deep; a show needs 6 levels")
        if _is(event, kinds.SequenceStartEvent):
            return Node(tuple(self._items(depth)), at, named)
        return Node(self._members(depth), at, named)

    def _scalar(self, event: Any, at: Spot, named: Spot) -> Node:
        text: str = event.value
        found = unprintable(text)
        if found:
            self._findings.add(at, f"the text holds the control character {found}; leave it out")
            return Node(None, at, named, known=False)
        plain = event.style is None
        if plain and not text:  # the parser has gone on to the next line; people look at the key
            at = named
        return Node(resolve(text) if plain else text, at, named, plain=plain)

    def _items(self, depth: int) -> Iterator[Node]:
        for event in self._events:
            if _is(event, kinds.SequenceEndEvent):
                return
            yield self._node(event, _spot(event), depth + 1)

    def _members(self, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for event in self._events:
            if _is(event, kinds.MappingEndEvent):
                break
            at = _spot(event)
            key = self._key(event, at, depth)
            node = self._node(next(self._events), at, depth + 1)
            if key is None:
                continue
            if key in members:
                first = members[key].named
                self._findings.add(
                    at, f"{key} stands here twice, first in line {first.line}; keep one of them"
                )
                continue
            members[key] = node
        return members

    def _key(self, event: Any, at: Spot, depth: int) -> str | None:
        """A key is its text, whatever it looks like: `on:` and `1:` are the keys on and 1."""
        if not _is(event, kinds.ScalarEvent):
            self._node(event, at, depth + 1)
            self._findings.add(at, "a key is a word, not a list, a map or an alias")
            return None
        if event.anchor or event.tag:
            self._node(event, at, depth + 1)
        if event.value == "<<":
            self._findings.add(
                at, "merge keys (<<) are not part of the show language; use `defaults:`"
            )
            return None
        found = unprintable(event.value)
        if found:
            self._findings.add(at, f"the key holds the control character {found}; leave it out")
            return None
        return str(event.value)
