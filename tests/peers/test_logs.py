"""Logs of the field: what Checkrein reads of them beside the vehicles' own readers, number by number."""

import json
import os
import pathlib

import pytest
from conftest import REPO

LOGS = pathlib.Path(os.environ.get("CHECKREIN_LOGS", REPO.parent / "shared/data/logs"))


def margins(checkrein, log, column, unit=""):
    """What Checkrein reads of a column, by its instants in nanoseconds: the margin of `column >= 0` is its value."""
    result = checkrein("judge", log, "--rule", f"{column} >= 0 {unit}", "--at-samples", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines, result.stderr
    return {line["t_ns"]: line["lo"] for line in lines if line["lo"] == line["hi"]}


def log(name):
    path = LOGS / name
    if not path.exists():
        pytest.skip(f"there is no {path}")
    return path


@pytest.mark.parametrize("name", ["px4/sample.ulg", "px4/sample-small.ulg"])
def test_ulog_is_what_pyulog_reads(checkrein, name):
    pyulog = pytest.importorskip("pyulog")
    path = log(name)
    compared = 0
    for topic in pyulog.ULog(str(path)).data_list:
        prefix = topic.name if topic.multi_id == 0 else f"{topic.name}_{topic.multi_id}"
        fields = [field for field in topic.field_data if field.type_str != "char" and field.type_str != "bool"]
        fields = [field for field in fields if field.field_name != "timestamp" and "_padding" not in field.field_name]
        stamps = [int(us) * 1000 for us in topic.data["timestamp"]]
        # The last field rests on the layout of all before it; several at one instant are one sample.
        if not fields or len(set(stamps)) != len(stamps) or 0 in stamps or len(stamps) < 2:
            continue
        field = fields[-1].field_name
        wanted = dict(zip(stamps, map(float, topic.data[field])))
        wanted = {at: value for at, value in wanted.items() if value == value and abs(value) != float("inf")}
        if not wanted:
            continue
        column = f"{prefix}.{field}".replace("[", "._").replace("]", "")
        read = margins(checkrein, path, column)
        assert {at: read.get(at) for at in wanted} == wanted, column
        compared += len(wanted)
    assert compared > 1000


def test_tlog_is_what_pymavlink_reads(checkrein):
    mavutil = pytest.importorskip("pymavlink.mavutil")
    path = log("ardupilot/vtol.tlog")
    fields = {"ATTITUDE": ("roll", "rad"), "VFR_HUD": ("climb", "m/s"), "VIBRATION": ("vibration_z", "")}
    wanted = {name: {} for name in fields}
    heard = mavutil.mavlink_connection(str(path), dialect="ardupilotmega")
    while (message := heard.recv_msg()) is not None:
        if (name := message.get_type()) in fields:
            # Several at one instant are one sample: the last one counts.
            at = round(message._timestamp * 1e6) * 1000
            wanted[name][at] = getattr(message, fields[name][0])
    assert len(wanted["ATTITUDE"]) > 100
    for name, (field, unit) in fields.items():
        if wanted[name]:
            read = margins(checkrein, path, f"{name}.{field}", unit)
            assert {at: read.get(at) for at in wanted[name]} == wanted[name], name
