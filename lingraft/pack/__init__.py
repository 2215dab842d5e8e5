"""A language pack: what is new of a language, without the body that it is for."""

from lingraft.pack.record import RECORD, TENSORS, Pack, PackBase

__all__ = ["RECORD", "TENSORS", "Pack", "PackBase"]
