"""Others' configuration: what becomes of it, what is said of the rest, and that nbmon.toml reads it."""

import configparser
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services import config
from nbmon.services.convert import ini, reading
from nbmon.services.convert.programs import Notes, Program, text, written
from nbmon.services.errors import MisuseError, ServiceError
from services.converting import from_circus, from_procfile, from_supervisord, program


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("command=app", ("app",)),
        ("command = app --x 'a b' \"c\"", ("app", "--x", "a b", "c")),
        ("command=app ; a comment", ("app",)),
        ("command=app # a comment", ("app",)),
        ("command=app a;b#c", ("app", "a;b#c")),
        ("COMMAND: app", ("app",)),
        ("command=app %(program_name)s %(group_name)s", ("app", "web", "web")),
        ("command=app %(here)s %(host_node_name)s", ("app", "/etc", "box")),
        ("command=app %(ENV_HOME)s", ("app", "/home/ann")),
        ("command=app 100%%", ("app", "100%")),
        ("command=app %(process_num)03d", ("app", "000")),
        ("command=app\n  --more\n  --words", ("app", "--more", "--words")),
        ("command=a\ncommand=b", ("b",)),
        (
            "environment=A=1,B=\"x, y\",C='%(ENV_PORT)s'\ncommand=app",
            ("env", "A=1", "B=x, y", "C=7000", "app"),
        ),
        ("command=app %(ENV_A)s\nenvironment=A=1", ("env", "A=1", "app", "1")),
    ],
)
def test_a_command_of_supervisord_is_the_same_here(line, command):
    assert program(line).command == command


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ("", "stop_timeout", None),
        ("stopwaitsecs=20", "stop_timeout", 20.0),
        ("stopwaitsecs=999999", "stop_timeout", 86400.0),
        ("", "log", None),
        ("stdout_logfile=/tmp/%(program_name)s.log", "log", "/tmp/web.log"),
        ("stdout_logfile=AUTO", "log", None),
        ("stdout_logfile=NONE\nredirect_stderr=true", "log", "/dev/null"),
        ("stdout_logfile=/dev/stdout\nredirect_stderr=true", "log", None),
        ("stderr_logfile=/tmp/e.log", "log", "/tmp/e.log"),
        ("directory=%(here)s/app", "directory", "/etc/app"),
    ],
)
def test_a_value_of_supervisord_has_its_key_here(lines, key, value):
    assert getattr(program(f"command=app\n{lines}"), key) == value


def test_numprocs_are_so_many_services_with_their_own_names_and_numbers():
    content = (
        "[program:web]\nnumprocs=2\nnumprocs_start=5\nprocess_name=%(program_name)s_%(process_num)02d\n"
        "command=app --port 80%(process_num)02d of %(numprocs)d"
    )
    found, _ = from_supervisord(content)
    assert {name: table.command for name, table in found.items()} == {
        "web_05": ("app", "--port", "8005", "of", "2"),
        "web_06": ("app", "--port", "8006", "of", "2"),
    }


def test_what_supervisord_gives_to_all_is_given_to_each():
    found, _ = from_supervisord(
        "[supervisord]\nenvironment=A=1,B=2\ndirectory=/srv\n[program:x]\ncommand=x\nenvironment=B=3"
    )
    assert found["x"].command == ("env", "A=1", "B=3", "x")
    assert found["x"].directory == "/srv"


LOST = [
    # what follows `[program:web]` and its command, the line that is named, the sentence
    ("umask=022", 3, "[program:web] umask = 022 has no counterpart"),
    ("user=www", 3, "[program:web] user = www has no counterpart: start it as that user"),
    ("startretries=7", 3, "[program:web] startretries = 7 has no counterpart"),
    ("stopsignal=QUIT", 3, "[program:web] stopsignal = QUIT has no counterpart: nbmon asks with SIGTERM"),
    ("exitcodes=0,2", 3, "[program:web] exitcodes = 0,2 has no counterpart: only an end with code 0"),
    ("autostart=true", 3, "[program:web] autostart = true has no counterpart"),
    ("killasgroup=false", 3, "[program:web] killasgroup = false has no counterpart"),
    ("stopasgroup=true", 3, "[program:web] stopasgroup = true has no counterpart"),
    ("directory=app", 3, "[program:web] directory = app counts from the folder of nbmon.toml"),
    ("stdout_logfile=a\nstderr_logfile=b", 4, "[program:web] stderr_logfile = b has no counterpart"),
    ("stdout_logfile_maxbytes=1MB", 3, "[program:web] stdout_logfile_maxbytes = 1MB has no counterpart"),
    (
        "autostrat=true",
        3,
        "[program:web] autostrat is nothing that supervisord knows. Did you mean autostart?",
    ),
    ("[group:g]\nprograms=web", 3, "[group:g] has no counterpart"),
    ("[eventlistener:g]\ncommand=web", 3, "[eventlistener:g] has no counterpart"),
    ("[nonsense]", 3, "[nonsense] is nothing that supervisord knows"),
    ("[supervisord]\nlogfile=x", 4, "[supervisord] logfile = x has no counterpart"),
]


