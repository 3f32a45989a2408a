/* SPDX-License-Identifier: MIT */
/* The tables of scoregate status. */
#include "cli/status_view.h"

#include "base/duration.h"
#include "cli/table.h"
#include "gateway/tally.h"

#define CELL_MAX 4096
/* No number of seconds is believed beyond this. */
#define SECONDS_MAX 1e11
/* Nor a count that JSON's numbers do not hold exactly. */
#define COUNT_MAX 9007199254740992.0

static struct text string_of(const struct json *object, const char *name) {
    struct text t = {"", 0};
    return json_string(json_member(object, name), &t) ? t : TEXT("");
}

static bool flag_of(const struct json *object, const char *name) {
    bool flag = false;
    return json_bool(json_member(object, name), &flag) && flag;
}

static bool seconds_of(const struct json *object, const char *name, usec_t *span) {
    double n;
    if (!json_number(json_member(object, name), &n) || !(n > -SECONDS_MAX && n < SECONDS_MAX))
        return false;
    *span = (usec_t)n * USEC_PER_SEC;
    return true;
}

/* "3 min" for an age; "in 3 min" or "3 min ago" for a moment. */
static void add_span(struct table *t, const struct json *object, const char *name, bool moment) {
    struct buf cell;
    usec_t span = 0;
    buf_init(&cell, CELL_MAX);
    if (seconds_of(object, name, &span)) {
        if (moment && span >= 0)
            buf_add_string(&cell, "in ");
        duration_add(&cell, span < 0 ? -span : span);
        if (moment && span < 0)
            buf_add_string(&cell, " ago");
    }
    table_add(t, buf_text(&cell));
    buf_done(&cell);
}

/* A note like "rejected, invalid_client: what the service says (trace …)". */
static void add_error(struct table *t, const char *before, struct text source,
                      const struct json *error) {
    struct buf note;
    struct text code = string_of(error, "code"), message = string_of(error, "message"),
                trace = string_of(error, "trace_id");
    buf_init(&note, CELL_MAX);
    buf_addf(&note, "%s%.*s%s%.*s", before, TEXT_ARG(source), source.len ? ": " : "",
             TEXT_ARG(string_of(error, "failure")));
    if (code.len)
        buf_addf(&note, ", %.*s", TEXT_ARG(code));
    if (message.len)
        buf_addf(&note, ": %.*s", TEXT_ARG(message));
    if (trace.len)
        buf_addf(&note, " (trace %.*s)", TEXT_ARG(trace));
    if (buf_ok(&note))
        table_note(t, buf_text(&note));
    buf_done(&note);
}

/* Nothing for what is no count. */
static void add_count(struct table *t, const struct json *object, const char *name) {
    char cell[32] = "";
    double n;
    if (json_number(json_member(object, name), &n) && n >= 0 && n < COUNT_MAX)
        snprintf(cell, sizeof cell, "%.0f", n);
    table_add(t, text_of(cell));
}

/* The sum of the members of OBJECT that are named. */
static void add_retries(struct table *t, const struct json *retries) {
    char cell[32];
    double n, sum = 0;
    for (unsigned i = 0; i < TALLY_RETRIES; i++)
        if (json_number(json_member(retries, tally_retry_word((enum tally_retry)i)), &n) &&
            n >= 0 && n < COUNT_MAX)
            sum += n;
    snprintf(cell, sizeof cell, "%.0f", sum);
    table_add(t, text_of(retries ? cell : ""));
}

/* "502 connect_timeout: 3, 500 answered: 1" */
static void note_errors(struct table *t, const struct json *errors) {
    struct buf note;
    buf_init(&note, CELL_MAX);
    for (const struct json *one = json_first(errors); one; one = json_next(one)) {
        double code, n;
        if (!json_number(json_member(one, "code"), &code) || !(code >= 0 && code < 1000) ||
            !json_number(json_member(one, "count"), &n) || !(n >= 0 && n < COUNT_MAX))
            continue;
        buf_addf(&note, "%s%.0f %.*s: %.0f", note.len ? ", " : "errors: ", code,
                 TEXT_ARG(string_of(one, "reason")), n);
    }
    if (note.len && buf_ok(&note))
        table_note(t, buf_text(&note));
    buf_done(&note);
}

static void add_route(struct table *t, const struct json *route) {
    table_add(t, string_of(route, "path"));
    table_add(t, string_of(route, "state"));
    table_add(t, flag_of(route, "required") ? TEXT("yes") : TEXT("no"));
    add_count(t, route, "in_flight");
    add_count(t, route, "queued");
    add_count(t, route, "limit");
    add_count(t, route, "requests");
    add_retries(t, json_member(route, "retries"));
    add_count(t, route, "errors");
    note_errors(t, json_member(route, "top_errors"));
}

