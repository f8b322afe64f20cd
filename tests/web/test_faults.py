"""What is said when something goes wrong, and that nothing is half done."""

import errno
import re
from datetime import date
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import OperationalError
from django.urls import reverse

from danji.approvals.models import Draft
from danji.base import files
from danji.formbook.models import Form
from danji.web.desk import board

HTMX = {"HX-Request": "true", "HX-Target": "f-items"}


@pytest.fixture
def broken(monkeypatch, clerk, at_desk):
    """A desk whose first page runs into a fault."""

    def with_fault(fault: Exception):
        def fail(*_, **__):
            raise fault

        monkeypatch.setattr(board, "home", fail)
        desk = at_desk(clerk)
        desk.client.raise_request_exception = False
        return desk

    return with_fault


def database_fault(cause: psycopg.Error) -> OperationalError:
    fault = OperationalError("as Django raises it")
    fault.__cause__ = cause
    return fault


def test_a_database_that_is_away_is_said_and_asked_again_later(broken):
    answer = broken(database_fault(psycopg.OperationalError())).get(reverse("desk:home"))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert "이미 저장된 문서는 그대로 있습니다" in answer.content.decode()


def test_a_part_of_a_page_stays_when_the_database_is_away(broken):
    desk = broken(database_fault(psycopg.OperationalError()))
    answer = desk.get(reverse("desk:home"), headers=HTMX)
    assert answer.status_code == 503
    assert (answer["HX-Retarget"], answer["HX-Reselect"]) == ("#refusal", "unset")
    assert "<html" not in answer.content.decode()


def test_two_at_the_same_moment_are_asked_to_press_again(broken):
    answer = broken(database_fault(psycopg.errors.DeadlockDetected())).get(reverse("desk:home"))
    assert answer.status_code == 409
    assert "다시 한 번 눌러" in answer.content.decode()


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        database_fault(psycopg.errors.DiskFull()),
    ],
)
def test_a_full_disk_is_said_with_what_to_do(fault, broken):
    answer = broken(fault).get(reverse("desk:home"))
    assert answer.status_code == 503
    assert "저장 공간이 부족" in answer.content.decode()


def test_our_own_mistake_is_logged_and_nobody_is_blamed(broken, caplog):
    answer = broken(KeyError("ours")).get(reverse("desk:home"))
    assert answer.status_code == 500
    assert "저희 쪽에서 잘못되었습니다" in answer.content.decode()
    assert "KeyError: 'ours'" in caplog.text


def test_a_part_of_a_page_is_told_of_our_mistake(broken):
    answer = broken(KeyError("ours")).get(reverse("desk:home"), headers=HTMX)
    assert answer.status_code == 500
    assert "<html" not in answer.content.decode()


def test_a_full_disk_leaves_no_half_attachment(draft, clerk, at_desk, typed, pdf, monkeypatch):
    from django.core.files.uploadedfile import SimpleUploadedFile

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_durably", full)
    answer = at_desk(clerk).post(
        reverse("desk:attachments", args=[draft.id]),
        typed(draft) | {"file": SimpleUploadedFile("견적서.pdf", pdf)},
    )
    assert answer.status_code == 503
    assert Draft.objects.get().attachments == []


def test_a_form_without_its_token_is_told_in_place(clerk, complex_, sign_in):
    from django.test import Client

    client = sign_in(Client(enforce_csrf_checks=True), clerk)
    page = client.post(reverse("desk:drafts"), {"form": "memo"})
    assert page.status_code == 403
    assert "다시 한 번" in page.content.decode()
    part = client.post(reverse("desk:drafts"), {"form": "memo"}, headers=HTMX)
    assert part["HX-Retarget"] == "#refusal"


def test_a_part_of_a_page_is_told_that_the_office_ended(appointed, at_desk):
    former = appointed("박정호", "manager", until=date(2001, 1, 31))
    answer = at_desk(former).get(reverse("desk:home"), headers=HTMX)
    assert answer["HX-Retarget"] == "#refusal"
    assert "맡고 계신 직책이 없어" in answer.content.decode()
    assert "오래 열어 두어" not in answer.content.decode()


