"""What a document says is read the same in whichever version of the layout it was written."""

import json
from hashlib import sha256

from danji.approvals.models import Document
from danji.approvals.queries import document_for
from danji.web.sign import pages
from danji_verify.canonical import canonical
from papers import submit

SINCE_2 = ("follows", "readers", "notes")


def test_a_document_of_version_1_opens_by_its_link(bookkeeper, chief, manager, alter, at):
    document = submit(bookkeeper, at)
    content = json.loads(bytes(document.content)) | {"v": 1}
    for key in SINCE_2:
        del content[key]
    for place in content["line"]:
        del place["stage"], place["basis"], place["skipped"]
    data = canonical(content)
    alter(
        "UPDATE approvals_document SET content = %s, digest = %s",
        data,
        sha256(data).hexdigest(),
    )
    shown = Document.objects.get().parsed_content()
    assert [shown[key] for key in SINCE_2] == [None, [], []]
    assert [place["stage"] for place in shown["line"]] == [1, 2, 3]
    opened = document_for(chief, document.id, on=at.date())
    page = pages.by_link(opened, chief, "token", on=at.date(), log_in=None)
    assert page["notes"] == []
