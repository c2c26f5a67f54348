"""Files that are not the original: which fields differ, files only saved again, pictures of codes; nothing undisclosed, and every miss counted."""

import io
import json
from html import escape
from typing import Any

import pikepdf
import pypdfium2 as pdfium
import pytest
import qrcode
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from licence_service.document import reading
from licence_service.document.archival import ATTACHMENT
from licence_service.licence import beijing_day
from tests.world import DRIVER, VEHICLE, World, decision

PDF = {"Content-Type": "application/pdf"}
BROWSER = {"Accept": "text/html"}


def original(world: World, issued: dict[str, Any]) -> bytes:
    return bytes(world.http.post("/download", json={"delivery_code": issued["delivery_code"]}).content)


def upload(world: World, content: bytes, **headers: str) -> Any:
    return world.http.post("/verify/document", content=content, headers=PDF | headers)


def saved_again(content: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(content)) as document:
        out = io.BytesIO()
        document.save(out, linearize=True)
    return out.getvalue()


def with_another(content: bytes, name: str, value: str) -> bytes:
    """Change one value of the attached data and save the file again."""
    data = json.loads(reading.attachment(content) or b"")
    assert name in data["face"]
    data["face"][name] = value
    with pikepdf.open(io.BytesIO(content)) as document:
        del document.attachments[ATTACHMENT]
        document.attachments[ATTACHMENT] = json.dumps(data, ensure_ascii=False).encode()
        out = io.BytesIO()
        document.save(out)
    return out.getvalue()


def picture(content: bytes, kind: str, scale: float = 2.0) -> bytes:
    document = pdfium.PdfDocument(content)
    try:
        out = io.BytesIO()
        document[0].render(scale=scale).to_pil().convert("RGB").save(out, kind)
    finally:
        document.close()
    return out.getvalue()