static bool print_routes(const struct json *status, FILE *out) {
    static const char *const headings[] = {"ROUTE", "STATE",    "REQUIRED", "IN FLIGHT", "QUEUED",
                                           "LIMIT", "REQUESTS", "RETRIES",  "ERRORS"};
    struct table t;
    table_init(&t, headings, ARRAY_LEN(headings));
    const struct json *route = json_first(json_member(status, "routes"));
    for (; route; route = json_next(route))
        add_route(&t, route);
    bool ok = table_print(&t, out);
    table_done(&t);
    return ok;
}

static void add_backend(struct table *t, struct text path, const struct json *backend) {
    const struct json *error = json_member(backend, "error");
    struct text waits_for = string_of(backend, "waits_for");
    table_add(t, path);
    table_add(t, string_of(backend, "state"));
    table_add(t, string_of(backend, "breaker"));
    add_count(t, backend, "priority");
    add_count(t, backend, "weight");
    table_add(t, string_of(backend, "auth"));
    table_add(t, string_of(backend, "key_in_use"));
    table_add(t, string_of(backend, "deployment"));
    table_add(t, string_of(backend, "scoring_uri"));
    if (json_is_object(error))
        add_error(t, waits_for.len ? "waits for " : "", waits_for, error);
    else if (waits_for.len)
        add_error(t, "waits for ", waits_for, NULL);
}

static bool print_backends(const struct json *status, FILE *out) {
    static const char *const headings[] = {"BACKEND OF", "STATE",      "BREAKER",
                                           "PRIORITY",   "WEIGHT",     "AUTH",
                                           "KEY",        "DEPLOYMENT", "ENDPOINT"};
    struct table t;
    const struct json *route = json_first(json_member(status, "routes"));
    if (!route)
        return true;
    fputc('\n', out);
    table_init(&t, headings, ARRAY_LEN(headings));
    for (; route; route = json_next(route)) {
        const struct json *backend = json_first(json_member(route, "backends"));
        for (; backend; backend = json_next(backend))
            add_backend(&t, string_of(route, "path"), backend);
    }
    bool ok = table_print(&t, out);
    table_done(&t);
    return ok;
}

static void add_credential(struct table *t, const struct json *credential) {
    const struct json *error = json_member(credential, "last_error");
    table_add(t, string_of(credential, "name"));
    table_add(t, string_of(credential, "kind"));
    table_add(t, string_of(credential, "state"));
    table_add(t, string_of(credential, "fingerprint"));
    add_span(t, credential, "age_s", /* moment= */ false);
    add_span(t, credential, "refresh_in_s", /* moment= */ true);
    add_span(t, credential, "expires_in_s", /* moment= */ true);
    if (json_is_object(error))
        add_error(t, "", (struct text){"", 0}, error);
}

static bool print_credentials(const struct json *status, FILE *out) {
    static const char *const headings[] = {"CREDENTIAL", "KIND",    "STATE",  "FINGERPRINT",
                                           "AGE",        "RENEWAL", "EXPIRES"};
    struct table t;
    const struct json *credential = json_first(json_member(status, "credentials"));
    if (!credential)
        return true;
    fputc('\n', out);
    table_init(&t, headings, ARRAY_LEN(headings));
    for (; credential; credential = json_next(credential))
        add_credential(&t, credential);
    bool ok = table_print(&t, out);
    table_done(&t);
    return ok;
}

static bool print_head(const struct json *status, const char *address, FILE *out) {
    static const char *const headings[] = {"GATEWAY", "VERSION", "UP", "STATE"};
    struct table t;
    table_init(&t, headings, ARRAY_LEN(headings));
    table_add(&t, text_of(address));
    table_add(&t, string_of(status, "version"));
    add_span(&t, status, "uptime_s", /* moment= */ false);
    table_add(&t, flag_of(status, "draining") ? TEXT("stopping")
                  : flag_of(status, "ready")  ? TEXT("ready")
                                              : TEXT("not ready"));
    bool ok = table_print(&t, out);
    table_done(&t);
    fputc('\n', out);
    return ok;
}

bool status_view_print(const struct json *status, const char *address, FILE *out) {
    return print_head(status, address, out) && print_routes(status, out) &&
           print_backends(status, out) && print_credentials(status, out);
}
