"""Commands for checking without network: build and show a trust bundle, check a code against one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from licence_service.bundle import MOST_BYTES, BadBundle, Bundle, apply, read
from licence_service.cli.examining import bounded, content_of
from licence_service.cli.talking import NOT_VALID, UNDECIDED, err, out, said, service, show
from licence_service.errors import Fault, RequestRejected
from licence_service.follower import keeper_of
from licence_service.licence import BEIJING
from licence_service.offline import OfflineVerdict, check
from licence_service.offline_showing import check as check_shown
from licence_service.offline_showing import is_show_code
from licence_service.parcels import ALL
from licence_service.seal.keyring import read_keyring
from licence_service.seal.listing_tokens import kid_of
from licence_service.seal.terms import PublicKey, key_in
from licence_service.seal.tokens import Purpose
from licence_service.settings import read_settings
from licence_service.status import Status, status_at
from licence_service.verdict import Overall, in_words
from licence_service.wording import QUESTIONS, RESULTS

bundles = typer.Typer(no_args_is_help=True, help="Trust bundles: what a device needs to check codes without network.")
parcels = typer.Typer(no_args_is_help=True, help="Files of others that the pages need: the code reader, the components.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Key = Annotated[Path | None, typer.Option(help="The keeper's public key or certificate (PEM); without it, the one of this set-up's keys.")]
Deltas = Annotated[list[Path] | None, typer.Option(help="Deltas to apply, oldest first.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("check-offline")(check_offline)
    app.add_typer(bundles, name="bundle")
    app.add_typer(parcels, name="parcels")


@parcels.command("build")
@said
def parcels_build(
    source: Annotated[Path | None, typer.Option("--from", help="A folder with the packages' tarballs; without it npm fetches them.")] = None,
) -> None:
    """Fetch the pinned files into the cache beside the fonts, once."""
    for parcel in ALL:
        parcel.build(read_settings().fonts.expanduser(), source, progress=lambda text: err.print(text, markup=False))


@bundles.command("key")
@said
def bundle_key(
    purpose: Annotated[
        Purpose, typer.Option(help="What it is to check: status (bundles and lists), evidence (receipts, answers, notes, heads).")
    ] = Purpose.STATUS,
) -> None:
    """Print a public key of the keeper (PEM): what a device without this set-up checks bundles with, or receipts."""
    settings = read_settings()
    keyring = read_keyring(settings.keys.expanduser(), passphrase=settings.passphrase(), allow_demo=settings.allow_demo_keys)
    print(keyring.public_code_keys()[keeper_of(keyring.departments).signers[purpose].kid.hex()], end="")  # noqa: T201 - to be piped, to the byte


@bundles.command("build")
@said
def build_bundle(
    file: Annotated[Path, typer.Argument(help="Where to write the bundle.")],
    since: Annotated[datetime | None, typer.Option(help="Write only what changed since the bundle of this instant (its as_of, in UTC).")] = None,
) -> None:
    """Make the status lists anew and write the trust bundle into a file."""
    with service() as opened:
        text = opened.publisher.delta(since.replace(tzinfo=UTC)) if since else opened.publisher.bundle(at_once=True)
    file.write_text(text, "ascii")
    out.print(f"{file}: {len(text)} bytes", markup=False, soft_wrap=True)


@bundles.command("show")
@said
def show_bundle(file: Path, key: Key = None, delta: Deltas = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Check the signature of a bundle and say what is in it."""
    opened = _bundle(file, key, delta)
    rows = []
    for number, places in sorted(opened.lists.items()):
        counts = dict.fromkeys(Status, 0)
        for index in range(len(places) * 4):
            counts[status_at(places, index)] += 1
        rows.append({"list": number, **{status.name.lower(): count for status, count in counts.items()}})
    if as_json:
        head = {"book": opened.book, "as_of": opened.as_of.isoformat(), "signed_at": opened.signed_at.isoformat(), "head": opened.head}
        show({**head, "issuers": [*opened.issuers], "types": [*opened.types], "lists": rows, "suspensions": len(opened.lapses)}, as_json=True)
        return
    out.print(f"{opened.book}  as of {opened.as_of.astimezone(BEIJING).isoformat(timespec='seconds')}", markup=False)
    out.print(f"{len(opened.issuers)} departments, {len(opened.types)} types, {len(opened.rule_packs)} rule packs, {len(opened.lapses)} suspensions")
    show(rows, as_json=False, columns=("list", "valid", "invalid", "suspended", "superseded"))


