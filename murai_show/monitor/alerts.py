"""The alerts about the picture: is it lit, does it move, is it in time, does every part take part.

What the plan wants dark is healthy: all of them are silent then, but for those that ask whether the
program is there at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from murai_show.monitor.alert import WHERE, Alert
from murai_show.monitor.watched import Watched
from murai_show.show.schema import StreamOutput
from murai_show.show.words import write_duration

STUCK = 10.0  # seconds that a loop, which tells four times a second, may be silent
FORGIVEN = 0.97  # share of the promised rate that is enough, as `expect` counts it
FLASHES = 60  # in ten minutes: one every ten seconds


def picture_alerts(watched: Watched) -> Iterator[Alert]:
    """Of one show, in the order in which a technician would ask."""
    yield from _program(watched)
    yield from _motion(watched)
    for output in watched.plan.outputs:
        yield from _output(watched, output.name, output.spec.fps)
        if isinstance(output.spec, StreamOutput) or output.stands_for == "stream":
            yield _stream(watched, output.name)
    for camera in watched.plan.cameras:
        yield from _camera(watched, camera.name, camera.spec.hold)
    yield from _promises(watched)
    yield from _troubles(watched)


def _program(watched: Watched) -> Iterator[Alert]:
    up = watched.series("up")
    yield Alert(
        "MuraiDown",
        "critical",
        f"{up} == 0",
        max(60.0, 2 * watched.every),
        f"{WHERE} does not answer",
        "The machine, its network or the program is down. Look at the wall, then at the machine: "
        "systemctl status, or start the show by hand. If the wall is lit, `metrics:` does not "
        "listen where Prometheus looks.",
        "Also in the dark: what is down at noon will not open at dusk.",
    )
    yield Alert(
        "MuraiNotStarted",
        "critical",
        f"({up} == 1) unless on (show, instance) {watched.series('murai_expected_lit')}",
        120.0,
        f"{WHERE} answers, but its loop has told nothing yet",
        "The program hangs while it starts. Read its log; the last line names the part.",
        "The loop tells how it is from its first turn on.",
    )
    yield Alert(
        "MuraiLoopStuck",
        "critical",
        f"{watched.series('murai_status_age_seconds')} > {STUCK:g}",
        30.0,
        f"the loop of {WHERE} has hung for {{{{ $value | humanizeDuration }}}}",
        "Nothing moves on any output. A watchdog starts the show again; without one, start it by "
        "hand and keep the log.",
        "The loop tells how it is four times a second, in the dark too.",
    )


def _motion(watched: Watched) -> Iterator[Alert]:
    painted = watched.over("murai_frames_total", watched.window, stage="painted")
    broken = ""
    if watched.plan.expect.frozen_after is not None:
        itself = watched.series("murai_expect_broken", what="frozen_after")
        broken = f"\nor\nmax by (show, instance) ({itself} == 1)"
    yield Alert(
        "MuraiFrozen",
        "critical",
        f"max by (show, instance) (changes({painted}) == 0)\nand {watched.lit}{broken}",
        2 * watched.every,
        f"the picture of {WHERE} is lit and does not move",
        "Is a camera held or on its slate (MuraiCameraLost)? Then mend that. Otherwise the "
        "painter hangs or fails: read the log and start the show again.",
        "Nothing was painted in the window, and the plan wanted light all along.",
    )


def _output(watched: Watched, name: str, fps: float) -> Iterator[Alert]:
    lasting = watched.over("murai_expected_lit", watched.window)
    presented = {"stage": "presented", "name": name}
    still = watched.over("murai_frames_total", max(watched.window, 5 / fps), **presented)
    rate = watched.over("murai_frames_total", max(watched.window, 10 / fps), **presented)
    yield Alert(
        "MuraiOutputStill",
        "critical",
        f"(min_over_time({lasting}) == 1)\nunless on (show, instance) (changes({still}) > 0)",
        2 * watched.every,
        f"nothing is presented on output {name} of {WHERE}",
        "The projector, its cable, its window or its file is lost; the other outputs go on. The "
        "log says why; the show tries it again every second.",
        "`unless`, because an output that never showed anything has no series.",
        {"output": name},
    )
    yield Alert(
        "MuraiOutputSlow",
        "warning",
        f"rate({rate}) < {0.5 * fps:g}\nand {watched.lit}",
        300.0,
        f"output {name} of {WHERE} shows {{{{ $value | humanize }}}} of {fps:g} pictures a second",
        "The machine is too slow for its outputs, or a monitor refreshes more slowly than that. "
        "Fewer or smaller canvases, a lower `fps`, or another machine.",
        f"Half of the {fps:g} that `fps` asks for.",
        {"output": name},
    )


def _stream(watched: Watched, name: str) -> Alert:
    connected = watched.series("murai_output_connected", output=name)
    return Alert(
        "MuraiStreamAway",
        "warning",
        f"({connected} == 0)\nand {watched.lit}",
        120.0,
        f"stream {name} of {WHERE} is not taken by its server",
        "Check the server, the key and the line out. The wall does not notice, and the stream "
        "comes back by itself.",
        "A server that is restarted is away for less than that.",
        {"output": name},
    )


def _camera(watched: Watched, name: str, hold: float) -> Iterator[Alert]:
    live = watched.series("murai_camera_state", camera=name, state="live")
    slate = watched.series("murai_camera_state", camera=name, state="slate")
    lasting = watched.over("murai_expected_lit", watched.window)
    yield Alert(
        "MuraiCameraLost",
        "warning",
        f"(min_over_time({lasting}) == 1)\nunless on (show, instance) ({live} == 1)",
        hold + 2 * watched.every,
        f"camera {name} of {WHERE} gives no frames",
        "Check its cable, its power and its address. It is tried again all the time and comes back "
        "by itself.",
        f"Longer than `hold`, {write_duration(hold)}, in which the last frame stays.",
        {"camera": name},
    )
    yield Alert(
        "MuraiCameraOnSlate",
        "critical",
        f"({slate} == 1)\nand {watched.lit}",
        max(60.0, 2 * watched.every),
        f"camera {name} of {WHERE} is lost, and its slate is on the wall",
        "The street sees the slate instead of itself. Check its cable, its power and its address; "
        "or let the show film another camera.",
        "What it held is over.",
        {"camera": name},
    )


def _promises(watched: Watched) -> Iterator[Alert]:
    promise = watched.plan.expect
    if promise.glass_to_glass_p95 is not None:
        budget = promise.glass_to_glass_p95
        buckets = watched.over("murai_glass_to_glass_seconds_bucket", 300.0)
        yield Alert(
            "MuraiLate",
            "warning",
            f"histogram_quantile(0.95, sum by (show, instance, output, le) (rate({buckets})))\n"
            f"> {budget:g}\nand {watched.lit}",
            300.0,
            f"output {{{{ $labels.output }}}} of {WHERE} is "
            "{{ $value | humanizeDuration }} behind the street",
            f"Five in a hundred pictures are older than the {write_duration(budget)} of `expect:`. "
            "A smaller `paint:`, a lower camera rate, fewer outputs; `murai-show run --profile` "
            "tells where the time goes.",
            f"expect: glass_to_glass_p95: {write_duration(budget)}",
        )
    if promise.painted is not None:
        rate = watched.over("murai_frames_total", watched.window, stage="painted")
        yield Alert(
            "MuraiPaintsTooFew",
            "warning",
            f"rate({rate}) < {FORGIVEN * promise.painted:g}\nand {watched.lit}",
            120.0,
            f"{WHERE} paints {{{{ $value | humanize }}}} of {promise.painted:g} pictures a second",
            "Is the machine hot, or busy with something else? Is a camera slow? A smaller "
            "`paint:` is faster, `degrade:` takes care of it by itself.",
            f"expect: painted: {promise.painted:g}, of which 3 % are forgiven.",
        )
    if promise:
        yield Alert(
            "MuraiExpectBroken",
            "warning",
            f"{watched.series('murai_expect_broken')} == 1",
            60.0,
            f"{WHERE} is not what its show expects: {{{{ $labels.what }}}}",
            "The log says what was measured and what else was out of order then; /statusz says it "
            "now.",
            "What the show finds out about itself, twice a second; it forgives the dark.",
        )


def _troubles(watched: Watched) -> Iterator[Alert]:
    if watched.plan.degrade is not None:
        yield Alert(
            "MuraiDegraded",
            "warning",
            f"({watched.series('murai_degraded_rung')} > 0)\nand {watched.lit}",
            300.0,
            f"{WHERE} has given up {{{{ $value }}}} of {len(watched.plan.degrade.rungs) - 1} steps",
            "The painter cannot keep up, and the picture is smaller or slower than it was meant. "
            "Is the machine hot, or busy with something else?",
            "A few minutes on a lower rung are what the ladder is for.",
        )
    if watched.plan.limits_flashes:
        flashes = watched.over("murai_flashes_limited_total", 600.0)
        yield Alert(
            "MuraiFlashes",
            "warning",
            f"increase({flashes}) > {FLASHES}\nand {watched.lit}",
            60.0,
            f"{WHERE} films a lot of flashing: {{{{ $value | humanize }}}} in ten minutes",
            "The wall is dimmed to keep it harmless. Turn the camera away from the stroboscope.",
            "One every ten seconds; a few are a party.",
        )
    errors = watched.over("murai_errors_total", 900.0)
    yield Alert(
        "MuraiErrors",
        "warning",
        f"(increase({errors}) > 10)\nand {watched.lit}",
        60.0,
        f"{{{{ $labels.part }}}} of {WHERE} fails again and again",
        "The show goes on around it. The log has the reason.",
        "What fails is tried again every second, so a fault that lasts is soon more than ten.",
    )
    yield Alert(
        "MuraiGpuOutOfMemory",
        "warning",
        f"increase({watched.over('murai_gpu_recoveries_total', 3600.0)}) > 2",
        60.0,
        f"the GPU of {WHERE} was out of memory {{{{ $value | humanize }}}} times in an hour",
        "Something else uses it, or `paint:` is too large for it. nvidia-smi names who has what.",
        "Each costs one slow frame; one or two happen.",
    )
    yield Alert(
        "MuraiPanic",
        "warning",
        f"{watched.series('murai_panic')} == 1",
        60.0,
        f"{WHERE} is dark by a panic",
        "Somebody called it. When it is safe: murai-show cue SHOW --release.",
        "A panic is meant, and forgotten easily; the other alerts are silent meanwhile.",
    )
