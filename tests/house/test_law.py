"""The page that leads from the law to the code is as the code says."""

from danji.config.lawbook import PAGE, write_page


def test_the_page_of_the_law_is_current():
    assert PAGE.read_text(encoding="utf-8") == write_page(), "run: python -m danji.config.lawbook"


def test_every_rule_of_law_leads_to_a_test():
    rows = [row for row in write_page().splitlines() if "/rules/" in row]
    assert rows
    assert [row for row in rows if row.endswith("| – |")] == []
