/* SPDX-License-Identifier: MIT */
/* The page at /: the status in HTML for whoever opens it in a browser. No script, nothing from
 * elsewhere, and every text escaped. */
#include "base/duration.h"
#include "base/utf8.h"
#include "config/uri.h"
#include "daemon/status.h"

#include <inttypes.h>

#define URI_MAX (64 * 1024)

static const char style[] =
    ":root{color-scheme:light dark;--line:#8883;--soft:#8881;--dim:#777;--good:#1a7f37;"
    "--wait:#9a6700;--bad:#cf222e}"
    "@media(prefers-color-scheme:dark){:root{--dim:#999;--good:#3fb950;--wait:#d29922;"
    "--bad:#ff7b72}}"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2.5rem auto;padding:0 1.5rem}"
    "h1{font-size:1.5rem;margin:0;font-weight:650}h2{font-size:1.05rem;margin:2.2rem 0 .5rem}"
    "header p,.dim{color:var(--dim);margin:.2rem 0 0}"
    "div{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%}"
    "th{text-align:left;font-weight:500;color:var(--dim);font-size:.85rem}"
    "th,td{padding:.45rem 1.2rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}"
    "td{white-space:nowrap}td.wide{white-space:normal;overflow-wrap:anywhere;min-width:14rem}"
    "code{font:.88em ui-monospace,monospace}"
    ".good,.wait,.bad{font-weight:550}"
    ".good::before,.wait::before,.bad::before{content:'';display:inline-block;width:.55em;"
    "height:.55em;border-radius:50%;background:currentColor;margin-right:.5em}"
    ".good{color:var(--good)}.wait{color:var(--wait)}.bad{color:var(--bad)}"
    ".number{text-align:right}td.number{font-variant-numeric:tabular-nums}"
    ".note.bad{color:var(--bad)}.note.wait{color:var(--wait)}"
    "td.why{font-size:.88rem;color:var(--dim)}"
    ".note{display:block;font-weight:400;font-size:.88rem;color:var(--dim)}"
    "footer{margin-top:2.5rem;font-size:.85rem;color:var(--dim)}a{color:inherit}";

/* Appends T as text or as the value of an attribute. Controls and what is no UTF-8 become U+FFFD.
 */
static void add_escaped(struct buf *b, struct text t) {
    while (t.len) {
        uint32_t code = 0;
        size_t n = utf8_next(t, &code);
        if (n == 0 || utf8_is_control(code))
            buf_add_string(b, "&#xfffd;");
        else if (code == '&' || code == '<' || code == '>' || code == '"' || code == '\'')
            buf_addf(b, "&#%u;", (unsigned)code);
        else
            buf_add(b, t.at, n);
        t = text_skip(t, n ? n : 1);
    }
}

static void add_string(struct buf *b, const char *string) {
    add_escaped(b, text_of(string));
}

/* A cell with a text in the typeface of code, or a dash. */
static void add_code(struct buf *b, const char *text) {
    if (!text || !text[0]) {
        buf_add_string(b, "<td class=dim>–");
        return;
    }
    buf_add_string(b, "<td><code>");
    add_string(b, text);
    buf_add_string(b, "</code>");
}

static void add_note(struct buf *b, struct text t) {
    buf_add_string(b, "<span class=note>");
    add_escaped(b, t);
    buf_add_string(b, "</span>");
}

/* A moment as seen from now: "in 12 min", "5 s ago", a dash. */
static void add_moment(struct buf *b, bool known, usec_t from_now) {
    if (!known) {
        buf_add_string(b, "<td class=dim>–");
        return;
    }
    buf_add_string(b, from_now >= 0 ? "<td>in " : "<td>");
    duration_add(b, from_now >= 0 ? from_now : -from_now);
    if (from_now < 0)
        buf_add_string(b, " ago");
}

