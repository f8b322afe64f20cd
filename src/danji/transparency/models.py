"""The append-only log (봉인) of a complex: events, their places, and the newest head."""

from django.db import models
from django.db.models import Q

from danji.base.ids import uuid7
from danji.base.models import ComplexScoped, ScopedForeignKey
from danji.complexes.models import Complex


class Seal(models.TextChoices):
    """How firmly a record is sealed: by the log alone, or agreed on by those who watch it."""

    PROVISIONAL = "provisional", "잠정"
    CONFIRMED = "confirmed", "확정"


class Log(ComplexScoped):
    """One log of a complex and its newest signed head, which moves by compare-and-swap only.

    `root` is 32 bytes; `checkpoint` is the signed note as published.
    """

    number = models.PositiveSmallIntegerField(default=1)  # rises only after a log was retired
    origin = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField(default=0)
    root = models.BinaryField()
    checkpoint = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "number"], name="log_numbered_once"),
        )


class LogKey(ComplexScoped):
    """A key of a log of the complex, by the `name` under which it is kept and by its public half.

    `vkey` is written as in a policy. Until its last day `until` it signs every head, beside the key
    that follows it; the newest has no last day.
    """

    log_number = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=40)
    vkey = models.TextField()
    since = models.DateTimeField()
    until = models.DateField(null=True)

    class Meta:
        ordering = ("log_number", "since", "id")
        constraints = (
            models.UniqueConstraint(fields=["complex", "name"], name="log_key_named_once"),
            models.UniqueConstraint(fields=["complex", "vkey"], name="log_key_once"),
        )


class Event(ComplexScoped):
    """Something that happened to a document, as the exact bytes that enter the log."""

    doc = models.UUIDField()  # the document's own id; events outlive the tables of their makers
    seq = models.PositiveIntegerField()  # 1, 2, 3 … within the document
    name = models.CharField(max_length=40)
    entry = models.BinaryField()
    leaf_hash = models.BinaryField()

    class Meta:
        ordering = ("doc", "seq")
        constraints = (
            models.UniqueConstraint(fields=["complex", "doc", "seq"], name="event_follows_once"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="event_counts_from_one"),
        )


class PendingEvent(ComplexScoped):
    """A queue of events without a place yet; the sequencer takes them out in the order of `id`."""

    event = ScopedForeignKey(Event, models.PROTECT, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "event_id"], name="pending_event_once"),
        )


class Leaf(ComplexScoped):
    """The place of an event in a log of the complex; in a further log, where that has to say again
    what the retired one can no longer prove.
    """

    event = ScopedForeignKey(Event, models.PROTECT, related_name="leaves")
    log_number = models.PositiveSmallIntegerField(default=1)
    index = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "log_number", "index"], name="leaf_index_once"
            ),
            models.UniqueConstraint(
                fields=["complex", "event_id", "log_number"], name="leaf_placed_once"
            ),
        )


class Opening(ComplexScoped):
    """What opens the commitments of one event: salts and values. Erasing it erases their meaning.

    `fields` maps a field's name to `{"salt": base64, "value": base64}`, or to
    `{"salt": base64, "sha256": hex}` where the value is a file kept elsewhere.
    """

    event = ScopedForeignKey(Event, models.PROTECT, related_name="+")
    fields = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["complex", "event_id"], name="opening_once"),
        )


class SetAside(ComplexScoped):
    """An event without a place that another, already published, has the number of.

    It happened after an old database was restored, on the ground of what was known then. It never
    enters the log; what it said is kept, for people to do it again. `fields` are as in `Opening`.
    """

    doc = models.UUIDField()
    seq = models.PositiveIntegerField()
    name = models.CharField(max_length=40)
    entry = models.BinaryField()
    fields = models.JSONField()
    aside_at = models.DateTimeField()


# What follows is public and names no person: whose keys watch which log, and what they signed.
# It belongs to logs, by their origin, and no complex has to be entered to read it.


class Party(models.TextChoices):
    """On whose behalf a witness watches. The operator's own would prove nothing against it."""

    COMPLEX = "complex", "단지"
    CITY = "city", "시·군·구"
    OUTSIDER = "outsider", "그 밖의 기관"


