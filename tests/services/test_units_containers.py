"""Kubernetes manifests and Compose files: YAML that means one thing, and is valid by the schemas."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbmon.services.errors import MisuseError
from nbmon.services.service import Options, Service
from nbmon.services.units import yaml
from nbmon.services.units.compose import compose
from nbmon.services.units.kubernetes import label, manifest
from nbmon.services.units.plan import Plan

reader = pytest.importorskip("yaml", reason="PyYAML is missing (pip install kubernetes-validate)")
FLAGS = frozenset({"host", "port", "workers", "listen", "metrics", "auth", "tls_cert", "start_timeout"})
IMAGE = "example.com/pictures:1.0"


def plan(kind="pictures", name="web", command=(), **options):
    target = {"pictures": "/srv/pictures", "class": "monitor:Monitor"}.get(kind, "")
    service = Service(
        name=name, kind=kind, directory="/", target=target, command=command, options=Options(**options)
    )
    return Plan(service=service, typed=service.options, flags=FLAGS)


def documents(text):
    return list(reader.safe_load_all(text))


def container(text):
    return documents(text)[0]["spec"]["template"]["spec"]["containers"][0]


PRINTED = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MISREAD = st.sampled_from(["no", "y", "1", "1e3", "2024-01-01", "~", "&a", "\u2028", "- a", "a: b", "#"])
WORDS = st.one_of(PRINTED, MISREAD)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.booleans()),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(WORDS, below, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_yaml_is_read_back_as_it_was_meant(value):
    assert reader.safe_load(yaml.dump(value, ["a comment"])) == value


@pytest.mark.parametrize(
    "made",
    [
        plan(),
        plan(port=80, metrics="public", start_timeout=0.0),
        plan("command", "no", ("redis-server", "--port", "$(PORT)")),
        plan("class", "2024"),
        plan(name="A.b_c" * 12),
    ],
    ids=["pictures", "port 80", "command", "class", "long name"],
)
def test_a_manifest_is_valid_by_kubernetes_own_schemas(made):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that are not ours
        validator = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
        found = documents(manifest(made, IMAGE))
        for document in found:
            validator.validate(document, "1.31", strict=True)
    kinds = [document["kind"] for document in found]
    served = ["Service"] if made.is_pictures else []
    assert kinds == ["Deployment", *served, "PodDisruptionBudget"]


def test_a_pod_has_no_right_that_it_does_not_need():
    pod = documents(manifest(plan(), IMAGE))[0]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    made = pod["containers"][0]["securityContext"]
    assert made["readOnlyRootFilesystem"] is True
    assert made["capabilities"] == {"drop": ["ALL"]}
    assert made["allowPrivilegeEscalation"] is False


def test_every_folder_that_is_written_to_is_a_volume_of_its_own():
    pod = documents(manifest(plan(), IMAGE))[0]["spec"]["template"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert set(mounts.values()) == volumes
    for variable in pod["containers"][0]["env"]:
        assert any(variable["value"].startswith(path) for path in mounts)


def test_the_address_is_one_that_can_be_reached_from_outside():
    made = container(manifest(plan(port=8000), IMAGE))
    assert made["args"] == ["run", "--name", "web", "--host", "0.0.0.0", "--port", "8000", "/pictures"]
    assert made["ports"][0]["containerPort"] == 8000


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
@pytest.mark.parametrize("write", [manifest, compose])
def test_an_address_that_cannot_be_reached_from_outside_is_refused(host, write):
    with pytest.raises(MisuseError, match="outside a container"):
        write(plan(host=host), IMAGE)


@pytest.mark.parametrize("write", [manifest, compose])
def test_any_free_port_is_refused(write):
    with pytest.raises(MisuseError, match="any free port"):
        write(plan(port=0), IMAGE)


@pytest.mark.parametrize("image", ["", "a b", "-x", "a\nb", "é\u2028"])
@pytest.mark.parametrize("write", [manifest, compose])
def test_an_image_that_is_none_is_refused(image, write):
    with pytest.raises(MisuseError, match="names no image"):
        write(plan(), image)


def test_dollars_of_a_command_are_no_variables_of_the_house():
    made = plan("command", command=("sh", "-c", "echo $HOME $(X) $$"))
    assert container(manifest(made, IMAGE))["args"][-1] == "echo $$HOME $$(X) $$$$"
    assert documents(compose(made, IMAGE))[0]["services"]["web"]["command"][-1] == "echo $$HOME $$(X) $$$$"


def test_a_server_that_says_whether_it_is_ready_is_asked_that():
    assert (
        container(manifest(plan(metrics="public"), IMAGE))["readinessProbe"]["httpGet"]["path"] == "/-/ready"
    )
    assert "tcpSocket" in container(manifest(plan(), IMAGE))["readinessProbe"]
    with_password = plan(metrics="public", auth="/etc/htpasswd")
    assert "tcpSocket" in container(manifest(with_password, IMAGE))["readinessProbe"]


def test_what_has_no_port_is_asked_for_by_its_name():
    made = container(manifest(plan("command", "db", ("redis-server",)), IMAGE))
    assert made["livenessProbe"]["exec"]["command"] == ["nbmon", "status", "db"]


@pytest.mark.parametrize("write", [manifest, compose])
def test_files_of_this_machine_are_left_out_and_named(write):
    text = write(plan(tls_cert="/etc/x.pem", listen=("127.0.0.1:1",), stop_timeout=3.0), IMAGE)
    assert "# not kept, it is a file of this machine; mount it and add --tls-cert: /etc/x.pem\n" in text
    assert "# not kept, a container is asked at one port, 9085: --listen\n" in text
    assert "--tls-cert" not in "".join(line for line in text.splitlines() if not line.startswith("#"))


@given(st.text(st.sampled_from("abzAZ019._-"), min_size=1, max_size=80))
def test_a_label_is_one_by_rfc_1035(name):
    made = label(name)
    assert 0 < len(made) <= 63
    assert made[0].isalpha() and made[-1].isalnum()
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_compose_file_publishes_on_this_machine_alone_and_mounts_the_folder_read_only():
    made = documents(compose(plan(port=80), IMAGE))[0]["services"]["web"]
    assert made["ports"] == ["127.0.0.1:80:80"]
    assert made["volumes"] == [
        {"type": "bind", "source": "/srv/pictures", "target": "/pictures", "read_only": True}
    ]
    assert made["cap_add"] == ["NET_BIND_SERVICE"]
    assert made["read_only"] is True


def test_a_service_called_no_is_not_false_in_a_compose_file():
    assert list(documents(compose(plan(name="no"), IMAGE))[0]["services"]) == ["no"]


def test_a_command_in_a_compose_file_has_an_init_that_reaps():
    assert documents(compose(plan("command", command=("true",)), IMAGE))[0]["services"]["web"]["init"] is True
