"""The mark of GPU tests: skipped without a GPU, failed where one was promised."""

from __future__ import annotations

import pytest

from tests import conftest

pytest_plugins = ["pytester"]
CASE = """
import pytest

@pytest.mark.needs_gpu
def test_it():
    pass
"""


@pytest.mark.parametrize(
    ("trouble", "promised", "outcome"),
    [
        ("no CUDA device", "", {"skipped": 1}),
        ("no CUDA device", "1", {"errors": 1}),
        ("", "", {"passed": 1}),
        ("", "1", {"passed": 1}),
    ],
)
def test_a_promise_is_kept_or_the_test_fails(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
    promised: str,
    outcome: dict[str, int],
) -> None:
    monkeypatch.setattr(conftest, "gpu_trouble", lambda: trouble)
    monkeypatch.setenv("MURAI_REQUIRE_GPU", promised)
    pytester.makepyfile(CASE)
    found = pytester.inline_run(plugins=[conftest])
    passed, skipped, failed = found.countoutcomes()
    assert {"passed": passed, "skipped": skipped, "errors": failed} == {
        "passed": 0,
        "skipped": 0,
        "errors": 0,
    } | outcome
