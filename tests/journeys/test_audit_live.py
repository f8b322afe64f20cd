"""Audits while the office works on, and after a power cut: nothing that is in order is told."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from installations import running


@pytest.fixture(scope="module", autouse=True)
def complex_(installation):
    installation.take("found")


def audited(installation):
    """The sentences of all faults. Whose term began without the log is asked about: this
    installation's officers were entered below it.
    """
    answer = installation.manage("audit", "--json", "-")
    assert answer.stdout, answer.stderr
    (report,) = json.loads(answer.stdout)
    return [one["sentence"] for one in report["findings"] if one["severity"] == "fault"]


def test_an_audit_beside_people_who_work_finds_nothing(installation):
    programs = (("danji.config.manage", "sequencer"), ("danji.config.manage", "worker"))
    with running(installation, *programs), ThreadPoolExecutor(1) as office:
        work = office.submit(
            lambda: [
                installation.take("decide", document=document)
                for _ in range(2)
                for document in installation.take("submit", "submit", "submit")
            ]
        )
        audits = [audited(installation)]
        while not work.done():
            audits.append(audited(installation))
        work.result()
    assert audits
    assert not any(audits), audits


@pytest.mark.parametrize("moment", ["commit:after", "apply:before", "apply:after"])
def test_an_audit_after_a_power_cut_finds_nothing(installation, moment):
    installation.take("submit")
    installation.die("seal", at=f"danji.transparency.sequencer.{moment}")
    assert audited(installation) == []
    installation.take("seal")
    assert audited(installation) == []
