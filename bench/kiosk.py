"""A kiosk on a clean Debian, with systemd as its process 1: installed, then hurt.

    sudo python bench/kiosk.py [--tree FOLDER]

Makes the tree with debootstrap when it is not there (5 GB in the end), types the three commands of
docs/kiosk.md in it, boots it with systemd-nspawn, with a network of its own, and does to it what
kiosks meet: kill -9, a program that stands still, a broken show file, a power cut, the nightly
restart.  After each the service must say READY again, which is a presented picture.  A show with a
display runs in murai-kiosk@, under cage, on a screen that nobody has.

Writes docs/scores/kiosk.json and the table of docs/kiosk.md.  The status is 1 when something did
not come back.  Needs debootstrap and systemd-container.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from murai_show.train.cost import machine  # noqa: E402 - beside the tests' own parts

PAGE = REPOSITORY / "docs/kiosk.md"
SCORES = REPOSITORY / "docs/scores/kiosk.json"
BEGIN, END = "<!-- the table: bench/kiosk.py -->", "<!-- its end -->"
PROGRAM = "/opt/murai-show/bin/murai-show"
PATIENCE = 300.0  # seconds, for engines that are built
APT = (
    "apt-get update -qq && apt-get install -y -qq --no-install-recommends "
    "python3-venv libegl1 libgl1 cage xwayland seatd"
)
PIP = (
    "python3 -m venv /opt/murai-show && PIP_CONSTRAINT=/root/constraints.txt "
    '/opt/murai-show/bin/pip install --quiet "murai-show[cpu,demo] @ file://$(ls /root/*.whl)"'
)
TOKEN = "a-token-of-this-run"  # noqa: S105 - and of nothing else
WALL = """\
murai: 1
show: wall
cameras: { hall: { kind: pattern, size: 320x180, fps: 20 } }
bank: { name: first, engine: identity }
playlists: { all: { styles: [wave], each: 1m } }
play: { playlist: all, paint: 320x180 }
outputs: { screen: { kind: display } }
control: 127.0.0.1:9476
metrics: 127.0.0.1:9477
"""
# Nobody has the screen: cage draws it in memory.  All else is the unit's.
NO_SCREEN = """\
[Service]
Environment=WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman
"""

XVFB = """\
[Service]
ExecStart=
ExecStart=/usr/bin/Xvfb :0 -screen 0 1280x720x24 -nolisten tcp
"""


def typed(*words: str, **options: Any) -> str:
    """What a command says; raises CalledProcessError with its last words when it fails."""
    done = subprocess.run(words, text=True, capture_output=True, check=False, **options)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        done.check_returncode()
    return done.stdout.strip()


def packages() -> list[str]:
    """Folders in which this machine's pip looks for packages, for the tree to look there too."""
    found = re.findall(
        r"(?:file://|['\s])(/[^'\s]+)", typed("python3", "-m", "pip", "config", "list")
    )
    folders = {Path(path.removesuffix("/simple")) for path in found}
    return [f"--bind-ro={folder}" for folder in sorted(folders) if folder.is_dir()]


