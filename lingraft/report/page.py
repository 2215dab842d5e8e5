"""One self-contained HTML page about a run: quality, cost, curves, provenance."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from lingraft.floors import evaluation_of, labels_line, remarks
from lingraft.plan import Plan
from lingraft.plan.costs import Costs, costs_of
from lingraft.report.curves import curve
from lingraft.report.planned import cost_rows
from lingraft.report.results import SCORES, heldout_facts, measured_facts, score_rows
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


def render(name: str, plan: Plan, manifests: Mapping[str, Manifest]) -> str:
    """The page.

    Args:
        name: The resource's name.
        plan: Its plan.
        manifests: The stages that are done, by name in the plan, in its order.
    """
    graft = manifests.get("graft")
    params, costs = plan["graft"].stage.params, costs_of(plan)
    lead = f"Language {escape(params['language'])}, method {escape(params['method'])}."
    if costs.method != "Standard":
        lead += f" A step of learning the language costs {plan.saved_per_step:.2f} times less "
        lead += "compute than Standard's (computed from FLOPs, not a measured speed-up). "
        lead += f"All in all: {escape(costs.sentence)}."
    if graft is None:
        lead = f"{len(manifests)} stages are done; the evaluation is still to come."
    parts = [
        f"<h1>{escape(name)}</h1><p class='lead'>{lead}</p>",
        "<h2>Quality</h2>",
        _table(SCORES, score_rows(graft)),
        "<p>± is a standard error, bootstrapped over groups of the test set. The floor is the "
        "source model that never saw the language, the majority always the most frequent label."
        "</p>",
        _table(("", ""), [*heldout_facts(graft), *_labels(graft)]) if graft else "",
        _warnings([*remarks(graft.metrics if graft else {}), *plan.warnings]),
        "<h2>Cost</h2>",
        f"{_table(*_cost_table(costs))}<p>{escape(costs.sentence)}.</p>",
        _table(("", ""), measured_facts(manifests)),
        "<h2>Learning curves</h2>" + _curves(manifests),
        "<h2>Tokenizer</h2>" + _tokenizer(manifests),
        "<h2>Provenance</h2>" + _provenance(manifests),
    ]
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(name)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def _cost_table(costs: Costs) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    head, *rows = cost_rows(costs)
    return head, rows


def _labels(graft: Manifest) -> list[tuple[str, str]]:
    entries = evaluation_of(graft.metrics)
    return [(f"labels of {e['task']}", line) for e in entries if (line := labels_line(e))]


def _warnings(sentences: Iterable[str]) -> str:
    return "".join(f"<p>Warning: {escape(sentence)}.</p>" for sentence in sentences)


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
    return _table(("", ""), rows) + _warnings(warnings)


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
