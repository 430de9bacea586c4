"""Code that reports show: without what it holds of secrets, as far as their names tell."""

from __future__ import annotations

import pytest

from onehttp_compat.calls.secrets import without_secrets

CANARY = "c4n4ry"


@pytest.mark.parametrize(
    "code",
    [
        'f("http://u:{}@h/x?a=b&api_key={}#f")',
        'f("password={}&x=1")',
        "f('a=1&session_id={}')",
        '"Authorization: Bearer {}"',
        '"Proxy-Authorization: {}"',
        '"X-Api-Key: {}\\r\\nAuthorization: Digest {}"',
        '"Accept: */*\r\nCookie: a={}; b={}"',
        '("Authorization", "Bearer {}")',
        "headers={{'X-Auth-Token': '{}'}}",
        """'{{"client_secret": "{} {}"}}'""",
        '"{{\\"password\\": \\"{}\\"}}"',
    ],
)
def test_a_value_with_the_name_of_a_secret_is_left_out(code: str) -> None:
    shown = without_secrets(code.replace("{}", CANARY).replace("{{", "{").replace("}}", "}"))
    assert CANARY not in shown
    assert "..." in shown


SIGNED = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjNG40cnkifQ.c2lnbmF0dXJl"
NUMBER = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (f'f("http://h/x?a={SIGNED}&b=1")', 'f("http://h/x?a=...&b=1")'),
        (f'x = "{SIGNED}"', 'x = "..."'),
        (f'f("http://h/?a=1&id={NUMBER}#f")', 'f("http://h/?a=1&id=...#f")'),
        (f'f("http://h/?id={NUMBER.upper()}")', 'f("http://h/?id=...")'),
        ("set('Basic dTpjNG40cnk=')", "set('Basic ...')"),
        ('"bearer c4n4ry-c4n4ry"', '"bearer ..."'),
    ],
)
def test_a_value_with_the_shape_of_a_secret_is_left_out(code: str, shown: str) -> None:
    assert without_secrets(code) == shown


@pytest.mark.parametrize(
    "code",
    [
        f'"http://h/{NUMBER}"',
        f'"http://h/?id={NUMBER[:31]}"',
        '"Basic authentication is used"',
        '"bearer"',
        '"eyJhbGciOiJIUzI1NiJ9.x"',
        "onehttp.request(auth=auth, key=key, headers=tokens)",
        '("X-Api-Key", TOKEN)',
        '"token={token}&x=1"',
        'http_connect("api", "/p?a=b", "text/plain", "$var(x)", "$var(y)")',
        '"Content-Type: text/plain"',
        'KSR.pv.get("$au")',
    ],
)
def test_all_else_stays_as_it_is(code: str) -> None:
    assert without_secrets(code) == code
