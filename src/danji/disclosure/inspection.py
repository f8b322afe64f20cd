"""Looking for what must not be shown, in everything that would be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from danji.attachments.confined import UnreadError, ask
from danji.attachments.queries import read_texts
from danji.base import files
from danji.rules.disclosure import blocked_places

UNREADABLE = "글자를 읽을 수 없는 파일"
UNPROVEN = "봉인 기록과 맞지 않음"
SECONDS = 30  # a stranger's file may take


@dataclass(frozen=True)
class Place:
    """Where something stands that must not be shown, and what it is, in the office's words."""

    place: str
    kind: str

    @property
    def can_be_cleared(self) -> bool:
        """Whether an officer who has read it may answer for showing it; never for a number."""
        return self.kind == UNREADABLE


class UnreadableError(Exception):
    """A file whose text no program can read."""


def find_obstacles(payload: dict[str, Any], rendition: bytes) -> list[Place]:
    """The places of a record that stand in the way of showing it to everybody.

    Args: `payload` as `docs/spec/record.md` says; `rendition` is its PDF.
    Source: 공동주택관리법 제27조제3항제1호, 개인정보 보호법 제24조의2.
    """
    content = payload["content"]
    texts = [("제목", content["title"])]
    texts += [
        (f"{decision['office']} {decision['name']}의 의견", decision["opinion"])
        for decision in [*payload["decisions"], *payload.get("history", [])]
    ]
    texts += [(_label(block), text) for block in content["blocks"] for text in _texts(block)]
    texts += [(f"붙임 ‘{file['name']}’의 이름", file["name"]) for file in content["attachments"]]
    texts += [("본문의 값", text) for text in _texts(content["values"])]
    unreadable = []
    try:
        ours = read_pages(rendition, "--carrier")
        texts += [(f"PDF {number}쪽", text or "") for number, text in enumerate(ours, 1)]
    except UnreadableError:
        unreadable.append(Place("PDF", UNREADABLE))
    for file in content["attachments"]:
        place = f"붙임 ‘{file['name']}’"
        found, is_all = _attached_texts(place, file)
        texts += found
        if not is_all:
            unreadable.append(Place(place, UNREADABLE))
    return [*(Place(place, kind.label) for place, kind in blocked_places(texts)), *unreadable]


def _label(block: dict[str, Any]) -> str:
    return f"‘{block['label']}’ 칸" if block.get("label") else "본문"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, and texts that stand side by side as one."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
        # A number may run over the end of a line.
        yield "\n".join(inner for inner in value if isinstance(inner, str))
    elif isinstance(value, str):
        yield value


def _attached_texts(place: str, file: dict[str, Any]) -> tuple[list[tuple[str, str]], bool]:
    """The texts of an attachment with their places, and whether they are all there is to see.

    Only of a PDF can that be said: what else a program finds is searched all the same.
    """
    data = files.get(file["sha256"])
    if file["media_type"] != "application/pdf":
        try:
            return [(place, "\n".join(read_texts(data, file["media_type"])))], False
        except UnreadError:
            return [], False
    try:
        return list(_pages(place, data)), True
    except UnreadableError:
        return [], False


def _pages(place: str, pdf: bytes) -> Iterator[tuple[str, str]]:
    """The text of each page with its place. Raises: UnreadableError when one holds more."""
    for number, text in enumerate(read_pages(pdf), 1):
        if text is None:
            raise UnreadableError(place)
        yield f"{place} {number}쪽", text


def read_pages(pdf: bytes, *options: str) -> list[str | None]:
    """The text of a PDF's pages, read by a process that cannot harm us; None where there is more.

    Args: `--carrier` for a PDF of our own, whose embedded files are looked at one by one.
    Raises: UnreadableError.
    """
    try:
        found = ask("danji.disclosure.extract", *options, data=pdf, seconds=SECONDS)
    except UnreadError as problem:
        raise UnreadableError(str(problem)) from problem
    pages: list[str | None] = found["pages"]
    if pages and pages[0] is not None:
        pages[0] += f"\n{found['about']}"  # the title is shown above the first page
    return pages
