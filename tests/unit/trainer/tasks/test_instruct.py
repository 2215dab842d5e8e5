"""Instruction tuning learns answers alone: as transformers' labels have it, in the base's frame."""

from typing import Any

import pytest
import torch

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft.formats import Instruction, Turn
from lingraft_trainer.models.family import freeze_vocabulary
from lingraft_trainer.tasks.features import IGNORED, with_padding
from lingraft_trainer.tasks.instruct import InstructionTuning
from lingraft_trainer.tasks.kinds import TaskObjective, kind_of, pad
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.causal import BASES
from tests.support.tiny import CAUSAL_TYPES, SOURCE_WORDS, tiny_model, tiny_tokenizer

KIND = InstructionTuning()


def asked(prompt: str, completion: str, *before: Turn) -> Instruction:
    return Instruction((*before, Turn("user", prompt)), completion)


ROWS = [
    asked("the cat sat on", " a mat"),
    asked("dog", " ran and saw the sea"),
    asked("a big red old house", " tree"),
]


@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_loss_and_gradients_are_those_of_labels_in_transformers(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    features = KIND.encode(ROWS, tokenizer, 24, ())
    batch = pad(features, tokenizer, 24)
    count = sum(one["count"] for one in features)
    tied = model_type not in ("olmo2", "qwen2")
    found: list[tuple[float, dict[str, Any]]] = []
    for ours in (True, False):
        model: Any = tiny_model(model_type, vocabulary=len(tokenizer), tied=tied)
        freeze_vocabulary(model)
        if ours:
            loss = TaskObjective(model, KIND, 24)(batch) / count
        else:
            # Without the token before: transformers shifts labels itself.
            loss = model(**batch.inputs, labels=batch.targets).loss
        loss.backward()
        gradients = {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        found.append((float(loss), gradients))
        own = [p for p in (model.get_input_embeddings(), model.get_output_embeddings())]
        assert all(one.weight.grad is None for one in own)
    (loss, gradients), (theirs, wanted) = found
    assert loss == pytest.approx(theirs, rel=1e-5)
    assert gradients.keys() == wanted.keys() and gradients
    for name, gradient in wanted.items():
        torch.testing.assert_close(gradients[name], gradient, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("name", BASES)
def test_the_answer_is_what_the_template_puts_behind_the_prompt(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokenizer = load_base_tokenizer(BASES[name]().write(tmp_path_factory.mktemp(name)))
    before = (Turn("system", "Be short."), Turn("user", "Hm?"), Turn("assistant", "Yes."))
    rows = [asked("When did the ferry leave?", "At 7:40, é."), asked("Why?", "Rain.", *before)]
    for row, feature in zip(rows, KIND.encode(rows, tokenizer, 200, ()), strict=True):
        ids, target = feature["input_ids"], feature["target"]
        told = [token for token in target if token != IGNORED]
        assert feature["count"] == len(told) and ids[-len(told) :] == told
        assert target[: -len(told)] == [IGNORED] * (len(ids) - len(told))
        answer = str(tokenizer.decode(told, skip_special_tokens=True))
        # Qwen's prompt begins a thought, which is ended first.
        assert answer.strip() == "</think>\n\n" * (name == "qwen") + row.completion
        if tokenizer.chat_template is None:
            assert told[-1] == tokenizer.eos_token_id and ids[0] == tokenizer.bos_token_id
            continue
        talk = [turn._asdict() for turn in row.turns]
        whole: Any = tokenizer.apply_chat_template(
            [*talk, {"role": "assistant", "content": row.completion}], return_dict=False
        )
        assert name == "qwen" or ids == whole
        start: Any = tokenizer.apply_chat_template(
            talk, add_generation_prompt=True, return_dict=False
        )
        assert start == ids[: len(ids) - len(told)]


def test_what_is_too_long_loses_its_end_and_nothing_is_told_of_prompts_alone() -> None:
    tokenizer = tiny_tokenizer("llama", SOURCE_WORDS)
    rows = [asked("cat " * 30, "dog"), asked("cat", " dog sat" * 10)]
    (feature,) = KIND.encode(rows, tokenizer, 16, ())
    assert len(feature["input_ids"]) == 16 and feature["count"] == 14
    with pytest.raises(UserError, match="no prompt leaves room for an answer within 16") as caught:
        KIND.encode(rows[:1], tokenizer, 16, ())
    assert caught.value.where == "spec.tasks[].maxLength"
    scores = KIND.evaluate(
        tiny_model("llama", vocabulary=len(tokenizer)), tokenizer, rows, 16, "en"
    )
    assert [one["tokens"] for one in scores.predictions] == [0, 14]
    assert len(scores.quotients["loss"][0]) == len(rows)


@pytest.mark.parametrize("model_type", ["llama", "gemma2"])
def test_scores_are_the_loss_of_a_token_and_bits_of_a_byte(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model: Any = tiny_model(model_type, vocabulary=len(tokenizer))
    scores = kind_of("instruction").evaluate(model, tokenizer, ROWS, 24, "en")
    features = KIND.encode(ROWS, tokenizer, 24, ())
    with torch.no_grad():
        nats = float(KIND.loss(model, pad(features, tokenizer, 24)))
    tokens = sum(one["count"] for one in features)
    assert scores.totals["loss"] == pytest.approx(nats / tokens, rel=1e-5)
    in_bytes = sum(len(row.completion.encode()) for row in ROWS)
    bits = nats / torch.tensor(2.0).log().item()
    assert scores.totals["bitsPerByte"] == pytest.approx(bits / in_bytes, rel=1e-5)
    assert family_of(model_type).causal


def test_a_template_that_refuses_a_conversation_is_told_of() -> None:
    tokenizer = with_padding(tiny_tokenizer("llama", SOURCE_WORDS))
    tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(UserError, match=r"refuses a conversation \(System role not supported"):
        KIND.encode(ROWS, tokenizer, 24, ())


def test_bits_of_an_answer_that_is_cut_are_of_what_is_left() -> None:
    """Or the shorter the better: the same bytes would be paid by fewer tokens."""
    tokenizer = tiny_tokenizer("llama", SOURCE_WORDS)
    model: Any = tiny_model("llama", vocabulary=len(tokenizer))
    rows = [asked("the cat", " sat on a mat" * 12)]
    whole, *cut = (
        KIND.evaluate(model, tokenizer, rows, length, "en").predictions[0]
        for length in (90, 30, 20)
    )
    assert whole["bytes"] == 13 * 12 > cut[0]["bytes"] > cut[1]["bytes"] > 0
    for one in cut:
        said = whole["bytes"] / whole["tokens"]
        assert one["bytes"] / one["tokens"] == pytest.approx(said, rel=0.2)


def test_a_message_stands_on_a_line_of_its_own_where_there_is_no_template() -> None:
    tokenizer = tiny_tokenizer("llama", SOURCE_WORDS)
    assert tokenizer.chat_template is None
    row = Instruction((Turn("user", "the cat"),), "sat", is_message=True)
    (feature,) = KIND.encode([row], tokenizer, 60, ())
    plain = tokenizer("the cat\nsat", add_special_tokens=False)["input_ids"]
    assert feature["input_ids"][-1 - len(plain) : -1] == plain