class Tree:
    """A Debian in a folder, which can be booted and cut off from its power."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._power: subprocess.Popen[bytes] | None = None
        self._first = 0  # its process 1, as this machine numbers it

    def make(self) -> None:
        if not (self.folder / "etc/debian_version").exists():
            print("debootstrap ...", file=sys.stderr)
            parts = "--include=systemd,systemd-sysv,dbus,ca-certificates"
            typed("debootstrap", "--variant=minbase", parts, "bookworm", str(self.folder))
        for config in (Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf"):
            if config.exists():
                self.put(str(config), config.read_text())
        bundle = Path("/etc/ssl/certs/ca-certificates.crt")
        shutil.copy(bundle, self.folder / bundle.relative_to("/"))
        shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        for old in (self.folder / "root").glob("*.whl"):
            old.unlink()
        root = str(self.folder / "root")
        typed("python3", "-m", "pip", "wheel", "-q", "--no-deps", "-w", root, str(REPOSITORY))
        shutil.copy(REPOSITORY / "constraints.txt", root)

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.folder / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode)
        file.write_text(text)
        file.chmod(mode)

    def before_boot(self, command: str) -> str:
        """In the tree while it is off, on this machine's network."""
        where = ["--quiet", "--register=no", "--keep-unit", "--pipe", "-D", str(self.folder)]
        shell = ["sh", "-c", f"export DEBIAN_FRONTEND=noninteractive; {command}"]
        return typed("systemd-nspawn", *where, *packages(), *shell)

    def boot(self) -> None:
        """Returns when its systemd says that it runs."""
        words = ["--quiet", "--register=no", "--keep-unit", "--private-network", "--hostname=kiosk"]
        words += ["--console=passive", "--bind=/dev/tty0", "--bind=/dev/tty1"]
        self._power = subprocess.Popen(
            ["/usr/bin/systemd-nspawn", *words, "-D", str(self.folder), "--boot"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        children = Path(f"/proc/{self._power.pid}/task/{self._power.pid}/children")
        awaited(lambda: children.read_text().strip(), 20)
        self._first = int(children.read_text().split()[0])
        awaited(lambda: self.here("systemctl", "is-active", "basic.target", bad=True) == "active")

    def cut(self) -> None:
        """Power off, in the middle of whatever it does."""
        assert self._power is not None
        self._power.kill()
        typed("sh", "-c", f"kill -9 {self._first} || true")
        self._power.wait(10)

    def here(self, *words: str, bad: bool = False) -> str:
        """A command in the booted tree; `bad` ones may fail."""
        inside = ("nsenter", "--target", str(self._first), "--all", *words)
        if bad:
            return subprocess.run(
                inside, text=True, capture_output=True, check=False
            ).stdout.strip()
        return typed(*inside)


@dataclass(frozen=True)
class State:
    pid: int
    active: str
    restarts: int
    status: str


@dataclass(frozen=True)
class Service:
    """A service of the booted tree."""

    tree: Tree
    unit: str

    def state(self) -> State:
        wanted = "MainPID,ActiveState,NRestarts,StatusText"
        said = self.tree.here("systemctl", "show", "-p", wanted, self.unit, bad=True)
        known = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        number = {key: int(known.get(key) or 0) for key in ("MainPID", "NRestarts")}
        active, text = known.get("ActiveState", ""), known.get("StatusText", "")
        return State(number["MainPID"], active, number["NRestarts"], text)

    def anew(self, hurt: Callable[[], object]) -> float:
        """Seconds from the end of `hurt` until another process of it has said READY."""
        before = self.state()
        hurt()
        begun = time.monotonic()
        awaited(lambda: (now := self.state()).active == "active" and now.pid != before.pid)
        return time.monotonic() - begun

    def send(self, number: signal.Signals) -> None:
        self.tree.here("systemctl", "kill", "--kill-whom=main", f"-s{number.name}", self.unit)

    def shut_in(self) -> str:
        """What the kernel says of its main process."""
        lines = self.tree.here("grep", "-E", "^(Uid|NoNewPrivs|Seccomp|CapBnd):",
                               f"/proc/{self.state().pid}/status").splitlines()  # fmt: skip
        return "; ".join(" ".join(line.split()[:2]) for line in lines)


def awaited(true: Callable[[], object], patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {patience:.0f} s")
        time.sleep(0.1)


class Report:
    """The rows, in the order in which it all happened."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    @contextmanager
    def step(self, what: str, expected: str) -> Iterator[Callable[..., None]]:
        """Times what is within, unless it is told the seconds; a failure is a row, not the end."""
        row: dict[str, Any] = {"what": what, "then": expected, "seconds": 0.0, "good": False}
        begun = time.monotonic()

        def tell(seconds: float, then: str = "") -> None:
            row.update(seconds=round(seconds, 1), then=then or expected)

        try:
            yield tell
            row["good"] = True
        except (AssertionError, TimeoutError, subprocess.CalledProcessError) as error:
            row["then"] = f"{type(error).__name__}: {error}"
        row["seconds"] = row["seconds"] or round(time.monotonic() - begun, 1)
        self.rows.append(row)
        print(row, file=sys.stderr)


def install(tree: Tree, report: Report) -> Service:
    with report.step("`apt-get install …`", "six packages and what they need"):
        tree.before_boot(APT)
    with report.step("`pip install …`", "the program, PyTorch, OpenVINO, the demo's photographs"):
        tree.before_boot(PIP)
    tree.before_boot("apt-get install -y -qq --no-install-recommends xvfb")
    tree.boot()
    show = Service(tree, "murai-show@demo")
    with report.step("`murai-show install demo`", "copied, enabled, started"):
        tree.here(PROGRAM, "install", "demo")
    with report.step(
        "its first start", "the first picture, after engines were built for this machine"
    ):
        awaited(lambda: show.state().active == "active")
    return show


def hurt(show: Service, report: Report) -> None:
    """Every fault once; the show must be back after each."""
    tree = show.tree
    with report.step("kill -9", "started again after `RestartSec`, on air") as tell:
        tell(show.anew(lambda: show.send(signal.SIGKILL)))
    with report.step("SIGSTOP: it stands still", "ended by the watchdog, started again") as tell:
        tell(show.anew(lambda: show.send(signal.SIGSTOP)))
        assert "watchdog" in tree.here("journalctl", "--no-pager", "-u", show.unit).lower()
    with report.step("the nightly restart", "`murai-restart@demo.service`") as tell:
        tell(show.anew(lambda: tree.here("systemctl", "start", "murai-restart@demo.service")))
    file = "/etc/murai-show/demo/demo.yaml"
    good = (tree.folder / file[1:]).read_text()
    copies = tree.folder / "var/lib/murai-show/demo/last-good"
    with report.step("broken show file, then kill -9", "the last good version plays") as tell:
        awaited(lambda: list(copies.glob("demo-*.yaml")), 60)  # ten seconds on air
        (tree.folder / file[1:]).write_text(good.replace("outputs:", "ouptuts:"))
        tell(show.anew(lambda: show.send(signal.SIGKILL)))
        (tree.folder / file[1:]).write_text(good)
    with report.step("the power is cut", "on air by itself, counted from power on") as tell:
        tree.cut()
        begun = time.monotonic()
        tree.boot()
        awaited(lambda: show.state().active == "active")
        tell(time.monotonic() - begun)
    ended(show, report, "the film is finished")


def ended(show: Service, report: Report, expected: str) -> None:
    with report.step(f"`systemctl stop {show.unit}`", expected) as tell:
        begun = time.monotonic()
        show.tree.here("systemctl", "stop", show.unit)
        tell(time.monotonic() - begun)
        result = show.tree.here("systemctl", "show", "-p", "Result", "--value", show.unit)
        assert result == "success", result


def screen(tree: Tree, report: Report, shut: dict[str, str]) -> None:
    """A show with a display, and a secret that only its service reads."""
    tree.put("/root/wall.yaml", WALL)
    tree.put("/etc/credstore/control_token", TOKEN, mode=0o600)
    tree.put("/etc/systemd/system/murai-kiosk@wall.service.d/no-screen.conf", NO_SCREEN)
    kiosk = Service(tree, "murai-kiosk@wall")
    with report.step("`murai-show install wall.yaml`, with a display", "cage, the first picture"):
        tree.here(PROGRAM, "install", "/root/wall.yaml")
        awaited(lambda: kiosk.state().active == "active", 60)
        shut[kiosk.unit] = kiosk.shut_in()
    with report.step("SIGSTOP of the show under cage", "ended by the watchdog") as tell:
        stop = "kill -STOP $(grep -lx murai-show /proc/[0-9]*/comm | cut -d/ -f3)"
        tell(kiosk.anew(lambda: tree.here("sh", "-c", stop)))
    with report.step("a credential", "") as tell:
        ask = (
            "import urllib.request as u; "
            "r = u.Request('http://127.0.0.1:9476/panic', method='POST'); "
            f"r.add_header('Authorization', 'Bearer {TOKEN}'); print(u.urlopen(r).status)"
        )
        answer = tree.here("python3", "-c", ask)
        wrong = tree.here("python3", "-c", ask.replace(TOKEN, "wrong"), bad=True)
        assert (answer, wrong) == ("200", ""), (answer, wrong)
        tell(0.0, f"`/etc/credstore/control_token` opens the controls ({answer}), another does not")
    ended(kiosk, report, "the show first, then cage")


def leave(tree: Tree, report: Report) -> None:
    with report.step("`murai-show uninstall … --purge`", "nothing of it is left") as tell:
        begun = time.monotonic()
        tree.here(PROGRAM, "uninstall", "demo", "--purge")
        tree.here(PROGRAM, "uninstall", "wall", "--purge")
        tell(time.monotonic() - begun)
        places = ("/etc/murai-show", "/etc/systemd/system", "/var/lib/murai-show")
        left = tree.here(
            "find", *places, "-name", "*murai-show@*", "-o", "-name", "*.yaml", bad=True
        )
        assert not left, left


def several(tree: Tree, report: Report) -> None:
    """systemd/several-screens.conf, as its comment says; Xvfb stands in for the X of projectors."""
    units = "/etc/systemd/system"
    for file, place in (
        ("murai-x.service", "murai-x.service"),
        ("several-screens.conf", "murai-kiosk@wall.service.d/several-screens.conf"),
    ):
        tree.put(f"{units}/{place}", (REPOSITORY / "systemd" / file).read_text(encoding="utf-8"))
    tree.put(f"{units}/murai-x.service.d/xvfb.conf", XVFB)
    kiosk, x = Service(tree, "murai-kiosk@wall"), Service(tree, "murai-x")
    with report.step("several projectors: X as a service", "the first picture"):
        tree.here("systemctl", "daemon-reload")
        tree.here("systemctl", "start", kiosk.unit)
        awaited(lambda: kiosk.state().active == "active", 60)
    with report.step("X is killed", "X and the show are started again") as tell:
        tell(kiosk.anew(lambda: x.send(signal.SIGKILL)))


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| | then | seconds | |", "|---|---|--:|---|"]
    for row in rows:
        good = "yes" if row["good"] else "**NO**"
        lines.append(f"| {row['what']} | {row['then']} | {row['seconds']:.1f} | {good} |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--tree", type=Path, default=Path(tempfile.gettempdir(), "murai-tree"))
    tree, report = Tree(options.parse_args().tree), Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    tree.make()
    shut: dict[str, str] = {}
    try:
        show = install(tree, report)
        shut[show.unit] = show.shut_in()
        hurt(show, report)
        screen(tree, report, shut)
        several(tree, report)
        leave(tree, report)
    finally:
        tree.cut()
    where = f"{date.today():%Y-%m-%d}, {machine()}, `python bench/kiosk.py`"
    SCORES.write_text(
        json.dumps({"where": where, "shut in": shut, "rows": report.rows}, indent=1) + "\n"
    )
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(
        f"{before}{BEGIN}\n{where}:\n\n{table(report.rows)}\n{END}{after}", encoding="utf-8"
    )
    if not all(row["good"] for row in report.rows):
        sys.exit("not everything came back")


if __name__ == "__main__":
    main()
