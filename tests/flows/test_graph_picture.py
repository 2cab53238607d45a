"""The picture of a flow: boxes, arrows, marks; as Mermaid and as SVG."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from flows.graph_layout import Size, lay_out
from flows.graph_mermaid import mermaid
from flows.graph_picture import Mark, Picture, Shape
from flows.graph_reading import read_picture
from flows.graph_svg import svg

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "config" / "flows" / "reception.yaml"


def picture(folder: Path, text: str) -> Picture:
    path = folder / "flow.yaml"
    path.write_text(text, encoding="utf-8")
    drawn, _ = read_picture(path)
    assert drawn is not None
    return drawn


def marks(drawn: Picture) -> dict[str, Mark]:
    return {box.title: box.mark for box in drawn.boxes if box.mark is not None}


def ways(drawn: Picture) -> set[tuple[str, str, str]]:
    titles = {box.key: box.title for box in drawn.boxes}
    return {(titles[arrow.source], arrow.label, titles[arrow.target]) for arrow in drawn.arrows}


def test_every_way_is_an_arrow_with_its_reason(tmp_path: Path) -> None:
    drawn = picture(
        tmp_path,
        """
actions:
  - {id: ask, type: digits_receive, option: {duration: 1000}}
  - {type: branch, option: {target_ids: {"1": one, "2": ask}, default_target_id: again}}
  - {id: again, type: goto, option: {target_id: ask, loop_count: 3}}
  - {id: one, type: condition_call_digits, option: {length: 1}}
  - {type: talk, option: {text: "Hello"}}
""",
    )
    assert ways(drawn) == {
        ("flow", "", "digits_receive ask"),
        ("digits_receive ask", "", "branch"),
        ("branch", "1", "condition_call_digits one"),
        ("branch", "2", "digits_receive ask"),
        ("branch", "else", "goto again"),
        ("goto again", "3 times", "digits_receive ask"),
        ("goto again", "then", "condition_call_digits one"),
        ("condition_call_digits one", "true", "talk"),
        ("condition_call_digits one", "false", "end: hangs up"),
        ("talk", "", "end: hangs up"),
    }
    back = [(arrow.label, arrow.target) for arrow in drawn.arrows if arrow.back]
    assert back == [("2", "step1"), ("3 times", "step1")]
    assert [arrow.label for arrow in drawn.arrows if arrow.mark is Mark.FAILS] == ["false"]


def test_the_flow_afterwards_is_drawn(tmp_path: Path) -> None:
    drawn = picture(tmp_path, "on_complete_flow_id: later\nactions: [{type: answer}, {type: hangup}]")
    assert ("hangup", "afterwards", "flow later") in ways(drawn)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("no_way_out", {Mark.ENDLESS}),
        ("spinning", {Mark.SPINS}),
        ("unreached", {Mark.UNREACHED}),
        ("targets", {Mark.MISSING}),
    ],
)
def test_dead_ends_and_loops_are_marked_as_the_check_finds_them(case: str, expected: set[Mark]) -> None:
    drawn, _ = read_picture(HERE / "bad" / f"{case}.yaml")
    assert drawn is not None
    assert set(marks(drawn).values()) == expected


def test_the_shipped_flow_has_nothing_to_notice() -> None:
    drawn, findings = read_picture(SHIPPED)
    assert drawn is not None
    assert findings == []
    assert marks(drawn) == {}
    assert sum(box.shape is Shape.CHOICE for box in drawn.boxes) == 4


def test_mermaid_escapes_what_would_end_its_texts(tmp_path: Path) -> None:
    text = mermaid(picture(tmp_path, """actions: [{type: talk, option: {text: 'Say "#1" <b>; `end`'}}]"""))
    line = next(line for line in text.splitlines() if line.startswith("  step1"))
    inside = line.removeprefix('  step1["').removesuffix('"]').replace("<br/>", "")
    assert not re.search(r"[\"<>`]|#(?!\d+;)", inside)
    assert "  step1 --> end_" in text.splitlines()


def test_svg_shows_every_box_and_arrow_within_its_frame() -> None:
    drawn, _ = read_picture(SHIPPED)
    assert drawn is not None
    root = ET.fromstring(svg(drawn))
    space = {"s": "http://www.w3.org/2000/svg"}
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = root.findall("s:g/s:rect", space)
    assert len(boxes) == len(drawn.boxes)
    assert len(root.findall("s:g/s:path", space)) == len(drawn.arrows)
    for box in boxes:
        assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
        assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])
    assert root.find(".//s:script", space) is None


def test_boxes_do_not_overlap_and_arrows_lead_down() -> None:
    sizes = {f"b{number}": Size(60 + 7 * (number % 5), 40) for number in range(40)}
    arrows = [
        (f"b{low}", f"b{high}") for low in range(40) for high in range(low + 1, 40) if (low * high) % 11 == 3
    ]
    layout = lay_out(sizes, arrows)
    for source, target in arrows:
        assert layout.spots[source].y < layout.spots[target].y
    keys = list(sizes)
    for number, one in enumerate(keys):
        for other in keys[number + 1 :]:
            a, b = layout.spots[one], layout.spots[other]
            if a.y == b.y:
                assert abs(a.x - b.x) >= (sizes[one].width + sizes[other].width) / 2
