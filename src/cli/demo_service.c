/* SPDX-License-Identifier: MIT */
/* The HTTP side of the demo's service, with libmicrohttpd doing TLS. */
#include "cli/demo_service.h"

#include "base/clock.h"
#include "cli/demo_reply.h"
#include "cli/demo_score.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX   (1024 * 1024)
#define ANSWER_MAX (4 * 1024 * 1024)
#define TIMEOUT_S  60u

struct demo_service {
    struct MHD_Daemon *daemon;
    uint16_t port;
    const struct demo_entra *entra;
};

struct demo_request {
    struct buf body;
};

static int64_t now_s(void) {
    return clock_wall() / USEC_PER_SEC;
}

static enum MHD_Result reply_token(const struct demo_service *service, struct MHD_Connection *c,
                                   struct text body) {
    struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    struct demo_reply reply = {.secret = true};
    reply.status = demo_entra_answer(service->entra, text_of(demo_request_field(c, "Content-Type")),
                                     body, now_s(), &answer);
    enum MHD_Result result = reply.status ? demo_reply(c, &reply, buf_text(&answer)) : MHD_NO;
    buf_wipe(&answer);
    return result;
}

static enum MHD_Result reply_score(const struct demo_service *service UNUSED,
                                   struct MHD_Connection *c, struct text body) {
    struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    struct demo_reply reply = {.status = demo_score(body, &answer)};
    enum MHD_Result result = buf_ok(&answer) ? demo_reply(c, &reply, buf_text(&answer)) : MHD_NO;
    buf_done(&answer);
    return result;
}

static enum MHD_Result reply_swagger(const struct demo_service *service UNUSED,
                                     struct MHD_Connection *c, struct text body UNUSED) {
    struct demo_reply reply = {.status = MHD_HTTP_OK};
    return demo_reply(c, &reply, text_of(demo_swagger));
}

/* What there is; a path that is not here is closed like those that are. */
static const struct resource {
    const char *path, *method;
    bool open; /* to whoever has no token yet */
    enum MHD_Result (*reply)(const struct demo_service *service, struct MHD_Connection *c,
                             struct text body);
} resources[] = {
    {DEMO_ENTRA_PATH, MHD_HTTP_METHOD_POST, true, reply_token},
    {"/score", MHD_HTTP_METHOD_POST, false, reply_score},
    {"/swagger.json", MHD_HTTP_METHOD_GET, false, reply_swagger},
};

static const struct resource *find_resource(const char *path) {
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (strcmp(resources[i].path, path) == 0)
            return &resources[i];
    return NULL;
}

static enum MHD_Result reply_refused(struct MHD_Connection *c, const char *why) {
    struct demo_reply reply = {.status = MHD_HTTP_UNAUTHORIZED, .type = "text/plain"};
    return demo_reply(c, &reply, text_of(why));
}

/* Why the endpoint refuses the caller, in Azure's words, or NULL. */
static const char *refuse(const struct demo_service *service, struct MHD_Connection *c) {
    struct text given = text_of(demo_request_field(c, "Authorization")), scheme = TEXT("Bearer ");
    if (!text_starts(given, scheme))
        return "key_auth_bad_header_forbidden";
    switch (demo_token_check(&service->entra->key, text_skip(given, scheme.len), now_s())) {
    case DEMO_TOKEN_GOOD:
        return NULL;
    case DEMO_TOKEN_EXPIRED:
        return "Jwt is expired";
    default:
        return "key_auth_access_denied";
    }
}

/* The request is complete. */
static enum MHD_Result answer(const struct demo_service *service, struct MHD_Connection *c,
                              const char *path, const char *method,
                              const struct demo_request *request) {
    if (!demo_request_ids_valid(c))
        return demo_reply_error(c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                                "A request id is longer than 100 characters", NULL);
    const struct resource *resource = find_resource(path);
    const char *refused = resource && resource->open ? NULL : refuse(service, c);
    if (refused)
        return reply_refused(c, refused);
    if (!resource)
        return demo_reply_error(c, MHD_HTTP_NOT_FOUND, "There is nothing here; score at /score",
                                NULL);
    if (strcmp(method, resource->method) != 0)
        return demo_reply_error(c, MHD_HTTP_METHOD_NOT_ALLOWED, "Method not allowed",
                                resource->method);
    if (!buf_ok(&request->body))
        return demo_reply_error(c, MHD_HTTP_CONTENT_TOO_LARGE, "The body is too large", NULL);
    return resource->reply(service, c, buf_text(&request->body));
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
        buf_wipe(&request->body);
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
                                        const struct demo_entra *entra) {
    struct demo_service *service = calloc(1, sizeof *service);
    if (!service) {
        fputs("scoregate demo: out of memory\n", stderr);
        return NULL;
    }
    service->entra = entra;
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
    free(*service);
    *service = NULL;
}
