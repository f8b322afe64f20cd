"""The page: what stands on it, and that nothing a person can write breaks it."""

import copy
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO

import pikepdf
import pypdfium2
import pytest

from danji.renditions.pdf import Embedded, embedded_name, render

MONEY_HEADS = (
    "총발생금액",
    "27.07평형",
    "30.38평형",
    "33.60평형(A)",
    "33.60평형(B)",
    "전월",
    "증감",
)
SENTENCE = "관리사무소는 입주민의 안전과 편의를 위하여 노후한 급수배관을 교체하고자 합니다. "


def pages(pdf: bytes) -> list[str]:
    """The text of each page, line by line."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in document]


def text(pdf: bytes) -> str:
    """All text in one line: where a line breaks is the page's business."""
    return re.sub(r"\s+", " ", " ".join(pages(pdf)))


def compact(said: str) -> str:
    return re.sub(r"\s", "", said)


def sizes(pdf: bytes) -> list[tuple[int, ...]]:
    """Width and height of each page in whole points."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [tuple(map(round, page.get_size())) for page in document]


def furthest_right(pdf: bytes) -> float:
    """The right edge of the rightmost letter on any page, in points."""
    with pypdfium2.PdfDocument(pdf) as document:
        words = [page.get_textpage() for page in document]
        return max(one.get_charbox(n)[2] for one in words for n in range(one.count_chars()))


def paragraphs(*texts, label=""):
    return {"kind": "paragraphs", "label": label, "paragraphs": list(texts)}


def table(rows, *, heads=MONEY_HEADS, totals=None, label="일반관리비"):
    columns = [{"label": "항목", "type": "line"}]
    columns += [{"label": head, "type": "money"} for head in heads]
    return {
        "kind": "table",
        "label": label,
        "unit": "원",
        "columns": columns,
        "rows": rows,
        "totals": totals,
    }


def drawn(document, *blocks, **changes):
    return render(document(blocks=blocks, **changes), attachments=[])


# --- Heads and ends ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memo", "expense", "fee-notice", "bid-notice"])
def test_every_kind_names_its_complex_its_form_its_number_and_its_end(document, kind):
    drawing = document(kind)
    page = text(render(drawing, attachments=[]))
    assert page.startswith(f"들꽃마을아파트 {drawing.labels.form}")
    assert f"제목 {drawing.record['content']['title']}" in page
    assert f"시행 {drawing.record['number']['text']} (" in page
    assert page.count("끝.") == 1
    assert "공개구분" in page
    assert "보존기간" in page


def test_each_who_decided_has_a_box_with_office_name_mark_and_day(document):
    page = pages(render(document("expense"), attachments=[]))[0]
    head = page[: page.index("수신")]
    assert head.split("\n")[4:] == [
        "경리 과장 관리사무소장",
        "김은정",
        "기안",
        "박도현",
        "검토",
        "이수진",
        "결재",
        "2026. 11. 19. 2026. 11. 20. 2026. 11. 22.",
        "",
    ]


def test_the_day_of_a_decision_is_the_day_in_korea(document):
    # 2026-11-08 23:40 UTC is the next morning in Seoul.
    assert "2026. 11. 9." in pages(render(document("memo"), attachments=[]))[0]


def test_who_has_not_decided_has_no_box(document):
    drawing = document("expense")
    record = copy.deepcopy(dict(drawing.record))
    del record["decisions"][0]
    page = text(render(replace(drawing, record=record), attachments=[]))
    assert "이수진" in page
    assert "박도현" not in page


@pytest.mark.parametrize("people", [1, 3, 4, 5, 6, 9, 12])
def test_every_box_fits_whoever_many_decide(document, people):
    drawing = document("fee-notice")
    record = copy.deepcopy(dict(drawing.record))
    offices = ["입주자대표회의 회장", "동별 대표자", "감사"] * people
    record["content"]["line"] = [
        {"position": n, "act": "approve", "office": offices[n], "name": f"제갈공명{n}"}
        for n in range(1, people + 1)
    ]
    record["decisions"] = [
        {**step, "decision": "approve", "at": "2026-12-31T01:00:00Z", "opinion": "", "leaf": ""}
        for step in record["content"]["line"]
    ]
    found = pages(render(replace(drawing, record=record), attachments=[]))[0]
    head = found[: found.index("수신")]
    assert all(f"제갈공명{n}\n" in head for n in range(1, people + 1))
    assert head.count("2026. 12. 31.") == people


def test_an_opinion_is_marked_in_the_box_and_written_out(document):
    page = text(render(document("memo"), attachments=[]))
    assert "박도현 검토 (의견 있음)" in page
    assert "과장 박도현: 염화칼슘 보관 장소를 104동 옆으로 바꾸는 것이 좋겠습니다." in page


def test_whoever_acted_or_was_left_out_stands_in_the_box(document):
    drawing = document("memo")
    record = copy.deepcopy(dict(drawing.record))
    review, approve = record["decisions"]
    record["content"]["line"].insert(
        1,
        {"position": 4, "act": "concur", "office": "담당", "name": "최은영", "skipped": "출장"},
    )
    review |= {"decision": "skip", "opinion": "병가"}
    approve |= {"by": {"office": "과장", "name": "박도현"}, "opinion": "대신 봅니다."}
    page = text(render(replace(drawing, record=record), attachments=[]))
    for shown in (
        "최은영 협조 생략",
        "출장",
        "박도현 검토 생략",
        "병가",
        "이수진 대결 과장 박도현",
    ):
        assert shown in page
    assert "과장 박도현(대결): 대신 봅니다." in page
    assert "과장 박도현: 병가" not in page


def test_the_box_says_by_what_it_was_signed(document):
    given = document("expense")
    leaf = given.record["decisions"][-1]["leaf"]
    assert "카카오 인증서" in text(
        render(document("expense", signed={leaf: "카카오 인증서"}), attachments=[])
    )
    assert "인증서" not in text(render(given, attachments=[]))


def test_a_notice_ends_with_its_sender_and_an_internal_document_has_none(document):
    sender = "들꽃마을아파트 관리사무소장 시행"
    assert sender in text(render(document("bid-notice"), attachments=[]))
    assert sender not in text(render(document("expense"), attachments=[]))


def test_what_a_document_replaces_or_refers_to_stands_above_the_title(document):
    assert "대체 공고-2017-0007 제목" in text(render(document("bid-notice"), attachments=[]))
    assert "관련 관리-2026-0007 제목" in text(render(document("memo"), attachments=[]))


def test_attachments_are_numbered_from_two_on_and_the_end_follows_the_last(document):
    drawing = document("expense")
    assert "붙임 1. 견적서 1부. 2. 현장 사진 1부. 끝." in text(render(drawing, attachments=[]))
    record = copy.deepcopy(dict(drawing.record))
    del record["content"]["attachments"][1]
    page = text(render(replace(drawing, record=record), attachments=[]))
    assert "붙임 견적서 1부. 끝." in page


def test_the_end_follows_the_last_letter_of_text(document):
    assert "채우겠습니다. 끝." in text(render(document("memo"), attachments=[]))


def test_after_a_full_table_the_end_stands_below_it(document):
    pdf = drawn(document, table([["잡비", *range(7)]]))
    with pypdfium2.PdfDocument(pdf) as opened:
        page = opened[0].get_textpage()
        letters = page.get_text_range()
        row, end = letters.index("잡비"), letters.index("끝.")
        assert page.get_charbox(end)[3] < page.get_charbox(row)[1]  # lower
        assert page.get_charbox(end)[0] > page.get_charbox(row)[0]  # and further in


def test_an_end_that_does_not_fit_its_line_begins_the_next_one_space_in(document):
    for letters in range(20, 80):
        pdf = drawn(document, paragraphs("뷁" * letters))
        with pypdfium2.PdfDocument(pdf) as opened:
            page = opened[0].get_textpage()
            words = page.get_text_range()
            last, end = page.get_charbox(words.rindex("뷁")), page.get_charbox(words.index("끝."))
        assert end[2] < 539  # within the margin
        if end[3] < last[1]:  # on the next line
            assert 57 + 4 < end[0] < 57 + 12
            return
    pytest.fail("the end never moved to the next line")


def test_pages_are_numbered_by_their_total_and_their_place(document):
    found = pages(drawn(document, *[paragraphs(SENTENCE * 40)] * 3))
    assert [f"{len(found)}-{n}" in page for n, page in enumerate(found, 1)] == [True] * len(found)
    assert len(found) == 3


def test_an_amount_stands_in_figures_and_words(document):
    page = text(render(document("expense"), attachments=[]))
    assert "합계 금액 금1,152,800원(금일백일십오만이천팔백원)" in page


def test_how_to_check_stands_beside_a_code_that_can_be_read_aloud(document):
    pdf = render(document("expense"), attachments=[])
    assert "QR 코드를 찍으면 이 문서가 결재 된 뒤 바뀌지 않았는지 확인하는" in text(pdf)
    with pikepdf.open(BytesIO(pdf)) as opened:
        alternates = [
            str(thing["/Alt"])
            for thing in opened.objects
            if isinstance(thing, pikepdf.Dictionary) and "/Alt" in thing
        ]
    assert any("https://danji.example/A10000001/" in said for said in alternates)


# --- Tables -----------------------------------------------------------------------------------


def test_a_table_over_two_pages_repeats_its_head(document):
    rows = [[f"항목 {n}", 9_571_000 + n, *[35_540 - n] * 6] for n in range(60)]
    found = pages(drawn(document, table(rows, totals=["계", *[99_950_180] * 7])))
    assert len(found) == 2
    assert [page.count(" ".join(("항목", *MONEY_HEADS))) for page in found] == [1, 1]
    assert "계 99,950,180" in found[1]
    assert "항목 59 9,571,059" in found[1]


def test_figures_are_grouped_aligned_right_and_keep_their_sign(document):
    pdf = drawn(document, table([["일자리안정자금 차감", *[-36_000] * 7], ["청소", *[5] * 7]]))
    assert "차감 -36,000 -36,000" in text(pdf)
    with pypdfium2.PdfDocument(pdf) as opened:
        page = opened[0].get_textpage()
        letters = page.get_text_range()
        long, short = letters.index("36,000") + 5, letters.index("청소 5") + 3
        assert page.get_charbox(long)[2] == pytest.approx(page.get_charbox(short)[2], abs=1)


def test_blank_cells_stay_blank_and_zeros_are_printed(document):
    page = text(drawn(document, table([["피복비", None, 0, None, 0, None, None, None]])))
    assert "피복비 0 0 끝." in page


def test_ten_columns_fit_upright_in_smaller_type(document):
    heads = [f"{building}동 사용료" for building in range(101, 110)]
    pdf = drawn(document, table([["전기료 공동분", *[-1_234_567] * 9]] * 5, heads=heads))
    assert sizes(pdf) == [(595, 842)]
    assert furthest_right(pdf) < 539


def test_a_table_too_wide_for_any_type_turns_its_page_only(document):
    heads = [f"{building}동 사용료" for building in range(101, 110)]
    wide = table([["전기료 공동분", *[-12_345_678_901] * 9]] * 5, heads=heads)
    pdf = drawn(document, paragraphs("1. 아래와 같습니다."), wide, paragraphs("이상입니다."))
    assert sizes(pdf) == [(595, 842), (842, 595), (595, 842)]
    assert furthest_right(pdf) < 842 - 56
    assert "3-2" in pages(pdf)[1]


def test_a_table_without_rows_says_so(document):
    assert "증감 해당 없음 끝." in text(drawn(document, table([])))


def test_a_row_longer_than_a_page_goes_on_over_pages(document):
    block = table([["긴 설명", SENTENCE * 150]], heads=("내용",))
    block["columns"][1]["type"] = "line"
    found = pages(drawn(document, block))
    assert len(found) >= 2
    assert compact("".join(found)).count("교체하고자합니다.") == 150


def test_a_row_must_have_a_cell_for_every_head(document):
    with pytest.raises(ValueError, match="2 cells under 8 heads"):
        drawn(document, table([["잡비", 1]]))


# --- Whatever is written ----------------------------------------------------------------------

HOSTILE = (
    '#panic("x") #read("/etc/passwd")',
    "*굵게* _기울임_ $x^2$ @ref <label> `raw` ~",
    "= 제목 아님",
    "// 주석 아님 /* 이것도 */ 아님",
    "\\u{41} \\ [괄호] {중괄호} #[안]",
    "\"따옴표\" ---- ... -- '작은'",
)


@pytest.mark.parametrize("said", HOSTILE)
def test_markup_is_printed_as_it_was_written(document, said):
    rows = [[said, *[0] * 7]]
    pdf = drawn(document, paragraphs(said, label=said), table(rows, label=said), title=said)
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert str(opened.docinfo["/Title"]) == said
    page = compact(text(pdf))
    assert page.count(compact(said)) == 5


def test_rare_syllables_hanja_and_marks_print(document):
    said = "뷁쀍똠 뙓 甲乙丙 □ ○ ㆍ ① ㉮ ㎡ ㈜ ※ ☎ ─ ◎ 🄰"
    page = text(drawn(document, paragraphs(said)))
    assert said[:-2] in page


def test_what_no_font_has_is_printed_as_its_code_point_with_a_note(document):
    page = text(drawn(document, paragraphs("축하합니다 😀"), title="제목 🏢"))
    assert "축하합니다 [U+1F600]" in page
    assert "제목 [U+1F3E2]" in page
    assert "[U+…]로 적힌 곳은 인쇄 글꼴에 없는 글자입니다." in page
    assert "글꼴에 없는" not in text(drawn(document, paragraphs("축하합니다")))


@pytest.mark.parametrize(
    "word", ["가" * 600, "x" * 600, "1234567890" * 60, "https://a.kr/" + "b" * 500]
)
def test_a_word_without_spaces_stays_within_the_margins(document, word):
    said = f"1. {word}"
    pdf = drawn(
        document,
        paragraphs(said),
        {"kind": "pair", "label": "주소", "value": word},
        title=word[:150],
    )
    assert furthest_right(pdf) < 540
    assert word in compact(text(pdf))


def test_a_long_word_in_a_narrow_column_stays_within_it(document):
    block = table([["x" * 80, *[1_234_567] * 7]])
    assert furthest_right(drawn(document, block)) < 540


def test_a_paragraph_of_eight_thousand_letters_prints_whole(document):
    said = (SENTENCE * 200)[:8000].strip()
    pdf = drawn(document, paragraphs(said))
    assert compact(text(pdf)).count("급수배관") == said.count("급수배관") == 178


def test_items_hang_behind_their_markers_level_by_level(document):
    pdf = drawn(document, paragraphs("1. 하나", "가. 둘", "1) 셋", "가) 넷", "2. 다섯"))
    with pypdfium2.PdfDocument(pdf) as opened:
        page = opened[0].get_textpage()
        letters = page.get_text_range()
        left = [
            page.get_charbox(letters.index(found))[0]
            for found in ("1. 하나", "가. 둘", "1) 셋", "가) 넷", "2. 다섯")
        ]
    assert left == [*sorted(left[:4]), pytest.approx(left[0], abs=1)]


def test_nothing_to_say_still_makes_a_page(document):
    assert "끝." in text(drawn(document))
    assert "사유 없음 끝." in text(drawn(document, paragraphs("", " ", label="사유")))


def test_a_block_of_an_unknown_kind_is_our_mistake(document):
    with pytest.raises(ValueError, match="unknown kind"):
        drawn(document, {"kind": "picture"})


# --- The file ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memo", "expense", "fee-notice", "bid-notice"])
def test_the_same_input_gives_the_same_bytes(document, files, kind):
    assert render(document(kind), attachments=files) == render(document(kind), attachments=files)


def test_the_dates_inside_are_the_day_the_record_was_filed(rendered):
    with pikepdf.open(BytesIO(rendered)) as opened:
        assert str(opened.docinfo["/CreationDate"]).startswith("D:20261122")


def test_embedded_files_come_out_as_they_went_in(rendered, files):
    with pikepdf.open(BytesIO(rendered)) as opened:
        inside = {
            str(spec.UF): (
                spec.EF.F.read_bytes(),
                str(spec.EF.F.Subtype),
                str(spec.AFRelationship),
                str(spec.Desc),
            )
            for spec in opened.Root.AF
        }
    assert inside == {
        file.name: (
            file.data,
            f"/{file.media_type}",
            f"/{file.relationship.capitalize()}",
            file.description,
        )
        for file in files
    }


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("붙임1-견적서.pdf", "붙임1-견적서.pdf"),
        ("붙임1-../../etc/passwd", "붙임1-.._.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("/root/a.pdf", "_root_a.pdf"),
        ("a\x00b\n.pdf", "a_b_.pdf"),
        ("견적\u202efdp.exe", "견적_fdp.exe"),
        ("C:\\사진.jpg", "C__사진.jpg"),
        ("   ", "file"),
        ("..", "file"),
        ("", "file"),
        (".pdf", "pdf"),
        ("\u1100\u1161.txt", "가.txt"),  # Hangul in pieces, as from a Mac
        ("가" * 300 + ".pdf", "가" * 65 + ".pdf"),
    ],
)
def test_a_hostile_name_becomes_a_flat_one(document, given, kept):
    assert embedded_name(given) == kept
    pdf = render(
        document(),
        attachments=[Embedded(given, "text/plain", b"x", "#panic() 설명", "supplement")],
    )
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert [str(spec.UF) for spec in opened.Root.AF] == [kept]


def test_two_files_of_one_name_are_refused(document):
    twice = [Embedded(name, "text/plain", b"", "", "data") for name in ("a/b", "a:b")]
    with pytest.raises(ValueError, match="two embedded files"):
        render(document(), attachments=twice)


def test_a_media_type_must_be_one(document):
    odd = Embedded("a", "text/plain) /X (", b"", "", "data")
    with pytest.raises(ValueError, match="media type"):
        render(document(), attachments=[odd])


def test_an_empty_file_and_a_large_one_travel_whole(document):
    large = bytes(range(256)) * 20_000
    given = [
        Embedded("empty", "text/plain", b"", "", "data"),
        Embedded("large", "application/octet-stream", large, "", "data"),
    ]
    with pikepdf.open(BytesIO(render(document(), attachments=given))) as opened:
        held = [spec.EF.F.read_bytes() for spec in opened.Root.AF]
    assert sorted(held, key=len) == [b"", large]


def test_two_threads_may_render_at_once(document, files):
    drawings = [document("fee-notice", title=f"제목 {n}") for n in range(4)]
    alone = [render(drawing, attachments=files) for drawing in drawings]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda drawing: render(drawing, attachments=files), drawings * 3))
    assert together == alone * 3
