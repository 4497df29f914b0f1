"""Pieces of the report as HTML that is well-formed XML, too: tables, figures and numbers."""

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

from pipelines.contracts.model import Difference, Estimate

NOTHING = "-"
ACRONYMS = {"auc", "hr", "map", "mrr", "ndcg", "rmse"}


class Row(NamedTuple):
    """A row of a table; the cells are markup."""

    name: str
    cells: Sequence[str]
    is_marked: bool = False


def section(title: str, *parts: str) -> str:
    """A section with its heading; empty when all its parts are."""
    body = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>" if body else ""


def table(caption: str, head: Sequence[str], rows: Sequence[Row]) -> str:
    """A table that scrolls by itself on a narrow screen; empty without rows.

    Args:
        caption: What it shows, markup.
        head: Of the columns, markup; the first is that of the rows' names.
        rows: Names are text, cells markup.
    """
    if not rows:
        return ""
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "\n".join(_row(row) for row in rows)
    label = html.escape(re.sub("<[^>]*>", "", caption))
    return (
        f'<div class="wide" role="region" aria-label="{label}" tabindex="0">\n'
        f"<table>\n<caption>{caption}</caption>\n"
        f"<thead><tr>{columns}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def figure(svg: str, caption: str, name: str) -> str:
    """A chart with its caption.

    Args:
        svg: An `<svg>` element.
        caption: What it shows, text.
        name: Unique on the page: ids within the chart begin with it.
    """
    own = re.sub(r'\bid="', f'id="{name}-', svg)
    own = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", own)
    label = f'<svg role="img" aria-label="{text(caption)}"'
    return (
        f"<figure>\n{own.replace('<svg', label, 1)}\n"
        f"<figcaption>{text(caption)}</figcaption>\n</figure>"
    )


def note(words: str) -> str:
    """A remark, markup."""
    return f'<p class="note">{words}</p>'


def items(entries: Sequence[str]) -> str:
    """A list of markup; empty without entries."""
    return "<ul>\n" + "\n".join(f"<li>{e}</li>" for e in entries) + "\n</ul>" if entries else ""


def estimate(figure_: Estimate | None) -> str:
    """A figure with its interval."""
    if figure_ is None:
        return NOTHING
    if figure_.low is None or figure_.high is None:
        return f"{figure_.value:.4f}"
    return f"{figure_.value:.4f} <small>{figure_.low:.4f} … {figure_.high:.4f}</small>"


def difference(gap: Difference | None) -> str:
    """A paired difference with its interval."""
    if gap is None:
        return NOTHING
    return f"{gap.difference:+.4f} <small>{gap.low:+.4f} … {gap.high:+.4f}</small>"


def size(figure_: Estimate) -> str:
    """What a figure counts, as a small print."""
    return f"<small>n {figure_.n_events}, users {figure_.n_users}</small>"


def label(metric: str) -> str:
    """A metric's name for people: `ndcg_at_10` is NDCG@10."""
    name, separator, k = metric.rpartition("_at_")
    parts = (name if separator else metric).split("_")
    shown = " ".join(part.upper() if part in ACRONYMS else part for part in parts)
    return text(f"{shown}@{k}" if separator else shown)


def text(value: object) -> str:
    """Anything as text."""
    return html.escape(str(value))


def _row(row: Row) -> str:
    marked = ' class="wins"' if row.is_marked else ""
    cells = "".join(f"<td>{cell}</td>" for cell in row.cells)
    return f'<tr{marked}><th scope="row">{text(row.name)}</th>{cells}</tr>'
