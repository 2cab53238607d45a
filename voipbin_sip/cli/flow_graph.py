"""`voipbin-sip flow graph`: the picture of a flow, to standard output or into a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from flows.graph_mermaid import mermaid
from flows.graph_picture import Mark, Picture
from flows.graph_reading import read_picture
from flows.graph_svg import svg


def run(file: Path, form: Literal["mermaid", "svg"], output: Path | None) -> int:
    """Draw a flow; returns the exit status. What is wrong with it is told on standard error, and drawn."""
    if not file.is_file():
        print(f"voipbin-sip: there is no flow file {file}", file=sys.stderr)
        return 1
    picture, findings = read_picture(file)
    for finding in findings:
        print(finding, file=sys.stderr)
    if picture is None:
        print(f"voipbin-sip: {file} has no steps to draw", file=sys.stderr)
        return 1
    text = mermaid(picture) if form == "mermaid" else svg(picture)
    if output is None:
        sys.stdout.write(text)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as fault:
            print(f"voipbin-sip: cannot write {output}: {fault.strerror}", file=sys.stderr)
            return 1
    for line in _remarks(picture):
        print(line, file=sys.stderr)
    return 0


def _remarks(picture: Picture) -> list[str]:
    lines = [
        f"{' '.join((box.title, *box.lines[-1:]))}: {box.mark.value}"
        for box in picture.boxes
        if box.mark is not None
    ]
    failing = sum(arrow.mark is Mark.FAILS for arrow in picture.arrows)
    if failing:
        lines.append(
            f"{failing} way{'' if failing == 1 else 's'} end{'s' if failing == 1 else ''} by a failure"
        )
    return lines