@pytest.mark.parametrize(("lines", "line", "sentence"), LOST)
def test_what_has_no_counterpart_is_said_with_its_line(lines, line, sentence):
    _, sentences = from_supervisord(f"[program:web]\ncommand=app\n{lines}")
    assert any(one.startswith(f"supervisord.conf, line {line}: {sentence}") for one in sentences), sentences


@pytest.mark.parametrize(
    "line",
    ["autorestart=false", "stopsignal=TERM", "autostart=false", "killasgroup=true", "stopasgroup=false"],
)
def test_what_nbmon_does_anyway_is_not_complained_of(line):
    _, sentences = from_supervisord(f"[program:web]\ncommand=app\nautorestart=false\n{line}")
    assert sentences == ()


@pytest.mark.parametrize(
    ("said", "meant"), [("true", "permanent"), ("false", "temporary"), ("unexpected", None), (None, None)]
)
def test_what_is_restarted_there_is_restarted_here(said, meant):
    line = "" if said is None else f"autorestart={said}"
    found, sentences = from_supervisord(f"[program:web]\ncommand=app\n{line}")
    assert (found["web"].restart, sentences) == (meant, ())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "has no program in it"),
        ("[supervisord]\n", "has no program in it"),
        ("x=1", "line 1: 'x=1' stands before the first \\[section\\]"),
        ("[program:web]\nx", "line 2: 'x' is no KEY=VALUE"),
        ("[program:web]\nuser=x", "line 1: \\[program:web\\] has no command"),
        ("[program:web]\ncommand=", "line 2: command is empty"),
        ("[program:web]\ncommand=a 'b", "line 2: command: no closing quotation"),
        ("[program:web]\ncommand=a %b", "line 2: '%b' is no expansion"),
        ("[program:web]\ncommand=a %", "line 2: '%' is no expansion"),
        (
            "[program:web]\ncommand=a %(b)s",
            "cannot be expanded; accepted are here, host_node_name, program_name",
        ),
        ("[program:web]\ncommand=a %(ENV_NOPE)s", "ENV_NOPE"),
        ("[program:web]\ncommand=a %(here)d", "is for numbers"),
        ("[program:web]\ncommand=a %(here)999999999s", "is no expansion"),
        ("[program:web]\ncommand=a\nenvironment=A", "line 3: environment is not of the form"),
        ("[program:web]\ncommand=a\nenvironment=A='", "line 3: environment: no closing quotation"),
        ("[program:web]\ncommand=a\nnumprocs=2", "needs a process_name"),
        ("[program:web]\ncommand=a\nnumprocs=two", "numprocs = two is no whole number"),
        ("[program:web]\ncommand=a\nnumprocs=-1", "is no whole number"),
        ("[program:web]\ncommand=a\nnumprocs=99999999", "is out of range"),
        ("[program:web]\ncommand=a\0", "a NUL"),
    ],
)
def test_a_wrong_supervisord_conf_is_answered_with_a_sentence(content, sentence):
    with pytest.raises(ServiceError, match=sentence):
        from_supervisord(content)


def test_names_that_nbmon_does_not_take_are_changed_and_stay_apart():
    found, _ = from_supervisord(
        "[program:a b]\ncommand=x\n[program:a-b]\ncommand=y\n[program:A-B]\ncommand=z"
    )
    assert list(found) == ["a-b", "a-b-2", "A-B-3"]


INI = st.lists(
    st.sampled_from(
        [
            "[a]",
            "[b]",
            "k=v",
            "K = w",
            "k: x",
            " more",
            "  more",
            " k=2",
            "  j=1",
            "",
            " ; c",
            "# c",
            "j = a ; c",
            "j=a;b",
            "x =",
            "\t=y",
            "k=v # c",
        ]
    ),
    max_size=10,
)


