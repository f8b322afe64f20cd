"""The bytes of an event: canonical JSON, commitments, entries."""

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from danji_verify.canonical import b64decode, canonical, parse_canonical
from danji_verify.commitment import Opening, commit
from danji_verify.entry import FIELDS, Entry, Event, build_entry, parse_entry
from danji_verify.errors import FormatError

ENTRY = Entry(
    event=Event.WITHDRAWN,
    complex="A10000001",
    document="0123456789abcdef" * 2,
    seq=2,
    prev=bytes(32),
    at=datetime(2026, 11, 22, tzinfo=UTC),
    commitments={"body": bytes(32), "actor": bytes(32)},
)
BYTES = (
    b'{"c":{"actor":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",'
    b'"body":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"cx":"A10000001",'
    b'"doc":"0123456789abcdef0123456789abcdef","ev":"doc.withdrawn",'
    b'"prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","seq":2,'
    b'"t":"2026-11-22T00:00:00Z","v":1}'
)

texts = st.text(max_size=20).filter(lambda text: unicodedata.is_normalized("NFC", text))
values = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(values)
def test_canonical_bytes_are_read_back(value):
    assert parse_canonical(canonical(value)) == value


@settings(deadline=None, max_examples=300)
@given(values)
def test_canonical_bytes_are_those_of_another_implementation(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_keys_are_sorted_as_utf_16_sorts_them():
    value = {"\U0001f600": 1, "\uff21": 2, "\x7f": 3, "\x1f\b\u2028": 4, "가": 5}
    assert canonical(value) == rfc8785.dumps(value)
    assert list(json.loads(canonical(value)))[-2:] == ["\U0001f600", "\uff21"]


def test_canonical_bytes_are_those_of_rfc_8785():
    value = {"\u20ac": 1, "\r": 2, "\U0001f600": 3, "\ufb33": None, "1": [True, "\u000f\n"]}
    # RFC 8785 §3.2.3: keys in the order of their UTF-16 code units. U+FB33 is not NFC.
    del value["\ufb33"]
    expected = '{"\\r":2,"1":[true,"\\u000f\\n"],"\u20ac":1,"\U0001f600":3}'
    assert canonical(value) == expected.encode()


@pytest.mark.parametrize(
    "value",
    [1.5, 1.0, float("nan"), 2**53, -(2**53), "ㄱ\u1161가".replace("ㄱ", "\u1100"), {1: 2}, b"x",
     {"\u1100\u1161": 1}, {1, 2}, "\ud800"],
)  # fmt: skip
def test_values_without_a_canonical_form_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_nesting_is_limited():
    value = []
    for _ in range(31):
        value = [value]
    assert parse_canonical(canonical(value)) == value
    with pytest.raises(ValueError, match="nested"):
        canonical([value])
    with pytest.raises(FormatError):
        parse_canonical(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b' {"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'"\\ud800"',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        '"\u1100\u1161"'.encode(),
    ],
)
def test_other_spellings_of_a_value_are_refused(data):
    with pytest.raises(FormatError):
        parse_canonical(data)


@pytest.mark.parametrize("text", ["AA", "AB==", "AA==\n", "AA=", "A", "AA-_", "AAA=AAAA", "가"])
def test_base64_has_one_spelling(text):
    with pytest.raises(FormatError):
        b64decode(text)


def test_a_commitment_is_what_the_specification_says():
    salt, value = bytes(range(32)), b"113560"
    expected = sha256(b"apt.commit.v1\0amount\0" + salt + sha256(value).digest()).digest()
    assert commit("amount", salt, sha256(value).digest()) == expected
    assert Opening.of(salt, value).opens("amount", expected)
    assert not Opening.of(salt, value).opens("total", expected)
    assert not Opening.of(salt, b"113561").opens("amount", expected)
    assert not Opening.of(bytes(32), value).opens("amount", expected)


def test_an_opening_is_read_back():
    for opening in (Opening.of(bytes(32), b"v"), Opening(bytes(32), bytes(32))):
        assert Opening.parse(opening.as_json()) == opening


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"salt": "AAAA", "value": ""}, {"salt": 1, "value": 2},
     {"salt": "A" * 43 + "=", "sha256": "AB" * 32},
     {"salt": "A" * 43 + "=", "sha256": "ab" * 32, "value": ""}],
)  # fmt: skip
def test_an_opening_of_another_shape_is_refused(data):
    with pytest.raises(FormatError):
        Opening.parse(data)


def test_an_entry_is_these_bytes():
    assert build_entry(ENTRY) == BYTES
    assert parse_entry(BYTES) == ENTRY


@pytest.mark.parametrize("event", list(Event))
def test_every_event_is_written_and_read_and_stays_small(event):
    entry = replace(
        ENTRY, event=event, commitments={name: bytes(range(32)) for name in FIELDS[event]}
    )
    data = build_entry(entry)
    assert parse_entry(data) == entry
    assert len(data) < 600


def altered(**changes):
    fields = json.loads(BYTES)
    for key, value in changes.items():
        if value is None:
            fields.pop(key, None)
        else:
            fields[key] = value
    return canonical(fields)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        BYTES + b" ",
        altered(v=2),
        altered(v=True),
        altered(ev="doc.forged"),
        altered(ev=7),
        altered(cx="a10000001"),
        altered(cx=1),
        altered(doc="0" * 31),
        altered(doc="A" * 32),
        altered(seq=0),
        altered(seq="2"),
        altered(seq=1),
        altered(prev=None),
        altered(prev="AAAA"),
        altered(prev=[]),
        altered(t="2026-11-22T00:00:00+09:00"),
        altered(t="2026-13-22T00:00:00Z"),
        altered(t="2026-11-22 00:00:00Z"),
        altered(c={}),
        altered(c={"body": "AAAA", "actor": "AAAA"}),
        altered(c=[]),
        altered(c=json.loads(BYTES)["c"] | {"more": "A" * 43 + "="}),
        altered(name="박세찬"),
        altered(c=None),
        altered(cx="A10000001" * 300),
    ],
)
def test_an_entry_that_is_not_exact_is_refused(data):
    with pytest.raises(FormatError):
        parse_entry(data)


def test_an_entry_has_its_time_in_utc_and_whole_seconds():
    for at in (
        ENTRY.at.replace(tzinfo=None),
        ENTRY.at.replace(microsecond=1),
        ENTRY.at.astimezone(None) - timedelta(microseconds=1),
    ):
        with pytest.raises(FormatError):
            build_entry(replace(ENTRY, at=at))


@settings(deadline=None)
@given(st.integers(0, len(BYTES) - 1), st.integers(1, 255))
def test_no_byte_of_an_entry_changes_unseen(place, change):
    damaged = bytearray(BYTES)
    damaged[place] ^= change
    try:
        parsed = parse_entry(bytes(damaged))
    except FormatError:
        return
    assert parsed != ENTRY
    assert build_entry(parsed) == bytes(damaged)
