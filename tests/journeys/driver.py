"""Steps of the main path in a process of its own, which can be killed in the last of them.

    python driver.py STEP [STEP…] [--document ID] [--kill module.function:before|after[:n]]

`n` counts the calls of the function; the process dies by SIGKILL, as a power cut would have it.
Prints a line of JSON for each step: what it returned.
"""

import argparse
import importlib
import json
import os
import signal
from datetime import date
from uuid import UUID

import django

django.setup()

from django.utils import timezone  # noqa: E402

from danji.accounts.actions import appoint, register_person  # noqa: E402
from danji.accounts.models import Office, Officeholder  # noqa: E402
from danji.approvals import deciding, drafting  # noqa: E402
from danji.base import tenancy  # noqa: E402
from danji.complexes.models import Complex  # noqa: E402
from danji.config.founding import found_complex  # noqa: E402
from danji.config.schedule import JOBS  # noqa: E402
from danji.formbook import values  # noqa: E402
from danji.formbook.definition import load  # noqa: E402
from danji.rules.approval import Choice, Decision  # noqa: E402
from danji.rules.refusal import Refusal  # noqa: E402
from danji.signing.evidence import session_signer  # noqa: E402
from danji.transparency.sequencer import Sequencer  # noqa: E402

CODE = "A10000001"
NOTICE = {
    "title": "승강기 유지관리 업체 선정 입찰공고",
    "subject": "승강기 유지관리 용역",
    "qualifications": ["가. 승강기 유지관리업 등록 업체"],
    "reception_until": "2026-12-10T17:00",
    "reception_place": "관리사무소",
}


def found() -> str:
    now = timezone.now()
    complex_ = found_complex(
        code=CODE, name="들꽃마을아파트", address="서울특별시 가상구 들꽃로 12", at=now
    )
    with tenancy.within(complex_.id):
        for office in (Office.CLERK, Office.MANAGER):
            person = register_person(name=f"{office.label}님", email=f"{office}@example.com")
            appoint(person, office, complex_, since=date(2020, 1, 1))
    return str(complex_.id)


def holder(office: Office) -> Officeholder:
    return Officeholder.objects.select_related("person", "complex").get(office=office)


def submit() -> str:
    now = timezone.now()
    with tenancy.within(Complex.objects.get().id):
        clerk = holder(Office.CLERK)
        draft = drafting.start_draft("bid-notice", actor=clerk, at=now)
        typed = values.to_inputs(load(bytes(draft.form.definition)), NOTICE)
        drafting.save_draft(draft.id, typed, revision=draft.revision, actor=clerk, at=now)
        return str(drafting.submit_draft(draft.id, actor=clerk, at=now).id)


def decide(document_id: str) -> str:
    now = timezone.now()
    with tenancy.within(Complex.objects.get().id):
        try:
            deciding.decide_step(
                UUID(document_id),
                actor=holder(Office.MANAGER),
                choice=Choice(Decision.APPROVE),
                sign=session_signer("demo", now),
                at=now,
            )
        except Refusal as refusal:
            return str(refusal)
    return "decided"


def seal() -> int:
    sequencer = Sequencer()
    sequencer.start()
    if sequencer.frozen:
        raise SystemExit(next(iter(sequencer.frozen.values())))
    placed = 0
    while now_placed := sequencer.tick():
        placed += now_placed
    return placed


def jobs() -> int:
    return sum(job(Complex.objects.get().id) for job in JOBS)


def kill_at(spec: str) -> None:
    where, moment, *count = spec.split(":")
    module_name, _, function_name = where.rpartition(".")
    try:
        owner = importlib.import_module(module_name)
    except ModuleNotFoundError:
        module_name, _, class_name = module_name.rpartition(".")
        owner = getattr(importlib.import_module(module_name), class_name)
    real = getattr(owner, function_name)
    left = int(count[0]) if count else 1

    def dying(*arguments, **options):
        nonlocal left
        left -= 1
        if moment == "before" and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **options)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, function_name, dying)


def finish() -> int:
    """Start everything again, as the supervisor does, until there is nothing left to do."""
    done = 0
    while now_done := seal() + jobs():
        done += now_done
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "steps", nargs="+", choices=("found", "submit", "decide", "seal", "jobs", "finish")
    )
    parser.add_argument("--document")
    parser.add_argument("--kill")
    options = parser.parse_args()
    document = options.document
    for number, step in enumerate(options.steps, 1):
        if options.kill and number == len(options.steps):
            kill_at(options.kill)
        answer = decide(document) if step == "decide" else globals()[step]()
        if step == "submit":
            document = answer
        print(json.dumps(answer, ensure_ascii=False), flush=True)
