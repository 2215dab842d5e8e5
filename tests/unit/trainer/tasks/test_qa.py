"""Question answering: windows that miss nothing, spans without the space before a word."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForQuestionAnswering, PreTrainedTokenizerFast

from lingraft.formats.examples import Answer, Question
from lingraft_trainer.tasks.kinds import pad
from lingraft_trainer.tasks.qa import QuestionAnswering, _best_span, _stripped, _token_span
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
    assert _token_span(offsets, 4, 11) == (2, 3)
    assert _token_span(offsets, 8, 15) == (0, 0), "its end is in another window"
    assert _token_span(offsets[2:], 0, 7) == (0, 0), "its start is in another window"
    assert _token_span(offsets, 20, 22) == (0, 0)
    assert _token_span(offsets, 5, 6) == (2, 2), "an answer inside a token is that token"


def test_the_space_that_a_piece_includes_is_not_part_of_its_span() -> None:
    assert _stripped((3, 7), "the cat") == (4, 7)
    assert _stripped((3, 4), "the cat") is None
    assert _stripped((0, 0), "the cat") is None
    tokenizer = spaced_tokenizer(SOURCE_WORDS)
    context = "the cat sat on a mat"
    raw = tokenizer(context, return_offsets_mapping=True)["offset_mapping"]
    assert (3, 7) in [tuple(o) for o in raw], "its offsets include the space"
    [window] = KIND.encode([question("cat", context)], tokenizer, 32, ())
    start, end = window["target"]
    tokens = tokenizer.convert_ids_to_tokens(window["input_ids"])
    assert tokens[start : end + 1] == ["\u2581cat"]


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
