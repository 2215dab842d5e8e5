"""Runs by itself: load a folder as strangers do, and say in JSON what came of it.

    python -I loads.py FOLDER AUTO_CLASS PIPELINE_TAG

Only transformers is used, and sentence-transformers where the folder is for it and it is there.
"""

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

TEXT = "1 2 3"


@torch.no_grad()
def look(folder: str, auto: str, tag: str) -> dict[str, Any]:
    """Load model and tokenizer, read a text, run a pipeline."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model, loading = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
    batch = tokenizer(TEXT, return_tensors="pt")
    if "MultipleChoice" in auto:
        batch = {name: one[None] for name, one in batch.items()}
    output = model.eval()(**batch)[0]
    missing = [name for name in loading["missing_keys"] if "pooler" not in name]
    found = {
        "class": type(model).__name__,
        "tokenizer": type(tokenizer).__name__,
        "transformers": transformers.__version__,
        "missing": sorted(missing),
        "finite": bool(torch.isfinite(output).all()),
        "pipeline": run_pipeline(folder, tag, tokenizer),
    }
    named = (Path(folder) / "modules.json").is_file()
    if named and importlib.util.find_spec("sentence_transformers") is not None:
        encoder = importlib.import_module("sentence_transformers").SentenceTransformer(folder)
        found["sentenceTransformers"] = list(encoder.encode([TEXT]).shape)
    return found


def run_pipeline(folder: str, tag: str, tokenizer: Any) -> str | None:
    """What a pipeline gives, as its type; None where transformers has none of that name."""
    given: Any = {"fill-mask": f"{TEXT} {tokenizer.mask_token}"}.get(tag, TEXT)
    if tag not in ("fill-mask", "text-classification", "token-classification", "text-generation"):
        return None
    more = {"max_new_tokens": 1} if tag == "text-generation" else {}
    return type(transformers.pipeline(tag, model=folder)(given, **more)).__name__


if __name__ == "__main__":
    print(json.dumps(look(*sys.argv[1:])))
