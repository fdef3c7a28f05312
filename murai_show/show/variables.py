"""The environment in a show file: secrets stay out of the file, `${NAME}` brings them in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from murai_show.redact import remember
from murai_show.show.findings import Findings
from murai_show.show.hints import nearest
from murai_show.show.tree import Node, resolve, unprintable

_TOKEN = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<given>:-(?P<default>.*))?", re.DOTALL)
_ONLY_VARIABLES = re.compile(r"(?:\$\{[A-Za-z_][A-Za-z0-9_]*(?::-)?\})*")
_USERINFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<user>[^/?#\s]*)@")
_QUERY = re.compile(r"[?&;](?P<key>[^=&;#\s]+)=(?P<value>[^&;#\s]*)")
_SECRET = re.compile(
    r"(?:^|[^a-z])(?:password|passwd|passphrase|pass|pwd|pw|token|secret|bearer|credential"
    r"|auth|authorization|api[^a-z]?key|access[^a-z]?key|private[^a-z]?key|key|sig|signature)s?"
    r"(?:$|[^a-z])"
)
_IN_USERINFO = "/?#@[]\\ "


def is_secret(key: str) -> bool:
    """Whether a key's name says that its value is a secret: api_key, camPassword, auth-token."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()
    return _SECRET.search(words) is not None


def refuse_secrets(root: Node, findings: Findings) -> None:
    """Report every secret that stands in the file itself, without repeating it."""
    for path, node in _scalars(root):
        key = next((part for part in reversed(path) if part), "")
        if is_secret(key) and not _is_a_name(path) and not _from_environ(node.value):
            findings.add(
                node.at,
                f"{key}: a secret does not belong in a show file; put it into the environment "
                "and write ${NAME}",
            )
        elif isinstance(node.value, str) and "://" in node.value:
            _refuse_in_url(node, node.value, findings)


def _is_a_name(path: tuple[str, ...]) -> bool:
    """In a mix stand the names of styles, whatever they are called; a cue's key is a keyboard's."""
    if "styles" in path or path[:1] == ("tokens",) or path[::2] == ("cues", "key"):
        return True
    if path[::2] == ("booth", "key"):
        return True
    return path[0] in ("cues", "schedule") and bool({"style", "morph"} & set(path[1:-1]))


def _refuse_in_url(node: Node, text: str, findings: Findings) -> None:
    user = _USERINFO.search(text)
    if user is not None:
        _, colon, password = _split_outside_variables(user["user"])
        if colon and not _ONLY_VARIABLES.fullmatch(password):
            findings.add(
                node.at,
                "the URL holds a password; put it into the environment and write "
                "rtsp://user:${CAM_PASSWORD}@host",
            )
    for query in _QUERY.finditer(text):
        if is_secret(query["key"]) and not _ONLY_VARIABLES.fullmatch(query["value"]):
            findings.add(
                node.at,
                f"the URL holds a secret, its {query['key']}; put it into the environment and "
                f"write {query['key']}=${{NAME}}",
            )


def _split_outside_variables(user: str) -> tuple[str, str, str]:
    """`user:password` at the first colon that is not the one of `${NAME:-default}`."""
    masked = _TOKEN.sub(lambda match: "$" * len(match[0]), user)
    place = masked.find(":")
    return (user, "", "") if place < 0 else (user[:place], ":", user[place + 1 :])


