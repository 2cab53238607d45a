"""Places boxes in layers from top to bottom: arrows lead down, but for those that close a loop.

The steps of Sugiyama's method: each box one layer below the lowest box that leads to it; arrows over several
layers get a bend in each; within a layer boxes are sorted by where their neighbours stand; then each layer is
placed as near as it can be to its neighbours (isotonic regression, by pooling adjacent violators).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 28.0  # between boxes of a layer, px
LAYER_GAP = 46.0  # between layers, px
SWEEPS = 8
BEND = 10.0  # width of an arrow that passes a layer, px


@dataclass(frozen=True, slots=True)
class Size:
    """Of a box, px."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Centre of a box, or a bend of an arrow, px."""

    x: float
    y: float


@dataclass(slots=True)
class Layout:
    """Where boxes are, and through which bends each arrow goes, by its number: two in each layer that it passes."""

    spots: dict[str, Spot] = field(default_factory=dict)
    bends: dict[int, list[Spot]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def lay_out(sizes: Mapping[str, Size], arrows: Sequence[tuple[str, str]]) -> Layout:
    """Place boxes; `arrows` (source, target) must not go in circles."""
    layers = _layers(sizes, arrows)
    depth = max(layers.values(), default=0) + 1
    rows: list[list[str]] = [[] for _ in range(depth)]
    for key in sizes:
        rows[layers[key]].append(key)
    widths = {key: size.width for key, size in sizes.items()}
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    chains: dict[int, list[str]] = {}
    for number, (source, target) in enumerate(arrows):
        chain = [f"{number}/{layer}" for layer in range(layers[source] + 1, layers[target])]
        for layer, key in enumerate(chain, layers[source] + 1):
            rows[layer].append(key)
            widths[key] = BEND
        chains[number] = chain
        for upper, lower in zip([source, *chain], [*chain, target], strict=True):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    _sort(rows, above, below)
    x = _place(rows, widths, above, below)
    return _finish(rows, sizes, widths, x, chains)


def _layers(keys: Mapping[str, Size], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each box: the length of the longest way to it."""
    after: dict[str, list[str]] = {key: [] for key in keys}
    waiting = dict.fromkeys(keys, 0)
    for source, target in arrows:
        after[source].append(target)
        waiting[target] += 1
    layers = dict.fromkeys(keys, 0)
    todo = [key for key in keys if not waiting[key]]
    while todo:
        key = todo.pop()
        for target in after[key]:
            layers[target] = max(layers[target], layers[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                todo.append(target)
    return layers


def _sort(
    rows: list[list[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> None:
    """Sort each layer by the average place of the neighbours, down and up in turns."""
    place = {key: float(index) for row in rows for index, key in enumerate(row)}
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for row in rows if down else reversed(rows):
            weight = {key: _mean([place[n] for n in neighbours.get(key, ())], place[key]) for key in row}
            row.sort(key=weight.__getitem__)
            place.update((key, float(index)) for index, key in enumerate(row))


def _place(
    rows: Sequence[Sequence[str]],
    widths: Mapping[str, float],
    above: Mapping[str, Sequence[str]],
    below: Mapping[str, Sequence[str]],
) -> dict[str, float]:
    """Return the x of each centre."""
    x = dict.fromkeys(widths, 0.0)
    for sweep in range(SWEEPS + 1):
        down = sweep % 2 == 0
        neighbours = above if down else below
        for row in rows if down else reversed(rows):
            wanted = [_mean([x[n] for n in neighbours.get(key, ())], x[key]) for key in row]
            x.update(zip(row, _apart(wanted, [widths[key] for key in row]), strict=True))
    return x


def _apart(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted (least squares) that keep order and distance."""
    offsets = [0.0]
    for left, right in pairwise(widths):
        offsets.append(offsets[-1] + (left + right) / 2 + GAP)
    pools: list[tuple[float, int]] = []  # sum and count
    for place, offset in zip(wanted, offsets, strict=False):
        pools.append((place - offset, 1))
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1] = pools[-1][0] + total, pools[-1][1] + count
    means = [total / count for total, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _finish(
    rows: Sequence[Sequence[str]],
    sizes: Mapping[str, Size],
    widths: Mapping[str, float],
    x: Mapping[str, float],
    chains: Mapping[int, Sequence[str]],
) -> Layout:
    layout = Layout()
    left = min((x[key] - widths[key] / 2 for key in x), default=0.0)
    bends: dict[str, list[Spot]] = {}
    y = 0.0
    for row in rows:
        height = max((sizes[key].height for key in row if key in sizes), default=0.0)
        for key in row:
            if key in sizes:
                layout.spots[key] = Spot(x[key] - left, y + height / 2)
            else:
                bends[key] = [Spot(x[key] - left, y), Spot(x[key] - left, y + height)]
        y += height + LAYER_GAP
    layout.bends = {
        number: [bend for key in chain for bend in bends[key]] for number, chain in chains.items()
    }
    layout.width = max((x[key] + widths[key] / 2 - left for key in x), default=0.0)
    layout.height = y - LAYER_GAP if rows else 0.0
    return layout


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
