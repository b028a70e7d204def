"""A service as a Compose file (compose-spec). Text out. `$` begins a variable there, `$$` is a dollar."""

from __future__ import annotations

from nbmon.services.units import yaml
from nbmon.services.units.kubernetes import NOBODY, PLACES, VOLUMES, checked_image, label
from nbmon.services.units.plan import PICTURES, Plan, container_words, not_contained, whole
from nbmon.services.units.yaml import Value


def compose(plan: Plan, image: str) -> str:
    """The whole file. A picture server is published on this machine's loopback alone. MisuseError."""
    image = checked_image(image)
    comments = [
        "The image must have nbmon in its PATH" + ("." if plan.is_pictures else ", and the program."),
        *not_contained(plan),
    ]
    return yaml.dump({"services": {label(plan.name): _service(plan, image)}}, comments)


def _service(plan: Plan, image: str) -> dict[str, Value]:
    found: dict[str, Value] = {
        "image": _dollars(image),
        "entrypoint": ["nbmon"],
        "command": [_dollars(word) for word in container_words(plan)],
        "environment": dict(PLACES),
        "restart": "on-failure",
        "stop_grace_period": f"{whole(plan.patience)}s",
        "user": f"{NOBODY}:{NOBODY}",
        "read_only": True,
        "tmpfs": [f"{path}:uid={NOBODY},gid={NOBODY},mode=0700" for path in VOLUMES] + ["/tmp"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    return {**found, **(_served(plan) if plan.is_pictures else {"init": True})}


def _served(plan: Plan) -> dict[str, Value]:
    folder = _dollars(plan.service.target)
    found: dict[str, Value] = {
        "ports": [f"127.0.0.1:{plan.port}:{plan.port}"],
        "volumes": [{"type": "bind", "source": folder, "target": PICTURES, "read_only": True}],
    }
    return {**found, **({"cap_add": ["NET_BIND_SERVICE"]} if plan.port < 1024 else {})}


def _dollars(text: str) -> str:
    return text.replace("$", "$$")
