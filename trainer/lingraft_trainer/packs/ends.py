"""Where a model with a pack stops: at the ends of the pack's base, and at its own.

A pack goes into any model with its base's embeddings, also one that was tuned to talk elsewhere.
That one ends a turn by a token of its own (`<|im_end|>`), which the pack's base need not have
stopped at.
"""

from pathlib import Path

from lingraft.errors import UserError
from lingraft.selection import GENERATION
from lingraft_trainer.packs.read import ReadPack
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.generation import numbers_of, read_configs

FIELD = "eos_token_id"


def add_ends(pack: ReadPack, place: Path) -> None:
    """Have what a pack says of generation name the ends of a model, too, in place.

    Args:
        pack: In memory; ends that its vocabulary lacks can never be said.
        place: Folder of the model that it goes into. Without a tokenizer nothing tells what its
            ids mean.
    """
    generation = pack.vocabulary.generation
    said = numbers_of(read_configs(place)[GENERATION].get(FIELD))
    if generation is None or not said:
        return
    try:
        own = load_base_tokenizer(place)
    except UserError:
        return
    known, ends = pack.tokenizer.get_vocab(), numbers_of(getattr(generation, FIELD))
    tokens = (own.backend_tokenizer.id_to_token(number) for number in said)
    both = dict.fromkeys([*ends, *(known[one] for one in tokens if one in known)])
    if len(both) > len(ends):
        setattr(generation, FIELD, list(both))
