"""The month's head on paper: what it says, and of which head."""

import io
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from importlib import resources
from itertools import count
from types import SimpleNamespace
from uuid import uuid4

import pikepdf
import pypdfium2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from test_pdfa import RULES

from danji.base import ids, tenancy
from danji.base.ids import first_at, made_at
from danji.disclosure.collection_page import write_collection_page
from danji.renditions import monthly
from danji.renditions.monthly import (
    last_head,
    last_month,
    last_of_collection,
    print_collection,
    print_complex,
    sheet_path,
    write_monthly_collection_sheet,
    write_monthly_sheet,
)
from danji.renditions.sheet import Sheet, Watched, qr_text, render_sheet
from danji.rules.periods import months_after
from danji.rules.refusal import Refusal
from danji.transparency.actions import append_event
from danji.transparency.collecting import collect
from danji.transparency.collection import collection_folder, newest_head
from danji.transparency.models import CollectedHead, ConfirmedHead, Log, Party, Stamp, Witness
from danji.transparency.queries import published_head
from danji.transparency.retiring import retire
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji_verify.canonical import b64encode
from danji_verify.checkpoint import Checkpoint, cosign, witness_key
from danji_verify.entry import Event
from danji_verify.note import format_note, parse_note

MONTH = date(2026, 11, 1)
CITY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
OF_WHAT_IT_HAS_NOT = {  # no table, no file inside
    "6.8 files have a relation",
    "32000-1, 7.9.6 names sorted",
    "UA 7.5 tables have heads",
}
HEAD = Checkpoint("danji.example/apt/A10000001/1", 31421, sha256(b"head").digest())


def sheet(**changes):
    given = {
        "month": MONTH,
        "about": "들꽃마을아파트",
        "head": HEAD,
        "watched": [Watched("가상구청", "시·군·구", datetime(2026, 11, 30, 14, 0, tzinfo=UTC))],
        "confirmed": True,
        "address": "https://danji.example/public/A10000001/log/1/",
        "taken_at": datetime(2026, 11, 30, 14, 58, tzinfo=UTC),
    }
    return Sheet(**given | changes)


def text_of(pdf):
    document = pypdfium2.PdfDocument(pdf)
    text = " ".join(page.get_textpage().get_text_range() for page in document)
    document.close()
    return " ".join(text.split())


# --- The page ------------------------------------------------------------------------------------


def test_it_says_the_head_in_groups_of_four():
    text = text_of(render_sheet(sheet()))
    root = b64encode(HEAD.root)
    assert all(root[start : start + 4] in text for start in range(0, 44, 4))
    for said in ("2026년 11월", HEAD.origin, "31,421건", "확정", "2026. 11. 30. 23:58", "가상구청"):
        assert said in text


def test_t28_it_says_the_digest_of_the_page_that_checks():
    page = (resources.files("danji_verify") / "verify.html").read_bytes()
    digest = sha256(page).hexdigest()
    groups = [digest[start : start + 4] for start in range(0, 64, 4)]
    assert " ".join(groups[:8]) in text_of(render_sheet(sheet()))
    assert " ".join(groups[8:]) in text_of(render_sheet(sheet()))


def test_the_code_to_scan_names_origin_size_and_root():
    said = qr_text(sheet())
    assert said.startswith("https://danji.example/public/A10000001/log/1/#")
    origin, size, root = said.partition("#")[2].split(",")
    assert (origin, int(size), root) == (HEAD.origin, HEAD.size, b64encode(HEAD.root))


def test_without_witnesses_it_says_so():
    text = text_of(render_sheet(sheet(watched=[], confirmed=False)))
    assert "잠정" in text
    assert "따로 확인하는 기관이 없습니다" in text


@pytest.mark.parametrize("of_all", [False, True], ids=["complex", "all"])
def test_it_is_one_page_that_anyone_can_keep_and_hear(of_all):
    watched = [sheet().watched[0]] * 5
    with pikepdf.open(io.BytesIO(render_sheet(sheet(watched=watched, of_all=of_all)))) as pdf:
        rules = {name: holds for name, holds in RULES.items() if name not in OF_WHAT_IT_HAS_NOT}
        assert [name for name, holds in rules.items() if not holds(pdf)] == []
        assert len(pdf.pages) == 1


def test_the_same_sheet_gives_the_same_bytes():
    assert render_sheet(sheet()) == render_sheet(sheet())


def test_a_moment_between_two_seconds_is_printed_as_well():
    """As every moment is at which a head was confirmed."""
    moment = datetime(2026, 11, 30, 14, 58, 7, 654321, tzinfo=UTC)
    assert "2026. 11. 30. 23:58" in text_of(render_sheet(sheet(taken_at=moment)))


