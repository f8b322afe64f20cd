"""Make .venv hold exactly what requirements/KIND.txt pins, and this repository itself.

Run by bin/setup with any Python that is new enough. Does nothing when nothing has changed.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "danji.json"  # what was installed, by kind: the digest of all that decides it
LOG = VENV / "setup.log"
KINDS = {"runtime": ("runtime",), "dev": ("runtime", "dev")}
PINS = {"runtime": ("runtime",), "dev": ("dev", "second")}  # lists that decide, by kind


def main(kind: str) -> None:
    """Install what `kind` needs, unless it is there; two at once take turns."""
    wanted = {each: digest(each) for each in KINDS[kind]}
    if installed() | wanted == installed():
        return
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("다른 창에서 설치하고 있습니다. 끝나기를 기다립니다.", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
    before = installed()
    if before | wanted == before:
        return
    begun = time.monotonic()
    print("필요한 프로그램을 .venv에 설치합니다. 처음 한 번만 1~2분 걸립니다.", flush=True)
    make_venv()
    STAMPS.unlink(missing_ok=True)
    pinned = ROOT / "requirements" / f"{kind}.txt"
    pip("--require-hashes", "--only-binary=:all:", "--requirement", str(pinned), pinned=pinned)
    own = ("--editable", "verifier", "--editable", "witness", "--editable", ".")
    pip("--no-deps", "--no-build-isolation", *own)
    if kind == "dev":
        second = str(ROOT / "requirements" / "second.txt")
        alone = ("--no-deps", "--ignore-requires-python")  # see there
        pip("--require-hashes", "--only-binary=:all:", *alone, "--requirement", second)
    STAMPS.write_text(json.dumps(wanted))
    print(f"  설치를 마쳤습니다 ({time.monotonic() - begun:.0f}초).", flush=True)


def digest(kind: str) -> str:
    """A digest of all that decides what is installed: pins, packages, place and interpreter."""
    decides = hashlib.sha256(f"{ROOT} {sys.version_info[:2]}".encode())
    pins = [f"requirements/{each}.txt" for each in PINS[kind]]
    own = [f"{each}pyproject.toml" for each in ("", "verifier/", "witness/")]
    for path in (*pins, *own):
        decides.update((ROOT / path).read_bytes())
    return decides.hexdigest()


def installed() -> dict[str, str]:
    """What was installed last, by kind; nothing when the environment is missing or damaged."""
    try:
        return json.loads(STAMPS.read_text()) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


def make_venv() -> None:
    """Make the environment, or make it anew when its interpreter is gone."""
    usable = PYTHON.exists() and not run([PYTHON, "-c", "import pip"])
    if usable:
        return
    if importlib.util.find_spec("ensurepip") is None:
        release = f"{sys.version_info[0]}.{sys.version_info[1]}"
        fail(
            "Python에 venv 모듈이 없습니다. 아래처럼 설치한 뒤 다시 실행해 주세요.\n"
            "This Python lacks venv. Please install it and run this again.\n"
            f"  apt install python{release}-venv"
        )
    if VENV.exists():
        shutil.rmtree(VENV)
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    VENV.mkdir()
    if run([python if python.exists() else sys.executable, "-m", "venv", VENV]):
        fail(last_words())


def pip(*arguments: str, pinned: Path | None = None) -> None:
    """Run pip install; with the list of what is `pinned`, say how far it has come."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar=off", "--no-warn-script-location", *arguments]
    count = sum(line[0].isalnum() for line in pinned.open() if line.strip()) if pinned else 0
    seen = 0
    shown = time.monotonic()
    with LOG.open("a") as log, started(command, subprocess.PIPE) as process:
        for line in process.stdout or ():
            log.write(line)
            seen += line.startswith("Collecting ")
            if not pinned:
                continue
            if line.startswith("Installing collected"):
                print("  내려받은 것을 설치하는 중 …", flush=True)
            elif time.monotonic() - shown > 4 and line.startswith("Collecting "):
                print(f"  내려받는 중 {seen}/{count} …", flush=True)
                shown = time.monotonic()
    if process.returncode:
        fail(last_words())


def run(command: list[object]) -> int:
    """Run a command quietly, its words kept in the log; return its exit code."""
    with LOG.open("a") as log, started(command, log) as process:
        return process.wait()


def started(command: list[object], output: object) -> "subprocess.Popen[str]":
    """Start a command in the root folder, free of what this shell says about Python and pip."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in unwanted},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def last_words() -> str:
    """Why the last command failed, as far as it said."""
    lines = [line.strip() for line in LOG.read_text(errors="replace").splitlines()]
    errors = [line for line in lines if line.lower().startswith("error")] or lines[-3:]
    return (
        "설치하지 못했습니다. 인터넷 연결과 남은 디스크 자리를 확인하고 다시 실행해 주세요.\n"
        "Installing failed. Please check the network and the free disk space, and try again.\n"
        + "\n".join(f"  {line}" for line in errors[-4:])
        + f"\n  ({LOG})"
    )


def fail(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        print("\n멈추었습니다. 다시 실행하면 이어서 합니다.", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        fail(f"설치하지 못했습니다: {error}")