static void add_state(struct buf *b, enum route_state state) {
    static const char *const classes[] = {"good", "wait", "bad"};
    buf_addf(b, "<td class=%s>%s", classes[state], route_state_word(state));
}

/* Numbers stand beneath each other; a nought is nothing to look at. */
static void add_number(struct buf *b, int64_t number) {
    buf_addf(b, number ? "<td class=number>%" PRId64 : "<td class=\"number dim\">%" PRId64, number);
}

/* Routes */

static void add_errors(struct buf *b, const struct tally_sum *counts) {
    struct status_errors errors;
    status_count_errors(&errors, counts);
    add_number(b, (int64_t)errors.total);
    buf_add_string(b, "<td class=why>");
    for (size_t i = 0; i < errors.count; i++)
        buf_addf(b, "%s%u %s: %" PRIu64, i ? "<br>" : "", errors.top[i].status,
                 reason_word(errors.top[i].why), errors.top[i].count);
}

static void write_route(struct buf *b, const struct status_route *r) {
    buf_add_string(b, "<tr>");
    add_code(b, r->path);
    add_state(b, r->state);
    if (!r->required)
        add_note(b, TEXT("not required"));
    add_number(b, r->counts.gauges[TALLY_IN_FLIGHT]);
    add_number(b, r->counts.gauges[TALLY_QUEUED]);
    if (r->limit)
        add_number(b, r->limit);
    else
        buf_add_string(b, "<td class=\"number dim\">–");
    add_number(b, (int64_t)r->counts.duration.count);
    add_number(b, (int64_t)status_count_retries(&r->counts));
    add_errors(b, &r->counts);
    buf_add_char(b, '\n');
}

static void write_routes(struct buf *b, const struct status *s) {
    buf_add_string(b, "<h2>Routes</h2>\n<div><table><tr><th>Path<th>State<th class=number>In flight"
                      "<th class=number>Queued<th class=number>Limit<th class=number>Requests"
                      "<th class=number>Retries<th class=number>Errors<th>Most often\n");
    for (size_t i = 0; i < s->route_count; i++)
        write_route(b, &s->routes[i]);
    buf_add_string(b, "</table></div>\n");
}

/* Backends */

static void write_target(struct buf *b, const struct status_backend *k) {
    struct buf text;
    buf_init(&text, URI_MAX);
    if (k->scoring_uri)
        uri_print(&text, text_of(k->scoring_uri));
    buf_add_string(b, "<td class=wide>");
    if (text.len) {
        buf_add_string(b, "<code>");
        add_escaped(b, buf_text(&text));
        buf_add_string(b, "</code>");
    } else {
        buf_add_string(b, "<span class=dim>not found yet</span>");
    }
    if (k->deployment) {
        buf_clear(&text);
        buf_addf(&text, "deployment %s", k->deployment);
        add_note(b, buf_text(&text));
    }
    if (k->state != ROUTE_READY) {
        buf_clear(&text);
        status_explain(&text, k);
        add_note(b, buf_text(&text));
    }
    buf_done(&text);
}

/* Only what is not as ever is told of a breaker. */
static void add_breaker(struct buf *b, enum tally_breaker state) {
    if (state == TALLY_CLOSED)
        return;
    buf_addf(b, "<span class=\"note %s\">breaker %s</span>", state == TALLY_OPEN ? "bad" : "wait",
             breaker_state_word(state));
}

static void write_backend(struct buf *b, const char *path, const struct status_backend *k) {
    buf_add_string(b, "<tr>");
    add_code(b, path);
    add_state(b, k->state);
    add_breaker(b, k->breaker);
    write_target(b, k);
    buf_addf(b, "<td class=number>%u<td class=number>%u<td>", k->priority, k->weight);
    add_string(b, k->auth);
    if (status_has_two_keys(k))
        add_note(b, text_of(status_key_word(k->preferred)));
    buf_add_string(b, "<td>");
    for (size_t i = 0; i < k->credential_count; i++) {
        buf_add_string(b, i ? "<br><code>" : "<code>");
        add_string(b, k->credentials[i]);
        buf_add_string(b, "</code>");
    }
    buf_add_char(b, '\n');
}

