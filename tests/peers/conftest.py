"""Fixtures: the program under test, foreign rigs in a folder of their own, and brokers on free ports."""

import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
REPO = pathlib.Path(__file__).resolve().parents[2]


class Checkrein:
    """The program under test, run from the root of the repository unless told otherwise."""

    def __init__(self, path):
        self.path = path

    def __call__(self, *arguments, cwd=REPO, timeout=120, env=None):
        """Runs a command to its end; the caller judges the exit code."""
        return subprocess.run(
            [self.path, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory, monkeypatch):
    """Every test has leases, trips and quarantines of its own, away from those of whoever runs it."""
    monkeypatch.setenv("CHECKREIN_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def checkrein():
    path = os.environ.get("CHECKREIN", str(REPO / "target/debug/checkrein"))
    assert os.access(path, os.X_OK), f"{path} is not there: run tests/peers/run, or set CHECKREIN"
    return Checkrein(path)


@pytest.fixture(scope="session")
def repo():
    return REPO


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def told(result):
    """What a run said, for the message of a failed assertion."""
    return f"exit {result.returncode}\n--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"


def run_folder(runs):
    """The one run under a folder made for it."""
    folders = [path for path in pathlib.Path(runs).iterdir() if path.is_dir()]
    assert len(folders) == 1, f"one run was expected under {runs}, found {folders}"
    return folders[0]


def wait_until(condition, what, seconds=10.0):
    """Waits for a condition, and names it if it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s for: {what}")


def can_connect(port):
    """Whether something listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
        return True
    except OSError:
        return False
