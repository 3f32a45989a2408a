/* SPDX-License-Identifier: MIT */
/* From libmicrohttpd's view of a request head to a struct head that was checked.
 *
 * libmicrohttpd 0.9.75 ends strings inside its buffer with NUL bytes and hides two attacks by that:
 * a NUL inside a value cuts it, a folded line is glued to the name of its field. Both show in the
 * distances between the strings, which are looked at here (later versions refuse them themselves).
 */
#include "front/client.h"

#include <stdlib.h>

struct collector {
    struct server *server;
    size_t count, bytes;
    bool memory_out, forged;
    const char *last_end; /* behind the value before */
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

/* Name, colon, blanks, value, and one or two bytes of line end before the next name. */
static void check_distances(struct collector *c, struct text name, struct text value) {
    const char *colon = name.at + name.len;
    if (value.at <= colon)
        c->forged = true;
    if (c->last_end && (name.at <= c->last_end || name.at - c->last_end > 2))
        c->forged = true;
    c->last_end = value.at + value.len;
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
    if (s->old_parser && value)
        check_distances(c, line.name, line.value);
    line.value = text_trim(line.value);
    s->fields[c->count++] = line;
    c->bytes += name_len + value_len + 4;
    return MHD_YES;
}

bool head_read(struct client *client, const char *method, const char *version, struct head *head,
               enum reason *refused) {
    struct server *s = client->server;
    struct collector c = {.server = s};
    MHD_get_connection_values_n(client->connection, MHD_HEADER_KIND, collect, &c);
    if (c.memory_out)
        return false;
    *head = (struct head){.method_text = text_of(method),
                          .target = text_of(client->request.target),
                          .version = strcmp(version, MHD_HTTP_VERSION_1_0) == 0 ? 10 : 11,
                          .fields = s->fields,
                          .field_count = c.count};
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
