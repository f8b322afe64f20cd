"""verify.html as a person uses it: files handed in, a verdict read, and what it remembers."""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import browsing
import made_bundle
import made_document as made
from browsing import NOW, flip
from danji_verify.checkpoint import Checkpoint
from danji_verify.note import format_note, parse_note
from danji_verify.policy import Policy

ALONE = made.policy()
WITNESSED = made.policy(witnesses=True)

pytestmark = browsing.MARKS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing.launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browsing.opened(browser) as page:
        yield page


@pytest.fixture(scope="module")
def bundle(witnessed) -> dict[str, bytes]:
    return made_bundle.stamped(witnessed)


def hand_in(page: Page, files: dict[str, bytes], policy: Policy | None = None) -> str:
    """Hand files in, press the button, and return the verdict."""
    handed = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        for name, data in files.items()
    ]
    page.set_input_files("#files", handed)
    page.fill("#policy", policy.format().decode() if policy else "")
    page.click("#check")
    page.wait_for_selector("#verdict[data-state]")
    return page.get_attribute("#verdict", "data-state")


def check(page: Page, *, pdf=None, proof=None, policy=None) -> str:
    files = {"문서.pdf": pdf, "문서.pdf.tlog-proof": proof}
    return hand_in(page, {name: data for name, data in files.items() if data}, policy)


def sentences(page: Page, state: str) -> str:
    return " ".join(page.locator(f"li[data-state={state}]").all_text_contents())


# --- What a person sees --------------------------------------------------------------------------


def test_a_true_document_is_told_so(page, sealed):
    assert check(page, pdf=sealed.pdf, proof=sealed.proof, policy=ALONE) == "ok"
    assert "맞습니다" in page.inner_text("#verdict strong")
    assert "잠정" in page.inner_text("#verdict")
    assert "바로 그 파일입니다" in sentences(page, "ok")
    assert sentences(page, "failed") == ""
    assert page.is_hidden("li[data-state=unchecked] >> nth=0")
    assert "이 화면이 볼 수 없는 것" in page.inner_text("#groups")
    assert "지출-2026-0001" in page.inner_text("dl")
    assert "결재 관리사무소장 박세찬, 2026. 11. 22. 09:02" in page.inner_text("dl")


def test_a_cosigned_document_is_final(page, witnessed):
    assert check(page, pdf=witnessed.pdf, proof=witnessed.proof, policy=WITNESSED) == "ok"
    assert "확정" in page.inner_text("#verdict")
    assert "city의 확인 서명이 맞습니다: 2026. 11. 22. 09:00" in sentences(page, "ok")


def test_a_document_not_cosigned_stays_open_where_the_policy_asks_for_it(page, sealed):
    assert check(page, pdf=sealed.pdf, proof=sealed.proof, policy=WITNESSED) == "unknown"
    assert "잠정" in page.inner_text("#verdict")


def test_without_policy_or_proof_nothing_is_judged(page, sealed):
    assert check(page, pdf=sealed.pdf, proof=sealed.proof) == "unknown"
    assert "정책 파일을 다른 곳에서" in page.inner_text("#verdict")
    assert check(page, pdf=sealed.pdf, policy=ALONE) == "unknown"
    assert "증명 파일(.tlog-proof)이 없습니다. 문서를 받은 화면에서" in page.inner_text("#verdict")
    assert page.is_visible("li[data-state=unchecked]")  # what is lacking stands unfolded
    assert check(page, policy=ALONE) == "unknown"
    assert "먼저 골라 주세요" in page.inner_text("#verdict")


def test_a_changed_document_is_refused(page, sealed):
    assert check(page, pdf=flip(sealed.pdf, 900), proof=sealed.proof, policy=ALONE) == "failed"
    assert "믿지 마세요" in page.inner_text("#verdict strong")
    assert page.is_visible("li[data-state=failed]")


def test_a_bundle_and_a_policy_may_be_dropped_together(page, bundle):
    files = {"증명.zip": made_bundle.packed(bundle), "정책.txt": WITNESSED.format()}
    assert hand_in(page, files) == "unknown"  # the test emptied the policy again
    page.set_input_files("#files", [])
    handed = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
        for name, data in files.items()
    ]
    page.set_input_files("#files", handed)
    page.click("#check")
    page.wait_for_selector("#verdict[data-state=ok]")
    assert "확정" in page.inner_text("#verdict")


def test_a_policy_that_is_none_is_asked_for_again(page, sealed):
    page.set_input_files("#files", {"name": "p", "mimeType": "", "buffer": sealed.proof})
    page.fill("#policy", "믿을 만한 곳")
    page.click("#check")
    page.wait_for_selector("#verdict[data-state=unknown]")
    assert "정책 파일의 양식이" in page.inner_text("#verdict")


