"""Files of others that the pages need: only the pinned ones are kept and served."""

import io
import tarfile
from pathlib import Path

import pytest

from licence_service.errors import Misconfigured
from licence_service.parcels import ALL, SCANNER
from licence_service.web.pages import components


def tarball(folder: Path, content: bytes = b"other") -> Path:
    """Make a package that is not the pinned one."""
    path = folder / str(SCANNER.pins()["tarball"])
    with tarfile.open(path, "w:gz") as archive:
        for pin in SCANNER.pins()["files"].values():
            member = tarfile.TarInfo(pin["member"])
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    tarball(tmp_path)

    with pytest.raises(Misconfigured, match="not the pinned package"):
        SCANNER.build(tmp_path / "cache", tmp_path)
    assert not (tmp_path / "cache").exists()


def test_a_package_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"zxing-wasm-.*\.tgz is not in"):
        SCANNER.build(tmp_path / "cache", tmp_path)


def test_a_file_that_was_changed_is_not_served(tmp_path: Path) -> None:
    name = next(iter(SCANNER.pins()["files"]))
    path = tmp_path / SCANNER.folder / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"changed")

    assert SCANNER.found(tmp_path, name) is None
    assert SCANNER.found(tmp_path, "../fonts.json") is None
    assert SCANNER.found(tmp_path, "none.js") is None


def test_the_set_up_has_left_them_beside_the_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    from licence_service.settings import Settings

    monkeypatch.delenv("LICENCE_DATABASE_URL", raising=False)
    cache = Settings().fonts.expanduser()

    for parcel in ALL:
        assert None not in [parcel.found(cache, name) for name in parcel.pins()["files"]], "run: licence-service parcels build"
        parcel.build(cache, Path("/nowhere"))  # nothing is left to do
    assert (SCANNER.found(cache, "zxing_reader.wasm") or b"")[:4] == b"\0asm"
    style = components(cache).decode()
    assert ".govuk-button" in style
    for foreign in ("url(", "@font-face", "GDS Transport", "@import"):
        assert foreign not in style
