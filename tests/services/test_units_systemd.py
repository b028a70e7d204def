"""systemd units: what they say, read back by the rules of systemd.syntax(7), and judged by systemd itself."""

import re
import shutil
import subprocess

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nbmon.services.errors import MisuseError, ServiceError
from nbmon.services.service import Options, Service
from nbmon.services.units import systemd
from nbmon.services.units.plan import Plan

FLAGS = frozenset({"host", "port", "workers", "listen", "start_timeout", "log"})
PROGRAM = ("/bin/true",)
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None, reason="systemd-analyze is missing (apt-get install systemd)"
)


def pictures(target="/srv/pictures", name="web", **options):
    service = Service(name=name, kind="pictures", directory="/", target=target, options=Options(**options))
    return Plan(service=service, program=PROGRAM, flags=FLAGS, typed=service.options, paths=(target, "/usr"))


def command(*argv, directory="/srv", name="job", **options):
    service = Service(
        name=name, kind="command", directory=directory, command=argv, options=Options(**options)
    )
    return Plan(service=service, program=PROGRAM, flags=FLAGS, typed=service.options, paths=(directory,))


def changed(plan, **values):
    return msgspec.structs.replace(plan, **values)


def value(text, key):
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def systemds_words(line):
    """A command line as systemd.service(5) and systemd.syntax(7) read it: quotes, C's escapes, %%, $$."""
    words, at = [], 0
    raw = line.encode("utf-8", "surrogateescape")
    while at < len(raw):
        word, quote = b"", None
        while at < len(raw) and (quote or raw[at : at + 1] != b" "):
            char = raw[at : at + 1]
            if char == b"\\":
                kind = raw[at + 1 : at + 2]
                if kind == b"x":
                    word += bytes([int(raw[at + 2 : at + 4], 16)])
                    at += 4
                else:
                    assert kind in (b"\\", b'"'), kind
                    word += kind
                    at += 2
                continue
            if char in (b'"', b"'") and quote in (None, char):
                quote = None if quote else char
            else:
                word += char
            at += 1
        at += 1
        words.append(word)
    first, *others = [re.sub(rb"%(.?)", _percent, word) for word in words]
    return [first, *(re.sub(rb"\$(.?)", _dollar, word) for word in others)]


def _percent(found):
    assert found[1] == b"%", "a specifier"
    return b"%"


def _dollar(found):
    assert found[1] == b"$", "a variable"
    return b"$"


LETTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
AWKWARD = st.text(st.one_of(LETTERS, st.sampled_from("%$\\\"' ;\n\t{}\udc80\udcff")), max_size=12)


@given(st.lists(AWKWARD, max_size=4))
def test_any_words_reach_the_program_as_they_are(words):
    line = systemd.command_line(["/bin/echo", *words])
    assert "\n" not in line
    expected = [word.encode("utf-8", "surrogateescape") for word in words]
    assert systemds_words(line) == [b"/bin/echo", *expected]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["plain", "--a=b"], "plain --a=b"),
        (["50%"], '"50%%"'),
        (["$HOME"], '"$$HOME"'),
        ([""], '""'),
        ([";"], '";"'),
        (["a\nb"], '"a\\x0ab"'),
        (["\udcff"], '"\\xff"'),
        (["相片"], '"相片"'),
        (['say "hi" \\'], '"say \\"hi\\" \\\\"'),
    ],
)
def test_words_are_escaped_where_systemd_would_read_something_else(words, line):
    assert systemd.command_line(["/bin/echo", *words]) == f"/bin/echo {line}"


def test_the_programs_own_name_is_no_place_for_variables_so_its_dollar_stays():
    assert systemd.command_line(["/opt/a$b/nbmon"]) == '"/opt/a$b/nbmon"'


def test_a_picture_server_gets_a_user_of_its_own_and_may_write_nowhere_but_in_its_own_folders():
    text = systemd.unit(pictures())
    assert value(text, "DynamicUser") == ["yes"]
    assert value(text, "ProtectSystem") == ["strict"]
    assert value(text, "ReadWritePaths") == []
    assert value(text, "ReadOnlyPaths") == ["/srv/pictures"]
    assert value(text, "CapabilityBoundingSet") == [""]
    assert value(text, "StateDirectory") == ["nbmon/web"]
    assert "XDG_STATE_HOME=%S/nbmon/web" in value(text, "Environment")


