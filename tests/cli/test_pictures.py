"""The main job: a folder becomes a picture server, is seen, restarted, stopped."""

import os
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from support.proc import GROSS_HANG, Process, wait_until


def get(url):
    with urllib.request.urlopen(url, timeout=GROSS_HANG) as answer:
        return answer.status, answer.read()


def status_of(url):
    try:
        return get(url)[0]
    except urllib.error.HTTPError as answer:
        answer.close()
        return answer.code


def test_start_prints_the_address_where_pictures_are_served(nbmon, holiday):
    done = nbmon("start", "./holiday", "--port", "0")
    assert done.stderr == ""
    url = done.stdout.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
    assert get(url + "a.png") == (200, (holiday / "a.png").read_bytes())
    assert b"a.png" in get(url)[1]


def test_a_second_start_says_that_it_runs_and_where(nbmon, holiday):
    url = nbmon("start", "./holiday", "--port", "0").stdout.strip()
    second = nbmon("start", "holiday", "--port", "0", code=1)
    assert url in second.stderr
    assert "already running" in second.stderr
    assert str(nbmon.view("holiday")["pid"]) in second.stderr


def test_stop_ends_it_and_leaves_nothing(nbmon, holiday):
    url = nbmon("start", "./holiday", "--port", "0").stdout.strip()
    pid = nbmon.view("holiday")["pid"]
    assert "holiday is stopped" in nbmon("stop", "holiday").stdout
    assert not Process(pid).alive
    assert nbmon.left() == []
    with pytest.raises(OSError, match=r"refused"):
        get(url)


def test_one_that_is_ended_by_a_signal_leaves_nothing_either(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    pid = nbmon.view("holiday")["pid"]
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not Process(pid).alive)
    assert nbmon.left() == []


def test_stop_takes_the_folder_as_well_as_the_name(nbmon, holiday):
    nbmon("start", "./holiday", "--name", "other", "--port", "0")
    nbmon("stop", holiday, cwd="/")
    assert nbmon.view("other")["state"] == "stopped"


