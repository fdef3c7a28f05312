"""What all tests share: a test of the GPU skips where there is none, unless one was promised."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from murai_show import redact

# Several processes share the machine (`make test` has one for each core): one thread each is the
# quickest, and no example has a deadline that a busy neighbour could break.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")


def gpu_trouble() -> str:
    """Why CUDA cannot be used here; empty where it can."""
    import torch

    if torch.cuda.is_available():
        return ""
    return f"no CUDA device: torch {torch.__version__} sees none"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs_gpu: skips without a GPU, fails without one under MURAI_REQUIRE_GPU=1"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("needs_gpu") is None or not (trouble := gpu_trouble()):
        return
    if os.environ.get("MURAI_REQUIRE_GPU") == "1":
        pytest.fail(f"{trouble}, and MURAI_REQUIRE_GPU=1 promises one", pytrace=False)
    pytest.skip(trouble)


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test remembers as a secret no other one finds hidden."""
    monkeypatch.setattr(redact, "_known", ())
    monkeypatch.setattr(redact, "_forms_of", {})
