"""SoftHSM, a token in a folder: real PKCS #11, made once a process, into which tests move the keys of departments.

A process tells a module its configuration once, so all tests of a process share the tokens; each uses labels of its own.
"""

import atexit
import os
import subprocess
import uuid
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from licence_service.seal.pkcs11 import TokenAccess, _module

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

TOKEN, OTHER, PIN = "departments", "another", "648219"
_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", *map(str, Path("/usr/lib").glob("*/softhsm/libsofthsm2.so")))
MODULE = next((place for place in _PLACES if Path(place).exists()), "libsofthsm2.so")


@cache
def home() -> Path:
    """Make the tokens and tell SoftHSM where they are, in this process and in those it starts."""
    folder = TemporaryDirectory(prefix="softhsm-")
    atexit.register(folder.cleanup)
    place = Path(folder.name)
    (place / "tokens").mkdir()
    (place / "softhsm2.conf").write_text(f"directories.tokendir = {place}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")
    for label in (TOKEN, OTHER):
        told("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "1234567890")
    return place


def told(*arguments: str | Path) -> str:
    """Run SoftHSM's tool and return what it says."""
    return subprocess.run(["softhsm2-util", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def access(pin: str = PIN, *, module: str = MODULE, patience_seconds: float = 10.0, takes_extractable: bool = False) -> TokenAccess:
    """Return how the tokens are reached."""
    home()
    return TokenAccess(module, pin, patience_seconds, takes_extractable)


def keep(key: PrivateKey, token: str = TOKEN, label: str | None = None) -> str:
    """Bring a key into a token and return its URI."""
    label = label or f"seal {uuid.uuid4().hex}"
    file = home() / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    told("--import", file, "--token", token, "--label", label, "--id", uuid.uuid4().hex, "--pin", PIN)
    file.unlink()
    return f"pkcs11:token={token};object={label.replace(' ', '%20')}"


def keep_loosely(key: ec.EllipticCurvePrivateKey, *, sensitive: bool, extractable: bool) -> str:
    """Bring a key into the token that may be taken out of it again, and return its URI; SoftHSM's own tool makes none such."""
    from pkcs11 import Attribute, exceptions
    from pkcs11.util.ec import decode_ec_private_key

    home()
    label = f"loose {uuid.uuid4().hex}"
    said = {
        Attribute.TOKEN: True, Attribute.PRIVATE: True, Attribute.SIGN: True, Attribute.LABEL: label, Attribute.ID: uuid.uuid4().bytes,
        Attribute.SENSITIVE: sensitive, Attribute.EXTRACTABLE: extractable,
    }  # fmt: skip
    token = _module(MODULE).get_token(token_label=TOKEN)
    try:
        session = token.open(rw=True, user_pin=PIN)
    except exceptions.UserAlreadyLoggedIn:  # a lane of this process is
        session = token.open(rw=True)
    with session:
        session.create_object(decode_ec_private_key(key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())) | said)
    return f"pkcs11:token={TOKEN};object={label.replace(' ', '%20')}"


def move_seal(department: Path, passphrase: bytes, *, lanes: int | None = None) -> str:
    """Move a department's sealing key from its file into the token and return its URI; the file is gone then."""
    file, described = department / "seal.key.pem", department / "seal.toml"
    key = load_pem_private_key(file.read_bytes(), passphrase)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    uri = keep(key)
    file.unlink()
    more = f"\nlanes = {lanes}" if lanes else ""
    described.write_text(described.read_text("utf-8").replace('key = "file:seal.key.pem"', f'key = "{uri}"{more}'), "utf-8")
    return uri
