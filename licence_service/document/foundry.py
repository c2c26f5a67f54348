"""Prepare the faces once: pinned packages → lean TrueType files in a cache folder (LIBRARIES §3).

What a page never needs (layout tables, hinting, vertical metrics, names) is dropped, so that five faces stay light
in a server. Outlines stay as they are: widths are written exactly whatever the em (ISO 19005-3 6.2.11.5), so that the
minute `scale_upem` would take is not needed.
"""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont

from licence_service.document.fonts import INDEX, RARE, pins
from licence_service.errors import Misconfigured

_KEPT = frozenset({"glyf", "loca", "head", "hhea", "hmtx", "maxp", "cmap", "post", "OS/2", "name"})
_FORMAT = 2  # of the prepared files; raised when the preparation changes

Progress = Callable[[str], None]


def build(cache: Path, source: Path | None = None, progress: Progress = lambda _: None) -> None:
    """Fill `cache` with the prepared faces and an index of their SHA-256; what is there already and sound is kept.

    `source` is a folder with the two npm tarballs; without it `npm pack` fetches them into a temporary folder.
    Raise `Misconfigured` where a package is missing or is not the pinned one.
    """
    wanted = pins()
    cache.mkdir(parents=True, exist_ok=True)
    index = _read_index(cache)
    todo = {slug: face for slug, face in wanted["faces"].items() if not _is_built(cache, index, slug, face["sha256"])}
    for slug, raw in _members(wanted, todo, source, progress):
        progress(f"preparing {slug}")
        index[slug] = _prepare(raw, cache / f"{slug}.ttf", wanted["faces"][slug])
        _write(cache / INDEX, json.dumps(index, indent=1, sort_keys=True).encode())
    rare = Path(wanted[RARE]["path"])
    if rare.is_file():
        raw = rare.read_bytes()
        if not _is_built(cache, index, RARE, _digest(raw)):
            progress(f"preparing {RARE}")
            index[RARE] = _prepare(raw, cache / f"{RARE}.ttf", wanted[RARE])
    _write(cache / INDEX, json.dumps(index, indent=1, sort_keys=True).encode())


def _members(wanted: Mapping[str, Any], todo: Mapping[str, Any], source: Path | None, progress: Progress) -> Iterator[tuple[str, bytes]]:
    """Yield slug and font file of every face that is still to do, each checked against its pin."""
    with tempfile.TemporaryDirectory() as scratch:
        for key, package in wanted["packages"].items():
            mine = {slug: face for slug, face in todo.items() if face["package"] == key}
            if not mine:
                continue
            tarball = _tarball(package, source or Path(scratch), fetch=source is None, progress=progress)
            with tarfile.open(tarball) as archive:
                for slug, face in mine.items():
                    member = archive.extractfile(face["member"])
                    raw = member.read() if member else b""
                    if _digest(raw) != face["sha256"]:
                        raise Misconfigured(f"{face['member']} in {tarball.name} is not the pinned file")
                    yield slug, raw


def _tarball(package: Mapping[str, str], folder: Path, *, fetch: bool, progress: Progress) -> Path:
    path = folder / package["tarball"]
    if fetch:
        progress(f"fetching {package['npm']}")
        try:
            # The specification is our own constant, and the answer is checked against its pin below.
            subprocess.run(["npm", "pack", package["npm"], "--silent"], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607
        except (OSError, subprocess.CalledProcessError) as failed:
            raise Misconfigured(f"npm pack {package['npm']} failed; give the folder of the tarballs with --from") from failed
    if not path.is_file():
        raise Misconfigured(f"{package['tarball']} is not in {folder}")
    if _digest(path.read_bytes()) != package["sha256"]:
        raise Misconfigured(f"{package['tarball']} is not the pinned package")
    return path


def _prepare(raw: bytes, target: Path, face: Mapping[str, str]) -> dict[str, str | int]:
    """Write one lean face atomically and return its row of the index."""
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".part") as scratch:
        scratch.write(raw)
        scratch.flush()
        with TTFont(scratch.name, lazy=True, recalcTimestamp=False) as font:
            for tag in [tag for tag in font.keys() if tag not in _KEPT and tag != "GlyphOrder"]:  # noqa: SIM118
                del font[tag]
            font["cmap"].tables = [table for table in font["cmap"].tables if table.format == 12][-1:]  # noqa: PLR2004
            font["name"].names = [name for name in font["name"].names if name.nameID in {1, 2, 4, 6}]
            part = target.with_suffix(".new")
            font.save(part)
    made = part.read_bytes()
    part.replace(target)
    return {"format": _FORMAT, "name": face["name"], "source": _digest(raw), "sha256": _digest(made), "bytes": len(made)}


def _is_built(cache: Path, index: Mapping[str, Any], slug: str, source: str) -> bool:
    row, path = index.get(slug), cache / f"{slug}.ttf"
    if not row or row["source"] != source or row["format"] != _FORMAT or not path.is_file():
        return False
    return _digest(path.read_bytes()) == str(row["sha256"])


def _read_index(cache: Path) -> dict[str, Any]:
    path = cache / INDEX
    return dict(json.loads(path.read_bytes())) if path.is_file() else {}


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".new")
    part.write_bytes(content)
    part.replace(path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
