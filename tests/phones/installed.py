"""Which phones this machine has (scripts/phones.sh brings them); marks that skip the tests of the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PJSUA_PYTHON = ROOT / ".phones" / "pjsua2" / "bin" / "python"
PYVOIP_PYTHON = ROOT / ".phones" / "pyvoip" / "bin" / "python"
CAPTURES = Path("/usr/share/sip-tester")  # RTP captures that SIPp's package brings


def _package(python: Path, name: str) -> bool:
    return any(python.parent.parent.glob(f"lib/python*/site-packages/{name}*"))


def _needs(there: bool, phone: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not there, reason=f"{phone} is not installed; scripts/phones.sh tells why")


HAS_PJSUA = _package(PJSUA_PYTHON, "pjsua2")
HAS_PYVOIP = _package(PYVOIP_PYTHON, "pyVoIP")
HAS_BARESIP = shutil.which("baresip") is not None
HAS_LINPHONE = shutil.which("linphonec") is not None
HAS_SIPP = shutil.which("sipp") is not None and CAPTURES.is_dir()
HAS_SIPSAK = shutil.which("sipsak") is not None
HAS_KAMAILIO = shutil.which("kamailio") is not None

needs_pjsua = _needs(HAS_PJSUA, "PJSIP (pjsua2-python)")
needs_pyvoip = _needs(HAS_PYVOIP, "pyVoIP")
needs_baresip = _needs(HAS_BARESIP, "baresip")
needs_linphone = _needs(HAS_LINPHONE, "linphonec")
needs_sipp = _needs(HAS_SIPP, "SIPp")
needs_sipsak = _needs(HAS_SIPSAK, "sipsak")
needs_kamailio = _needs(HAS_KAMAILIO, "Kamailio")
