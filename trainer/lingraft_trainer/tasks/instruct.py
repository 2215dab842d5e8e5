"""Instruction tuning: the answers alone are learned, in the frame that the base answers in.

A base with a chat template reads prompts and answers through it; one without reads them as they
are, one behind the other, then the token that ends a text. As TRL cuts them, and as transformers'
`labels` of -100 on the prompt score them.
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft.formats import Instruction, TaskRow
from lingraft_trainer.tasks.answered import answered
from lingraft_trainer.tasks.branches import Encoded
from lingraft_trainer.tasks.features import IGNORED
from lingraft_trainer.tasks.kinds import Scores, TaskBatch, unknown_rate
from lingraft_trainer.tasks.likelihood import log_likelihoods
from lingraft_trainer.tokenization.frame import around
from lingraft_trainer.training.lm import language_loss


class InstructionTuning:
    """Fine-tunes `AutoModelForCausalLM`."""

    auto_class = AutoModelForCausalLM
    selects_by = "loss"

    def config(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Nothing: the model is as it was."""
        return {}

    def encode(
        self,
        rows: Sequence[TaskRow],
        tokenizer: Tokenizer,
        max_length: int,
        labels: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        """One feature an answer: `target` has its tokens at their places, `count` is how many.

        Raises:
            UserError: No prompt leaves room for an answer.
        """
        found = [
            {
                "input_ids": [*before, *answer],
                "attention_mask": [1] * (len(before) + len(answer)),
                "target": [IGNORED] * len(before) + answer,
                "count": len(answer),
            }
            for before, answer in _encoded(rows, tokenizer, max_length)
            if answer
        ]
        if not found:
            raise UserError(
                f"no prompt leaves room for an answer within {max_length} tokens: raise it",
                where="spec.tasks[].maxLength",
            )
        return found

    def loss(self, model: PreTrainedModel, batch: TaskBatch) -> Tensor:
        """Cross-entropy of the answers' tokens."""
        told = batch.targets[:, 1:]
        body: Any = model.base_model
        hidden_BSH = body(**batch.inputs, use_cache=False).last_hidden_state
        # Inputs may have been padded further than the targets.
        hidden_MH = hidden_BSH[:, : told.shape[1]][told != IGNORED]
        family = family_of(model.config.model_type)
        return language_loss(model, family, hidden_MH, told[told != IGNORED])

    @torch.no_grad()
    def evaluate(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        rows: Sequence[TaskRow],
        max_length: int,
        language: str,
    ) -> Scores:
        """Loss of a token, and bits of a byte of the answers, which compare vocabularies.

        Both count the tokens that end an answer, and of one that is cut what is left of it.
        """
        texts = _encoded(rows, tokenizer, max_length)
        read = [i for i, one in enumerate(texts) if one.continuation]
        nats, said = [0.0] * len(texts), [texts[i] for i in read]
        family = family_of(model.config.model_type)
        for i, score in zip(
            read, log_likelihoods(model.eval(), family, said, max_length), strict=True
        ):
            nats[i] = -score
        tokens = [float(len(one.continuation)) for one in texts]
        lengths = [
            float(_bytes_read(row.completion, one, tokenizer, max_length))
            for row, one in zip(_instructions(rows), texts, strict=True)
        ]
        quotients = {
            "bitsPerByte": ([one / math.log(2) for one in nats], lengths),
            "loss": (nats, tokens),
        }
        return Scores(
            per_example={},
            totals={name: sum(above) / sum(below) for name, (above, below) in quotients.items()},
            quotients=quotients,
            predictions=[
                {"nats": round(one, 4), "tokens": int(count), "bytes": int(length)}
                for one, count, length in zip(nats, tokens, lengths, strict=True)
            ],
            unknown_rate=unknown_rate(
                [{"input_ids": one.continuation} for one in texts], tokenizer
            ),
        )


def _instructions(rows: Sequence[TaskRow]) -> list[Instruction]:
    return [row for row in rows if isinstance(row, Instruction)]


def _encoded(rows: Sequence[TaskRow], tokenizer: Tokenizer, max_length: int) -> list[Encoded]:
    """What is asked and the answer, in tokens; what is too long loses its end.

    An answer may be empty then: nothing is told of it.
    """
    texts = _texts(rows, tokenizer)
    begins = [] if tokenizer.chat_template else around(tokenizer)[0]
    # Without a template, which says it, the end of a text is the answer's.
    ends = [] if tokenizer.chat_template else [cast(int, tokenizer.eos_token_id)]
    asked, wholes, behind = (
        _in_tokens(side, tokenizer)
        for side in ([a for a, _ in texts], [a + b for a, b in texts], [b for _, b in texts])
    )
    apart = tokenizer.chat_template is not None and tokenizer.tokenize("a") == ["a"]
    found: list[Encoded] = []
    for prompt, whole, answer in zip(asked, wholes, behind, strict=True):
        # A token that reaches over the end of the prompt is the answer's; but a conversation's
        # prompt stands as it is when a model answers.
        pairs = enumerate(zip(prompt, whole, strict=False))
        cut = next((i for i, (one, other) in pairs if one != other), len(prompt))
        told = whole[cut:]
        if cut < len(prompt) and apart:
            cut, told = len(prompt), answer
        read = [*begins, *prompt[:cut]][:max_length]
        found.append(Encoded(read, [*told, *ends][: max_length - len(read)]))
    return found


def _bytes_read(answer: str, read: Encoded, tokenizer: Tokenizer, max_length: int) -> int:
    """Bytes of what is left of an answer."""
    whole = len(answer.encode())
    if len(read.context) + len(read.continuation) < max_length:
        return whole
    left = str(tokenizer.decode(read.continuation, skip_special_tokens=True))
    return min(whole, len(left.rstrip("\ufffd").encode()))


def asked_in_tokens(rows: Sequence[TaskRow], tokenizer: Tokenizer) -> list[list[int]]:
    """What a model reads before each answer."""
    begins = [] if tokenizer.chat_template else around(tokenizer)[0]
    asked = _in_tokens([asked for asked, _ in _texts(rows, tokenizer)], tokenizer)
    return [[*begins, *ids] for ids in asked]


def _in_tokens(texts: list[str], tokenizer: Tokenizer) -> list[list[int]]:
    found: Any = tokenizer(texts, add_special_tokens=False, truncation=False)["input_ids"]
    return found


def _texts(rows: Sequence[TaskRow], tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """What is asked, and what stands behind it."""
    talks = tokenizer.chat_template is not None
    return [_talk(row, tokenizer) if talks else _plain(row) for row in _instructions(rows)]


def _plain(row: Instruction) -> tuple[str, str]:
    """A prompt and its answer, for a base that knows no conversations."""
    asked = "\n".join(turn.content for turn in row.turns) + "\n" * row.is_message
    return asked, row.completion


def _talk(row: Instruction, tokenizer: Tokenizer) -> tuple[str, str]:
    """A conversation up to where the answer begins, and the answer with what ends it.

    Raises:
        UserError: The template refuses it.
    """
    try:
        return answered(tokenizer, row.turns, row.completion)
    except UserError:
        raise
    except Exception as error:  # of many kinds, by the template
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"the base's chat template refuses a conversation ({reason}): it begins "
            f"{row.group[:60]!r}",
            where="spec.tasks[].train",
        ) from error
