"""One database server for the run, and one cast of people for every test.

`DANJI_CI=1` turns the skip for a missing tool into a failure.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import django
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_HOME = Path(tempfile.mkdtemp(prefix="danji-tests-"))
_HOME.chmod(0o755)  # the server's own account has to reach it when root runs the tests
# What an operator has set is not for the tests, least of all the address of a real database.
for _name in [name for name in os.environ if name.startswith(("DANJI_", "DATABASE_"))]:
    if _name not in {"DANJI_CI", "DANJI_TEST_PROCESSES"}:
        del os.environ[_name]
os.environ["DANJI_HOME"] = str(_HOME)
os.environ["DANJI_DEMO"] = "1"
os.environ["DANJI_FREE_SPACE_FLOOR"] = "0"
os.environ["DJANGO_SETTINGS_MODULE"] = "danji.config.settings"
django.setup()
# A worker of xdist inherits the environment, and would load the settings with this run's home.
del os.environ["DJANGO_SETTINGS_MODULE"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TOOLS = {
    "browser": CHROMIUM,
    "poppler": shutil.which("pdfsig") and shutil.which("pdftotext"),
    "softhsm": shutil.which("softhsm2-util"),
}
MISSING = {
    "browser": "Chromium is not installed",
    "poppler": "poppler is missing",
    "softhsm": "SoftHSM is missing",
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, tool in TOOLS.items():
        if item.get_closest_marker(mark) and not tool:
            reason = MISSING[mark]
            if os.environ.get("DANJI_CI"):
                pytest.fail(reason)
            pytest.skip(reason)


def pytest_unconfigure() -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[object]:
    """An embedded server of this run's own; `PG_BINDIR` chooses another PostgreSQL."""
    from danji.base.postgres import Cluster

    bindir = os.environ.get("PG_BINDIR")
    with Cluster(_HOME, Path(bindir) if bindir else None) as running:
        yield running


@pytest.fixture(scope="session")
def django_db_setup(cluster: object, django_db_blocker: object) -> None:
    """Make the tables with the owner's rights; the tests then run with the application's."""
    from django.core.management import call_command

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        call_command("prepare", verbosity=0)


@pytest.fixture(scope="session")
def _above_the_law(cluster: object, django_db_setup: object) -> None:
    """Let a test put on the owner's rights for a moment; by itself nothing is inherited."""
    import psycopg

    from danji.base.postgres import SUPERUSER

    with psycopg.connect(cluster.url(SUPERUSER), autocommit=True) as server:  # type: ignore[attr-defined]
        server.execute("ALTER ROLE danji_app NOINHERIT")
        server.execute("GRANT danji_owner TO danji_app")


