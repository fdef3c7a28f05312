"""Accounts in a show: what is planned, what is said about credentials, how long a text may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from murai_show.errors import ShowError
from murai_show.show.changes import changes
from murai_show.show.plan import BankFacts, Plan, plan_show
from murai_show.show.plan_post import ROOMS, length_on_x
from murai_show.show.planned_post import PlannedAccount
from murai_show.show.posting import (
    ALT,
    CAPTION,
    Budget,
    Rate,
    parse_budget,
    parse_rate,
    parse_server,
)
from murai_show.show.report import plan_to_json, plan_to_text
from murai_show.show.template import FIELDS, artist_and_work, fill
from murai_show.show.words import UnfitError
from tests.show.machine import GOOD, machine, shipped_machine, write

POST = GOOD + "post:\n"


def plan(folder: Path, accounts: str, rehearse: bool = False, **facts: Any) -> Plan:
    return plan_show(write(folder, POST + accounts), machine(**facts), {}, rehearse=rehearse)


def test_an_account_of_each_kind_with_nothing_but_its_kind(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        "  x: { kind: x }\n"
        '  fedi: { kind: mastodon, server: "https://Mastodon.social/" }\n'
        "  sky: { kind: bluesky }\n",
    )
    usual: dict[str, Any] = {"text": CAPTION, "alt": ALT, "limit": (6, 3600.0)}
    assert found.post == (
        PlannedAccount("x", "x", budget=5.0, **usual),
        PlannedAccount(
            "fedi", "mastodon", server="https://mastodon.social", made_with_ai=False, **usual
        ),
        PlannedAccount("sky", "bluesky", server="https://bsky.social", made_with_ai=False, **usual),
    )
    assert not [note for note in found.notes if "account" in note]


def test_everything_said(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        '  x: { kind: x, limit: 1/15m, budget: 0.5 USD/day, made_with_ai: false, caption: "N. '
        '{number}", alt: "{style}" }\n',
    )
    assert found.post == (
        PlannedAccount("x", "x", "N. {number}", "{style}", "", (1, 900.0), 0.5, False),
    )
    (said,) = plan_to_json(found)["post"]
    assert said["limit"] == "1 in 15m"
    assert said["budget"] == "0.5 USD/day"
    assert "account x\n  kind          x\n  posts         yes" in plan_to_text(found)


def test_a_show_without_accounts_has_none(tmp_path: Path) -> None:
    assert plan_show(write(tmp_path, GOOD), machine(), {}).post == ()


def test_a_rehearsal_posts_nothing_and_asks_for_no_credential(tmp_path: Path) -> None:
    found = plan(tmp_path, "  x: { kind: x }\n", rehearse=True, credential=lambda *_: "must not")
    assert found.post[0].practice
    assert "account x practises and posts nothing: this is a rehearsal" in found.notes


def test_without_its_credential_an_account_practises_and_one_line_says_why(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def credential(name: str, kind: str, _: object) -> str:
        asked.append((name, kind))
        return "" if name == "sky" else "there is no credential plaza"

    accounts = "  plaza: { kind: x }\n  sky: { kind: bluesky }\n"
    found = plan(tmp_path, accounts, credential=credential)
    assert asked == [("plaza", "x"), ("sky", "bluesky")]
    assert [account.practice for account in found.post] == [True, False]
    assert [note for note in found.notes if "account" in note] == [
        "account plaza practises and posts nothing: there is no credential plaza"
    ]


def test_a_reload_that_changes_accounts_builds_nothing_else(tmp_path: Path) -> None:
    old = plan(tmp_path, "  x: { kind: x }\n")
    new = plan(tmp_path, "  x: { kind: x, limit: 2/h }\n")
    found = changes(old, new)
    assert found.post
    assert str(found) == "post"
    assert not changes(old, old).post


@pytest.mark.parametrize("kind", list(ROOMS))
def test_the_usual_texts_fit_every_style_of_every_shipped_bank(tmp_path: Path, kind: str) -> None:
    server = ', server: "https://mastodon.social"' if kind == "mastodon" else ""
    facts = shipped_machine()
    for bank in facts.banks:
        styles = facts.banks[bank].styles
        text = POST.replace("bank: first", f"bank: {bank}").replace(
            "[wave, starry]", f"[{styles[0]}]"
        )
        show = write(tmp_path, text + f"  a: {{ kind: {kind}{server} }}\n")
        assert plan_show(show, facts, {}).post[0].kind == kind


def test_the_longest_credit_decides(tmp_path: Path) -> None:
    lines = ("short", "a painter of so long a name that no room is left for it", "", "")
    bank = BankFacts(Path("/b.safetensors"), ("a", "b", "c", "d"), credits=lines)
    text = POST.replace("[wave, starry]", "[a]")
    text += f'  x: {{ kind: x, caption: "{{number}} {"-" * 230} {{credit}}" }}\n'
    with pytest.raises(ShowError, match=r"with style b it is 300 long, and X takes 280"):
        plan_show(write(tmp_path, text), machine(banks={"first": bank}), {})
    fits = text.replace("-" * 230, "-" * 210)
    assert plan_show(write(tmp_path, fits), machine(banks={"first": bank}), {}).post


def test_a_credit_that_looks_like_a_link_is_found_before_it_costs(tmp_path: Path) -> None:
    bank = BankFacts(Path("/b.safetensors"), ("a",), credits=("by wikiart.org",))
    text = POST.replace("[wave, starry]", "[a]") + "  x: { kind: x }\n"
    with pytest.raises(ShowError, match=r"for style a it says 'wikiart\.org'"):
        plan_show(write(tmp_path, text), machine(banks={"first": bank}), {})


def test_what_the_environment_gave_is_not_repeated(tmp_path: Path) -> None:
    environ = {"WORDS": "see canary.example.org"}
    for text in (
        POST + '  x: { kind: x, caption: "{number} ${WORDS}" }\n',
        POST.replace("show: wall", 'show: wall\ntitle: "${WORDS}"') + "  x: { kind: x }\n",
    ):
        with pytest.raises(ShowError, match=r"the value of \$\{WORDS\}") as error:
            plan_show(write(tmp_path, text), machine(), environ)
        assert "canary" not in str(error.value)


@pytest.mark.parametrize("text", ["c. 1831", "St. Gallen", "No. 12", "U.S.", "12.5", "a @b", "…"])
def test_what_is_no_link_is_let_through(tmp_path: Path, text: str) -> None:
    assert plan(tmp_path, f'  x: {{ kind: x, caption: "{{number}} {text}" }}\n').post


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),  # counted as the one sign that it is
        ("Ж", 1),
        ("“q” – …", 5 + 2 * 1 + 1),  # the ellipsis, U+2026, is outside the ranges
        ("壁", 2),
        ("🎨", 2),
    ],
)
def test_what_x_counts(text: str, length: int) -> None:
    assert length_on_x(text) == length


def test_filling_in() -> None:
    values = {field: field.upper() for field in FIELDS} | {"credit": "", "title": "{style}"}
    assert fill("{title} · {style} \n{credit}", values) == "{style} · STYLE"


@pytest.mark.parametrize(
    ("credit", "artist", "work"),
    [
        ("Gustav Klimt (1862-1918), The Kiss, 1908", "Gustav Klimt", "The Kiss, 1908"),
        ("A. Painter, Rue X (2024)", "A. Painter", "Rue X"),
        ("A. Painter", "A. Painter", ""),
        ("", "", ""),
    ],
)
def test_what_a_credit_is_made_of(credit: str, artist: str, work: str) -> None:
    assert artist_and_work(credit) == (artist, work)


@pytest.mark.parametrize(
    ("written", "count", "seconds", "shown"),
    [("6/h", 6, 3600, "6/h"), ("20 / d", 20, 86400, "20/d"), ("1/15m", 1, 900, "1/15m")],
)
def test_rates(written: str, count: int, seconds: float, shown: str) -> None:
    assert parse_rate(written) == Rate(count, seconds)
    assert str(parse_rate(written)) == shown
    assert parse_rate(shown) == Rate(count, seconds)


@pytest.mark.parametrize("written", [6, None, True, "6", "6/s", "1.5/h", "-1/h", "1/0h", "1/8d"])
def test_what_is_no_rate(written: object) -> None:
    with pytest.raises(UnfitError):
        parse_rate(written)


def test_budgets() -> None:
    assert parse_budget("5 USD/day") == parse_budget("5.00USD/day") == Budget(5.0)
    assert str(Budget(0.25)) == "0.25 USD/day"
    for wrong in (5, "5", "5 USD", "$5/day", "5 USD/h", "-1 USD/day", None):
        with pytest.raises(UnfitError):
            parse_budget(wrong)


def test_the_password_in_a_servers_url_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="with nothing around it") as error:
        parse_server("https://me:hunter2hunter2@mastodon.social")
    assert "hunter2" not in str(error.value)
    assert parse_server("https://a.example:8443/") == "https://a.example:8443"
