"""The DBC codec against cantools: every message of its sample databases, both ways.

Each payload has the same signals with the same values, each set of values becomes the same payload, and messages and value tables
are the same. CHECKREIN_DBC names the folder of the samples, which come with cantools' source; `tests/peers/run` fetches it.
"""

import json
import os
import pathlib
import subprocess
import sys

# What both refuse, in words of our own. The DBC format's specification lets `VAL_` and `SIG_VALTYPE_` speak only of a signal
# of a message, and identifiers of CAN have 11 or 29 bits (ISO 11898-1).
REFUSED = {
    "bad_message_length": "signal `Signal1` ends in byte 2 of message `Message1`, which has 1",
    "incorrect-sig_valtype": "there is no signal `signal2` in message 345",
    "incorrect-val": "there is no signal `signal1` in message 99",
    "issue_199": "274923520 of message `DriverDoorStatus` is no identifier of CAN",
    "issue_199_extended": "4294967295 of message `DriverDoorStatus` is no identifier of CAN",
}
# Two signals of this message lie over each other. cantools itself cannot unpack that ("Short data"), so its values cannot be had.
UNREADABLE_FOR_CANTOOLS = {"issue_63": ["AFT1PSI2"]}
# They declare no message: nodes, comments and environment variables only.
WITHOUT_MESSAGES = {
    "BU_EV_REL_",
    "bus_comment_bare",
    "bus_comment_bare_out",
    "cp1252",
    "empty_ns",
    "environment_variable_data",
    "environment_variable_multiple_access_nodes",
    "issue_62",
}


def test_every_message_has_the_values_that_cantools_reads_and_writes(repo, tmp_path):
    assert "CHECKREIN_DBC" in os.environ, "cantools' sample databases are not there: start this by tests/peers/run"
    samples = sorted(pathlib.Path(os.environ["CHECKREIN_DBC"]).glob("*.dbc"))
    assert len(samples) == 88, len(samples)
    maker = repo / "tests/codec/can/make.py"
    files = [repo / "rigs/car-bench/vehicle.dbc", repo / "tests/codec/can/features.dbc", *samples]
    for number, file in enumerate(files):
        out = tmp_path / f"{file.stem if number > 1 else 'own-' + file.stem}.json"
        subprocess.run([sys.executable, maker, "cases", file, out], check=True)
    done = subprocess.run(
        ["cargo", "test", "--locked", "--test", "codec_contract", "can_values", "--", "--nocapture", "--test-threads=1"],
        cwd=repo,
        env={**os.environ, "CHECKREIN_CAN_CASES": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    # The harness begins a line with the test's name, so the first one does not stand at the beginning.
    told = [json.loads(line.split("compared ", 1)[1]) for line in done.stdout.splitlines() if "compared {" in line]
    compared = {file["file"]: file for file in told}
    assert len(compared) == len(files)
    assert {name: file["refused"].split(": ", 1)[1] for name, file in compared.items() if file["refused"]} == REFUSED
    one_way = {name: file["one_way"] for name, file in compared.items() if file["one_way"]}
    assert one_way == UNREADABLE_FOR_CANTOOLS
    empty = {name for name, file in compared.items() if not file["messages"] and not file["refused"]}
    assert empty == WITHOUT_MESSAGES
    sums = {what: sum(file[what] for file in told) for what in ["messages", "choices", "read", "written"]}
    print(f"{len(files)} files: {sums}")
    # Of the samples and ours; a sample that quietly compared nothing would be missed here.
    assert sums["messages"] >= 390 and sums["choices"] >= 200, sums
    assert sums["read"] >= 17_000 and sums["written"] >= 7_000, sums
