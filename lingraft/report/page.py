"""One self-contained HTML page about a run: the verdict first, provenance last and folded."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from lingraft.floors import evaluation_of, labels_line, remarks
from lingraft.gates import GateResult
from lingraft.plan import Plan
from lingraft.plan.costs import costs_of
from lingraft.report import figures, origin
from lingraft.report.html import document, folded, table
from lingraft.report.planned import cost_rows
from lingraft.report.results import (
    SCORES,
    gate_line,
    heldout_facts,
    kept_line,
    measured_facts,
    published_line,
    score_rows,
)
from lingraft.report.sentences import confusions, cut_sentences, guessed_words, written
from lingraft.report.verdict import Tile, Verdict, verdict_of
from lingraft.report.words import tokenizer_words
from lingraft.stage import Manifest


def render(
    name: str,
    plan: Plan,
    manifests: Mapping[str, Manifest],
    gates: Sequence[GateResult] = (),
) -> str:
    """The page.

    Args:
        name: The resource's name.
        plan: Its plan.
        manifests: The stages that are done, by name in the plan, in its order.
        gates: What came of its quality gates.

    Raises:
        UserError: matplotlib, which draws the charts, is not installed.
    """
    graft = manifests.get("graft")
    metrics = graft.metrics if graft else {}
    parts = [
        _head(name, plan, graft, published_line(manifests)),
        _verdict(verdict_of(plan, manifests, gates)),
        _warnings([*remarks(metrics), *plan.warnings]),
        _section("Quality", _quality(graft, gates)),
        _section("What it guesses", guessed_words(metrics)),
        _section("What it writes", written(metrics)),
        _section("How sentences are cut", cut_sentences(metrics) + _tokenizer(manifests)),
        _section("Training", _charts(figures.training(plan, manifests))),
        _section("Cost", _cost(plan, manifests)),
        _section("Where it came from", _origin(plan, manifests)),
    ]
    return document(name, "".join(parts))


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}" if body else ""


def _head(name: str, plan: Plan, graft: Manifest | None, published: str | None) -> str:
    params, shape = plan["graft"].stage.params, plan.shape
    what = (
        f"Language {params['language']}, method {params['method']}, on a {shape.model_type} base "
        f"of {shape.layers} layers of {shape.hidden}. The source language is {kept_line(plan)}."
    )
    place = origin.place_of(plan, graft)
    path = f"<p>The model: <code>{escape(place)}</code></p>" if place else ""
    said = f"<p>{escape(published[:1].upper() + published[1:])}</p>" if published else ""
    return f"<h1>{escape(name)}</h1><p class='quiet'>{escape(what)}</p>{path}{said}"


def _verdict(verdict: Verdict) -> str:
    tiles = "".join(map(_tile, verdict.tiles))
    why = "".join(f"<p>{escape(sentence)}</p>" for sentence in verdict.why)
    return (
        f"<p class='verdict {verdict.tone}'>{escape(verdict.headline)}</p>"
        f"<div class='cards'>{tiles}</div>{why}"
    )


def _tile(tile: Tile) -> str:
    before = f"{escape(tile.before)} → " if tile.before else ""
    return (
        f"<div class='card' style='--tone:var(--{tile.tone})'>{escape(tile.what)}"
        f"<b>{before}{escape(tile.after)}</b><span class='quiet'>{escape(tile.note)}</span></div>"
    )


def _warnings(sentences: Iterable[str]) -> str:
    return "".join(f"<p class='mixed'>Warning: {escape(sentence)}.</p>" for sentence in sentences)


def _charts(drawn: Iterable[str]) -> str:
    found = "".join(drawn)
    return f"<div class='charts'>{found}</div>" if found else ""


def _quality(graft: Manifest | None, gates: Sequence[GateResult]) -> str:
    metrics = graft.metrics if graft else {}
    labels = [
        (entry["task"], line) for entry in evaluation_of(metrics) if (line := labels_line(entry))
    ]
    return "".join(
        [
            _charts(figures.quality(metrics)),
            *confusions(evaluation_of(metrics)),
            _scores(graft),
            table(("", ""), heldout_facts(graft)) if graft else "",
            table(("labels of", ""), labels) if labels else "",
            "".join(f"<p>{escape(gate_line(gate))}.</p>" for gate in gates),
        ]
    )


def _scores(graft: Manifest | None) -> str:
    """Of the tasks; nothing where a whole run had none."""
    rows = score_rows(graft)
    if graft is not None and not rows:
        return ""
    return (
        table(SCORES, rows, numbers=(2, 3, 4, 5))
        + "<p class='quiet'>± is a standard error, bootstrapped over groups of the test set. The "
        "floor is the source model that never saw the language, the majority always the most "
        "frequent label.</p>"
    )


def _tokenizer(manifests: Mapping[str, Manifest]) -> str:
    corpus = manifests.get("corpus")
    if corpus is None:
        return ""
    rows = tokenizer_words(corpus.metrics.get("tokenizer", {}))
    figures_ = table(("the new tokenizer", "", ""), rows, numbers=(1,))
    return _warnings(corpus.metrics.get("warnings", [])) + figures_


def _cost(plan: Plan, manifests: Mapping[str, Manifest]) -> str:
    costs = costs_of(plan)
    head, *rows = cost_rows(costs)
    saved = ""
    if costs.method != "Standard":
        saved = (
            f"<p>A step of learning the language costs {plan.saved_per_step:.2f} times less "
            "compute than Standard's: computed from FLOPs, not a measured speed-up.</p>"
        )
    return "".join(
        [
            _charts(figures.spending(costs, manifests)),
            f"<p>Beside Standard: {escape(costs.sentence)}.</p>{saved}",
            folded(
                "The figures",
                table(head, rows, numbers=(1, 2)) + table(("", ""), measured_facts(manifests)),
            ),
        ]
    )


def _origin(plan: Plan, manifests: Mapping[str, Manifest]) -> str:
    return "".join(
        [
            table(origin.ORIGINS, origin.origins(plan)),
            folded("Settings, defaults too", table(("stage", "", ""), origin.settings(plan))),
            folded("Provenance", table(origin.PROVENANCE, origin.provenance(manifests))),
        ]
    )
