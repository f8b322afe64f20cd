"""Giving up rights: what a process may no longer do once it reads a stranger's file.

Limits hold everywhere. On Linux two more walls stand behind them where the kernel has them: of the
file system only Python's own folders can be read (Landlock), and of the kernel's calls only those
are left that reading needs: nothing can be written, and neither the network nor another program be
reached (seccomp). Both need no rights of their own to set up. What remains is to ask whether a file
of some name is there, and how large it is: Python does so whenever it loads a module.
Source: landlock(7), seccomp(2).
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import danji

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_NO_NEW_PRIVILEGES: Final = 38  # prctl
_SET_SECCOMP: Final = 22  # prctl
_FILTER: Final = 2

# Landlock: these three have one number on every machine.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RIGHTS_OF_ABI: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights on files it knows
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_BENEATH: Final = 1
_ABI_OF_PORTS, _ABI_OF_SCOPES = 4, 6

# All that reading needs of the kernel; whatever is not named here fails, what is new to us too.
_NEEDED: Final = {
    "x86_64": (
        # read write close fstat lseek mmap mprotect munmap mremap brk madvise
        *(0, 1, 3, 5, 8, 9, 10, 11, 25, 12, 28),
        # pread64 readv writev dup dup2 dup3 newfstatat stat lstat statx access faccessat faccessat2
        *(17, 19, 20, 32, 33, 292, 262, 4, 6, 332, 21, 269, 439),
        # readlink readlinkat getcwd getdents64 exit exit_group uname sysinfo
        *(89, 267, 79, 217, 60, 231, 63, 99),
        # rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall futex sched_yield
        *(13, 14, 15, 131, 219, 202, 24),
        # clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrusage
        *(228, 229, 230, 35, 96, 201, 98),
        # getpid gettid getuid geteuid getgid getegid sched_getaffinity getrandom
        *(39, 186, 102, 107, 104, 108, 204, 318),
    ),
    "aarch64": (
        *(63, 64, 57, 80, 62, 222, 226, 215, 216, 214, 233),
        *(67, 65, 66, 23, 24, 79, 291, 48, 439),
        *(78, 17, 61, 93, 94, 160, 179),
        *(134, 135, 139, 132, 128, 98, 124),
        *(113, 114, 115, 101, 169, 165),
        *(172, 178, 174, 175, 176, 177, 123, 278),
    ),
}
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Which argument says how a file is opened; and fcntl, for a copy of a handle and nothing else.
_OPENING: Final = {"x86_64": ((2, 1), (257, 2)), "aarch64": ((56, 2),)}  # open, openat
_FCNTL: Final = {"x86_64": 72, "aarch64": 25}
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_COPYING: Final = (0, 1, 2, 3, 1030)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_DUPFD_CLOEXEC
_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # where in the description of a call
_ALLOW: Final = (_RETURN, 0, 0, 0x7FFF0000)
_DENY: Final = (_RETURN, 0, 0, 0x00050000 | errno.EPERM)

Line = tuple[int, int, int, int]  # of the filter: code, lines to skip if so, if not so, and value


def confine(*, memory: int, seconds: int, output: int) -> None:
    """Give up what reading one file does not need, for this process and for good.

    Args: `memory` in bytes of address space; `seconds` of processor time; `output` in bytes that
    may be written into the one file that was handed over for it.
    """
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    if sys.platform != "linux":
        return
    if _LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "new privileges cannot be given up")
    _read_only(_readable())
    _allow_needed_calls()


def missing_walls() -> list[str]:
    """Which of the two walls this machine does not have, by the names of what they are made of."""
    missing = [] if sys.platform == "linux" and _landlock_abi() >= 1 else ["Landlock"]
    return missing if _has_filter() else [*missing, "seccomp"]


def _has_filter() -> bool:
    return sys.platform == "linux" and platform.machine() in _NEEDED


def _landlock_abi() -> int:
    """The version of Landlock that the kernel has; below 1 for none."""
    abi: int = _LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    return abi


def _readable() -> Iterable[Path]:
    """Where the interpreter, its libraries and our own code lie; a home's data lies elsewhere."""
    own = (Path(sys.prefix), Path(sys.base_prefix), Path(danji.__file__).parent)
    return (*own, Path("/usr/lib"), Path("/lib"), Path("/lib64"), Path("/etc/ld.so.cache"))


def _read_only(folders: Iterable[Path]) -> None:
    """Leave nothing of the file system but reading these."""
    abi = _landlock_abi()
    if abi < 1:
        return
    every_right = (1 << _RIGHTS_OF_ABI.get(abi, max(_RIGHTS_OF_ABI.values()))) - 1
    attributes = struct.pack("<Q", every_right)
    if abi >= _ABI_OF_PORTS:
        attributes += struct.pack("<Q", 0b11)  # binding and connecting
    if abi >= _ABI_OF_SCOPES:
        attributes += struct.pack("<Q", 0b11)  # sockets and signals of others
    rules = _LIBC.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    for path in folders:
        if not path.exists():
            continue
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = _READ_FILE | _READ_FOLDER if path.is_dir() else _READ_FILE
        rule = struct.pack("<Qi", rights, handle)
        _LIBC.syscall(_ADD_RULE, rules, _BENEATH, rule, 0)
        os.close(handle)
    if _LIBC.syscall(_RESTRICT_SELF, rules, 0):
        raise OSError(ctypes.get_errno(), "landlock refused its rules")
    os.close(rules)


def _allow_needed_calls() -> None:
    """Let every call but the needed ones fail as not permitted, from here on."""
    if not _has_filter():
        return
    machine = platform.machine()
    program: list[Line] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _DENY,
        (_LOAD, 0, 0, _NUMBER),
    ]
    for number in _NEEDED[machine]:
        program += _if_equal(number, [_ALLOW])
    for number, flags in _OPENING[machine]:
        to_read = [_load_argument(flags), (_IF_ANY_BIT, 1, 0, _WRITING), _ALLOW, _DENY]
        program += _if_equal(number, to_read)
    copies = [line for command in _COPYING for line in _if_equal(command, [_ALLOW])]
    program += _if_equal(_FCNTL[machine], [_load_argument(1), *copies, _DENY])
    program.append(_DENY)
    # Written out: a struct of eight bytes for each, and one that says how many and where.
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in program))
    head = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(code))
    if _LIBC.prctl(_SET_SECCOMP, _FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp refused its filter")


def _if_equal(value: int, then: list[Line]) -> list[Line]:
    """Do this when what was loaded is `value`; it ends in an answer."""
    return [(_IF_EQUAL, 0, len(then), value), *then]


def _load_argument(place: int) -> Line:
    """Its lower half, which is all that the kernel looks at where it takes an int."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * place)
