"""Tokenizers as people have them: a folder of files, tokenizer.json alone, a SentencePiece model.

Where there is a tokenizer.json, it is the tokenizer. transformers 5 takes only the vocabulary of it
where a class is named (RobertaTokenizer, BertTokenizer, or none at all beside a config.json), and
makes normaliser and pre-tokeniser anew: other ids, without a word. From the class come only the
roles of the special tokens and other settings that the file does not say.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization.byte_bpe import byte_level_bpe
from lingraft_trainer.tokenization.reachable import refuse_unreachable
from lingraft_trainer.tokenization.sentencepiece_model import convert, disagreement
from lingraft_trainer.tokenization.special import ROLES

FILE = "tokenizer.json"


def load_tokenizer(place: Path, *, where: str = "spec.tokenizer.uri") -> PreTrainedTokenizerFast:
    """The tokenizer of a folder or a file; no code of its own is run.

    Args:
        place: A folder with tokenizer.json or the files of a vocabulary, a tokenizer.json, or a
            SentencePiece model.
        where: Field that names it, for errors.

    Raises:
        UserError: There is none, it cannot be read, or its files contradict each other.
    """
    loaded = _loaded(place, where)
    refuse_unreachable(loaded.backend_tokenizer, where=where)
    return loaded


def _loaded(place: Path, where: str) -> PreTrainedTokenizerFast:
    if place.is_file():
        return _alone(place, where)
    if (place / FILE).is_file():
        return _of_file(place, where)
    if not _names_a_class(place, where):
        return _of_vocabulary(place, where)
    try:
        named = _by_class(place)
    except _Unreadable as error:
        message = f"no tokenizer can be loaded from it ({error}); it needs {FILE}"
        raise UserError(message, where=where) from error
    for model in place.glob("*.model"):
        text = disagreement(named.backend_tokenizer, model.read_bytes(), where=where)
        if text is not None:
            message = f"{model.name} and the class that reads it cut {text!r} into other pieces"
            raise UserError(f"{message}; add the {FILE} that was used", where=where)
    return _generic(named.backend_tokenizer, named)


class _Unreadable(Exception):
    """transformers can make nothing of a folder; says why."""


def _alone(file: Path, where: str) -> PreTrainedTokenizerFast:
    if file.suffix == ".json":
        return PreTrainedTokenizerFast(tokenizer_object=_backend(file, where))
    if file.suffix == ".model":
        return PreTrainedTokenizerFast(tokenizer_object=convert(file.read_bytes(), where=where))
    raise UserError(
        f"{file.name} is no tokenizer: give {FILE}, a SentencePiece .model, or their folder",
        where=where,
    )


def _of_file(folder: Path, where: str) -> PreTrainedTokenizerFast:
    backend = _backend(folder / FILE, where)
    _refuse_contradictions(folder, backend, where)
    _refuse_lost_tokens(folder, backend, where)
    try:
        named = _by_class(folder)
    except _Unreadable:  # of a class that this is no file of
        named = PreTrainedTokenizerFast.from_pretrained(folder)
    if backend.post_processor is None:  # how a sequence is framed the file does not say
        backend.post_processor = named.backend_tokenizer.post_processor
    return _generic(backend, named)


def _of_vocabulary(folder: Path, where: str) -> PreTrainedTokenizerFast:
    """Of files that no class is named for."""
    models = sorted(folder.glob("*.model"))
    if len(models) == 1:
        return _alone(models[0], where)
    if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        backend = byte_level_bpe(folder, where=where)
        return PreTrainedTokenizerFast(tokenizer_object=backend)
    raise UserError(f"there is no tokenizer in it; it needs {FILE}", where=where)


def _names_a_class(folder: Path, where: str) -> bool:
    """Whether transformers is told a class: by name, or by the model's type."""
    config = _json_of(folder / "config.json", where)
    named = _json_of(folder / "tokenizer_config.json", where).get("tokenizer_class")
    return bool(named or config.get("tokenizer_class") or config.get("model_type"))


