"""How likely a causal model finds a text behind another one, as lm-evaluation-harness computes it.

Context and continuation are cut into tokens together, so that none begins where the context ends
by chance; what is too long loses its beginning. A context that several texts have is read once.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.families import Family
from lingraft.stage import CPU_MICRO_BATCH_TOKENS
from lingraft_trainer.models.family import output, transform
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.tasks.branches import Encoded, Inputs, padded, rows_of_texts
from lingraft_trainer.tasks.kinds import checked
from lingraft_trainer.tokenization.frame import around
from lingraft_trainer.training.loss import CHUNK_ELEMENTS

GPU_BATCH_TOKENS = 16_384
"""Of one forward pass."""


def encoded(tokenizer: PreTrainedTokenizerBase, context: str, continuation: str) -> Encoded:
    """A context and its continuation, cut into tokens together.

    Spaces at the end of the context are the continuation's, whose first word they belong to. Of an
    empty context there is the token that a text begins with, or else one that ends a text. A
    context that spells this token out gets no second one.
    """
    own = len(context.rstrip())
    context, continuation = context[:own], context[own:] + continuation
    first: Any = tokenizer.bos_token_id
    first = tokenizer.eos_token_id if first is None else first
    whole = _plain(tokenizer, context + continuation)
    if not context:
        begun = len(whole) > 1 and whole[0] == first
        return Encoded(whole[:1], whole[1:]) if begun else Encoded([first], whole)
    cut = min(len(_plain(tokenizer, context)), len(whole) - 1)
    spelled = context.startswith(str(tokenizer.convert_ids_to_tokens(first)))
    begins = () if spelled else around(tokenizer)[0]
    return Encoded([*begins, *whole[:cut]] or [first], whole[cut:])


def _plain(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: Any = tokenizer(text, add_special_tokens=False, truncation=False)["input_ids"]
    return ids


@torch.no_grad()
def log_likelihoods(
    model: PreTrainedModel, family: Family, texts: Sequence[Encoded], max_length: int
) -> list[float]:
    """The log-likelihood of each continuation behind its context, in nats.

    Args:
        model: A causal language model, in its mode of evaluation.
        family: The model's.
        texts: What to score.
        max_length: Tokens that the model reads at once: the beginning of a longer text is left
            out, and of a continuation that is longer by itself its beginning is not scored. Such
            ones cannot be compared: `score_choices` refuses them.

    Raises:
        UserError: A score is no number.
    """
    rows = rows_of_texts(texts, max_length)
    found = torch.zeros(len(texts))
    for part in _batches([len(row.ids) for row in rows], model.device):
        batch = [rows[i] for i in part]
        hidden_BSH = _states(model, family, padded(batch, model.device))
        branches = [(b, one) for b, row in enumerate(batch) for one in row.branches]
        hidden_MH = torch.cat([hidden_BSH[b, one.places] for b, one in branches])
        labels = torch.tensor([label for _, one in branches for label in one.labels])
        scores = _log_probabilities(model, family, hidden_MH, labels.to(model.device)).cpu()
        for (_, one), own in zip(
            branches, scores.split([len(one.labels) for _, one in branches]), strict=True
        ):
            found[one.text] = own.double().sum()
    return checked(found, "the language model").tolist()


def _states(model: PreTrainedModel, family: Family, inputs: Inputs) -> Tensor:
    """What the body gives, [B, S, H]."""
    if inputs.attention is not None:
        ids, positions, attention = inputs
        return body_output(
            model, family, ids, attention, positions, branched=True
        ).last_hidden_state
    # Right of a token nothing is seen, padding neither: there is nothing to say of it.
    body: Any = model.base_model
    return body(input_ids=inputs.ids, use_cache=False).last_hidden_state


def _batches(lengths: Sequence[int], device: torch.device) -> list[list[int]]:
    """Numbers of texts as batches of like length, longest first, each of so many tokens."""
    most = GPU_BATCH_TOKENS if device.type == "cuda" else CPU_MICRO_BATCH_TOKENS
    batches: list[list[int]] = []
    room = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not room:
            batches.append([])
            room = max(1, most // max(1, lengths[i]))
        batches[-1].append(i)
        room -= 1
    return batches


def _log_probabilities(
    model: PreTrainedModel, family: Family, hidden_MH: Tensor, labels: Tensor
) -> Tensor:
    """What the head gives each label, [M]; no more than a chunk of logits is held at a time."""
    decoder = output(model)
    cap = getattr(model.config, family.logit_cap) if family.logit_cap else None
    found = torch.empty(len(labels), device=labels.device)
    rows = max(1, CHUNK_ELEMENTS[labels.device.type] // decoder.out_features)
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        logits_MV = decoder(transform(model, family, hidden_MH[part])).float()
        if cap is not None:
            logits_MV = torch.tanh(logits_MV / cap) * cap
        at_label = logits_MV.gather(1, labels[part, None]).squeeze(1)
        found[part] = at_label - logits_MV.logsumexp(-1)
    return found
