"""Opening a record: whoever opens what is not for everybody, without a part in it, is noted."""

from datetime import datetime
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.approvals.models import Document
from danji.disclosure.endings import Tombstone, erased
from danji.disclosure.queries import DisclosedRecord, read_record, record_of
from danji.disposal.readings import note_reading
from danji.rules.disclosure import Scope


def open_record(
    reader: Officeholder, record_id: UUID, *, at: datetime, by_program: bool = False
) -> DisclosedRecord:
    """One record the reader may see; that it was opened is noted, unless everybody can read it.

    Raises: Record.DoesNotExist; Gone when it was erased.
    """
    shown = read_record(reader, record_id)
    if not is_for_everybody(shown):
        note_reading(shown.record.doc, reader=reader, at=at, by_program=by_program)
    return shown


def tombstone_for(document: Document, reader: Officeholder) -> Tombstone:
    """What stands in the place of a document that was erased. Raises: ValueError for another."""
    if document.erased_at is None:
        raise ValueError(f"document {document.id} was not erased")
    record = record_of(reader, document.id)
    return erased(document.complex_id, document.id, document.erased_at, record)


def is_for_everybody(shown: DisclosedRecord) -> bool:
    """Whether a record stands on the public pages now."""
    return (
        shown.publication is not None
        and shown.publication.scope == Scope.PUBLIC
        and shown.withdrawal is None
    )
