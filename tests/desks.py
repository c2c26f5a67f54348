"""The desk as tests use it: somebody who is signed in, and forms filled like a page fills them."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from licence_service.duties import Role
from licence_service.licence import beijing_day
from tests.provider import ORGAN, person
from tests.world import World

HTML = {"Accept": "text/html"}
KEY = re.compile(r'name="form_key" value="([^"]+)"')
OWN_KEY = re.compile(r'name="key" value="([^"]+)"')


@dataclass
class Seat:
    """A person before the desk. Sessions are begun at the store: signing in has tests of its own."""

    world: World
    person_id: str
    token: str

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"desk_session={self.token}", **HTML}

    @property
    def form_key(self) -> str:
        return self.world.service.sign_in.form_key(self.token)

    def get(self, path: str) -> Any:
        return self.world.http.get(path, headers=self.cookie, follow_redirects=False)

    def post(self, path: str, form: Mapping[str, Any] | None = None, files: Mapping[str, Any] | None = None) -> Any:
        whole = {"form_key": self.form_key, **(form or {})}
        return self.world.http.post(path, data=whole, files=dict(files or {}), headers=self.cookie, follow_redirects=False)


def seat(world: World, *roles: Role, department: str = ORGAN, subject: str = "", office: str | None = None) -> Seat:
    """Add a person with roles, at an office where one is named, and let them sit down."""
    person_id = person(world, subject or f"{department}-{office}-{'-'.join(roles)}", *roles, department=department)
    if office:
        world.service.people.move(person_id, office, beijing_day(world.clock()), "operator", world.clock())
    world.http.cookies.clear()
    return Seat(world, person_id, world.service.sign_in.sessions.begin(person_id, world.clock()))


def typed(request: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an issue request as the page would send it: (fields, files)."""
    form: dict[str, Any] = {"case_no": request["case_no"]}
    form |= {f"decision.{name}": value for name, value in request["decision"].items()}
    for name, value in request["face"].items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            form |= {f"face.{name}.{number}.{column}": cell for number, row in enumerate(value, 1) for column, cell in row.items()}
        else:
            form[f"face.{name}"] = value if isinstance(value, list) else str(value)
    files = {f"face.{name}": (f"{name}.jpg", base64.b64decode(jpeg), "image/jpeg") for name, jpeg in (request.get("photos") or {}).items()}
    return form, files
