"""Our certificate: what is wrong with its files, and new files while the server runs."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.fakes.authority import Authority, Pair
from voipbin_sip.transport.certificate import CertificateError, Certificates, load_contexts
from voipbin_sip.transport.tls_terms import TlsTerms


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def ours(authority: Authority) -> Pair:
    return authority.pair("ours", names=["voipbin.test"])


def terms(pair: Pair, ca: Path | None = None) -> TlsTerms:
    return TlsTerms(pair.certificate, pair.key, ca)


def fault(terms: TlsTerms) -> tuple[str, str]:
    with pytest.raises(CertificateError) as caught:
        load_contexts(terms)
    return caught.value.key, str(caught.value)


def test_modern_tls_only(ours: Pair, authority: Authority) -> None:
    contexts = load_contexts(terms(ours, authority.file))
    for context in (contexts.server, contexts.client):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_COMPRESSION
        assert all(
            cipher["name"].startswith(("TLS_", "ECDHE-", "DHE-")) for cipher in context.get_ciphers()
        ), "a key that is stolen later must not open what was recorded before"
    assert contexts.client.verify_mode is ssl.CERT_REQUIRED
    assert contexts.server.verify_mode is ssl.CERT_NONE


def test_files_that_are_not_there_are_named(ours: Pair, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.pem"
    missing = f"cannot read {nowhere}: No such file or directory"
    assert fault(TlsTerms(nowhere, ours.key)) == ("certificate", missing)
    assert fault(TlsTerms(ours.certificate, nowhere)) == ("key", missing)
    assert fault(terms(ours, nowhere)) == ("ca", missing)


def test_a_key_of_another_certificate_is_named(ours: Pair, authority: Authority) -> None:
    other = authority.pair("other")
    key, why = fault(TlsTerms(ours.certificate, other.key))
    assert key == "key"
    assert why == f"{other.key} is not the key of the certificate {ours.certificate}"


def test_a_key_with_a_passphrase_is_refused_without_asking(authority: Authority) -> None:
    hidden = authority.pair("hidden", passphrase="sesame")
    key, why = fault(terms(hidden))
    assert (key, "passphrase" in why) == ("key", True)


def test_files_that_are_no_pem_are_named(ours: Pair, tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("hello")
    assert fault(TlsTerms(text, ours.key)) == ("certificate", f"{text} holds no certificate in PEM")
    assert fault(TlsTerms(ours.certificate, text)) == ("key", f"{text} holds no private key in PEM")
    assert fault(terms(ours, text)) == ("ca", f"{text} holds no certificates in PEM")


def test_a_new_certificate_is_taken_once_both_files_are_there(ours: Pair, authority: Authority) -> None:
    certificates = Certificates(terms(ours))
    before = certificates.server
    new = authority.pair("new", names=["voipbin.test"])
    ours.certificate.write_bytes(new.certificate.read_bytes())
    with capture_logs() as logs:
        certificates.check()  # sees a change, waits for the rest
        ours.key.write_bytes(new.key.read_bytes())
        certificates.check()
        assert certificates.server is before
        certificates.check()
        certificates.check()
    assert certificates.server is not before
    assert [line["event"] for line in logs] == ["certificate read anew"]


def test_a_bad_new_certificate_leaves_the_old_one_and_is_told_once(ours: Pair) -> None:
    certificates = Certificates(terms(ours))
    before = certificates.server
    ours.certificate.write_text("nonsense")
    with capture_logs() as logs:
        for _ in range(5):
            certificates.check()
        assert not certificates.reload()  # by SIGHUP
    assert certificates.server is before
    assert [line["log_level"] for line in logs] == ["error", "error"]
    assert "holds no certificate" in logs[0]["why"]


def test_a_file_that_vanishes_and_comes_back_is_noticed(ours: Pair, authority: Authority) -> None:
    certificates = Certificates(terms(ours))
    before = certificates.server
    new = authority.pair("new")
    ours.certificate.unlink()
    certificates.check()
    new.certificate.rename(ours.certificate)
    new.key.rename(ours.key)
    for _ in range(2):
        certificates.check()
    assert certificates.server is not before


def test_a_certificate_that_runs_out_is_told_once_a_day(authority: Authority) -> None:
    pair = authority.pair("short", days=10)
    now = [datetime.now(UTC)]
    with capture_logs() as logs:
        certificates = Certificates(terms(pair), wall=lambda: now[0])
        certificates.check()
        now[0] += timedelta(days=1)
        certificates.check()
        certificates.check()
        now[0] += timedelta(days=20)
        certificates.check()
    assert [line["event"] for line in logs] == [
        "certificate expires soon",
        "certificate expires soon",
        "certificate has expired",
    ]


def test_client_certificates(ours: Pair, authority: Authority) -> None:
    required = replace(terms(ours, authority.file), client_certificates="required")
    assert load_contexts(required).server.verify_mode is ssl.CERT_REQUIRED
    optional = replace(required, client_certificates="optional")
    assert load_contexts(optional).server.verify_mode is ssl.CERT_OPTIONAL
    assert load_contexts(replace(required, verify=False)).client.verify_mode is ssl.CERT_NONE
