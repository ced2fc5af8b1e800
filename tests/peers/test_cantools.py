"""The DBC codec against cantools: every message of a folder of databases, decoded to the same values.

CHECKREIN_DBC=FOLDER names more databases (cantools' own samples, for one); those of the repository are always read.
"""

import os
import pathlib
import subprocess
import sys


def test_every_message_has_the_values_that_cantools_reads(repo, tmp_path):
    maker = repo / "tests/codec/can/make.py"
    files = [repo / "rigs/car-bench/vehicle.dbc", repo / "tests/codec/can/features.dbc"]
    if "CHECKREIN_DBC" in os.environ:
        files += sorted(pathlib.Path(os.environ["CHECKREIN_DBC"]).glob("*.dbc"))
    for number, file in enumerate(files):
        out = tmp_path / f"{number}-{file.stem}.json"
        subprocess.run([sys.executable, maker, "cases", file, out], check=True)
    done = subprocess.run(
        ["cargo", "test", "--test", "codec_contract", "can_values"],
        cwd=repo,
        env={**os.environ, "CHECKREIN_CAN_CASES": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "so_are_those_of_the_files_named_from_outside ... ok" in done.stdout
