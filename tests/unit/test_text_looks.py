# ruff: noqa: RUF001
"""A file that is no text is refused by its beginning, and text of any script is not."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import OutsideError
from lingraft.planning import plan_resource
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation
from lingraft.text_looks import fault_of, first_fault, text_mistakes
from tests.support.specs import spec_of

SENTENCES = {
    "ru": "Снег идёт с утра, и дороги пусты.",
    "hi": "सुबह से बर्फ़ गिर रही है।",
    "pa": "ਸਵੇਰ ਤੋਂ ਬਰਫ਼ ਪੈ ਰਹੀ ਹੈ",
    "ml": "രാവിലെ മുതൽ മഞ്ഞ് പെയ്യുന്നു",
    "th": "หิมะตกตั้งแต่เช้าและถนนว่าง",
    "am": "ከጠዋት ጀምሮ በረዶ እየጣለ ነው",
    "el": "Χιονίζει από το πρωί.",
    "he": "שלג יורד מאז הבוקר",
    "sw": "Theluji inaanguka tangu asubuhi.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_two_bytes_a_letter_without_a_mark_are_no_text_in_any_script(language: str) -> None:
    """Of Devanagari each is a tab, of Malayalam the end of a line: nobody is told otherwise."""
    text = f"{SENTENCES[language]}\n" * 30
    assert fault_of(text.encode(), lines=True) is None
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        fault = fault_of(text.encode(encoding), lines=True)
        assert fault is not None and fault.endswith("convert the file to UTF-8"), encoding


def lines_of(form: str) -> bytes:
    return "".join(form % number for number in range(40)).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "Theluji."}\n', "JSON: name it .jsonl"),
        (lines_of('{"text": "Theluji %d."}\n'), "JSON: name it .jsonl"),
        (lines_of("%d\tTheluji inaanguka.\n"), "2 columns with tabs"),
        (lines_of("Theluji\tNeige\t%d\r\n") + b"Theluji", "3 columns with tabs"),
        (json.dumps("Снег идёт").encode() * 9, "written as"),
        (gzip.compress(b"Theluji"), "gzip; name it .gz"),
        (b"PK\x03\x04", "a zip archive; unpack it"),
    ],
)
def test_what_can_be_read_and_is_no_text(content: bytes, said: str) -> None:
    assert said in str(fault_of(content, lines=True))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n\t\n" * 50,
        lines_of("{%d} in a text of code\n"),
        lines_of("\tindented %d\n"),
        lines_of("a%d\tb\n") + lines_of("a line %d\n"),
        b"one\ttwo\nthree\tfour\n",
        b"\\u0431 is a letter, and this is a sentence about it.\n" * 9,
    ],
)
def test_text_that_looks_a_little_like_it(content: bytes) -> None:
    assert fault_of(content, lines=True) is None


def test_rows_are_judged_by_whoever_reads_them() -> None:
    assert fault_of(b'{"text": "\\u0431\\u0431\\u0431"}\n', lines=False) is None


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=5)))
def test_text_is_text(lines: list[str]) -> None:
    assert fault_of("\n".join(f"a {line}" for line in lines).encode(), lines=True) is None


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "folder/a.txt"])
def test_validate_and_plan_look_at_texts_too(capsys, tmp_path: Path, name: str) -> None:
    content = lines_of("%d\tTheluji inaanguka.\n")
    text = tmp_path / name
    text.parent.mkdir(exist_ok=True)
    text.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    place = text.parent if "/" in name else text
    spec = spec_of(corpus={"uri": place.as_uri()})
    ((at, fault),) = text_mistakes(spec)
    assert at == ("spec", "corpus", "uri") and str(fault).startswith(f"{text}: its lines are a")
    resource = LanguageAdaptation.model_validate(
        {"metadata": {"name": "a"}, "spec": spec.model_dump(by_alias=True, exclude_unset=True)}
        | {"apiVersion": API_VERSION, "kind": KIND}
    )
    with pytest.raises(OutsideError, match=r"spec\.corpus\.uri: .*2 columns with tabs"):
        plan_resource(resource)


def test_what_is_not_there_others_tell_of(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(b"not gzip")
    for uri in ("file:///nothing/a.txt", "s3://a/b", (tmp_path / "a.txt.gz").as_uri()):
        assert first_fault(uri) is None
