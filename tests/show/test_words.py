"""What people write in a show, read and written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from murai_show.show.words import (
    SCHEMES,
    Address,
    FromEnviron,
    Size,
    UnfitError,
    Url,
    parse_address,
    parse_duration,
    parse_listen,
    parse_name,
    parse_point,
    parse_size,
    parse_url,
    quote,
    write_duration,
)

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(("a", 1))
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("4m", 240), ("1h30m", 5400), ("500ms", 0.5), ("1.5 s", 1.5), ("0s", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@given(st.floats(0, 366 * 86400.0))
def test_every_duration_is_read_back(seconds: float) -> None:
    assert parse_duration(write_duration(seconds)) == seconds


@pytest.mark.parametrize("text", ["20:00", "", "s", "5 minutes", "-5s", "٣s", "1e3s", "99999999h"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UnfitError, match=r"duration|too long"):
        parse_duration(text)


@given(st.integers(16, 16384), st.integers(16, 16384))
def test_every_size_is_read_back(width: int, height: int) -> None:
    assert parse_size(str(Size(width, height))) == (width, height)


@given(st.integers(0, 65535), st.sampled_from(["127.0.0.1", "kiosk.local", "::1", "fe80::2"]))
def test_every_address_is_read_back(port: int, host: str) -> None:
    address = Address(host, port)
    assert parse_address(str(address)) == address == parse_listen(str(address))


@pytest.mark.parametrize("text", ["9475", "127.0.0.1", "[::g]:1", "a:99999", "[]:1", "[:::]:80"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(UnfitError, match="is not an address"):
        parse_address(text)


@given(anything)
def test_parsers_know_only_valueerror(found: object) -> None:
    for parse in (parse_duration, parse_size, parse_point, parse_listen, parse_url):
        try:
            parse(found)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - most of what is drawn is refused, not all


@given(st.tuples(st.floats(-1, 2), st.floats(-1, 2)))
def test_points(point: tuple[float, float]) -> None:
    assert parse_point(point) == point


def test_names() -> None:
    assert parse_name("up-375_b") == "up-375_b"
    with pytest.raises(UnfitError, match=r"such as big-wall-2$"):
        parse_name("Big Wall (2)")


secrets = st.text("abcdefghXYZ0123456789!$&'()*+,;=-._~", min_size=4, max_size=20).map(
    "Z{}Q".format
)


@given(secrets, st.sampled_from(SCHEMES), st.sampled_from(["/live", "", "/live?size=hd"]))
def test_a_url_hides_its_password_and_reveals_it_when_asked(
    secret: str, scheme: str, path: str
) -> None:
    text = f"{scheme}://guard:{secret}@10.0.0.7:554{path}"
    url = parse_url(text)
    assert url.reveal() == text
    assert secret not in str(url) + repr(url) + f"{url}"
    assert "10.0.0.7:554" in str(url)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://guard:12/hunter2@10.0.0.7/live",
        "rtsp://guard:12?hunter2@10.0.0.7/live",
        "rtsp://10.0.0.7/live?token=hunter2",
        "rtsp://guard:hunter2@10.0.0.7/a@b",
    ],
)
def test_a_url_with_a_secret_where_it_can_be_misread(text: str) -> None:
    assert "hunter2" not in str(Url(text))


def test_a_url_of_the_environment_is_shown_as_the_file_has_it() -> None:
    template = "rtsp://guard:${CAM_PASSWORD}@10.0.0.7/${KEY}"
    url = parse_url(FromEnviron("rtsp://guard:hunter2@10.0.0.7/hunter3", template))
    assert str(url) == template
    whole = parse_url(FromEnviron("rtsp://guard:hunter2@10.0.0.7:554/hunter3", "${CAM_URL}"))
    assert str(whole) == "rtsp://***@10.0.0.7:554/***"
    assert whole.reveal() == "rtsp://guard:hunter2@10.0.0.7:554/hunter3"


@pytest.mark.parametrize(
    "text",
    ["rtsp://", "rtsp:///live", "rtsp://h:0/x", "rtsp://h:x/", "rtsp://[::1/", "rtsp://a b/"],
)
def test_no_urls(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no host|has no spaces"):
        parse_url(text)


@given(st.text(max_size=200))
def test_what_was_found_fits_into_a_sentence(text: str) -> None:
    assert len(quote(text)) <= 60 * 10 + 2
    assert "\n" not in quote(text)
    assert quote(FromEnviron(text, "a ${B} ${C:-x}")) == "the value of ${B} and ${C}"
