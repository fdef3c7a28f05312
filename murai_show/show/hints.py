"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable

_MANY = 12


def nearest(found: str, known: Iterable[str]) -> str:
    """The name among `known` that `found` most likely misspells, or an empty text."""
    import difflib  # only people's slips pay for it

    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(found.casefold(), names, 1, 0.6)
    return names[close[0]] if close else ""


def did_you_mean(found: object, known: Iterable[str]) -> str:
    """`; did you mean X?`, else `; there are a, b` while that is short, else an empty text."""
    names = sorted(set(known))
    near = nearest(found, names) if isinstance(found, str) else ""
    if near:
        return f"; did you mean {near}?"
    verb = "is" if len(names) == 1 else "are"
    return f"; there {verb} {', '.join(names)}" if 0 < len(names) <= _MANY else ""


def one_of(found: object, known: Iterable[str]) -> str:
    """`; did you mean X? (a, b, c)` or `; write a, b or c`: for the words of a closed list."""
    names = list(known)
    near = nearest(found, names) if isinstance(found, str) else ""
    if near:
        return f"; did you mean {near}? ({', '.join(names)})"
    *first, last = names
    return f"; write {', '.join(first)} or {last}" if first else f"; write {last}"
