"""What a drill says when something in it does not end as it should."""

from contextlib import nullcontext
from subprocess import CompletedProcess
from types import SimpleNamespace

from danji.config import drilling
from danji.config.drilling import MARK, practise, run_drill

STEPS = ("_lose_database", "_damage_files", "_retire", "_change_key")


def test_a_step_that_breaks_off_says_why_and_the_others_are_done(
    complex_, at, settings, tmp_path, monkeypatch
):
    settings.HOME = tmp_path
    (tmp_path / MARK).touch()

    def broken(_):
        raise OSError("the disk is gone")

    monkeypatch.setattr(drilling, "_lose_database", broken)
    for step in STEPS[1:]:
        monkeypatch.setattr(drilling, step, lambda _: None)
    said = list(practise(complex_.code, at=at))
    assert [bool(problem) for _, problem in said] == [True, False, False, False]
    assert "the disk is gone" in said[0][1]


def test_what_a_drill_that_died_said_last_is_shown(monkeypatch):
    done = CompletedProcess([], 1, stdout="① 되었습니다.\n", stderr="no space left\n")
    cluster = SimpleNamespace(url=lambda _: "")
    monkeypatch.setattr(drilling, "Cluster", lambda *_: nullcontext(cluster))
    monkeypatch.setattr(drilling, "_manage", lambda *_: done)
    assert run_drill("") == ("① 되었습니다.\nno space left", False)
