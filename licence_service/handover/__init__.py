"""Handing a licence's whole record to an archive (AU-07): gathered into one folder, and checked there without the service.

manifest.json        format `export/1`: what this is, when it was made, and the SHA-256 of every other file
entries/0001.json    the public body of each entry, to the byte as it was hashed
private/0001.json    the face, salts, facts and officer beside it, as canonical JSON; absent once erased
documents/001.pdf    the sealed file of each version
foundations/7.json   the lines of the book that judged: editions, rule packs, bodies, departments, trust anchors
head.cose            a signed head of the book; proofs.json: the audit path of each entry and foundation to its root (RFC 6962)
keys.json            the public code keys by name; certificates/*.pem: the sealing certificates
key_purposes.json    what each of them is good for, by name; all of it where the file or the name is absent
seal-uses.jsonl      the lines of the seal-use log about this licence
history.json         the same for people to read
"""

from licence_service.handover.checking import check
from licence_service.handover.gathering import Gatherer

__all__ = ["Gatherer", "check"]
