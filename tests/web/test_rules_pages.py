"""The pages of the rules for approval lines: what holds, the editor, and the second officer."""

import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.routing.models import RoutingRevision
from danji.routing.queries import newest_table
from danji.routing.rows import load
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul

EDIT = "/desk/routing/edit/"


def inputs(answer) -> dict[str, list[str]]:
    """What a browser would post of the page: hidden inputs, texts, chosen options, ticked boxes."""
    page = answer.content.decode().split('<form id="rules"')[1].split("</form>")[0]
    posted: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]+>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ("checkbox" not in tag or " checked" in tag):
            posted.setdefault(name[1], []).append(unescape(value[1] if value else ""))
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        first = re.search(r'<option value="([^"]*)"', options)
        posted[name] = [chosen[1] if chosen else first[1]]
    posted.pop("csrfmiddlewaretoken", None)
    return posted


@pytest.fixture
def sheet(at_desk, manager):
    """The editor at the manager's desk: open it, then press a button with some inputs changed."""
    desk = at_desk(manager)
    answers = [desk.get(EDIT)]

    def press(button=None, value="1", **changes):
        if button is None:
            return answers[-1]
        posted = inputs(answers[-1]) | {name.replace("__", "-"): v for name, v in changes.items()}
        answers.append(desk.post(EDIT, posted | {button: value}))
        return answers[-1]

    return press


def of_row(number, **changes):
    return {f"{number}-{name}": value for name, value in changes.items()}


@pytest.fixture
def last(complex_):
    """The number of the row that is added."""
    return len(newest_table(complex_.id).rows) + 1


@pytest.fixture
def filled(sheet, last):
    """A row for small expenses that the chief decides, typed into the editor."""
    sheet("add")
    return of_row(
        last,
        form="expense",
        up_to="300,000",
        layer="bylaw",
        basis="관리규약 제45조제2항",
        **{"office-0": "chief", "act-0": "delegated"},
    )


def test_the_rules_that_hold_are_shown(manager, at_desk):
    page = at_desk(manager).get(reverse("routing:rules")).content.decode()
    assert "기안 → 과장 검토 → 관리사무소장 결재" in page
    assert "지출결의서, 장기수선충당금" in page
    assert "공동주택관리법 시행령 제31조제5항" in page
    assert "처음부터 들어 있는 규칙" in page


def test_what_came_with_the_product_is_called_a_default(manager, at_desk):
    for page in ("routing:rules", "routing:editor"):
        assert "제품 기본값" not in at_desk(manager).get(reverse(page)).content.decode()
    assert "기본값: " in at_desk(manager).get(reverse("routing:rules")).content.decode()


def test_the_editor_holds_all_rows_and_opens_one(sheet):
    opened = sheet("open", "1")
    page = opened.content.decode()
    assert page.count("번째 줄 고치기</h2>") == 1
    assert "1번째 줄 고치기</h2>" in page
    assert sheet("done").content.decode().count("번째 줄 고치기</h2>") == 0


def test_what_is_opened_and_closed_again_stays_as_it_was(sheet, complex_):
    rows = newest_table(complex_.id).rows
    before = inputs(sheet())
    for number in range(1, len(rows) + 1):
        sheet("open", str(number))
    closed = sheet("done")
    assert inputs(closed)["follows"] == before["follows"]
    said = sheet("preview", reason=["까닭"])
    assert "바뀐 곳이 없습니다" in said.content.decode()


def test_a_row_is_taken_out(sheet, last):
    page = sheet("remove", "1").content.decode()
    assert f'id="row-{last - 1}"' not in page


def test_a_change_is_previewed_and_then_proposed(sheet, filled, manager, complex_):
    previewed = sheet("preview", reason=["전결 한도"], **filled)
    page = previewed.content.decode()
    assert previewed.status_code == 200
    assert "300,000원" in page
    assert "기안 → 과장 전결" in page
    assert 'name="propose"' in page
    answer = sheet("propose")
    revision = RoutingRevision.objects.get()
    assert answer.url == reverse("routing:revision", args=[revision.id])
    (row,) = [row for row in load(bytes(revision.rows)) if row.up_to == 300_000]
    assert [(p.act, p.office) for p in row.places] == [(Act.DELEGATED, "chief")]
    tomorrow = day_in_seoul(timezone.now()) + timedelta(days=1)
    assert row.effective_from == revision.effective_from == tomorrow


