"""Tokens: names for looks, resolved wherever a style or a mix is written."""

from __future__ import annotations

from murai_show.show.hints import did_you_mean
from murai_show.show.mix import Mix
from murai_show.show.planned import PlannedBank
from murai_show.show.playing import DARK, PLAIN
from murai_show.show.site import Site

Written = str | dict[str, float]


def check_tokens(site: Site, bank: PlannedBank | None) -> None:
    """A finding for each token that has a style's name, leads to none, or leads back to itself."""
    tokens = site.draft.tokens
    told: set[str] = set()  # a circle is said once, of the first token in it
    straight: set[str] = set()  # those that lead to styles alone
    for name, look in tokens.items():
        named = site.draft.root.find("tokens", name)[0].named
        if name in (DARK, PLAIN):
            said = f"tokens: {name} has a meaning of its own; choose another name"
            site.findings.add(named, said)
        elif bank is not None and name in bank.styles:
            site.findings.add(
                named, f"tokens: {name!r} is a style of bank {bank.name}; choose another name"
            )
        if look is None:
            continue
        _check_names(site, look, bank, f"token {name}", "tokens", name)
        circle = _circle(site, name, (), straight)
        if circle and not told & set(circle):
            told |= set(circle)
            first = circle[0]
            shown = circle if len(circle) <= 6 else (*circle[:4], "…", circle[-1])
            way = " → ".join((*shown, first))
            said = f"token {first} leads back to itself: {way}; write a style for one of them"
            site.blame(said, "tokens", first)


def look_of(
    site: Site,
    written: Written,
    bank: PlannedBank | None,
    owner: str,
    *path: str | int,
) -> Mix:
    """The mix of styles that is meant by what is written at `path`; weights have sum 1.

    A finding for each name in it that is neither a style of `bank`, a token nor `dark`; `owner` is
    whose look it is.
    """
    _check_names(site, written, bank, owner, *path)
    return _sum(site, written, (), {})


def _parts(written: Written) -> tuple[tuple[str, float], ...]:
    if isinstance(written, str):
        return ((written, 1.0),)
    total = sum(written.values())
    return tuple((name, weight / total) for name, weight in written.items())


def _sum(site: Site, look: Written, within: tuple[str, ...], known: dict[str, Mix]) -> Mix:
    """The styles of a look, each once.  `known` remembers the tokens that were met: many may lead
    to one, and each is followed once."""
    weights: dict[str, float] = {}
    for name, weight in _parts(look):
        for style, share in _resolved(site, name, within, known):
            weights[style] = weights.get(style, 0.0) + weight * share
    return tuple(sorted(weights.items()))


def _resolved(site: Site, name: str, within: tuple[str, ...], known: dict[str, Mix]) -> Mix:
    """The styles of a name, which may be a token's; one that leads back to itself stays a name."""
    look = site.draft.tokens.get(name)
    if look is None or name in within:
        return ((name, 1.0),)
    if name not in known:
        known[name] = _sum(site, look, (*within, name), known)
    return known[name]


def _check_names(
    site: Site, written: Written, bank: PlannedBank | None, owner: str, *path: str | int
) -> None:
    if bank is None:
        return
    known = {*bank.styles, *site.draft.tokens, DARK, PLAIN}
    node = site.draft.root.find(*path)[0]
    for name, _ in _parts(written):
        if name in known:
            continue
        spot, shown = node.at, node.shown()
        if node.members:  # in a mix the style is a key
            spot, shown = node.members[name].named, repr(name)
        what = "style or token" if site.draft.tokens else "style"
        hint = did_you_mean(name, known)
        site.findings.add(spot, f"{owner}: no {what} {shown} in bank {bank.name}{hint}")


def _circle(site: Site, name: str, within: tuple[str, ...], straight: set[str]) -> tuple[str, ...]:
    """A way from a token back to itself, without the return, that `name` is on or leads to;
    nothing when there is none, and then it is `straight`."""
    if name in within:
        return within[within.index(name) :]
    look = site.draft.tokens.get(name)
    if look is None or name in straight:
        return ()
    for part, _ in _parts(look):
        if found := _circle(site, part, (*within, name), straight):
            return found
    straight.add(name)
    return ()
