"""Where the test material lies that no one here wrote; tests that need it skip visibly without it."""

from pathlib import Path

import pytest

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"

needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"test material is not at {CORPORA}")
