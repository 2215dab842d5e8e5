"""Language tags as data sets write them, against the tag that a resource asks for."""

import re

from lingraft.formats.iso639 import SHORT

_SCRIPT, _REGION = re.compile(r"[a-z]{4}"), re.compile(r"[a-z]{2}|[0-9]{3}")

_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv "
    "cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho "
    "hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku "
    "kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn "
    "no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm "
    "sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi "
    "vo wa wo xh yi yo za zh zu"
)
CODES = frozenset(_CODES.split())
"""ISO 639-1: what a file's or folder's name may say of its language."""
_CHINESE = {"cn": "hans", "sg": "hans", "hk": "hant", "mo": "hant", "tw": "hant"}
"""The script of a region where one is written."""


def primary(tag: str) -> str:
    """The language of a tag: `it` of `it-IT`, `it_IT`, `IT` and `ita_Latn`."""
    return _subtags(tag)[0]


def same_language(one: str, other: str) -> bool:
    """Whether two tags may mean the same language: `it` and `it-IT`, `sw` and `swh_Latn`.

    What only one of them says counts for both. What they say differently sets them apart:
    `zh-Hans` is not `zh-Hant`, nor `zh-TW`; `pt-BR` is not `pt-PT`.
    """
    first, second = _subtags(one), _subtags(other)
    if first[0] != second[0]:
        return False
    for form in (_SCRIPT, _REGION):
        said = {
            next((part for part in tag[1:] if form.fullmatch(part)), None)
            for tag in (first, second)
        }
        if len(said - {None}) > 1:
            return False
    return True


def _subtags(tag: str) -> list[str]:
    first, *more = tag.strip().lower().replace("_", "-").split("-")
    first = SHORT.get(first, first)
    if first == "zh":
        more += [_CHINESE[region] for region in more if region in _CHINESE]
    return [first, *more]
