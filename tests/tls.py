"""Throwaway certificates for a server on loopback, made by the system's `openssl`: right, expired, for another name."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")
WHY_NOT = "the program `openssl` is not installed: no certificates can be made"


def certificate(folder: Path, name: str, *, address: str = "IP:127.0.0.1") -> Path:
    """Make a key and a certificate that signs itself and holds for two days, in one PEM file."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    _run("req", "-x509", *_wanted(name, key, address), "-days", "2", "-out", str(cert))
    return _together(folder / f"{name}.pem", key, cert)


def client_certificate(folder: Path, name: str) -> Path:
    """Make an RSA key and the certificate of an app that proves itself with it, in one PEM file."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    _run(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-subj", f"/CN={name}", "-out", str(cert)
    )
    path = _together(folder / f"{name}.pem", key, cert)
    path.chmod(0o600)
    return path


def expired(folder: Path, name: str) -> Path:
    """Make a certificate that held for one day, long ago: only `openssl ca` sets dates in the past."""
    key, cert, request = (folder / f"{name}.{end}" for end in ("key", "crt", "csr"))
    _run("req", *_wanted(name, key, "IP:127.0.0.1"), "-out", str(request))
    (folder / "index.txt").touch()
    config = folder / "ca.cnf"
    config.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "default_md=sha256\npolicy=any\ncopy_extensions=copy\n[any]\ncommonName=supplied\n",
        encoding="ascii",
    )
    day = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
    signed = ["-selfsign", "-keyfile", str(key), "-in", str(request), "-out", str(cert), "-notext"]
    _run("ca", "-batch", "-config", str(config), *day, *signed)
    return _together(folder / f"{name}.pem", key, cert)


def _wanted(name: str, key: Path, address: str) -> list[str]:
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    return [*kind, "-subj", f"/CN={name}", "-addext", f"subjectAltName={address}"]


def _together(pem: Path, key: Path, cert: Path) -> Path:
    pem.write_bytes(key.read_bytes() + cert.read_bytes())
    return pem


def serving(pem: Path) -> ssl.SSLContext:
    """What a server with this certificate speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def _run(*words: str) -> None:
    assert OPENSSL is not None, WHY_NOT
    subprocess.run([OPENSSL, *words], check=True, capture_output=True, timeout=20)
