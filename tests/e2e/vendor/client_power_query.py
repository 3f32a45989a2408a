# SPDX-License-Identifier: MIT
"""Runs a Power Query. Standard input: {"query"}; standard output: its table, as JSON. The language
is pqtools', which has Microsoft's parser inside; the two functions that it lacks are here, as
Microsoft documents them."""

import json
import sys
import urllib.request

from pqtools.evaluate import evaluate

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def contents(arguments, _context):
    """Web.Contents(url, options), anonymous: a POST if there is Content, else a GET."""
    url, options = arguments
    unknown = set(options) - {"RelativePath", "Headers", "Content"}
    assert not unknown, unknown
    if "RelativePath" in options:
        url = f"{url.rstrip('/')}/{options['RelativePath']}"
    request = urllib.request.Request(url, options.get("Content"), options.get("Headers", {}))
    with OPENER.open(request, timeout=60) as answer:
        return answer.read()


def from_value(arguments, _context):
    """Json.FromValue(value): a table, which is a list of records here, is an array of objects."""
    (value,) = arguments
    return json.dumps(value, allow_nan=False).encode()


print(json.dumps(evaluate(json.load(sys.stdin)["query"], bindings={
    "Web.Contents": contents, "Json.FromValue": from_value})))