def test_options_stand_on_the_command_line_and_the_log_does_not():
    text = systemd.unit(pictures(port=8000, workers="auto", log="/var/log/x"))
    assert value(text, "ExecStart") == ["/bin/true run --name web --port 8000 --workers auto /srv/pictures"]


def test_a_name_of_nbmon_toml_stays_a_name_so_that_its_file_goes_on_to_be_obeyed():
    plan = changed(pictures(port=8000), config="/etc/nb mon.toml", word="web", typed=Options(workers=2))
    expected = '/bin/true run --config "/etc/nb mon.toml" --workers 2 web'
    assert value(systemd.unit(plan), "ExecStart") == [expected]
    other = changed(plan, service=plan.service.replace(name="other"), typed=Options())
    assert value(systemd.unit(other), "ExecStart") == [
        '/bin/true run --name other --config "/etc/nb mon.toml" web'
    ]


@pytest.mark.parametrize(
    ("port", "right"), [(80, True), (1023, True), (1024, False), (0, False), (None, False)]
)
def test_only_a_port_below_1024_gets_the_one_capability_that_it_needs(port, right):
    text = systemd.unit(pictures(port=port))
    assert value(text, "AmbientCapabilities") == (["CAP_NET_BIND_SERVICE"] if right else [])
    assert value(text, "PrivateUsers") == ([] if right else ["yes"])


def test_the_reload_of_a_command_lives_among_the_same_users_so_that_it_sees_the_command():
    text = systemd.unit(command("true"))
    assert value(text, "PrivateUsers") == []
    assert value(text, "ExecReload") == ["/bin/true reload job"]
    assert value(systemd.unit(pictures()), "PrivateUsers") == ["yes"]


def test_times_are_whole_seconds_and_leave_nbmon_time_to_end_by_itself():
    text = systemd.unit(command("true", start_timeout=0.2, stop_timeout=2.5))
    assert value(text, "TimeoutStartSec") == ["1"]
    assert value(text, "TimeoutStopSec") == ["8"]


@pytest.mark.parametrize(("seconds", "whole"), [(0.0, 1), (0.2, 1), (2.0, 2), (2.5, 3)])
def test_no_time_at_all_is_not_written_as_0_which_means_for_ever(seconds, whole):
    assert value(systemd.unit(command("true", start_timeout=seconds)), "TimeoutStartSec") == [str(whole)]


def test_a_stopped_command_has_not_failed():
    assert value(systemd.unit(command("sleep", "9")), "SuccessExitStatus") == ["143"]


def test_what_lies_in_a_home_folder_is_run_by_the_one_whose_it_is():
    plan = changed(pictures("/home/ann/x"), person="ann")
    text = systemd.unit(plan)
    assert value(text, "User") == ["ann"]
    assert value(text, "DynamicUser") == []
    assert value(text, "ProtectHome") == ["read-only"]
    assert value(systemd.unit(changed(plan, user="bob")), "User") == ["bob"]
    assert value(systemd.unit(changed(pictures("/homely"), person="ann")), "ProtectHome") == ["yes"]


def test_a_folder_below_tmp_is_not_hidden_by_a_private_tmp():
    assert value(systemd.unit(pictures("/tmp/x")), "PrivateTmp") == ["no"]
    assert value(systemd.unit(pictures("/tmpx")), "PrivateTmp") == ["yes"]


@pytest.mark.parametrize("user", ["a b", "%n", "-x", "a\nUser=root", "7"])
def test_a_user_that_is_none_is_refused(user):
    with pytest.raises(MisuseError, match="is no name of a user"):
        systemd.unit(changed(pictures(), user=user))


@pytest.mark.parametrize("folder", ["/a\nb", "/a ", "/a\\", "/\udcff", "/a\x7f"])
def test_a_folder_that_no_unit_can_name_is_refused_with_its_name(folder):
    with pytest.raises(ServiceError, match="no systemd unit can name"):
        systemd.unit(command("true", directory=folder))


