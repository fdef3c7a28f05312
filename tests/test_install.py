"""Units that systemd itself finds right, and installations that are taken back to the last file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from murai_show.cli import main
from murai_show.errors import UsageError
from murai_show.installing import parse_environment
from murai_show.kiosk import (
    PROGRAM,
    Order,
    Place,
    check_program,
    install_work,
    read_show,
    uninstall_work,
)
from murai_show.shipped import shipped
from tests.banks import write_small_bank
from tests.plans import REPOSITORY

UNITS = REPOSITORY / "systemd"
TEMPLATES = ("murai-show@.service", "murai-kiosk@.service", "murai-restart@.service")
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")

SHOW = """\
murai: 1
show: plaza
cameras:
  hall: {kind: pattern, size: 64x36, fps: 20, slate: pictures/slate.png}
  door: {kind: stream, url: "rtsp://cam:${CAM_PASSWORD}@10.0.0.9/${PATH_OF_IT:-main}"}
  old: {kind: still, photos: pictures, size: 64x36}
views: { all: {kind: side_by_side, cameras: [hall, door, old]} }
bank: {name: small, engine: identity}
playlists: {all: {styles: [a], each: 1m}}
place: {lat: 45.5, lon: -73.6, tz: America/Montreal}
schedule: [{default: dark}, {from: "20:00", to: "23:00", play: all}]
play: {playlist: all, camera: all, paint: 64x36}
outputs:
  wall: {kind: memory}
"""


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A show file with a bank, a slate, a folder of photographs and an alignment beside it."""
    from PIL import Image

    folder = tmp_path / "desk"
    (folder / "pictures").mkdir(parents=True)
    write_small_bank(folder / "models/small.safetensors")
    for name in ("slate.png", "party.jpg"):
        Image.new("RGB", (64, 36)).save(folder / "pictures" / name)
    (folder / "plaza.yaml").write_text(SHOW)
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAM_PASSWORD", raising=False)
    return folder / "plaza.yaml"


