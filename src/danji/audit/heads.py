"""Every head that was ever kept: signed by those who should have, and a head of this one log."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from danji.audit.books import Book, Sighting, roots_at
from danji.audit.findings import Area, Findings
from danji.audit.snapshot import Snapshot
from danji.audit.trust import Trust
from danji.transparency.models import ConfirmedHead, Cosignature
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.errors import NoteError, VerifyError
from danji_verify.merkle import HASH_SIZE
from danji_verify.tiles import tree_root

PLACED = """
SELECT leaf.index, event.leaf_hash FROM transparency_leaf AS leaf JOIN transparency_event AS event
    ON (event.complex_id, event.id) = (leaf.complex_id, leaf.event_id)
WHERE leaf.complex_id = %s AND leaf.log_number = %s AND leaf.index < %s
"""
CHECKPOINT, CONFIRMED = "checkpoint", "confirmed"


@dataclass(frozen=True)
class _Head:
    """A head that somebody kept, and by whom."""

    size: int
    root: bytes
    whose: str


@dataclass
class HeadCheck:
    """Checks the heads of one log. `certain` are the roots on which its parties agreed, by size."""

    snapshot: Snapshot
    book: Book
    trust: Trust
    found: Findings
    certain: dict[int, bytes] = field(default_factory=dict)

    def check(self) -> None:
        """Those of the database, of the witnesses, and what everybody can fetch."""
        self._check_row()
        self._check_published()
        heads = [*self._confirmed(), *self._cosigned()]
        if self.book.whole:
            self._check_consistent(heads)
        if self.book.retired:
            self._check_end()

    def _check_row(self) -> None:
        book = self.book
        parsed = self._parsed(book.checkpoint, "데이터베이스에 적힌 머리")
        if parsed is None or (book.retired and not book.size):
            return  # of a retired log that can prove nothing, only its last head is kept
        head, _ = parsed
        if (head.size, head.root) != (book.size, book.root):
            self._fault(
                "데이터베이스에 적힌 장부의 크기나 뿌리 값이 서명한 머리와 다릅니다.",
                f"row {book.size} {book.root.hex()}, signed {head}",
            )

    def _confirmed(self) -> list[_Head]:
        """The heads that count as certain (확정), each of which others agreed on."""
        heads = []
        for row in ConfirmedHead.objects.filter(origin=self.book.origin).order_by("size"):
            self.found.rows["heads"] += 1
            heads.append(_Head(row.size, bytes(row.root), "확정된 머리"))
            parsed = self._parsed(bytes(row.note), "확정된 머리")
            if parsed is None:
                continue
            head, signed = parsed
            if (head.size, head.root) != (row.size, bytes(row.root)):
                self._fault(
                    "보관한 확정 머리의 크기나 뿌리 값이 그 서명과 다릅니다.",
                    f"confirmed head of {row.size}",
                )
            elif self._demand_agreed(signed, "확정된 머리", row.size):
                self.book.agreed.add(row.size)
                self.certain[row.size] = head.root
        return heads

    def _demand_agreed(self, signed: note.OpenedNote, what: str, size: int) -> bool:
        agreed = self.trust.agreed(one.key for one in signed.verified)
        if not agreed:
            self._fault(
                f"{what}({size:,}건)에 단지와 시·군·구 양쪽의 확인 서명이 없습니다. 누가 확정된 "
                "것처럼 꾸몄습니다.",
                f"signed by {sorted(one.key.name for one in signed.verified)}",
            )
        return agreed

    def _cosigned(self) -> set[_Head]:
        """The heads that witnesses signed; each line has to hold, and to say what its row says."""
        heads, false = set(), Counter[str]()
        signers: dict[tuple[int, bytes], set[note.VerifierKey]] = defaultdict(set)
        rows = Cosignature.objects.filter(origin=self.book.origin).order_by("size", "time")
        for id_, size, root, at, line in rows.values_list(
            "witness_id", "size", "root", "time", "line"
        ):
            self.found.rows["heads"] += 1
            watcher = self.trust.watchers.get(id_)
            if watcher is None:
                continue  # told where its key is read
            if self._holds(watcher.key, size, bytes(root), at, line):
                heads.add(_Head(size, bytes(root), watcher.label))
                signers[size, bytes(root)].add(watcher.key)
                self.book.sightings.append(Sighting(size, at, id_))
            else:
                false[watcher.label] += 1
        for label, count in false.items():
            self._fault(
                f"{label}의 확인 서명 {count:,}건이 맞지 않습니다. 저장된 서명이나 그 시각을 고친 "
                "흔적입니다.",
                "cosignature lines that do not hold for their rows",
            )
        self.certain |= {
            size: root for (size, root), keys in signers.items() if self.trust.agreed(keys)
        }
        return heads

    def _holds(
        self, key: note.VerifierKey, size: int, root: bytes, at: datetime, line: str
    ) -> bool:
        try:
            text = Checkpoint(self.book.origin, size, root).text()
            signed = note.Note(text, (note.Signature.parse(line),))
            return any(
                one.time is not None and datetime.fromtimestamp(one.time, UTC) == at
                for one in note.verify_signatures(signed, [key])
            )
        except (VerifyError, OverflowError, OSError):
            return False

    def _check_consistent(self, heads: Sequence[_Head]) -> None:
        book = self.book
        roots = roots_at(book.leaves, (head.size for head in heads))
        for head in heads:
            if head.size > book.size:
                if not book.retired:  # of such a one only what was certain has to stay
                    self._fault(
                        f"{head.whose}의 장부가 지금 장부보다 깁니다. 장부가 옛것으로 "
                        "되돌려졌습니다.",
                        f"kept {head.size}, now {book.size}",
                    )
            elif roots[head.size] != head.root:
                self._fault(
                    f"전에 {head.whose}에 적힌 장부와 지금 장부가 다릅니다. 지난 내용을 고친 "
                    "흔적입니다.",
                    f"at {head.size} kept {head.root.hex()}, now {roots[head.size].hex()}",
                )

    def _check_end(self) -> None:
        """What the parties had agreed on stays when a log is retired: below its end, or placed
        again in the logs that follow, which the chains of the events show.
        """
        book = self.book
        for data in self.trust.ended:
            try:
                opened = note.open_note(data, self.trust.keys)
                head = Checkpoint.parse(opened.text)
            except VerifyError:
                continue
            if head.origin == book.origin and self.trust.agreed(one.key for one in opened.verified):
                self.certain[head.size] = head.root
        size, root = max(self.certain.items(), default=(0, b""))
        if size > book.size and roots_at(self._placed(size), [size])[size] != root:
            self._fault(
                f"단지와 시·군·구가 확정한 {size:,}건 가운데 {book.size:,}건까지만 남기고 "
                f"{book.number}번 장부를 닫았습니다. 확정된 사건을 잃었거나 없앴습니다.",
                f"confirmed {size} {root.hex()}, ends with {book.size}",
            )

    def _placed(self, size: int) -> bytes:
        """The leaf hashes of a log as its rows have them; its files, where a row is gone."""
        rows = self.snapshot.rows(PLACED, self.book.number, size)
        placed = {index: bytes(leaf) for index, leaf in rows}
        nothing = bytes(HASH_SIZE)
        return b"".join(
            placed.get(index) or self.book.leaf(index) or nothing for index in range(size)
        )

    def _check_published(self) -> None:
        """The head that everybody can fetch, and the confirmed one beside it.

        They may be newer than the snapshot, and are then read in files that have grown meanwhile.
        """
        for name, what in ((CHECKPOINT, "공개된 머리"), (CONFIRMED, "공개된 확정 머리")):
            # Asked before the head is read: what waited there is in its place by then.
            waits = self.book.staged.exists()
            try:
                data = (self.book.folder / name).read_bytes()
            except FileNotFoundError:
                if name == CHECKPOINT and self.book.size and not waits:
                    self._fault("공개된 장부의 머리 파일이 없습니다.", name)
                continue
            parsed = self._parsed(data, what)
            if parsed is None:
                continue
            head, signed = parsed
            if name == CONFIRMED:
                self._demand_agreed(signed, what, head.size)
            elif head.size < self.book.size and not waits:
                self._fault(
                    "공개된 머리가 옛것입니다. 그 뒤에 적은 것을 밖에서 볼 수 없습니다.",
                    f"published {head.size}, the database has {self.book.size}",
                )
            self._check_root(head, what)

    def _check_root(self, head: Checkpoint, what: str) -> None:
        book = self.book
        if not book.whole or (book.retired and head.size > book.size):
            return
        try:
            holds = tree_root(head.size, book.reader) == head.root
        except (OSError, VerifyError):
            holds = False
        if not holds:
            self._fault(f"{what}와 공개된 장부의 파일이 맞지 않습니다.", str(head))

    def _parsed(self, data: bytes, what: str) -> tuple[Checkpoint, note.OpenedNote] | None:
        """A signed head, its signatures checked by whatever keys are known."""
        try:
            opened = note.open_note(data, self.trust.keys)
            head = Checkpoint.parse(opened.text)
            if not any(line.key in self.trust.logs for line in opened.verified):
                raise NoteError("not signed by the log")
        except VerifyError as problem:
            self._fault(f"{what}의 서명이 맞지 않거나 상했습니다.", repr(problem))
            return None
        if head.origin != self.book.origin:
            self._fault(f"{what}가 다른 장부의 것입니다.", head.origin)
            return None
        return head, opened

    def _fault(self, sentence: str, detail: str) -> None:
        self.found.fault(Area.LOG, sentence, f"{self.book.origin}: {detail}")
