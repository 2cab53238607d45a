"""What was made of files the last time, for as long as they say the same: who reads them again reads what changed.

A file is known by its path and its bytes. What it says about other files is looked at each time (`flows.lint`). One
reader at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from flows.draft import Draft, read_draft
from flows.findings import Finding
from flows.lint import Checked
from flows.model import Flow
from flows.yamlnodes import Node, decode_nodes, read_bytes


@dataclass(frozen=True, slots=True)
class _File:
    digest: bytes
    node: Node | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    node: Node
    draft: Draft | None
    findings: tuple[Finding, ...]


def no_pause() -> None:
    """Go on at once."""


@dataclass(slots=True)
class Memory:
    """Empty at first. `pause` is called between pieces of work, by whom others wait for."""

    pause: Callable[[], None] = no_pause
    checked: dict[Draft, Checked] = field(default_factory=dict)
    _files: dict[Path, _File] = field(default_factory=dict)
    _drafts: dict[Path, _Read] = field(default_factory=dict)
    _flows: dict[Draft, Flow] = field(default_factory=dict)
    _asked: set[Path] = field(default_factory=set)  # files, since `forget_others`

    def nodes(self, path: Path) -> tuple[Node | None, list[Finding]]:
        """Return what `load_nodes` does; of a file that says the same, the same nodes."""
        self._asked.add(path)
        data = read_bytes(path)
        if isinstance(data, Finding):
            return None, [data]
        digest = sha256(data).digest()
        known = self._files.get(path)
        if known is None or known.digest != digest:
            node, findings = decode_nodes(data, path)
            known = self._files[path] = _File(digest, node, tuple(findings))
        self.pause()
        return known.node, list(known.findings)

    def draft(self, node: Node) -> tuple[Draft | None, list[Finding]]:
        """Return the flow of a file that `nodes` has read, with what is wrong with its steps."""
        known = self._drafts.get(node.file)
        if known is None or known.node is not node:
            findings: list[Finding] = []
            known = self._drafts[node.file] = _Read(node, read_draft(node, findings), tuple(findings))
            self.pause()
        return known.draft, list(known.findings)

    def flow(self, draft: Draft) -> Flow:
        """Return a draft without errors as a flow."""
        flow = self._flows.get(draft)
        if flow is None:
            flow = self._flows[draft] = draft.build()
            self.pause()
        return flow

    def forget_others(self) -> None:
        """Forget all files but those that were asked for since the last time, with what was made of them."""
        self._files = {path: self._files[path] for path in self._files if path in self._asked}
        self._drafts = {path: self._drafts[path] for path in self._drafts if path in self._asked}
        self._asked.clear()
        drafts = {read.draft for read in self._drafts.values() if read.draft is not None}
        every = {inner for draft in drafts for inner in draft.every_draft()}
        self._flows = {draft: flow for draft, flow in self._flows.items() if draft in drafts}
        self.checked = {draft: found for draft, found in self.checked.items() if draft in every}