def test_stopping_what_does_not_run_is_said_and_no_failure(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    done = nbmon("stop", "holidya")
    assert "holidya is not running. Did you mean holiday?" in done.stderr
    assert done.stdout == ""
    nbmon("stop", "holiday")
    assert "holiday is not running" in nbmon("stop", "holiday").stderr


def test_one_folder_under_several_names_is_asked_for_by_name(nbmon, holiday):
    for name in ("one", "two"):
        nbmon("start", "./holiday", "--name", name, "--port", "0")
    assert "one, two" in nbmon("stop", "./holiday", code=2).stderr


def test_a_name_that_another_folder_has_is_refused_with_a_way_out(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    other = nbmon.cwd / "other" / "holiday"
    other.mkdir(parents=True)
    done = nbmon("start", other, "--port", "0", code=1)
    assert str(holiday) in done.stderr
    assert "--name holiday-2" in done.stderr
    nbmon("start", other, "--port", "0", "--name", "holiday-2")


def test_restart_has_the_same_options_and_another_process(nbmon, holiday):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = nbmon("start", "./holiday", "--port", port, "--name", "pics").stdout
    before = nbmon.view("pics")
    done = nbmon("restart", "pics", cwd="/")
    after = nbmon.view("pics")
    assert done.stdout == url
    assert after["pid"] != before["pid"]
    assert {key: after[key] for key in ("url", "log", "target")} == {
        key: before[key] for key in ("url", "log", "target")
    }


def test_restart_of_what_does_not_run_starts_it(nbmon, holiday):
    (nbmon.cwd / "nbmon.toml").write_text("[services.web]\ntarget = 'holiday'\nport = 0\n")
    done = nbmon("restart", "web")
    assert done.stdout.startswith("http://127.0.0.1:")
    assert "was not running" in done.stderr


def test_a_restart_that_cannot_succeed_leaves_the_old_one_alone(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    holiday.rename(nbmon.cwd / "moved")
    assert "left as it is" in nbmon("restart", "holiday", code=1).stderr
    assert nbmon.view("holiday")["state"] == "running"


def test_status_tells_all_that_the_contract_names(nbmon, holiday):
    url = nbmon("start", "./holiday", "--port", "0").stdout.strip()
    view = nbmon.view("holiday")
    assert view["name"] == "holiday"
    assert view["state"] == "running"
    assert view["url"] == url
    assert view["log"] == str(nbmon.state / "nbmon" / "holiday.log")
    assert view["restarts"] == 0
    assert view["memory"] > 1_000_000
    assert view["uptime"] >= 0
    assert view["cpu_seconds"] >= 0
    (worker,) = [one for one in view["workers"] if one["name"] == "web"]
    own = {"name", "kind", "pid", "tid", "host_pid", "state", "restarts", "uptime", "last_death"}
    assert worker.keys() == own
    assert (worker["name"], worker["kind"], worker["state"]) == ("web", "coroutine", "running")
    assert Process(worker["pid"]).parent == view["pid"]


def test_status_of_everything_is_a_table_or_a_list(nbmon, holiday):
    empty = nbmon("status", code=3)
    assert "nbmon start" in empty.stdout
    assert nbmon("status", "--json", code=3).stdout.strip() == "[]"
    nbmon("start", "./holiday", "--port", "0")
    table = nbmon("status").stdout
    assert table.splitlines()[0].split()[:4] == ["name", "state", "pid", "uptime"]
    assert str(holiday) in table
    assert "\x1b" not in table


def test_status_of_the_dead_is_lsb_1_and_stop_sweeps_it_up(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    pid = nbmon.view("holiday")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not Process(pid).alive)
    assert "dead" in nbmon("status", "holiday", code=1).stdout
    assert "holiday  dead" in nbmon("status", code=1).stdout
    assert "was not running; what it had left behind is removed" in nbmon("stop", "holiday").stderr
    assert nbmon.left() == []
    nbmon("status", "holiday", code=3)


def test_the_dead_can_be_started_anew_with_the_same_options(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0", "--name", "pics")
    os.kill(nbmon.view("pics")["pid"], signal.SIGKILL)
    wait_until(lambda: nbmon.view("pics")["state"] == "dead")
    assert nbmon("restart", "pics").stdout.startswith("http://")
    assert nbmon.view("pics")["target"] == str(holiday)


def test_garbage_in_the_place_of_the_record_is_no_obstacle(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    (nbmon.runtime / "nbmon" / "holiday.json").write_text("{garbage")
    assert nbmon.view("holiday")["state"] == "running"
    assert "already running" in nbmon("start", "./holiday", "--port", "0", code=1).stderr
    nbmon("stop", "holiday")
    assert nbmon.view("holiday")["state"] == "stopped"


def test_run_serves_in_the_foreground_until_ctrl_c(nbmon, holiday):
    with nbmon.background("run", "./holiday", "--port", "0") as running:
        url = running.stdout.readline().strip()
        assert get(url)[0] == 200
        view = nbmon.view("holiday")
        assert (view["pid"], view["url"], view["log"]) == (running.pid, url, None)
        running.send_signal(signal.SIGINT)
        assert running.wait(GROSS_HANG) == 0
        assert "Traceback" not in running.stderr.read()
    assert nbmon.left() == []


def test_what_runs_in_the_foreground_can_be_stopped_by_name(nbmon, holiday):
    with nbmon.background("run", "./holiday", "--port", "0") as running:
        running.stdout.readline()
        nbmon("stop", "holiday")
        assert running.wait(GROSS_HANG) == 0


def test_the_log_of_what_runs_in_a_terminal_is_there(nbmon, holiday):
    with nbmon.background("run", "./holiday", "--port", "0") as running:
        running.stdout.readline()
        assert "runs in a terminal" in nbmon("logs", "holiday", code=1).stderr
        running.terminate()


def test_the_log_tells_where_it_serves_and_reload_opens_it_anew(nbmon, holiday):
    url = nbmon("start", "./holiday", "--port", "0").stdout.strip()
    assert f"INFO serving {holiday} at {url}" in nbmon("logs", "holiday").stdout
    log = nbmon.state / "nbmon" / "holiday.log"
    log.rename(f"{log}.1")
    pid = nbmon.view("holiday")["pid"]
    assert f"(pid {pid})" in nbmon("reload", "holiday").stdout
    wait_until(log.exists)
    assert get(url)[0] == 200
    nbmon("stop", "holiday")
    assert "INFO stopped" in nbmon("logs", "holiday").stdout


def test_reload_shows_the_folder_that_took_the_place_of_another(nbmon, holiday):
    url = nbmon("start", "./holiday", "--port", "0").stdout.strip()
    holiday.rename(holiday.with_name("old"))
    holiday.mkdir()
    (holiday / "new.txt").write_text("new")
    assert status_of(url + "a.png") == 200
    nbmon("reload", "holiday")
    wait_until(lambda: status_of(url + "a.png") == 404)
    assert status_of(url + "new.txt") == 200
    (holiday / "new.txt").unlink()
    holiday.rmdir()
    nbmon("reload", "holiday")
    wait_until(lambda: "the one that was opened before is shown" in nbmon("logs", "holiday").stdout)
    assert status_of(url) == 503


def test_the_process_says_what_it_is(nbmon, holiday):
    nbmon("start", "./holiday", "--port", "0")
    pid = nbmon.view("holiday")["pid"]
    with open(f"/proc/{pid}/cmdline") as file:
        assert file.read().rstrip("\0") == "nbmon: holiday (pictures)"


def test_twenty_starts_at_once_have_one_winner_whom_the_others_name(nbmon, holiday):
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    starts = [nbmon.background("start", "./holiday", "--port", "0", **quiet) for _ in range(20)]
    answers = [(start.communicate(timeout=2 * GROSS_HANG), start.returncode) for start in starts]
    winners = [out for (out, _), code in answers if code == 0]
    assert len(winners) == 1
    pid = str(nbmon.view("holiday")["pid"])
    losers = [err for (_, err), code in answers if code == 1]
    assert len(losers) == 19
    assert [err for err in losers if pid not in err or "already running" not in err] == []