@given(INI)
def test_ini_files_are_read_as_pythons_configparser_reads_them(lines):
    content = "\n".join(lines)
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    try:
        parser.read_string(content)
    except configparser.Error:
        with pytest.raises(ServiceError, match="line"):
            ini.read(content, "x", ini.SUPERVISORD)
        return
    found = ini.read(content, "x", ini.SUPERVISORD)
    mine = {
        name: {key: entry.value for key, entry in section.entries.items()} for name, section in found.items()
    }
    assert mine == {name: dict(parser.items(name)) for name in parser.sections()}


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), min_size=1
    )
)
def test_any_words_are_read_back_by_nbmon_toml(words):
    made = written([Program(name="x", command=tuple(words))], Notes(), "x")
    assert config.parse(made.text).services["x"].command == tuple(words)


@pytest.mark.parametrize("word", ["\udcff", "a\0"])
def test_words_that_no_toml_file_can_hold_are_refused(word):
    with pytest.raises(ServiceError, match="no TOML file can"):
        text(word)


@given(st.text(st.sampled_from("[]=:;#%()s'\"\n \tabprogram:cmd"), max_size=60))
def test_no_text_makes_more_than_a_sentence(content):
    for convert in (from_supervisord, from_circus, from_procfile):
        try:
            convert(content)
        except ServiceError as error:
            assert "\n" not in str(error)


def test_a_procfile_is_run_by_the_shell_as_it_is_meant():
    found, sentences = from_procfile(
        "# c\nweb: app --port $PORT\n\nworker: a | b && c\nnonsense\napi: x ${PORT:-1}\n"
    )
    assert {name: table.command for name, table in found.items()} == {
        "web": ("env", "PORT=5000", "sh", "-c", "app --port $PORT"),
        "worker": ("sh", "-c", "a | b && c"),
        "api": ("env", "PORT=5200", "sh", "-c", "x ${PORT:-1}"),
    }
    assert any(one.startswith("Procfile, line 5: 'nonsense' is no NAME: COMMAND") for one in sentences)


def test_included_files_are_read_and_named(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "main.conf").write_text(
        "[supervisord]\n[include]\nfiles = %(here)s/conf.d/*.conf none/*.conf\n"
    )
    (tmp_path / "conf.d" / "b.conf").write_text("[program:b]\ncommand=b %(here)s\numask=022\n")
    (tmp_path / "conf.d" / "a.conf").write_text("[program:a]\ncommand=a\n")
    made = reading.convert(str(tmp_path / "main.conf"))
    found = config.parse(made.text).services
    assert list(found) == ["a", "b"]
    assert found["b"].command == ("b", str(tmp_path / "conf.d"))
    assert any(f"{tmp_path}/conf.d/b.conf, line 3: [program:b] umask" in one for one in made.sentences)
    assert any("main.conf, line 3: no file is found by none/*.conf" in one for one in made.sentences)


@pytest.mark.parametrize(
    ("name", "content", "services"),
    [
        ("Procfile.dev", "a: b\n", {"a"}),
        ("anything", "a: b\n", {"a"}),
        ("x.ini", "[program:p]\ncommand=x\n", {"p"}),
        ("x.ini", "[watcher:w]\ncmd=x\n", {"w"}),
    ],
)
def test_what_a_file_is_is_told_by_its_name_and_content(tmp_path, name, content, services):
    (tmp_path / name).write_text(content)
    assert set(tomllib.loads(reading.convert(str(tmp_path / name)).text)["services"]) == services


def test_a_dotenv_file_beside_a_procfile_is_spoken_of(tmp_path):
    (tmp_path / "Procfile").write_text("a: b\n")
    (tmp_path / ".env").write_text("X=1\n")
    assert any(".env beside it" in one for one in reading.convert(str(tmp_path / "Procfile")).sentences)


def test_what_is_nothing_of_the_three_is_refused(tmp_path):
    (tmp_path / "x").write_text("[section]\nkey=value\n")
    with pytest.raises(MisuseError, match="looks like neither"):
        reading.convert(str(tmp_path / "x"))


def test_a_file_that_cannot_be_read_is_answered_with_a_sentence(tmp_path):
    (tmp_path / "latin").write_bytes(b"a: b\n\xe9: c\n")
    (tmp_path / "large").write_bytes(b"#" * (reading.LARGEST + 1))
    for path, sentence in (
        (tmp_path / "missing", "no such file"),
        (tmp_path, "is a directory"),
        (tmp_path / "latin", "line 2: byte 0xe9 is not UTF-8"),
        (tmp_path / "large", "is larger than"),
        ("", "is no name of a file"),
    ):
        with pytest.raises(ServiceError, match=sentence):
            reading.convert(str(path))
