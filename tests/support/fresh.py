"""Runs by itself: load exported checkpoints as strangers do, and say what they give.

    python -I fresh.py CHECKS.json

CHECKS.json is a list of {folder, auto, texts, pairs}; on standard output comes the list of
what each gives: ids and offsets of the texts, and the outputs of the model on each.
"""

import json
import sys

import torch
import transformers


def main() -> None:
    """Answer every check."""
    with open(sys.argv[1]) as file:
        checks = json.load(file)
    answers = [look(**check) for check in checks]
    ours = sorted(name for name in sys.modules if name.startswith("lingraft"))
    print(json.dumps({"answers": answers, "ours": ours}))


@torch.no_grad()
def look(folder: str, auto: str, texts: list[str], pairs: list[list[str]]) -> dict:
    """Load one checkpoint with one Auto class."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model, loading = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
    ids, offsets, outputs = [], [], []
    for text in [*texts, *pairs]:
        one = tokenizer(*([text] if isinstance(text, str) else text), return_offsets_mapping=True)
        ids.append(one["input_ids"])
        offsets.append(one.pop("offset_mapping"))
        batch = {name: torch.tensor([value]) for name, value in one.items()}
        if "MultipleChoice" in auto:  # one choice
            batch = {name: value[None] for name, value in batch.items()}
        found = model.eval()(**batch)
        outputs.append(torch.cat([found[i].flatten() for i in range(len(found))]).tolist())
    return {
        "ids": ids,
        "offsets": offsets,
        "outputs": outputs,
        "missing": sorted(loading["missing_keys"]),
        "unexpected": sorted(loading["unexpected_keys"]),
        "class": type(model).__name__,
        "tokenizer": type(tokenizer).__name__,
    }


if __name__ == "__main__":
    main()
