"""The show language for editors (JSON schema) and for readers (docs/show.md), from the models."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, Literal, cast

from pydantic.fields import FieldInfo

from murai_show.show import (
    booth,
    cue,
    guard,
    moments,
    overlay,
    posting,
    prose,
    sending,
    surface,
    words,
)
from murai_show.show.area import Area
from murai_show.show.booth import Booth, BoothConsent, BoothTrigger, Gpio
from murai_show.show.cue import Cue, Step
from murai_show.show.guard import Degrade, Expect
from murai_show.show.noun import Noun
from murai_show.show.overlay import OVERLAY_KINDS, OverlayNoun
from murai_show.show.playing import Play, Playlist, Rule
from murai_show.show.posting import POST_KINDS, AccountNoun
from murai_show.show.schema import (
    CAMERA_KINDS,
    OUTPUT_KINDS,
    BankChoice,
    CanvasNoun,
    Corners,
    Place,
    Show,
)
from murai_show.show.surface import BlackLevel, Gains, Projection, SoftEdge, Surface
from murai_show.show.viewing import VIEW_KINDS
from murai_show.show.words import Address, Size, write_duration

Schema = dict[str, Any]
_NOUNS = (
    *CAMERA_KINDS.values(),
    *OUTPUT_KINDS.values(),
    *VIEW_KINDS.values(),
    *OVERLAY_KINDS.values(),
    BankChoice,
    Playlist,
    Play,
    Rule,
    Place,
    Corners,
    Surface,
    Area,
    Cue,
    Step,
    Expect,
    Degrade,
    *POST_KINDS.values(),
    Booth,
    BoothTrigger,
    BoothConsent,
    Gpio,
)
_VARIABLE: Schema = {
    "type": "string",
    "pattern": r"\$\{",
    "description": "Filled in from the environment: ${NAME} or ${NAME:-default}.",
}
_LEAF_KEYS = ("type", "pattern", "enum", "minimum", "maximum", "exclusiveMinimum", "examples")


def json_schema() -> Schema:
    """The JSON schema (draft 2020-12) of a show file, for editors."""
    schema = cast("Schema", _untitled(Show.model_json_schema()))
    definitions = schema["$defs"]
    _write_defaults(schema, Show)
    for model in _NOUNS:
        _write_defaults(definitions[model.__name__], model)
    for noun, kinds in (("cameras", CAMERA_KINDS), ("outputs", OUTPUT_KINDS)):
        properties: Schema = {}
        for model in kinds.values():
            for key, found in definitions[model.__name__]["properties"].items():
                properties[key] = _either(properties.get(key, found), found)
        properties["kind"] = {"enum": list(kinds)}
        _close(definitions["Defaults"]["properties"][noun], properties)
    _close(
        definitions["Defaults"]["properties"]["playlists"], definitions["Playlist"]["properties"]
    )
    for key in ("cameras", "playlists", "outputs", "views", "post"):
        found = schema["properties"][key]
        ((pattern, item),) = found.pop("patternProperties").items()
        found |= {"propertyNames": {"pattern": pattern}, "additionalProperties": item}
    for key in ("bank", "play"):
        found = schema["properties"][key]
        reference, description = found.pop("$ref"), found.pop("description", "")
        schema["properties"][key] = {
            "anyOf": [{"type": "string"}, {"$ref": reference}],
            "description": description,
        }
    steps = definitions["Degrade"]["properties"]["steps"]
    short = {key: value for key, value in steps.items() if key != "description"}
    schema["properties"]["degrade"]["anyOf"].insert(0, short)  # a list is short for its steps
    definitions["Variable"] = _VARIABLE
    for definition in (*definitions.values(), schema):
        for key, found in definition.get("properties", {}).items():
            definition["properties"][key] = _or_variable(found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "murai-show.schema.json",
        "title": "murai-show, show language version 1",
    } | schema


def _either(one: Schema, other: Schema) -> Schema:
    """Two kinds of a noun may mean different things by a key, such as `keep`."""
    if "anyOf" in one and one.get("anyOf") == other.get("anyOf"):
        return other
    types = [{k: v for k, v in s.items() if k in (*_LEAF_KEYS, "anyOf")} for s in (one, other)]
    return other if types[0] == types[1] else {"anyOf": [one, other]}


def _write_defaults(found: Schema, model: type[Noun]) -> None:
    """Defaults the way people write them: 3s, not 3.0."""
    for key, field in model.written().items():
        if "default" in found["properties"][key]:
            found["properties"][key]["default"] = _as_written(field)


def _as_written(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, float) and _is_duration(field):
        return write_duration(value)
    if isinstance(value, int) and _is_bitrate(field):
        return sending.write_bitrate(value)
    if _type_words(field.annotation, field.metadata) == "colour":
        return overlay.write_colour(cast("overlay.Colour", value))
    said = isinstance(value, Size | Address | posting.Rate | posting.Budget)
    return str(value) if said else value


def _is_duration(field: FieldInfo) -> bool:
    return "duration" in _type_words(field.annotation, field.metadata)


def _is_bitrate(field: FieldInfo) -> bool:
    return "bit rate" in _type_words(field.annotation, field.metadata)


def _untitled(found: Any) -> Any:
    """Without the titles that pydantic makes of the keys: an editor would show both."""
    if isinstance(found, dict):
        members = cast("Mapping[str, Any]", found)
        return {
            key: _untitled(value)
            for key, value in members.items()
            if not (key == "title" and isinstance(value, str))
        }
    if isinstance(found, list):
        return [_untitled(item) for item in cast("list[Any]", found)]
    return found


def _close(found: Schema, properties: Schema) -> None:
    found["properties"] = dict(properties)
    found["additionalProperties"] = False


def _or_variable(found: Schema) -> Schema:
    """A number, a choice or a patterned text may also be a variable of the environment."""
    plain = found.get("type") == "string" and "pattern" not in found and "enum" not in found
    if plain or "const" in found or not (found.get("type") in _SCALARS or "enum" in found):
        return found
    if r"\$\{" in found.get("pattern", ""):
        return found
    leaf = {key: found[key] for key in _LEAF_KEYS if key in found}
    rest = {key: value for key, value in found.items() if key not in leaf}
    return rest | {"anyOf": [leaf, {"$ref": "#/$defs/Variable"}]}


_SCALARS = ("string", "number", "integer", "boolean")

# --- docs/show.md ---------------------------------------------------------------------------------


_INTRODUCTION = f"""\
# The show language, version 1

