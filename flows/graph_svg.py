"""The picture of a flow as SVG, drawn here: no other program, no network, no script in it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from flows.graph_layout import Layout, Size, Spot, lay_out
from flows.graph_picture import Arrow, Box, Mark, Picture, Shape

LETTER = 7.0  # px, about, of the widest common letters at 12 px
LINE = 16.0  # px
PADDING = 12.0  # px inside of a box
MARGIN = 24.0  # px around all
LANE = 14.0  # px between arrows that lead back, at the right side

_STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1b2733; text-anchor: middle }
  .title { font-weight: 600 } .line { fill: #5b6b7b } .mark { fill: #c62828; font-weight: 600 }
  .label { font-size: 11px; fill: #37507a; paint-order: stroke; stroke: #fff; stroke-width: 4px }
  .box { fill: #f4f8fd; stroke: #5b7fb2; stroke-width: 1.2 } .choice { fill: #fff8e6; stroke: #c79a2b }
  .terminal { fill: #eaf6ec; stroke: #4c9a5b } .flow { fill: #f3effb; stroke: #7d63b8 }
  .missing, .endless { fill: #fdeceb; stroke: #c62828; stroke-width: 2 }
  .spins { fill: #fff1dd; stroke: #d9730d; stroke-width: 2 }
  .unreached { fill: #f2f2f2; stroke: #9a9a9a; stroke-dasharray: 5 3 }
  .arrow { fill: none; stroke: #51647a; stroke-width: 1.3 } .back { stroke: #7d63b8; stroke-dasharray: 5 3 }
  .fails { stroke: #c62828 }
"""


def svg(picture: Picture) -> str:
    """Return the SVG; arrows that close a loop are dashed and run at the right side."""
    sizes = {box.key: _size(box) for box in picture.boxes}
    down = [number for number, arrow in enumerate(picture.arrows) if not arrow.back]
    layout = lay_out(sizes, [(picture.arrows[n].source, picture.arrows[n].target) for n in down])
    lanes = sum(arrow.back for arrow in picture.arrows)
    width = layout.width + 2 * MARGIN + LANE * lanes + (40 if lanes else 0)
    height = layout.height + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(picture.name)}</title><style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto"><path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>',
        f'<rect width="100%" height="100%" fill="#fff"/><g transform="translate({MARGIN:g} {MARGIN:g})">',
    ]
    for position, number in enumerate(down):
        parts += _down(picture.arrows[number], sizes, layout, layout.bends[position])
    lane = layout.width + LANE
    for arrow in picture.arrows:
        if arrow.back:
            parts += _back(arrow, sizes, layout, lane)
            lane += LANE
    for box in picture.boxes:
        parts += _box(box, sizes[box.key], layout.spots[box.key])
    return "\n".join([*parts, "</g></svg>"]) + "\n"


def _size(box: Box) -> Size:
    texts = _texts(box)
    letters = max(len(text) for _, text in texts)
    return Size(letters * LETTER + 2 * PADDING, len(texts) * LINE + 2 * PADDING - 4)


def _texts(box: Box) -> list[tuple[str, str]]:
    texts = [("title", box.title), *(("line", line) for line in box.lines)]
    return [*texts, ("mark", box.mark.value)] if box.mark is not None else texts


def _box(box: Box, size: Size, spot: Spot) -> Iterator[str]:
    left, top = spot.x - size.width / 2, spot.y - size.height / 2
    names = ["box", box.shape.value]
    names += [box.mark.name.lower()] if box.mark is not None else []
    radius = size.height / 2 if box.shape is Shape.TERMINAL else 3
    yield (
        f'<rect class="{" ".join(names)}" x="{left:.1f}" y="{top:.1f}" rx="{radius:.1f}"'
        f' width="{size.width:.1f}" height="{size.height:.1f}"/>'
    )
    for number, (name, text) in enumerate(_texts(box)):
        y = top + PADDING + 9 + number * LINE
        yield f'<text class="{name}" x="{spot.x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _down(arrow: Arrow, sizes: dict[str, Size], layout: Layout, bends: list[Spot]) -> Iterator[str]:
    source, target = layout.spots[arrow.source], layout.spots[arrow.target]
    start = Spot(source.x, source.y + sizes[arrow.source].height / 2)
    end = Spot(target.x, target.y - sizes[arrow.target].height / 2)
    points = [start, *bends, end]
    path = f"M{start.x:.1f} {start.y:.1f}"
    for here, there in pairwise(points):
        middle = (here.y + there.y) / 2
        path += f"C{here.x:.1f} {middle:.1f} {there.x:.1f} {middle:.1f} {there.x:.1f} {there.y:.1f}"
    yield _line(arrow, path)
    first = points[1]
    yield from _label(arrow, Spot(start.x + (first.x - start.x) * 0.6, start.y + (first.y - start.y) * 0.6))


def _back(arrow: Arrow, sizes: dict[str, Size], layout: Layout, lane: float) -> Iterator[str]:
    """Draw an arrow out at the right side, up its own lane, and in at the right side."""
    source, target = layout.spots[arrow.source], layout.spots[arrow.target]
    start, end = source.x + sizes[arrow.source].width / 2, target.x + sizes[arrow.target].width / 2
    y, to = source.y + 5, target.y - 5
    path = (
        f"M{start:.1f} {y:.1f}H{lane - 6:.1f}q6 0 6 {_turn(to - y)}V{to - _turn(to - y):.1f}"
        f"q0 {_turn(to - y)} -6 {_turn(to - y)}H{end:.1f}"
    )
    yield _line(arrow, path)
    yield from _label(arrow, Spot(start + 24, y - 4))


def _turn(way: float) -> int:
    return 6 if way > 0 else -6


def _line(arrow: Arrow, path: str) -> str:
    names = ["arrow", *(["back"] if arrow.back else []), *(["fails"] if arrow.mark is not None else [])]
    return f'<path class="{" ".join(names)}" d="{path}" marker-end="url(#tip)"/>'


def _label(arrow: Arrow, spot: Spot) -> Iterator[str]:
    words = [arrow.label] if arrow.label else []
    words += [arrow.mark.value] if arrow.mark is Mark.FAILS else []
    if words:
        yield f'<text class="label" x="{spot.x:.1f}" y="{spot.y:.1f}">{escape(": ".join(words))}</text>'
