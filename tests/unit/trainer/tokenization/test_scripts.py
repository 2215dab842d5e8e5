"""A text of every script that has living languages: nothing unknown, no letter or joiner lost.

The declarations are fetched by `python tools/udhr.py`.
"""

import os
import unicodedata
from collections import Counter

import pytest
from transformers import PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft_trainer.data.clean import Cleaner
from lingraft_trainer.data.script import ScriptCheck, expected_scripts, script_of
from lingraft_trainer.tokenization.normalize import folded
from lingraft_trainer.tokenization.special import default_special_tokens
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.texts import JOINERS
from tools.udhr import Missing, declarations

SPECIAL = default_special_tokens()
Texts = dict[str, tuple[str, list[str]]]


@pytest.fixture(scope="module")
def texts() -> Texts:
    """Name to language and clean paragraphs."""
    try:
        found = declarations()
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    clean = Cleaner(SPECIAL.ids)
    return {name: (lang, [clean(text) for text in raw]) for name, (lang, raw) in found.items()}


@pytest.fixture(scope="module")
def of_scripts(texts: Texts) -> Texts:
    """Of each script the first text, and every text with a joiner in it."""
    found: Texts = {}
    for name, (language, paragraphs) in sorted(texts.items()):
        whole = "".join(paragraphs)
        scripts = Counter(script for char in whole if (script := script_of(char)) is not None)
        (script, _), *_ = scripts.most_common(1)
        key = name if any(joiner in whole for joiner in JOINERS) else script
        found.setdefault(key, (language, paragraphs))
    assert len(found) > 45
    return found


def lasting(text: str) -> list[str]:
    """Its letters, marks, digits and joiners, as NFC and with other looks folded."""
    plain = unicodedata.normalize("NFC", "".join(folded().get(char, char) for char in text))
    return [c for c in plain if unicodedata.category(c)[0] in "LMN" or c in JOINERS]


def nothing_is_lost(tokenizer: PreTrainedTokenizerBase, paragraphs: list[str]) -> None:
    read = tokenizer.backend_tokenizer.normalizer.normalize_str  # type: ignore[attr-defined]
    for text, ids in zip(paragraphs, tokenizer(paragraphs)["input_ids"], strict=True):
        assert tokenizer.unk_token_id not in ids, text
        assert lasting(read(text)) == lasting(text)
        assert tokenizer.decode(ids, skip_special_tokens=True) == read(text).removeprefix(" ")


def test_each_script_with_a_tokenizer_of_its_own(of_scripts: Texts) -> None:
    for language, paragraphs in of_scripts.values():
        with pytest.raises(UserError) as caught:
            train_tokenizer(
                paragraphs, type="unigram", vocab_size=20_000, template=SPECIAL, language=language
            )
        most = int(caught.value.message.split("set at most ")[1].split(",")[0])
        tokenizer = train_tokenizer(
            paragraphs, type="unigram", vocab_size=most, template=SPECIAL, language=language
        )
        nothing_is_lost(tokenizer, paragraphs)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_all_scripts_with_a_tokenizer_of_few(texts: Texts, of_scripts: Texts, kind: str) -> None:
    few = [text for _, paragraphs in list(of_scripts.values())[::4] for text in paragraphs]
    tokenizer = train_tokenizer(few, type=kind, vocab_size=4000, template=SPECIAL)  # type: ignore[arg-type]
    for _, paragraphs in of_scripts.values():
        nothing_is_lost(tokenizer, paragraphs)
    for _, paragraphs in texts.values():
        nothing_is_lost(tokenizer, paragraphs[-2:])


def test_every_language_has_its_scripts(texts: Texts) -> None:
    for name, (language, paragraphs) in texts.items():
        if language == "und":
            continue
        assert expected_scripts(language), f"{name}: {language}"
        check = ScriptCheck(language)
        for text in paragraphs:
            check.add(text)
        assert check.warning() is None, name
