"""Publishing forms."""

from django.db import transaction

from danji.base import files
from danji.formbook.definition import builtin_forms
from danji.formbook.models import Form
from danji.rules.refusal import Refusal


@transaction.atomic
def publish_builtin_forms() -> None:
    """Publish the forms Danji brings, each version once; readers find them by their digest.

    Raises: Refusal when a published version was changed: a change needs a new version.
    """
    for definition in builtin_forms():
        form, _ = Form.objects.get_or_create(
            key=definition.key,
            version=definition.version,
            defaults={"definition": definition.canonical, "sha256": definition.sha256},
        )
        files.put(definition.canonical)
        if form.sha256 != definition.sha256:
            raise Refusal(
                f"서식 {definition.title} {definition.version}판은 이미 쓰이고 있습니다.",
                next_step="판 번호를 올려 새 판으로 내 주세요.",
            )