def test_a_name_without_letters_for_it_is_printed_as_code_points():
    watched = [Watched("구청 😀", "시·군·구", sheet().taken_at)]
    assert "[U+1F600]" in text_of(render_sheet(sheet(watched=watched)))


# --- Which head ----------------------------------------------------------------------------------


def happen(complex_, at):
    with tenancy.within(complex_.id):
        append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": b"1"}, at=at)
    Sequencer().tick()


def confirm(complex_, at, number=None):
    """The newest head, cosigned and confirmed at that moment."""
    key = witness_key("city.example", CITY)
    Witness.objects.get_or_create(
        name="city.example",
        defaults={"label": "가상구청", "party": Party.CITY, "vkey": str(key), "since": at},
    )
    head = published_head(complex_, number).checkpoint
    signed = parse_note(published_head(complex_, number).note)
    line = cosign(head, name="city.example", private_key=CITY, at=int(at.timestamp()))
    return ConfirmedHead.objects.create(
        origin=head.origin,
        size=head.size,
        root=head.root,
        note=format_note(signed.text, [*signed.signatures, line]),
        confirmed_at=at,
    )


def confirm_collection(at):
    head = newest_head()
    return ConfirmedHead.objects.create(
        origin=head.checkpoint.origin,
        size=head.checkpoint.size,
        root=head.checkpoint.root,
        note=head.note,
        confirmed_at=at,
    )


@pytest.fixture
def origin(complex_, at):
    Sequencer().tick()
    return published_head(complex_).checkpoint.origin


@pytest.fixture
def collected_at(alter):
    """Collect, as if at that moment: when a head was collected is told by its row's id."""

    def go(at):
        collect()
        newest = CollectedHead.objects.latest("index")
        alter(
            "UPDATE transparency_collectedhead SET id = %s WHERE id = %s", first_at(at), newest.id
        )

    return go


def in_korea(*moment):
    return datetime(*moment, tzinfo=UTC) - timedelta(hours=9)


def test_it_is_the_last_head_confirmed_in_that_month_as_it_was_in_korea(complex_, origin, at):
    confirm(complex_, in_korea(2026, 11, 3))
    happen(complex_, at)
    confirm(complex_, in_korea(2026, 11, 30, 23, 59))
    happen(complex_, at)
    confirm(complex_, in_korea(2026, 12, 1))
    last = last_head(origin, MONTH)
    assert (last.checkpoint.size, last.confirmed) == (2, True)
    (path,) = print_complex(complex_, MONTH)
    assert path == log_folder(complex_.code, 1) / "sheets" / "2026-11.pdf"
    text = text_of(path.read_bytes())
    assert "가상구청 (시·군·구) 2026. 11. 30. 23:59" in text
    assert "2건" in text


def test_where_nothing_was_confirmed_that_month_it_is_the_last_collected(
    complex_, origin, at, collected_at
):
    confirm(complex_, in_korea(2026, 9, 1))
    happen(complex_, at)
    collected_at(in_korea(2026, 11, 30, 22))
    happen(complex_, at)
    collected_at(in_korea(2026, 12, 1, 1))
    last = last_head(origin, MONTH)
    assert (last.checkpoint.size, last.confirmed) == (2, False)
    assert last.at == in_korea(2026, 11, 30, 22)
    assert last_head(origin, date(2026, 10, 1)).checkpoint.size == 1


def test_what_was_confirmed_before_stays_where_nothing_collected_leads_further(
    complex_, origin, at, collected_at
):
    collected_at(in_korea(2026, 10, 30))
    happen(complex_, at)
    confirm(complex_, in_korea(2026, 10, 31, 23, 30))  # and the witnesses were away since
    last = last_head(origin, MONTH)
    assert (last.checkpoint.size, last.confirmed) == (2, True)
    confirmed = confirm_collection(in_korea(2026, 10, 31, 23, 45))
    assert last_of_collection(MONTH).checkpoint.root == confirmed.root
    assert last_of_collection(MONTH).confirmed


def test_a_log_that_was_retired_in_the_month_has_its_sheet_and_none_after(
    complex_, origin, at, monkeypatch
):
    retire(complex_, reason="옮김", at=at)
    with tenancy.within(complex_.id):
        began = made_at(Log.objects.within(complex_.id).get(number=2).id)
    month = last_month(began + timedelta(days=31))
    for number in (1, 2):
        confirm(complex_, began, number)
    after = months_after(month, 1)
    paths = [
        log_folder(complex_.code, number) / "sheets" / f"{month:%Y-%m}.pdf" for number in (1, 2)
    ]
    assert print_complex(complex_, month) == paths
    paths[0].unlink()
    monkeypatch.setattr(monthly.timezone, "now", lambda: began + timedelta(days=31))
    assert write_monthly_sheet(complex_.id) == 1
    assert paths[0].exists()
    assert [path.parts[-3] for path in print_complex(complex_, after)] == ["2"]


