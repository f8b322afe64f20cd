"""What a process that reads a stranger's file can no longer do, whatever the file makes of it."""

import platform
import subprocess
import sys

import pytest

from danji.attachments import confined, confinement
from danji.attachments.intake import EXAMINER

CONFINED = """
import ctypes, fcntl, os, resource, signal, sys
from danji.attachments.confinement import confine

def call(name, *values):
    answer = getattr(ctypes.CDLL(None, use_errno=True), name)(*values)
    if answer == -1:
        raise OSError(ctypes.get_errno(), name)

def own_file():
    return os.open(sys.modules["danji"].__file__, os.O_RDONLY)

{before}
confine(memory={memory}, seconds={seconds}, output=1_000_000)
try:
    {attempt}
except (OSError, MemoryError) as error:
    sys.exit(f"refused: {{type(error).__name__}}")
print("done")
"""


def attempt(code, *, before="pass", memory=1 << 30, seconds=5):
    script = CONFINED.format(attempt=code, before=before, memory=memory, seconds=seconds)
    return subprocess.run(
        [sys.executable, "-I", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd').read()",
        "open('{tmp}/secret').read()",
        "open('{tmp}/new', 'w').write('x')",
        "open('/proc/self/environ').read()",
        "__import__('os').listdir('/')",
        "__import__('socket').socket()",
        "__import__('socket').socketpair()",
        "__import__('os').fork()",
        "__import__('os').execv('/bin/sh', ['sh', '-c', 'echo done'])",
        "__import__('subprocess').run(['id'])",
        "__import__('os').kill(1, 0)",
        "__import__('os').kill(__import__('os').getppid(), 0)",
        # Other processes of the same account.
        "resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0))",
        "call('setrlimit', resource.RLIMIT_CORE, bytes(16))",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.sched_setaffinity(os.getppid(), {0})",
        "os.sched_setscheduler(os.getppid(), os.SCHED_BATCH, os.sched_param(0))",
        "call('sigqueue', os.getppid(), 0, None)",
        "call('syscall', {rt_tgsigqueueinfo}, os.getppid(), os.getppid(), 0, bytes(128))",
        "signal.pidfd_send_signal(0, 0)",
        "os.pidfd_open(os.getppid())",
        "fcntl.fcntl(own_file(), 8, os.getppid())",  # F_SETOWN: who is told by a signal
        "fcntl.fcntl(os.open(sys.prefix, os.O_RDONLY), fcntl.F_NOTIFY, fcntl.DN_ACCESS)",
        "fcntl.flock(own_file(), fcntl.LOCK_EX)",
        "fcntl.ioctl(0, 0x5412, b'x')",  # TIOCSTI: typing into a terminal
        # Memory that others share.
        "call('shmget', 77, 4096, 0o1600)",
        "call('semget', 77, 1, 0o1600)",
        "call('msgget', 77, 0o1600)",
        "call('memfd_create', b'x', 0)",
        # What Landlock does not know of: the marks of files elsewhere.
        "os.chmod('{tmp}/secret', 0o777)",
        "os.chown('{tmp}/secret', 1, 1)",
        "os.chmod('secret', 0o777, dir_fd=os.open(sys.prefix, os.O_RDONLY))",
        "os.fchmod(own_file(), 0o644)",
        "os.fchown(own_file(), 1, 1)",
        "os.utime('{tmp}/secret', (1, 1))",
        "os.utime(own_file(), (1, 1))",
        "os.setxattr('{tmp}/secret', 'user.a', b'x')",
        "os.removexattr('{tmp}/secret', 'user.a')",
        "os.truncate('{tmp}/secret', 0)",
        "os.open('{tmp}/secret', os.O_RDONLY | os.O_TRUNC)",
        "os.mkdir('{tmp}/new')",
        "os.rename('{tmp}/secret', '{tmp}/new')",
        "os.unlink('{tmp}/secret')",
    ],
)
def test_nothing_else_can_be_reached(code, tmp_path):
    (tmp_path / "secret").write_text("key")
    (tmp_path / "secret").chmod(0o600)
    number = {"x86_64": "297"}.get(platform.machine(), "240")
    code = code.replace("{tmp}", str(tmp_path)).replace("{rt_tgsigqueueinfo}", number)
    ended = attempt(code)
    assert ended.returncode != 0
    assert "refused: PermissionError" in ended.stderr, ended.stderr
    assert "done" not in ended.stdout
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "secret").read_text() == "key"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("code", ["open('{tmp}/new', 'w')", "os.open('{tmp}/new', os.O_CREAT)"])
def test_nothing_is_written_where_the_kernel_has_no_landlock(code, tmp_path):
    without = "sys.modules['danji.attachments.confinement']._landlock_abi = lambda: 0"
    ended = attempt(code.replace("{tmp}", str(tmp_path)), before=without)
    assert "refused: PermissionError" in ended.stderr, ended.stderr
    assert not (tmp_path / "new").exists()


def test_rights_that_cannot_be_given_up_stop_the_reading():
    failing = "confine.__globals__['_LIBC'] = type('Libc', (), {'prctl': lambda *_: -1})()"
    ended = attempt("pass", before=failing)
    assert ended.returncode != 0
    assert "new privileges cannot be given up" in ended.stderr


def test_a_missing_wall_is_said_once(monkeypatch, caplog):
    monkeypatch.setattr(confinement, "_landlock_abi", lambda: -1)
    confined._say_which_walls_are_missing.cache_clear()
    for _ in range(2):
        confined.ask(EXAMINER, "look", ".txt", data=b"text", seconds=10)
    assert [said.message for said in caplog.records] == [
        "strangers' files are read without Landlock"
    ]
    confined._say_which_walls_are_missing.cache_clear()


def test_what_a_reader_needs_still_works():
    ended = attempt("import json, zipfile, pypdfium2, PIL.Image, encodings.cp949")
    assert ended.stdout == "done\n", ended.stderr


def test_memory_has_an_end():
    ended = attempt("bytearray(1 << 30)", memory=256 << 20)
    assert "refused: MemoryError" in ended.stderr


def test_processor_time_has_an_end():
    assert attempt("\n    while True: pass", seconds=1).returncode < 0


def test_an_answer_has_an_end(tmp_path):
    with (tmp_path / "answer").open("wb") as answer:
        code = CONFINED.format(
            attempt="sys.stdout.buffer.write(bytes(2_000_000)); sys.stdout.flush()",
            before="pass",
            memory=1 << 30,
            seconds=5,
        )
        subprocess.run(
            [sys.executable, "-I", "-c", code],
            stdout=answer,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
    assert (tmp_path / "answer").stat().st_size <= 1_000_000
