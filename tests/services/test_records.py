"""Records: what is written is read; what is garbage is none."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services import records
from nbmon.services.errors import ServiceError
from nbmon.services.records import Record
from nbmon.services.service import Options, Service


def record(name="web", **other):
    service = Service(
        name=name, kind="pictures", directory="/d", target="/p", options=Options(port=0, host="h")
    )
    return Record(
        **({"service": service, "pid": 7, "pidfile": "/r/web.pid", "log": "/l", "url": "http://h/"} | other)
    )


def test_a_record_survives_the_file(tmp_path):
    records.write(str(tmp_path), record())
    assert records.read(str(tmp_path), "web") == record()
    assert os.stat(tmp_path / "web.json").st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["web.json"]


def test_a_record_is_replaced_whole(tmp_path):
    records.write(str(tmp_path), record())
    records.write(str(tmp_path), record(pid=8))
    assert records.read(str(tmp_path), "web").pid == 8


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=20))
def test_any_path_survives(path):
    found = record(log=path)
    assert records.decode(records.encode(found)) == found


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0aservice', max_size=60).map(str.encode))
def test_garbage_is_no_record(data):
    assert records.decode(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"service": {}}',
        b"[" * 100_000,
        b'{"pid": "7"}',
        records.encode(record()).replace(b'"pictures"', b'"other"'),
        records.encode(record()).replace(b'"pid": 7', b'"pid": "7"'),
        records.encode(record()).replace(b'"pid": 7', b'"pid": true'),
        records.encode(record()).replace(b'"pid": 7', b'"pid": null'),
        records.encode(record()).replace(b'"pid": 7, ', b""),
        records.encode(record()).replace(b'"port": 0', b'"port": [0]'),
        records.encode(record()).replace(b'"command": []', b'"command": [1]'),
        records.encode(record()).replace(b'"stop_timeout": 10.0', b'"stop_timeout": 1' + b"0" * 400),
    ],
)
def test_what_is_not_quite_a_record_is_none(data):
    assert records.decode(data) is None


def test_what_is_no_file_is_no_record(tmp_path):
    (tmp_path / "a.json").mkdir()
    os.mkfifo(tmp_path / "b.json")
    (tmp_path / "elsewhere").write_bytes(records.encode(record("c")))
    (tmp_path / "c.json").symlink_to("elsewhere")
    assert [records.read(str(tmp_path), name) for name in "abcd"] == [None] * 4


def test_a_record_under_a_false_name_is_not_believed(tmp_path):
    records.write(str(tmp_path), record("web"))
    os.rename(tmp_path / "web.json", tmp_path / "other.json")
    assert records.known(str(tmp_path), "other") is None


def test_everything_with_a_record_or_a_pid_file_is_known(tmp_path):
    records.write(str(tmp_path), record("web"))
    (tmp_path / "bare.pid").write_text("1\n")
    (tmp_path / "odd name.pid").write_text("1\n")
    (tmp_path / "else.txt").write_text("")
    found = records.all_known(str(tmp_path))
    assert [(known.name, known.record is not None) for known in found] == [("bare", False), ("web", True)]


def test_where_nothing_was_ever_started_nothing_is_known(tmp_path):
    assert records.all_known(str(tmp_path / "missing")) == []


def test_a_folder_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceError, match=r"cannot read .*file, where running services are kept"):
        records.all_known(str(tmp_path / "file"))


def test_a_record_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "web.json").mkdir()
    with pytest.raises(ServiceError, match=r"cannot write the service's record .*web\.json"):
        records.write(str(tmp_path), record())
    assert os.listdir(tmp_path) == ["web.json"]
    with pytest.raises(ServiceError):
        records.write(str(tmp_path / "missing"), record())


def test_a_name_that_is_a_path_is_not_looked_up(tmp_path):
    (tmp_path / "x.pid").write_text("1\n")
    (tmp_path / "sub").mkdir()
    assert records.known(str(tmp_path / "sub"), "../x") is None


def test_forgetting_twice_is_harmless(tmp_path):
    records.write(str(tmp_path), record())
    records.remove(str(tmp_path), "web")
    records.remove(str(tmp_path), "web")
    assert os.listdir(tmp_path) == []
