"""A picture server's options: which make sense, alone and together, and how a wrong one is answered."""

import json
import os
import socket

import pytest

from nbmon.http import Request, Response
from nbmon.serve import CoroutineServer
from nbmon.serve.ledger import Ledger
from nbmon.services import config, serving
from nbmon.services.checks import check_options
from nbmon.services.errors import MisuseError, ServiceError
from nbmon.services.service import Options, Service

WRONG = [
    ({"listen": ("127.0.0.1:9086", "nowhere:x")}, "--listen: 'nowhere:x' has no port"),
    ({"metrics": "127.0.0.1"}, "--metrics: '127.0.0.1' has no port"),
    ({"metrics": "publc"}, "--metrics: 'publc' has no port"),
    ({"cors": ("https://a.example/",)}, "--cors: cors 'https://a.example/' is no origin"),
    ({"cache_control": ("no-store",)}, "--cache-control: cache control 'no-store' is no PATTERN=VALUE"),
    ({"base_path": "photos"}, "--base-path: base path 'photos' is no path"),
    ({"header": ("X-Fine: yes", "Connection: close")}, "--header: header Connection is the server's own"),
    ({"limit": ("idel=3",)}, "--limit: 'idel=3' sets no limit; accepted are head_bytes, fields,"),
    ({"limit": ("idle",)}, "--limit: 'idle' sets no limit"),
    ({"limit": ("idle=0",)}, "--limit: idle is '0'; accepted is a number above 0, up to 86400"),
    ({"limit": ("idle=nan",)}, "--limit: idle is 'nan'"),
    ({"limit": ("fields=1.5",)}, "--limit: fields is '1.5'; accepted is a whole number from 1"),
    ({"limit": ("connections=0",)}, "--limit: connections is '0'"),
    ({"limit": ("connections=" + "9" * 5000,)}, "--limit: connections is '999"),
    ({"tls_key": "/k.pem"}, "--tls-key: it is the key of a certificate, which is missing"),
    ({"access_log_format": "json"}, "--access-log-format: there is no access log"),
    ({"preset": ("thumb",)}, "--preset: 'thumb' is no preset; accepted is NAME=PARAMETERS"),
    ({"preset": ("thumb=w=0",)}, "--preset: preset thumb: w is '0'; accepted is a whole number"),
    ({"preset": ("thumb=page=2",)}, "--preset: preset thumb: 'page=2' is no recipe"),
    ({"preset": ("a/b=w=1",)}, "--preset: 'a/b=w=1' is no preset"),
    ({"processing": "presets"}, "--processing: there are no presets; give some"),
    ({"cache_size": "2 elephants"}, "--cache-size: '2 elephants' is no size; accepted is a number"),
    ({"cache_size": "-1"}, "--cache-size: '-1' is no size"),
    ({"cache_size": "9999999TB"}, "--cache-size: '9999999TB' is no size"),
    ({"max_megapixels": "0"}, "--max-megapixels: '0' is not accepted; it is a whole number from 1 to 1000"),
    ({"max_megapixels": "1e3"}, "--max-megapixels: '1e3' is not accepted"),
]
RIGHT = [
    {"listen": ("127.0.0.1", "[::1]:9086", "unix:/run/x.sock", "systemd:web")},
    {"metrics": "public"},
    {"metrics": "unix:/run/m.sock"},
    {"metrics": "systemd:metrics"},
    {"tls_cert": "/c.pem", "tls_key": "/k.pem"},
    {"access_log": "-", "access_log_format": "json"},
    {"cors": ("*",), "cache_control": ("*=no-store",), "base_path": "/p", "header": ("X-A: b",)},
    {"limit": ("idle=0.5", "connections=1", "head_bytes=4096")},
    {"processing": "presets", "preset": ("thumb=w=320&h=240&fit=crop", "wide=w=1600&auto=format")},
    {"cache_size": "1.5GB", "max_megapixels": "200", "sign_key": "/k"},
    {"cache_size": "0", "processing": "none"},
]


