"""Public pages as the server gives them out, beside nginx with the same files.

Run: `python bench/static.py [seconds]`. Prints figures and asserts nothing. Without wrk the
clients are Python's, which are slower than the server; without nginx there is nothing beside it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from documents import publish

import load
from installation import answers, free_port, installed, machine

NGINX = """
daemon off;
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/nginx.log;
events {{ worker_connections 256; }}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    sendfile on;
    keepalive_requests 1000000;
    client_body_temp_path {home}/t1; proxy_temp_path {home}/t2; fastcgi_temp_path {home}/t3;
    uwsgi_temp_path {home}/t4; scgi_temp_path {home}/t5;
    server {{
        listen 127.0.0.1:{port};
        location /public/ {{ alias {public}/; index index.html; expires 0; }}
    }}
}}
"""


def works(_client: int, path: str) -> Iterator[load.Work]:
    """Each client reads one page again and again; only where there is no wrk."""
    request = load.get(path)
    while True:
        yield read(request)


def read(request: bytes) -> load.Work:
    load.expect((yield request), 200)


def rate(port: int, path: str, seconds: float) -> float:
    """Answers in a second to 8 clients."""
    tool = shutil.which("wrk")
    if tool is None:
        return load.drive(port, works, path, seconds=seconds).rate
    answer = subprocess.run(
        [
            tool,
            "--threads=1",
            f"--connections={load.CLIENTS}",
            f"--duration={max(1, int(seconds))}s",
            f"http://127.0.0.1:{port}{path}",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"Requests/sec:\s*([\d.]+)", answer)
    if found is None or "Non-2xx" in answer:
        raise RuntimeError(answer)
    return float(found[1])


@contextmanager
def nginx(public: Path) -> Iterator[int | None]:
    """nginx over the same files; yields its port, or None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="danji-bench-nginx-") as folder:
        home, port = Path(folder), free_port()
        home.chmod(0o755)
        configuration = home / "nginx.conf"
        configuration.write_text(NGINX.format(home=home, port=port, public=public))
        process = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
        try:
            while not answers(port):
                if process.poll() is not None:
                    raise RuntimeError((home / "nginx.log").read_text())
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


def main(seconds: float) -> None:
    with installed() as place:
        pages = publish(place)
        tool = "wrk" if shutil.which("wrk") else "Python"
        print(f"public pages: 8 clients by {tool} ({machine()})")
        with place.serving(), nginx(place.home / "public") as beside:
            for name, path in pages.items():
                size = (place.home / path.lstrip("/") / "index.html").stat().st_size
                ours = rate(place.port, path, seconds)
                print(f"  {name}, {size / 1000:.0f} kB".ljust(28), f"{ours:8.0f} /s", end="")
                if beside is None:
                    print("   (nginx is not installed: nothing beside it)")
                    continue
                theirs = rate(beside, path, seconds)
                print(f"   nginx {theirs:8.0f} /s   reached: {ours / theirs:.0%}   (wanted: 50%)")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
