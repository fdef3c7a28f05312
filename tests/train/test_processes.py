"""The school as real processes: killed, stopped, shared by two, and on a full disk."""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from murai_show.style.bank import Bank, read_bank
from murai_show.train.records import read_losses
from tests.train.conftest import start

BANK = ("--bank", "m.safetensors", "--size", "mini")


def finish(process, within: float = 180.0) -> tuple[int, str]:
    """Its exit status and what it wrote to stderr."""
    _, err = process.communicate(timeout=within)
    return process.returncode, err


def step_of(checkpoint: Path) -> int:
    data = checkpoint.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return json.loads(header["__metadata__"]["murai_checkpoint"])["step"]


def wait_for(condition, process, within: float = 120.0) -> None:
    until = time.monotonic() + within
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "nothing came of it"
        time.sleep(0.01)


def same(one: Bank, two: Bank) -> bool:
    pairs = [(one.styles, two.styles), *((one.network[k], two.network[k]) for k in one.network)]
    return all(np.array_equal(a, b) for a, b in pairs)


def test_after_kill_9_the_curve_goes_on_as_if_nothing_had_been(school, tmp_path) -> None:
    words = (*school.words(), *BANK, "--steps", "80")
    cut = tmp_path / "cut"
    checkpoint = cut / "runs/m/checkpoint.safetensors"
    killed = school.process(cut, *words, every=0.0)
    wait_for(lambda: checkpoint.exists() and step_of(checkpoint) >= 3, killed)
    killed.send_signal(signal.SIGKILL)
    assert finish(killed)[0] == -signal.SIGKILL
    assert 3 <= step_of(checkpoint) < 80
    assert finish(school.process(cut, *words, "--resume"))[0] == 0
    straight = tmp_path / "straight"
    assert finish(school.process(straight, *words))[0] == 0
    one, two = (read_losses(f / "runs/m/losses.csv") for f in (straight, cut))
    assert [step for step, _ in two["style"]] == list(range(1, 81))
    assert one == two
    assert same(*(read_bank(f / "m.safetensors") for f in (straight, cut)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends_in_one_sentence(school, tmp_path, number) -> None:
    words = (*school.words(), *BANK, "--steps", "100000", "--preview-every", "1")
    process = school.process(tmp_path / "a", *words)
    preview = tmp_path / "a/runs/m/preview-000001.png"
    wait_for(preview.exists, process)
    process.send_signal(number)
    status, err = finish(process)
    assert status == 1
    last = err.splitlines()[-1]
    said = re.fullmatch(
        r"stopped after step (\d+); the checkpoint in runs/m is of step \1, .*", last
    )
    assert said, err
    assert "Traceback" not in err
    assert step_of(tmp_path / "a/runs/m/checkpoint.safetensors") == int(said[1])


def torchrun(school, folder: Path, *words: str):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "tests.train.mini", "30", *words]
    return start(command, folder)


def test_two_processes_reach_the_weights_of_one_with_the_same_batch(school, tmp_path) -> None:
    """To the order of fp32 sums, which Muon makes larger: it gives every direction one speed.

    One process with half the batch ends elsewhere, many times as far away.
    """

    def learned(name: str, batch: str, run=school.process) -> tuple[np.ndarray, dict]:
        words = (*school.words(), *BANK, "--steps", "6", "--batch", batch)
        status, err = finish(run(tmp_path / name, *words))
        assert status == 0, err
        bank = read_bank(tmp_path / name / "m.safetensors")
        arrays = [bank.styles, *(bank.network[k] for k in sorted(bank.network))]
        losses = read_losses(tmp_path / name / "runs/m/losses.csv")
        return np.concatenate([a.ravel() for a in arrays]), {"card": bank.card, "losses": losses}

    alone, one = learned("alone", "4")
    shared, two = learned("shared", "4", lambda *words: torchrun(school, *words))
    half, _ = learned("half", "2")
    apart = np.linalg.norm(shared - alone)
    assert apart < 3e-4 * np.linalg.norm(alone)
    assert np.linalg.norm(half - alone) > 5 * apart
    assert two["card"].made["processes"] == 2
    for name, pairs in one["losses"].items():
        assert np.allclose(pairs, two["losses"][name], rtol=1e-3), name


def test_when_one_process_fails_all_end_with_a_sentence(school, tmp_path) -> None:
    words = (*school.words(), *BANK, "--steps", "5", "--batch", "3")
    status, err = finish(torchrun(school, tmp_path / "a", *words))
    assert status == 1
    assert "--batch 3 cannot be shared by 2 processes; 4 can" in err
    assert not (tmp_path / "a/m.safetensors").exists()


def full_disk(size: int):
    """No file may grow beyond `size` bytes: as on a full disk, but for the errno."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_loses_nothing(school, tmp_path) -> None:
    """The checkpoint fails at every try, is warned of once, and the training goes on; the bank
    cannot be written either, and a sentence says what is left.  With room again all is well."""
    folder = tmp_path / "full"
    words = (*school.words(), *BANK, "--preview-every", "4")
    assert finish(school.process(folder, *words, "--steps", "3"))[0] == 0
    (folder / "m.safetensors").unlink()
    again = (*words, "--resume", "--steps", "9")
    process = school.process(folder, *again, every=0.0, preexec_fn=full_disk(2000))
    status, err = finish(process)
    assert status == 1
    assert err.count("checkpoint.safetensors cannot be written: File too large") == 1
    assert "no preview of step 4: File too large" in err
    assert err.splitlines()[-1] == (
        "m.safetensors cannot be written: File too large; the checkpoint of step 3 in runs/m is "
        "whole: make room, and --resume writes it"
    )
    assert "Traceback" not in err
    assert step_of(folder / "runs/m/checkpoint.safetensors") == 3
    # Half a picture would take the room that the next checkpoint needs.
    assert not list(folder.rglob("*.new"))
    assert [p.name for p in folder.rglob("preview-*")] == ["preview-000003.png"]
    assert finish(school.process(folder, *again))[0] == 0
    assert read_bank(folder / "m.safetensors").card.made["steps"] == 9
    steps = [step for step, _ in read_losses(folder / "runs/m/losses.csv")["tv"]]
    assert steps == list(range(1, 10))
