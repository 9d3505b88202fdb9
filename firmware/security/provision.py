"""A key store: blank, for two custodians; or with test keys and a test CA, at random, for a laptop or a bench. Nothing
of it is ever committed."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware.security import keystore
from firmware.security.keystore import Keystore
from firmware.security.sealing import Secret

_LIFE = timedelta(days=825)
_START = timedelta(days=1)


def blank(directory: Path, secret: Secret | None = None) -> None:
    """keystore.json without a TMK. Certificates come from whoever runs the host."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    keystore.save(keystore.empty(), directory, secret)


def test_keys(directory: Path, server_name: str, secret: Secret | None = None) -> Keystore:
    """Write keystore.json and certs/ (ca, terminal, bank). Returns the key store, whose TMK the bank needs too."""
    made = keystore.generate()
    keystore.save(made, directory, secret)
    certificates(directory / "certs", server_name)
    _rules_key(directory / "certs")
    return made


def for_the_bank(keys: Keystore, directory: Path) -> str:
    """What a simulated bank on another machine needs to know of these test keys, as JSON: the TMK and its own side of
    the TLS line. It is worth what test keys are worth."""
    assert keys.tmk, "test keys have a TMK"
    names = ("ca.pem", "bank.pem", "bank.key")
    files = {name: (directory / "certs" / name).read_text(encoding="ascii") for name in names}
    return json.dumps({"tmk": keys.tmk.reveal().hex(), "files": files}, indent=1)


def _rules_key(folder: Path) -> None:
    """rules.pub checks the signature of a rule pack; a real one comes from whoever signs them, without rules.key."""
    key = ed25519.Ed25519PrivateKey.generate()
    _write(
        folder / "rules.pub",
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    _write(folder / "rules.key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                   serialization.NoEncryption()))  # fmt: skip


def certificates(folder: Path, server_name: str) -> None:
    """ca.pem, terminal.pem/.key for us, bank.pem/.key for the simulated bank. Keys are mode 0600."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Takeback test CA", ca_key.public_key(), "Takeback test CA", ca_key, ca=True)
    _write(folder / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    for name, subject, usage in (("terminal", "terminal.test", ExtendedKeyUsageOID.CLIENT_AUTH),
                                 ("bank", server_name, ExtendedKeyUsageOID.SERVER_AUTH)):  # fmt: skip
        key = ec.generate_private_key(ec.SECP256R1())
        cert = _certificate(subject, key.public_key(), "Takeback test CA", ca_key, usage=usage)
        _write(folder / f"{name}.pem", cert.public_bytes(serialization.Encoding.PEM))
        _write(folder / f"{name}.key", key.private_bytes(serialization.Encoding.PEM,
                                                         serialization.PrivateFormat.PKCS8,
                                                         serialization.NoEncryption()))  # fmt: skip


def _certificate(subject: str, public: ec.EllipticCurvePublicKey, issuer: str, signer: ec.EllipticCurvePrivateKey,
                 ca: bool = False, usage: x509.ObjectIdentifier | None = None) -> x509.Certificate:  # fmt: skip
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _START)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_key_usage(ca), critical=True)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=not ca, content_commitment=False, key_encipherment=False,
                         data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
                         encipher_only=False, decipher_only=False)  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
