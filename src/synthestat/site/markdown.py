"""A small part of Markdown, read into plain values: headings, paragraphs, lists, bold, code.

Nothing here makes HTML: a template shows the values, so that the text of a country pack stays text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_HEADING = re.compile(r"#{1,6}\s+(.*)")
_BULLET = re.compile(r"\s{0,3}[*+-]\s+(.*)")
_SPAN = re.compile(r"\*\*(?P<strong>.+?)\*\*|`(?P<code>[^`]+)`")

Kind = Literal["heading", "paragraph", "list"]


@dataclass(frozen=True)
class Span:
    """A stretch of text; `kind` is "text", "strong" or "code"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Block:
    """A heading or paragraph (one item), or a list (one item per entry); an item is its spans."""

    kind: Kind
    items: tuple[tuple[Span, ...], ...]


def read_markdown(text: str) -> tuple[Block, ...]:
    """Return the blocks of `text`, in order; whatever is not understood is a paragraph."""
    found: list[tuple[Kind, list[str]]] = []
    fresh = True  # after a blank line or a heading, plain text begins a paragraph
    for line in text.splitlines():
        heading, bullet = _HEADING.fullmatch(line), _BULLET.fullmatch(line)
        if not line.strip():
            fresh = True
        elif heading:
            found.append(("heading", [heading[1]]))
            fresh = True
        elif bullet:
            if found and found[-1][0] == "list":
                found[-1][1].append(bullet[1])
            else:
                found.append(("list", [bullet[1]]))
            fresh = False
        elif fresh and not (line.startswith("  ") and found and found[-1][0] == "list"):
            found.append(("paragraph", [line.strip()]))
            fresh = False
        else:
            found[-1][1][-1] += " " + line.strip()
            fresh = False
    return tuple(Block(kind, tuple(map(read_spans, items))) for kind, items in found)


def read_spans(text: str) -> tuple[Span, ...]:
    """Return the stretches of one line of text: plain, strong and code."""
    spans: list[Span] = []
    end = 0
    for match in _SPAN.finditer(text):
        if match.start() > end:
            spans.append(Span("text", text[end : match.start()]))
        kind = "strong" if match["strong"] else "code"
        spans.append(Span(kind, match[kind]))
        end = match.end()
    if end < len(text):
        spans.append(Span("text", text[end:]))
    return tuple(spans)
