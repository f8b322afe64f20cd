"""T24: a thief of backups guesses what was logged. Without the salts, no guess can be confirmed."""

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain

import pytest

from danji.approvals.models import Document
from danji.base import files
from danji.records.models import Record
from danji.transparency.models import Opening
from danji.transparency.queries import log_of, published_head
from danji.transparency.tree import file_reader, log_folder
from danji_verify.canonical import b64decode
from danji_verify.commitment import commit
from danji_verify.entry import FIELDS, parse_entry
from danji_verify.tiles import read_entry
from erasing import SAYING, catch_up, send_through
from papers import decide, submit


@pytest.fixture
def stolen(complex_, bookkeeper, chief, manager, clerk, sign, at):
    """The public log of a complex that has worked for a while, as anybody can copy it."""
    send_through(bookkeeper, chief, manager, clerk, sign, at)
    for title in ("101동 1203호 관리비 체납 독촉", "승강기 보수", "화단 정비"):
        document = submit(bookkeeper, at, title=title)
        decide(document, chief, sign, at, opinion="확인했습니다")
        decide(document, manager, sign, at)
    catch_up()
    size = published_head(complex_).checkpoint.size
    reader = file_reader(log_folder(complex_.code, log_of(complex_.id).number))
    return [parse_entry(read_entry(index, size, reader)) for index in range(size)]


def parts_of(value: object) -> Iterator[bytes]:
    """Everything that stands in a JSON value, each as the bytes somebody would try."""
    match value:
        case dict():
            for name, inner in value.items():
                yield name.encode()
                yield from parts_of(inner)
        case list():
            for inner in value:
                yield from parts_of(inner)
        case _:
            yield str(value).encode()
            yield json.dumps(value, ensure_ascii=False).encode()


def dictionary() -> set[bytes]:
    """Every true value there is: more than any thief could guess."""
    words = {b"", b"null", *(field.encode() for fields in FIELDS.values() for field in fields)}
    for fields in Opening.objects.values_list("fields", flat=True):
        for opening in fields.values():
            if "value" in opening:
                value = b64decode(opening["value"])
                words.add(value)
                words |= _inside(value)
            else:
                words |= {opening["sha256"].encode(), bytes.fromhex(opening["sha256"])}
    for whole in chain(
        Record.objects.values_list("payload", flat=True),
        Document.objects.values_list("content", flat=True),
    ):
        words |= {bytes(whole)} | _inside(bytes(whole))
    for digest in Document.objects.values_list("form__sha256", flat=True):
        words.add(files.get(digest))
    return words | set(parts_of(SAYING))


def _inside(value: bytes) -> set[bytes]:
    try:
        return set(parts_of(json.loads(value)))
    except ValueError:
        return set()


def guesses(words: set[bytes]) -> set[bytes]:
    """What a thief would compute of each word: every digest that needs no salt."""
    fields = {field for named in FIELDS.values() for field in named}
    found = set()
    for word in words:
        digest = sha256(word).digest()
        found |= {word[:32], digest, sha256(digest).digest(), sha256(b"\0" + word).digest()}
        for field in fields:
            prefix = b"apt.commit.v1\0" + field.encode() + b"\0"
            found |= {
                sha256(prefix + digest).digest(),
                sha256(prefix + word).digest(),
                commit(field, bytes(32), digest),
            }
    return found


def test_t24_no_dictionary_finds_anything_in_the_log(stolen):
    words = dictionary()
    assert len(words) > 300
    committed = {value for entry in stolen for value in entry.commitments.values()}
    assert len(committed) > 50
    assert not committed & guesses(words)


def test_t24_with_the_salts_the_same_dictionary_finds_all(stolen):
    words = dictionary()
    digests = {sha256(word).digest() for word in words} | {
        word for word in words if len(word) == 32
    }
    salts = {
        (event, field): b64decode(opening["salt"])
        for event, fields in Opening.objects.values_list("event__leaf_hash", "fields")
        for field, opening in fields.items()
    }
    by_field: dict[str, set[bytes]] = {}
    for (_, field), salt in salts.items():
        by_field.setdefault(field, set()).add(salt)
    opened = {
        commit(field, salt, digest)
        for field, known in by_field.items()
        for salt in known
        for digest in digests
    }
    committed = [value for entry in stolen for value in entry.commitments.values()]
    assert all(value in opened for value in committed)


def test_t24_the_same_person_is_never_seen_to_be_the_same(stolen):
    committed = [value for entry in stolen for value in entry.commitments.values()]
    assert len(committed) == len(set(committed))
