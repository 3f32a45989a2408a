/* SPDX-License-Identifier: MIT */
/* Why a request ended as it did. A reason is one word that reaches the log line, the metric label
 * and the problem document (RFC 9457); each has its status, its error type of RFC 9209 section 2.3
 * for Proxy-Status, and a sentence for people. */
#pragma once

#include "base/buf.h"
#include "base/text.h"

/* word, status, Proxy-Status error type, what to tell the caller */
#define REASON_LIST(X)                                                                             \
    X(malformed_request, 400, http_request_error, "The request is not well-formed HTTP.")          \
    X(malformed_header, 400, http_request_error,                                                   \
      "A header field of the request is malformed (name, value or line folding).")                 \
    X(malformed_target, 400, http_request_error,                                                   \
      "The request target is not a path, or holds bytes that a path may not hold.")                \
    X(ambiguous_framing, 400, http_request_error,                                                  \
      "The length of the request body is ambiguous (Content-Length, Transfer-Encoding).")          \
    X(bad_host, 400, http_request_error,                                                           \
      "The request needs exactly one Host field that names a host.")                               \
    X(bad_query, 400, http_request_error, "The query of this operation is not as it should be.")   \
    X(header_required, 403, http_request_denied,                                                   \
      "This operation needs the header X-Scoregate: 1.")                                           \
    X(origin_not_allowed, 403, http_request_denied,                                                \
      "This origin is not in cors.origins of the route.")                                          \
    X(cross_site, 403, http_request_denied,                                                        \
      "A browser sent this request for a page of another origin, without an Origin.")              \
    X(caller_not_allowed, 403, http_request_denied,                                                \
      "This caller is not in allow_clients or allow_users of the listener.")                       \
    X(no_route, 404, destination_not_found, "No route has this path.")                             \
    X(method_not_allowed, 405, http_request_denied, "The route does not serve this method.")       \
    X(caller_timeout, 408, http_request_error, "The request did not arrive in time.")              \
    X(body_too_large, 413, http_request_error, "The body is larger than body_bytes of the route.") \
    X(target_too_long, 414, http_request_error, "The request target is too long.")                 \
    X(host_not_ours, 421, http_request_denied,                                                     \
      "The Host field names a host that is not ours; hosts in the configuration lists the names.") \
    X(renewed_lately, 429, http_request_denied,                                                    \
      "The credential was renewed on request a moment ago.")                                       \
    X(queue_full, 429, connection_limit_reached,                                                   \
      "As many requests of this route wait already as max_queue allows.")                          \
    X(queue_timeout, 429, connection_limit_reached,                                                \
      "The request waited for its turn as long as queue_timeout_ms allows.")                       \
    X(head_too_large, 431, http_request_error, "The request head is larger than header_bytes.")    \
    X(internal_error, 500, proxy_internal_error, "scoregate failed; its log says why.")            \
    X(transfer_coding, 501, http_request_error,                                                    \
      "The only transfer coding served is chunked, once.")                                         \
    X(method_unknown, 501, http_request_error, "This method is not known here.")                   \
    X(dns_error, 502, dns_error, "The name of the endpoint cannot be resolved.")                   \
    X(connection_refused, 502, connection_refused, "The endpoint refused the connection.")         \
    X(connection_failed, 502, destination_unavailable, "No connection to the endpoint.")           \
    X(connection_closed, 502, connection_terminated,                                               \
      "The endpoint closed the connection before it answered.")                                    \
    X(proxy_refused, 502, destination_unavailable,                                                 \
      "The egress proxy did not open a connection to the endpoint.")                               \
    X(tls_error, 502, tls_protocol_error, "The TLS handshake with the endpoint failed.")           \
    X(certificate_error, 502, tls_certificate_error,                                               \
      "The certificate of the endpoint is not trusted, expired, or for another name.")             \
    X(malformed_answer, 502, http_protocol_error,                                                  \
      "The endpoint's answer is not well-formed HTTP.")                                            \
    X(answer_head_too_large, 502, http_response_header_section_size,                               \
      "The head of the endpoint's answer is too large.")                                           \
    X(answer_incomplete, 502, http_response_incomplete, "The endpoint's answer was cut off.")      \
    X(credential_refused, 502, http_request_denied,                                                \
      "The endpoint refused scoregate's credential; callers cannot mend this.")                    \
    X(token_rejected, 502, http_request_denied,                                                    \
      "Azure's identity service refuses scoregate; callers cannot mend this.")                     \
    X(endpoint_not_found, 502, destination_not_found,                                              \
      "Azure knows no endpoint of the name in the configuration.")                                 \
    X(insecure_endpoint, 502, destination_unavailable,                                             \
      "The endpoint that Azure names cannot be used; scoregate's log says why.")                   \
    X(no_credential, 503, proxy_internal_response,                                                 \
      "There is no usable credential for the endpoint yet.")                                       \
    X(breaker_open, 503, destination_unavailable,                                                  \
      "The endpoint failed several times in a row and is given a rest.")                           \
    X(not_ready, 503, destination_unavailable,                                                     \
      "The endpoint was not ready within wait_for_ready_ms.")                                      \
    X(too_many_connections, 503, connection_limit_reached,                                         \
      "scoregate serves as many connections as limits.connections allows.")                        \
    X(out_of_resources, 503, proxy_internal_error, "scoregate is out of memory or descriptors.")   \
    X(draining, 503, proxy_internal_response, "scoregate is stopping.")                            \
    X(connect_timeout, 504, connection_timeout, "No connection to the endpoint in time.")          \
    X(response_timeout, 504, http_response_timeout, "The endpoint did not answer in time.")        \
    X(total_timeout, 504, http_response_timeout, "The request took longer than total_timeout_ms.") \
    /* Ends that no problem document tells, because the answer had begun or nobody listens. */     \
    X(answered, 0, , "")                                                                           \
    X(caller_gone, 0, , "")                                                                        \
    X(answer_cut, 0, http_response_incomplete, "")                                                 \
    X(idle_timeout, 0, connection_read_timeout, "")                                                \
    X(caller_stalled, 0, connection_write_timeout, "")

enum reason {
    REASON_NONE = 0,
#define X(word, status, error, detail) REASON_##word,
    REASON_LIST(X)
#undef X
        REASON_COUNT
};

/* The word; "" for REASON_NONE. */
const char *reason_word(enum reason r);
/* The status of the answer, or 0 if there is none. */
unsigned reason_status(enum reason r);
/* The error type of RFC 9209, or "". */
const char *reason_proxy_error(enum reason r);
/* The sentence for people. */
const char *reason_detail(enum reason r);

/* The phrase of RFC 9110 section 15 for a status, or "Unknown". */
const char *status_phrase(unsigned status);

/* Appends the problem document: type "about:blank", title, status, detail (DETAIL, or the reason's
 * own sentence if it is empty), reason, request_id. Ends with a newline. */
void problem_write(struct buf *b, enum reason r, struct text detail, struct text request_id);
