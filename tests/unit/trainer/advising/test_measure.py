"""What is measured of a real text by real tokenizers, trained on it here."""

from pathlib import Path
from typing import Any

import pytest

from lingraft.advice import advise
from lingraft.errors import UserError
from lingraft.planning import plan_resource
from lingraft.resource import LanguageAdaptation
from lingraft_trainer.advising import measure as measuring
from lingraft_trainer.advising.measure import bits_of_words, chosen, fit, measure, spelled
from lingraft_trainer.data.text_file import TextFile
from lingraft_trainer.embeddings.surface import surfaces
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.newer_bases import eurobert
from tests.support.tiny import reading_base, tiny_model, tiny_tokenizer
from tests.support.world import resource_of, write_world


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_world(tmp_path / "texts")


def resource(texts: Path, base: Path, **changes: Any) -> LanguageAdaptation:
    given: dict[str, Any] = resource_of(
        "Standard",
        texts.as_uri() + "/",
        (texts.parent / "store").as_uri() + "/",
        base=base.as_uri() + "/",
    ).model_dump(by_alias=True, exclude_unset=True)
    given["spec"] |= changes
    return LanguageAdaptation.model_validate(given)


def test_a_base_that_lacks_the_words_of_a_text(texts: Path, tmp_path: Path) -> None:
    base = reading_base("bert", texts / "en.txt", tmp_path / "base")
    one = resource(texts, base)
    found = measure(one.spec, plan_resource(one))
    size = (texts / "fr.txt").stat().st_size
    assert found.text_bytes == found.read_bytes == size
    assert (found.language, found.causal, found.method) == ("fr", False, "Standard")
    assert found.script == 1.0 and found.duplicates == 0
    assert found.base.unknown > 0.3 and found.new.unknown == 0
    assert found.knows is None, "what is unknown is easy to tell"
    assert 0 < found.shared < found.new.tokens and 0 < found.spelled < 1
    assert found.flops == found.flops_standard > 0
    advice = advise(found)
    assert advice.verdict == "more" and advice.missing_bytes > 3_000_000
    assert "cannot read this text" in advice.reasons[0]
    assert not (texts.parent / "store").exists(), "it writes nothing"


def test_a_causal_base_that_reads_bytes(texts: Path, tmp_path: Path) -> None:
    tokenizer: Any = eurobert()
    base = tmp_path / "base"
    model = tiny_model("llama", vocabulary=len(tokenizer))
    for role in ("pad", "bos", "eos"):
        setattr(model.config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    train = {"train": {"type": "bpe", "vocabSize": 320}}
    one = resource(texts, base, tasks=[], tokenizer=train)
    found = measure(one.spec, plan_resource(one))
    assert found.causal and found.base.unknown == found.new.unknown == 0
    assert found.longer > 1.1 and found.spelled == 1
    assert found.knows is not None and found.knows > 1, "it was never trained"
    assert advise(found).init == "mean"


def test_duplicates_and_the_wrong_script_are_found(texts: Path, tmp_path: Path) -> None:
    base = reading_base("bert", texts / "en.txt", tmp_path / "base")
    french = (texts / "fr.txt").read_text()
    (texts / "fr.txt").write_text(f"{french}\n\n{french}")
    one = resource(texts, base, language="ru")
    found = measure(one.spec, plan_resource(one))
    assert found.duplicates == pytest.approx(0.5) and found.script == 0
    assert advise(found).verdict == "look"


def test_a_text_that_is_no_text_is_refused(texts: Path, tmp_path: Path) -> None:
    base = reading_base("bert", texts / "en.txt", tmp_path / "base")
    (texts / "fr.txt").write_text(" \n\n ")
    one = resource(texts, base)
    with pytest.raises(UserError, match="no text in"):
        measure(one.spec, plan_resource(one))


def test_a_tokenizer_that_lacks_the_words_says_so(texts: Path, tmp_path: Path) -> None:
    reading_base("bert", texts / "en.txt", tmp_path / "base")
    english = load_base_tokenizer(tmp_path / "base")
    own = [line for line in (texts / "en.txt").read_text().split("\n\n")]
    words = tiny_tokenizer("bert", ["the", "boat"])
    assert fit(words, own).unknown > 0.5 and fit(english, own).unknown < 0.01
    assert fit(english, own).bytes_per_token > 1
    assert spelled(surfaces(english), english) == 1
    assert spelled(surfaces(english), words) < 0.1
    assert spelled({}, words) == 0


def test_bits_of_words_are_their_entropy() -> None:
    words = tiny_tokenizer("bert", ["a", "b"])
    assert bits_of_words(words, ["a b", "b a"]) == pytest.approx(4 / 6)  # 4 bits in 6 bytes
    assert bits_of_words(words, ["a a"]) == 0


def test_of_a_large_corpus_files_from_all_over_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [TextFile(f"/{n}", str(n), "text", None, 10) for n in range(100)]
    assert chosen(files) == files
    monkeypatch.setattr(measuring, "MOST_READ", 105)
    assert [file.name for file in chosen(files)] == [str(n) for n in range(0, 100, 10)]
    monkeypatch.setattr(measuring, "MOST_READ", 5)
    assert len(chosen(files)) == 1
