"""A SentencePiece model that somebody trained, as a `tokenizers.Tokenizer` that cuts as it does.

The two libraries normalise differently in corners, so what comes out is held against
SentencePiece itself on strings of many kinds, and refused where it differs.
"""

import re
from typing import Any, cast

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from lingraft.errors import UserError

SPACE = "\u2581"
UNIGRAM, BPE = 1, 2
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
PROBES = (
    "The quick brown fox jumps over 13 lazy dogs, doesn't it?",
    "Éléphant naïve façade coöperate ŁÓDŹ Straße İstanbul ǅ",
    "  two  spaces , and a tab\tin it ",
    "e\u0301le\u0300ve de\u0301compose\u0301",
    "HELLO World iPhone e-mail http://example.org/a_b?c=d#e 1,234.56 % $5 @you #tag",
    "Съешь ещё этих мягких французских булок",
    "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία",
    "نص حكيم له سر قاطع",
    "שפן אכל קצת גזר בטעם חסה",
    "ऋषियों को सताने वाले राक्षस",
    "เป็นมนุษย์สุดประเสริฐ",
    "いろはにほへと ちりぬるを 漢字",
    "키스의 고유조건은",
    "天地玄黃宇宙洪荒",
    "Tiếng Việt rất phong phú",
    "emoji 😀👍🏽 … “quotes” - dash",
)
"""Cases, accents, spaces, scripts, digits, punctuation, emoji."""


def convert(model: bytes, *, where: str) -> Tokenizer:
    """The tokenizer of a SentencePiece model, special tokens included.

    Raises:
        UserError: It is none, of a kind that is not supported, or would cut differently.
    """
    proto = _parse(model, where)
    spec = proto.trainer_spec
    if spec.model_type not in (UNIGRAM, BPE) or spec.treat_whitespace_as_suffix:
        raise UserError(
            "this SentencePiece model is neither unigram nor BPE with spaces in front: train "
            "another, or give a tokenizer.json",
            where=where,
        )
    tokenizer = Tokenizer(_unigram(proto) if spec.model_type == UNIGRAM else _bpe(proto))
    tokenizer.normalizer = _normalizer(proto.normalizer_spec)
    inner = any(SPACE in piece.piece[1:] for piece in proto.pieces)
    words = pre_tokenizers.Metaspace(SPACE, "never", split=not inner)
    by_hand = "|".join(map(re.escape, sorted(_of_type(proto, USER_DEFINED), key=len, reverse=True)))
    tokenizer.pre_tokenizer = (
        pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(by_hand), "isolated"), words])
        if by_hand
        else words
    )
    tokenizer.decoder = _decoder(spec.byte_fallback, proto.normalizer_spec.add_dummy_prefix)
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in _of_type(proto, CONTROL)])
    if (text := disagreement(tokenizer, model, where=where)) is not None:
        raise UserError(
            f"it cannot be read exactly: {text!r} would be cut into other pieces; give the "
            "tokenizer.json of it",
            where=where,
        )
    return tokenizer


def disagreement(tokenizer: Tokenizer, model: bytes, *, where: str) -> str | None:
    """The first probe that a tokenizer cuts into other pieces than SentencePiece does."""
    proto = _parse(model, where)
    reference = sentencepiece.SentencePieceProcessor(model_proto=model)
    known = {piece.piece for piece in proto.pieces}
    unknown = reference.IdToPiece(reference.unk_id())
    by_hand = [f"a {one} b{one}c" for one in _of_type(proto, USER_DEFINED)[:8]]
    for text in (*PROBES, *by_hand):
        ours = tokenizer.encode(text, add_special_tokens=False).tokens
        theirs: list[str] = reference.encode(text, out_type=str)
        # Something unknown is shown as it was.
        if ours != [piece if piece in known else unknown for piece in theirs]:
            return text
    return None


def _parse(model: bytes, where: str) -> Any:
    # Protobuf makes the classes of its modules at run time.
    proto = cast(Any, sentencepiece_model_pb2).ModelProto()
    try:
        proto.ParseFromString(model)
    except Exception as error:  # protobuf's own, which has no stable place
        raise UserError("this is no SentencePiece model", where=where) from error
    if not proto.pieces:
        raise UserError("this is no SentencePiece model", where=where)
    return proto


def _of_type(proto: Any, kind: int) -> list[str]:
    return [piece.piece for piece in proto.pieces if piece.type == kind]


def _unigram(proto: Any) -> models.Unigram:
    spec = proto.trainer_spec
    pieces = [(p.piece, p.score if p.type != UNUSED else -1e9) for p in proto.pieces]
    return models.Unigram(pieces, spec.unk_id, spec.byte_fallback)


def _bpe(proto: Any) -> models.BPE:
    """Any two pieces that make a third are merged, those first whose sum has the best score."""
    vocabulary = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    normal = {piece.piece: piece.score for piece in proto.pieces if piece.type == NORMAL}
    merges = [
        (whole[:cut], whole[cut:])
        for whole in sorted(normal, key=normal.__getitem__, reverse=True)
        for cut in range(1, len(whole))
        if whole[:cut] in normal and whole[cut:] in normal
    ]
    return models.BPE(
        vocab=vocabulary,
        merges=merges,
        unk_token=proto.pieces[proto.trainer_spec.unk_id].piece,
        fuse_unk=True,
        # What was added by hand is cut out before, and no merges lead there.
        ignore_merges=any(len(piece) > 1 for piece in _of_type(proto, USER_DEFINED)),
        byte_fallback=proto.trainer_spec.byte_fallback,
    )


def _normalizer(spec: Any) -> normalizers.Normalizer:
    steps: list[normalizers.Normalizer] = []
    if spec.precompiled_charsmap:
        # `Precompiled` maps a letter and loses the accents that follow it: none may.
        steps += [normalizers.NFC(), normalizers.Precompiled(spec.precompiled_charsmap)]
    if spec.remove_extra_whitespaces:
        steps.append(normalizers.Replace(Regex("^ +| +$"), ""))
        steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    if spec.add_dummy_prefix:
        steps.append(normalizers.Prepend(SPACE))
    return normalizers.Sequence([*steps, normalizers.Replace(" ", SPACE)])


def _decoder(byte_fallback: bool, prefix: bool) -> decoders.Decoder:
    steps: list[decoders.Decoder] = [decoders.Replace(SPACE, " ")]
    if byte_fallback:
        steps.append(decoders.ByteFallback())
    steps.append(decoders.Fuse())
    if prefix:
        steps.append(decoders.Strip(" ", 1, 0))
    return decoders.Sequence(steps)
