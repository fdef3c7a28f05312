"""pydantic's findings in our words: what is wrong, what was found, what would be right."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from murai_show.show.findings import Findings, Spot
from murai_show.show.hints import nearest, one_of
from murai_show.show.noun import Noun
from murai_show.show.tree import Node
from murai_show.show.words import UnfitError, write_duration

Kinds = Mapping[str, type[Noun]]


def report(
    error: ValidationError,
    model: type[Noun],
    node: Node,
    owner: str,
    findings: Findings,
    kinds: Kinds | None = None,
) -> None:
    """Add every finding of `error`, at its place, in our words.

    `owner` names what was validated ("a still camera"), `kinds` are its sisters.  A value that
    could not be read is left out: that has been said.
    """
    for found in error.errors(include_url=False):
        wrong: Any = found
        place = _Place(node=node, inside=model, called=owner)
        for part in wrong["loc"]:
            place = place.step(part)
        cause = wrong.get("ctx", {}).get("error")
        if isinstance(cause, UnfitError) and cause.key:
            place = place.step(cause.key)
        # What pydantic calls too short may hold entries that are wrong, and said to be.
        counted = wrong["type"] == "too_short" and (place.node.items or place.node.members)
        if place.node.known and not counted:
            spot, sentence = _explain(_Error(wrong["type"], wrong.get("ctx", {}), place), kinds)
            findings.add(spot, sentence)


@dataclass(frozen=True)
class _Place:
    """Where pydantic's location leads: the deepest value that exists, and what it is called.

    `inside` is the noun that the value is, `holder` the one that holds it under `key`, which
    sentences call `owner`.  `missing` is the last part of the location that led nowhere: a key
    that is not there, or the tag of a union.
    """

    node: Node
    inside: type[Noun] | None
    called: str
    holder: type[Noun] | None = None
    owner: str = ""
    key: str = ""
    field: FieldInfo | None = None
    missing: str = ""

    def step(self, part: str | int) -> _Place:
        inner, found = self.node.find(part)
        if not found:
            return replace(self, missing=str(part))
        if isinstance(part, int):
            return _Place(inner, None, f"{self.called}, entry {part + 1}")
        field = self.inside.written().get(part) if self.inside else None
        return _Place(inner, _noun(field), part, self.inside, self.called, part, field)


@dataclass(frozen=True)
class _Error:
    """One error of pydantic at its place."""

    kind: str
    context: Mapping[str, Any]
    place: _Place

    def limit(self, key: str) -> str:
        """A bound the way people write the value: of a duration it is a duration."""
        bound = self.context[key]
        text = isinstance(self.place.node.value, str)
        return write_duration(bound) if text else f"{bound:g}"


def _explain(error: _Error, kinds: Kinds | None) -> tuple[Spot, str]:
    place = error.place
    if error.kind == "extra_forbidden":
        hint = _keys_hint(place.key, fields_of(place.holder), kinds or {})
        return place.node.named, f"unknown key {place.key!r} in {place.owner}{hint}"
    if error.kind == "missing":
        field = place.inside.written()[place.missing] if place.inside else None
        what = f": {field.description}" if field and field.description else ""
        return place.node.named, f"{place.called} needs the key {place.missing!r}{what}"
    if error.kind == "value_error":
        cause = error.context["error"]
        what = f"{place.node.shown()} {cause.what}" if isinstance(cause, UnfitError) else cause
        return place.node.at, f"{place.called}: {what}"
    say = _SENTENCES.get(error.kind, lambda _: "does not fit here")
    return place.node.at, f"{place.called}: {place.node.shown()} {say(error)}"


def fields_of(model: type[Noun] | None) -> list[str]:
    return list(model.written()) if model else []


def _keys_hint(key: str, known: list[str], kinds: Kinds) -> str:
    """The key that was meant, the sister nouns that have it, or all keys that there are."""
    near = nearest(key, known)
    if near:
        return f"; did you mean {near}?"
    others = [kind for kind, model in kinds.items() if key in model.model_fields]
    if others:
        return f"; only kind {' or '.join(others)} has it"
    return f"; it knows {', '.join(known)}"


def suggest_kind(keys: set[str], kinds: Kinds) -> str:
    """`; did you mean kind: X?` when only one kind knows all of `keys`."""
    fit = [kind for kind, model in kinds.items() if keys <= set(model.model_fields)]
    return f"; did you mean kind: {fit[0]}?" if len(fit) == 1 else ""


def _noun(field: FieldInfo | None) -> type[Noun] | None:
    """The noun that a field holds, if it holds one."""
    if field is None:
        return None
    for kind in (field.annotation, *typing.get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Noun):
            return kind
    return None


def _choices(error: _Error) -> str:
    field, node = error.place.field, error.place.node
    values = [str(value) for value in _literals(field.annotation)] if field else []
    found = "" if node.template else node.value
    return f"is not one of the choices{one_of(found, values)}"


def _literals(annotation: Any) -> list[Any]:
    """What a Literal allows, also where nothing may stand in its place."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return list(parts)
    return [value for part in parts for value in _literals(part)]


def _text(error: _Error) -> str:
    value = error.place.node.value
    if isinstance(value, dict | tuple):
        return "is not text; write one word or sentence"
    return "is not text; write some" if value is None else "is not text; put it in quotes"


_SENTENCES: Mapping[str, Callable[[_Error], str]] = {
    "literal_error": _choices,
    "string_type": _text,
    "int_type": lambda _: "is not a whole number; write one such as 20",
    "float_type": lambda _: "is not a number; write one such as 30 or 0.5, without quotes",
    "finite_number": lambda _: "is not a number to work with; write a finite one",
    "bool_type": lambda _: "is neither true nor false; write one of the two",
    "tuple_type": lambda _: "is not a list; write - before each entry",
    "model_type": lambda _: "is not a map; write its keys below it, each as key: value",
    "too_short": lambda _: "is empty; write at least one entry",
    "greater_than_equal": lambda e: f"is too small; write {e.limit('ge')} or more",
    "less_than_equal": lambda e: f"is too large; write {e.limit('le')} or less",
}
