"""Mixes of styles, and the walks between them."""

from __future__ import annotations

Mix = tuple[tuple[str, float], ...]


def smooth(share: float) -> float:
    """Ease in and out: 3t² - 2t³, so a fade neither starts nor stops with a jerk."""
    share = min(1.0, max(0.0, share))
    return share * share * (3.0 - 2.0 * share)


def blend(before: Mix, after: Mix, share: float) -> Mix:
    """The mix that is `share` (0..1) of the way from `before` to `after`; weights keep sum 1."""
    weights: dict[str, float] = {}
    for mix, factor in ((before, 1.0 - share), (after, share)):
        for style, weight in mix:
            weights[style] = weights.get(style, 0.0) + factor * weight
    return tuple(sorted((s, w) for s, w in weights.items() if w > 0.0))


def mix_words(mix: Mix) -> str:
    """`wave`, or a mix: `starry 40% + wave 60%`."""
    return " + ".join(s if w == 1.0 else f"{s} {w:.0%}" for s, w in mix)
