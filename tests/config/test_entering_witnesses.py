"""Those who watch the logs are entered, listed and ended at the command line; troubles are too."""

from io import StringIO

import pytest
from django.core.management import call_command

from danji.rules.refusal import Refusal
from danji.transparency.models import Trouble, TroubleKind, Witness
from danji.transparency.troubles import open_trouble
from watching import SmallWitness


def said(command, **options):
    out = StringIO()
    call_command(command, **options, stdout=out)
    return out.getvalue()


@pytest.fixture
def key(at):
    return SmallWitness("auditor.example/1", lambda: at).vkey


@pytest.fixture
def entered(complex_, key):
    return said("witness", code=complex_.code, party="complex", label="들꽃마을 감사", key=key)


def test_a_witness_of_a_complex_is_entered(entered):
    assert "들꽃마을 감사(auditor.example/1)이(가) 들꽃마을아파트의 장부를 확인합니다" in entered
    assert Witness.objects.get().url == ""


def test_the_city_watches_every_log_here(complex_, key):
    options = {"party": "시·군·구", "label": "가상구", "url": "https://w.example"}
    assert "이곳의 모든 장부" in said("witness", key=key, **options)
    assert Witness.objects.get().complex is None


def test_who_watches_is_listed_and_ended(entered):
    (line,) = said("witness", list=True).splitlines()
    for words in ("auditor.example/1", "들꽃마을 감사", "단지", "A10000001", "스스로 보냄"):
        assert words in line
    assert "끝냈습니다" in said("witness", end="auditor.example/1")
    assert "까지" in said("witness", list=True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": "Z99999999"}, "단지코드"),
        ({"party": "operator"}, "누구 쪽인지"),
        ({"label": " "}, "비어 있습니다"),
        ({"key": ""}, "열쇠가 없습니다"),
    ],
    ids=["code", "party", "label", "key"],
)
def test_what_cannot_be_used_is_refused(complex_, key, changes, reason):
    typed = {"code": complex_.code, "party": "complex", "label": "감사", "key": key}
    with pytest.raises(Refusal, match=reason):
        said("witness", **(typed | changes))
    assert not Witness.objects.exists()


def test_a_trouble_is_listed_until_somebody_has_looked_into_it(complex_, at):
    open_trouble("a/log", TroubleKind.DISAGREES, "x", "다른 장부가 있습니다.", at)
    line = said("troubles")
    assert "다른 장부가 있습니다." in line
    number = line.partition(" ")[0]
    assert "끝난 일로" in said("troubles", end=number)
    assert said("troubles") == ""
    assert Trouble.objects.get().until is not None
    for wrong in (number, "none"):
        with pytest.raises(Refusal, match="없습니다"):
            said("troubles", end=wrong)