FOLDERS_TOLD = ("/tmp", "/home", "/root")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=10))
@example("tmp")
@example("home")
@example("tmp\u2028x")
def test_no_target_makes_a_line_of_its_own(word):
    try:
        text = systemd.unit(pictures(f"/{word}"))
    except ServiceError:
        return
    told = "" if f"/{word}" not in FOLDERS_TOLD else f"/{word}"  # these have remarks of their own
    keys = [re.sub("=.*", "", line) for line in text.split("\n")]
    assert keys == [re.sub("=.*", "", line) for line in systemd.unit(pictures(told or "/x")).split("\n")]


def test_with_a_socket_unit_the_service_takes_its_sockets_from_systemd():
    plan = pictures(host="::1", port=80)
    text = systemd.unit(plan, socket=True)
    assert value(text, "ExecStart") == ["/bin/true run --name web --listen systemd /srv/pictures"]
    assert value(text, "Requires") == ["web.socket"]
    assert value(text, "AmbientCapabilities") == []
    assert value(systemd.socket_unit(plan), "ListenStream") == ["[::1]:80"]


@pytest.mark.parametrize(
    ("host", "stream"),
    [(None, "127.0.0.1:9085"), ("*", "9085"), ("localhost", "127.0.0.1:9085"), ("0.0.0.0", "0.0.0.0:9085")],
)
def test_a_socket_unit_listens_where_run_would(host, stream):
    assert value(systemd.socket_unit(pictures(host=host)), "ListenStream") == [stream]


def test_each_further_place_is_a_stream_of_the_socket_unit():
    plan = pictures(listen=("127.0.0.1:9000", "[::1]:9001", "unix:/run/50%.sock", "systemd"))
    assert value(systemd.socket_unit(plan), "ListenStream") == [
        "127.0.0.1:9000",
        "[::1]:9001",
        "/run/50%%.sock",
    ]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (command("true"), "for picture servers"),
        (pictures(port=0), "any free port"),
        (pictures(host="example.org"), "listens at addresses"),
    ],
)
def test_a_socket_unit_that_cannot_be_is_refused(plan, words):
    with pytest.raises(MisuseError, match=words):
        systemd.socket_unit(plan)


def test_a_version_that_takes_no_sockets_says_so():
    with pytest.raises(ServiceError, match="takes no sockets"):
        systemd.unit(changed(pictures(), flags=FLAGS - {"listen"}), socket=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("units")
    work = folder / "50% é"
    work.mkdir()
    plans = {
        "web": pictures(str(work), port=80),
        "job": command("sh", "-c", 'echo "$HOME" 100% \n ; é', directory=str(work)),
    }
    for name, plan in plans.items():
        (folder / f"{name}.service").write_text(systemd.unit(plan, socket=name == "web"))
    (folder / "web.socket").write_text(systemd.socket_unit(plans["web"]))
    return folder


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_units(written):
    units = [str(written / name) for name in ("web.service", "web.socket", "job.service")]
    done = subprocess.run(
        [ANALYZE, "verify", *units], capture_output=True, text=True, timeout=60, check=False
    )
    if "Failed to initialize manager" in done.stderr:
        pytest.skip(f"systemd-analyze cannot work here: {done.stderr.strip()}")
    assert (done.stderr, done.returncode) == ("", 0)


@needs_systemd
@pytest.mark.parametrize(("name", "most"), [("web", 2.0), ("job", 2.5)])
def test_systemd_finds_the_units_well_closed(written, name, most):
    done = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--no-pager", str(written / f"{name}.service")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze cannot judge files: {done.stderr.strip()}")
    assert float(found[1]) <= most


@pytest.mark.parametrize("plan", [pictures(), command("sleep", "1")])
def test_nbmons_own_loop_is_watched(plan):
    assert value(systemd.unit(plan), "WatchdogSec") == ["30"]


def test_a_class_is_watched_only_if_its_owner_says_so():
    service = Service(name="own", kind="class", directory="/srv", target="app:Own")
    text = systemd.unit(Plan(service=service, program=PROGRAM, flags=FLAGS, paths=("/srv",)))
    assert value(text, "WatchdogSec") == []
    assert "a Daemon that calls nbmon.heartbeat(): WatchdogSec=30\n" in text
