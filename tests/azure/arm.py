# SPDX-License-Identifier: MIT
"""Azure Resource Manager: a workspace, its online endpoints and their deployments."""

import re

from .keys import DONE, RUNNING, which_key
from .listing import has_all, ordered, page
from .message import Answer, Refusal, arm_error
from .tokens import Bad, guid

ACTIONS = {"arm.workspace": "read", "arm.endpoints": "onlineEndpoints/read",
           "arm.endpoint": "onlineEndpoints/read",
           "arm.deployments": "onlineEndpoints/deployments/read",
           "arm.listKeys": "onlineEndpoints/listKeys/action",
           "arm.token": "onlineEndpoints/token/action",
           "arm.regenerateKeys": "onlineEndpoints/regenerateKeys/action"}
PROVIDER = "Microsoft.MachineLearningServices/workspaces"


class Arm:
    def __init__(self, azure):
        self._azure = azure
        self._operations = {}

    # Who may

    def _admit(self, call):
        azure = self._azure
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", call.query.get("api-version", "")):
            missing = "api-version" not in call.query
            raise Refusal(arm_error(
                400, "MissingApiVersionParameter" if missing else "InvalidApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests."
                if missing else f"The api-version '{call.query['api-version']}' is invalid."))
        try:
            principal = azure.bearer(call, "arm")
        except Bad as bad:
            raise Refusal(arm_error(401, bad.code, str(bad), {
                "WWW-Authenticate": f'Bearer authorization_uri="{azure.authority}/{azure.tenant}", '
                                    f'error="invalid_token", error_description="{bad}"'})) from bad
        if principal and not principal.may(call.kind):
            scope = call.path.rpartition("/")[0]
            action = f"{PROVIDER}/{ACTIONS.get(call.kind, 'read')}"
            raise Refusal(arm_error(
                403, "AuthorizationFailed", f"The client '{principal.client_id}' with object id "
                f"'{principal.object_id}' does not have authorization to perform action '{action}' "
                f"over scope '{scope}' or the scope is invalid. If access was recently granted, "
                "please refresh your credentials."))

    def _workspace(self, sub, rg, ws):
        workspaces = self._azure.workspaces
        for workspace in workspaces:
            if workspace.is_at(sub, rg, ws):
                return workspace
        if not any(w.subscription.lower() == sub.lower() for w in workspaces):
            raise Refusal(arm_error(404, "SubscriptionNotFound",
                                    f"The subscription '{sub}' could not be found."))
        if not any(w.resource_group.lower() == rg.lower() for w in workspaces):
            raise Refusal(arm_error(404, "ResourceGroupNotFound",
                                    f"Resource group '{rg}' could not be found."))
        raise Refusal(arm_error(
            404, "ResourceNotFound", f"The Resource '{PROVIDER}/{ws}' under resource group '{rg}' "
            "was not found. For more details please go to "
            "https://aka.ms/ARMResourceNotFoundFix"))

    def _endpoint(self, sub, rg, ws, name):
        workspace = self._workspace(sub, rg, ws)
        if name.lower() not in workspace.endpoints:
            raise Refusal(arm_error(404, "ResourceNotFound", f"The Resource '{PROVIDER}/{ws}/"
                                    f"onlineEndpoints/{name}' was not found."))
        return workspace.endpoints[name.lower()]

    @staticmethod
    def _answer(document, status=200, headers=None):
        return Answer(status, document, {
            "Cache-Control": "no-cache", "x-ms-request-id": guid(),
            "x-ms-correlation-request-id": guid(),
            "x-ms-ratelimit-remaining-subscription-reads": "249", **(headers or {})})

    # Reading

    def workspace(self, call, sub, rg, ws):
        self._admit(call)
        return self._answer(self._workspace(sub, rg, ws).document())

    def endpoints(self, call, sub, rg, ws):
        self._admit(call)
        query = call.query
        found = [e for e in self._workspace(sub, rg, ws).endpoints.values()
                 if query.get("name") in (None, "", e.name)
                 and query.get("computeType") in (None, "", e.compute_type)
                 and has_all(e.tags, query.get("tags"))
                 and has_all(e.properties, query.get("properties"))]
        return self._list(call, ordered(found, query.get("orderBy")))

    def _list(self, call, found):
        items, following = page(call, found, self._azure.page_size, "$skip")
        if items is None:
            return arm_error(400, "InvalidContinuationToken", "count or $skip is invalid.")
        document = {"value": [i.document() for i in items]}
        if following:
            document["nextLink"] = following
        return self._answer(document)

    def endpoint(self, call, sub, rg, ws, name):
        self._admit(call)
        return self._answer(self._endpoint(sub, rg, ws, name).document())

    def deployments(self, call, sub, rg, ws, name):
        self._admit(call)
        return self._list(call, list(self._endpoint(sub, rg, ws, name).deployments.values()))

    # Credentials

    def list_keys(self, call, sub, rg, ws, name):
        self._admit(call)
        endpoint = self._endpoint(sub, rg, ws, name)
        self._expect(endpoint, "Key")
        return self._answer(endpoint.keys.document())

    def token(self, call, sub, rg, ws, name):
        self._admit(call)
        endpoint = self._endpoint(sub, rg, ws, name)
        self._expect(endpoint, "AMLToken")
        return self._answer(endpoint.issue_token())

    @staticmethod
    def _expect(endpoint, mode):
        if endpoint.auth_mode != mode:
            raise Refusal(arm_error(400, "BadRequest", f"The authentication mode of endpoint "
                                    f"'{endpoint.name}' is {endpoint.auth_mode}, not {mode}."))

    def regenerate(self, call, sub, rg, ws, name):
        self._admit(call)
        endpoint = self._endpoint(sub, rg, ws, name)
        self._expect(endpoint, "Key")
        wanted = which_key(call.json())
        if wanted is None:
            return arm_error(400, "BadRequest", "keyType is Primary or Secondary.")
        operation = endpoint.keys.regenerate(*wanted)
        if operation.state == DONE:
            return Answer(200)
        self._operations[operation.id] = operation
        base = (f"{call.base}/subscriptions/{sub}/providers/Microsoft.MachineLearningServices/"
                f"locations/{endpoint.workspace.location}")
        query = f"api-version={call.query['api-version']}"
        return self._answer(None, 202, {
            "Azure-AsyncOperation": f"{base}/mfeOperationsStatus/{operation.id}?{query}",
            "Location": f"{base}/mfeOperationResults/{operation.id}?{query}",
            "Retry-After": self._azure.operation_retry_after})

    def _operation(self, call, identifier):
        self._admit(call)
        if identifier not in self._operations:
            raise Refusal(arm_error(404, "NotFound", f"Operation {identifier} was not found."))
        return self._operations[identifier]

    def operation(self, call, sub, location, identifier):  # pylint: disable=unused-argument
        operation = self._operation(call, identifier)
        state = operation.poll()
        document = {"id": call.path, "name": identifier, "status": state,
                    "startTime": self._azure.date_text(operation.created)}
        if state not in (RUNNING, DONE):
            document["error"] = {"code": "UserError", "message": "The operation did not succeed."}
        retry = {"Retry-After": self._azure.operation_retry_after} if state == RUNNING else {}
        return self._answer(document, headers=retry)

    def result(self, call, sub, location, identifier):  # pylint: disable=unused-argument
        operation = self._operation(call, identifier)
        if operation.settle() == RUNNING:
            return self._answer(None, 202, {
                "Location": f"{call.base}{call.target}",
                "Retry-After": self._azure.operation_retry_after})
        return Answer(200)