@pytest.mark.parametrize(("said", "sentence"), WRONG)
def test_a_wrong_option_is_named_and_answered(said, sentence):
    key, words = serving.fault(Options(**said))
    assert key in said
    assert f"--{key.replace('_', '-')}: {words}".startswith(sentence)
    assert "\n" not in words


@pytest.mark.parametrize("said", RIGHT)
def test_a_right_option_is_taken(said):
    assert serving.fault(Options(**said)) is None


@pytest.mark.parametrize("key", serving.KEYS)
def test_only_picture_servers_have_them(key):
    value = ("x",) if key in serving.REPEATED else "x"
    service = Service(
        name="n", kind="command", directory="/", command=("ls",), options=Options(**{key: value})
    )
    with pytest.raises(MisuseError, match="is for picture servers"):
        check_options(service)


def test_the_options_of_a_file_are_read_with_its_paths():
    text = """
    [services.web]
    target = "pictures"
    listen = ["127.0.0.1:9086", "unix:/run/x.sock"]
    tls_cert = "tls/c.pem"
    tls_key = "/etc/k.pem"
    auth = "people"
    access_log = "-"
    access_log_format = "json"
    metrics = "public"
    cors = ["*"]
    cache_control = ["*.jpg=max-age=60"]
    base_path = "/photos"
    header = ["Referrer-Policy: no-referrer"]
    limit = ["idle=30"]
    """
    options = config.parse(text, "/srv/nbmon.toml").options("web")
    assert (options.tls_cert, options.tls_key, options.auth) == (
        "/srv/tls/c.pem",
        "/etc/k.pem",
        "/srv/people",
    )
    assert (options.access_log, options.listen) == ("-", ("127.0.0.1:9086", "unix:/run/x.sock"))
    assert serving.fault(options) is None


def addresses(**said):
    outfit = serving.Outfit(Options(**said))
    return [(place.host, place.port) for place in outfit._places()]


def test_what_is_listened_on_beside_and_instead_of_the_usual():
    assert addresses() == [("127.0.0.1", None)]
    assert addresses(listen=("[::1]:1",)) == [("::1", 1)]
    assert addresses(listen=("[::1]:1",), port=2) == [("127.0.0.1", 2), ("::1", 1)]
    assert addresses(listen=("[::1]:1",), host="h") == [("h", None), ("::1", 1)]


def test_several_places_are_listened_on_at_once(tmp_path):
    outfit = serving.Outfit(Options(port=0, listen=("127.0.0.1:0", f"unix:{tmp_path}/s")))
    sockets = outfit.listen("--port 1")
    try:
        assert [sock.family for sock in sockets] == [socket.AF_INET, socket.AF_INET, socket.AF_UNIX]
    finally:
        for sock in sockets:
            sock.close()


def test_one_place_that_is_taken_leaves_none_open(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        before = set(os.listdir("/proc/self/fd"))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServiceError, match="is taken by"):
            serving.Outfit(Options(port=0, listen=(where,))).listen("--port 1")
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"tls_cert": "/nowhere/c.pem"}, "cannot read '/nowhere/c.pem' for TLS"),
        ({"listen": ("systemd",)}, "no sockets were handed over by systemd"),
    ],
)
def test_what_cannot_be_had_is_a_sentence(said, sentence):
    with pytest.raises(ServiceError, match=sentence):
        serving.Outfit(Options(port=0, **said)).listen("--port 1")


def test_passwords_that_cannot_be_had_are_a_sentence(tmp_path):
    (tmp_path / "weak").write_text("anna:{SHA}abc\n")
    for path, sentence in (("missing", "cannot read the passwords"), ("weak", "accepted is bcrypt")):
        with pytest.raises(ServiceError, match=sentence):
            serving.Outfit(Options(auth=str(tmp_path / path))).dress(application, Ledger())