def _scalars(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    if isinstance(node.value, dict):
        for key, member in node.members.items():
            yield from _scalars(member, (*path, key))
    elif isinstance(node.value, tuple):
        for item in node.items:
            yield from _scalars(item, (*path, ""))
    else:
        yield path, node


def _from_environ(value: object) -> bool:
    """Whether a value is nothing but variables without defaults.  Nothing is no secret either."""
    if isinstance(value, str):
        return _ONLY_VARIABLES.fullmatch(value) is not None
    return value is None or isinstance(value, bool)


def unset(node: Node, environ: Mapping[str, str]) -> bool:
    """Whether this scalar asks for a variable that the environment does not have."""
    if not isinstance(node.value, str):
        return False
    parts = (_INSIDE.fullmatch(token["inside"] or "") for token in _TOKEN.finditer(node.value))
    return any(p is not None and not p["given"] and p["name"] not in environ for p in parts)


def fill(node: Node, environ: Mapping[str, str], findings: Findings) -> Node:
    """The tree with every `${NAME}` replaced.  Keys are left alone."""
    match node.value:
        case dict():
            value = {k: fill(member, environ, findings) for k, member in node.members.items()}
            return replace(node, value=value)
        case tuple():
            return replace(node, value=tuple(fill(i, environ, findings) for i in node.items))
        case str() as text if "${" in text:
            return _filled(node, text, environ, findings)
        case _:
            return node


def _filled(node: Node, text: str, environ: Mapping[str, str], findings: Findings) -> Node:
    """A plain scalar is read anew (`fps: ${FPS}` is a number), a quoted one stays text."""
    faults: list[str] = []
    used: list[str] = []

    def put(token: re.Match[str]) -> str:
        if token[0] == "$${":
            return "${"
        return _value(token, text, environ, used.append, faults.append)

    result = _TOKEN.sub(put, text)
    for fault in faults:
        findings.add(node.at, fault)
    if faults:
        return replace(node, value=None, known=False)
    return replace(
        node, value=resolve(result) if node.plain else result, template=text if used else ""
    )


def _value(
    token: re.Match[str],
    text: str,
    environ: Mapping[str, str],
    used: Callable[[str], None],
    fault: Callable[[str], None],
) -> str:
    """What one `${…}` stands for; a fault is a sentence that names the variable, not its value."""
    parts = _INSIDE.fullmatch(token["inside"])
    if parts is None or not token["end"]:
        fault("a ${ that is no variable; write ${NAME}, ${NAME:-default}, or $${ for the signs")
        return ""
    name, default = parts["name"], parts["default"]
    if name not in environ or (parts["given"] and not environ[name]):
        if parts["given"] is None:
            near = nearest(name, environ)
            hint = f"did you mean ${{{near}}}? Else set it" if near else "set it"
            fault(
                f"${{{name}}} is not set in the environment; {hint}, or write ${{{name}:-default}}"
            )
        return default or ""
    used(name)
    value = environ[name]
    if is_secret(name) or _in_secret_place(text, token):
        remember(value)
    if unprintable(value):
        fault(f"the value of ${{{name}}} holds a control character; set it anew")
    if _within_userinfo(text, token) and any(sign in value for sign in _IN_USERINFO):
        fault(
            f"the value of ${{{name}}} holds a sign that a URL's user or password cannot have; "
            "write it as %2F for /, %40 for @, %3F for ?, %23 for #"
        )
    return value


def _in_secret_place(text: str, token: re.Match[str]) -> bool:
    """Whether the variable stands where a URL has a secret: its user and password, a query's
    value that is called one, the end of an RTMP address."""
    before, after = text[: token.start()], text[token.end() :]
    if _within_userinfo(text, token):
        return True
    query = re.search(r"[?&;]([^=&;#\s]+)=[^&;#\s]*$", before)
    if query is not None and "://" in before:
        return is_secret(query[1])
    return re.match("rtmps?://", before) is not None and "/" not in after


def _within_userinfo(text: str, token: re.Match[str]) -> bool:
    """Whether the variable stands between the `://` and the `@` of a URL."""
    before, after = text[: token.start()], _TOKEN.sub("", text[token.end() :])
    _, mark, since = before.rpartition("://")
    host = re.split(r"[/?#]", after, maxsplit=1)[0]
    return bool(mark) and not re.search(r"[/?#]", _TOKEN.sub("", since)) and "@" in host


def variables_of(node: Node) -> dict[str, bool]:
    """The variables that a file names, in its order, and whether it has a default for each: False
    if one place has none."""
    found: dict[str, bool] = {}
    for _, scalar in _scalars(node):
        for token in _TOKEN.finditer(scalar.value if isinstance(scalar.value, str) else ""):
            parts = _INSIDE.fullmatch(token["inside"] or "")
            if parts is not None:
                found[parts["name"]] = found.get(parts["name"], True) and bool(parts["given"])
    return found
