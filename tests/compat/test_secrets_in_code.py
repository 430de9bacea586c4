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


@pytest.mark.parametrize(
    "code",
    [
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
