/* SPDX-License-Identifier: MIT */
/* From libmicrohttpd's view of a request head to a struct head that was checked.
 *
 * libmicrohttpd 0.9.75 works in its read buffer: it ends each string with NUL bytes in the place of
 * the delimiter. So what it hides shows in the distances between the strings: a NUL of the sender
 * cuts a string, a folded line is glued to the name of its field somewhere else, a line without a
 * name leaves a gap. Later versions refuse all of these themselves and arrange their memory
 * otherwise. */
#include "front/client.h"

#include <stdlib.h>

struct collector {
    struct server *server;
    size_t count, bytes;
    bool memory_out, forged;
    const char *end; /* behind what was read last */
    size_t line_end; /* how lines end here: 2 bytes, or 1 if the sender has bare line feeds; 0:
                        unknown */
};

static bool grow(struct server *s) {
    size_t capacity = s->field_capacity ? 2 * s->field_capacity : 64;
    struct field_line *fields = realloc(s->fields, capacity * sizeof *fields);
    if (!fields)
        return false;
    s->fields = fields;
    s->field_capacity = capacity;
    return true;
}

/* "METHOD SP target SP version": one blank each, nothing hidden. */
static void check_request_line(struct collector *c, const struct head *h, const char *url,
                               const char *version) {
    const char *method_end = h->method_text.at + h->method_text.len;
    if (url != method_end + 1 || version != url + h->target.len + 1)
        c->forged = true;
    c->end = version + strlen(version);
}

/* The end of the line before, name, colon, blanks, value. */
static void check_line(struct collector *c, struct text name, struct text value) {
    size_t gap = name.at > c->end ? (size_t)(name.at - c->end) : 0;
    if (gap == 0 || gap > 2 || value.at <= name.at + name.len)
        c->forged = true;
    c->end = value.at + value.len;
}

/* Behind the last line: its end and that of the empty line, and no line that was left out. */
static void check_end(struct collector *c, const struct client *client, const char *method) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!info || method + info->header_size > c->end + 4)
        c->forged = true;
}

static enum MHD_Result collect(void *context, enum MHD_ValueKind kind, const char *name,
                               size_t name_len, const char *value, size_t value_len) {
    (void)kind;
    struct collector *c = context;
    struct server *s = c->server;
    if (c->count == s->field_capacity && !grow(s)) {
        c->memory_out = true;
        return MHD_NO;
    }
    struct field_line line = {.name = {name, name_len}, .value = {value ? value : "", value_len}};
    if (s->old_parser)
        check_line(c, line.name, line.value);
    line.value = text_trim(line.value);
    s->fields[c->count++] = line;
    c->bytes += name_len + value_len + 4;
    return MHD_YES;
}

bool head_read(struct client *client, const char *method, const char *url, const char *version,
               struct head *head, enum reason *refused) {
    struct server *s = client->server;
    struct collector c = {.server = s};
    *head = (struct head){.method_text = text_of(method),
                          .target = text_of(client->request.target),
                          .version = strcmp(version, MHD_HTTP_VERSION_1_0) == 0 ? 10 : 11};
    if (s->old_parser)
        check_request_line(&c, head, url, version);
    MHD_get_connection_values_n(client->connection, MHD_HEADER_KIND, collect, &c);
    if (c.memory_out)
        return false;
    if (s->old_parser)
        check_end(&c, client, method);
    head->fields = s->fields;
    head->field_count = c.count;
    size_t line = head->method_text.len + head->target.len + 12;
    *refused = head_check(head);
    if (*refused == REASON_NONE && c.forged)
        *refused = REASON_malformed_header;
    if (head->target.len > s->options.header_bytes)
        *refused = REASON_target_too_long;
    else if (line + c.bytes > s->options.header_bytes)
        *refused = REASON_head_too_large;
    return true;
}