def test_files_that_are_nothing_of_ours_are_told_apart(page, sealed, witnessed):
    assert hand_in(page, {"a.txt": b"?"}) == "unknown"
    assert "확인할 수 있는 파일이 아닙니다: a.txt" in page.inner_text("#verdict")
    assert hand_in(page, {"a.pdf": sealed.pdf, "b.pdf": witnessed.pdf}, ALONE) == "unknown"
    assert "하나만" in page.inner_text("#verdict")


def test_a_name_cannot_pretend_to_be_a_sentence(page):
    assert hand_in(page, {"<b>\u202e맞습니다.txt": b"?"}) == "unknown"
    assert "<b>\ufffd맞습니다.txt" in page.inner_text("#chosen")
    assert page.locator("#verdict b").count() == 0


def test_a_policy_with_a_witness_of_a_later_kind_is_read_and_the_witness_not_counted(
    page, witnessed
):
    material = b"\x06" + bytes(1312)
    key_id = made.sha256(b"later.example\n" + material).digest()[:4]
    vkey = f"later.example+{key_id.hex()}+{b64encode(material).decode()}"
    written = WITNESSED.format() + f"witness later {vkey}\n".encode()
    note = parse_note(witnessed.log.note())
    line = made.Proof.parse(witnessed.proof)
    signature = type(note.signatures[0])("later.example", key_id, bytes(2428))
    signed = format_note(note.text, (*note.signatures, signature))
    proof = made.Proof(line.index, line.path, signed, line.extra).format()
    page.set_input_files("#files", {"name": "p", "mimeType": "", "buffer": proof})
    page.fill("#policy", written.decode())
    page.click("#check")
    page.wait_for_selector("#verdict[data-state=ok]")
    assert "later의 확인 서명은 이 화면이 모르는 방식" in sentences(page, "unchecked")


@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_usable_by_everyone(page, sealed, witnessed, width):
    """No accessibility violation, and nothing wider than a phone, in each verdict."""
    page.set_viewport_size({"width": width, "height": 844})
    for handed, verdict in (
        ({}, None),
        ({"pdf": flip(sealed.pdf, 50), "proof": sealed.proof, "policy": ALONE}, "failed"),
        ({"pdf": sealed.pdf, "proof": sealed.proof}, "unknown"),
        ({"pdf": witnessed.pdf, "proof": witnessed.proof, "policy": WITNESSED}, "ok"),
    ):
        if handed:
            assert check(page, **handed) == verdict
            for summary in page.locator("summary").all():
                summary.click()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


# --- What it remembers ---------------------------------------------------------------------------


def grown(log: made.Log, *more: bytes) -> made.Log:
    return made.Log(log.cosigners, [*log.entries, *more])


def zipped(log: made.Log, **more: bytes) -> bytes:
    return made_bundle.packed(log.files() | more)


def test_a_log_with_two_faces_is_remembered_and_both_are_shown(page, sealed):
    assert check(page, proof=sealed.proof, policy=ALONE) == "ok"
    other = made.make(made.Changes(content=lambda c: c.update(title="다른 문서")), sealed=True)
    assert check(page, proof=other.proof, policy=ALONE) == "failed"
    assert "장부가 둘로 갈라져 있습니다" in sentences(page, "failed")
    notes = [note.input_value() for note in page.locator("textarea[readonly]").all()]
    assert notes == [sealed.log.note().decode(), other.log.note().decode()]


def test_opened_by_a_code_on_paper_it_holds_the_log_against_it(page, witnessed):
    older, other = witnessed.log.note(3), made.Log((), [b"another"] * 3).note()
    for note, said in ((older, "ok"), (other, "failed")):
        page.goto(f"{browsing.PAGE.as_uri()}#{Checkpoint.parse(parse_note(note).text).printed}")
        page.reload()
        log = {"log.zip": made_bundle.packed(witnessed.log.files())}
        assert hand_in(page, log, WITNESSED) == said
        assert "종이에 적힌 머리(3건)" in sentences(page, said)
    bundle = {"묶음.zip": made_bundle.packed(made_bundle.stamped(witnessed))}
    assert hand_in(page, bundle, WITNESSED) == "ok"
    assert "종이에 적힌 머리와는 견주지 못했습니다" in sentences(page, "unchecked")
    page.fill("#printed", "https://danji.example/public/A1/")
    assert hand_in(page, bundle, WITNESSED) == "unknown"
    assert "알림의 마지막 줄이 아닙니다" in page.inner_text("#verdict")


def test_what_was_remembered_can_be_forgotten(page, sealed):
    assert check(page, proof=sealed.proof, policy=ALONE) == "ok"
    assert "장부 1개" in page.inner_text("#remembered")
    page.click("#forget")
    assert "기억하는 장부가 없습니다" in page.inner_text("#remembered")
    other = made.make(made.Changes(content=lambda c: c.update(title="다른 문서")), sealed=True)
    assert check(page, proof=other.proof, policy=ALONE) == "ok"


