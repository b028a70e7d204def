"""The worker that keeps the index of a picture server's folder, beside those that serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbmon.services.errors import ServiceError

if TYPE_CHECKING:
    from nbmon.pictures.index import Index
    from nbmon.workers.spec import Worker

WORKER = "index"


def indexing(folder: str) -> tuple[Index, Worker] | None:
    """What reads the index of `folder`, and the worker that writes it; None where it cannot be kept."""
    from nbmon.pictures.index import Index, index_file
    from nbmon.services import places
    from nbmon.workers import process

    try:
        path = index_file(places.cache_folder(make=True), folder)
    except ServiceError as error:
        import logging

        logging.getLogger(__name__).warning("there is no index of large folders: %s", error)
        return None
    return Index(path), process(WORKER, _keep, args=(folder, path))


def _keep(folder: str, path: str) -> None:
    from nbmon.pictures.index.worker import run

    run(folder, path)
