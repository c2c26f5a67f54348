"""Checking an export where it lies: no database, no service, nothing but the folder and, best, a key known from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from licence_service.digests import canonical, commitment, digests, sha256
from licence_service.endorsement import FACTS_FORM
from licence_service.entry_form import entry_of
from licence_service.licence import FACE_FORM, Entry
from licence_service.log.heads import BadHead, read_statement
from licence_service.log.tree import is_included
from licence_service.seal.tokens import BadToken, CodeKeys, Purpose, open1, purposes_in, verify
from licence_service.seal.tokens import public_keys as read_keys

MOST_BYTES = 100_000_000  # of one file


def check(folder: Path) -> Iterator[str]:
    """Yield, in words, everything that does not fit; nothing means that the export is whole and genuine."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        yield "manifest.json: it is not there, or not a manifest"
        return
    contents = {name: _read(folder, name) for name in files}
    for name, content in contents.items():
        if content is None or sha256(content) != files[name]:
            yield f"{name}: missing, or not the file that the manifest names"
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"manifest.json"}
    yield from (f"{name}: not named by the manifest" for name in sorted(present - files.keys()))
    whole = {name: content for name, content in contents.items() if content is not None}
    try:
        yield from _rows(manifest["licence_id"], whole)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        yield "the export cannot be read as format export/1"


def _read(folder: Path, name: str) -> bytes | None:
    path = folder / name
    if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    return path.read_bytes()


def _rows(licence_id: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Check chain, commitments, documents, signatures and the place of every line under the signed head."""
    keys = _keys_for(Purpose.ENDORSEMENT, files)
    names = sorted(name for name in files if name.startswith("entries/"))
    previous = ""
    for number, name in enumerate(names, 1):
        body = json.loads(files[name])
        private = files.get(name.replace("entries/", "private/"))
        entry = entry_of(body, json.loads(private) if private else None, digests(files[name]))
        if (entry.licence_id, entry.sequence, entry.previous) != (licence_id, number, previous) or canonical(body) != files[name]:
            yield f"{name}: it does not follow the entry before it"
        previous = sha256(files[name])
        yield from _entry(name, entry, files, keys)
    yield from _places(files, _keys_for(Purpose.EVIDENCE, files), names)


def _keys_for(purpose: Purpose, files: Mapping[str, bytes]) -> CodeKeys:
    """Return the keys of this export that are good for a purpose (SE-04); exports made before keys had one do not say it."""
    said = json.loads(files.get("key_purposes.json", b"{}"))
    if not isinstance(said, dict):
        raise ValueError("what each key is for is no object")  # noqa: TRY004 - as for any other file that cannot be read
    return {kid: key for kid, key in read_keys(json.loads(files["keys.json"])).items() if purpose in purposes_in(said, kid.hex())}


def _entry(name: str, entry: Entry, files: Mapping[str, bytes], keys: CodeKeys) -> Iterator[str]:
    version = entry.version
    if version:
        document = files.get(f"documents/{version.version:03d}.pdf", b"")
        if digests(document) != version.document:
            yield f"{name}: the document of version {version.version} is not the one that was entered"
        if version.salt and commitment(version.face, version.salt, FACE_FORM) != version.face_commitment:
            yield f"{name}: the face is not the one that was committed to"
    for one in entry.endorsements:
        if one.salt and commitment(one.committed, one.salt, FACTS_FORM) != one.commitment:
            yield f"{name}: the facts of an endorsement are not those that were committed to"
        if one.accepter and not _signed(one.kid, one.statement(entry.licence_id), one.signature, keys):
            yield f"{name}: the signature of an endorsement is wrong"


def _signed(kid: str, statement: bytes, signature: bytes, keys: CodeKeys) -> bool:
    key = keys.get(bytes.fromhex(kid))
    return key is not None and verify(key, statement, signature)


def _places(files: Mapping[str, bytes], keys: CodeKeys, names: list[str]) -> Iterator[str]:
    """Check that the head is signed, and that every line lies where it says under its root."""
    try:
        head = read_statement(open1(files["head.cose"], keys).payload)
    except (BadToken, BadHead):
        yield "head.cose: no key for evidence of this export signed it"
        return
    proofs = json.loads(files["proofs.json"])
    lines = {sha256(files[name]): name for name in [*names, *(one for one in files if one.startswith("foundations/"))]}
    proven = set()
    for place, path in proofs["paths"].items():
        nodes = [bytes.fromhex(node) for node in path]
        found = next((digest for digest in lines if is_included(bytes.fromhex(digest), int(place) - 1, head.size, nodes, head.root)), None)
        proven.add(found)
    yield from (f"{name}: no proof that the book holds it" for digest, name in lines.items() if digest not in proven)
