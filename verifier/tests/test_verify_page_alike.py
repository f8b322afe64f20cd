"""verify.html beside the program: the same files go through both, and they say the same.

Where the page knows less, it says so, and never more.
"""

import json
import re
import struct
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import Page
from test_verify_beside import ENDS, by_deputy, by_key, gone_on
from test_verify_decisions import ACTED, CHIEF, MANAGER, SEEN, away
from test_verify_notes import WEAK
from test_verify_signature import certificate, certified, signed

import browsing
import made_bundle
import made_document as made
import made_hostile
from browsing import NOW, flip
from danji_verify.beside import check_beside
from danji_verify.bundle import Trust, check_bundle
from danji_verify.check import check_pdf, check_proof
from danji_verify.checkpoint import Checkpoint, cosign, sign_checkpoint
from danji_verify.entry import FIELDS, Entry, Event, build_entry, parse_entry
from danji_verify.heads import check_head, check_heads, check_printed
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in
from danji_verify.memory import Memory
from danji_verify.note import format_note, parse_note
from danji_verify.policy import Policy
from danji_verify.record import check_document
from danji_verify.report import Report, Verdict
from danji_verify.signature import statement_text
from made_document import Act, Changes
from made_passkey import EDDSA, ES256, RS256, by_passkey, enrolled

STATES = {Verdict.ACCEPTED: "ok", Verdict.REFUSED: "failed", Verdict.UNKNOWN: "unknown"}
ALONE = made.policy()
WITNESSED = made.policy(witnesses=True)
BOTH = made.policy(logs=2)
ELSEWHERE = Policy(BOTH.logs[1:], WITNESSED.witnesses, WITNESSED.groups, WITNESSED.quorum)
NOBODY = Policy((), {}, {}, None)

pytestmark = browsing.MARKS


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """One page for all: only its functions are asked, and they remember nothing."""
    with browsing.launched() as browser, browsing.opened(browser) as page:
        yield page


@pytest.fixture(scope="module")
def bundle(witnessed) -> dict[str, bytes]:
    return made_bundle.stamped(witnessed)


def zipped(log: made.Log, **more: bytes) -> bytes:
    return made_bundle.packed(log.files() | more)


JUDGE = """async ({ kind, files, copy, beside, printed, policy, now }) => {
  const bytes = (coded) => Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  const held = new Map(Object.entries(files).map(([name, coded]) => [name, bytes(coded)]));
  const opened = copy && await LogCopy.open(new Archive(bytes(copy), COPY_LIMITS));
  const trust = policy === null ? null : new Policy(policy), [one, other] = held.values();
  let report = new Report(trust !== null);
  if (kind === "document") await checkDocument(held, trust, report);
  if (kind === "pdf") report = await checkPdf(one, other ?? null, trust);
  if (kind === "proof") report = await checkProof(one, trust);
  if (kind === "bundle") report = await checkBundle(one, trust, now);
  if (kind === "log") report = await checkLog(opened, trust, now, async () => {});
  if (kind === "heads") report = await checkHeads([...held.values()], trust, opened, now);
  const log = beside && await LogCopy.open(new Archive(bytes(beside), COPY_LIMITS));
  if (log) await checkBeside(log, trust, report);
  if (printed) await checkPrinted(parsePrinted(printed), opened, report);
  const { verdict, conclusion, number, title, complex, decisions, evidence } = report;
  const findings = report.findings.map(({ state, sentence }) => [state, sentence]);
  return { verdict, conclusion, number, title, complex, decisions, evidence, findings };
}"""
ONLY_THE_PAGE = "이 화면이 말할 수 없습니다"


def by_page(page: Page, kind, files, policy, copy=None, *, beside=None, printed=None):
    given = {
        "kind": kind,
        "files": {name: b64encode(data).decode() for name, data in files.items()},
        "copy": copy and b64encode(copy).decode(),
        "beside": beside and b64encode(zipped(beside)).decode(),
        "printed": printed,
        "policy": policy and policy.format().decode(),
        "now": NOW.timestamp() * 1000,
    }
    told = page.evaluate(JUDGE, given)
    told["findings"] = sorted(
        (state, sentence) for state, sentence in told["findings"] if ONLY_THE_PAGE not in sentence
    )
    return told


def as_page(text: str) -> str:
    """As the page writes it: options of the command and English left out, dates as people do."""
    text = re.sub(r"\(--\w+\)", "", text)
    text = re.sub(r"(있습니다)\([a-zA-Z][^가-힣]*\)\.", r"\1.", text)
    return re.sub(r"(\d{4})-(\d\d)-(\d\d) (\d\d:\d\d)", r"\1. \2. \3. \4", text)


def by_program(report: Report):
    return {
        "verdict": STATES[report.verdict],
        "conclusion": as_page(report.conclusion).removeprefix("결론: "),
        "number": report.number,
        "title": report.title,
        "complex": report.complex,
        "decisions": [as_page(line) for line in report.decisions],
        "evidence": report.evidence,
        "findings": sorted((str(one.state), as_page(one.sentence)) for one in report.findings),
    }


