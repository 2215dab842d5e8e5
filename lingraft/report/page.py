"""One self-contained HTML page about a run: quality, cost, curves, provenance."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from lingraft.report.curves import curve
from lingraft.report.results import facts, score_rows
from lingraft.stage import Manifest

STYLE = """
:root{color-scheme:light dark;--line:#8886;--accent:light-dark(#0b62a8,#6db8f2)}
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line)}
.lead{font-size:1.15rem}code{font-size:.85em;word-break:break-all}
figure{display:inline-block;width:29rem;max-width:100%;margin:0 1rem 1rem 0}
svg{width:100%}svg text{font-size:12px;fill:currentColor}
.axis{fill:none;stroke:var(--line)}.line{fill:none;stroke:var(--accent);stroke-width:2}
"""


def render(name: str, manifests: Mapping[str, Manifest]) -> str:
    """The page.

    Args:
        name: The resource's name.
        manifests: The stages that are done, by name in the plan, in its order.
    """
    graft = manifests.get("graft")
    params = graft.stage.params if graft else {}
    language, method = params.get("language", "?"), params.get("method", "?")
    cost: dict[str, Any] = (graft.metrics.get("compute") or {}) if graft else {}
    saved = cost.get("savedPerStep")
    lead = f"Language {escape(str(language))}, method {escape(str(method))}."
    if saved:
        lead += f" Each step of learning the language cost {saved:.2f} times less compute than "
        lead += "Standard's (computed from FLOPs, not a measured speed-up)."
    if graft is None:
        lead = f"{len(manifests)} stages are done; the evaluation is still to come."
    parts = [
        f"<h1>{escape(name)}</h1><p class='lead'>{lead}</p>",
        "<h2>Quality</h2>",
        _table(("task", "metric", "new language", "source language"), score_rows(graft))
        + "<p>± is a standard error, bootstrapped over groups of the test set.</p>",
        "<h2>Cost</h2>",
        _table(("", ""), facts(manifests)),
        "<h2>Learning curves</h2>" + _curves(manifests),
        "<h2>Tokenizer</h2>" + _tokenizer(manifests),
        "<h2>Provenance</h2>" + _provenance(manifests),
    ]
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(name)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    if not lines:
        return "<p>Nothing yet.</p>"
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f"<table>{f'<tr>{titles}</tr>' if any(head) else ''}{''.join(lines)}</table>"


def _curves(manifests: Mapping[str, Manifest]) -> str:
    drawn = [
        curve(f"{name}: loss", [(p["step"], p["loss"]) for p in manifest.metrics.get("curve", [])])
        for name, manifest in manifests.items()
    ]
    return "".join(drawn) or "<p>Nothing was trained yet.</p>"


def _tokenizer(manifests: Mapping[str, Manifest]) -> str:
    corpus = manifests.get("corpus")
    report: dict[str, Any] = corpus.metrics.get("tokenizer", {}) if corpus else {}
    warnings: list[str] = corpus.metrics.get("warnings", []) if corpus else []
    rows = [
        (key, f"{value:.4g}" if isinstance(value, float) else str(value))
        for key, value in report.items()
    ]
    return _table(("", ""), rows) + "".join(f"<p>Warning: {escape(w)}</p>" for w in warnings)


def _provenance(manifests: Mapping[str, Manifest]) -> str:
    rows = [
        (
            name,
            manifest.stage.digest,
            manifest.created_at,
            str(manifest.environment.get("device", "")),
            str(manifest.environment.get("precision", "")),
        )
        for name, manifest in manifests.items()
    ]
    return _table(("stage", "digest", "made at", "on", "in"), rows)