<!-- Generated from the models: {prose.REGENERATE} -->

A *show* is one YAML file: which cameras film, which styles paint, where the picture goes. It is
read whole, checked whole, and resolved into a plan before anything is opened.

```yaml
murai: 1
show: plaza
cameras:
  webcam: {{ kind: v4l2, device: /dev/video0 }}
bank: first
playlists:
  evening: {{ styles: [wave, starry], each: 2m, fade: 5s }}
play: evening
outputs:
  wall: {{ kind: display, monitor: HDMI-1 }}
```

- `murai-show check plaza.yaml` says all that is wrong at once, each with line, column and a way
  out. `murai-show plan plaza.yaml` shows what the file means on this machine.
- `murai-show new plaza` writes a commented show to start from. The first line of the shipped shows
  tells an editor where the JSON schema is; `murai-show schema` prints it.

## How it is written

- YAML 1.2: `20:00` is text and `on` is text. A key stands once. There are no aliases, anchors,
  merge keys or tags; values that items share stand under `defaults`.
- A **duration** is `90s`, `4m`, `1h30m`, `500ms` or `7d`. A **size** is `1280x720`. A **name** has
  small letters, digits, `-` and `_`. A **path** is read inside the show's folder and written below
  the working folder. A **bit rate** is `4M` or `800k`, an **amount of storage** `500MB` or `20GB`.
- `${{NAME}}` is filled in from the environment, `${{NAME:-default}}` has a default, and `$${{` is a
  plain `${{`. Unquoted, `fps: ${{FPS:-30}}` is a number; in quotes it stays text. Inside braces
  (`{{ … }}`) YAML wants the quotes.
- A password, token or key does not belong in the file and is refused there:
  `url: rtsp://guard:${{CAM_PASSWORD}}@10.0.0.7/main`. What the environment gave is never repeated
  in an error, and a camera's URL is shown as the file has it.
"""


_PROJECTION = """

