"""The metrics of `/metrics`, of the calls that make them in voipbin_sip/observe."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from reference.tables import table

SOURCE = Path(__file__).resolve().parents[2] / "voipbin_sip" / "observe" / "metrics.py"
_KINDS = {"_gauge": "gauge", "_counter": "counter", "CountMetric": "counter", "_histogram": "histogram"}
_NAME = {"_histogram": 1}  # which argument is the name; the first, where nothing is said here


def metrics() -> Iterator[str]:
    """Yield docs/reference/metrics.md, by name."""
    rows = sorted(_rows(ast.parse(SOURCE.read_text(encoding="utf-8"))))
    yield from ("", *table(("metric", "type", "labels", "what"), rows))
    yield from (
        "",
        "Besides, `process_…`: memory, processor time and open files of the server's own process.",
    )


def _rows(tree: ast.AST) -> Iterator[tuple[str, str, str, str]]:
    for call in ast.walk(tree):
        if (
            not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Name)
            or call.func.id not in _KINDS
        ):
            continue
        function, at = call.func.id, _NAME.get(call.func.id, 0)
        texts = [value.value for value in call.args[at:] if isinstance(value, ast.Constant)]
        if len(texts) < 2:
            continue
        name = str(texts[0]).removeprefix("voipbin_")
        labels = [str(text) for text in texts[2:]]
        labels += [
            str(ast.literal_eval(word))
            for value in call.args
            if isinstance(value, ast.Tuple)
            for word in value.elts
        ]
        if function == "_histogram":
            name, labels = f"call_{name}", labels or ["direction"]
        full = f"voipbin_{name}{'_total' if _KINDS[function] == 'counter' else ''}"
        yield f"`{full}`", _KINDS[function], ", ".join(f"`{label}`" for label in labels) or "–", str(texts[1])
