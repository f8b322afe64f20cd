"""What a sealed PDF may be made of: pages and files that are the same for everybody, for ever.

The seal says who made the file, not that it shows the same today and tomorrow, to you and to me.
So whatever a reader's program may run, fetch, switch, lay over the page or hand out beside the
files that are checked is refused, and so is what stands in the file without being listed. Every
object is read once.

Source: ISO 32000-1; docs/spec/record.md (Inside the sealed PDF).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from danji_verify.errors import Unreadable, Wrong

MAX_OBJECTS = 200_000  # a page of a table has some two hundred
MAX_PLAIN = 32 * 1024 * 1024  # bytes that are no stream; a dense page has 50 kB
MAX_DEPTH = 64

_SCRIPT = "PDF에 스크립트(JavaScript)가 들어 있습니다."
_ACTION = "PDF에 열거나 누를 때 움직이는 동작이 들어 있습니다."
_XFA = "PDF에 XFA 양식이 들어 있습니다."
_PAGE_FILE = "PDF의 쪽에 붙인 파일이 들어 있습니다."
_MEDIA = "PDF에 소리나 동영상이 들어 있습니다."
_LAYER = "PDF에 켜고 끌 수 있는 층(레이어)이 들어 있습니다."
_OVERLAY = "PDF의 쪽 위에 덧씌운 것(주석)이 들어 있습니다."
_FIELD = "PDF에 봉인 말고 다른 입력란이 들어 있습니다."
_OUTSIDE = "PDF가 파일 밖의 것을 불러옵니다."
_FONT = "PDF에 글꼴이 들어 있지 않아 기기마다 글자가 다르게 보일 수 있습니다."
_PRINT = "PDF에 화면과 종이에서 다르게 보이는 것이 들어 있습니다."
_PAGES = "PDF의 쪽 차례가 서로 어긋나 기기마다 다르게 보일 수 있습니다."
_TWO_FILES = "PDF 안의 파일 하나에 서로 다른 내용이 둘 들어 있습니다."
_TWO_NAMES = "PDF 안의 파일 하나에 이름이 둘 적혀 있습니다."
_STRAY_FILE = "PDF에 파일 목록에 없는 파일이 숨어 있습니다."
_SETTING = "PDF를 열 때 다르게 보이게 하는 설정이 들어 있습니다."
# Of several the first is told.
_ORDER = (
    _SCRIPT, _ACTION, _XFA, _PAGE_FILE, _MEDIA, _LAYER, _OVERLAY, _FIELD, _OUTSIDE, _FONT,
    _PRINT, _PAGES, _TWO_FILES, _TWO_NAMES, _STRAY_FILE, _SETTING,
)  # fmt: skip

_PACKED = "PDF의 목차가 압축되어 있습니다."
_HIDDEN = "PDF에 목차에 없는 부분이 숨어 있습니다."
_REVISED = "PDF가 여러 번 덧붙여 만들어졌습니다."
_REWRITTEN = "PDF를 봉인하면서 앞의 내용을 고쳤습니다."
_NOT_OURS = " 단지가 봉인한 문서에는 없는 것이니 열지 말고 확인 기관에 알려 주세요."
_TOO_MANY = "PDF 안에 든 것이 너무 많아 확인을 멈췄습니다."
_TOO_DEEP = "PDF를 읽을 수 없습니다. 파일이 손상되었거나 고쳐졌습니다."

_KEYS = {
    "/JS": _SCRIPT,
    "/JavaScript": _SCRIPT,
    "/AA": _ACTION,
    "/OpenAction": _ACTION,
    "/XFA": _XFA,
    "/OC": _LAYER,
    "/OCGs": _LAYER,
    "/OCProperties": _LAYER,
    "/AP": _OVERLAY,
    "/RF": _OUTSIDE,
    "/Linearized": _SETTING,
} | dict.fromkeys(
    ("/OP", "/op", "/OPM", "/TR", "/TR2", "/HT", "/BG", "/BG2", "/UCR", "/UCR2", "/Subtype2"),
    _PRINT,
)
_INKS = frozenset({"/Separation", "/DeviceN"})
_STREAM_KEYS = ("/F", "/FFilter", "/FDecodeParms", "/Ref", "/OPI", "/Alternates", "/PS")
_ACTIONS = frozenset(
    {
        "/Launch",
        "/GoToR",
        "/GoToE",
        "/GoToDp",
        "/Thread",
        "/Sound",
        "/Movie",
        "/Hide",
        "/Named",
        "/SubmitForm",
        "/ResetForm",
        "/ImportData",
        "/SetOCGState",
        "/Rendition",
        "/Trans",
        "/GoTo3DView",
        "/RichMediaExecute",
    }
)
_ADDRESSES = (b"https://", b"http://")
_MEDIA_KINDS = frozenset({"/Sound", "/Movie", "/Screen", "/3D", "/RichMedia"})
_FONTS = frozenset({"/Type1", "/MMType1", "/TrueType", "/CIDFontType0", "/CIDFontType2"})
_FONT_FILES = frozenset({"/FontFile", "/FontFile2", "/FontFile3"})
_ROOT_KEYS = frozenset(
    {
        "/Type",
        "/Pages",
        "/PageLabels",
        "/Names",
        "/Dests",
        "/ViewerPreferences",
        "/Outlines",
        "/Metadata",
        "/StructTreeRoot",
        "/MarkInfo",
        "/Lang",
        "/OutputIntents",
        "/AF",
        "/AcroForm",
        "/Perms",
        "/Extensions",
    }
)
_NAME_KEYS = frozenset({"/EmbeddedFiles", "/Dests"})
_PREFERENCE_KEYS = frozenset({"/Direction", "/DisplayDocTitle"})
_FORM_KEYS = frozenset({"/Fields", "/SigFlags"})
# What a seal adds to a page and to the catalogue, and what its maker notes of itself.
_SEALED_KEYS = frozenset(
    {"/Annots", "/Tabs", "/AcroForm", "/Perms", "/Extensions", "/ModDate", "/Producer"}
)

_HEADER = re.compile(rb"%PDF-\d\.\d\s+(?:%[^\r\n]{0,32}[\r\n]\s*)?")
_SUBSECTION = re.compile(rb"\s*(\d{1,7}) (\d{1,7}) ?\r?\n")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n)")
_TRAILER = re.compile(rb"\s*trailer\s*")
_START = re.compile(rb"\s*startxref\s+(\d{1,10})\s+%%EOF")
_OBJECT = re.compile(rb"(\d{1,10})\s+(\d{1,5})\s+obj\s*")
_END = re.compile(rb"\s*endobj")

_Dictionary = generic.DictionaryObject


@dataclass(frozen=True)
class Listed:
    """A leaf of the name tree of embedded files."""

    name: object  # under which it is listed
    spec: _Dictionary


def demand_plain(pdf: bytes, reader: PdfFileReader, specs: Mapping[int, Listed]) -> None:
    """Every byte of the file belongs to what we make, and all of it is harmless.

    Args: `specs` are the leaves of the name tree, by the numbers of their objects.
    Raises: Wrong; Unreadable when there is too much of it.
    """
    objects = _Layout(pdf, reader, MAX_PLAIN).objects()
    look = _Look(specs, objects)
    look.all(reader.root)
    for sentence in _ORDER:
        if sentence in look.found:
            raise Wrong(sentence + _NOT_OURS)


# --- Where everything stands ------------------------------------------------------------------


@dataclass(frozen=True)
class _Revision:
    """One cross-reference table with its trailer, and the objects that it lists."""

    span: tuple[int, int]  # of the table, trailer and end mark, in bytes
    trailer: _Dictionary
    places: Mapping[int, tuple[int, int]]  # by object: offset in bytes, generation
    freed: frozenset[int]


@dataclass
class _Layout:
    """The bytes of a file, each of which belongs to one object or one table."""

    pdf: bytes
    reader: PdfFileReader
    room: int  # bytes left for what is no stream

    @cached_property
    def stream(self) -> BytesIO:
        return BytesIO(self.pdf)

    def objects(self) -> dict[int, generic.PdfObject]:
        """All objects as they count, by number. Raises: Wrong, Unreadable."""
        revisions = list(self._revisions())
        if sum(len(revision.places) for revision in revisions) > MAX_OBJECTS:
            raise Unreadable(_TOO_MANY)
        spans, held = [revision.span for revision in revisions], []
        for revision in revisions:
            found = {}
            for number, (place, generation) in revision.places.items():
                found[number], end = self._read(number, generation, place)
                spans.append((place, end))
            held.append(found)
        self._demand_no_gap(spans)
        newest, *before = held
        for first in before:
            _demand_grown(first, newest, revisions[0].freed)
            newest = first | newest
        return dict(sorted(newest.items()))

    def _revisions(self) -> Iterator[_Revision]:
        """The newest first: ours was typeset, and then sealed."""
        place: object = self.reader.last_startxref
        for _ in range(2):
            revision = self._revision(int(str(place)))
            yield revision
            if "/Prev" not in revision.trailer:
                return
            place = revision.trailer.raw_get("/Prev")
        raise Wrong(_REVISED + _NOT_OURS)

    def _revision(self, place: int) -> _Revision:
        if _OBJECT.match(self.pdf, place):
            raise Wrong(_PACKED + _NOT_OURS)
        places: dict[int, tuple[int, int]] = {}
        freed: set[int] = set()
        at = place + len(b"xref")
        known = self.pdf[place:at] == b"xref"
        while known and (match := _SUBSECTION.match(self.pdf, at)):
            at, first, count = match.end(), int(match[1]), int(match[2])
            for number in range(first, first + count):
                entry = _ENTRY.match(self.pdf, at)
                if entry is None or number in places or number in freed:
                    raise Wrong(_HIDDEN + _NOT_OURS)
                at = entry.end()
                if entry[3] == b"n":
                    places[number] = int(entry[1]), int(entry[2])
                else:
                    freed.add(number)
        begins = _TRAILER.match(self.pdf, at)
        if not known or begins is None:
            raise Wrong(_HIDDEN + _NOT_OURS)
        self.stream.seek(begins.end())
        trailer = generic.read_object(self.stream, generic.Reference(0, 65535, self.reader))
        ends = _START.match(self.pdf, self.stream.tell())
        if not isinstance(trailer, _Dictionary) or ends is None or int(ends[1]) != place:
            raise Wrong(_HIDDEN + _NOT_OURS)
        if "/XRefStm" in trailer:
            raise Wrong(_PACKED + _NOT_OURS)
        return _Revision((place, ends.end()), trailer, places, frozenset(freed))

    def _read(self, number: int, generation: int, place: int) -> tuple[generic.PdfObject, int]:
        """Returns: an object, and where it ends."""
        header = _OBJECT.match(self.pdf, place)
        if header is None or (int(header[1]), int(header[2])) != (number, generation):
            raise Wrong(_HIDDEN + _NOT_OURS)
        self.stream.seek(header.end())
        reference = generic.Reference(number, generation, self.reader)
        value = generic.read_object(self.stream, reference)
        end = _END.match(self.pdf, self.stream.tell())
        if end is None:
            raise Wrong(_HIDDEN + _NOT_OURS)
        packed = len(value.encoded_data) if isinstance(value, generic.StreamObject) else 0
        self.room -= end.end() - place - packed
        if self.room < 0:
            raise Unreadable(_TOO_MANY)
        return value, end.end()

    def _demand_no_gap(self, spans: list[tuple[int, int]]) -> None:
        header = _HEADER.match(self.pdf)
        at = header.end() if header else 0
        for start, end in sorted(spans):
            if start < at or self.pdf[at:start].strip():
                raise Wrong(_HIDDEN + _NOT_OURS)
            at = end
        if self.pdf[at:].strip():
            raise Wrong(_HIDDEN + _NOT_OURS)


def _demand_grown(
    first: Mapping[int, generic.PdfObject],
    newest: Mapping[int, generic.PdfObject],
    freed: frozenset[int],
) -> None:
    """What was sealed is what had been typeset, and the seal."""
    for number in first.keys() & (newest.keys() | freed):
        if number in freed or not _is_grown(first[number], newest[number]):
            raise Wrong(_REWRITTEN + _NOT_OURS)


def _is_grown(old: object, new: object) -> bool:
    if isinstance(old, generic.StreamObject) or isinstance(new, generic.StreamObject):
        # Marks and dates, which no page shows.
        return all(
            isinstance(value, generic.StreamObject) and _is(value, "/Type", "/Metadata")
            for value in (old, new)
        )
    if isinstance(old, _Dictionary) and isinstance(new, _Dictionary):
        return _without(old) == _without(new)
    if isinstance(old, generic.ArrayObject) and isinstance(new, generic.ArrayObject):
        return list(new[: len(old)]) == list(old)
    return False


def _without(value: _Dictionary) -> dict[str, object]:
    return {key: value.raw_get(key) for key in value if key not in _SEALED_KEYS}


# --- What it is -------------------------------------------------------------------------------


@dataclass
class _Look:
    """What of `_ORDER` was found so far."""

    specs: Mapping[int, Listed]
    objects: Mapping[int, generic.PdfObject]
    found: set[str] = field(default_factory=set)
    sheets: set[int | None] = field(default_factory=set)  # the numbers of what calls itself a page

    def all(self, root: _Dictionary) -> None:
        for number, value in self.objects.items():
            self._take(number, value)
        self._root(root)
        self._pages(root)

    def _take(self, number: int, value: object) -> None:
        """Look through one object with all that stands in it; references are not followed."""
        nested = [(value, 0)]
        while nested:
            value, depth = nested.pop()
            if depth >= MAX_DEPTH:
                raise Unreadable(_TOO_DEEP)
            if isinstance(value, generic.ArrayObject):
                if value and str(list.__getitem__(value, 0)) in _INKS:
                    self.found.add(_PRINT)
                nested += [(item, depth + 1) for item in list.__iter__(value)]
            elif isinstance(value, _Dictionary):
                self._dictionary(value, number if depth == 0 else None)
                nested += [(value.raw_get(key), depth + 1) for key in value]

    def _root(self, root: _Dictionary) -> None:
        """What the catalogue says of the whole file."""
        known = {
            "/Names": _NAME_KEYS,
            "/ViewerPreferences": _PREFERENCE_KEYS,
            "/Perms": frozenset({"/DocMDP"}),
        }
        strange = [key for key in known if key in root and root[key].keys() - known[key]]
        if strange or root.keys() - _ROOT_KEYS:
            self.found.add(_SETTING)
        form = root["/AcroForm"]
        fields = form["/Fields"]
        sealed = len(fields) == 1 and "/Kids" not in fields[0] and _is(fields[0], "/FT", "/Sig")
        if form.keys() - _FORM_KEYS or not sealed:
            self.found.add(_FIELD)

    def _pages(self, root: _Dictionary) -> None:
        """Programs differ in what they show of a tree of pages that does not add up."""
        counts: dict[int, int] = {}
        sheets: set[int | None] = set()
        nodes: list[tuple[object, tuple[int, ...]]] = [(root.raw_get("/Pages"), ())]
        stated: list[tuple[object, int]] = []
        while nodes:
            held, above = nodes.pop()
            number = held.idnum if isinstance(held, generic.IndirectObject) else None
            if number is None or number in counts or number in sheets or len(above) >= MAX_DEPTH:
                break
            node = self.objects.get(number)
            if above and _number(node, "/Parent") != above[-1]:
                break
            if _is(node, "/Type", "/Page"):
                sheets.add(number)
                counts |= {each: counts[each] + 1 for each in above}
            elif isinstance(node, _Dictionary) and _is(node, "/Type", "/Pages"):
                counts[number] = 0
                stated.append((node["/Count"], number))
                nodes += [(kid, (*above, number)) for kid in list.__iter__(node["/Kids"])]
            else:
                break
        else:
            if sheets == self.sheets and all(count == counts[each] for count, each in stated):
                return
        self.found.add(_PAGES)

    def _dictionary(self, value: _Dictionary, number: int | None) -> None:
        self.found.update(_KEYS[key] for key in value.keys() & _KEYS.keys())
        self._action(value)
        self._annotations(value)
        self._font(value)
        self._file(value, number)
        if _is(value, "/Type", "/Page"):
            self.sheets.add(number)
        if _is(value, "/Subtype", "/PS"):
            self.found.add(_PRINT)
        if _name(value, "/Type") in {"/OCG", "/OCMD"}:
            self.found.add(_LAYER)
        if isinstance(value, generic.StreamObject) and not value.keys().isdisjoint(_STREAM_KEYS):
            self.found.add(_OUTSIDE)

    def _action(self, value: _Dictionary) -> None:
        kind = _name(value, "/S")
        elsewhere = kind == "/URI" and not _bytes(_at(value, "/URI")).startswith(_ADDRESSES)
        if kind == "/JavaScript":
            self.found.add(_SCRIPT)
        elif kind in _ACTIONS or elsewhere:
            self.found.add(_ACTION)

    def _annotations(self, value: _Dictionary) -> None:
        """A page of ours has links, and the field of the seal, which nobody sees."""
        shown = [value] if _is(value, "/Type", "/Annot") else []
        if "/Annots" in value:
            listed = value["/Annots"]
            shown += [listed[place] for place in range(len(listed))]
        for annotation in shown:
            kind = _name(annotation, "/Subtype")
            if kind == "/FileAttachment":
                self.found.add(_PAGE_FILE)
            elif kind in _MEDIA_KINDS:
                self.found.add(_MEDIA)
            elif kind == "/Widget":
                if not _is(annotation, "/FT", "/Sig"):
                    self.found.add(_FIELD)
            elif kind != "/Link":
                self.found.add(_OVERLAY)

    def _font(self, value: _Dictionary) -> None:
        if _is(value, "/Type", "/FontDescriptor"):
            embedded = not value.keys().isdisjoint(_FONT_FILES)
        else:
            named = "/BaseFont" in value and _name(value, "/Subtype") in _FONTS
            embedded = not named or "/FontDescriptor" in value
        if not embedded:
            self.found.add(_FONT)

    def _file(self, value: _Dictionary, number: int | None) -> None:
        """Programs differ in which of two contents or names they take."""
        if "/EF" in value:
            held = value["/EF"]
            listed = self.specs.get(number) if number is not None else None
            if listed is None:
                self.found.add(_STRAY_FILE)
            elif len(_names(listed)) > 1:
                self.found.add(_TWO_NAMES)
            if len({repr(held.raw_get(key)) for key in held}) != 1:
                self.found.add(_TWO_FILES)
        elif _is(value, "/Type", "/Filespec"):
            self.found.add(_OUTSIDE)
        if _is(value, "/Type", "/EmbeddedFile") and number not in self._streams:
            self.found.add(_STRAY_FILE)

    @cached_property
    def _streams(self) -> set[int]:
        """The numbers of the objects that hold the files of the name tree."""
        held = (listed.spec["/EF"] for listed in self.specs.values())
        streams = [files.raw_get(key) for files in held for key in files]
        return {one.idnum for one in streams if isinstance(one, generic.IndirectObject)}


def _names(listed: Listed) -> set[str]:
    """What a file is called, at any of the places that say so.

    Typst writes all but `UF` in UTF-8, without a mark that it is.
    """
    given = [listed.name, *(listed.spec[key] for key in ("/F", "/UF") if key in listed.spec)]
    return {_bytes(name).decode() if _is_utf8(_bytes(name)) else str(name) for name in given}


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return not name.startswith(b"\xef\xbb\xbf")


def _name(value: object, key: str) -> str | None:
    """The name at that key of a dictionary, also where a reference leads to it."""
    found = _at(value, key)
    return str(found) if isinstance(found, generic.NameObject) else None


def _number(value: object, key: str) -> int | None:
    """The number of the object to which the reference at that key leads."""
    held = value.raw_get(key) if isinstance(value, _Dictionary) and key in value else None
    return held.idnum if isinstance(held, generic.IndirectObject) else None


def _at(value: object, key: str) -> object:
    return value[key] if isinstance(value, _Dictionary) and key in value else None


def _is(value: object, key: str, name: str) -> bool:
    return _name(value, key) == name


def _bytes(value: object) -> bytes:
    if isinstance(value, generic.TextStringObject | generic.ByteStringObject):
        return bytes(value.original_bytes)
    return b""
