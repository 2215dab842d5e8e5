"""Small pieces of a page: everything that is not ours is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--ink:light-dark(#1d2228,#e8eaed);--paper:light-dark(#fff,#15181c);
--card:light-dark(#f5f7f9,#1e2329);--grid:light-dark(#d4dae0,#3a424b);
--faint:light-dark(#b4bec8,#566069);--quiet:light-dark(#59636e,#a3adb8);
--accent:light-dark(#0b62a8,#6db8f2);--other:light-dark(#b35309,#f0a55c);
--good:light-dark(#147a3d,#5fce88);--mixed:light-dark(#8a6100,#e9c04f);
--bad:light-dark(#b3261e,#ff8a80);--open:var(--quiet)}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:72rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{margin:.4rem 0 0;font-size:1.3rem;font-weight:600}h2{margin:2.4rem 0 .4rem;font-size:1.2rem}
h3{margin:1rem 0 .2rem;font-size:1rem}p{max-width:46rem;margin:.4rem 0}
.quiet,figcaption,th{color:var(--quiet);font-weight:400;font-size:.88rem}
.verdict{font-size:2.1rem;line-height:1.2;font-weight:700;margin:.4rem 0}
.good{color:var(--good)}.mixed{color:var(--mixed)}.bad{color:var(--bad)}.open{color:var(--open)}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));
margin:1.2rem 0}
.card{background:var(--card);border-radius:.5rem;padding:.8rem 1rem;
border-top:.25rem solid var(--tone,var(--grid))}
.card b{display:block;font-size:1.35rem;line-height:1.3}
.charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr))}
figure{margin:0;background:var(--card);border-radius:.5rem;padding:.8rem;max-width:34rem}
figure svg{width:100%;height:auto;display:block}
.wide{overflow-x:auto}
table{border-collapse:collapse;margin:.5rem 0;min-width:min(100%,30rem)}
td,th{text-align:left;padding:.3rem 1rem .3rem 0;border-bottom:1px solid var(--grid);
vertical-align:top;overflow-wrap:normal}
td.text{white-space:pre-wrap;overflow-wrap:anywhere;min-width:9rem}
@media(max-width:40rem){.texts thead{display:none}.texts tr,.texts td{display:block}
.texts td{border:0;padding:.1rem 0}.texts tr{border-bottom:1px solid var(--grid);padding:.4rem 0}
.texts td::before{content:attr(data-title);display:block;color:var(--quiet);font-size:.88rem}}
.number{text-align:right;font-variant-numeric:tabular-nums}
code{font-size:.85em;overflow-wrap:anywhere}pre{white-space:pre-wrap;font-size:.85rem}
details{margin:1rem 0}summary{cursor:pointer;font-weight:600}
.pieces i{font-style:normal;padding:.05rem .12rem;margin:0 1px;border-radius:.2rem;
background:color-mix(in srgb,var(--accent) 16%,transparent);white-space:pre-wrap}
.pieces i:nth-of-type(even){background:color-mix(in srgb,var(--other) 20%,transparent)}
mark{background:color-mix(in srgb,var(--accent) 22%,transparent);color:inherit}
"""
"""Colours for light and dark; charts take theirs from here (`charts.COLOURS`)."""


def document(title: str, body: str, *, style: str = "", script: str = "") -> str:
    """A page that loads nothing.

    Args:
        title: As text.
        body: As HTML.
        style: More of it.
        script: Ours; it is the only one that a browser runs.
    """
    ran = f"<script>{script}</script>" if script else ""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>"
        f"<body>{body}{ran}</body></html>"
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()
) -> str:
    """A table that scrolls within itself where the screen is too narrow.

    Args:
        head: Titles; none where all are empty.
        rows: As text.
        numbers: Columns that are set to the right.
    """

    def cells(kind: str, row: Sequence[str]) -> str:
        sides = [" class='number'" if i in numbers else "" for i in range(len(row))]
        return "".join(
            f"<{kind}{side}>{escape(cell)}</{kind}>" for side, cell in zip(sides, row, strict=True)
        )

    lines = [f"<tr>{cells('td', row)}</tr>" for row in rows]
    if not lines:
        return "<p class='quiet'>Nothing yet.</p>"
    titles = f"<thead><tr>{cells('th', head)}</tr></thead>" if any(head) else ""
    return f"<div class='wide'><table>{titles}<tbody>{''.join(lines)}</tbody></table></div>"


def texts(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; on a phone they stand below one another, each under its title.

    Args:
        head: Titles, as text.
        rows: As HTML.
    """
    lines = "".join(
        "<tr>"
        + "".join(
            f"<td class='text' data-title='{escape(title)}'>{cell}</td>"
            for title, cell in zip(head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return (
        f"<div class='wide'><table class='texts'><thead><tr>{titles}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def chart(svg: str, caption: str) -> str:
    """A chart with what it shows, in words."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def folded(summary: str, body: str) -> str:
    """What is there for those who ask."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"
