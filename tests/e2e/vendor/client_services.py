# SPDX-License-Identifier: MIT
"""azureml-core, Microsoft's client of v1 web services, aimed at the fake by its own environment
variables. Run in its own environment: the question is on standard input, the answer on output."""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from azure.identity import ClientSecretCredential  # noqa: E402
from azureml._vendor.azure_cli_core.azureml_cloud import _Clouds  # noqa: E402
from azureml._vendor.azure_cli_core.cloud import HARD_CODED_CLOUD_LIST  # noqa: E402
from azureml.core import Webservice, Workspace  # noqa: E402
from azureml.core.authentication import AbstractAuthentication  # noqa: E402
from azureml.exceptions import WebserviceException  # noqa: E402

# It would ask the real ARM what clouds there are.
_Clouds._get_clouds = staticmethod(lambda: HARD_CODED_CLOUD_LIST)


class Authentication(AbstractAuthentication):
    """Its own asks an authority that cannot be changed."""

    def __init__(self, ask):
        super().__init__()
        self._ask = ask

    def _get_arm_token(self):
        ask = self._ask
        return ClientSecretCredential(
            ask["tenant"], ask["client_id"], ask["secret"], authority=ask["authority"],
            disable_instance_discovery=True).get_token(
                "https://management.azure.com/.default").token

    def _get_graph_token(self):
        return self._get_arm_token()

    def _get_azureml_client_token(self):
        return self._get_arm_token()


def main(ask):
    workspace = Workspace(ask["subscription"], ask["resource_group"], ask["workspace"],
                          auth=Authentication(ask), _disable_service_check=True,
                          _location="westeurope", _workspace_id=ask["workspace_id"])
    aks, aci = Webservice(workspace, "on-aks"), Webservice(workspace, "on-aci")
    tokens = Webservice(workspace, "with-tokens")
    before = aks.get_keys()
    aks.regen_key("Primary")
    after = aks.get_keys()
    token, refresh = tokens.get_token()
    try:
        Webservice(workspace, "missing")
        missing = None
    except WebserviceException as error:
        missing = error.message
    return {
        "all": [s.name for s in Webservice.list(workspace)],
        "aci": [s.name for s in Webservice.list(workspace, compute_type="ACI")],
        "tagged": [s.name for s in Webservice.list(workspace, tags=[["team", "b"]])],
        "scoring_uri": aks.scoring_uri, "swagger_uri": aks.swagger_uri, "state": aks.state,
        "auth": [aks.auth_enabled, aks.token_auth_enabled, aci.auth_enabled,
                 tokens.auth_enabled, tokens.token_auth_enabled],
        "before": before, "after": after, "token": token, "refresh": refresh.isoformat(),
        "missing": missing}


if __name__ == "__main__":
    answer = main(json.load(sys.stdin))
    print(json.dumps(answer))
