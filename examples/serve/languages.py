"""Many languages on one body, over HTTP: each request says its language.

    python examples/serve/here.py s3://models/roberta-base/ s3://models/sw/ s3://models/th/
    curl localhost:8000 -d '{"language": "sw", "text": "Nairobi ni <mask> wa Kenya."}'

The answer is what transformers' pipeline says of the whole checkpoint of that language: what stands
at the mask where the base is a masked model, classes and their scores where it is a task model.
Requests that come together are read together, those of one language in one batch. Each replica
holds the body once, and the tables of each language beside it.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse
from transformers import PreTrainedModel, pipeline

import lingraft
from lingraft import Loaded
from lingraft.errors import UserError

MOST_TOGETHER, WAIT_SECONDS, LONGEST = 32, 0.005, 20_000
"""Requests that are read together, how long the first one waits for others, characters of one."""
READS: dict[str, dict[str, Any]] = {
    "ForMaskedLM": {"task": "fill-mask"},
    "ForSequenceClassification": {"task": "text-classification", "top_k": None},
    "ForTokenClassification": {"task": "token-classification"},
}
"""Ending of a model's class to the pipeline that reads with it."""


class Asked(BaseModel):
    """One request."""

    model_config = ConfigDict(extra="forbid")

    language: str = Field(max_length=35, description="BCP 47; there must be a pack of it.")
    text: str = Field(max_length=LONGEST)


class Settings(BaseModel):
    """What is served."""

    base: str = Field(description="The base, or a task model of it: a folder, s3://, the Hub.")
    packs: list[str] | str = Field(
        description="Language packs, or places where they are published; also with commas between."
    )


class Refused(Exception):
    """A text that the model cannot read; says why."""


def pipeline_for(model: PreTrainedModel, tokenizer: Any) -> Any:
    """The pipeline that reads texts with a model.

    Raises:
        UserError: There is none for its class.
    """
    name = type(model).__name__
    reads = next((READS[end] for end in READS if name.endswith(end)), None)
    if reads is None:
        raise UserError(f"{name} cannot be served here, but {', '.join(READS)}", where="base")
    return pipeline(**reads, model=model, tokenizer=tokenizer, device=model.device)


def answers(read: Any, texts: list[str]) -> list[Any]:
    """What a pipeline says of each text, or why it cannot read it."""
    try:
        return list(read(_each(texts), batch_size=len(texts)))
    except Exception as error:
        if len(texts) == 1:
            return [Refused(" ".join(str(error).split())[:300])]
        return [answers(read, [one])[0] for one in texts]  # the others are none the worse for it


def work(loaded: Loaded, texts: list[str]) -> list[Any]:
    """What a language's model says of texts, in one batch."""
    return answers(pipeline_for(loaded.model, loaded.tokenizer), texts)


def _each(texts: list[str]) -> Iterator[str]:
    """A generator: a list of one would give another shape than a list of two."""
    yield from texts


def languages_of(settings: Settings) -> lingraft.Languages:
    """The languages on their body, each of which can be read with: all is looked at at the start.

    Raises:
        UserError: A base or a pack that cannot be read, or that nothing here reads with.
    """
    packs = settings.packs.split(",") if isinstance(settings.packs, str) else settings.packs
    languages = lingraft.Languages(settings.base, packs)
    for name in languages.names:
        with languages.use(name) as loaded:
            pipeline_for(loaded.model, loaded.tokenizer)
    return languages


@serve.deployment
class Reader:
    """One body and its languages.

    Args:
        settings: What is served.
    """

    def __init__(self, settings: Settings) -> None:
        self._languages = languages_of(settings)
        if torch.cuda.is_available():
            self._languages.to("cuda")

    async def __call__(self, request: Request) -> JSONResponse:
        """Answer one request: 200, 404 for a language that is not there, 422 for a bad request."""
        try:
            asked = Asked.model_validate_json(await request.body())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            return JSONResponse({"error": f"{where}: {first['msg']}"}, 422)
        if asked.language not in self._languages.names:
            there = ", ".join(self._languages.names)
            return JSONResponse({"error": f"no pack of {asked.language}; there are {there}"}, 404)
        said = await self._together(asked)
        if isinstance(said, Refused):
            return JSONResponse({"error": f"text: {said}"}, 422)
        return JSONResponse(said)

    @serve.batch(max_batch_size=MOST_TOGETHER, batch_wait_timeout_s=WAIT_SECONDS)
    async def _together(self, asked: list[Asked]) -> list[Any]:
        return await asyncio.to_thread(self._read, asked)

    def _read(self, asked: list[Asked]) -> list[Any]:
        texts, languages = [one.text for one in asked], [one.language for one in asked]

        return self._languages.map(work, texts, languages)


def build(settings: Settings) -> Any:
    """The application, as `serve run` and a RayService ask for it."""
    return Reader.bind(settings)  # type: ignore[attr-defined]  # the decorator's type is lost
