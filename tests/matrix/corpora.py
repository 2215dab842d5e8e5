"""One text in every layout that a corpus may have: what is read of them is the same."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from tests.support.bases import TEXT

DOCUMENTS: list[list[str]] = [
    part for i in range(0, 600, 3) for part in (TEXT[i : i + 1], TEXT[i + 1 : i + 3])
]
HALVES = (DOCUMENTS[:150], [[""], *DOCUMENTS[150:]])
"""The second begins with the blank line that ends the first."""
SOURCE: list[list[str]] = [TEXT[i : i + 2] for i in range(300, 500, 2)]


def txt(documents: Sequence[Sequence[str]]) -> bytes:
    """A paragraph a line, a blank line between documents."""
    return "\n\n".join("\n".join(paragraphs) for paragraphs in documents).encode()


def jsonl(documents: Sequence[Sequence[str]]) -> bytes:
    """A document a line."""
    rows = ({"id": i, "text": "\n".join(found)} for i, found in enumerate(documents))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(
    documents: Sequence[Sequence[str]], kind: pa.DataType | None = None, codec: str = "snappy"
) -> bytes:
    """A document a row, in several groups of rows."""
    texts = pa.array(["\n".join(found) for found in documents], kind or pa.string())
    table = pa.table({"n": [0] * len(documents), "text": texts})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=codec, row_group_size=50)
    return sink.getvalue().to_pybytes()


def windows(documents: Sequence[Sequence[str]]) -> bytes:
    """With a byte order mark and Windows' ends of lines."""
    return b"\xef\xbb\xbf" + txt(documents).replace(b"\n", b"\r\n")


def one(name: str, content: bytes) -> Callable[[Path], Path]:
    """A corpus of one file, which is named itself."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def zst(content: bytes) -> bytes:
    """Compressed."""
    return zstandard.ZstdCompressor().compress(content)


def mixed(folder: Path) -> Path:
    """Every format in one folder, in folders of it, beside what is no text."""
    (folder / "a").mkdir()
    (folder / "a" / "1.txt").write_bytes(txt(DOCUMENTS[:100]))
    (folder / "a" / "2.jsonl.gz").write_bytes(gzip.compress(jsonl(DOCUMENTS[100:200])))
    (folder / "b.parquet").write_bytes(parquet(DOCUMENTS[200:300]))
    (folder / "c.TXT.Zst").write_bytes(zst(txt(DOCUMENTS[300:])))
    (folder / "README.md").write_text("About it.\n")
    (folder / ".hidden.txt").write_text("not text of the corpus\n")
    (folder / "_SUCCESS").write_bytes(b"")
    return folder


CATEGORIES = pa.dictionary(pa.int32(), pa.string())

CORPORA: dict[str, Callable[[Path], Path]] = {
    "txt": one("t.txt", txt(DOCUMENTS)),
    "txt of windows": one("t.txt", windows(DOCUMENTS)),
    "txt.gz": one("t.txt.gz", gzip.compress(txt(DOCUMENTS))),
    "txt.gz of two": one("t.txt.gz", gzip.compress(txt(HALVES[0])) + gzip.compress(txt(HALVES[1]))),
    "txt.zst": one("t.txt.zst", zst(txt(DOCUMENTS))),
    "jsonl": one("t.jsonl", jsonl(DOCUMENTS)),
    "jsonl.gz": one("T.JSONL.gz", gzip.compress(jsonl(DOCUMENTS))),
    "jsonl.zst": one("t.jsonl.zst", zst(jsonl(DOCUMENTS))),
    "parquet": one("t.parquet", parquet(DOCUMENTS)),
    "parquet of polars": one("t.parquet", parquet(DOCUMENTS, pa.large_string(), "zstd")),
    "parquet of categories": one("t.parquet", parquet(DOCUMENTS, CATEGORIES)),
    "parquet.gz": one("t.parquet.gz", gzip.compress(parquet(DOCUMENTS))),
    "folder": mixed,
}
