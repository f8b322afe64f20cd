"""What the buttons and choices beside a draft's approval line (결재선) say.

| name | what it says |
| --- | --- |
| `line-add` | put the officer `line-add-officer` in for `line-add-act`, beside the one before when `line-add-beside` is on |
| `line-remove-2` | take out the third of those put in |
| `line-skip-chief` | why the chief is left out; blank when not |
| `readers-add`, `readers-remove-0` | show it to `readers-add-officer` as `readers-add-kind`, or not |
| `line-apply` | take the line kept as `line-template` |
| `line-keep` | keep this line as `line-name` |
| `line-forget` | throw away the line kept as `line-template` |
"""  # noqa: E501 - a table

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.approvals.habits import delete_line_template, save_line_template
from danji.approvals.models import LineTemplate
from danji.rules.refusal import Refusal

BUTTONS = ("add", "remove-", "apply", "keep", "forget")
_SKIP = "line-skip-"


def changed(
    line: Mapping[str, Any], post: Mapping[str, str], *, templates: Sequence[LineTemplate]
) -> dict[str, Any]:
    """What a draft keeps of its line (see `approvals.lines`), as the page says it shall be.

    Raises: Refusal when a button was pressed and nothing chosen.
    """
    if "line-apply" in post:
        return dict(_chosen(post, templates).line)
    added, readers = list(line.get("added", ())), list(line.get("readers", ()))
    added = [row for number, row in enumerate(added) if f"line-remove-{number}" not in post]
    readers = [row for number, row in enumerate(readers) if f"readers-remove-{number}" not in post]
    if "line-add" in post:
        added.append(
            {
                "act": post.get("line-add-act", ""),
                "officeholder": _officer(post, "line-add-officer"),
                "beside": "line-add-beside" in post,
            }
        )
    if "readers-add" in post:
        readers.append(
            {
                "kind": post.get("readers-add-kind", ""),
                "officeholder": _officer(post, "readers-add-officer"),
            }
        )
    skipped = {row["office"]: row["reason"] for row in line.get("skipped", ())}
    skipped |= {
        name.removeprefix(_SKIP): reason.strip()
        for name, reason in post.items()
        if name.startswith(_SKIP)
    }
    if not (added or readers or any(skipped.values()) or line):
        return {}
    return {
        "added": added,
        "skipped": [
            {"office": office, "reason": reason} for office, reason in skipped.items() if reason
        ],
        "readers": readers,
    }


def keep_templates(
    line: Mapping[str, Any], post: Mapping[str, str], *, actor: Officeholder, at: datetime
) -> None:
    """Keep this line under a name, or forget a kept one, as the page says."""
    if "line-keep" in post:
        save_line_template(post.get("line-name", ""), line, actor=actor, at=at)
    elif "line-forget" in post:
        delete_line_template(_uuid(post.get("line-template", "")), actor=actor, at=at)


def _chosen(post: Mapping[str, str], templates: Sequence[LineTemplate]) -> LineTemplate:
    wanted = _uuid(post.get("line-template", ""))
    for template in templates:
        if template.id == wanted:
            return template
    raise _nothing_chosen()


def _officer(post: Mapping[str, str], name: str) -> str:
    if not post.get(name):
        raise Refusal(
            "넣을 분을 고르지 않았습니다.", next_step="직책과 이름을 고른 뒤 다시 눌러 주세요."
        )
    return post[name]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _nothing_chosen() from None


def _nothing_chosen() -> Refusal:
    return Refusal(
        "저장해 둔 결재선을 고르지 않았습니다.", next_step="나의 결재선에서 하나를 골라 주세요."
    )
