/* SPDX-License-Identifier: MIT */
/* The HTTP side of the demo's scoring service, with libmicrohttpd doing TLS. */
#include "cli/demo_service.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/random.h"
#include "cli/demo_score.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX   (1024 * 1024)
#define ANSWER_MAX (4 * 1024 * 1024)
#define TIMEOUT_S  60u
/* Longer ids are answered with 431, as Azure does. */
#define ID_MAX 100

struct demo_service {
    struct MHD_Daemon *daemon;
    uint16_t port;
    char *authorization; /* the value that callers must send */
};

struct demo_request {
    struct buf body;
};

static const char *field(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* The ids as Azure's scoring server gives them: x-request-id is the caller's or a new one; what the
 * caller calls the request is echoed. False if one of them cannot be. */
static bool add_ids(struct MHD_Connection *c, struct MHD_Response *response) {
    char made[RANDOM_UUID_LEN + 1];
    const char *id = field(c, "x-request-id"), *callers = field(c, "x-ms-client-request-id");
    bool ok = true;
    random_uuid(made);
    if (!id)
        id = made;
    if (callers)
        ok = MHD_add_response_header(response, "x-ms-client-request-id", callers);
    return ok && MHD_add_response_header(response, "x-request-id", id) &&
           MHD_add_response_header(response, "x-ms-request-id", callers ? callers : id);
}

static bool ids_valid(struct MHD_Connection *c) {
    static const char *const names[] = {"x-request-id", "x-ms-client-request-id"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct text id = text_of(field(c, names[i]));
        if (id.len > ID_MAX || !parse_is_field_value(id))
            return false;
    }
    return true;
}

/* Queues BODY as the answer; MHD_NO closes the connection. */
static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, struct text body,
                             const char *allow) {
    /* libmicrohttpd only copies from there. */
    void *bytes = (void *)(uintptr_t)body.at;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    bool ok = MHD_add_response_header(response, "Content-Type", "application/json") &&
              MHD_add_response_header(response, "Server", "scoregate-demo") &&
              (status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE || add_ids(c, response)) &&
              (!allow || MHD_add_response_header(response, "Allow", allow));
    enum MHD_Result result = ok ? MHD_queue_response(c, status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_error(struct MHD_Connection *c, unsigned status, const char *message,
                                   const char *allow) {
    struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    demo_message(&answer, message);
    enum MHD_Result result = buf_ok(&answer) ? reply(c, status, buf_text(&answer), allow) : MHD_NO;
    buf_done(&answer);
    return result;
}

static enum MHD_Result reply_score(struct MHD_Connection *c, const struct demo_request *request) {
    if (!buf_ok(&request->body))
        return reply_error(c, MHD_HTTP_CONTENT_TOO_LARGE, "The body is too large", NULL);
    struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    unsigned status = demo_score(buf_text(&request->body), &answer);
    enum MHD_Result result = buf_ok(&answer) ? reply(c, status, buf_text(&answer), NULL) : MHD_NO;
    buf_done(&answer);
    return result;
}

static bool authorized(const struct demo_service *service, struct MHD_Connection *c) {
    const char *given = field(c, "Authorization");
    return given && strcmp(given, service->authorization) == 0;
}

/* The request is complete. */
static enum MHD_Result answer(const struct demo_service *service, struct MHD_Connection *c,
                              const char *url, const char *method,
                              const struct demo_request *request) {
    if (!ids_valid(c))
        return reply_error(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                           "A request id is longer than 100 characters", NULL);
    if (!authorized(service, c))
        return reply_error(c, MHD_HTTP_UNAUTHORIZED, "The key is missing or wrong", NULL);
    bool score = strcmp(url, "/score") == 0;
    if (!score && strcmp(url, "/swagger.json") != 0)
        return reply_error(c, MHD_HTTP_NOT_FOUND, "There is nothing here; score at /score", NULL);
    const char *served = score ? MHD_HTTP_METHOD_POST : MHD_HTTP_METHOD_GET;
    if (strcmp(method, served) != 0)
        return reply_error(c, MHD_HTTP_METHOD_NOT_ALLOWED, "Method not allowed", served);
    return score ? reply_score(c, request) : reply(c, MHD_HTTP_OK, text_of(demo_swagger), NULL);
}

/* Called for the head, for each piece of the body, and at the end. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version UNUSED, const char *bytes,
                                  size_t *n, void **state) {
    struct demo_request *request = *state;
    if (!request) {
        request = calloc(1, sizeof *request);
        if (!request)
            return MHD_NO;
        buf_init(&request->body, BODY_MAX);
        *state = request;
        return MHD_YES;
    }
    if (*n) {
        buf_add(&request->body, bytes, *n);
        *n = 0;
        return MHD_YES;
    }
    return answer(context, c, url, method, request);
}

static void on_completed(void *context UNUSED, struct MHD_Connection *c UNUSED, void **state,
                         enum MHD_RequestTerminationCode why UNUSED) {
    struct demo_request *request = *state;
    if (request) {
        buf_done(&request->body);
        free(request);
        *state = NULL;
    }
}

/* What callers do wrong in TLS or HTTP is told to them, not to the terminal of the demo. */
static void ignore_message(void *context UNUSED, const char *format UNUSED, va_list list UNUSED) {
}

static struct MHD_Daemon *start_daemon(struct demo_service *service, const char *certificate,
                                       const char *private_key) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        service, MHD_OPTION_EXTERNAL_LOGGER, ignore_message, NULL, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.2", MHD_OPTION_HTTPS_MEM_CERT,
        certificate, MHD_OPTION_HTTPS_MEM_KEY, private_key, MHD_OPTION_END);
}

struct demo_service *demo_service_start(const char *certificate, const char *private_key,
                                        const char *key) {
    struct demo_service *service = calloc(1, sizeof *service);
    if (!service || asprintf(&service->authorization, "Bearer %s", key) < 0) {
        free(service);
        fputs("scoregate demo: out of memory\n", stderr);
        return NULL;
    }
    service->daemon = start_daemon(service, certificate, private_key);
    const union MHD_DaemonInfo *info =
        service->daemon ? MHD_get_daemon_info(service->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info || info->port == 0) {
        fputs("scoregate demo: the scoring service cannot start: no socket on 127.0.0.1, or "
              "libmicrohttpd was built without TLS\n",
              stderr);
        demo_service_stop(&service);
        return NULL;
    }
    service->port = info->port;
    return service;
}

uint16_t demo_service_port(const struct demo_service *service) {
    return service->port;
}

void demo_service_stop(struct demo_service **service) {
    if (!*service)
        return;
    if ((*service)->daemon)
        MHD_stop_daemon((*service)->daemon);
    free((*service)->authorization);
    free(*service);
    *service = NULL;
}