@said
def check_offline(
    code: Annotated[str, typer.Argument(help="What a reader of codes saw, or a picture (PNG, JPEG, WebP) or PDF with the code on it.")],
    bundle: Annotated[Path, typer.Option(help="The trust bundle.")],
    key: Key = None,
    delta: Deltas = None,
    at: Annotated[str | None, typer.Option(help="Pretend that the device's clock says this (ISO 8601 with a zone).")] = None,
    server_time: Annotated[
        str | None, typer.Option(help="A time just signed by the server, to compare the clock with (ISO 8601 with a zone).")
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Check a code on paper, or on a screen, without network. Exit code 4: not valid, 5: cannot be decided."""
    opened = _bundle(bundle, key, delta)
    now = _instant(at, "at") if at else datetime.now(UTC)
    text, told = _presented(code), _instant(server_time, "server_time") if server_time else None
    found = (check_shown if is_show_code(text, opened) else check)(text, opened, now, told)
    if as_json:
        show(found.as_json(), as_json=True)
    else:
        _say(found)
    if found.overall is Overall.NOT_VALID:
        raise typer.Exit(NOT_VALID)
    if found.overall is Overall.CANNOT_DECIDE:
        raise typer.Exit(UNDECIDED)


def _say(found: OfflineVerdict) -> None:
    out.print(f"{found.headline[0]}\n{found.headline[1]}", markup=False, soft_wrap=True)
    if found.licence:
        kind = found.licence["type"] or {"zh": "未知类型", "en": "unknown type"}
        out.print(f"{kind['zh']} / {kind['en']}, {found.licence['issuer']['zh']} / {found.licence['issuer']['en']}", markup=False, soft_wrap=True)
        if compare := found.licence["compare"]:
            out.print(f"证件上写的是不是：{compare}  Does the paper say: {compare}?", markup=False, soft_wrap=True)
    rows = [
        {
            "question": " ".join(QUESTIONS[name]), "answer": " ".join(RESULTS[one.result.value]),
            "reasons": "；".join(f"{word['zh']} {word['en']}" for word in in_words(one.reasons)),
        }
        for name, one in found.answers.items()
    ]  # fmt: skip
    show(rows, as_json=False, columns=("question", "answer", "reasons"))
    hours, as_of = found.age_seconds / 3600, found.as_of.astimezone(BEIJING).isoformat(timespec="seconds")
    old = ("，已过时限", ", too old") if found.stale else ("", "")
    out.print(f"状态资料截至 {as_of}，{hours:.1f} 小时前{old[0]}  status as of {as_of}, {hours:.1f} hours old{old[1]}", markup=False, soft_wrap=True)
    if found.clock.wrong_by is not None:
        wrong = found.clock.wrong_by
        err.print(f"本机时钟偏差 {wrong} 秒  the clock of this device is wrong by {wrong} seconds", markup=False, soft_wrap=True)


def _bundle(file: Path, key: Path | None, deltas: list[Path] | None) -> Bundle:
    text = _text(file)
    keys = _keys(key, text)
    try:
        opened = read(text, keys)
        for one in deltas or ():
            opened = apply(opened, _text(one), keys)
    except BadBundle as bad:
        raise RequestRejected(str(bad)) from bad
    return opened


def _keys(key: Path | None, text: str) -> Mapping[bytes, PublicKey]:
    """Return the keeper's key by its kid: this set-up's own, or the one that is given, whatever kid the file names."""
    if key is None:
        settings = read_settings()
        keyring = read_keyring(settings.keys.expanduser(), passphrase=settings.passphrase(), allow_demo=settings.allow_demo_keys)
        signer = keeper_of(keyring.departments).signers[Purpose.STATUS]
        return {signer.kid: signer.key.public_key()}
    try:
        return {kid_of(text): key_in(key.read_bytes())}
    except (OSError, ValueError):
        raise RequestRejected("--key is no P-256 key or certificate in PEM, or the file no bundle") from None


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise RequestRejected("this file is too large to be a bundle")
        return file.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise RequestRejected("a bundle's file cannot be read") from None


def _presented(code: str) -> str:
    """Return what is on the code: it is given, or it stands on a picture or page."""
    path = Path(code)
    try:
        if "://" in code or code.isdecimal() or not path.is_file():
            return code
    except OSError:
        return code  # a text that is no name of a file
    with bounded() as presenter:
        seen = presenter.texts_of_codes(content_of(path))
    if not seen:
        raise RequestRejected("no code can be read on it")
    return seen[0]


def _instant(text: str, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise RequestRejected(faults=[Fault(name, "not-an-instant", "an instant with its zone is wanted here")])
    return instant
