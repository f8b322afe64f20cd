"""The API of people, absences and rules: two officers, each by a program of their own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.authority.models import Absence, Proposal
from danji.integration.models import ApiScope
from danji.routing.queries import newest_table
from danji.rules.periods import day_in_seoul


@pytest.fixture
def today():
    return day_in_seoul(timezone.now())


@pytest.fixture
def programs(program, manager, chief):
    """The manager's program and the chief's."""
    return program(manager), program(chief)


def done(answer, status=200):
    assert answer.status_code == status, answer.content.decode()
    return answer.json()


def test_an_absence_is_said_and_ended(programs, manager, chief, today):
    of_manager, of_chief = programs
    body = {
        "absent": str(manager.id),
        "deputy": str(chief.id),
        "since": str(today),
        "until": str(today + timedelta(days=2)),
        "reason": "trip",
    }
    made = done(of_manager.post("/absences", body, key="away-1"), 201)
    assert of_manager.post("/absences", body, key="away-1").json() == made
    assert Absence.objects.count() == 1
    assert done(of_chief.get("/absences"))["items"] == [made]
    done(of_manager.post(f"/absences/{made['id']}/end"))
    assert done(of_chief.get("/absences"))["items"] == []


def test_somebody_takes_an_office_by_two_programs(programs, today):
    of_manager, of_chief = programs
    body = {
        "name": "최은영",
        "email": "clerk@example.com",
        "office": "clerk",
        "since": str(today),
    }
    proposed = done(of_manager.post("/proposals/appointment", body), 201)
    assert (proposed["change"], proposed["can_confirm"]) == ("take", False)
    here = f"/proposals/{proposed['id']}"
    assert of_manager.post(f"{here}/confirmation").status_code == 409
    waiting = done(of_chief.get("/proposals"))["items"]
    assert [(one["id"], one["can_confirm"]) for one in waiting] == [(proposed["id"], True)]
    confirmed = done(of_chief.post(f"{here}/confirmation"))
    assert confirmed["outcome"]["answer"] == "confirmed"
    assert Officeholder.objects.get(office=Office.CLERK).person.name == "최은영"
    terms = done(of_chief.get("/terms"))["items"]
    assert "최은영" in [one["name"] for one in terms]


def test_where_somebody_is_reached_is_shown_to_whom_it_concerns(
    programs, program, chair, manager, clerk
):
    of_manager, _ = programs
    body = {
        "officeholder": str(manager.id),
        "email": "new@example.com",
        "phone": "010-1234-5678",
        "reason": "번호를 바꾸었습니다.",
    }
    proposed = done(of_manager.post("/proposals/contact", body), 201)
    assert proposed["email"] == "new@example.com"
    for reader, email in ((program(clerk), None), (program(chair), "new@example.com")):
        seen = done(reader.get(f"/proposals/{proposed['id']}"))
        assert (seen["can_confirm"], seen["email"]) == (email is not None, email)
    assert done(of_manager.post(f"/proposals/{proposed['id']}/withdrawal"))["outcome"]


def test_what_the_bylaws_set_is_proposed_and_rejected(programs, program, chair, today):
    of_manager, _ = programs
    setting = done(of_manager.get("/bylaws"))["items"][0]
    body = {
        "setting": setting["setting"],
        "value": setting["value"] + 1,
        "article": "관리규약 제45조",
        "effective_from": str(today),
    }
    proposed = done(of_manager.post("/proposals/setting", body), 201)
    rejected = done(program(chair).post(f"/proposals/{proposed['id']}/rejection"))
    assert rejected["outcome"]["answer"] == "rejected"
    assert done(of_manager.get("/bylaws"))["items"][0] == setting


def test_rules_are_looked_at_ahead_proposed_and_confirmed(programs, manager, today):
    of_manager, of_chief = programs
    newest = done(of_manager.get("/routing"))["newest"]
    sent = ("form", "fund", "over", "up_to", "conditions", "line", "resolution", "layer", "basis")
    rows = [{name: row[name] for name in (*sent, "effective_until")} for row in newest["rows"]]
    memo = next(row for row in rows if row["form"] == "memo")
    memo["line"] = [{"act": "approve", "office": "manager", "stage": 2}]
    memo |= {"layer": "bylaw", "basis": "관리규약 제45조제2항"}
    body = {"follows": newest["number"], "effective_from": str(today), "rows": rows}
    preview = done(of_manager.post("/routing/preview", body))
    changed = [one for group in preview["groups"] for one in group["lines"] if one["was"]]
    assert changed
    assert newest_table(manager.complex_id).number == newest["number"]
    proposed = done(of_manager.post("/routing/revisions", body | {"reason": "직접 봅니다."}), 201)
    here = f"/routing/revisions/{proposed['id']}"
    assert done(of_chief.get(f"{here}/preview")) == preview
    assert of_manager.post(f"{here}/confirmation").status_code == 409
    returned = done(of_manager.post(f"{here}/withdrawal"))
    assert returned["outcome"]["verdict"] == "withdrawn"
    back = [
        *rows[:-1],
        rows[-1] | {"line": [{"act": "approve", "office": "manager", "stage": s} for s in (3, 2)]},
    ]
    assert of_manager.post("/routing/preview", body | {"rows": back}).status_code == 422


def test_a_second_officer_confirms_rules(programs, program, chair, manager, today):
    newest = done(programs[0].get("/routing"))["newest"]
    row = {
        "form": "memo",
        "line": [{"act": "approve", "office": "manager", "stage": 2}],
        "layer": "bylaw",
        "basis": "관리규약 제45조제2항",
    }
    body = {
        "follows": newest["number"],
        "effective_from": str(today),
        "rows": [row],
        "reason": "직접 봅니다.",
    }
    proposed = done(programs[0].post("/routing/revisions", body), 201)
    here = f"/routing/revisions/{proposed['id']}"
    done(program(chair).post(f"{here}/confirmation"))
    assert newest_table(manager.complex_id).number == newest["number"] + 1


def test_who_only_decides_manages_nothing(program, manager, chief, today):
    deciding = program(manager, ApiScope.READ, ApiScope.DECIDE)
    body = {"officeholder": str(chief.id), "last_day": str(today), "reason": "사임"}
    answer = deciding.post("/proposals/leaving", body)
    assert answer.status_code == 403
    assert "관리" in answer.json()["fact"]
    assert not Proposal.objects.exists()
