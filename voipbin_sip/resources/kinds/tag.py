"""Labels by which queues find agents."""

from __future__ import annotations

from typing import ClassVar

from voipbin_sip.resources.base import Resource


class Tag(Resource):
    """A label."""

    kind: ClassVar[str] = "tag"

    name: str = ""
    detail: str = ""