def application(request):
    return Response(200, [], request.path)


def test_the_layers_stand_in_the_right_order(tmp_path):
    """A preflight passes without a password; a refusal carries the headers; a path loses its base last."""
    import bcrypt

    people = tmp_path / "people"
    people.write_bytes(b"anna:" + bcrypt.hashpw(b"x", bcrypt.gensalt(4)) + b"\n")
    options = Options(
        auth=str(people), cors=("*",), base_path="/p", header=("X-A: b",), metrics="public",
        cache_control=("*.jpg=no-store",),
    )  # fmt: skip
    app = serving.Outfit(options).dress(application, Ledger())
    right = (b"authorization", b"Basic YW5uYTp4")
    preflight = Request(
        "OPTIONS", b"/p/a", b"/p/a", fields=((b"access-control-request-method", b"GET"), (b"origin", b"o"))
    )
    assert app(preflight).status == 204
    refused = app(Request("GET", b"/p/a.jpg", b"/p/a.jpg"))
    assert (refused.status, refused.field(b"x-a"), refused.field(b"access-control-allow-origin")) == (
        401, b"b", b"*"
    )  # fmt: skip
    answer = app(Request("GET", b"/p/a.jpg", b"/p/a.jpg", fields=(right,)))
    assert (answer.body, answer.field(b"cache-control")) == (b"/a.jpg", b"no-store")
    assert app(Request("GET", b"/-/health", b"/-/health", fields=(right,))).body == b"ok\n"
    assert app(Request("GET", b"/-/health", b"/-/health")).status == 401


def test_a_server_that_stops_says_that_it_is_not_ready():
    outfit = serving.Outfit(Options(metrics="public"))
    app = outfit.dress(application, Ledger())
    server = CoroutineServer(app, [])
    outfit.serve_aside(server)
    ready = Request("GET", b"/-/ready", b"/-/ready")
    assert app(ready).status == 200
    server.stop()
    assert (app(ready).status, app(ready).body) == (503, b"The server stops.\n")
    assert app(Request("GET", b"/-/health", b"/-/health")).status == 200


def test_new_passwords_count_after_a_reload_and_bad_ones_do_not(tmp_path, capsys):
    import bcrypt

    people = tmp_path / "people"
    lines = {word: b"anna:" + bcrypt.hashpw(word, bcrypt.gensalt(4)) + b"\n" for word in (b"x", b"y")}
    people.write_bytes(lines[b"x"])
    outfit = serving.Outfit(Options(auth=str(people)))
    app = outfit.dress(application, Ledger())

    def status(password):
        import base64

        value = b"Basic " + base64.b64encode(b"anna:" + password)
        return app(Request("GET", b"/", b"/", fields=((b"authorization", value),))).status

    assert (status(b"x"), status(b"y")) == (200, 401)
    people.write_bytes(b"broken")
    outfit.reload()
    assert status(b"x") == 200
    assert "the passwords in use go on" in capsys.readouterr().err
    people.write_bytes(lines[b"y"])
    outfit.reload()
    assert (status(b"x"), status(b"y")) == (401, 200)


def test_a_record_of_a_service_keeps_them():
    options = Options(listen=("127.0.0.1:1",), cors=("*",), access_log_format="json")
    written = json.dumps(options.plain())
    assert Options.from_plain(json.loads(written)) == options
    assert json.loads(written)["listen"] == ["127.0.0.1:1"]


def test_a_limit_that_is_said_holds_and_the_others_stay():
    limited = serving.Outfit(Options(limit=("idle=30", "fields=7", "connections=5"))).limited()
    usual = serving.Outfit(Options()).limited()
    assert (limited.timeouts.idle, limited.limits.fields, limited.bounds.connections) == (30.0, 7, 5)
    assert limited.timeouts.head == usual.timeouts.head
    assert limited.limits.head_bytes == usual.limits.head_bytes
