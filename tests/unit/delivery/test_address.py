import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from engine.delivery.address import Origin, check_url, read_url
from engine.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "origin", "sent"),
    [
        ("http://example.org", ("http", "example.org", 80), "http://example.org/"),
        ("HTTPS://Example.ORG/Hook", ("https", "example.org", 443), "https://example.org/Hook"),
        ("http://example.org:8080?a=1", ("http", "example.org", 8080), "http://example.org:8080/?a=1"),
        ("http://[::1]:80/x", ("http", "::1", 80), "http://[::1]:80/x"),
        ("http://127.0.0.1/x", ("http", "127.0.0.1", 80), "http://127.0.0.1/x"),
        ("http://my_service:9/", ("http", "my_service", 9), "http://my_service:9/"),
        ("http://bücher.example/ü?q=ß", ("http", "xn--bcher-kva.example", 80), None),
        ("http://example.org./", ("http", "example.org.", 80), "http://example.org./"),
    ],
)
def test_accepts_and_takes_apart(url: str, origin: tuple[str, str, int], sent: str | None) -> None:
    address = read_url(url)
    assert address.origin == Origin(*origin)
    assert address.url == (sent or "http://xn--bcher-kva.example/%C3%BC?q=%C3%9F")


@pytest.mark.parametrize("rest", ["/a%2Fb/../c?sig=a%2Bb%3D+c&x=%7E", "/a;b=1/@me/$&'()*+,:!~?[]=/?"])
def test_what_is_valid_already_is_sent_as_given(rest: str) -> None:
    # A signed query string does not survive being normalized.
    assert read_url(f"https://example.org{rest}").url == f"https://example.org{rest}"


def test_characters_outside_the_grammar_are_encoded() -> None:
    assert read_url('http://h/a"<>\\^`{|}').url == "http://h/a%22%3C%3E%5C%5E%60%7B%7C%7D"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("", "http://"),
        ("example.org/hook", "http://"),
        ("ftp://example.org/", "http://"),
        ("http:/example.org", "http://"),
        ("file:///etc/passwd", "http://"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://?x", "host"),
        ("http://user@example.org/", "user information"),
        ("http://user:pass@example.org/", "user information"),
        ("http://good.example\\@evil.example/", "user information"),
        ("http://example.org/#part", "fragment"),
        ("http://example.org/#", "fragment"),
        ("http://example.org:0/", "port"),
        ("http://example.org:65536/", "port"),
        ("http://example.org:port/", "port"),
        ("http://example.org/a b", "white space"),
        ("http://example.org/\r\nX: y", "white space"),
        ("http://example.org/\x00", "control"),
        ("http://example.org/\u202e", "control"),
        ("http://exa mple.org/", "white space"),
        ("http://a..b/", "host"),
        ("http://-a.example/", "host"),
        ("http://a%41.example/", "host"),
        ("http://" + "a" * 64 + ".example/", "63"),
        ("http://" + "a." * 127 + "example/", "253"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[::1/", "host"),
        ("http://[12345::]/", ""),
        ("http://127.1/", "four decimal"),
        ("http://2130706433/", "four decimal"),
        ("http://0x7f.0.0.1/", "four decimal"),
        ("http://a.0x7f/", "four decimal"),
        ("http://127.0.0.1./", "four decimal"),
        ("http://0177.0.0.1/", "four decimal"),
        ("http://256.0.0.1/", "four decimal"),
        ("http://\u2100.example/", "host"),
        ("http://example.org/" + "a" * 2_048, "2,048"),
        ("http://h/\ud800", "control"),
    ],
)
def test_refuses_and_says_what_is_allowed(url: str, allowed: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_url(url, "target.url")
    (error,) = raised.value.errors
    assert (error.field, error.value) == ("target.url", url)
    assert allowed in error.allowed


def test_the_length_limit_is_exact() -> None:
    check_url("http://h/" + "a" * (2_048 - len("http://h/")))


@given(st.text(min_size=1, max_size=30), st.text(max_size=20))
def test_whatever_is_accepted_goes_on_the_wire_as_plain_ascii_to_the_same_host(host: str, path: str) -> None:
    try:
        address = read_url(f"http://{host}/{path}")
    except InvalidInput:
        return
    assert address.url.isascii()
    assert address.url.isprintable()
    assert " " not in address.url
    sent = URL(address.url, encoded=True)
    assert (sent.scheme, sent.raw_host, sent.port) == address.origin
    assert sent.raw_user is None
    assert sent.raw_fragment == ""
