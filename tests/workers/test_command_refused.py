"""Commands that cannot be run, and what is said of it."""

from __future__ import annotations

from pathlib import Path

from support.pidfiles import needs_root, run
from workers.commanding import script


def _refused(*argv: str, before: str = "") -> str:
    said = run(script(before), "1", *argv)
    assert said.startswith("error "), said
    assert "\n" not in said
    return said.removeprefix("error ")


def test_a_missing_interpreter_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "tool"
    file.write_text("#!/no/such/interpreter\n")
    file.chmod(0o755)
    assert "the interpreter in the first line" in _refused(str(file))


def test_what_is_no_program_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "tool"
    file.write_bytes(b"\x00\x01\x02")
    file.chmod(0o755)
    assert "must begin with #!" in _refused(str(file))


def test_too_long_arguments_are_told_in_words() -> None:
    before = "argv = ['true', 'x' * 10_000_000]"
    assert _refused("true", before=before) == (
        "cannot run 'true': its arguments and the environment together are too long for the kernel"
    )


def test_no_descriptors_left_is_told_in_words() -> None:
    before = """
import ctypes, difflib, resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
"""
    for limit in range(3, 12):
        said = run(script(before.replace("{limit}", str(limit))), "1", "true")
        assert "Traceback" not in said
        assert said.startswith("error ") or said.endswith("code 0")
    assert said.endswith("code 0"), "with enough of them it runs"


@needs_root
def test_no_process_left_is_told_in_words() -> None:
    before = """
import ctypes, resource
os.setgroups([]); os.setgid(65533); os.setuid(65533)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
"""
    assert "no further process is allowed" in _refused("true", before=before)


def test_another_thread_is_refused() -> None:
    thread = """
import threading
from nbmon.workers import run_command
def attempt():
    try:
        run_command(["true"])
    except RuntimeError as error:
        print(error)
one = threading.Thread(target=attempt); one.start(); one.join()
"""
    assert run(thread) == "signals can be waited for in the main thread only"
