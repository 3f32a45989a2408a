# SPDX-License-Identifier: MIT
"""A script that gets the request as it is: gives a body back byte for byte, and tells what it saw of
a GET."""

import json

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.method == "POST":
        return AMLResponse(request.get_data(), 200, {"Content-Type": request.content_type})
    seen = {"query": request.query_string.decode(), "headers": dict(request.headers)}
    return AMLResponse(json.dumps(seen), 200, {"Content-Type": "application/json"})