def _backend(file: Path, where: str) -> Tokenizer:
    try:
        backend = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more precise
        raise UserError(f"{file.name} cannot be read: {error}", where=where) from error
    backend.no_truncation()  # sentence-transformers switches them on
    backend.no_padding()
    return backend


def _by_class(folder: Path) -> Any:
    """What transformers makes of a folder: by a class, or by the file."""
    try:
        named = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # of many kinds, by the class
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise _Unreadable(reason[0][:200]) from error
    if len(named) <= len(set(named.all_special_ids)):
        # It makes an empty one where there are no files, and all is unknown to that.
        raise _Unreadable("there is none in it")
    if not getattr(named, "is_fast", False):
        raise _Unreadable("it is pure Python")
    return named


def _generic(backend: Tokenizer, named: PreTrainedTokenizerBase) -> PreTrainedTokenizerFast:
    """A tokenizer that works as `backend` does, with the roles and settings of another."""
    known = backend.get_vocab(with_added_tokens=True)
    roles = {
        role: str(token)
        for role in ROLES
        if (token := getattr(named, role, None)) and str(token) in known
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **roles,
        model_input_names=list(named.model_input_names),
        model_max_length=named.model_max_length,
        padding_side=named.padding_side,
        truncation_side=named.truncation_side,
        clean_up_tokenization_spaces=False,
        chat_template=named.chat_template,
    )


# Settings of tokenizer_config.json that say again what tokenizer.json does, and where it says it.
_SAID_TWICE = {
    "do_lower_case": ("BertNormalizer", "lowercase"),
    "strip_accents": ("BertNormalizer", "strip_accents"),
    "tokenize_chinese_chars": ("BertNormalizer", "handle_chinese_chars"),
    "add_prefix_space": ("ByteLevel", "add_prefix_space"),
}


def _refuse_contradictions(folder: Path, backend: Tokenizer, where: str) -> None:
    """Transformers 4 let the settings win, and a model may have been trained with either."""
    config = _json_of(folder / "tokenizer_config.json", where)
    state = json.loads(backend.to_str())
    parts = [*_parts(state["normalizer"]), *_parts(state["pre_tokenizer"])]
    for setting, (kind, name) in _SAID_TWICE.items():
        wanted = config.get(setting)
        for part in parts:
            if part["type"] == kind and wanted is not None and part[name] not in (None, wanted):
                raise UserError(
                    f"tokenizer_config.json says {setting} {json.dumps(wanted)}, {FILE} says "
                    f"{json.dumps(part[name])}: make them say what the model was trained with",
                    where=where,
                )


def _refuse_lost_tokens(folder: Path, backend: Tokenizer, where: str) -> None:
    """Refuse tokens that other files add, by ids that the model has rows for: a chat's, say."""
    rows = _json_of(folder / "config.json", where).get("vocab_size")
    decoder = _json_of(folder / "tokenizer_config.json", where).get("added_tokens_decoder")
    said: dict[str, Any] = {
        str(one.get("content")): number
        for number, one in (decoder if isinstance(decoder, dict) else {}).items()
        if isinstance(one, dict)
    }
    said |= _json_of(folder / "added_tokens.json", where)
    for token, number in said.items():
        lost = backend.token_to_id(token) is None and str(number).isdecimal()
        if lost and isinstance(rows, int) and int(number) < rows:
            raise UserError(
                f"{token!r} is added to its tokenizer as id {number}, which {FILE} has not: write "
                "all its files anew (AutoTokenizer.from_pretrained(...).save_pretrained(...))",
                where=where,
            )


def _json_of(file: Path, where: str) -> dict[str, Any]:
    """The object in a file; empty without one."""
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file.name} is not JSON: {error}", where=where) from error
    return found if isinstance(found, dict) else {}


def _parts(step: dict[str, Any] | None) -> list[dict[str, Any]]:
    """A normaliser's or pre-tokeniser's steps, a sequence's one by one."""
    if step is None:
        return []
    inner = step.get("normalizers") or step.get("pretokenizers") or []
    return [step, *(one for part in inner for one in _parts(part))]
