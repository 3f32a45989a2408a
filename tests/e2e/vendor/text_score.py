# SPDX-License-Identifier: MIT
"""A script that returns its result as json.dumps() makes it, as many do: the server encodes it once
more. What it returns is in the query: ?text=…; status and type make an answer of its own of it."""

import gzip
import json

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

JSON = "application/json"


def init():
    pass


def sum_rows(body):
    return json.dumps({"result": [sum(row) for row in json.loads(body)["data"]]})


@rawhttp
def run(request):
    if request.method == "POST":
        return sum_rows(request.get_data())
    asked = request.args
    wire = json.dumps(asked["text"]).encode()
    if asked.get("framing") == "chunked":
        pieces = (wire[i:i + 7] for i in range(0, len(wire), 7))
        return AMLResponse(pieces, 200, {"Content-Type": JSON})
    if asked.get("encoding") == "gzip":
        return AMLResponse(gzip.compress(wire, mtime=0), 200, {"Content-Type": JSON,
                                                               "Content-Encoding": "gzip"})
    if "status" in asked:
        return AMLResponse(wire, int(asked["status"]), {"Content-Type": asked.get("type", JSON)})
    return asked["text"]
