/* SPDX-License-Identifier: MIT */
/* Headers and bodies of the demo's answers. */
#include "cli/demo_reply.h"

#include "base/buf.h"
#include "base/parse.h"
#include "base/random.h"
#include "cli/demo_score.h"

/* Longer ids are answered with 431, as Azure does. */
#define ID_MAX      100
#define MESSAGE_MAX 1024

const char *demo_request_field(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

bool demo_request_ids_valid(struct MHD_Connection *c) {
    static const char *const names[] = {"x-request-id", "x-ms-client-request-id"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct text id = text_of(demo_request_field(c, names[i]));
        if (id.len > ID_MAX || !parse_is_field_value(id))
            return false;
    }
    return true;
}

/* The ids as Azure's scoring server gives them: x-request-id is the caller's or a new one; what the
 * caller calls the request is echoed. False if one of them cannot be. */
static bool add_ids(struct MHD_Connection *c, struct MHD_Response *response) {
    char made[RANDOM_UUID_LEN + 1];
    const char *id = demo_request_field(c, "x-request-id"),
               *callers = demo_request_field(c, "x-ms-client-request-id");
    bool ok = true;
    random_uuid(made);
    if (!id)
        id = made;
    if (callers)
        ok = MHD_add_response_header(response, "x-ms-client-request-id", callers);
    return ok && MHD_add_response_header(response, "x-request-id", id) &&
           MHD_add_response_header(response, "x-ms-request-id", callers ? callers : id);
}

static bool add_headers(const struct demo_reply *reply, struct MHD_Response *response) {
    return MHD_add_response_header(response, "Content-Type",
                                   reply->type ? reply->type : "application/json") &&
           MHD_add_response_header(response, "Server", "scoregate-demo") &&
           (!reply->allow || MHD_add_response_header(response, "Allow", reply->allow)) &&
           (!reply->secret || (MHD_add_response_header(response, "Cache-Control", "no-store") &&
                               MHD_add_response_header(response, "Pragma", "no-cache")));
}

enum MHD_Result demo_reply(struct MHD_Connection *c, const struct demo_reply *reply,
                           struct text body) {
    /* libmicrohttpd only copies from there. */
    void *bytes = (void *)(uintptr_t)body.at;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    bool ok = add_headers(reply, response) &&
              (reply->status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE || add_ids(c, response));
    enum MHD_Result result = ok ? MHD_queue_response(c, reply->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result demo_reply_error(struct MHD_Connection *c, unsigned status, const char *message,
                                 const char *allow) {
    struct demo_reply reply = {.status = status, .allow = allow};
    struct buf answer;
    buf_init(&answer, MESSAGE_MAX);
    demo_message(&answer, message);
    enum MHD_Result result = buf_ok(&answer) ? demo_reply(c, &reply, buf_text(&answer)) : MHD_NO;
    buf_done(&answer);
    return result;
}
