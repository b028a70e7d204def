"""From a command's first word to the file that is executed, or the reason why there is none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from nbmon.workers.child import exit_code
from nbmon.workers.errors import WorkerError
from nbmon.workers.program import find_program, why_not


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        for name in ("tool", "redis-server"):
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)
    return first, second


def test_the_first_in_path_is_taken(folders: tuple[Path, Path]) -> None:
    first, second = folders
    assert find_program(["tool"], f"{first}:{second}") == str(first / "tool")


def test_what_cannot_be_executed_is_passed_over(folders: tuple[Path, Path]) -> None:
    first, second = folders
    (first / "tool").chmod(0o644)
    assert find_program(["tool"], f"{first}:{second}") == str(second / "tool")
    (second / "tool").unlink()
    (second / "tool").mkdir()
    with pytest.raises(WorkerError, match=r"first/tool is not executable; try: chmod \+x"):
        find_program(["tool"], f"{first}:{second}")


def test_an_empty_entry_is_the_working_directory(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folders[0])
    assert find_program(["tool"], "/nowhere::") == "./tool"


def test_a_path_is_taken_as_it_stands(folders: tuple[Path, Path]) -> None:
    file = str(folders[0] / "tool")
    assert find_program([file], "") == file


@pytest.mark.parametrize("argv", [[], [""], ["", "x"]])
def test_no_command_is_told_in_words(argv: list[str]) -> None:
    with pytest.raises(WorkerError, match="no command was given"):
        find_program(argv, "/bin")


@pytest.mark.parametrize("argv", [["a\0b"], ["true", "a\0b"]])
def test_a_nul_is_told_in_words(argv: list[str]) -> None:
    with pytest.raises(WorkerError, match="NUL byte"):
        find_program(argv, "/bin")


def test_a_near_miss_is_suggested(folders: tuple[Path, Path]) -> None:
    with pytest.raises(WorkerError) as caught:
        find_program(["redis-serverr"], str(folders[0]))
    assert str(caught.value) == (
        f"cannot run 'redis-serverr': no such command in PATH ({folders[0]}); did you mean 'redis-server'?"
    )


@pytest.mark.parametrize("path", ["", "/nowhere", "/etc/passwd"])
def test_an_odd_path_is_no_trouble(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkerError, match="no such command in PATH"):
        find_program(["tool"], path)


def test_a_folder_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="is a folder; name a program in it"):
        find_program([str(tmp_path)], "")


def test_a_missing_file_is_told_with_the_place_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkerError, match=rf"cannot run './tool': there is no such file in {tmp_path}"):
        find_program(["./tool"], "")
    with pytest.raises(WorkerError, match=r"there is no such file$"):
        find_program(["/no/tool"], "")


def test_a_removed_working_directory_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(WorkerError, match="which has been removed"):
        find_program(["./tool"], "")


def test_an_unknown_answer_of_the_kernel_is_told_in_its_words() -> None:
    assert str(why_not("tool", "/bin/tool", errno.EIO)) == "cannot run 'tool': Input/output error"


@pytest.mark.parametrize(
    ("status", "code"), [(0, 0), (1 << 8, 1), (255 << 8, 255), (9, 137), (15, 143), (11 | 128, 139)]
)
def test_exit_codes_are_a_shells(status: int, code: int) -> None:
    assert exit_code(status) == code