def test_side_by_side_and_conditions_are_typed_too(sheet, filled, last):
    places = {
        "office-0": "chief",
        "act-0": "review",
        "office-1": "bookkeeper",
        "act-1": "concur",
        "beside-1": "1",
    }
    sheet("again", str(last), **filled)
    sheet("again", str(last), **of_row(last, **places))
    end = {"office-2": "manager", "act-2": "approve", "asked-payment": ["cash", "card"]}
    page = sheet("done", **of_row(last, **end)).content.decode()
    assert "과장 검토 · 경리 협조 → 관리사무소장 결재" in page
    assert "지급 방법 카드 또는 현금" in page


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"up_to": "삼십만"}, "금액을 읽을 수 없습니다"),
        ({"until": "언젠가"}, "날짜를 읽을 수 없습니다"),
        ({"layer": "gold"}, "고를 수 없는 것"),
        ({"office-0": "king"}, "고를 수 없는 것"),
        ({"act-0": "rule"}, "고를 수 없는 것"),
        ({"layer": "statute"}, "법령이나 고시로"),
        ({"basis": ""}, "어느 조항"),
        ({"office-0": "chair", "act-0": "approve", "layer": "policy"}, "확인만 할 수 있습니다"),
        ({"office-0": "", "act-0": "approve"}, "마지막으로 결재할"),
        ({"form": "nothing"}, "서식에 없는"),
    ],
)
def test_what_cannot_stand_is_said_and_kept_on_the_page(sheet, filled, last, changes, fact):
    answer = sheet("preview", reason=["까닭"], **filled | of_row(last, **changes))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert fact in page
    assert 'name="propose"' not in page
    assert f"{last}-form" in inputs(answer)


def test_a_row_is_looked_at_when_it_is_closed(sheet, filled, last):
    answer = sheet("done", **filled | of_row(last, basis=""))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "어느 조항" in page
    assert f"{last}번째 줄 고치기</h2>" in page


def test_a_day_that_has_passed_is_refused(sheet, filled):
    answer = sheet("preview", reason=["까닭"], effective_from=["2020-01-01"], **filled)
    assert "이미 지났습니다" in answer.content.decode()
    answer = sheet("preview", effective_from=["내일"])
    assert "날짜를 읽을 수 없습니다" in answer.content.decode()


def test_a_number_that_is_none_is_no_button(sheet):
    assert sheet("open", "많이").status_code == 200
    assert sheet("remove", "999").status_code == 200


@pytest.fixture
def proposed(sheet, filled):
    sheet("preview", reason=["전결 한도"], **filled)
    sheet("propose")
    return RoutingRevision.objects.get()


def test_the_second_officer_sees_what_changes_and_confirms(proposed, chair, at_desk):
    desk = at_desk(chair)
    assert "확인을 기다리는 개정안" in desk.get(reverse("routing:rules")).content.decode()
    page = desk.get(reverse("routing:revision", args=[proposed.id])).content.decode()
    assert page.index("바뀐 줄") < page.index("이렇게 결재합니다") < page.index("그대로인 줄")
    assert "전결 한도" in page
    assert "300,001원" in page
    desk.post(reverse("routing:confirmation", args=[proposed.id]))
    assert proposed.outcomes.get().verdict == "confirmed"
    page = desk.get(reverse("routing:rules")).content.decode()
    assert "부터 규칙이 바뀝니다" in page
    assert "확정" in page


def test_the_second_officer_sends_it_back(proposed, chair, at_desk):
    address = reverse("routing:rejection", args=[proposed.id])
    refused = at_desk(chair).post(address, {"reason": ""})
    assert refused.status_code == 409
    at_desk(chair).post(address, {"reason": "조항이 다릅니다."})
    page = at_desk(chair).get(reverse("routing:revision", args=[proposed.id])).content.decode()
    assert "조항이 다릅니다." in page
    assert "확정하시면" not in page


def test_the_proposer_cannot_confirm_but_take_back(proposed, manager, at_desk):
    desk = at_desk(manager)
    here = reverse("routing:revision", args=[proposed.id])
    page = desk.get(here).content.decode()
    assert "확정하시면" not in page
    assert "개정안 거두기" in page
    assert desk.post(reverse("routing:confirmation", args=[proposed.id])).status_code == 409
    desk.post(reverse("routing:withdrawal", args=[proposed.id]))
    assert proposed.outcomes.get().verdict == "withdrawn"


def test_what_a_dismissed_officer_proposed_can_only_be_sent_back(proposed, chair, at_desk):
    Officeholder.objects.filter(id=proposed.proposer_id).update(until=date(2000, 1, 31))
    here = reverse("routing:revision", args=[proposed.id])
    page = at_desk(chair).get(here).content.decode()
    assert "제안한 분의 임기가 끝나 확정할 수 없습니다" in page
    assert reverse("routing:confirmation", args=[proposed.id]) not in page
    assert reverse("routing:rejection", args=[proposed.id]) in page


def test_a_neighbour_and_a_visitor_see_nothing(proposed, neighbour, at_desk, visitor):
    for name in ("revision", "confirmation", "rejection", "withdrawal"):
        here = reverse(f"routing:{name}", args=[proposed.id])
        assert visitor.post(here).status_code in {302, 405}
        assert at_desk(neighbour).post(here).status_code in {404, 405}
    assert at_desk(neighbour).get(here.replace("withdrawal/", "")).status_code == 404
    theirs = at_desk(neighbour).get(reverse("routing:rules")).content.decode()
    assert "확인을 기다리는 개정안" not in theirs


def test_a_chief_may_look_and_not_confirm(proposed, chief, at_desk):
    page = at_desk(chief).get(reverse("routing:revision", args=[proposed.id])).content.decode()
    assert "확정하시면" not in page
    answer = at_desk(chief).post(reverse("routing:confirmation", args=[proposed.id]))
    assert answer.status_code == 409
