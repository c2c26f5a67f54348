"""Where messages may be sent: the table of targets that are refused."""

import pytest

from licence_service.errors import Misconfigured, RequestRejected
from licence_service.targets import allowed, may_reach, read_networks, read_target

INSIDE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.254",  # noqa: S104 - nothing is bound to it
    "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "192.88.99.1",
    "192.31.196.1", "192.52.193.1", "192.175.48.1", "2620:4f:8000::1",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456:789a::1", "ff02::1", "2001:db8::1", "100::1", "3fff::1", "5f00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
    "2002:7f00:1::", "2002:0a00:0001::1", "2002:c0a8:0101::1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2001:4860::5efe:10.0.0.1", "2001:4860::200:5efe:192.168.0.1",
    "", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3", "1.2.3.4.5", "[::1]",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "114.114.114.114", "2001:4860:4860::8888", "2400:3200::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_reached(address: str) -> None:
    assert not may_reach(address, ())


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached(address: str) -> None:
    assert may_reach(address, ())
    assert not allowed(address, ())


def test_the_setting_allows_networks_and_no_others() -> None:
    networks = read_networks("10.20.0.0/16, fd00::/8 127.0.0.1/32")

    assert all(
        may_reach(one, networks) and allowed(one, networks) for one in ("10.20.3.4", "fd00::7", "127.0.0.1", "::ffff:10.20.3.4", "64:ff9b::10.20.3.4")
    )
    assert not any(may_reach(one, networks) for one in ("10.21.0.1", "127.0.0.2", "fe80::1", "169.254.169.254", "fd00::7%eth0"))
    assert may_reach("8.8.8.8", networks)
    assert not allowed("8.8.8.8", networks)
    assert read_networks("") == ()


@pytest.mark.parametrize("text", ["10.0.0.1/8", "example.cn", "10.0.0.0/33", "*"])
def test_a_setting_that_is_no_network_is_said_at_start(text: str) -> None:
    with pytest.raises(Misconfigured, match="LICENCE_WEBHOOK_NETWORKS"):
        read_networks(text)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "not-an-address"), ("https://", "not-an-address"), ("https:///x", "not-an-address"), ("receiver.example.cn", "not-an-address"),
        ("https://a b.example.cn/", "not-an-address"), ("https://exa\nmple.cn/", "not-an-address"), ("https://example.cn\\@10.0.0.1/", "not-an-address"),
        ("https://示例.cn/", "not-an-address"), ("https://127.1/", "not-an-address"), ("https://0x7f000001/", "not-an-address"),
        ("https://2130706433/", "not-an-address"), ("https://0177.0.0.1/", "not-an-address"), ("https://[::1/", "not-an-address"),
        ("https://[fe80::1%25eth0]/", "not-an-address"), ("https://example.cn:70000/", "not-an-address"), ("https://example.cn:0/", "not-an-address"),
        ("https://example.cn:x/", "not-an-address"), ("https://-x.example.cn/", "not-an-address"), ("https://" + "a" * 500, "not-an-address"),
        ("https://a..cn/", "not-an-address"), ("https://[1::2]x/", "not-an-address"), ("https://[v1.x]/", "not-an-address"),
        ("ftp://example.cn/", "wrong-scheme"), ("file://example.cn/etc/passwd", "wrong-scheme"), ("gopher://example.cn/", "wrong-scheme"),
        ("https://user@example.cn/", "credentials"), ("https://user:secret@example.cn/", "credentials"), ("https://@example.cn/", "credentials"),
        ("https://example.cn/#x", "fragment"), ("https://example.cn/#", "fragment"),
    ],
)  # fmt: skip
def test_an_address_of_another_shape_is_refused_without_being_repeated(url: str, code: str) -> None:
    with pytest.raises(RequestRejected) as refused:
        read_target(url)

    assert [(fault.path, fault.code) for fault in refused.value.faults] == [("url", code)]
    assert not url or url not in str(refused.value.faults)


def test_an_address_is_read_into_its_parts() -> None:
    one = read_target("https://Receiver.example.cn:8443/in?from=us")

    assert (one.scheme, one.host, one.port, one.path, one.authority) == (
        "https", "receiver.example.cn", 8443, "/in?from=us", "receiver.example.cn:8443",
    )  # fmt: skip
    assert read_target("https://[2001:4860::1]/").authority == "[2001:4860::1]"
    assert read_target("http://10.0.0.1").path == "/"
