# SPDX-License-Identifier: MIT
"""The model management service: v1 web services. And the discovery document that names its host."""

from .keys import DONE, RUNNING, which_key
from .listing import has_all, ordered, page
from .message import Answer, Refusal, mms_error
from .tokens import Bad

# Microsoft's client looks all of them up, whatever it is going to ask.
HOSTS = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
STATES = {RUNNING: "Running", "Canceled": "Cancelled"}


class Mms:
    def __init__(self, azure):
        self._azure = azure
        self._operations = {}

    def discovery(self, call):
        return Answer(200, {name: call.base for name in HOSTS})

    def _admit(self, call):
        try:
            principal = self._azure.bearer(call, "arm")
        except Bad as bad:
            raise Refusal(mms_error(401, "Unauthorized", str(bad),
                                    {"WWW-Authenticate": "Bearer"})) from bad
        if principal and not principal.may(call.kind):
            raise Refusal(mms_error(403, "Forbidden", f"{principal.object_id} does not have "
                                    "access to this workspace."))

    def _workspace(self, sub, rg, ws):
        for workspace in self._azure.workspaces:
            if workspace.is_at(sub, rg, ws):
                return workspace
        raise Refusal(mms_error(404, "NotFound", f"Workspace {ws} was not found."))

    def _service(self, sub, rg, ws, name):
        workspace = self._workspace(sub, rg, ws)
        if name.lower() not in workspace.services:
            raise Refusal(mms_error(404, "WebserviceNotFound", f"Webservice {name} not found."))
        return workspace.services[name.lower()]

    # Reading

    def services(self, call, sub, rg, ws):
        self._admit(call)
        query = call.query

        def is_or_none(name, *values):
            return query.get(name) in (None, "", *values)
        found = [s for s in self._workspace(sub, rg, ws).services.values()
                 if is_or_none("name", s.name) and is_or_none("computeType", s.compute)
                 and is_or_none("imageId", s.image_id)
                 and is_or_none("imageName", s.image_id.partition(":")[0])
                 and is_or_none("modelId", s.model_id) and is_or_none("modelName", s.model_name)
                 and has_all(s.tags, query.get("tags"))
                 and has_all(s.properties, query.get("properties"))]
        items, following = page(call, ordered(found, query.get("orderby")), self._azure.page_size,
                                "$skipToken")
        if items is None:
            return mms_error(400, "BadArgument", "count or $skipToken is invalid.")
        expand = query.get("expand", "").lower() == "true"
        document = {"value": [s.document(expand) for s in items]}
        if following:
            document["nextLink"] = following
        return Answer(200, document)

    def service(self, call, sub, rg, ws, name):
        self._admit(call)
        expand = call.query.get("expand", "").lower() == "true"
        return Answer(200, self._service(sub, rg, ws, name).document(expand))

    # Credentials

    def list_keys(self, call, sub, rg, ws, name):
        self._admit(call)
        service = self._service(sub, rg, ws, name)
        self._expect(service.auth_enabled, service, "keys")
        return Answer(200, service.keys.document())

    def token(self, call, sub, rg, ws, name):
        self._admit(call)
        service = self._service(sub, rg, ws, name)
        self._expect(service.aad_auth_enabled, service, "tokens")
        return Answer(201, service.issue_token())

    @staticmethod
    def _expect(true, service, what):
        if not true:
            raise Refusal(mms_error(400, "BadRequest",
                                    f"Service {service.name} does not use {what}."))

    def regenerate(self, call, sub, rg, ws, name):
        self._admit(call)
        service = self._service(sub, rg, ws, name)
        self._expect(service.auth_enabled, service, "keys")
        wanted = which_key(call.json())
        if wanted is None:
            return mms_error(400, "BadArgument", "keyType is Primary or Secondary.")
        operation = service.keys.regenerate(*wanted)
        if operation.state == DONE:
            return Answer(200, service.keys.document())
        self._operations[operation.id] = operation
        base = call.path.rpartition("/services/")[0]
        return Answer(202, headers={
            "Operation-Location": f"{call.base}{base}/operations/{operation.id}"})

    def operation(self, call, sub, rg, ws, identifier):
        self._admit(call)
        self._workspace(sub, rg, ws)
        if identifier not in self._operations:
            return mms_error(404, "NotFound", f"Operation {identifier} was not found.")
        operation = self._operations[identifier]
        state = operation.poll()
        failed = state not in (RUNNING, DONE)
        return Answer(200, {
            "id": identifier, "operationType": "Service", "state": STATES.get(state, state),
            "createdTime": self._azure.date_text(operation.created),
            "endTime": None if state == RUNNING else self._azure.date_text(self._azure.now()),
            "resourceLocation": None, "operationDetails": None, "operationLog": None,
            "error": {"code": "Failed", "statusCode": 500, "message": "It did not succeed.",
                      "details": []} if failed else None})
