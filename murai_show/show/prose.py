"""What docs/show.md says between its tables."""

REGENERATE = (
    "python -c 'from murai_show.show.reference import reference; print(reference(), end=\"\")'"
    " > docs/show.md"
)

SCHEDULE = """

```yaml
place: { lat: 45.5088, lon: -73.5540, tz: America/Montreal }
schedule:
  - default: dark
  - { from: dusk+10m, to: "23:00", not_before: "17:30", play: evening }
  - { days: [fri, sat], from: "22:00", to: "22:15", style: { wave: 0.7, starry: 0.3 } }
  - { dates: 12-24..12-26, play: dark }
```

A **time** is on the clock (`18:30`, `18:30:15`) or the sun's: `sunrise`, `sunset`, `dawn` and
`dusk` (the sun 6° below the horizon), `noon` (the sun's), `sun -4°` (setting) or
`sun -4° rising`; behind each an offset of at most 12h: `dusk+10m`, `sunset-1h30m`. More, with
examples: [schedule.md](schedule.md)."""

AREAS = """

```yaml
areas:
  sky: { mask: sky.png, style: starry, soft: 0.03 }
  reveal: { wipe: right, every: 30s, style: plain } # before and after
```

Each look that is on at once costs a painting of its own: [areas.md](areas.md)."""

SURFACES = """

```yaml
surfaces:
  facade: { size: 5280x1080, columns: 3, overlap: 240 }
outputs:
  left:   { kind: display, monitor: HDMI-1, surface: facade, tile: 1 }
  centre: { kind: display, monitor: HDMI-2, surface: facade, tile: 2 }
  right:  { kind: display, monitor: HDMI-3, surface: facade, tile: 3 }
```

How to set it up at the wall: [projection.md](projection.md)."""

GUARD = """

```yaml
expect: { painted: 20, glass_to_glass_p95: 120ms, frozen_after: 3s }
degrade: [paint 0.75, paint 0.5, fps 12, slate]
```

What it does on the wall: [guard.md](guard.md)."""

OVERLAYS = """## overlays

Each overlay has a name and a `kind`. How they look and when they come: [overlays.md](overlays.md).

```yaml
overlays:
  credit: { kind: credit, at: bottom_left, for: 12s }
  clock: { kind: clock, at: top_right }
  opening: { kind: countdown, to: "21:00", text: "Opens in {left}", in_the_dark: true }
```
"""

BOOTH = """

```yaml
booth:
  trigger: { key: space, http: true }
  consent: { ask: "May your portrait be shown? Press again for yes", keep: 30d }
```

What people see, and what becomes of their pictures: [booth.md](booth.md)."""

TOKENS = """\
## tokens

Names for looks. A token stands wherever a style or a mix does: in playlists, rules and cues, in a
mix, and in another token. It may not have the name of a style, nor lead back to itself.

```yaml
tokens:
  noir: klee
  hero: { wave: 0.7, starry: 0.3 }
  dusk: { hero: 0.5, noir: 0.5 }
```
"""

CUES = """

```yaml
cues:
  applause:
    - { style: noir, fade: 2s }
    - { at: +45s, style: hero, fade: 10s }
    - { at: +2m, morph: [hero, wave], over: 60s }
    - { blackout: 3s }
  finale: { key: f, end: stay, steps: [{ play: late }] }
```

How to call one: [cues.md](cues.md)."""

VIEWS = """\
Several cameras in one picture. A view has a name and a `kind`, and may be named wherever a camera
is: by `play`, by a rule, by an output, by another view. It is put together before it is painted.

```yaml
views:
  corner: { kind: inset, camera: street, inset: stage, at: top_right, share: 0.3 }
  round:  { kind: turns, cameras: [street, corner], each: 2m, fade: 3s }
```

More, with examples: [cameras.md](cameras.md)."""

POST = """\
## post

Each account has a name and a `kind`. Its credential, which has the same name, lies where secrets
do: [posting.md](posting.md).

```yaml
post:
  x: { kind: x, limit: 6/h, budget: 2 USD/day }
  fediverse: { kind: mastodon, server: "https://mastodon.social" }
```
"""