def test_heads_collected_at_midnight_are_all_of_one_month(complex_, neighbour, monkeypatch):
    """Between them the log of logs had no head: half of them would be one that nobody published."""
    Sequencer().tick()
    moments = count(int(in_korea(2026, 11, 30, 23, 59, 59).timestamp()) * 10**9, 10**9)
    monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: next(moments)))
    assert collect() == 2
    assert last_of_collection(MONTH).checkpoint.size == 2


def test_a_log_without_a_head_by_then_gives_none(complex_, origin, collected_at):
    collected_at(in_korea(2026, 12, 1))
    assert last_head(origin, MONTH) is None
    assert print_complex(complex_, MONTH) == []
    assert print_collection(MONTH) is None


def test_the_log_of_logs_as_it_was_at_the_end_of_the_month(complex_, origin, at, collected_at):
    collected_at(in_korea(2026, 11, 30, 22))
    stamped = (collection_folder() / "checkpoint").read_bytes()
    happen(complex_, at)
    collected_at(in_korea(2026, 12, 1, 1))
    last = last_of_collection(MONTH)
    assert last.checkpoint == Checkpoint.parse(parse_note(stamped).text)
    assert last.note == b""  # nobody kept that head, but its root is known
    Stamp.objects.create(
        day=date(2026, 11, 30),
        origin=last.checkpoint.origin,
        size=1,
        note=stamped,
        token=b"",
        stamped_at=in_korea(2026, 11, 30, 23),
    )
    assert last_of_collection(MONTH).note == stamped
    assert print_collection(MONTH) == collection_folder() / "sheets" / "2026-11.pdf"


# --- When it is made -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ((2026, 11, 30, 14, 59), date(2026, 10, 1)),
        ((2026, 11, 30, 15, 0), date(2026, 11, 1)),  # midnight in Korea
        ((2027, 1, 1, 0, 0), date(2026, 12, 1)),
    ],
    ids=["before", "at-midnight", "new-year"],
)
def test_a_month_ends_as_it_ends_in_korea(moment, month):
    assert last_month(datetime(*moment, tzinfo=UTC)) == month


def test_it_is_made_once_when_the_month_is_over(complex_, origin, monkeypatch, collected_at):
    collected_at(in_korea(2026, 11, 30))
    monkeypatch.setattr(monthly.timezone, "now", lambda: in_korea(2026, 12, 1))
    path = sheet_path(log_folder(complex_.code, 1), MONTH)
    assert write_monthly_sheet(complex_.id) == 1
    made = path.stat().st_mtime_ns
    assert write_monthly_sheet(complex_.id) == 0
    assert path.stat().st_mtime_ns == made
    assert write_monthly_collection_sheet() == 1
    assert write_monthly_collection_sheet() == 0


def test_it_can_be_asked_for(complex_, origin, monkeypatch, collected_at, capsys):
    collected_at(in_korea(2026, 11, 30))
    monkeypatch.setattr(monthly.timezone, "now", lambda: in_korea(2026, 12, 5))
    call_command("sheet", code=complex_.code, month="2026-11")
    assert "A10000001/log/1/sheets/2026-11.pdf" in capsys.readouterr().out
    call_command("sheet")
    assert "heads/1/sheets/2026-11.pdf" in capsys.readouterr().out
    with pytest.raises(Refusal, match="아직 끝나지"):
        call_command("sheet", month="2026-12")
    with pytest.raises(CommandError, match="아직 없었습니다"):
        call_command("sheet", month="2026-10")
    with pytest.raises(CommandError, match="적은 달이 아닙니다"):
        call_command("sheet", month="11월")
    with pytest.raises(CommandError, match="단지가 없습니다"):
        call_command("sheet", code="Z99999999")


# --- The page of the log of logs -----------------------------------------------------------------


def test_the_page_is_written_when_there_is_something_new(complex_, origin, at, collected_at):
    assert write_collection_page() == 0  # there is no log of logs yet
    collected_at(in_korea(2026, 11, 30))
    assert write_collection_page() == 1
    assert write_collection_page() == 0
    print_collection(MONTH)
    assert write_collection_page() == 1
    page = (collection_folder() / "index.html").read_text()
    assert "danji.localhost/heads/1" in page
    assert 'href="sheets/2026-11.pdf"' in page
    happen(complex_, at)
    collect()
    assert write_collection_page() == 1