class Witness(models.Model):
    """Somebody else who follows our logs and cosigns their heads (확인 기관).

    `name` is the name of its key, `label` what people call it; `vkey` as a policy writes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.CharField(max_length=200, unique=True)
    label = models.CharField(max_length=100)
    party = models.CharField(max_length=10, choices=Party)
    vkey = models.TextField(unique=True)
    url = models.CharField(max_length=300, blank=True)  # where it is asked; without, it asks us
    # Whose log it follows; without, every log here and the log of logs.
    complex = models.ForeignKey(Complex, models.PROTECT, null=True, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("party", "name")

    def __str__(self) -> str:
        return self.label


class WitnessProposal(ComplexScoped):
    """A witness (확인 기관) that whoever runs the server entered for a complex, as in `Witness`; it
    follows nothing before an officer of the complex has confirmed it.
    """

    label = models.CharField(max_length=100)
    party = models.CharField(max_length=10, choices=Party)
    vkey = models.TextField()
    url = models.CharField(max_length=300, blank=True)
    proposed_at = models.DateTimeField()

    class Meta:
        ordering = ("proposed_at", "id")


class WitnessAnswer(ComplexScoped):
    """What an officer answered about a witness. Once, and never rewritten."""

    proposal = ScopedForeignKey(WitnessProposal, models.PROTECT, related_name="answers")
    is_confirmed = models.BooleanField()
    officer = ScopedForeignKey("accounts.Officeholder", models.PROTECT, related_name="+")
    answered_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["complex", "proposal_id"], name="witness_answered_once"
            ),
        )


class Cosignature(models.Model):
    """A witness's signature under a head: at `time` this was the largest tree it had seen.

    `line` is the signature line of the note, without its line feed.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    witness = models.ForeignKey(Witness, models.PROTECT, related_name="cosignatures")
    origin = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    root = models.BinaryField()
    time = models.DateTimeField()
    line = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["origin", "size", "witness", "time"], name="cosignature_once"
            ),
        )


class ConfirmedHead(models.Model):
    """A head on which the policy of its log agreed (확정); `note` is signed by all of them."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    origin = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    root = models.BinaryField()
    note = models.BinaryField()
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["origin", "size", "confirmed_at"], name="confirmed_head_once"
            ),
        )


class Collection(models.Model):
    """The log of logs (모음 장부) and its newest head, like `Log`."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    origin = models.CharField(max_length=200, unique=True)
    size = models.PositiveBigIntegerField(default=0)
    root = models.BinaryField()
    checkpoint = models.BinaryField()


class CollectedHead(models.Model):
    """A leaf of the log of logs: a complex's signed head, as it was published."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    collection = models.ForeignKey(Collection, models.PROTECT, related_name="heads")
    index = models.PositiveBigIntegerField()
    origin = models.CharField(max_length=200)  # of the collected head
    size = models.PositiveBigIntegerField()
    note = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["collection", "index"], name="collected_index_once"),
        )
        indexes = (models.Index(fields=["origin", "-index"], name="collected_by_origin"),)


class Stamp(models.Model):
    """A time stamp (RFC 3161) of a day over a head of the log of logs (시각 도장).

    `token` is the authority's whole answer (TimeStampResp) over SHA-256 of `note`, in DER.
    """

    day = models.DateField(primary_key=True)
    origin = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    note = models.BinaryField()
    token = models.BinaryField()
    stamped_at = models.DateTimeField()


class TroubleKind(models.TextChoices):
    """What can be wrong with a log, in the words of the office."""

    FROZEN = "frozen", "봉인이 멈추었습니다"
    WAITING = "waiting", "봉인이 기다립니다"
    SILENT = "silent", "확인 기관의 답이 없습니다"
    DISAGREES = "disagrees", "확인 기관의 장부가 다릅니다"
    FOUND = "found", "점검에서 맞지 않는 것이 나왔습니다"


class Trouble(models.Model):
    """Something wrong with a log, from `since` until it is over; whoever runs it is told once.

    `subject` tells apart what can be wrong at the same time, such as the name of a witness.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    origin = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=TroubleKind)
    subject = models.CharField(max_length=200, blank=True)
    sentence = models.TextField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-since",)
        constraints = (
            models.UniqueConstraint(
                fields=["origin", "kind", "subject"],
                condition=Q(until__isnull=True),
                name="trouble_open_once",
            ),
        )
