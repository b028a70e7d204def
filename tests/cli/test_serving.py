"""The options of a picture server, from the command line to the wire, through a reload to the end."""

import fcntl
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

import bcrypt
import pytest

from support.proc import GROSS_HANG, Process, wait_until

OPENSSL = shutil.which("openssl")


def get(url, context=None, **fields):
    request = urllib.request.Request(url, headers={key.replace("_", "-"): v for key, v in fields.items()})
    try:
        with urllib.request.urlopen(request, timeout=GROSS_HANG, context=context) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.headers, answer.read()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


WRONG = [
    (["--listen", "nowhere:x"], 2, "--listen: 'nowhere:x' has no port"),
    (["--metrics", "127.0.0.1"], 2, "has no port"),
    (["--header", "Content-Length: 1"], 2, "the server's own"),
    (["--cors", "example.org"], 2, "is no origin"),
    (["--cache-control", "x"], 2, "is no PATTERN=VALUE"),
    (["--base-path", "x"], 2, "is no path"),
    (["--tls-key", "x"], 2, "give it with --tls-cert"),
    (["--access-log-format", "json"], 2, "give one with --access-log"),
    (["--access-log-format", "xml"], 2, "xml"),
    (["--tls-cert", "missing.pem"], 1, "for TLS: No such file or directory"),
    (["--auth", "missing"], 1, "cannot read the passwords in"),
    (["--auth", "../here/holiday/a.png"], 1, "line 1: this is no NAME:HASH; htpasswd -B"),
    (["--access-log", "missing/a.log"], 1, "name another with --access-log"),
    (["--listen", "systemd"], 1, "no sockets were handed over by systemd"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_word_is_answered_and_nothing_is_left(nbmon, holiday, words, code, sentence):
    done = nbmon("start", "holiday", "--port", "0", *words, code=code)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert nbmon.left() == []


def test_answers_are_logged_counted_and_healthy_on_a_socket_of_their_own(nbmon, holiday, tmp_path):
    port = free_port()
    log = tmp_path / "access.log"
    words = ["--access-log", str(log), "--access-log-format", "combined", "--metrics", f"127.0.0.1:{port}"]
    url = nbmon("start", "./holiday", "--port", "0", *words).stdout.strip()
    assert get(url + "a.png", User_Agent='x"y')[0] == 200
    assert get(url + "missing")[0] == 404
    assert get(url + "-/metrics")[0] == 404, "the counts are on the public socket"
    admin = f"http://127.0.0.1:{port}"
    assert get(f"{admin}/-/health")[2] == b"ok\n"
    assert get(f"{admin}/-/ready")[2] == b"ok\n"
    told = get(f"{admin}/metrics")[2].decode()
    assert 'nbmon_requests_total{status="200",kind="image/png"} 1\n' in told
    assert 'nbmon_requests_total{status="404",kind="text/html"} 2\n' in told
    log.rename(tmp_path / "old.log")
    nbmon("reload", "holiday")
    get(url)
    nbmon("stop", "holiday")
    lines = [*(tmp_path / "old.log").read_text().splitlines(), *log.read_text().splitlines()]
    assert len(lines) == 4
    assert re.fullmatch(r'127\.0\.0\.1 - - \[[^]]+\] "GET /a.png HTTP/1.1" 200 \d+ "-" "x\\"y"', lines[0])


def test_passwords_headers_and_a_base_path_from_the_file_of_services(nbmon, holiday, tmp_path):
    people = holiday.parent / "people"
    people.write_bytes(b"anna:" + bcrypt.hashpw(b"x", bcrypt.gensalt(4)) + b"\n")
    (holiday.parent / "nbmon.toml").write_text(
        '[services.web]\ntarget = "holiday"\nport = 0\nauth = "people"\nbase_path = "/p"\n'
        'header = ["X-A: b"]\ncors = ["*"]\ncache_control = ["*.png=max-age=5"]\nmetrics = "public"\n'
    )
    url = nbmon("start", "web").stdout.strip()
    assert url.endswith("/p/")
    status, fields, _ = get(url + "a.png")
    assert (status, fields["x-a"]) == (401, "b")
    status, fields, body = get(url + "a.png", Authorization="Basic YW5uYTp4")
    assert (status, body) == (200, (holiday / "a.png").read_bytes())
    assert (fields["cache-control"], fields["access-control-allow-origin"]) == ("private, max-age=5", "*")
    assert nbmon.view("web")["url"] == url


@pytest.mark.skipif(OPENSSL is None, reason="certificates are made by the openssl program")
def test_tls_with_a_certificate_that_changes_while_it_serves(nbmon, holiday, tmp_path):
    def make():
        subprocess.run(
            [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", tmp_path / "k.pem", "-out", tmp_path / "c.pem", "-days", "2", "-subj", "/CN=x",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True, timeout=GROSS_HANG,
        )  # fmt: skip
        return ssl.create_default_context(cafile=tmp_path / "c.pem")

    first = make()
    words = ["--tls-cert", str(tmp_path / "c.pem"), "--tls-key", str(tmp_path / "k.pem")]
    sock = tmp_path / "s"
    url = nbmon("start", "./holiday", "--port", "0", "--listen", f"unix:{sock}", *words).stdout.strip()
    assert url.startswith("https://127.0.0.1:")
    assert get(url + "a.png", first)[2] == (holiday / "a.png").read_bytes()
    with socket.socket(socket.AF_UNIX) as plain:  # a proxy's, on this machine
        plain.settimeout(GROSS_HANG)
        plain.connect(str(sock))
        plain.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.recv(15) == b"HTTP/1.1 200 OK"
    second = make()
    nbmon("reload", "holiday")
    wait_until(lambda: _accepts(url, second))
    with pytest.raises(urllib.error.URLError):
        get(url, first)
    nbmon("stop", "holiday")
    assert not sock.exists()


def _accepts(url, context):
    try:
        return get(url, context)[0] == 200
    except urllib.error.URLError:
        return False


HANDED = """
import os, sys
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="web")
os.execv(sys.executable, [sys.executable, "-m", "nbmon", "run", "holiday", *sys.argv[1:]])
"""


@pytest.mark.parametrize("words", [[], ["--listen", "systemd:web"]])
def test_sockets_of_systemd_are_served_on(nbmon, holiday, words):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        at = f"127.0.0.1:{listener.getsockname()[1]}"
        high = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 100)
    command = [sys.executable, "-c", HANDED, *words]
    running = subprocess.Popen(
        ["/bin/bash", "-c", f'exec 3<&{high} {high}<&-; exec "$@"', "bash", *command],
        cwd=holiday.parent, env=nbmon.env, pass_fds=[high], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(high)
    try:
        assert running.stdout.readline() == f"http://{at}/\n"
        assert get(f"http://{at}/a.png")[2] == (holiday / "a.png").read_bytes()
        running.terminate()
        assert running.wait(GROSS_HANG) == 0
    finally:
        running.kill()
        running.communicate(timeout=GROSS_HANG)


MANY = {
    "thread": ["--model", "thread"],
    "process": ["--model", "process"],
    "workers": ["--workers", "2"],
}
REQUESTS = 40


def _counted(admin):
    """Requests and connections that all workers together have counted."""
    told = get(f"{admin}/metrics")[2].decode()
    requests = sum(map(int, re.findall(r"^nbmon_requests_total\S+ (\d+)$", told, re.MULTILINE)))
    return requests, int(re.search(r"^nbmon_connections_total (\d+)$", told, re.MULTILINE)[1])


@pytest.mark.parametrize("words", MANY.values(), ids=MANY)
def test_whoever_answers_every_answer_is_counted_and_logged_once(nbmon, holiday, tmp_path, words):
    log, admin = tmp_path / "access.log", f"127.0.0.1:{free_port()}"
    options = ["--port", "0", "--access-log", str(log), "--metrics", admin]
    url = nbmon("start", "./holiday", *options, *words).stdout.strip()
    for _ in range(REQUESTS):
        assert get(url + "a.png")[0] == 200
    wait_until(lambda: _counted(f"http://{admin}") == (REQUESTS, REQUESTS))
    before = {worker["pid"] for worker in nbmon.view("holiday")["workers"]}
    nbmon("reload", "holiday")
    wait_until(lambda: not before & {worker["pid"] for worker in nbmon.view("holiday")["workers"]})
    wait_until(lambda: not any(Process(pid).alive for pid in before))
    wait_until(lambda: _counted(f"http://{admin}") == (REQUESTS, REQUESTS))
    nbmon("stop", "holiday")
    lines = log.read_text().splitlines()
    assert len(lines) == REQUESTS
    assert {line.split()[0] for line in lines} == {"127.0.0.1"}


@pytest.mark.parametrize("words", [[], *MANY.values()], ids=["coroutine", *MANY])
def test_after_a_reload_everybody_has_the_new_passwords_and_the_new_log(nbmon, holiday, tmp_path, words):
    people, log = holiday.parent / "people", tmp_path / "access.log"
    lines = {word: b"anna:" + bcrypt.hashpw(word, bcrypt.gensalt(4)) + b"\n" for word in (b"x", b"y")}
    people.write_bytes(lines[b"x"])
    options = ["--port", "0", "--auth", "people", "--access-log", str(log), *words]
    url = nbmon("start", "./holiday", *options).stdout.strip()
    old, new = "Basic YW5uYTp4", "Basic YW5uYTp5"
    assert [get(url, Authorization=old)[0] for _ in range(4)] == [200] * 4
    people.write_bytes(lines[b"y"])
    log.rename(tmp_path / "old.log")
    before = {worker["pid"] for worker in nbmon.view("holiday")["workers"]}
    nbmon("reload", "holiday")
    if words and "thread" not in words:  # processes that have what was read before are followed by others
        wait_until(lambda: not before & {worker["pid"] for worker in nbmon.view("holiday")["workers"]})
    wait_until(lambda: get(url, Authorization=new)[0] == 200)
    wait_until(lambda: [get(url, Authorization=old)[0] for _ in range(6)] == [401] * 6)
    assert [get(url, Authorization=new)[0] for _ in range(6)] == [200] * 6
    nbmon("stop", "holiday")
    assert '" 401 ' in log.read_text()