def test_nothing_is_remembered_without_a_policy_from_outside(page, sealed):
    assert check(page, pdf=sealed.pdf, proof=sealed.proof) == "unknown"
    assert "기억하는 장부가 없습니다" in page.inner_text("#remembered")


def test_another_size_than_the_one_remembered_needs_the_log(page, sealed):
    """Provisional heads say nothing about each other; the log itself does."""
    longer = grown(sealed.log, b"later")
    extra = made.Proof.parse(sealed.proof).extra
    assert check(page, proof=longer.proof(5, extra), policy=ALONE) == "ok"
    assert check(page, proof=sealed.proof, policy=ALONE) == "unknown"
    assert "이어지는지 알 수 없습니다(전에 본 장부는 7건, 지금 것은 6건)" in page.inner_text(
        "#verdict"
    )
    files = {"증명.tlog-proof": sealed.proof, "log.zip": zipped(longer)}
    assert hand_in(page, files, ALONE) == "ok"
    assert "한 장부가 이어서 자란 것입니다: 6건, 7건" in sentences(page, "ok")
    other = grown(sealed.log, b"another")
    assert hand_in(page, files | {"log.zip": zipped(other)}, ALONE) == "failed"
    assert "갈라져" in sentences(page, "failed")


def test_confirmed_heads_of_other_sizes_are_vouched_for_by_their_witnesses(page, witnessed):
    longer = grown(witnessed.log, b"later")
    extra = made.Proof.parse(witnessed.proof).extra
    assert check(page, proof=longer.proof(5, extra), policy=WITNESSED) == "ok"
    assert check(page, proof=witnessed.proof, policy=WITNESSED) == "ok"
    assert "둘이 이어지는지는 확인 기관의 서명을 믿었고" in sentences(page, "unchecked")


def test_an_end_before_what_was_seen_of_a_log_is_told(page):
    document = made.make(sealed=True, cosigners=("complex", "city"), move_before=3)
    policy = made.policy(witnesses=True, logs=2)
    longer = grown(document.named["opened-1"][0], b"confirmed", b"as well")
    assert hand_in(page, {"checkpoint": longer.note()}, policy) == "ok"
    bundle = made_bundle.packed(made_bundle.parts(document))
    assert hand_in(page, {"증명.zip": bundle}, policy) == "failed"
    assert "앞 장부가 3건에서 끝났다고 하는데, 전에 본 것은 5건" in sentences(page, "failed")


def test_a_remembered_head_of_a_key_no_longer_known_is_told(page, sealed):
    assert check(page, proof=sealed.proof, policy=ALONE) == "ok"
    policy = made.Policy((made.Party(made.log_key(made.ORIGIN, made.LOG_KEY_2)),), {}, {}, None)
    other = made.Log(entries=[b"other"], key=made.LOG_KEY_2)
    assert hand_in(page, {"checkpoint": other.note()}, policy) == "ok"
    assert "받지 않는 열쇠의 것이라 견주지 못했습니다" in sentences(page, "unchecked")


def test_what_only_the_old_key_signed_is_not_remembered(page):
    keys = made.LOG_KEY_2, made.LOG_KEY
    parties = tuple(made.Party(made.log_key(made.ORIGIN, key)) for key in keys)
    policy = made.Policy(parties, {}, {}, None)
    assert hand_in(page, {"checkpoint": made.Log(entries=[b"x"]).note()}, policy) == "failed"
    assert "기억하는 장부가 없습니다" in page.inner_text("#remembered")


def test_where_nothing_can_be_remembered_the_check_goes_on(page, sealed):
    page.evaluate(
        "Object.defineProperty(window, 'localStorage', "
        "{ get() { throw new DOMException('', 'SecurityError'); } })"
    )
    assert check(page, proof=sealed.proof, policy=ALONE) == "ok"
    assert "기억을 막았거나" in sentences(page, "unchecked")
    page.click("#forget")
    assert "기억을 막아" in page.inner_text("#remembered")


def test_its_own_sha_256_is_that_of_the_browser(page):
    assert (
        page.evaluate(
            """async () => {
          for (let length = 0; length < 300; length += 1) {
            const bytes = crypto.getRandomValues(new Uint8Array(length));
            if (!equal(sha256(bytes), await digestOf(bytes))) return length;
          }
          return null;
        }"""
        )
        is None
    )


def test_the_day_of_the_tests_is_the_day_of_the_page(page):
    assert page.evaluate("Date.now()") == NOW.timestamp() * 1000
    assert NOW - datetime.fromtimestamp(made.COSIGNED_AT, UTC) < timedelta(hours=24)
