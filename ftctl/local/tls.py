"""The local Azure's own certificate authority and server certificate, made once a folder."""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
import tempfile
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from ftctl.core.clock import SystemClock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, Name

_YEARS = timedelta(days=3650)
_NAMES = ("localhost", "127.0.0.1", "::1")
_TITLE = "ftctl local Azure (not Microsoft Azure)"


def ensure_ca(folder: Path) -> Path:
    """The CA file that clients trust; makes CA and server certificate first where there are none.

    They are made aside and moved into place as one folder, so two processes starting at once end up with one CA.
    """
    ready = folder / "tls"
    if not (ready / "server.pem").exists():
        made = Path(tempfile.mkdtemp(prefix=".tls-", dir=folder))
        _make(made)
        try:
            made.rename(ready)
        except OSError:
            shutil.rmtree(made)
            if not (ready / "server.pem").exists():
                raise
    public = folder / "ca.pem"
    content = (ready / "ca.pem").read_bytes()
    if not public.exists() or public.read_bytes() != content:
        aside = folder / f".ca-{secrets.token_hex(8)}.pem"
        aside.write_bytes(content)
        aside.replace(public)
    return public


def server_context(folder: Path) -> ssl.SSLContext:
    """What the server presents; `ensure_ca` comes first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / "tls" / "server.pem")
    return context


def write_private(path: Path, content: bytes) -> None:
    """A file that nobody else may read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _make(folder: Path) -> None:
    # Only the very first start needs the library, which takes 70 ms to import.
    from cryptography import x509  # noqa: PLC0415  see above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  see above
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  see above
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415  see above

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    names = [x509.DNSName(_NAMES[0]), *(x509.IPAddress(ip_address(name)) for name in _NAMES[1:])]
    certificate = _sign(
        _builder("localhost", key)
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False),
        authority_key,
    )
    authority_pem, certificate_pem = authority.public_bytes(Encoding.PEM), certificate.public_bytes(Encoding.PEM)
    (folder / "ca.pem").write_bytes(authority_pem)
    write_private(folder / "ca-key.pem", _pem(authority_key))
    write_private(folder / "server.pem", _pem(key) + certificate_pem + authority_pem)


def _authority(key: EllipticCurvePrivateKey) -> Certificate:
    from cryptography import x509  # noqa: PLC0415  first start only

    builder = _builder(_TITLE, key)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return _sign(
        builder.issuer_name(_name(_TITLE))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True),
        key,
    )


def _name(title: str) -> Name:
    from cryptography import x509  # noqa: PLC0415  first start only

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, title)])


def _builder(title: str, key: EllipticCurvePrivateKey) -> CertificateBuilder:
    from cryptography import x509  # noqa: PLC0415  first start only

    now = SystemClock().now()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(title))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _sign(builder: CertificateBuilder, key: EllipticCurvePrivateKey) -> Certificate:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415  first start only

    return builder.sign(key, hashes.SHA256())


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415  first start only

    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
