"""The examples of the OpenAPI document as a story that runs: `python -m tests.examples` writes the answers anew, a test sends the requests.

`licence_service/web/examples.json` holds `names`, each with the made-up value that stands for it, and `steps` in the order of the story. What the
service gives (`gives`: name → place in the answer) stands from then on for the made-up value in what is sent.
"""

import base64
import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from licence_service.digests import canonical
from licence_service.endorsement import assertion_of
from licence_service.listing import EVERY
from licence_service.reviewing import REPORT_FORM
from licence_service.store.clients import HOST, OFFICER, PLATFORM, Client
from tests.attesting import SCHOOL, STATION, Attester, accepts, asserts, registered
from tests.world import NOW, ROOT, TRIP, World, a_world, make_keys, picture

FILE = ROOT / "licence_service" / "web" / "examples.json"
MOST_TEXT, MOST_ITEMS = 120, 2  # of an answer in the document; what is longer is cut
COUNTY = "11519900MB9900021Q"
IDENTITY = "https://id.example.cn"
KEY = ECKey.generate_key("P-256", {"kid": "one"})  # of the identity service
SECRETS = {"calling": "client_secret", "host": "host_secret"}
TOKENS = {"calling": "access_token", "holder": "holder_token", "company": "company_token"}
VOUCHED = {
    "assertion": {"holder_kind": "person", "id_number": "519902198506120111", "name": "陈安途"},
    "company_assertion": {
        "holder_kind": "company", "id_number": "91519902MA99011003", "name": "蜀安江川航运有限公司", "company_role": "legal_representative"
    },
}  # fmt: skip


