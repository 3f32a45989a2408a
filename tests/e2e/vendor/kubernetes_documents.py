# SPDX-License-Identifier: MIT
"""Validates the YAML documents on standard input by the schemas of Kubernetes, strictly: what they
do not have is an error. Prints them as JSON. Run in the clients' environment, with the version."""

import json
import sys

import kubernetes_validate
import yaml

if __name__ == "__main__":
    documents = list(yaml.safe_load_all(sys.stdin))
    for document in documents:
        kubernetes_validate.validate(document, sys.argv[1], strict=True)
    print(json.dumps(documents))
