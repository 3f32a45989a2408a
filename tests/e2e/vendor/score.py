# SPDX-License-Identifier: MIT
"""The article's model as Microsoft's scoring server hosts it: init() once, run() per request, with a
schema, from which the server makes its swagger documents and its 400 and 415."""

import json
import os

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

MODEL = {}


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "diabetes", "1", "diabetes-model.json")
    with open(path, encoding="utf-8") as file:
        MODEL.update(json.load(file))


@input_schema("data", StandardPythonParameterType([[0.0] * 10]))
@output_schema(StandardPythonParameterType([0.0]))
def run(data):
    if any(len(row) != len(MODEL["coef"]) for row in data):
        raise ValueError("a row needs 10 numbers")  # the server makes a 500 of it
    return [MODEL["intercept"] + sum(c * x for c, x in zip(MODEL["coef"], row)) for row in data]
