"""Question answering: windows that miss nothing, spans without the space before a word."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForQuestionAnswering, PreTrainedTokenizerFast

from lingraft.formats.examples import Answer, Question
from lingraft_trainer.tasks.kinds import pad
from lingraft_trainer.tasks.qa import QuestionAnswering, _best_span, _token_span
from tests.support.bases import BASES, WORDS
from tests.support.tiny import SOURCE_WORDS, tiny_model, tiny_tokenizer

KIND = QuestionAnswering()


def question(answer: str, context: str, *, asked: str = "sat on") -> Question:
    return Question(answer, asked, context, (Answer(answer, context.index(answer)),))


def spaced_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """Unigram pieces that begin with their space, as XLM-R's and ours do."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    scored = [*((t, 0.0) for t in special), *((f"\u2581{w}", -1.0) for w in words)]
    backend = Tokenizer(models.Unigram(scored, unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", cls_token="<s>", sep_token="</s>"
    )


def text_of(window: dict[str, Any], tokenizer: Any) -> str:
    start, end = window["target"]
    return tokenizer.decode(window["input_ids"][start : end + 1]).strip()


def test_every_answer_lies_whole_in_some_window_and_others_point_at_token_0() -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    context = " ".join(["the cat sat", "on a mat and", "ran"] * 6 + ["big house"])
    features = KIND.encode([question("big house", context)], tokenizer, 20, ())
    assert len(features) > 2, "the context must take several windows"
    assert all(len(window["input_ids"]) <= 20 for window in features)
    found = [window for window in features if window["target"] != (0, 0)]
    assert found and all(text_of(window, tokenizer) == "big house" for window in found)
    # Every token of the context is in a window.
    seen = {number for window in features for number in window["input_ids"]}
    assert set(tokenizer(context)["input_ids"]) <= seen


def test_a_window_that_holds_half_an_answer_does_not_claim_it() -> None:
    offsets = [None, (0, 3), (4, 7), (8, 11)]
    assert _token_span(offsets, (0, 11), (4, 11)) == (2, 3)
    assert _token_span(offsets, (0, 11), (8, 15)) == (0, 0), "its end is in another window"
    assert _token_span(offsets[2:], (4, 11), (0, 7)) == (0, 0), "its start is in another window"
    assert _token_span(offsets, (0, 11), (20, 22)) == (0, 0)
    assert _token_span(offsets, (0, 11), (5, 6)) == (2, 2), "an answer in a token is that token"


def test_the_space_that_a_piece_includes_is_not_part_of_its_span() -> None:
    tokenizer = spaced_tokenizer(SOURCE_WORDS)
    context = "the cat sat on a mat"
    raw = tokenizer(context, return_offsets_mapping=True)["offset_mapping"]
    assert (3, 7) in [tuple(o) for o in raw], "its offsets include the space"
    [window] = KIND.encode([question("cat", context)], tokenizer, 32, ())
    start, end = window["target"]
    tokens = tokenizer.convert_ids_to_tokens(window["input_ids"])
    assert tokens[start : end + 1] == ["\u2581cat"]


@st.composite
def asked(draw: st.DrawFn) -> Question:
    """A question on a context of all scripts, and any part of it as the answer."""
    words = st.sampled_from([*WORDS, "\u200b", "\ufeff", "👩\u200d👧", "\ufdfa", "e\u0301"])
    spaces = st.sampled_from([" ", "  ", "\t", "\n ", "\u3000"])
    parts = draw(st.lists(st.tuples(words, spaces), min_size=2, max_size=60))
    context = "".join(word + space for word, space in parts)
    start = draw(st.integers(0, len(context) - 1))
    text = context[start : start + draw(st.integers(1, 25))]
    start, text = start + len(text) - len(text.lstrip()), text.strip()
    assume(text)
    long = draw(st.lists(words, min_size=1, max_size=80))
    return Question("", " ".join(long), context, (Answer(text, start),))


TOKENIZERS = {name: make() for name, make in BASES.items()}


@settings(deadline=None, max_examples=80)
@given(row=asked(), name=st.sampled_from(list(TOKENIZERS)), length=st.integers(16, 96))
def test_windows_miss_no_token_and_targets_are_the_answer(
    row: Question, name: str, length: int
) -> None:
    tokenizer: Any = TOKENIZERS[name]
    windows = list(KIND._windows(row, tokenizer, length))
    assert all(len(window["input_ids"]) <= length for window, _ in windows)
    whole = tokenizer(row.context, add_special_tokens=False, return_offsets_mapping=True)
    spans = [tuple(o) for o in whole["offset_mapping"]]
    held = [[tuple(o) for o in offsets if o is not None] for _, offsets in windows]
    seen = set().union(*held)
    assert set(spans) == seen, "every token of the context is in a window, and nothing else"
    start = row.answers[0].start or 0
    end = start + len(row.answers[0].text)
    wanted = [span for span in spans if span[0] < end and span[1] > start]
    targets = [feature["target"] for feature in KIND.encode([row], tokenizer, length, ())]
    assert len(targets) == len(windows)
    for (first, last), (_, offsets) in zip(targets, windows, strict=True):
        if (first, last) != (0, 0):
            assert {tuple(o or ()) for o in offsets[first : last + 1]} == set(wanted)
    shared = min(len(set(a) & set(b)) for a, b in pairwise(held)) if len(held) > 1 else len(spans)
    if wanted and len(wanted) <= shared:
        assert any(target != (0, 0) for target in targets), "no window holds it"


def test_a_question_is_cut_so_that_the_context_has_room() -> None:
    row = question("big house", "the cat " * 30 + "big house", asked="sat on " * 200)
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    features = KIND.encode([row], tokenizer, 40, ())
    assert all(len(feature["input_ids"]) <= 40 for feature in features)
    assert any(feature["target"] != (0, 0) for feature in features)


class Pointing(torch.nn.Module):
    """A model that is sure of one pair of tokens, in windows that contain a given id."""

    device = torch.device("cpu")

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.wanted = wanted

    def forward(self, input_ids: torch.Tensor, **others: torch.Tensor) -> Any:
        hits = (input_ids == self.wanted).float() * 5.0

        class Output:
            start_logits = hits
            end_logits = hits

        return Output()


@pytest.mark.parametrize("make", [lambda w: tiny_tokenizer("roberta", w), spaced_tokenizer])
def test_predictions_are_the_context_s_own_characters(make: Any) -> None:
    tokenizer = make(SOURCE_WORDS)
    context = "  ".join(["the cat sat on a mat"] * 4 + ["saw house"])
    rows = [question("house", context), question("mat", context, asked="ran")]
    model: Any = Pointing(tokenizer("house", add_special_tokens=False)["input_ids"][-1])
    scores = KIND.evaluate(model, tokenizer, rows, 16, "en")
    assert scores.predictions[0]["prediction"] == "house"
    assert scores.per_example == {"exactMatch": [1.0, 0.0], "f1": [1.0, 0.0]}
    assert scores.totals == {"exactMatch": 0.5, "f1": 0.5}


class Drawn(torch.nn.Module):
    """A model whose logits are random, and the same for the same tokens however padded."""

    device = torch.device("cpu")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> Any:
        class Output:
            start_logits = torch.full(input_ids.shape, -100.0)
            end_logits = torch.full(input_ids.shape, -100.0)

        for row, (ids, mask) in enumerate(zip(input_ids, attention_mask, strict=True)):
            starts, ends = drawn(ids[mask.bool()].tolist())
            Output.start_logits[row, : len(starts)] = torch.from_numpy(starts)
            Output.end_logits[row, : len(ends)] = torch.from_numpy(ends)
        return Output


def drawn(ids: list[int]) -> np.ndarray:
    """Start and end logits of a window, [2, S]."""
    return np.random.default_rng(ids).normal(size=(2, len(ids))).astype(np.float32)


def answered(row: Question, tokenizer: Any, length: int, stride: int) -> str:
    """What transformers' run_qa answers, by its description.

    Windows of the context alone are cut; of each the 20 best starts meet the 20 best ends, in the
    context, in order and of 30 tokens at most; the best sum of all windows is the answer.
    """
    encoded = tokenizer(
        row.question.lstrip(),
        row.context,
        truncation="only_second",
        max_length=length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    best: tuple[float, str] = (-np.inf, "")
    for i, ids in enumerate(encoded["input_ids"]):
        starts, ends = drawn(ids)
        places, sides = encoded["offset_mapping"][i], encoded.sequence_ids(i)
        for s, e in product(np.argsort(-starts)[:20], np.argsort(-ends)[:20]):
            if sides[s] == sides[e] == 1 and s <= e < s + 30:
                text = row.context[places[s][0] : places[e][1]]
                best = max(best, (float(starts[s] + ends[e]), text), key=lambda one: one[0])
    return best[1].strip()


@pytest.mark.parametrize("name", list(TOKENIZERS))
def test_random_logits_give_the_answers_of_run_qa(name: str) -> None:
    tokenizer: Any = TOKENIZERS[name]
    chance = random.Random(5)
    rows = [
        question(word, f"{' '.join(chance.choices(WORDS, k=size))} {word}", asked=asked)
        for size in (5, 60, 400)
        for word, asked in (("kitabu", "  nyumba kubwa leo"), ("maji", "habari ya asubuhi?"))
    ]
    model: Any = Drawn()
    for length, stride in ((384, 128), (96, 32)):
        scores = KIND.evaluate(model, tokenizer, rows, length, "en")
        expected = [answered(row, tokenizer, length, stride) for row in rows]
        assert [one["prediction"] for one in scores.predictions] == expected
        assert len(list(KIND._windows(rows[-1], tokenizer, length))) > 3


def test_equal_ids_are_two_questions() -> None:
    """MLQA's ids are equal in all languages, and those of SQuAD's shards may be."""
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    rows = [
        replace(question("house", "the cat saw house"), id="same"),
        replace(question("mat", "the dog sat on a mat"), id="same"),
    ]
    model: Any = Pointing(tokenizer("house", add_special_tokens=False)["input_ids"][-1])
    scores = KIND.evaluate(model, tokenizer, rows, 16, "en")
    assert scores.per_example["exactMatch"] == [1.0, 0.0]
    assert [one["id"] for one in scores.predictions] == ["same", "same"]
    again = KIND.evaluate(model, tokenizer, rows[::-1], 16, "en")
    assert again.per_example["exactMatch"] == [0.0, 1.0]


def test_the_loss_of_a_padded_batch_is_the_sum_of_its_windows() -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    config = tiny_model("roberta", layers=2, vocabulary=len(tokenizer)).config
    config.initializer_range = 0.5  # so that padding's logits are not next to 0
    torch.manual_seed(2)
    model = AutoModelForQuestionAnswering.from_config(config).eval()
    rows = [question("cat", "the cat " + "on a mat " * i) for i in range(1, 4)]
    windows = KIND.encode(rows, tokenizer, 32, ())
    assert len({len(window["input_ids"]) for window in windows}) == 3
    together = KIND.loss(model, pad(windows, tokenizer, 32))
    alone = sum(KIND.loss(model, pad([window], tokenizer, 32)) for window in windows)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_the_best_span_is_ordered_short_and_in_the_context() -> None:
    context = "aa bb cc"
    offsets = [None, (0, 2), (3, 5), (6, 8), None]
    start = torch.tensor([9.0, 0.0, 1.0, 3.0, 0.0])
    end = torch.tensor([9.0, 5.0, 1.0, 0.5, 8.0])
    # By hand: (1,1)=5.0 beats (2,2)=2.0, (3,3)=3.5, (1,2)=1.0; token 0 and 4 are outside.
    assert _best_span(start, end, offsets, context) == (5.0, "aa")
    assert _best_span(start, end, [None] * 5, context) is None
