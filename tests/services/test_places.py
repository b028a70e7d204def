"""Where things are kept: the decision as a table, the folders for real."""

import os

import pytest

from nbmon.services import places
from nbmon.services.errors import ServiceError
from nbmon.services.places import Person, Seen, home_place, runtime_place


@pytest.mark.parametrize(
    ("variable", "seen", "uid", "expected"),
    [
        ("/run/user/7", Seen.OURS, 7, "/run/user/7/nbmon"),
        ("/run/user/7/", Seen.OURS, 7, "/run/user/7/nbmon"),
        ("/x", Seen.COULD_BE, 7, "/x/nbmon"),
        ("/x", Seen.MISSING, 7, "/tmp/nbmon-7"),
        (None, Seen.MISSING, 7, "/tmp/nbmon-7"),
        ("", Seen.MISSING, 7, "/tmp/nbmon-7"),
        ("relative", Seen.OURS, 7, "/tmp/nbmon-7"),
        ("/x", Seen.OURS, 0, "/x/nbmon"),
        (None, Seen.MISSING, 0, "/run/nbmon"),
        ("/x", Seen.MISSING, 0, "/run/nbmon"),
    ],
)
def test_the_variable_wins_where_it_can_be_used(variable, seen, uid, expected):
    assert runtime_place(variable, seen, uid) == expected


@pytest.mark.parametrize("seen", [Seen.ANOTHERS, Seen.NO_FOLDER])
@pytest.mark.parametrize("uid", [0, 7])
def test_a_runtime_folder_that_is_no_one_of_ours_is_refused_by_name(seen, uid):
    with pytest.raises(ServiceError, match=r"XDG_RUNTIME_DIR is /x, which .*; unset it"):
        runtime_place("/x", seen, uid)


@pytest.mark.parametrize(
    ("variable", "person", "expected"),
    [
        ("/state", Person(uid=7, home="/home/seven"), "/state/nbmon"),
        ("/state", Person(uid=0, home="/root"), "/state/nbmon"),
        (None, Person(uid=7, home="/home/seven"), "/home/seven/.local/state/nbmon"),
        ("relative", Person(uid=7, home="/home/seven"), "/home/seven/.local/state/nbmon"),
        (None, Person(uid=0, home="/root"), "/var/log/nbmon"),
    ],
)
def test_logs_go_below_home_unless_said_otherwise(variable, person, expected):
    assert home_place(variable, ".local/state", "/var/log/nbmon", person, "XDG_STATE_HOME") == expected


def test_without_any_home_the_variable_to_set_is_named():
    with pytest.raises(ServiceError, match="set XDG_STATE_HOME"):
        home_place(None, ".local/state", "/var/log/nbmon", Person(uid=7, home=""), "XDG_STATE_HOME")


def test_without_home_the_user_database_is_asked():
    import pwd

    assert places.person({}).home == pwd.getpwuid(os.geteuid()).pw_dir
    assert places.person({"HOME": "/h"}).home == "/h"


def test_a_uid_that_nobody_has_has_no_home(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999)
    assert places.person({}) == Person(uid=3_999_999, home="")


def test_the_runtime_folder_is_made_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "not" / "yet"))
    made = places.runtime_folder(make=True)
    assert made == str(tmp_path / "not" / "yet" / "nbmon")
    assert os.stat(made).st_mode & 0o777 == 0o700


def test_looking_makes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert places.runtime_folder() == str(tmp_path / "run" / "nbmon")
    places.state_folder()
    assert list(tmp_path.iterdir()) == []


def _plant_link(path):
    path.symlink_to("/etc")


def _plant_file(path):
    path.write_text("")


def _plant_open(path):
    path.mkdir()
    path.chmod(0o777)


@pytest.mark.parametrize("plant", [_plant_link, _plant_file, _plant_open])
def test_a_folder_that_another_could_have_planted_is_refused(tmp_path, monkeypatch, plant):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    plant(tmp_path / "nbmon")
    with pytest.raises(ServiceError, match="nbmon"):
        places.runtime_folder(make=True)


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(ServiceError, match=r"cannot make the folder .*: not a directory; set XDG_STATE_HOME"):
        places.state_folder(make=True)


@pytest.mark.parametrize(
    ("variable", "folder"), [("XDG_CACHE_HOME", places.cache_folder), ("XDG_STATE_HOME", places.state_folder)]
)
def test_thumbnails_and_logs_have_places_for_their_owner_alone(tmp_path, monkeypatch, variable, folder):
    monkeypatch.setenv(variable, str(tmp_path))
    assert folder(make=True) == str(tmp_path / "nbmon")
    assert (tmp_path / "nbmon").stat().st_mode & 0o777 == 0o700