def set_to(key, value):
    return lambda thing: thing.update({key: value})


DEPUTY = {"office": "과장", "name": "이두리", "absence": "0" * 32, "delegation": "basis-1"}
SENT_BACK = (Act(2), Act(3, "send_back", to=2, opinion="다시"), Act(2, round=2), Act(3, round=2))
CLOSED = (Act(2), Act(3))
DOCUMENTS = {
    "true": {},
    "returned once": {"returned": True},
    "dissent": {"acts": (Act(2, "dissent", opinion="견적이 하나"), Act(3))},
    "left out": {"acts": (Act(2, "skip", opinion="출장"), Act(3))},
    "closed by the manager": {"line": SEEN, "acts": (*CLOSED, Act(4, "skip", acting=MANAGER))},
    "closed by the chief": {"line": SEEN, "acts": (*CLOSED, Act(4, "skip", acting=CHIEF))},
    "the reviewer left out by the manager": {"acts": (Act(2, "skip", acting=MANAGER), Act(3))},
    "sent back": {"acts": SENT_BACK},
    "over two logs": {"move_before": 3},
    "acting with a delegation": {"acts": ACTED, "basis": (away(),)},
    "acting without a delegation": {"acts": (Act(2), Act(3, acting=DEPUTY))},
    "out of turn": {"acts": (Act(3), Act(2))},
    "twice": {"acts": (Act(2), Act(2), Act(3))},
    "missing": {"acts": (Act(2),)},
    "the approver left out": {"acts": (Act(2), Act(3, "skip", opinion="출장"))},
    "sent back to nobody": {"acts": (Act(2), Act(3, "send_back", to=3), Act(3, round=2))},
    "another kind of event": {"acts": (Act(2, "return"), Act(3))},
    "another title shown": {"changes": Changes(statement=set_to("title", "다른 제목"))},
    "another amount shown": {"changes": Changes(statement=set_to("amount", 1))},
    "another opinion": {"changes": Changes(record=lambda r: r["decisions"][0].update(opinion="x"))},
    "out of the term": {"changes": Changes(actor=set_to("until", "2026-11-21"))},
    "no day": {"changes": Changes(actor=set_to("from", "2026-02-30"))},
    "somebody else": {"changes": Changes(actor=set_to("name", "한일곱"))},
    "logged in too late": {"changes": Changes(auth=set_to("signed_in_at", "2026-11-22T05:00:00Z"))},
    "more than it is": {"changes": Changes(auth=set_to("level", "certificate"))},
    "no method": {"changes": Changes(auth=set_to("method", "toString"))},
    "a line out of order": {"changes": Changes(content=lambda c: c["line"].reverse())},
    "content of another document": {"changes": Changes(content=set_to("doc", "0" * 32))},
    "backdated": {"changes": Changes(record=set_to("filed_at", "2026-11-21T00:00:00Z"))},
    "another complex": {"changes": Changes(origin=set_to("code", "A20000002"))},
    "another size": {"changes": Changes(content=lambda c: c["attachments"][0].update(size=1))},
    "cites": {"changes": Changes(content=set_to("cites", [{"doc": "0" * 32}]))},
    "an unknown version": {"changes": Changes(record=set_to("v", 3))},
    "a shape of nobody": {"changes": Changes(statement=set_to("step", "2"))},
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_of_a_document_it_says_what_the_program_says(page, name):
    parts = made.make(**DOCUMENTS[name]).parts
    report = Report(trusted=True)
    check_document(parts, BOTH, report)
    assert by_page(page, "document", parts, BOTH) == by_program(report)


@pytest.mark.parametrize("part", sorted(made.make().parts))
def test_of_a_document_with_a_part_damaged_or_gone_it_says_the_same(page, document, part):
    without = {name: data for name, data in document.parts.items() if name != part}
    damaged = document.parts | {part: flip(document.parts[part], 11)}
    for parts in (without, damaged, document.parts | {f"{part}.bak": b""}):
        report = Report(trusted=True)
        check_document(parts, ALONE, report)
        assert by_page(page, "document", parts, ALONE) == by_program(report)


def test_of_a_document_of_the_first_version_it_says_the_same(page):
    kept = Path(__file__).with_name("document-0.1.0.json").read_text("utf-8")
    parts = {name: text.encode() for name, text in json.loads(kept).items()}
    policy, report = Policy.parse(parts["policy.txt"]), Report(trusted=True)
    check_document(parts, policy, report)
    assert not report.has_failed()
    assert by_page(page, "document", parts, policy) == by_program(report)


@pytest.mark.parametrize("policy", [None, ALONE, WITNESSED], ids=["none", "alone", "witnessed"])
def test_of_a_sealed_document_it_says_the_same(page, sealed, witnessed, policy):
    for document in (sealed, witnessed):
        files = {"pdf": document.pdf, "proof": document.proof}
        report = check_pdf(document.pdf, document.proof, policy)
        assert by_page(page, "pdf", files, policy) == by_program(report)
        proof = {"proof": document.proof}
        assert by_page(page, "proof", proof, policy) == by_program(
            check_proof(document.proof, policy)
        )
    assert by_page(page, "pdf", {"pdf": sealed.pdf}, policy) == by_program(
        check_pdf(sealed.pdf, None, policy)
    )


@pytest.mark.parametrize(
    "change",
    [
        {"number": 2},
        {"certify": False},
        {"field_name": "Another"},
    ],
    ids=["another key", "not certified", "another field"],
)
def test_of_another_seal_it_says_the_same(page, document, change):
    pdf = made.seal(made.embed(made.page(), document.parts), **change)
    assert by_page(page, "pdf", {"pdf": pdf}, ALONE) == by_program(check_pdf(pdf, None, ALONE))


def test_of_a_hostile_pdf_under_a_true_seal_it_says_the_same(page, document):
    plain = made.embed(made.page(), document.parts)
    cases = {name: made_hostile.sealed(plain, name) for name in made_hostile.CHANGES}
    cases |= {name: seal(plain) for name, (seal, _) in made_hostile.LAYOUTS.items()}
    for name, pdf in cases.items():
        report = check_pdf(pdf, None, ALONE)
        assert report.has_failed()
        assert by_page(page, "pdf", {"pdf": pdf}, ALONE) == by_program(report), name


# What an attachment is called, and what files are then called: the first is right, the last wrong.
ATTACHED = {
    "견적서.pdf": ("견적서.pdf", "견적_.pdf", "견적서.exe", "견적서\u202efdp.exe"),
    "a/b:c\u200b .pdf": ("a_b_c_.pdf", "a_b_c_ .pdf"),
    f"{'가' * 80}.pdf": (f"{'가' * 62}.pdf", f"{'가' * 63}.pdf", f"{'가' * 80}.pdf"),
    ". \u00e9  e. ": (". \u00e9 e", "\u00e9 e"),
    "a.b\u3000c.notanending": ("a.b c.notanending", "a.b c"),
}


@pytest.mark.parametrize("name", ATTACHED)
def test_of_the_name_of_an_attachment_it_says_the_same(page, name):
    set_name = Changes(content=lambda c: c["attachments"][0].update(name=name))
    parts = made.make(set_name).parts
    data, said = parts.pop("붙임1-견적서.pdf"), []
    for called in ATTACHED[name]:
        held = parts | {f"붙임1-{called}": data}
        report = Report(trusted=True)
        check_document(held, ALONE, report)
        assert by_page(page, "document", held, ALONE) == by_program(report)
        said.append(report.has_failed())
    assert said[0] is False
    assert said[-1] is True


def test_of_a_document_beside_its_log_it_says_the_same(page, sealed):
    events = Event.DISCLOSED, Event.DISCLOSURE_WITHDRAWN, Event.ERASED
    entries = sealed.log.entries
    files = {"pdf": sealed.pdf, "proof": sealed.proof}
    for log in (
        sealed.log,
        replace(sealed.log, entries=entries[:3]),
        replace(sealed.log, entries=[*entries[:3], *entries[2:3], *entries[4:]]),
        made.Log(entries=entries, origin=made.ORIGIN_2, key=made.LOG_KEY_2),
        gone_on(sealed.log, *events),
        *(gone_on(sealed.log, event) for event in (Event.FILED, Event.DECIDED, Event.FINALIZED)),
        gone_on(sealed.log, Event.ERASED, seq=9),
    ):
        report = check_pdf(sealed.pdf, sealed.proof, BOTH)
        check_beside(copy_in(log.files().__getitem__), BOTH, report)
        assert by_page(page, "pdf", files, BOTH, beside=log) == by_program(report)


@pytest.mark.parametrize("make", [by_key, by_deputy])
def test_of_what_ended_before_it_was_used_it_says_the_same(page, make):
    (ends, _), document = ENDS[make], make()
    ended = make(ended=ENDS[make])
    chain = parse_entry(document.parts["leaf-basis-1.json"]).document
    for given, log in (
        (ended, ended.log),
        (document, document.log),
        (document, replace(document.log, entries=document.log.entries[:3])),
        (document, gone_on(document.log, ends, document=chain)),
    ):
        report = Report(trusted=True)
        check_document(given.parts, ALONE, report)
        check_beside(copy_in(log.files().__getitem__), ALONE, report)
        told = by_page(page, "document", given.parts, ALONE, beside=log)
        assert told["findings"] == by_program(report)["findings"]


def test_no_byte_of_a_sealed_document_can_change(page, sealed):
    size = len(sealed.pdf)
    spoiled = [flip(sealed.pdf, place) for place in (*range(0, size, size // 40), size - 1)]
    for pdf in (*spoiled, sealed.pdf + b"\n", sealed.pdf[:-1], b"", b"%PDF-1.7\n"):
        files = {"pdf": pdf, "proof": sealed.proof}
        assert by_page(page, "pdf", files, ALONE)["verdict"] == "failed"
        assert check_pdf(pdf, sealed.proof, ALONE).verdict is Verdict.REFUSED


def test_no_byte_of_a_proof_can_change(page, sealed):
    proof = sealed.proof
    for place in range(0, len(proof), 23):
        spoiled = {"proof": flip(proof, place)}
        told = by_page(page, "proof", spoiled, ALONE)
        assert told["verdict"] != "ok"
        assert told == by_program(check_proof(spoiled["proof"], ALONE))


@pytest.mark.parametrize("key", [ES256, EDDSA, RS256], ids=["es256", "eddsa", "rs256"])
@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "ok"),
        ({"spoil": True}, "failed"),
        ({"flags": 1}, "failed"),
        ({"origin": "https://evil.example"}, "failed"),
        ({"type": "webauthn.create"}, "failed"),
        ({"crossOrigin": True}, "failed"),
        ({"challenge": ""}, "failed"),
    ],
    ids=["true", "spoiled", "unverified", "elsewhere", "creation", "framed", "another"],
)
def test_a_passkey_s_signature_is_checked_as_the_program_does(page, key, changed, verdict):
    events = enrolled(key)
    leaf = made.merkle.leaf_hash(made.make(basis=(events,)).parts["leaf-basis-1.json"])
    line = (made.LINE[0], made.LINE[2] | {"position": 2, "stage": 2})
    sign = by_passkey(key, leaf, **changed)
    parts = made.make(line=line, acts=(Act(2),), sign=sign, basis=(events,)).parts
    report = Report(trusted=True, proven=True)
    check_document(parts, ALONE, report)
    told = by_page(page, "document", parts, ALONE)
    assert STATES[report.verdict] == verdict
    assert told["findings"] == by_program(report)["findings"]


@pytest.mark.parametrize(
    ("auth", "decision", "verdict"),
    [({}, "approve", "ok"), ({}, "dissent", "ok"), ({"text": 2}, "approve", "failed")],
)
def test_a_certificate_s_signature_is_checked_as_the_program_does(page, auth, decision, verdict):
    def sign(statement):
        data = signed(statement_text(statement), identity=certificate("박세찬"))
        return certified(data, "박세찬") | {"text": 1} | auth

    line = (made.LINE[0], made.LINE[2] | {"position": 2, "stage": 2})
    acts = (Act(2, decision, opinion="첫 줄\n둘째 줄"),)
    parts = made.make(line=line, acts=acts, sign=sign).parts
    report = Report(trusted=True, proven=True)
    check_document(parts, ALONE, report)
    told = by_page(page, "document", parts, ALONE)
    assert STATES[report.verdict] == verdict
    assert told["findings"] == by_program(report)["findings"]


def spoiled_bundles(files: dict[str, bytes], other: bytes) -> dict[str, dict[str, bytes]]:
    without = {
        f"without {gone}": {name: data for name, data in files.items() if name != gone}
        for gone in sorted(files)
    }
    return without | {
        "evidence changed": files | {"auth-2.json": files["auth-2.json"] + b" "},
        "evidence of no decision": files | {"auth-1.json": b"{}"},
        "another PDF": files | {"document.pdf": other},
        "a file of nobody": files | {"각서.txt": b"..."},
        "a stamp of another note": files | {"stamp.note": files["stamp.note"] + b"\n"},
        "no stamp": files | {"stamp.tsr": b"0"},
        "a folder up": files | {"../verify.html": b""},
    }


def test_of_a_bundle_it_says_the_same(page, bundle, sealed):
    cases = spoiled_bundles(bundle, sealed.pdf) | {"whole": bundle}
    cases["too early"] = bundle | {
        "stamp.tsr": made_bundle.authority().stamp(bundle["stamp.note"], NOW - timedelta(days=9))
    }
    cases["too late"] = bundle | {
        "stamp.tsr": made_bundle.authority().stamp(bundle["stamp.note"], NOW + timedelta(days=9))
    }
    for name, files in cases.items():
        data = made_bundle.packed(files)
        report = check_bundle(data, Trust(WITNESSED, (), NOW))
        assert by_page(page, "bundle", {"zip": data}, WITNESSED) == by_program(report), name
    openings = made.parse_openings(made.make())
    cut = {name: data for name, data in bundle.items() if not name.startswith("leaf-5")}
    cut["openings.json"] = made.canonical(openings)
    for held in (cut, made_bundle.parts(sealed)):
        data = made_bundle.packed(held)
        report = check_bundle(data, Trust(WITNESSED, (), NOW))
        assert by_page(page, "bundle", {"zip": data}, WITNESSED) == by_program(report)
    moved = made_bundle.packed(made_bundle.parts(made.make(sealed=True, move_before=5)))
    assert by_page(page, "bundle", {"zip": moved}, BOTH) == by_program(
        check_bundle(moved, Trust(BOTH, (), NOW))
    )


@pytest.mark.parametrize("options", [{"early": True}, {"changes": Changes(hidden=True)}])
def test_of_what_a_decision_rests_on_it_says_the_same(page, options):
    document = made.make(sealed=True, cosigners=WITNESSES, acts=ACTED, basis=(away(),), **options)
    files = {"pdf": document.pdf, "proof": document.proof}
    report = check_pdf(document.pdf, document.proof, WITNESSED)
    assert by_page(page, "pdf", files, WITNESSED) == by_program(report)
    whole = made_bundle.parts(document)
    hidden = {name: data for name, data in whole.items() if "basis" not in name}
    openings = dict(document.openings)
    del openings[b64encode(made.merkle.leaf_hash(whole["leaf-basis-1.json"])).decode()]
    hidden["openings.json"] = made.canonical(openings)
    for held in (whole, hidden):
        data = made_bundle.packed(held)
        report = check_bundle(data, Trust(WITNESSED, (), NOW))
        assert report.has_failed() is (held is hidden or "changes" in options)
        assert by_page(page, "bundle", {"zip": data}, WITNESSED) == by_program(report)


def test_of_the_end_of_a_log_that_nobody_cosigned_it_says_the_same(page):
    def uncosigned(note):
        found = parse_note(note)
        return format_note(found.text, found.signatures[:1])

    policy = made.policy(witnesses=True, logs=2)
    for changes in (Changes(), Changes(previous=uncosigned)):
        document = made.make(changes, sealed=True, cosigners=WITNESSES, move_before=3)
        data = made_bundle.packed(made_bundle.parts(document))
        report = check_bundle(data, Trust(policy, (), NOW))
        assert by_page(page, "bundle", {"zip": data}, policy) == by_program(report)


def test_a_hostile_zip_is_refused_in_a_sentence(page, bundle):
    whole = made_bundle.packed(bundle)
    end = whole.rindex(b"PK\x05\x06")
    start = struct.unpack_from("<I", whole, end + 16)[0]

    def altered(place: int, layout: str, *values: int) -> bytes:
        data = bytearray(whole)
        struct.pack_into(layout, data, place, *values)
        return bytes(data)

    twice = made_bundle.packed({"document.pdf": b"1", "documend.pdf": b"2"})
    for data, sentence in (
        (altered(start + 8, "<H", 0x801), "암호가 걸린 ZIP"),
        (altered(start + 10, "<H", 14), "손상되었거나"),
        (altered(start + 24, "<I", 2**31), "너무 커서"),
        (altered(start + 24, "<I", 3), "손상되었습니다: document.pdf"),
        (altered(start + 24, "<I", 2**32 - 1), "zip64"),
        (altered(end + 8, "<HH", 65535, 65535), "zip64"),
        (altered(end + 8, "<HH", 5000, 5000), "너무 많습니다"),
        (flip(whole, start // 2), "손상되었습니다"),
        (whole[:-1], "손상되었거나"),
        (whole + b"\0", "손상되었거나"),
        (twice.replace(b"documend.pdf", b"document.pdf"), "이름이 같은 파일"),
    ):
        told = by_page(page, "bundle", {"zip": data}, WITNESSED)
        assert told["verdict"] != "ok"
        assert any(sentence in found for _, found in told["findings"]), sentence


ZERO = bytes(32)


def entry(event, document, seq, prev, minutes, *fields) -> bytes:
    at = made.at(minutes)
    return build_entry(
        Entry(event, made.CODE, document, seq, prev, at, dict.fromkeys(fields, ZERO))
    )


def long_log(count: int) -> list[bytes]:
    opened = entry(Event.LOG_OPENED, made.COMPLEX_ID, 1, None, -60, "complex", "seal")
    return [opened] + [
        entry(Event.SUBMITTED, f"{number:032x}", 1, None, -50, "body", "form", "actor")
        for number in range(100, 99 + count)
    ]


def withdrawn(entries: list[bytes], minutes: int = -1, seq: int = 2) -> bytes:
    prev = made.merkle.leaf_hash(entries[1])
    return entry(Event.WITHDRAWN, f"{100:032x}", seq, prev, minutes, "body", "actor")


def chain_of_one(event: Event, field: str) -> bytes:
    return entry(event, f"{9:032x}", 1, None, 0, field, "proposer", "officer")


ENTRIES = long_log(600)
HASH = b64encode(ZERO)
RUN_TOGETHER = ENTRIES[1].replace(b'"actor":"%s","body"' % HASH, b'"actor,body"')
assert ENTRIES[1] != RUN_TOGETHER
WITNESSES = ("complex", "city")
LOGS = {
    "true": ENTRIES,
    "empty but for its opening": ENTRIES[:1],
    "one full tile": ENTRIES[:256],
    "continued document": [*ENTRIES, withdrawn(ENTRIES)],
    "not an event": [*ENTRIES, b"?"],
    "out of order": [*ENTRIES, withdrawn(ENTRIES, seq=3)],
    "back in time": [*ENTRIES, withdrawn(ENTRIES, minutes=-90)],
    "later than the witnesses saw": [*ENTRIES, withdrawn(ENTRIES, minutes=500)],
    "another opening": [*ENTRIES, ENTRIES[0]],
    "no opening": ENTRIES[1:],
    "closed and gone on": [
        *ENTRIES,
        chain_of_one(Event.LOG_CLOSED, "reason"),
        withdrawn(ENTRIES, minutes=0),
    ],
    "erased": [*ENTRIES, chain_of_one(Event.ERASED, "erasure")],
    "every event": [
        *ENTRIES,
        *(
            entry(event, f"{2**64 + number:032x}", 1, None, 0, *FIELDS[event])
            for number, event in enumerate(Event)
            if event not in {Event.LOG_OPENED, Event.LOG_CONTINUED, Event.LOG_CLOSED}
        ),
    ],
    "many not events": [*ENTRIES, *[b"?"] * 30],
    "two names run together": [*ENTRIES, RUN_TOGETHER],
}  # fmt: skip


def test_of_a_head_on_paper_it_says_the_same(page, witnessed):
    files = witnessed.log.files()
    heads = [
        Checkpoint.parse(parse_note(log.note(size)).text)
        for log in (witnessed.log, made.Log((), [b"another"] * 9))
        for size in (0, 3, 6, 9)
    ]
    elsewhere = replace(heads[1], origin="b.example/apt/B/1")
    for head in (*heads, elsewhere):
        report = check_log(copy_in(files.__getitem__), WITNESSED, now=NOW)
        check_printed(head, copy_in(files.__getitem__), report)
        told = by_page(page, "log", {}, WITNESSED, made_bundle.packed(files), printed=head.printed)
        assert told == by_program(report)


@pytest.mark.parametrize("name", LOGS)
def test_of_a_whole_log_it_says_the_same(page, name):
    log = made.Log(WITNESSES, LOGS[name])
    files = log.files() | {"confirmed": log.note(), "policy.txt": WITNESSED.format()}
    for policy in (WITNESSED, None):
        report = check_log(copy_in(files.__getitem__), policy, now=NOW)
        told = by_page(page, "log", {}, policy, made_bundle.packed(files))
        assert told == by_program(report)


def test_of_a_log_whose_files_disagree_it_says_the_same(page):
    log = made.Log(WITNESSES, ENTRIES)
    files = log.files() | {"confirmed": log.note(300)}
    tile, last, partial = "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"
    cases = [files] + [
        {name: data for name, data in files.items() if name != gone}
        for gone in (tile, last, partial, "tile/entries/000", "confirmed")
    ]
    cases += [files | {name: flip(files[name], 40)} for name in (tile, last, partial)]
    cases += [files | {"confirmed": made.Log(WITNESSES, long_log(599)[::-1]).note()}]
    for held in cases:
        report = check_log(copy_in(held.__getitem__), WITNESSED, now=NOW)
        told = by_page(page, "log", {}, WITNESSED, made_bundle.packed(held))
        assert told == by_program(report)


def test_of_a_log_of_logs_it_says_the_same(page):
    heads = made_bundle.HEADS
    policy = Policy((made.Party(made.log_key(heads.origin, heads.key)),), {}, {}, None)
    notes = [made.Log(entries=ENTRIES[:size]).note() for size in (3, 4, 9)]
    for entries in (notes, notes[::-1], [*notes, b"?"]):
        log = made.Log(entries=entries, origin=heads.origin, key=heads.key)
        report = check_log(copy_in(log.files().__getitem__), policy, now=NOW)
        assert by_page(page, "log", {}, policy, zipped(log)) == by_program(report)


@pytest.mark.parametrize("hours", [-1, 0, 24, 25])
def test_of_a_head_it_tells_the_age_as_the_program_does(page, hours):
    at = int((NOW - timedelta(hours=hours)).timestamp())
    note = made.Log(WITNESSES, ENTRIES[:9]).note(cosigned_at=at)
    assert by_page(page, "heads", {"0": note}, WITNESSED) == by_program(
        check_head(note, WITNESSED, NOW)
    )


@pytest.mark.parametrize("friend", WITNESSES)
def test_one_witness_alone_makes_no_head_young_on_the_page_either(page, friend):
    old = int((NOW - timedelta(days=400)).timestamp())
    log = made.Log(WITNESSES, ENTRIES[:9])
    note = log.note(cosigned_at=old, **{friend: int(NOW.timestamp())})
    report = check_head(note, WITNESSED, NOW)
    assert "낡은 머리" in report.conclusion
    assert by_page(page, "heads", {"0": note}, WITNESSED) == by_program(report)
    files = log.files() | {"confirmed": note}
    told = by_page(page, "log", {}, WITNESSED, made_bundle.packed(files))
    assert told == by_program(check_log(copy_in(files.__getitem__), WITNESSED, now=NOW))


def test_of_what_only_the_old_key_signed_it_says_the_same(page, sealed):
    parties = tuple(
        made.Party(made.log_key(made.ORIGIN, key)) for key in (made.LOG_KEY_2, made.LOG_KEY)
    )
    policy = Policy(parties, {}, {}, None)
    log = made.Log(entries=ENTRIES[:9])
    note = log.note()
    for report, told in (
        (check_head(note, policy, NOW), by_page(page, "heads", {"0": note}, policy)),
        (check_proof(sealed.proof, policy), by_page(page, "proof", {"0": sealed.proof}, policy)),
        (
            check_log(copy_in(log.files().__getitem__), policy, now=NOW),
            by_page(page, "log", {}, policy, zipped(log)),
        ),
    ):
        assert "옛 열쇠로만" in report.as_text()
        assert told == by_program(report)


def test_of_two_heads_it_says_the_same(page):
    log = made.Log(WITNESSES, ENTRIES[:9])
    other = made.Log(WITNESSES, ENTRIES[:8] + ENTRIES[10:11])
    ending = log.note().decode().replace("/1\n", "/1\n", 1).encode()
    for one, two in (
        (log.note(), ending),
        (log.note(), other.note()),
        (log.note(4), log.note()),
        (other.note(), log.note(5)),
        (log.note(), b"?"),
    ):
        for copy in (None, log, other):
            held = copy and copy_in(copy.files().__getitem__)
            report = check_heads(one, two, WITNESSED, held)
            told = by_page(page, "heads", {"0": one, "1": two}, WITNESSED, copy and zipped(copy))
            assert told == by_program(report)


@pytest.mark.parametrize("policy", [ELSEWHERE, NOBODY], ids=["elsewhere", "nobody"])
def test_of_a_log_that_the_policy_does_not_name_both_ask_for_its_policy(
    page, bundle, witnessed, policy
):
    log = made.Log(WITNESSES, ENTRIES[:9])
    files = log.files() | {"confirmed": log.note()}
    zip_, pdf, proof = made_bundle.packed(bundle), witnessed.pdf, witnessed.proof
    cut = pdf[: len(pdf) // 2]
    copy = copy_in(files.__getitem__)
    for kind, given, report in (
        ("pdf", (pdf, proof), check_pdf(pdf, proof, policy)),
        ("pdf", (cut, proof), check_pdf(cut, proof, policy)),
        ("proof", (proof,), check_proof(proof, policy)),
        ("bundle", (zip_,), check_bundle(zip_, Trust(policy, (), NOW))),
        ("heads", (log.note(),), check_head(log.note(), policy, NOW)),
        ("heads", (log.note(), b"?"), check_heads(log.note(), b"?", policy)),
        ("log", (), check_log(copy, policy, now=NOW)),
    ):
        held = {str(number): data for number, data in enumerate(given)}
        packed = made_bundle.packed(files) if kind == "log" else None
        assert report.questions == [
            f"이 정책에는 이 장부({made.ORIGIN})가 없습니다. "
            "그 단지의 정책을 받아 다시 확인해 주세요."
        ]
        assert report.has_failed() is (b"?" in given)
        assert by_page(page, kind, held, policy, packed) == by_program(report)


def test_of_a_stamp_over_a_head_of_a_log_that_nobody_named_it_says_the_same(page, bundle):
    """The stamp is of something else, whatever the policy knows of that."""
    other = made.Log(WITNESSES, ENTRIES[:9], made.ORIGIN_2, made.LOG_KEY_2).note()
    heads = made.Log(("city",), [other], made_bundle.HEADS.origin, made_bundle.HEADS.key)
    data = made_bundle.packed(
        bundle
        | {
            "stamp.tsr": made_bundle.authority().stamp(heads.note()),
            "stamp.note": heads.note(),
            "stamp.tlog-proof": heads.proof(0, extra=other),
        }
    )
    report = check_bundle(data, Trust(WITNESSED, (), NOW))
    assert report.verdict is Verdict.REFUSED
    assert by_page(page, "bundle", {"zip": data}, WITNESSED) == by_program(report)


WEIGH = """async ({ notes, bundle, copy, policy, now }) => {
  const bytes = (coded) => Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  const trust = new Policy(policy), archive = new Archive(bytes(copy), COPY_LIMITS);
  const opened = await LogCopy.open(archive);
  localStorage.clear();
  let report;
  for (const note of notes) {
    report = await checkHeads([bytes(note)], trust, null, now);
    await Memory.weigh(report, trust, note === notes.at(-1) ? opened : null);
  }
  if (bundle) {
    report = await checkBundle(bytes(bundle), trust, now);
    await Memory.weigh(report, trust, opened);
  }
  localStorage.clear();
  const { verdict, conclusion } = report;
  const findings = report.findings.map(({ state, sentence }) => [state, sentence]);
  return { verdict, conclusion, findings };
}"""


@pytest.mark.parametrize("cosigners", [WITNESSES, ()], ids=["confirmed", "provisional"])
@pytest.mark.parametrize("size", [3, 7, 9], ids=["shorter than both", "between", "whole"])
def test_beside_a_copy_that_is_too_short_it_says_the_same(page, tmp_path, cosigners, size):
    policy = WITNESSED if cosigners else ALONE
    log, short = made.Log(cosigners, ENTRIES[:9]), made.Log(cosigners, ENTRIES[:size])
    at = int(NOW.timestamp())
    notes = [log.note(5, cosigned_at=at), log.note(cosigned_at=at)]
    memory = Memory(tmp_path / "heads.json")
    memory.weigh(check_head(notes[0], policy, NOW), policy)
    report = check_head(notes[1], policy, NOW)
    memory.weigh(report, policy, copy_in(short.files().__getitem__))
    assert (report.verdict is Verdict.ACCEPTED) is bool(cosigners or size == 9)
    given = {
        "notes": [b64encode(note).decode() for note in notes],
        "copy": b64encode(zipped(short)).decode(),
        "policy": policy.format().decode(),
        "now": NOW.timestamp() * 1000,
    }
    told, expected = page.evaluate(WEIGH, given), by_program(report)
    told["findings"] = sorted(tuple(found) for found in told["findings"])
    assert told == {name: expected[name] for name in told}


@pytest.mark.parametrize("size", [1, 5], ids=["shorter than both", "between"])
def test_a_confirmed_bundle_of_a_provisional_pdf_stands_beside_a_short_copy(page, tmp_path, size):
    """What the PDF was proven under when it was made is smaller than what its bundle shows."""
    document = made.make(sealed=True, cosigners=WITNESSES, early=True)
    data = made_bundle.packed(made_bundle.parts(document))
    short = made.Log(WITNESSES, document.log.entries[:size])
    report = check_bundle(data, Trust(WITNESSED, (), NOW))
    copy = copy_in(short.files().__getitem__)
    Memory(tmp_path / "heads.json").weigh(report, WITNESSED, copy)
    assert report.verdict is Verdict.ACCEPTED
    assert f"장부 사본이 {size}건뿐이라" in report.as_text()
    given = {
        "notes": [],
        "bundle": b64encode(data).decode(),
        "copy": b64encode(zipped(short)).decode(),
        "policy": WITNESSED.format().decode(),
        "now": NOW.timestamp() * 1000,
    }
    told = page.evaluate(WEIGH, given)
    assert told["verdict"] == "ok"
    assert f"장부 사본이 {size}건뿐이라" in " ".join(found for _, found in told["findings"])


def test_what_is_no_key_and_no_note_for_the_program_is_none_for_the_page(page):
    reads = "(text) => { try { return Boolean(new Policy(text)); } catch { return false; } }"
    for y in (*WEAK, 2**255 - 21):
        public = y.to_bytes(32, "little")
        material = made.ORIGIN.encode() + b"\n\x01" + public
        coded = b64encode(b"\x01" + public).decode()
        vkey = f"{made.ORIGIN}+{sha256(material).hexdigest()[:8]}+{coded}"
        assert page.evaluate(reads, f"log {vkey}\nquorum none\n") is (y not in WEAK)
    note = made.Log(entries=ENTRIES[:9]).note()
    twice = note + note[note.rindex(b"\n\n") + 2 :]
    report = check_head(twice, ALONE, NOW)
    assert report.verdict is Verdict.REFUSED
    assert by_page(page, "heads", {"0": twice}, ALONE) == by_program(report)


def test_a_log_that_changes_its_key_is_known_by_either(page):
    """Two `log` lines of one origin: each signature is enough, and one that is there must hold."""
    keys = made.LOG_KEY, made.LOG_KEY_2
    parties = tuple(made.Party(made.log_key(made.ORIGIN, key)) for key in keys)
    policy = Policy(parties, WITNESSED.witnesses, WITNESSED.groups, WITNESSED.quorum)
    leaves = [made.merkle.leaf_hash(data) for data in ENTRIES[:9]]
    head = Checkpoint(made.ORIGIN, 9, made.merkle.root(leaves))
    lines = [
        cosign(head, name=f"{name}.example", private_key=key, at=made.COSIGNED_AT)
        for name, key in made.WITNESS_KEYS.items()
    ]
    for signing in (keys, keys[:1], keys[1:]):
        note = parse_note(sign_checkpoint(head, *signing))
        whole = format_note(note.text, (*note.signatures, *lines))
        one = note.signatures[-1]
        bad = type(one)(one.name, one.key_id, flip(one.signature, 9))
        broken = format_note(note.text, (*note.signatures[:-1], bad, *lines))
        for written in (whole, broken):
            report = check_head(written, policy, NOW)
            assert (report.verdict is Verdict.ACCEPTED) is (written == whole)
            assert by_page(page, "heads", {"0": written}, policy) == by_program(report)
