"""What is refused to those who steer a run, or give it steps, from outside."""

from __future__ import annotations

from collections.abc import Iterable

from flows.findings import Finding, Severity


class ControlRefused(Exception):  # noqa: N818 - reads as what happened to the request
    """A run cannot do what was asked of it now; the message says why."""


class StepsRefused(Exception):  # noqa: N818 - reads as what happened to the steps
    """Steps from outside are faulty; `findings` has the errors, each with its path."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
        super().__init__(self.findings[0].message if self.findings else "no steps")