@pytest.fixture
def alter(db, _above_the_law) -> Callable[..., None]:
    """Change rows behind the application's back, as whoever runs the machine could."""
    from django.db import connection

    def change(sql: str, *values: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE danji_owner")
            cursor.execute(sql, values)
            cursor.execute("RESET ROLE")

    return change


@pytest.fixture
def at() -> datetime:
    """The moment at which the tests happen."""
    return datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Keys:
    """A seal made once; making an RSA key for each test would take half a second, and reading one
    a quarter.
    """

    key: RSAPrivateKey
    pem: bytes
    certificate: bytes


@pytest.fixture(scope="session")
def seal_keys() -> Keys:
    from danji.renditions.seal import certify_seal

    key = generate_private_key(public_exponent=65537, key_size=3072)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Keys(
        key,
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certify_seal(key, "들꽃마을아파트", "A10000001", at=at),
    )


@pytest.fixture
def found(db, monkeypatch, seal_keys, tmp_path, settings, at) -> Callable[..., object]:
    """Take in a complex, with files and keys in a folder of the test's own."""
    from danji.base import keys, tenancy
    from danji.config import founding
    from danji.renditions import jobs

    for name in ("FILES", "KEYS", "PUBLIC", "STAGING", "ASIDE", "EVIDENCE", "REPORTS"):
        setattr(settings, name, tmp_path / name.lower())
    jobs.seal_key.cache_clear()
    from danji.formbook.actions import publish_builtin_forms

    publish_builtin_forms()

    make_seal_key, certify_seal = founding.make_seal_key, founding.certify_seal
    seal_signer = keys.seal_signer

    def keep_made(code: str, name: str) -> None:
        if name == "seal":
            keys.keep_key(code, f"{name}.pem", seal_keys.pem)
        else:
            make_seal_key(code, name)

    def read(code: str, name: str) -> RSAPrivateKey:
        path = keys.key_path(code, f"{name}.pem")
        is_made = path.exists() and path.read_bytes() == seal_keys.pem
        return seal_keys.key if is_made else seal_signer(code, name)

    def certified(key: RSAPrivateKey, *of: object, at: datetime) -> bytes:
        return seal_keys.certificate if key is seal_keys.key else certify_seal(key, *of, at=at)

    monkeypatch.setattr(founding, "make_seal_key", keep_made)
    monkeypatch.setattr(founding, "certify_seal", certified)
    monkeypatch.setattr(founding, "seal_signer", read)
    monkeypatch.setattr(jobs, "seal_signer", read)

    def make(code: str, name: str, *, demonstration: bool = True) -> object:
        complex_ = founding.found_complex(
            code=code,
            name=name,
            address="서울특별시 가상구 들꽃로 12",
            demonstration=demonstration,
            at=at,
        )
        tenancy._enter("app.complex", complex_.id)
        return complex_

    return make


@pytest.fixture
def complex_(found):
    """The complex in which the tests happen."""
    return found("A10000001", "들꽃마을아파트")


# People have been there for long and stay: pages ask the clock of the day the tests are run.
LONG_AGO = date(2000, 1, 1)


@pytest.fixture
def appointed(complex_):
    """Put somebody into an office of the complex, for a term that may have ended."""
    return lambda name, office, **term: _appoint(complex_, name, office, **term)


def _appoint(
    complex_, name: str, office: str, *, since: date = LONG_AGO, until: date | None = None
):
    from danji.accounts.actions import appoint, register_person
    from danji.accounts.models import Office

    person = register_person(name=name, email=f"{office}@{complex_.code.lower()}.example")
    return appoint(person, Office(office), complex_, since=since, until=until)


@pytest.fixture
def bookkeeper(appointed):
    return appointed("김수진", "bookkeeper")


@pytest.fixture
def clerk(appointed):
    return appointed("최은영", "clerk")


@pytest.fixture
def chief(appointed):
    return appointed("이민호", "chief")


@pytest.fixture
def manager(appointed):
    return appointed("박정호", "manager")


@pytest.fixture
def chair(appointed):
    return appointed("정순자", "chair")


@pytest.fixture
def resident(complex_):
    """Somebody who lives in unit 101-101."""
    from danji.accounts.actions import move_in, register_person
    from danji.complexes.models import Building, Unit

    building = Building.objects.create(complex=complex_, name="101")
    unit = Unit.objects.create(complex=complex_, building=building, number="101")
    person = register_person(name="오미경", email="resident@example.com")
    return move_in(person, unit, since=LONG_AGO)


@pytest.fixture
def real(complex_, found):
    """A complex that is not of the demonstration, beside the one in which the tests happen."""
    from danji.base import tenancy

    other = found("D40000004", "참마을아파트", demonstration=False)
    tenancy._enter("app.complex", complex_.id)
    return other


@pytest.fixture
def neighbour(complex_, found):
    """The manager of another complex, who is shown nothing of this one."""
    from danji.base import tenancy

    other = found("B20000002", "달빛마을아파트")
    holder = _appoint(other, "나영호", "manager")
    tenancy._enter("app.complex", complex_.id)
    return holder


@pytest.fixture
def sign(at):
    """Signs as the demonstration does: by having signed in."""
    from danji.signing.evidence import session_signer

    return session_signer("demo", at)


@pytest.fixture
def sign_in():
    """Sign an officeholder or a resident in, as the demonstration does."""

    def enter(client, holder):
        client.force_login(holder.person, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["complex"] = str(holder.complex_id)
        session["officeholder"] = str(holder.id)
        session["signed_in"] = {"method": "demo", "at": "2026-11-22T00:00:00+00:00"}
        session.save()
        return client

    return enter