@pytest.fixture
def murai(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["murai-show", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(left.value.code or 0), out, err

    return call


def everything(tree: Path) -> dict[str, bytes | str]:
    """All that is in a tree: contents of files, targets of links, folders."""
    found: dict[str, bytes | str] = {}
    for path in sorted(tree.rglob("*")):
        kind = str(path.readlink()) if path.is_symlink() else "folder"
        found[str(path)] = path.read_bytes() if path.is_file() and kind == "folder" else kind
    return found


def listed(out: str, *verbs: str) -> set[str]:
    return set(re.findall(rf"^(?:{'|'.join(verbs)}) +(\S+)", out, re.MULTILINE))


# ---- the units -----------------------------------------------------------------------------------


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """The units with programs that are there, as those that they start need not be."""
    for unit in (*UNITS.rglob("*@.*"), UNITS / "murai-x.service"):
        target = tmp_path / unit.relative_to(UNITS)
        target.parent.mkdir(exist_ok=True)
        text = unit.read_text("utf-8").replace(PROGRAM, "/bin/true")
        for other in ("/usr/bin/cage", "/usr/lib/xorg/Xorg"):
            text = text.replace(other, "/bin/true")
        target.write_text(text)
    return tmp_path


def analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    return subprocess.run(
        [str(ANALYZE), *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@needs_systemd
@pytest.mark.parametrize(
    "unit", ["murai-show@plaza.service", "murai-kiosk@plaza.service", "murai-restart@plaza.timer"]
)
def test_systemd_finds_the_units_right(rendered: Path, unit: str) -> None:
    found = analyze(rendered, "verify", "--recursive-errors=yes", f"./{unit}")
    assert (found.returncode, found.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_the_persons_unit_right(rendered: Path) -> None:
    verify = ("verify", "--user", "--recursive-errors=yes", "./murai-show@plaza.service")
    found = analyze(rendered / "user", *verify)
    assert (found.returncode, found.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_several_screens_right(rendered: Path) -> None:
    text = (UNITS / "several-screens.conf").read_text("utf-8").replace(PROGRAM, "/bin/true")
    (drop_in := rendered / "murai-kiosk@plaza.service.d" / "several.conf").parent.mkdir()
    drop_in.write_text(text)
    for unit in ("murai-x.service", "murai-kiosk@plaza.service"):
        found = analyze(rendered, "verify", "--recursive-errors=yes", f"./{unit}")
        assert (found.returncode, found.stderr) == (0, "")
    drop_in.write_text(text.replace("murai-x.service", "murai-y.service"))
    verify = ("verify", "--recursive-errors=yes", "./murai-kiosk@plaza.service")
    assert analyze(rendered, *verify).returncode != 0


@needs_systemd
def test_a_misspelt_key_would_be_found(rendered: Path) -> None:
    unit = rendered / "murai-show@.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSecs="))
    verify = ("verify", "--recursive-errors=yes", "./murai-show@plaza.service")
    assert analyze(rendered, *verify).returncode != 0


@needs_systemd
@pytest.mark.parametrize("unit", TEMPLATES[:2])
def test_the_services_are_shut_in(rendered: Path, unit: str) -> None:
    """`--threshold` counts in tenths: an exposure of 2.5 and less."""
    words = ("security", "--offline=true", "--no-pager", "--threshold=25", f"./{unit}")
    found = analyze(rendered, *words)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("unit", TEMPLATES[:2])
def test_what_the_watchdog_lives_by(unit: str) -> None:
    lines = (UNITS / unit).read_text("utf-8").splitlines()
    assert {"Type=notify", "WatchdogSec=10", "Restart=always", "RestartSec=2"} <= set(lines)
    assert "StartLimitIntervalSec=0" in lines
    assert not any(line.startswith("MemoryDenyWriteExecute=") for line in lines)


# ---- installing ----------------------------------------------------------------------------------


def test_what_is_said_is_what_is_done_and_all_of_it_is_undone(show: Path, murai) -> None:
    tree = Path("tree").resolve()
    (tree / "etc").mkdir()
    before = everything(tree)
    words = ("install", str(show), "--root", "tree", "--restart", "05:30")
    code, foretold, _ = murai(*words, "--dry-run")
    assert (code, everything(tree)) == (0, before)

    code, told, _ = murai(*words)
    assert code == 0
    assert told.replace("is installed", "would be installed") == foretold
    after = everything(tree)
    assert listed(told, "folder", "write", "link") == set(after) - set(before)
    own = tree / "etc/murai-show/plaza"
    assert (own / "plaza.yaml").read_bytes() == show.read_bytes()
    assert {p.name for p in (own / "pictures").iterdir()} == {"slate.png", "party.jpg"}
    assert (own / "models/small.safetensors").is_file()
    assert "05:30:00 America/Montreal" in next(tree.rglob("hour.conf")).read_text()
    enabled = tree / "etc/systemd/system/multi-user.target.wants/murai-show@plaza.service"
    assert str(enabled.readlink()) == "/etc/systemd/system/murai-show@.service"

    assert murai(*words)[1].startswith("nothing to do")
    assert everything(tree) == after
    code, told, _ = murai("uninstall", "plaza", "--root", "tree")
    assert (code, everything(tree)) == (0, before)
    assert listed(told, "remove") == set(after) - set(before)


def test_the_environment_is_the_technicians(show: Path, murai) -> None:
    out = murai("install", str(show), "--root", "tree")[1]
    assert "fill in CAM_PASSWORD in" in out
    environment = Path("tree/etc/murai-show/plaza/environment")
    assert environment.stat().st_mode & 0o777 == 0o600
    assert "#CAM_PASSWORD=\n" in environment.read_text()
    environment.write_text("CAM_PASSWORD='x-1'\n")
    show.write_text(SHOW.replace("show: plaza", "show: plaza\ntitle: ${TITLE:-x}"))
    out = murai("install", str(show), "--root", "tree")[1]
    assert "fill in" not in out
    assert environment.read_text().startswith("CAM_PASSWORD='x-1'\n")
    assert "TITLE=" in environment.read_text()
    murai("uninstall", "plaza", "--root", "tree")
    assert environment.is_file(), "what was filled in stays"


def test_an_update_keeps_what_was_edited_at_the_wall(show: Path, murai) -> None:
    installed = Path("tree/etc/murai-show/plaza")
    murai("install", str(show), "--root", "tree")
    (installed / "plaza.yaml").write_text(SHOW + "# at the wall\n")
    (installed / "plaza.align.yaml").write_text("# measured\n")
    show.write_text(SHOW.replace("photos: pictures,", "photos: pictures/party.jpg,"))
    out = murai("install", str(show), "--root", "tree")[1]
    assert (installed / "plaza.yaml").read_text() == show.read_text()
    assert (installed / "plaza.yaml.old").read_text() == SHOW + "# at the wall\n"
    assert "plaza.yaml.old: it was edited in its place" in out
    murai("uninstall", "plaza", "--root", "tree")
    assert (installed / "plaza.align.yaml").read_text() == "# measured\n"
    assert murai("install", str(show), "--root", "tree")[0] == 0
    murai("uninstall", "plaza", "--root", "tree", "--purge")
    assert not installed.exists()


def test_what_one_show_leaves_another_may_need(show: Path, murai) -> None:
    other = show.with_name("other.yaml")
    other.write_text(SHOW.replace("show: plaza", "show: other"))
    for file in (show, other):
        assert murai("install", str(file), "--root", "tree")[0] == 0
    murai("uninstall", "plaza", "--root", "tree")
    units = Path("tree/etc/systemd/system")
    assert (units / "murai-show@.service").is_file()
    murai("uninstall", "other", "--root", "tree")
    assert list(Path("tree").iterdir()) == []


def test_a_screen_wants_somebody_who_owns_it(show: Path, murai) -> None:
    show.write_text(SHOW.replace("kind: memory", "kind: display"))
    out = murai("install", str(show), "--root", "tree")[1]
    assert "installed as murai-kiosk@plaza.service" in out
    assert "apt-get install cage xwayland seatd, in " in out
    for file in ("usr/bin/cage", "usr/bin/Xwayland", "usr/sbin/seatd"):
        (there := Path("tree") / file).parent.mkdir(parents=True, exist_ok=True)
        there.touch()
    assert "apt-get install" not in murai("install", str(show), "--root", "tree")[1]


def test_a_disk_that_is_full_leaves_everything_as_it_was(
    show: Path, murai, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    murai("install", str(show), "--root", "tree")
    before = everything(Path("tree"))
    show.write_text(SHOW + "# newer\n")
    monkeypatch.setattr(os, "fsync", full)
    code, _, err = murai("install", str(show), "--root", "tree")
    assert (code, everything(Path("tree"))) == (1, before)
    assert err == "a file: No space left on device; nothing was changed\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["install", "SHOW", "--root", "nowhere"], "--root: nowhere is no folder"),
        (["install", "SHOW", "--root", "tree", "--user"], "--user and --root exclude each other"),
        (["install", "SHOW", "--root", "tree", "--restart", "noon"], "'noon' is no time of day"),
        (["install", "SHOW", "--root", "tree", "--restart", "21:00"], "the wall is lit"),
        (["install", "BROKEN", "--root", "tree"], "no style 'aa' in bank small; did you mean a?"),
        (["install", "gone.yaml", "--root", "tree"], "no show file 'gone.yaml' here"),
        (["install", "TAKEN", "--root", "tree"], "the name plaza is taken: it was installed from"),
        (
            ["uninstall", "plazza", "--root", "tree"],
            "no show 'plazza' is installed; there are: plaz",
        ),
        (["uninstall", "../etc", "--root", "tree"], "letters"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    show: Path, murai, words: list[str], said: str
) -> None:
    murai("install", str(show), "--root", "tree")
    before = everything(Path("tree"))
    broken, taken = show.with_name("broken.yaml"), show.with_name("taken.yaml")
    broken.write_text(SHOW.replace("styles: [a]", "styles: [aa]"))
    taken.write_text(SHOW)
    names = {"SHOW": str(show), "BROKEN": str(broken), "TAKEN": str(taken)}
    code, _, err = murai(*(names.get(word, word) for word in words))
    assert code == 2
    assert said in err
    assert everything(Path("tree")) == before


def test_without_systemd_a_tree_can_be_had(show: Path, murai) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("systemd runs here")
    code, _, err = murai("install", str(show), "--dry-run")
    assert code == 2
    assert "systemd does not run here; --root DIR" in err


def test_a_manifest_that_is_damaged_is_said(show: Path, murai) -> None:
    murai("install", str(show), "--root", "tree")
    Path("tree/etc/murai-show/plaza/.installed.json").write_text("{}")
    code, _, err = murai("install", str(show), "--root", "tree")
    assert code == 1
    assert "is damaged: nobody knows what was installed" in err


def test_values_are_read_as_systemd_reads_them() -> None:
    text = "# a comment\n;B=1\nA=1\nC = \"two words\"\nD='x=y'\nE=\nnothing\n"
    assert parse_environment(text) == {"A": "1", "C": "two words", "D": "x=y", "E": ""}


def test_the_units_ship() -> None:
    assert {p.name for p in shipped("systemd").glob("*@*")} >= set(TEMPLATES)


# ---- a system that runs: what its service manager is told ---------------------------------------


def installed(place: Place, show: Path, restart: str | None = None) -> list[str]:
    """Install for real, but for the commands, which are returned."""
    plan, variables = read_show(str(show), Path.cwd(), place, {"CAM_PASSWORD": "x"})
    told: list[str] = []
    order = Order(plan, place, "/opt/murai-show/bin/murai-show", restart, variables)
    install_work(order).carry_out(lambda call: told.append(" ".join(call)))
    return told


def test_a_running_system_is_told_once(show: Path) -> None:
    place, unit = Place(Path("tree").resolve()), "murai-show@plaza.service"
    users = "systemd-sysusers /etc/sysusers.d/murai-show.conf"
    reload, enable = "systemctl daemon-reload", f"systemctl enable {unit}"
    assert installed(place, show) == [users, reload, enable], (
        "CAM_PASSWORD is to be filled in first"
    )
    environment = place.folder("plaza") / "environment"
    environment.write_text("CAM_PASSWORD=x\n")
    start = f"systemctl start --no-block {unit}"
    assert installed(place, show) == [users, enable, start], "what runs takes the file by itself"

    (place.units / "murai-show@.service").write_text("# an older one\n")
    timer = "murai-restart@plaza.timer"
    assert installed(place, show, "05:30") == [
        users,
        reload,
        f"systemctl enable {unit} {timer}",
        f"systemctl start {timer}",
        f"systemctl restart --no-block {unit}",
    ]
    assert installed(place, show)[0] == f"systemctl disable --now {timer}"
    work = uninstall_work("plaza", place, purge=False)
    assert work.first == (("systemctl", "disable", "--now", unit),)


def test_a_persons_own_service(show: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    place = Place(Path("/"), home=home)
    assert "systemctl --user enable murai-show@plaza.service" in installed(place, show)
    assert (home / ".config/murai-show/shows/plaza/plaza.yaml").is_file()
    assert (home / ".local/share/murai-show/plaza").stat().st_mode & 0o777 == 0o700
    unit = (home / ".config/systemd/user/murai-show@.service").read_text()
    assert "%E/murai-show/shows/%i/%i.yaml" in unit
    uninstall_work("plaza", place, purge=True).carry_out(lambda call: None)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("folder", ["/root", "/home"])
def test_a_program_that_the_service_would_not_see(folder: str) -> None:
    with pytest.raises(UsageError, match=f"the service sees nothing of {folder}"):
        check_program(Place(Path("/")), f"{folder}/v/bin/murai-show")
    check_program(Place(Path("/"), home=Path(folder)), f"{folder}/v/bin/murai-show")