def test_what_we_lost_is_our_mistake_and_no_wrong_address(broken, caplog):
    answer = broken(Form.DoesNotExist()).get(reverse("desk:home"))
    assert answer.status_code == 500
    assert "DoesNotExist" in caplog.text


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/desk/records/?q=1", True),
        ("http://testserver//evil.example/x", None),
        ("http://evil.example/desk/", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_the_way_back_stays_with_us(referer, back, clerk, at_desk):
    answer = at_desk(clerk).post(
        reverse("desk:drafts"), {"form": "diary"}, headers={"Referer": referer}
    )
    links = re.findall(r'href="([^"]+)"', answer.content.decode())
    assert answer.status_code == 409
    assert "//evil.example/x" not in links
    assert not any(link.startswith(("http://evil", "javascript")) for link in links)
    if back is not None:
        assert (referer in links) is back


@pytest.mark.parametrize("host", ["evil.example", "a b"])
def test_a_refusal_to_a_strange_host_needs_no_way_back(host, visitor, settings):
    settings.UPLOAD_LIMIT = 1024
    answer = visitor.client.generic(
        "POST", "/desk/", b"", CONTENT_LENGTH=2_000_000_000, HTTP_HOST=host
    )
    assert answer.status_code == 413


def test_every_page_says_what_may_run_on_it(visitor):
    answer = visitor.get("/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("text", ["\0", "\ufdd0", "a" * 5000, "' OR 1=1 --", "%", "\\"])
def test_any_search_is_answered(text, clerk, at_desk):
    answer = at_desk(clerk).get(f"{reverse('desk:register')}?{urlencode({'q': text})}")
    assert answer.status_code == 200


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
def test_characters_that_cannot_be_kept_break_nothing(text, draft, clerk, at_desk, visitor, typed):
    desk, q = at_desk(clerk), urlencode({"q": text}, errors="surrogatepass")
    for name, arguments in (("register", []), ("draft", [draft.id]), ("offices", [])):
        page = reverse(f"desk:{name}", args=arguments)
        keys = f"{q}&cite={q[2:]}&page={q[2:]}&next={q[2:]}"
        assert desk.get(f"{page}?{keys}").status_code == 200
    sent = {"content_type": "application/x-www-form-urlencoded"}
    body = urlencode({"form": text, "next": text, text: text}, errors="surrogatepass")
    assert desk.client.post(reverse("desk:drafts"), body, **sent).status_code == 409
    kept = urlencode(typed(draft, title=text, cite=text), errors="surrogatepass")
    assert desk.client.post(reverse("desk:draft", args=[draft.id]), kept, **sent).status_code == 303
    person = urlencode({"person": text, "next": text}, errors="surrogatepass")
    assert visitor.client.post(reverse("demo:login"), person, **sent).status_code == 404


def test_a_form_read_in_another_code_breaks_nothing(clerk, at_desk):
    # UTF-7 is the one encoding in which half a pair gets through.
    answer = at_desk(clerk).client.get(
        reverse("desk:register") + "?q=%2B2AA-", CONTENT_TYPE="text/plain; charset=utf-7"
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "99", "x", "9" * 5000])
@pytest.mark.parametrize("page", ["desk:register", "desk:home"])
def test_any_page_number_is_answered(number, page, clerk, at_desk):
    answer = at_desk(clerk).get(reverse(page) + f"?page={number}")
    assert answer.status_code == 200


def test_who_is_signed_in_keeps_the_menu_where_nothing_is(at_desk, manager, visitor):
    missing = at_desk(manager).get("/desk/nothing/")
    assert missing.status_code == 404
    assert 'aria-label="주 메뉴"' in missing.content.decode()
    assert 'aria-label="주 메뉴"' not in visitor.client.get("/desk/nothing/").content.decode()