static void write_backends(struct buf *b, const struct status *s) {
    buf_add_string(b, "<h2>Backends</h2>\n<div><table><tr><th>Of<th>State<th>Endpoint"
                      "<th class=number>Priority<th class=number>Weight<th>Credential"
                      "<th>Comes from\n");
    for (size_t i = 0; i < s->route_count; i++)
        for (size_t j = 0; j < s->routes[i].backend_count; j++)
            write_backend(b, s->routes[i].path, &s->routes[i].backends[j]);
    buf_add_string(b, "</table></div>\n");
}

/* Credentials */

static const char *class_of(const struct credential_status *c) {
    if (strcmp(c->state, "usable") == 0)
        return "good";
    if (strcmp(c->state, "unavailable") == 0)
        return "dim";
    return strcmp(c->state, "pending") == 0 || strcmp(c->state, "failing") == 0 ? "wait" : "bad";
}

static void write_credential(struct buf *b, const struct status *s,
                             const struct credential_status *c) {
    bool had = c->since != 0;
    buf_add_string(b, "<tr>");
    add_code(b, c->name);
    buf_add_string(b, "<td>");
    add_string(b, c->kind);
    buf_addf(b, "<td class=%s>%s", class_of(c), c->state);
    if (c->fetching)
        add_note(b, TEXT("being fetched"));
    add_code(b, c->fingerprint);
    add_moment(b, had, had ? c->since - s->now - 1 : 0);
    add_moment(b, c->refresh != USEC_NEVER, c->refresh > s->now ? c->refresh - s->now : 0);
    add_moment(b, had && c->expires != USEC_NEVER, c->expires - s->now);
    buf_add_string(b, "<td class=wide>");
    if (c->error) {
        buf_addf(b, "%s", azure_failure_word(c->error->failure));
        if (c->error->code[0]) {
            buf_add_string(b, ", ");
            add_string(b, c->error->code);
        }
        add_note(b, text_of(c->error->message));
    } else {
        buf_add_string(b, "<span class=dim>–</span>");
    }
    buf_add_char(b, '\n');
}

static void write_credentials(struct buf *b, const struct status *s) {
    buf_add_string(b, "<h2>Credentials</h2>\n<div><table><tr><th>Name<th>Kind<th>State"
                      "<th>Fingerprint<th>Got<th>Renewal<th>Ends<th>Last failure\n");
    for (size_t i = 0; i < s->credential_count; i++)
        write_credential(b, s, &s->credentials[i]);
    buf_add_string(b, "</table></div>\n");
}

/* The page */

static void write_header(struct buf *b, const struct status *s) {
    size_t ready = 0;
    for (size_t i = 0; i < s->route_count; i++)
        ready += s->routes[i].state == ROUTE_READY;
    buf_addf(b,
             "<!doctype html>\n<html lang=en><meta charset=utf-8>"
             "<meta name=viewport content=\"width=device-width\">"
             "<title>scoregate: %zu of %zu ready</title>\n<style>%s</style>\n"
             "<header><h1>scoregate</h1><p>Version " PACKAGE_VERSION ", up ",
             ready, s->route_count, style);
    duration_add(b, s->uptime);
    buf_addf(b, ", %zu of %zu route%s ready%s</header>\n", ready, s->route_count,
             s->route_count == 1 ? "" : "s", s->draining ? ", stopping" : "");
}

void status_write_page(struct buf *b, const struct status *s) {
    write_header(b, s);
    write_routes(b, s);
    write_backends(b, s);
    write_credentials(b, s);
    buf_add_string(b, "<footer>The same for programs: <a href=status>status</a>, "
                      "<a href=metrics>metrics</a>, <a href=readyz>readyz</a>.</footer>\n");
}
