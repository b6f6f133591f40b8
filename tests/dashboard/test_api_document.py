"""The API answers as its own document says, whatever it is asked: a walk over that document.

Values are drawn for every parameter, those that its schema allows and any others. It is what
Schemathesis does, as far as an interface that only reads needs it.
"""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.dashboard.web.security import HEADERS
from tests.dashboard.http import Asking, client
from tests.examples import examples

KNOWN = {
    "study": ["imgc", "table", "none"],
    "number": ["1", "47", "0"],
    "effect": ["lut4", "latency_us", "nosuch"],
    "box": ["lut4::6000", "lut4:1e3:", "lut4", "lut4:x:", "nosuch:1:2", "latency_us::100 ms"],
    "only": ["cfu:simd", "cfu:-", "cfu", "nosuch:1"],
    "show": ["front", "feasible", "nosuch"],
    "fits": ["LFE5U-25F", "nosuch"],
    "derive": ["lut4*latency_us", "lut4 +", "(" * 99],
    "weight": ["lut4:2", "lut4:-1", "lut4", "nosuch:1"],
    "tick": ["1", "x"],
}
ODD = [
    "",
    "²",
    "-1",
    "1.5",
    "9" * 30,
    str(1 << 63),
    "%",
    "\x00",
    "a/b",
    "..",
    "é",
    "\ud7ff",
    "null",
]
METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD"]


def values_of(parameter: dict[str, Any]) -> st.SearchStrategy[str]:
    known = st.sampled_from(KNOWN.get(parameter["name"], ["1"]))
    schema = parameter["schema"]
    numbers = st.integers(schema.get("minimum", -3), schema.get("maximum", 2000)).map(str)
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    return st.one_of(known, known, numbers, st.sampled_from(ODD), anything)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Asking:
    from dse.dashboard.example import unpack

    return client(unpack(tmp_path_factory.mktemp("document") / "example.db"))


@pytest.fixture(scope="module")
def document(asking: Asking) -> dict[str, Any]:
    found: dict[str, Any] = asking.get("/api/openapi.json").json()
    return found


def check_answer(answer: Any, operation: dict[str, Any], asked: str) -> None:
    said = operation["responses"]
    status = str(answer.status_code)
    assert status in said or f"{status[0]}XX" in said, (asked, status)
    for name in HEADERS:
        assert name.lower() in answer.headers, asked
    assert answer.headers["content-type"].startswith("application/json"), asked
    body = json.loads(answer.content, parse_constant=pytest.fail)
    if answer.status_code >= 400:
        assert set(body) == {"error", "fix"}, asked
        assert body["error"], asked
        assert body["fix"], asked


@settings(
    max_examples=examples(120),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_every_answer_is_one_that_the_document_names(
    asking: Asking, document: dict[str, Any], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(document["paths"])))
    operation = document["paths"][path]["get"]
    query = []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            value = data.draw(values_of(parameter)).replace("/", "") or "x"
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
        elif parameter["required"] or data.draw(st.booleans()):
            query.append((parameter["name"], data.draw(values_of(parameter))))
    more = st.sampled_from([*KNOWN, "nosuch"])
    for name in data.draw(st.lists(more, max_size=2)):
        query.append((name, data.draw(values_of({"name": name, "schema": {}}))))
    asked = f"{path}?{urlencode(query)}"
    check_answer(asking.get(asked), operation, asked)


def test_other_methods_are_refused_as_errors_are(asking: Asking, document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        asked = path.replace("{study}", "imgc").replace("{number}", "1")
        for method in METHODS:
            answer = asking.request(method, asked)
            assert answer.status_code == 405, (method, asked)
            assert answer.headers["allow"] == "GET"
            check_answer(answer, methods["get"], asked)
    assert asking.get("/api/nothing").json().keys() == {"error", "fix"}
