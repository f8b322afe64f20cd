"""The web server: pages by the application, and everything public straight from its files."""

import gc
import logging
import multiprocessing
import os
from typing import TYPE_CHECKING, Any

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from danji.base.tether import end_with_parent
from danji.config import settings
from danji.config.assets import with_assets

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WORKERS = 2
# Threads of each worker: enough to wait for the disk in. One runs at a time, so more of them only
# keep each other waiting, and connections to the database open.
THREADS = 3
PATIENCE = 10  # seconds for the head of a request to arrive, once it has begun


def _loaded() -> "WSGIApplication":
    from django.urls import get_resolver

    from danji.config.lending import lend_connections
    from danji.config.wsgi import application

    lend_connections()
    list(get_resolver().url_patterns)  # every view, which Django would load with the first request
    # What is loaded stays: looking through it for garbage again and again would only cost time,
    # and the memory that the workers share.
    gc.collect()
    gc.freeze()
    return with_assets(application, prefix=settings.STATIC_URL, folder=settings.STATIC_ROOT)


def main() -> None:
    """Serve until told to stop."""
    # The application is loaded once, and the workers are copies that share its memory.
    multiprocessing.set_start_method("fork")
    application, supervisor = _loaded(), os.getpid()

    def enter_worker(_target: str) -> Any:
        end_with_parent(supervisor)
        return application

    settings.PUBLIC.mkdir(parents=True, exist_ok=True)
    Server(
        "danji.config.wsgi:application",
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=WORKERS,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=8,
        http1_settings=HTTP1Settings(header_read_timeout=PATIENCE * 1000),
        static_path_route=[settings.PUBLIC_URL.rstrip("/")],
        static_path_mount=[settings.PUBLIC],
        static_path_dir_to_file="index.html",
        static_path_expires=0,  # never kept: a list or a checkpoint of yesterday is a wrong one
        log_level=LogLevels.warning,
    ).serve(target_loader=enter_worker)


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    main()
