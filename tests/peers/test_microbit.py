"""A MicroPython board under QEMU, through `lines`: steered to a pass, and reset, hung and cut off in the middle of a run."""

import json
import subprocess

import pytest
from bench import copy_rig, signals_of
from conftest import run_folder, told
from microbit import Board


class Bench:
    """The board, a copy of its rig, and the program."""

    def __init__(self, checkrein, folder):
        self.checkrein = checkrein
        self.board = Board(folder)
        self.rig = copy_rig("microbit", folder, self.board.path)
        self.runs = folder / "runs"

    def run(self, scenario, *arguments, when=None):
        """Runs a scenario; `when` maps what a line of the run says to what is then done to the board. Exit code and what it said."""
        words = ["run", self.rig / scenario, "--rig", self.rig / "rig.yaml", "--no-plots", "--runs", self.runs, *arguments]
        process = subprocess.Popen(
            [self.checkrein.path, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        waiting, said = dict(when or {}), ""
        for line in process.stdout:
            said += line
            for words in [words for words in waiting if words in line]:
                waiting.pop(words)()
        assert not waiting, f"never said: {list(waiting)}\n{said}"
        return process.wait(10), said

    def verdict(self):
        return json.loads((run_folder(self.runs) / "verdict.json").read_text())


@pytest.fixture
def bench(checkrein, tmp_path):
    it = Bench(checkrein, tmp_path)
    yield it
    it.board.close()


def in_order(said, *words):
    """Each of them is said, one after the other."""
    at = 0
    for word in words:
        assert word in said[at:], f"`{word}` is not said there:\n{said}"
        at += said[at:].index(word) + len(word)


def test_it_is_lit_and_darkened(bench):
    code, said = bench.run("light.yaml")
    assert code == 0, said
    assert bench.verdict()["verdict"] == "pass"
    lamp, beats = (signals_of(bench.runs)[name] for name in ["board.lamp", "board.beat"])
    assert set(lamp) == {0.0, 5.0} and lamp[-1] == 0.0, lamp
    # Its own clock's time of each heartbeat, once a second: it heard them.
    assert len(set(beats)) >= 2 and sorted(beats) == beats, beats


def test_the_guard_holds_its_brightness_to_the_rule(bench):
    code, said = bench.run("light.yaml", "--set", "level=9")
    assert code == 1, said
    in_order(said, "the guard held level of board.light to not-bright: 7 instead of 9", "did not hold")
    assert max(signals_of(bench.runs)["board.lamp"]) == 7.0


def test_looking_at_it_sends_no_heartbeat_and_changes_nothing(bench):
    looked = bench.checkrein("rigs", "doctor", bench.rig / "rig.yaml")
    assert looked.returncode == 0 and "a run could start" in looked.stdout, told(looked)
    assert "it is the one that the rig names" in looked.stdout
    seen = bench.checkrein("monitor", bench.rig / "rig.yaml", "--json", "--for", "3s")
    assert seen.returncode == 0, told(seen)
    last = json.loads(seen.stdout.splitlines()[-1])["signals"]
    assert last["board.now"]["count"] > 10 and last["board.lamp"]["value"] == 0.0
    # The heartbeat is what sets it, so the board's answer is a NameError, which is nothing of ours.
    assert last["board.beat"] is None


def test_a_reset_trips_and_is_made_safe(bench):
    code, said = bench.run("wait.yaml", when={"> hold 60 s": bench.board.reset})
    assert code == 2, said
    in_order(said, "TRIP", "device `board` started anew", "board heard board.dark", "device board is confirmed safe")


def test_a_hang_trips_and_the_safe_line_is_heard_when_it_goes_on(bench):
    when = {"> hold 60 s": bench.board.hang, "ladder of board: board.dark": bench.board.go_on}
    code, said = bench.run("wait.yaml", when=when)
    assert code == 2, said
    in_order(said, "TRIP: a signal of rule `not-bright` was unknown", "ladder of board", "device board is confirmed safe")
    assert signals_of(bench.runs)["board.lamp"][-1] == 0.0


def test_a_lost_link_takes_the_ladder_and_nobody_calls_it_safe(bench):
    code, said = bench.run("wait.yaml", when={"> hold 60 s": bench.board.lose_power})
    assert code == 2, said
    in_order(
        said,
        "link board is lost",
        "TRIP: link `board` was lost",
        "ladder of board: board.reset",
        "ALARM: device board was not confirmed safe",
        "rig microbit is quarantined",
    )
    again = bench.checkrein("run", bench.rig / "light.yaml", "--rig", bench.rig / "rig.yaml", "--runs", bench.runs)
    assert again.returncode == 3 and "quarantine" in again.stdout + again.stderr, told(again)
