"""The steps from an empty folder to a served site; each does nothing when it has been done."""

import errno
import hashlib
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from danji.base import tether
from danji.base.postgres import OLDEST, Cluster, require_korean
from danji.config import settings
from danji.config.supervisor import EVERYWHERE, LOGS, end
from danji.rules.refusal import Refusal

MANAGE = (sys.executable, "-u", "-m", "danji.config.manage")
REPORT = settings.HOME / "demo" / "report.txt"
# Other people's programs that bring tables or static files of their own.
FRAMEWORKS = ("django", "django-allauth", "django-cotton", "django-htmx")


def require_site_address() -> None:
    """Refuse to listen everywhere without knowing the address by which people reach us."""
    if urlsplit(settings.SITE_URL).hostname in EVERYWHERE:
        raise Refusal(
            f"DANJI_HOST={settings.HOST}만 있고, 사람들이 여는 주소인 DANJI_SITE_URL이 없습니다.",
            next_step="그 주소를 함께 적어 주세요. "
            f"예: DANJI_SITE_URL=http://이-컴퓨터의-이름:{settings.PORT}",
        )


def require_port() -> None:
    """Refuse a port that another program serves already."""
    try:
        _bind(settings.PORT)
    except OSError as error:
        address = f"{settings.HOST}:{settings.PORT}"
        if error.errno == errno.EADDRINUSE:
            raise Refusal(
                f"{address}은(는) 다른 프로그램이 쓰고 있습니다.",
                next_step=f"다른 번호로 실행해 주세요: DANJI_PORT={_free_port()} bin/up",
            ) from None
        if error.errno == errno.EACCES:
            raise Refusal(
                f"{address}을(를) 열 권한이 없습니다.",
                next_step="1024 이상의 번호로 실행해 주세요: DANJI_PORT=8000 bin/up",
            ) from None
        raise Refusal(
            f"{settings.HOST}은(는) 이 컴퓨터의 주소가 아닙니다.",
            next_step="DANJI_HOST에 127.0.0.1이나 이 컴퓨터의 주소를 적어 주세요.",
        ) from None


def _bind(port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.HOST, port, type=socket.SOCK_STREAM
    )[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1)


def _free_port() -> int:
    for port in range(settings.PORT + 1, min(settings.PORT + 100, 65535)):
        with suppress(OSError):
            _bind(port)
            return port
    return 8000


def start_database(running: ExitStack) -> Cluster | None:
    """Start the embedded server, or see that the one at DATABASE_URL will do."""
    if not settings.DATABASE_URL:
        bindir = Path(settings.PG_BINDIR) if settings.PG_BINDIR else None
        return running.enter_context(Cluster(settings.HOME, bindir))
    if not settings.DATABASE_OWNER_URL:
        raise Refusal(
            "DATABASE_URL만 있고, 표를 만들 계정의 DATABASE_OWNER_URL이 없습니다.",
            next_step="docs/operations.md의 '직접 운영하는 PostgreSQL'을 따라 두 값을 적어 주세요.",
        )
    for url in (settings.DATABASE_OWNER_URL, settings.DATABASE_URL):
        with _connected(url) as database:
            if database.info.server_version < OLDEST * 10_000:
                raise Refusal(
                    f"데이터베이스가 PostgreSQL {OLDEST}보다 오래되었습니다.",
                    next_step=f"PostgreSQL {OLDEST} 이상인 서버를 DATABASE_URL에 적어 주세요.",
                )
            require_korean(database)
    return None


def _connected(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Refusal(
            f"데이터베이스에 연결하지 못했습니다: {str(error).strip().splitlines()[0]}",
            next_step="서버가 켜져 있는지, DATABASE_URL과 DATABASE_OWNER_URL이 맞는지 봐 주세요.",
        ) from None


def _owner_url() -> str:
    return settings.DATABASE_OWNER_URL or Cluster(settings.HOME).url("danji_owner")


def program_digest() -> str:
    """A digest of all that decides which tables, forms and static files there are."""
    digest = hashlib.sha256()
    for name in FRAMEWORKS:
        digest.update(f"{name} {version(name)}\n".encode())
    package = Path(__file__).resolve().parents[1]
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(package)} {content}\n".encode())
    return digest.hexdigest()


def prepare_database(digest: str, held: int) -> None:
    """Bring tables, rights and forms to this version, unless the database says it has them.

    The digest is kept with the table of migrations itself, so that it is true of a database that
    was restored or replaced as well.
    """
    with _connected(_owner_url()) as database:
        kept = "SELECT obj_description(to_regclass('django_migrations'), 'pg_class')"
        if database.execute(kept).fetchone() == (digest,):
            return
        _run([*MANAGE, "prepare"], held, "표와 서식을 맞추지 못했습니다.")
        database.execute(
            sql.SQL("COMMENT ON TABLE django_migrations IS {}").format(sql.Literal(digest))
        )


def wants_demonstration() -> bool:
    """Whether a demonstration is due: the database is empty, or one was begun and not finished."""
    if not settings.DEMO or REPORT.exists():
        return False
    if REPORT.parent.exists():
        return True
    with _connected(_owner_url()) as database:
        return not database.execute("SELECT FROM complexes_complex LIMIT 1").rowcount


def demonstrate(held: int, *, served: bool) -> Iterator[str]:
    """Run the main path in the demonstration complex; yield what it says, and keep it.

    Raises: Refusal when it did not come to its end, or the proof did not hold.
    """
    REPORT.parent.mkdir(exist_ok=True)
    command = [*MANAGE, "demonstrate", *(["--served"] if served else [])]
    half = REPORT.with_suffix(".new")
    with half.open("w") as report, (LOGS / "up.log").open("ab") as log:
        process = tether.start(command, output=PIPE, errors=log, held=held)
        try:
            for line in process.stdout or ():
                report.write(line.decode())
                yield line.decode().rstrip()
            code = process.wait()
        finally:
            end([process])
    if code:
        raise Refusal(
            "시연이 끝까지 되지 않았습니다.",
            next_step=f"{LOGS / 'up.log'} 파일의 끝을 관리자에게 보여 주세요.",
        )
    half.replace(REPORT)


def collect_static(digest: str, held: int) -> None:
    mark = settings.HOME / "run" / "static.digest"
    if settings.STATIC_ROOT.is_dir() and mark.exists() and mark.read_text() == digest:
        return
    mark.unlink(missing_ok=True)
    command = [*MANAGE, "collectstatic", "--noinput", "--clear", "--verbosity=0"]
    _run(command, held, "화면에 쓰이는 파일을 모으지 못했습니다.")
    mark.write_text(digest)


def _run(command: Sequence[str], held: int, failure: str) -> None:
    """Run one command to its end, its words kept in the log.

    Raises: Refusal beginning with `failure`, with the reason the command gave.
    """
    path = LOGS / "up.log"
    with path.open("ab") as log:
        begun = log.tell()
        process = tether.start(command, output=log, held=held)
        try:
            code = process.wait()
        finally:
            end([process])
    if code:
        said = path.read_bytes()[begun:].decode(errors="replace").splitlines()
        # Programs end with what went wrong; what is indented below it explains.
        reasons = [line for line in said if line and not line[0].isspace()] or [""]
        raise Refusal(
            f"{failure} {reasons[-1]}".strip(),
            next_step=f"자세한 내용은 {path}에 있습니다. 다시 실행하면 이어서 합니다.",
        )
