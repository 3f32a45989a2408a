# SPDX-License-Identifier: MIT
"""The article's model with the schema that Power BI's list of models asks for: Inputs,
GlobalParameters and Results, in this spelling, the rows as records with names."""

import json
import os

from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

FEATURES = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
MODEL = {}


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "diabetes", "1", "diabetes-model.json")
    with open(path, encoding="utf-8") as file:
        MODEL.update(json.load(file))


# What is nested is described, too, if it is a parameter type itself.
ROWS = StandardPythonParameterType([dict.fromkeys(FEATURES, 0.0)])


@input_schema("Inputs", StandardPythonParameterType({"data": ROWS}))
@input_schema("GlobalParameters", StandardPythonParameterType(1.0))
@output_schema(StandardPythonParameterType({"Results": StandardPythonParameterType([0.0])}))
def run(Inputs, GlobalParameters):  # pylint: disable=invalid-name
    """GlobalParameters: a factor."""
    return {"Results": [
        GlobalParameters * (MODEL["intercept"] + sum(c * row[name] for c, name in
                                                     zip(MODEL["coef"], FEATURES)))
        for row in Inputs["data"]]}