def beside_a_code(page: bytes, words: list[str]) -> bytes:
    """Make a PDF with the picture of a page, code and all, and words as text."""
    out = io.BytesIO()
    drawn = canvas.Canvas(out)
    drawn.drawImage(ImageReader(io.BytesIO(page)), 0, 0, width=595, height=842)
    drawn.setFont("Helvetica", 4)
    for place, word in enumerate(words):
        drawn.drawString(10 + 90 * (place % 6), 830 - 5 * (place // 6), word)
    drawn.showPage()
    drawn.save()
    return out.getvalue()


def test_a_file_that_was_only_saved_again_is_told_to_get_the_original(world: World) -> None:
    issued = world.issue(VEHICLE)
    verdict = upload(world, saved_again(original(world, issued))).json()

    assert verdict["overall"] == "not_valid"
    assert "content-as-recorded" in [reason["code"] for reason in verdict["answers"]["authentic"]["reasons"]]
    assert verdict["comparison"] == {"outcome": "as_recorded", "differences": [], "elsewhere": False}
    assert verdict["licence"] is None


def test_an_altered_field_is_shown_beside_the_record(world: World) -> None:
    issued = world.issue(VEHICLE)
    altered = with_another(original(world, issued), "plate_no", "川PA9999")
    verdict = upload(world, altered).json()

    assert verdict["comparison"]["outcome"] == "altered"
    (found,) = verdict["comparison"]["differences"]
    assert (found["name"], found["in_file"], found["recorded"], found["where"]) == ("plate_no", "川PA9999", "川PA1234", "data")
    page = upload(world, altered, **BROWSER).text
    assert "川PA9999" in page
    assert "川PA1234" in page


def test_a_field_that_the_public_may_not_see_is_never_named(world: World) -> None:
    issued = world.issue(DRIVER)
    real = str(world.request(DRIVER)["face"]["citizen_id"])
    answer = upload(world, with_another(original(world, issued), "citizen_id", "519902198506120999"))

    assert answer.json()["comparison"] == {"outcome": "altered", "differences": [], "elsewhere": True}
    assert real not in answer.text


def test_a_page_of_guesses_beside_a_genuine_code_learns_nothing(world: World) -> None:
    issued = world.issue(DRIVER)
    face = world.request(DRIVER)["face"]
    said = []
    for guesses in (
        [f"51990219850612{number:04d}" for number in range(300)],
        [*(str(face[name]) for name in ("citizen_id", "birth_date", "address"))],
    ):
        answer = upload(world, beside_a_code(picture(original(world, issued), "PNG"), guesses))
        assert answer.status_code == 200
        said.append(answer.json()["comparison"])

    assert said[0] == said[1]


def test_without_the_code_nothing_is_compared(world: World) -> None:
    issued = world.issue(VEHICLE)
    with pikepdf.open(io.BytesIO(original(world, issued))) as document:
        page = document.pages[0]
        for name in [str(name) for name in page.Resources.XObject if str(name).startswith("/Q")]:
            del page.Resources.XObject[name]
        contents = page.Contents.read_bytes()
        page.Contents.write(contents[: len(contents) // 3])
        out = io.BytesIO()
        document.save(out)

    assert upload(world, out.getvalue()).json()["comparison"] is None


def test_altered_files_are_counted_like_wrong_codes(world: World) -> None:
    issued = world.issue(VEHICLE)
    content = original(world, issued)
    answers = [upload(world, with_another(content, "plate_no", f"川PA9{number:03d}")).status_code for number in range(12)]

    assert answers[:10] == [200] * 10
    assert answers[-1] == 429


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_read_for_its_code_and_proves_nothing_else(world: World, kind: str) -> None:
    issued = world.issue(VEHICLE)
    verdict = upload(world, picture(original(world, issued), kind)).json()

    assert verdict["overall"] == "valid"
    assert verdict["licence"]["elicence_id"] == issued["elicence_id"]
    document = next(one for one in verdict["checks"] if one["name"] == "document")
    assert document["result"] == "not_asked"
    assert "picture-proves-nothing" in [reason["code"] for reason in document["reasons"]]


def sheet(*codes: str | bytes) -> bytes:
    """Make a picture of several codes, one below the other: texts, drawn here, or pictures of pages."""
    drawn = []
    for one in codes:
        with Image.open(io.BytesIO(one)) if isinstance(one, bytes) else qrcode.make(one).get_image() as opened:
            drawn.append(opened.convert("RGB") if isinstance(one, bytes) else opened.convert("RGB").resize((600, 600)))
    whole = Image.new("RGB", (max(one.width for one in drawn), sum(one.height + 40 for one in drawn)), "white")
    place = 0
    for image in drawn:
        whole.paste(image, (0, place))
        place += image.height + 40
    out = io.BytesIO()
    whole.save(out, "PNG")
    return out.getvalue()


def why(verdict: dict[str, Any]) -> list[str]:
    """Return the reasons for the answer to "authentic?"."""
    return [reason["code"] for reason in verdict["answers"]["authentic"]["reasons"]]


def test_a_picture_of_a_good_and_a_revoked_code_is_judged_by_neither(world: World) -> None:
    good, ended = world.issue(VEHICLE), world.issue(DRIVER, "issue-ended")
    body = {"act": "revoke", "decision": decision(beijing_day(world.clock()))}
    assert world.act(DRIVER, ended["licence_id"], body, "revoke-1").status_code == 201
    for shown in ((good, ended), (ended, good)):
        verdict = upload(world, sheet(*(one["verify_url"] for one in shown))).json()

        assert (verdict["overall"], verdict["licence"], verdict["host"]) == ("cannot_decide", None, None)
        assert why(verdict) == ["picture-proves-nothing", "several-codes"]
    assert upload(world, sheet(ended["verify_url"])).json()["overall"] == "not_valid"


def test_the_same_code_twice_in_a_picture_is_one_code(world: World) -> None:
    url = world.issue(VEHICLE)["verify_url"]

    assert upload(world, sheet(url, url.lower())).json()["overall"] == "valid"


def test_a_code_of_any_form_beside_ours_makes_several(world: World) -> None:
    url = world.issue(VEHICLE)["verify_url"]
    for other in ("HTTPS://LICENCE.EXAMPLE.CN/S/ABCDEFGH", "WIFI:T:WPA;S=x;;", "any words", "1" * 40):
        verdict, alone = upload(world, sheet(url, other)).json(), upload(world, sheet(other)).json()

        assert (verdict["overall"], why(verdict), verdict["host"]) == ("cannot_decide", ["picture-proves-nothing", "several-codes"], None), other
        assert (alone["overall"], why(alone), alone["host"]) == ("cannot_decide", ["picture-proves-nothing", "not-a-licence-code"], None), other


FOREIGN = {
    f"HTTPS://LICENCE.EXAMPLE.ORG/Q/1{'1' * 300}": "licence.example.org",
    "https://evil.example/pay?for=licence": "evil.example",
    "https://licence.example.cn@evil.example/Q/1123": "evil.example",
    "https://licence.\u0435\u0445\u0430mple.cn/Q/1123": "licence.xn--mple-43d3a6i.cn",
    "http://licence.example.cn/Q/1123": "http://licence.example.cn",
    "https://licence.example.cn:8443/Q/1123": "https://licence.example.cn:8443",
    "weixin://evil.example/x": "evil.example",
}


def test_a_code_that_leads_elsewhere_is_named_by_its_site_alone_or_beside_ours(world: World) -> None:
    url = world.issue(VEHICLE)["verify_url"]
    for text, site in FOREIGN.items():
        alone, beside = upload(world, sheet(text)).json(), upload(world, sheet(url, text)).json()

        assert (alone["overall"], why(alone), alone["host"]) == ("cannot_decide", ["picture-proves-nothing", "foreign-host"], site)
        assert (beside["overall"], beside["licence"], beside["host"]) == ("cannot_decide", None, site)
        assert why(beside) == ["picture-proves-nothing", "several-codes", "foreign-host"]


def test_the_page_names_a_foreign_site_in_text_that_cannot_be_followed(world: World) -> None:
    pictures = [sheet(text) for text in ("https://evil.example/Q/1123", "https://<b>evil</b>.example/")]
    for content in (*pictures, *(beside_a_code(one, ["words"]) for one in pictures)):
        host = upload(world, content).json()["host"]
        page = upload(world, content, **BROWSER).text

        assert host.startswith(("evil.example", "<b>evil<"))
        assert f">{escape(host)}</strong>" in page
        assert 'href="https://evil' not in page
        assert "<b>evil" not in page


def test_a_file_whose_code_leads_elsewhere_names_the_site_and_is_compared_with_nothing(world: World) -> None:
    url = world.issue(VEHICLE)["verify_url"]
    forged = url.replace("LICENCE.EXAMPLE.CN", "LICENCE.EXAMPLE.ORG")
    assert forged != url
    verdict = upload(world, beside_a_code(sheet(forged), ["words"])).json()

    assert (verdict["overall"], verdict["host"], verdict["comparison"]) == ("not_valid", "licence.example.org", None)
    assert "foreign-host" in why(verdict)


def test_a_file_with_two_codes_is_compared_with_neither(world: World) -> None:
    urls = [world.issue(VEHICLE)["verify_url"], world.issue(DRIVER, "issue-other")["verify_url"]]
    alone = upload(world, beside_a_code(sheet(urls[0]), ["words"])).json()
    verdict = upload(world, beside_a_code(sheet(*urls), ["words"])).json()

    assert alone["comparison"]["outcome"] == "altered"
    assert (verdict["overall"], verdict["comparison"], verdict["host"]) == ("not_valid", None, None)
    assert "several-codes" in [reason["code"] for check in verdict["checks"] for reason in check["reasons"]]


def test_a_genuine_file_names_no_site(world: World) -> None:
    content = original(world, world.issue(VEHICLE))

    assert upload(world, content).json()["host"] is None
    assert upload(world, saved_again(content)).json()["host"] is None


def test_a_picture_without_a_code_cannot_be_decided(world: World) -> None:
    verdict = upload(world, picture(original(world, world.issue(VEHICLE)), "PNG", scale=0.2)).json()

    assert verdict["overall"] == "cannot_decide"
    assert {"picture-proves-nothing", "no-code-found"} <= {reason["code"] for reason in verdict["answers"]["authentic"]["reasons"]}
