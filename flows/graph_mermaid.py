"""The picture of a flow as text for Mermaid (flowchart), which code hosts and editors draw."""

from __future__ import annotations

from collections.abc import Iterator

from flows.graph_picture import Arrow, Box, Mark, Picture, Shape

_FORMS = {
    Shape.STEP: ("[", "]"),
    Shape.CHOICE: ("{{", "}}"),
    Shape.FLOW: ("[[", "]]"),
    Shape.TERMINAL: ("([", "])"),
    Shape.MISSING: (">", "]"),
}
_CLASSES = {
    Mark.UNREACHED: ("unreached", "fill:#eee,stroke:#999,color:#777,stroke-dasharray:4"),
    Mark.ENDLESS: ("endless", "fill:#fde3e1,stroke:#c00,stroke-width:2px"),
    Mark.SPINS: ("spins", "fill:#fff1dd,stroke:#d9730d,stroke-width:2px"),
    Mark.MISSING: ("missing", "fill:#fde3e1,stroke:#c00,color:#c00"),
}


def mermaid(picture: Picture) -> str:
    """Return the text; arrows that close a loop are dotted, those that fail are thick."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield "flowchart TD"
    for box in picture.boxes:
        yield f"  {_box(box)}"
    for arrow in picture.arrows:
        yield f"  {_arrow(arrow)}"
    for mark, (name, style) in _CLASSES.items():
        keys = [box.key for box in picture.boxes if box.mark is mark]
        if keys:
            yield f"  classDef {name} {style}"
            yield f"  class {','.join(keys)} {name}"
    failing = [str(n) for n, arrow in enumerate(picture.arrows) if arrow.mark is not None]
    if failing:
        yield f"  linkStyle {','.join(failing)} stroke:#c00"


def _box(box: Box) -> str:
    mark = (box.mark.value.upper(),) if box.mark is not None else ()
    text = "<br/>".join(_escaped(line) for line in (box.title, *box.lines, *mark))
    left, right = _FORMS[box.shape]
    return f'{_key(box.key)}{left}"{text}"{right}'


def _arrow(arrow: Arrow) -> str:
    line = "-.->" if arrow.back else "==>" if arrow.mark is not None else "-->"
    words = [arrow.label] if arrow.label else []
    words += [arrow.mark.value] if arrow.mark is Mark.FAILS else []
    label = f'|"{_escaped(": ".join(words))}"|' if words else ""
    return f"{_key(arrow.source)} {line}{label} {_key(arrow.target)}"


def _key(key: str) -> str:
    return f"{key}_" if key == "end" else key  # a word of Mermaid's own


def _escaped(text: str) -> str:
    return "".join(character if character not in '"#<>&;`\\' else f"#{ord(character)};" for character in text)
