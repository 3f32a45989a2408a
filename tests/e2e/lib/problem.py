# SPDX-License-Identifier: MIT
"""What every answer of scoregate's own must look like (RFC 9457, RFC 9209)."""

import json
import re

# reason -> (status, error type of RFC 9209)
REASONS = {
    "malformed_request": (400, "http_request_error"),
    "malformed_header": (400, "http_request_error"),
    "malformed_target": (400, "http_request_error"),
    "ambiguous_framing": (400, "http_request_error"),
    "bad_host": (400, "http_request_error"),
    "bad_query": (400, "http_request_error"),
    "header_required": (403, "http_request_denied"),
    "origin_not_allowed": (403, "http_request_denied"),
    "cross_site": (403, "http_request_denied"),
    "caller_not_allowed": (403, "http_request_denied"),
    "no_route": (404, "destination_not_found"),
    "method_not_allowed": (405, "http_request_denied"),
    "caller_timeout": (408, "http_request_error"),
    "body_too_large": (413, "http_request_error"),
    "target_too_long": (414, "http_request_error"),
    "host_not_ours": (421, "http_request_denied"),
    "renewed_lately": (429, "http_request_denied"),
    "queue_full": (429, "connection_limit_reached"),
    "queue_timeout": (429, "connection_limit_reached"),
    "head_too_large": (431, "http_request_error"),
    "transfer_coding": (501, "http_request_error"),
    "method_unknown": (501, "http_request_error"),
    "dns_error": (502, "dns_error"),
    "connection_refused": (502, "connection_refused"),
    "connection_failed": (502, "destination_unavailable"),
    "connection_closed": (502, "connection_terminated"),
    "proxy_refused": (502, "destination_unavailable"),
    "tls_error": (502, "tls_protocol_error"),
    "certificate_error": (502, "tls_certificate_error"),
    "malformed_answer": (502, "http_protocol_error"),
    "answer_head_too_large": (502, "http_response_header_section_size"),
    "answer_incomplete": (502, "http_response_incomplete"),
    "credential_refused": (502, "http_request_denied"),
    "token_rejected": (502, "http_request_denied"),
    "endpoint_not_found": (502, "destination_not_found"),
    "insecure_endpoint": (502, "destination_unavailable"),
    "no_credential": (503, "proxy_internal_response"),
    "breaker_open": (503, "destination_unavailable"),
    "not_ready": (503, "destination_unavailable"),
    "too_many_connections": (503, "connection_limit_reached"),
    "out_of_resources": (503, "proxy_internal_error"),
    "draining": (503, "proxy_internal_response"),
    "connect_timeout": (504, "connection_timeout"),
    "response_timeout": (504, "http_response_timeout"),
    "total_timeout": (504, "http_response_timeout"),
}

# What the TLS and DNS libraries say, and where the upstream is, is for the log only.
LEAKS = re.compile(rb"127\.0\.0\.|\.test\b|openssl|libcurl|libmicrohttpd|SSL_|x509|errno|0x[0-9a-f]{6}",
                   re.IGNORECASE)


def assert_problem(answer, *reasons):
    """ANSWER is scoregate's own, for one of REASONS, complete, and tells nothing that it should not.
    Returns the document."""
    problem = assert_problem_document(answer)
    assert problem["reason"] in reasons, f"reason {problem['reason']}, not {' or '.join(reasons)}"
    leak = LEAKS.search(answer.body)
    assert not leak, f"{leak.group()!r} is told to the caller"
    return problem


def assert_problem_document(answer):
    """As assert_problem, for any reason, and without the look for leaks."""
    assert answer.headers.get("content-type", "").split(";")[0] == "application/problem+json", answer
    assert len(answer.body) < 4096
    problem = json.loads(answer.body)
    for member in ("type", "title", "status", "detail", "reason", "request_id"):
        assert member in problem, f"no {member} in {problem}"
    status, error = REASONS[problem["reason"]]
    assert answer.status == status == problem["status"], answer
    assert re.fullmatch(rf"scoregate; ?error={error}( ?;.*)?", answer.headers["proxy-status"]), answer
    assert answer.headers["x-ms-client-request-id"] == problem["request_id"] != ""
    assert answer.headers.get("cache-control") == "no-store"
    assert answer.headers.get("x-content-type-options") == "nosniff"
    assert "www-authenticate" not in answer.headers
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 0
    return problem
