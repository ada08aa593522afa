"""The local Azure's own certificate authority and server certificate, made once a folder."""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ftctl.core.clock import SystemClock
from ftctl.local import names

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


def server_context(folder: Path, *, by_name: bool = False) -> ssl.SSLContext:
    """What the server presents; `ensure_ca` comes first. `by_name` it is good for Azure's own host names too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(_named(folder / "tls") if by_name else folder / "tls" / "server.pem")
    return context


def write_private(path: Path, content: bytes) -> None:
    """A file that nobody else may read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _named(folder: Path) -> Path:
    """A server certificate that bears Azure's names too, of the CA that clients trust; made when first asked for."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  first start only
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415  the same

    path = folder / "azure.pem"
    if not path.exists():
        authority_key = load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
        authority = load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        aside = folder / f".azure-{secrets.token_hex(8)}.pem"
        write_private(aside, _certified(authority, cast("EllipticCurvePrivateKey", authority_key), names.ALL))
        aside.replace(path)
    return path


def _make(folder: Path) -> None:
    # Only the very first start needs the library, which takes 70 ms to import.
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  see above
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  see above

    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    (folder / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    write_private(folder / "ca-key.pem", _pem(authority_key))
    write_private(folder / "server.pem", _certified(authority, authority_key))


def _certified(authority: Certificate, authority_key: EllipticCurvePrivateKey, more: Sequence[str] = ()) -> bytes:
    """A new key and its certificate, for this machine's own names and `more`."""
    from cryptography import x509  # noqa: PLC0415  first start only
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415  the same
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415  the same
    from cryptography.x509.oid import ExtendedKeyUsageOID  # noqa: PLC0415  the same

    key = ec.generate_private_key(ec.SECP256R1())
    own = [x509.DNSName(_NAMES[0]), *(x509.IPAddress(ip_address(name)) for name in _NAMES[1:])]
    alternatives = x509.SubjectAlternativeName([*own, *(x509.DNSName(name) for name in more)])
    certificate = _sign(
        _builder("localhost", key)
        .issuer_name(authority.subject)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False),
        authority_key,
    )
    return _pem(key) + certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)


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
