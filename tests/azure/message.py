# SPDX-License-Identifier: MIT
"""One request as it came, one answer as it goes, and the error documents of each service."""

import json
import time
import urllib.parse

CODES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound",
         405: "MethodNotAllowed", 409: "Conflict", 410: "Gone", 411: "LengthRequired",
         429: "TooManyRequests", 500: "InternalServerError", 503: "ServiceUnavailable",
         504: "GatewayTimeout"}


class Call:
    """A request. kind: what it asks for, as "arm.listKeys". started, ended: time.monotonic();
    ended and status are None until the answer has gone; status stays None if none went."""

    def __init__(self, method, target, headers, body, base):
        self.kind = "unknown"
        self.method = method
        self.target = target
        self.path, _, query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.headers = headers  # email.message.Message: get() ignores case
        self.body = body
        self.base = base        # "https://localhost:PORT", by the request's Host
        self.form = {}
        if headers.get_content_type() == "application/x-www-form-urlencoded":
            self.form = dict(urllib.parse.parse_qsl(body.decode("latin-1"),
                                                    keep_blank_values=True))
        self.started = time.monotonic()
        self.ended = None
        self.status = None
        self.concurrent = 1     # how many of its kind were under way when it came, itself included

    @property
    def authorization(self):
        return self.headers.get("Authorization")

    def json(self):
        """The body, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def record(self):
        """What the control endpoint tells about it."""
        return {"kind": self.kind, "method": self.method, "path": self.path, "query": self.query,
                "headers": dict(self.headers.items()), "form": self.form,
                "body": self.body.decode("latin-1"), "started": self.started,
                "ended": self.ended, "status": self.status, "concurrent": self.concurrent}

    def __repr__(self):
        return f"<{self.kind}: {self.method} {self.path} -> {self.status}>"


class Answer:
    """DOCUMENT is sent as JSON; BODY as it is."""

    def __init__(self, status=200, document=None, headers=None, body=None):
        self.status = status
        self.headers = {}
        self.body = b""
        if document is not None:
            self.document = document
        if body is not None:
            self.body = body
        self.headers.update(headers or {})

    @property
    def document(self):
        return json.loads(self.body)

    @document.setter
    def document(self, document):
        self.headers["Content-Type"] = "application/json; charset=utf-8"
        self.body = json.dumps(document).encode()


class Refusal(Exception):
    """Raised by a handler: the Answer that says no."""

    def __init__(self, answer):
        super().__init__(answer.status)
        self.answer = answer


def arm_error(status, code, message, headers=None, target=None):
    return Answer(status, {"error": {"code": code, "message": message, "target": target,
                                     "details": [], "additionalInfo": []}}, headers)


def mms_error(status, code, message, headers=None):
    return Answer(status, {"code": code, "statusCode": status, "message": message,
                           "details": []}, headers)


def vault_error(status, code, message, headers=None, inner=None):
    error = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return Answer(status, {"error": error}, headers)


def imds_error(status, error, description, headers=None):
    return Answer(status, {"error": error, "error_description": description}, headers)


def app_service_error(status, message, headers=None):
    return Answer(status, {"statusCode": status, "message": message}, headers)


def entra_error(status, error, code, description, now=0, trace="", headers=None):
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
    return Answer(status, {
        "error": error,
        "error_description": f"AADSTS{code}: {description} Trace ID: {trace} "
                             f"Correlation ID: {trace} Timestamp: {stamp}",
        "error_codes": [code], "timestamp": stamp, "trace_id": trace, "correlation_id": trace,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}"}, headers)


def error(call, status, message, now=0):
    """An error with STATUS in the envelope of the service that CALL asked."""
    service = call.kind.partition(".")[0]
    code = CODES.get(status, "Error")
    if service == "entra":
        word = {401: "invalid_client", 429: "temporarily_unavailable",
                503: "temporarily_unavailable"}.get(
                    status, "server_error" if status >= 500 else "invalid_request")
        return entra_error(status, word, {401: 7000215, 429: 90055}.get(status, 90033), message, now)
    if service in ("imds", "arc"):
        return imds_error(status, {400: "invalid_request", 401: "unknown_source"}.get(
            status, "unknown"), message)
    if service in ("app-service", "legacy"):
        return app_service_error(status, message)
    if service == "mms":
        return mms_error(status, code, message)
    if service == "vault":
        return vault_error(status, code, message)
    return arm_error(status, code, message)
