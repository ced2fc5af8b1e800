"""Logs of the field: what Checkrein reads of them beside the vehicles' own readers, number by number."""

import json
import os
import pathlib

import pytest
from conftest import REPO

LOGS = pathlib.Path(os.environ.get("CHECKREIN_LOGS", REPO.parent / "shared/data/logs"))


def margins(checkrein, log, column):
    """What Checkrein reads of a column, by its instants in nanoseconds: the margin of `column >= 0` is its value."""
    result = checkrein("judge", log, "--rule", f"{column} >= 0", "--at-samples", "--json")
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
