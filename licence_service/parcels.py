"""Files of others that pages need: fetched once at set-up, pinned by digest, kept in the cache beside the fonts, served from our own host.

A parcel is a TOML file of this package: the npm package, its tarball's digest, and each file that is taken out of it with its own.
"""

import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache as remembered
from importlib import resources
from pathlib import Path
from typing import Any

from licence_service.digests import sha256
from licence_service.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel: `name` is its TOML file, `folder` where its files lie in the cache."""

    name: str
    folder: str

    def pins(self) -> Mapping[str, Any]:
        """Return the pinned package and its files."""
        return _pins(self.name)

    def build(self, cache: Path, source: Path | None = None, progress: Callable[[str], None] = lambda _: None) -> None:
        """Put the pinned files into the cache; what is there already and sound is kept.

        `source` is a folder with the npm tarball; without it `npm pack` fetches it. `Misconfigured` where it is not the pinned one.
        """
        if all(self.found(cache, name) is not None for name in self.pins()["files"]):
            return
        with tempfile.TemporaryDirectory() as scratch:
            tarball = self._tarball(source or Path(scratch), fetch=source is None, progress=progress)
            with tarfile.open(tarball) as archive:
                for name, pin in self.pins()["files"].items():
                    member = archive.extractfile(pin["member"])
                    content = member.read() if member else b""
                    if sha256(content) != pin["sha256"]:
                        raise Misconfigured(f"{pin['member']} in {tarball.name} is not the pinned file")
                    target = cache / self.folder / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    part = target.with_name(f"{target.name}.new")
                    part.write_bytes(content)
                    part.replace(target)

    def found(self, cache: Path, name: str) -> bytes | None:
        """Return a file of the parcel; None where it is none, absent, or not the pinned one."""
        pin, path = self.pins()["files"].get(name), cache / self.folder / name
        if pin is None or not path.is_file():
            return None
        content = path.read_bytes()
        return content if sha256(content) == pin["sha256"] else None

    def _tarball(self, folder: Path, *, fetch: bool, progress: Callable[[str], None]) -> Path:
        npm, path = self.pins()["npm"], folder / str(self.pins()["tarball"])
        if fetch:
            progress(f"fetching {npm}")
            try:
                # The specification is our own constant, and the answer is checked against its pin below.
                subprocess.run(["npm", "pack", npm, "--silent"], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607
            except (OSError, subprocess.CalledProcessError) as failed:
                raise Misconfigured(f"npm pack {npm} failed; give the folder of the tarball with --from") from failed
        if not path.is_file():
            raise Misconfigured(f"{path.name} is not in {folder}")
        if sha256(path.read_bytes()) != self.pins()["sha256"]:
            raise Misconfigured(f"{path.name} is not the pinned package")
        return path


SCANNER = Parcel("scanner", "zxing")  # the code reader of the offline page: zxing-cpp as WebAssembly
COMPONENTS = Parcel("components", "components")  # the accessible components of the pages
ALL = (SCANNER, COMPONENTS)


@remembered
def _pins(name: str) -> Mapping[str, Any]:
    return tomllib.loads(resources.files("licence_service").joinpath(f"{name}.toml").read_text("utf-8"))
