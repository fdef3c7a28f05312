"""The program: Python, the packages, and which extras are missing, and what for."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

from murai_show import __version__
from murai_show.doctor.verdict import Case, Verdict

# Each extra: a module that is there when it is, and what it is for.
EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "demo": (("skimage",), "photographs to try a show with"),
    "cpu": (("openvino", "nncf"), "painting three times as fast on a CPU"),
    "nvidia": (("PyNvVideoCodec", "cuda.bindings", "tensorrt"), "painting on an NVIDIA GPU"),
    "train": (("jinja2", "matplotlib"), "training and scoring banks"),
    "social": (("tweepy",), "posting"),
}
_TOLD = ("torch", "av", "moderngl", "openvino", "tensorrt")


def python(_case: Case) -> Iterator[Verdict]:
    what = f"murai-show {__version__}, Python {platform.python_version()}, {_system()}"
    yield Verdict("program", "ok", what)


def packages(_case: Case) -> Iterator[Verdict]:
    """Whether what the program was installed with is still there, and new enough."""
    try:
        wanted = importlib.metadata.requires("murai-show") or []
    except PackageNotFoundError:
        wanted = []  # run from its source
    missing = [name for name in map(_name, filter(_always, wanted)) if not _version(name)]
    if missing:
        mend = f"{sys.executable} -m pip install --force-reinstall murai-show"
        yield Verdict("packages", "bad", f"missing: {', '.join(missing)}", mend)
        return
    told = [f"{name} {version}" for name in _TOLD if (version := _version(name))]
    yield Verdict("packages", "ok", ", ".join(told))


def extras(case: Case) -> Iterator[Verdict]:
    """One verdict for what is not installed; a warning only where the show asks for it."""
    absent = {extra: what for extra, (modules, what) in EXTRAS.items() if not _have(modules)}
    wanted = _wanted(case)
    for extra, what in absent.items():
        if extra in wanted:
            mend = f"{sys.executable} -m pip install 'murai-show[{extra}]'"
            yield Verdict(f"extra {extra}", "warn", f"not installed: {what}", mend)
    idle = [f"{extra} ({what})" for extra, what in absent.items() if extra not in wanted]
    if idle:
        yield Verdict("extras", "skip", f"not installed, not needed: {', '.join(idle)}")


def _wanted(case: Case) -> set[str]:
    """The extras that the show runs better with, or not without."""
    found: set[str] = set()
    if case.plan is None:
        return found
    if case.plan.bank.engine in ("openvino", "pytorch"):
        found.add("cpu")
    if case.plan.bank.engine in ("tensorrt", "cuda"):
        found.add("nvidia")
    if any(getattr(c.spec, "photos", "") == "demo" for c in case.plan.cameras):
        found.add("demo")
    if getattr(case.plan, "post", ()):
        found.add("social")
    return found


def _have(modules: tuple[str, ...]) -> bool:
    try:
        return all(importlib.util.find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:  # the package around a module is not there
        return False


def _always(requirement: str) -> bool:
    return "extra ==" not in requirement


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except PackageNotFoundError:
        return ""


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {os.cpu_count()} processors"
