"""A service as a Kubernetes manifest: Deployment, and for a picture server Service and PodDisruptionBudget.

Text out. `$(NAME)` in a container's arguments is a variable of its environment, `$$` a dollar (the API's
Container v1 core); names are DNS labels (RFC 1123).
"""

from __future__ import annotations

import re

from nbmon.services.errors import MisuseError, printable
from nbmon.services.units import yaml
from nbmon.services.units.plan import PICTURES, Plan, container_words, not_contained, whole
from nbmon.services.units.yaml import Value

NOBODY = 65532  # uid and gid that images without a shell use for `nonroot`
VOLUMES = ("/run/nbmon", "/var/lib/nbmon", "/var/cache/nbmon")
# An emptyDir belongs to root, and XDG_RUNTIME_DIR must be one's own: a folder in it, which nbmon makes.
PLACES = {
    "XDG_RUNTIME_DIR": "/run/nbmon/own",
    "XDG_STATE_HOME": "/var/lib/nbmon",
    "XDG_CACHE_HOME": "/var/cache/nbmon",
}
DRAIN = 5  # seconds in which the cluster learns that a pod is not to be asked any more
LONGEST_LABEL = 63  # characters


def manifest(plan: Plan, image: str, replicas: int = 2) -> str:
    """The whole manifest, one document after the other. MisuseError."""
    image = checked_image(image)
    name = label(plan.name)
    documents = [yaml.dump(_deployment(plan, name, image, replicas), _comments(plan, name))]
    if plan.is_pictures:
        documents.append(yaml.dump(_service(name, plan.port)))
    documents.append(yaml.dump(_budget(name)))
    return "---\n".join(documents)


def checked_image(image: str) -> str:
    """`image` if it may name one; MisuseError."""
    if not image or not image.isprintable() or any(c.isspace() for c in image) or image.startswith("-"):
        raise MisuseError(
            f"--image {printable(image)!r} names no image; give one that has nbmon in it, as in "
            f"--image example.com/pictures:1.0"
        )
    return image


def label(name: str) -> str:
    """The service's name as Kubernetes and Compose take it: small letters, digits, dashes.

    >>> label("My_site.v2-"), label("2024")
    ('my-site-v2', 'nbmon-2024')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    begun = plain if plain[:1].isalpha() else f"nbmon-{plain}"  # a Service begins with a letter (RFC 1035)
    return begun[:LONGEST_LABEL].strip("-")


def _comments(plan: Plan, name: str) -> list[str]:
    lines = ["The image must have nbmon in its PATH" + ("." if plan.is_pictures else ", and the program.")]
    if plan.is_pictures:
        lines.append(f"The pictures are those of the PersistentVolumeClaim {name}-pictures, which you make.")
    return [*lines, *not_contained(plan)]


def _head(api: str, kind: str, name: str) -> dict[str, Value]:
    labels: dict[str, Value] = {"app.kubernetes.io/name": name}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": labels}}


def _selector(name: str) -> dict[str, Value]:
    return {"app.kubernetes.io/name": name}


def _deployment(plan: Plan, name: str, image: str, replicas: int) -> dict[str, Value]:
    pod: dict[str, Value] = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": whole(plan.patience) + (DRAIN if plan.is_pictures else 0),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NOBODY,
            "runAsGroup": NOBODY,
            "fsGroup": NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(plan, name, image)],
        "volumes": _volumes(plan, name),
    }
    spec: dict[str, Value] = {
        "replicas": replicas,
        "selector": {"matchLabels": _selector(name)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": _selector(name)}, "spec": pod},
    }
    return {**_head("apps/v1", "Deployment", name), "spec": spec}


def _container(plan: Plan, name: str, image: str) -> dict[str, Value]:
    found: dict[str, Value] = {
        "name": name,
        "image": image,
        "command": ["nbmon"],
        "args": [word.replace("$", "$$") for word in container_words(plan)],
        "env": [{"name": key, "value": path} for key, path in PLACES.items()],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], **_right(plan)},
        },
        "volumeMounts": _mounts(plan),
    }
    return {**found, **(_served(plan) if plan.is_pictures else _asked(plan))}


def _right(plan: Plan) -> dict[str, Value]:
    """The one capability that a port below 1024 needs."""
    return {"add": ["NET_BIND_SERVICE"]} if plan.is_pictures and plan.port < 1024 else {}


def _served(plan: Plan) -> dict[str, Value]:
    """Ports and probes of a picture server. Who is asked to stop is not asked for pictures any more."""
    probe: dict[str, Value] = {**_question(plan), "timeoutSeconds": 2}
    return {
        "ports": [{"name": "http", "containerPort": plan.port, "protocol": "TCP"}],
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": whole(plan.start_timeout)},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN}}},
    }


def _question(plan: Plan) -> dict[str, Value]:
    """Whether it is ready, in its own words where it is asked for them in public and without a password."""
    if plan.said("metrics") == "public" and plan.said("auth") is None:
        return {"httpGet": {"port": "http", "path": "/-/ready"}}
    return {"tcpSocket": {"port": "http"}}


def _asked(plan: Plan) -> dict[str, Value]:
    """Probes of what has no port that we know of: nbmon's own word, by the exit code of `status`."""
    probe: dict[str, Value] = {"exec": {"command": ["nbmon", "status", plan.name]}, "timeoutSeconds": 5}
    return {
        "startupProbe": {
            **probe,
            "periodSeconds": 2,
            "failureThreshold": whole(plan.start_timeout / 2),
        },
        "readinessProbe": {**probe, "periodSeconds": 30},
        "livenessProbe": {**probe, "periodSeconds": 30, "failureThreshold": 3},
    }


def _mounts(plan: Plan) -> list[Value]:
    mounts: list[Value] = [{"name": _volume(path), "mountPath": path} for path in VOLUMES]
    mounts.append({"name": "tmp", "mountPath": "/tmp"})  # noqa: S108 - the container's own
    if plan.is_pictures:
        mounts.append({"name": "pictures", "mountPath": PICTURES, "readOnly": True})
    return mounts


def _volumes(plan: Plan, name: str) -> list[Value]:
    volumes: list[Value] = [{"name": _volume(path), "emptyDir": {"sizeLimit": "1Gi"}} for path in VOLUMES]
    volumes.append({"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}})
    if plan.is_pictures:
        claim: dict[str, Value] = {"claimName": f"{name}-pictures", "readOnly": True}
        volumes.append({"name": "pictures", "persistentVolumeClaim": claim})
    return volumes


def _volume(path: str) -> str:
    return path.strip("/").replace("/", "-")


def _service(name: str, port: int) -> dict[str, Value]:
    spec: dict[str, Value] = {
        "selector": _selector(name),
        "ports": [{"name": "http", "port": port, "targetPort": "http", "protocol": "TCP"}],
    }
    return {**_head("v1", "Service", name), "spec": spec}


def _budget(name: str) -> dict[str, Value]:
    spec: dict[str, Value] = {"maxUnavailable": 1, "selector": {"matchLabels": _selector(name)}}
    return {**_head("policy/v1", "PodDisruptionBudget", name), "spec": spec}