Films and snapshots of a surface are of the wall: they take no part in blending."""


def reference() -> str:
    """docs/show.md: the whole language, a table for each noun."""
    parts = [_INTRODUCTION, *_show_parts(), *_camera_parts(), *_view_parts()]
    parts += [*_style_parts(), *_output_parts(), *_overlay_parts(), *_guard_parts()]
    parts += [*_booth_parts(), *_post_parts()]
    return "\n".join(parts)


def _booth_parts() -> Iterator[str]:
    yield _section(Booth, "booth", 2, more=prose.BOOTH)
    for title, model in (("trigger", BoothTrigger), ("gpio", Gpio), ("consent", BoothConsent)):
        yield _section(model, title, 3)


def _guard_parts() -> Iterator[str]:
    yield _section(Expect, "expect", 2)
    yield _section(Degrade, "degrade", 2, more=prose.GUARD)


def _post_parts() -> Iterator[str]:
    yield prose.POST
    for kind, model in POST_KINDS.items():
        more = "\n\nBesides the keys of every account:"
        yield _section(model, f"kind: {kind}", 3, AccountNoun.model_fields, more)
    yield _section(AccountNoun, "Every account", 3)


def _show_parts() -> Iterator[str]:
    yield _section(Show, "The show", 2)
    yield _section(Place, "place", 2)
    yield (
        "## defaults\n\nBelow `cameras`, `playlists` and `outputs`: keys with the values of every "
        "item that knows\nthe key and does not say otherwise. Maps merge, lists replace. An output "
        "with `of` takes\nno canvas from here.\n"
    )


def _camera_parts() -> Iterator[str]:
    yield "## cameras\n\nEach camera has a name and a `kind`.\n"
    for kind, model in CAMERA_KINDS.items():
        yield _section(model, f"kind: {kind}", 3)


def _view_parts() -> Iterator[str]:
    yield f"## views\n\n{prose.VIEWS}\n"
    for kind, model in VIEW_KINDS.items():
        yield _section(model, f"kind: {kind}", 3)


def _style_parts() -> Iterator[str]:
    yield _section(BankChoice, "bank", 2)
    yield _section(Playlist, "playlists", 2)
    yield _section(Play, "play", 2)
    yield _section(Rule, "schedule", 2, more=prose.SCHEDULE)
    yield _section(Area, "areas", 2, more=prose.AREAS)
    yield prose.TOKENS
    yield _section(Cue, "cues", 2, more=prose.CUES)
    yield _section(Step, "steps", 3)


def _output_parts() -> Iterator[str]:
    yield _section(Surface, "surfaces", 2, more=prose.SURFACES)
    yield "## outputs\n\nEach output has a name and a `kind`; all but `memory` have a canvas.\n"
    yield _section(CanvasNoun, "The canvas", 3, Projection.model_fields)
    yield _section(Corners, "corners", 3)
    yield _section(Projection, "Projection", 3, more=_PROJECTION)
    for title, model in (("soft_edge", SoftEdge), ("black_level", BlackLevel), ("gains", Gains)):
        yield _section(model, title, 3)
    for kind, model in OUTPUT_KINDS.items():
        known = CanvasNoun.model_fields if issubclass(model, CanvasNoun) else {}
        more = "\n\nBesides the keys of the canvas and of projection:" if known else ""
        yield _section(model, f"kind: {kind}", 3, known, more)


def _overlay_parts() -> Iterator[str]:
    yield prose.OVERLAYS
    for kind, model in OVERLAY_KINDS.items():
        usual = OverlayNoun.model_fields
        others = {k: f for k, f in usual.items() if _default(model.model_fields[k]) == _default(f)}
        more = "\n\nBesides the keys of every overlay, or otherwise than those:"
        yield _section(model, f"kind: {kind}", 3, others, more)
    yield _section(OverlayNoun, "Every overlay", 3)


def _section(
    model: type[Noun], title: str, level: int, without: Mapping[str, Any] = {}, more: str = ""
) -> str:
    doc = " ".join((model.__doc__ or "").split())
    if model is Show:
        doc = "The keys of the file."
    fields = sorted(  # what says who an item is comes first; the rest keeps its order
        ((k, f) for k, f in model.written().items() if k not in without),
        key=lambda item: (item[0] != "kind", not item[1].is_required()),
    )
    rows = [
        f"| `{key}` | {_value(key, field)} | {_default(field)} | {_cell(field.description or '')} |"
        for key, field in fields
    ]
    table = "\n".join(["| key | value | default | what |", "|---|---|---|---|", *rows])
    return f"{'#' * level} {title}\n\n{doc}{more}\n\n{table}\n"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


_PLAIN: Mapping[Any, str] = {bool: "`true` `false`", int: "whole number", float: "number"}
_BY_PARSER: Mapping[Callable[..., Any], str] = {
    words.parse_duration: "duration",
    words.parse_size: "size",
    words.parse_point: "`[x, y]`",
    words.parse_listen: "`host:port` or `off`",
    words.parse_url: "URL",
    words.parse_device: "device",
    words.parse_name: "name",
    moments.parse_moment: "time",
    moments.parse_days: "days",
    moments.parse_dates: "dates",
    surface.parse_region: "`[x, y, w, h]`",
    surface.parse_overlap: "pixels or `[x, y]`",
    cue.parse_after: "`45s` or `+45s`",
    cue.parse_key: "key",
    sending.parse_bytes: "amount of storage",
    sending.parse_bitrate: "bit rate",
    sending.parse_stream_url: "URL",
    sending.parse_day_hour: "`hh:mm` or `off`",
    overlay.parse_at: "place or `[x, y]`",
    overlay.parse_colour: "colour",
    overlay.parse_names: "names",
    overlay.parse_to: "time or `next`",
    guard.parse_step: "step",
    posting.parse_rate: "rate",
    posting.parse_budget: "dollars a day",
    posting.parse_server: "https address",
    booth.parse_accounts: "names",
    booth.parse_chip: "device",
}


_SHORT = {"soft_edge": "`auto`, `off`", "black_level": "number"}


def _value(key: str, field: FieldInfo) -> str:
    """What to write; a map is described in a section of its own."""
    kind = _type(field)
    if key in ("style", "morph", "steps"):
        return {"style": "style or mix", "morph": "list of looks", "steps": "[list](#steps)"}[key]
    kind = kind.replace("map", f"[map](#{key})")
    if key == "degrade":
        return f"list of steps or {kind}"
    if key == "schedule":
        kind = f"[list](#{key}) of rules"
    if key == "cues":
        kind = f"[map](#{key})"
    if "map" in kind and key in _SHORT:
        return f"{_SHORT[key]} or {kind}"
    return f"name or {kind}" if "map" in kind and key in ("bank", "play") else kind


def _type(field: FieldInfo) -> str:
    low: Any = None
    high: Any = None
    for limit in field.metadata:
        low = getattr(limit, "ge", low)
        high = getattr(limit, "le", high)
    kind = _type_words(field.annotation, field.metadata)
    if kind == "duration" and low is not None:
        low, high = write_duration(low), high and write_duration(high)
    if low is not None:
        return (
            f"{kind}, {_bound(low)} to {_bound(high)}" if high else f"{kind}, {_bound(low)} or more"
        )
    return kind


def _bound(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _type_words(annotation: Any, metadata: Any = ()) -> str:
    for part in metadata:
        parser = getattr(part, "func", None)
        if parser is not None and parser in _BY_PARSER:
            return _BY_PARSER[parser]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type_words(arguments[0], arguments[1:])
    if origin is Literal:
        return " ".join(f"`{value}`" for value in arguments)
    if origin is dict:
        return "map"
    if origin is tuple:
        return "list"
    if arguments:
        kinds = [_type_words(a) for a in arguments if a is not NoneType]
        return " or ".join(dict.fromkeys(kinds))
    if isinstance(annotation, type) and issubclass(annotation, Noun):
        return "map"
    return _PLAIN.get(annotation, "text")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Noun):
        return "the whole output" if isinstance(value, Corners) else ""
    words = _type_words(field.annotation, field.metadata)
    if value is None or value == "" or (value == () and words == "names"):
        return ""
    if words == "colour":
        return f"`{overlay.write_colour(cast('overlay.Colour', value))}`"
    if isinstance(value, tuple) and not isinstance(value, Size):
        return f"`[{', '.join(f'{v:g}' for v in cast('tuple[float, ...]', value))}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and _is_bitrate(field):
        return f"`{sending.write_bitrate(value)}`"
    if isinstance(value, float):
        return f"`{write_duration(value) if _is_duration(field) else f'{value:g}'}`"
    return f"`{value}`"
