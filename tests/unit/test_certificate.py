"""The certificate that the server makes for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from rackless import certificate


def test_it_is_kept_as_long_as_it_serves(tmp_path: Path) -> None:
    first = certificate.own(tmp_path, ["192.0.2.1"]).fingerprint
    assert certificate.own(tmp_path, ["192.0.2.1"]).fingerprint == first
    assert certificate.own(tmp_path, []).fingerprint == first
    assert certificate.own(tmp_path, ["192.0.2.1", "lab.example.net"]).fingerprint != first


def test_it_is_renewed_before_its_end_with_the_same_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = certificate.own(tmp_path, [])
    first, key = pair.fingerprint, pair.key.read_bytes()
    monkeypatch.setattr(certificate, "RENEWED", certificate.LASTS)
    assert certificate.own(tmp_path, []).fingerprint != first
    assert pair.key.read_bytes() == key


@pytest.mark.parametrize("name", ["certificate.pem", "certificate.key"])
def test_one_that_is_broken_is_made_anew(tmp_path: Path, name: str) -> None:
    certificate.own(tmp_path, [])
    (tmp_path / name).write_text("rubbish")
    certificate.context(certificate.own(tmp_path, []))


def test_it_is_for_every_name_and_signs_no_other(tmp_path: Path) -> None:
    pair = certificate.own(tmp_path, ["bücher.example", "2001:db8::1"])
    found = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "xn--bcher-kva.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert {"127.0.0.1", "::1", "2001:db8::1"} <= {str(one) for one in names.get_values_for_type(x509.IPAddress)}
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.own(tmp_path, ["Bücher.example", "2001:DB8:0::1"]).fingerprint == pair.fingerprint


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        certificate.own(tmp_path / name, [])
    mixed = certificate.Pair(certificate=tmp_path / "a/certificate.pem", key=tmp_path / "b/certificate.key")
    with pytest.raises(certificate.InputError, match="cannot be used"):
        certificate.context(mixed)
