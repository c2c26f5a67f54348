"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from licence_service import errors
from licence_service.licence import Act
from licence_service.web.problems import STATUS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "licence_service"
SOURCES = sorted(PACKAGE.rglob("*.py"))
TYPES = {path.name for path in (ROOT / "templates").iterdir() if path.is_dir() and not path.name.startswith("_")}
KINDS = {path.stem for path in (ROOT / "templates" / "_endorsements").glob("*.toml")}
MOST_LINES, MOST_OF_A_FUNCTION = 320, 60
SECRET = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+(?:[A-Za-z-]+: .*\s+)*[A-Za-z0-9+/=]{40,}")


def tracked() -> list[Path]:
    """Return what is, or is about to be, in the repository; in an unpacked copy without one, every file that would be."""
    if not (ROOT / ".git").exists():
        left = {"var", ".venv", "mutants", "build"}
        return [path for path in ROOT.rglob("*") if path.is_file() and path.relative_to(ROOT).parts[0] not in left]
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def texts_in(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every string constant that is no docstring, with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def test_no_private_key_is_tracked() -> None:
    for path in tracked():
        assert path.suffix not in {".key", ".p12", ".pfx", ".jks"}, path
        assert not path.name.endswith(".key.pem"), path
        assert not SECRET.search(path.read_bytes()), path


def test_what_a_run_leaves_is_not_tracked() -> None:
    assert not [path for path in tracked() if path.relative_to(ROOT).parts[0] in {"var", ".venv", "mutants", "build"}]


def test_no_certificate_type_is_named_in_python() -> None:
    names = re.compile(rf"\b({'|'.join(sorted(TYPES))})\b")
    assert TYPES
    assert [(path.name, found[1]) for path in SOURCES for found in names.finditer(path.read_text(encoding="utf-8"))] == []


def test_no_department_is_named_in_python() -> None:
    departments = tomllib.loads((ROOT / "keys" / "demo.toml").read_text(encoding="utf-8"))["departments"]
    names = {str(one[key]) for one in departments for key in ("name", "name_en", "short_name", "uscc")}
    assert names
    assert [(path.name, name) for path in SOURCES for name in names if name in path.read_text(encoding="utf-8")] == []


def test_no_endorsement_kind_is_named_in_python() -> None:
    # An act and the kind that it writes may share a word; `suspension` is a part of a request.
    words = KINDS - {act.value for act in Act} - {"suspension"}
    assert KINDS
    assert [(path.name, line, text) for path in SOURCES for line, text in texts_in(path) if text in words] == []


def test_licence_is_spelt_with_a_c() -> None:
    found = [
        (path.name, word)
        for path in SOURCES
        for word in re.findall(r"\w*license\w*", path.read_text(encoding="utf-8"), re.IGNORECASE)
        if word not in {"license_no", "license_word"}  # names of fields on the face, as the catalogue has them
    ]
    assert found == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc", "manager", "base", "core", "abstract"])
def test_no_module_is_named_after_nothing(word: str) -> None:
    assert [path for path in SOURCES if word in path.relative_to(PACKAGE).with_suffix("").parts] == []


def test_no_module_outgrows_its_room() -> None:
    lines = {str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_function_outgrows_a_screen() -> None:
    long = [
        (path.name, node.name, node.end_lineno - node.lineno + 1)
        for path in SOURCES
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno and node.end_lineno - node.lineno >= MOST_OF_A_FUNCTION
    ]
    assert long == []


def refusals(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        yield from refusals(kind)


def test_every_refusal_has_its_status() -> None:
    kinds = {kind for root in (errors.Refusal, errors.Unavailable) for kind in refusals(root) if kind.__module__ == errors.__name__}
    assert kinds == set(STATUS)


def test_every_refusal_says_what_it_is() -> None:
    slugs = [str(getattr(kind, "slug", "")) for kind in STATUS]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in slugs)
    assert all(kind.__doc__ and getattr(kind, "title", "") for kind in STATUS)


def test_imports_only_go_downwards_and_each_library_has_one_home() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run([linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_importing_does_nothing(tmp_path: Path) -> None:
    code = "import licence_service.cli, licence_service.app"
    bare = {"PATH": "/usr/bin:/bin"}
    left = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)
    assert (left.returncode, left.stdout, left.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda lock: lock.name)
def test_a_lock_file_pins_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|--(index|extra|find|trusted)", text)
    for block in re.split(r"\n(?=[a-zA-Z])", text.strip()):
        assert re.match(r"[a-z0-9A-Z._\[\],-]+==\S+", block), block[:80]
        assert "--hash=sha256:" in block, block[:80]


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lock, wanted in (
        ("requirements.lock", [*project["dependencies"], *project["optional-dependencies"]["build"]]),
        ("requirements-dev.lock", [*project["dependencies"], *project["optional-dependencies"]["dev"], *project["optional-dependencies"]["build"]]),
        ("requirements-fonts.lock", project["optional-dependencies"]["fonts"]),
        ("requirements-hsm.lock", project["optional-dependencies"]["hsm"]),
    ):
        pinned = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for one in wanted:
            found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?(==[0-9.]+$)?", one)
            assert found
            assert found[1].lower() in pinned, one
            assert not found[2] or pinned[found[1].lower()] == found[2][2:], one


def test_every_direct_dependency_of_the_service_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert all(re.search(r"(==|~=|<)", one) for one in project["dependencies"])
