"""Messages to receivers that others name: to judged addresses only, whatever names and redirects say, and never for long."""

import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic

import pytest

from licence_service.errors import RequestRejected
from licence_service.outbound import Answered, Poster
from licence_service.targets import read_networks
from tests.receiver import Receiver, certificate_for, listening

HERE = read_networks("127.0.0.0/8 ::1/128")
NAME = "receiver.example.com"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with listening(Receiver()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def empty(receiver: Receiver) -> None:
    receiver.got.clear()
    receiver.answer = lambda _self, _got: (204, {})


def names(**known: Sequence[str]) -> Poster:
    """Return a poster for which these names lead to these addresses, and no setting allows anything."""
    return Poster(resolve=lambda host, _port: known.get(host.replace(".", "_"), [host] if host[0].isdigit() else []))


def test_a_message_arrives_with_its_headers_and_body(receiver: Receiver) -> None:
    answered = Poster(HERE).post(receiver.url() + "?to=us", {"webhook-id": "m-1"}, b'{"a":1}')

    assert answered == Answered(204)
    assert answered.arrived
    assert (receiver.got[0].path, receiver.got[0].body, receiver.got[0].id) == ("/in?to=us", b'{"a":1}', "m-1")
    assert receiver.got[0].headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "inside.example.com", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_is_sent_inside_unless_the_setting_allows_it(receiver: Receiver, scheme: str, host: str) -> None:
    poster = Poster(resolve=lambda name, _port: ["127.0.0.1"] if name[0] in "il" else [name])
    url = f"{scheme}://{host}:{receiver.port}/in"

    assert poster.post(url, {}, b"{}") == Answered(None, "address-not-allowed")
    assert receiver.got == []
    with pytest.raises(RequestRejected) as refused:
        poster.check(url)
    assert [fault.code for fault in refused.value.faults] == ["not-allowed"]


def test_one_bad_address_of_several_spoils_the_name() -> None:
    poster = names(mixed_example_com=["8.8.8.8", "10.0.0.1"])

    assert poster.post("https://mixed.example.com/", {}, b"") == Answered(None, "address-not-allowed")
    with pytest.raises(RequestRejected):
        poster.check("https://mixed.example.com/")


def test_a_name_that_is_none_is_answered_like_one_that_leads_inside() -> None:
    said = []
    for host in ("nowhere", "inside"):
        with pytest.raises(RequestRejected) as refused:
            names(inside_example_com=["10.0.0.1"]).check(f"https://{host}.example.com/")
        said.append(refused.value.faults)

    assert said[0] == said[1]


def test_without_tls_nothing_goes_to_public_addresses() -> None:
    poster = names(public_example_com=["8.8.8.8"])

    assert poster.check("https://public.example.com/").host == "public.example.com"
    with pytest.raises(RequestRejected):
        poster.check("http://public.example.com/")
    assert poster.post("http://public.example.com/", {}, b"") == Answered(None, "address-not-allowed")


def test_a_name_is_asked_for_once_and_the_judged_address_is_the_one_that_is_connected_to(receiver: Receiver) -> None:
    """A name service that says something public first and the loopback next leads nowhere."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    asked: list[str] = []

    def changing(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    poster = Poster(read_networks("127.0.0.1/32"), resolve=changing)

    assert poster.post(f"http://changes.example.com:{receiver.port}/", {}, b"").arrived
    assert asked == ["changes.example.com"]
    assert poster.post(f"http://changes.example.com:{receiver.port}/", {}, b"") == Answered(None, "address-not-allowed")
    assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    with listening(Receiver()) as inside:
        receiver.answer = lambda _self, _got: (status, {"Location": inside.url()})

        assert Poster(HERE).post(receiver.url(), {}, b"") == Answered(status, f"status-{status}")

        assert inside.got == []


def test_trouble_is_said_in_a_word(receiver: Receiver) -> None:
    poster = Poster(HERE, seconds=30)
    with socket.socket() as deaf:  # nobody else can have the port meanwhile
        deaf.bind(("127.0.0.1", 0))
        assert poster.post(f"http://127.0.0.1:{deaf.getsockname()[1]}/", {}, b"") == Answered(None, "no-connection")
    receiver.answer = lambda _self, _got: (0, {})
    assert poster.post(receiver.url(), {}, b"") == Answered(None, "broken-off")
    receiver.answer = lambda _self, _got: (503, {})
    assert poster.post(receiver.url(), {}, b"") == Answered(503, "status-503")
    assert poster.post(receiver.url("https"), {}, b"") == Answered(None, "tls-failed")
    assert poster.post("https://user@example.com/", {}, b"") == Answered(None, "address-not-allowed")


def test_the_receivers_certificate_must_be_of_its_name(tmp_path: Path) -> None:
    server, trusting = certificate_for(NAME, tmp_path)
    with listening(Receiver(), server) as receiver:
        poster = Poster(HERE, resolve=lambda _host, _port: ["127.0.0.1"], tls=trusting, seconds=30)

        assert poster.post(receiver.url("https", NAME), {}, b"") == Answered(204)
        assert receiver.got[0].headers["host"] == f"{NAME}:{receiver.port}"
        assert poster.post(receiver.url("https", "other.example.com"), {}, b"") == Answered(None, "tls-failed")
        assert Poster(HERE, resolve=poster.resolve).post(receiver.url("https", NAME), {}, b"") == Answered(None, "tls-failed")


@pytest.mark.parametrize("sent", [b"", b"H", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_receiver_that_sends_a_byte_now_and_then_is_left_when_the_time_is_over(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(sent)
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"a" if sent else b"")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        began = monotonic()
        answered = Poster(HERE, seconds=0.5).post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"")
        took = monotonic() - began
        stop.set()
        thread.join()

    assert answered.status is None
    assert took < 20  # and not for ever


def test_an_endless_answer_is_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent = [0]

        def flood() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                    while sent[0] < 200_000_000:
                        sent[0] += connection.send(b"x" * 65_536)
                except OSError:
                    return

        thread = threading.Thread(target=flood)
        thread.start()
        assert Poster(HERE).post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"") == Answered(200)
        thread.join(10)

    assert sent[0] < 50_000_000


@pytest.mark.parametrize(("length", "answered"), [(100, Answered(200, "", b"x" * 100)), (101, Answered(None, "too-long"))])
def test_of_an_answer_no_more_is_read_than_is_wanted(length: int, answered: Answered) -> None:
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        assert Poster(HERE).post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}", 100) == answered
        thread.join()
