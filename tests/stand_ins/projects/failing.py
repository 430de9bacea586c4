"""Tests that should fail, and what the failure has to say."""

PRODUCT = """
from concurrent.futures import ThreadPoolExecutor
import onehttp, pytest

URL = "https://a.example/typo"

def product():
    try:
        return onehttp.request("GET", URL).text
    except Exception:
        return "default"

"""
FAILING = {
    "an unexpected request": (
        """
    onehttp_double.get("https://a.example/type")
    product()
""",
        [
            "*no answer for GET https://a.example/typo",
            "*GET https://a.example/type",
            "*another URL",
        ],
    ),
    "one that was caught all the same": (
        """
    try:
        product()
    except BaseException:
        pass
""",
        ["*no answer for GET https://a.example/typo", "*there is no route yet*"],
    ),
    "one in a thread": (
        """
    with ThreadPoolExecutor() as pool:
        pool.submit(product)
""",
        ["*no answer for GET https://a.example/typo"],
    ),
    "one in a query": (
        """
    try:
        onehttp.submit("GET", URL, route=lambda result: None)
    except BaseException:
        pass
""",
        ["*no answer for GET https://a.example/typo"],
    ),
    "one that has waited for its turn": (
        """
    onehttp.init(queries=onehttp.QueryLimits(max_in_flight=1))
    onehttp_double.get("https://a.example/x", delay_s=0.01)
    queries = [onehttp.submit("GET", url) for url in ("https://a.example/x", URL)]
    assert queries[1].result(60).error
""",
        ["*no answer for GET https://a.example/typo", "*GET https://a.example/x"],
    ),
    "one in a retry": (
        """
    onehttp_double.get(URL, status=503, times=1)
    onehttp.init({"version": 1, "connections": {"a": {
        "url": URL, "retry": {"attempts": 2, "backoff": {"base": 0.001}}}}})
    query = onehttp.connection("a").submit("GET")
    query.result(60)
""",
        ["*no answer for GET https://a.example/typo", "*used up*"],
    ),
    "answers that nobody asked for": (
        """
    onehttp_double.get(URL, answers=[200, 201])
    onehttp_double.get("https://a.example/y")
    onehttp_double.get("https://a.example/z")
    product()
    onehttp.request("GET", "https://a.example/z")
""",
        [
            "*not all answers were used*",
            "- GET https://a.example/typo: 1 of 2 answers used",
            "- GET https://a.example/y: never called",
            "  GET https://a.example/z: 1 call",
        ],
    ),
    "a handler that fails": (
        """
    def handler(request):
        assert request.body == b"x"

    onehttp_double.get(URL, handler=handler)
    product()
""",
        ["*the handler of*GET https://a.example/typo*failed:", "*AssertionError*"],
    ),
    "a coroutine that fails": (
        """
    async def handler(request):
        raise ZeroDivisionError("in it")

    onehttp_double.get(URL, handler=handler)
    product()
""",
        ["*the handler of*GET https://a.example/typo*failed:", "*ZeroDivisionError: in it"],
    ),
    "an assertion in a route": (
        """
    def check(result):
        assert result.response.status == 201

    onehttp_double.get(URL, status=200)
    onehttp.submit("GET", URL, route=check)
    assert onehttp.drain(30)
""",
        ["*check failed:", "*assert result.response.status == 201", "*AssertionError*"],
    ),
    "a verdict in a route of a transaction": (
        """
    from onehttp.testing import FakeTransactionLayer

    onehttp_double.get(URL)
    with onehttp.transaction(FakeTransactionLayer().new()):
        onehttp.submit("GET", URL, route=lambda result: pytest.fail("not that"))
    assert onehttp.drain(30)
""",
        ["*failed:", "*Failed: not that"],
    ),
    "a body that differs": (
        """
    onehttp_double.post(URL, params={"a": 1}, headers={"X-A": "1", "Authorization": "canary"},
                        match_json={"a": 1, "b": 2})
    onehttp.request("POST", f"{URL}?a=2", json={"a": 1, "b": 3})
""",
        [
            "*param a: expected '1', there '2'",
            "*header x-a: expected '1', missing",
            "*header authorization: missing",
            "*JSON differs (- expected, + found):",
            '*-   "b": 2',
            '*+   "b": 3',
        ],
    ),
    "an assertion on a call": (
        """
    route = onehttp_double.post(URL)
    onehttp.request("POST", URL, json={"a": 1, "b": 3}, params={"p": 1})
    route.assert_called_once_with(json={"a": 1, "b": 2}, params={"p": 2})
""",
        ["*the last call was another", '*-   "p": "2"', '*+   "p": "1"', '*-   "b": 2'],
    ),
    "an assertion on the number of calls": (
        """
    route = onehttp_double.get(URL)
    product()
    product()
    route.assert_called_once()
""",
        ["*expected one call, there were 2", "*GET https://a.example/typo"],
    ),
    "a keyword of another library": (
        """
    onehttp_double.get(URL, return_value=200)
""",
        ["*unexpected keyword argument 'return_value': give the answer by status=*"],
    ),
    "answers in two places": (
        """
    onehttp.init(backend="httpx", answers={})
""",
        ["*this test has its calls made by onehttp_double; give the answers to that*"],
    ),
}
