"""docs/reference.md: fresh, whole, and a page that Markdown reads."""

from lingraft.crd.fields import find, walk
from tools.reference import PAGE, reference


def test_the_page_is_fresh():
    assert PAGE.read_text() == reference(), "run: make generate"


def test_every_field_of_a_spec_is_on_it():
    page = reference()
    for field in walk(find("spec")):
        owner, name = field.path.rpartition(".")[::2]
        section = page.split(f"\n## {owner}\n")[1].split("\n## ")[0]
        assert f"| `{name}` | {field.type}" in section


def test_tables_have_four_columns():
    rows = [line for line in reference().splitlines() if line.startswith("|")]
    assert len(rows) > 100
    assert all(row.replace("\\|", "").count("|") == 5 for row in rows)
