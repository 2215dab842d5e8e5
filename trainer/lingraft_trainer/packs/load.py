"""`lingraft.load`: a base with a language pack in place, as an ordinary transformers model."""

from pathlib import Path
from typing import NamedTuple

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.cache import cache_dir
from lingraft.families import family_of
from lingraft.places import BASE, absolute_uri, on_this_machine
from lingraft.publish.fetch import fetch_current
from lingraft.sources import fetch_source, fingerprint
from lingraft.store.uri import parse_uri
from lingraft_trainer.models.encoder_files import save_encoder
from lingraft_trainer.models.readout import encoder_of, length_of
from lingraft_trainer.packs.ends import add_ends
from lingraft_trainer.packs.former import say_as_before
from lingraft_trainer.packs.read import check_fits, read_model, read_pack
from lingraft_trainer.running.inputs import fetch_whole
from lingraft_trainer.tokenization.swap import save_tokenizer


class Loaded(NamedTuple):
    """A model that reads one language, and the tokenizer that it reads it with."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


Where = str | Path
"""A folder, an s3:// or file:// URI, or of a base a model of the Hub in its local cache."""


def load(base: Where, pack: Where) -> Loaded:
    """A base, or a task model of it, with a language in place.

    It is an ordinary model of transformers, of the class that the checkpoint says; its logits are
    those of the whole checkpoint that `lingraft export --as model` writes.

    Args:
        base: The model that the pack was grafted on, or one that was fine-tuned from it.
        pack: A language pack, or the place where packs are published.

    Raises:
        UserError: One of them cannot be read, or they do not fit together.
    """
    return _loaded(place_of_base(base), place_of_pack(pack))


def place_of_base(base: Where) -> Path:
    """The folder of a checkpoint, downloaded where it has to be."""
    uri = on_this_machine(Path.cwd())(BASE, str(base))
    return fetch_whole(fingerprint(uri, "checkpoint"))


def place_of_pack(pack: Where) -> Path:
    """The folder of a pack, downloaded where it has to be."""
    uri = absolute_uri(str(pack), Path.cwd())
    if (now := fetch_current(uri, cache_dir())) is not None:
        return now
    place = parse_uri(uri)
    return place if isinstance(place, Path) else fetch_source(fingerprint(uri), cache_dir())


def _loaded(base: Path, pack: Path) -> Loaded:
    language = read_pack(pack)
    model = read_model(base, language.dtype)
    check_fits(language.record, model, where=str(base))
    add_ends(language, base)
    language.vocabulary.into(model, family_of(language.record.model_type))
    return Loaded(model, language.tokenizer)


def write_full(base: Path, pack: Path, out: Path) -> None:
    """Write a whole checkpoint: the base, or a task model of it, with a language in place.

    Of a sentence encoder all that sentence-transformers loads is written too.

    Args:
        base: Folder of the checkpoint.
        pack: Folder of the pack.
        out: The new folder.

    Raises:
        UserError: As `load`.
    """
    model, tokenizer = _loaded(base, pack)
    model.save_pretrained(out)
    say_as_before(out)
    save_tokenizer(tokenizer, out)
    encoder = encoder_of(base)
    if encoder is not None:
        save_encoder(encoder, base, out, length_of(encoder, tokenizer))