@contextmanager
def a_story_world(folder: Path, keys: Path) -> Iterator[World]:
    """Open a world whose webhooks may go to this machine, and whose holders an identity service vouches for."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "identity.jwks").write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}), "utf-8")
    identity: dict[str, Any] = {"identity_issuer": IDENTITY, "identity_keys_file": folder / "identity.jwks"}
    with a_world(folder, keys, webhook_networks="127.0.0.0/8", **identity) as world:
        yield world


def read() -> dict[str, Any]:
    """Read the file."""
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


@dataclass
class Story:
    """A world in which the steps are told, one after the other."""

    world: World
    names: dict[str, str]
    real: dict[str, str] = field(default_factory=dict)
    askers: dict[str, dict[str, str]] = field(default_factory=lambda: {"": {}})
    bodies: dict[str, Attester] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Add who asks, the bodies that attest, and a file that was sealed elsewhere."""
        clients = {
            "calling": Client("approval", COUNTY, ("*",), 1000), "officers": Client("officers", COUNTY, ("*",), 1000, OFFICER),
            "platform": Client("platform", "91519902MB99000889", ("*",), 1000, PLATFORM), "host": Client("super-app", "91519902MB99000889", ("*",), 1000, HOST),
        }  # fmt: skip
        for name, client in clients.items():
            secret = self.world.service.clients.add(client, NOW)
            self.askers[name] = {"Authorization": f"Bearer {secret}"}
            self.real |= {SECRETS[name]: secret} if name in SECRETS else {}
        self.bodies = {
            "school": registered(self.world, Attester(SCHOOL), asserts("*")),
            "station": registered(self.world, Attester(STATION), asserts("*")),
        }
        registered(self.world, Attester(COUNTY), accepts("*"), with_key=False)
        self.real["photo"] = picture()
        face = {"face": self.world.request(TRIP)["face"]}
        draft = self.world.http.post(f"/templates/{TRIP}/preview", json=face, headers=self.world.headers(TRIP)).content
        seal = self.world.service.keyring.departments[COUNTY].seal
        self.real["document"] = base64.b64encode(seal.affix(draft, sealed_at=NOW, request_id="elsewhere").document).decode()

    def told(self, value: Any) -> Any:
        """Return a value with what is real in the place of what was made up."""
        text = json.dumps(value, ensure_ascii=False)
        for name, real in self.real.items():
            text = text.replace(self.names[name], real)
        return json.loads(text)

    def retold(self, value: Any) -> Any:
        """Return an answer as it stands in the document: with what was made up, and cut where it is long."""
        text = json.dumps(value, ensure_ascii=False)
        for name, real in self.real.items():
            text = text.replace(real, self.names[name])
        return cut(json.loads(text))

    def send(self, step: dict[str, Any]) -> Any:
        """Send one step and return the answer."""
        service = self.world.service
        service.follower.follow()
        service.status_lists.refresh()
        service.courier.work()
        if step.get("later"):
            self._let_time_pass()
        if reserved := service.reservations.by_key("approval", "SA-2026-000001-issue"):
            self.real["reservation_id"] = reserved.reservation_id  # what a caller learns where the seal must be waited for
        method, path = step["operation"].split(" ")
        if (token := TOKENS.get(step["who"])) in self.real:
            self.askers[step["who"]] = {"Authorization": f"Bearer {self.real[str(token)]}"}
        if "subject_token" in step.get("form", {}):
            self.real |= {name: self._vouched(claims) for name, claims in VOUCHED.items()}
        more = self._sent(self.told({name: step[name] for name in ("json", "form", "parts") if name in step}), step)
        path = path.format(**self.told(step.get("path", {})))
        headers = {**self.askers[step["who"]], **step.get("headers", {}), **more.pop("headers", {})}
        answer = self.world.http.request(method, path, params=self.told(step.get("query", {})), headers=headers, **more)
        for name, place in step.get("gives", {}).items():
            assert answer.status_code == step["status"], (step["operation"], answer.status_code, answer.text)
            self.real[name] = found_at(answer.json(), place)
        return answer

    def _vouched(self, claims: dict[str, str]) -> str:
        """Return an assertion as the identity service signs it for somebody who is logged in."""
        now = int(self.world.clock().timestamp())
        said = {
            "iss": IDENTITY,
            "sub": "u-17",
            "aud": "https://licence.example.cn",
            "iat": now,
            "exp": now + 300,
            "acr": "3",
            "jti": secrets.token_hex(8),
        }
        return jwt.encode({"alg": "ES256", "kid": KEY.kid}, {**said, **claims}, KEY, algorithms=["ES256"])

    def _let_time_pass(self) -> None:
        """Let time pass, so that status lists are made anew."""
        clock: Any = self.world.clock
        clock.now += EVERY + timedelta(seconds=1)
        self.world.service.status_lists.refresh()
        clock.now += timedelta(seconds=5)

    def _sent(self, said: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the body as the test client wants it, signed by a body where the step says so."""
        if signer := step.get("signed_by"):
            body, attester = said["json"], self.bodies[step["signed_by"]]
            if signer == "school":
                signed = assertion_of(*(body[name] for name in ("licence_id", "kind", "facts", "external_ref", "asserter")))
            else:
                signed = {"format": REPORT_FORM, "kind": body["kind"], **body["report"], "facts": body["facts"]}
            body["signature"] = attester.sign(json.loads(canonical(signed)))
        if "parts" in said:
            return {"files": {"file": ("stock", said["parts"].pop("file").encode())}, "data": said["parts"]}
        if "pdf" in step:
            return {"content": base64.b64decode(self.real["document"]), "headers": {"Content-Type": "application/pdf"}}
        return {"json": said["json"]} if "json" in said else {"data": said["form"]} if "form" in said else {}


def found_at(value: Any, place: str) -> str:
    """Return what stands at a place such as `licences.0.licence_id`, or what follows the last `/` there (`verify_url/`)."""
    for part in place.rstrip("/").split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return str(value).rpartition("/")[2] if place.endswith("/") else str(value)


def cut(value: Any) -> Any:
    """Return an answer with its long texts and lists cut."""
    if isinstance(value, dict):
        return {name: cut(one) for name, one in value.items()}
    if isinstance(value, list):
        return [cut(one) for one in value[:MOST_ITEMS]]
    return value[: MOST_TEXT - 1] + "…" if isinstance(value, str) and len(value) > MOST_TEXT else value


def steps(story: Story, examples: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    """Send every step of the story; yield it with its answer."""
    for step in examples["steps"]:
        yield step, story.send(step)


def written(examples: dict[str, Any]) -> str:
    """Return the text of the file: a line for each part of a step."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    names = ",\n".join(f"  {line(name)}: {line(value)}" for name, value in examples["names"].items())
    told = ",\n".join("  {\n" + ",\n".join(f"   {line(name)}: {line(value)}" for name, value in step.items()) + "\n  }" for step in examples["steps"])
    return f'{{\n "names": {{\n{names}\n }},\n "steps": [\n{told}\n ]\n}}\n'


def main() -> None:
    """Tell the story and write its answers into the file."""
    examples = read()
    with TemporaryDirectory() as folder, a_story_world(Path(folder) / "world", make_keys(Path(folder) / "keys")) as world:
        story = Story(world, examples["names"])
        for step, answer in steps(story, examples):
            assert answer.status_code == step["status"], (step["operation"], answer.status_code, answer.text)
            step.pop("answer", None)
            if answer.headers.get("content-type", "").startswith("application/json"):
                step["answer"] = story.retold(answer.json())
    FILE.write_text(written(examples), "utf-8")
    sys.stdout.write(f"{len(examples['steps'])} steps\n")


if __name__ == "__main__":
    main()
