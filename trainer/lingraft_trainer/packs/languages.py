"""Many languages on one body: packs take turns, and only their tables are in memory beside it."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft_trainer.packs.ends import add_ends
from lingraft_trainer.packs.load import Loaded, Where, place_of_base, place_of_pack
from lingraft_trainer.packs.read import ReadPack, check_fits, read_model, read_pack

T = TypeVar("T")


class Languages:
    """One body, and the vocabularies of several languages that it can read with.

    Switching moves no data: a pack's tensors become the model's parameters. One language is in
    place at a time, so calls of several threads wait for each other.

    Args:
        base: The base, or a task model of it: see `load`.
        packs: One a language: see `load`.

    Raises:
        UserError: One of them cannot be read, they do not fit together, or two packs are of the
            same language.
    """

    def __init__(self, base: Where, packs: Iterable[Where]) -> None:
        read = [(place, read_pack(place_of_pack(place))) for place in packs]
        if not read:
            raise UserError("give one pack at least", where="packs")
        folder = place_of_base(base)
        self._model = read_model(folder, read[0][1].dtype)
        self._family = family_of(read[0][1].record.model_type)
        self._lock = threading.RLock()
        self._packs: dict[str, ReadPack] = {}
        for place, pack in read:
            if pack.record.language in self._packs:
                message = f"two packs are of {pack.record.language}: leave one out"
                raise UserError(message, where=str(place))
            check_fits(pack.record, self._model, where=str(base))
            if pack.dtype != read[0][1].dtype:
                message = f"this pack is {pack.record.dtype}, another of the same base is not"
                raise UserError(message, where=str(place))
            add_ends(pack, folder)
            self._packs[pack.record.language] = pack

    @property
    def names(self) -> tuple[str, ...]:
        """The languages, BCP 47, in the order of their packs."""
        return tuple(self._packs)

    @property
    def bytes(self) -> dict[str, int]:
        """What each language takes in memory beside the body."""
        return {name: pack.vocabulary.bytes for name, pack in self._packs.items()}

    def to(self, device: str) -> "Languages":
        """Move body and packs to a device, in place."""
        with self._lock:
            self._model.to(device)  # type: ignore[arg-type]  # transformers' stubs want another
            there = next(self._model.parameters()).device
            for pack in self._packs.values():
                pack.vocabulary.move(there)
        return self

    @contextmanager
    def use(self, language: str) -> Iterator[Loaded]:
        """The model and the tokenizer of a language; others wait until it is given back.

        Raises:
            UserError: There is no pack of it.
        """
        pack = self._packs.get(language)
        if pack is None:
            message = f"there is no pack of {language}; there are {', '.join(self._packs)}"
            raise UserError(message, where="language")
        with self._lock:
            pack.vocabulary.into(self._model, self._family)
            yield Loaded(self._model, pack.tokenizer)

    def map(
        self,
        work: Callable[[Loaded, list[str]], Sequence[T]],
        texts: Sequence[str],
        languages: Sequence[str],
        *,
        batch_size: int = 32,
    ) -> list[T]:
        """Work on texts of several languages, in batches of one language each.

        Args:
            work: Gives a result for each text of a batch.
            texts: What to work on.
            languages: Of each text.
            batch_size: Texts of one batch, at most.

        Returns:
            The results, in the order of the texts.

        Raises:
            UserError: There is no pack of a language.
        """
        places: dict[str, list[int]] = {}
        for i, language in enumerate(languages):
            places.setdefault(language, []).append(i)
        found: dict[int, T] = {}
        for language, own in places.items():
            with self.use(language) as loaded:
                for start in range(0, len(own), batch_size):
                    part = own[start : start + batch_size]
                    results = work(loaded, [texts[i] for i in part])
                    found.update(zip(part, results, strict=True))
        return [found[i] for i in range(len(texts))]
