/* SPDX-License-Identifier: MIT */
/* The page at /: the status in HTML for whoever opens it in a browser. No script, nothing from
 * elsewhere, and every text escaped. */
#include "base/duration.h"
#include "base/utf8.h"
#include "config/uri.h"
#include "daemon/status.h"

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
    ".note{display:block;font-size:.88rem;color:var(--dim)}"
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

static void write_target(struct buf *b, const struct status_route *r) {
    struct buf uri;
    buf_init(&uri, URI_MAX);
    if (r->scoring_uri)
        uri_print(&uri, text_of(r->scoring_uri));
    buf_add_string(b, "<td class=wide>");
    if (uri.len) {
        buf_add_string(b, "<code>");
        add_escaped(b, buf_text(&uri));
        buf_add_string(b, "</code>");
    } else {
        buf_add_string(b, "<span class=dim>not found yet</span>");
    }
    if (r->state != ROUTE_READY) {
        buf_clear(&uri);
        status_explain(&uri, r);
        add_note(b, buf_text(&uri));
    }
    buf_done(&uri);
}

static void write_route(struct buf *b, const struct status_route *r) {
    static const char *const classes[] = {"good", "wait", "bad"};
    buf_add_string(b, "<tr>");
    add_code(b, r->path);
    buf_addf(b, "<td class=%s>%s", classes[r->state], route_state_word(r->state));
    write_target(b, r);
    buf_add_string(b, "<td>");
    add_string(b, r->auth);
    if (status_has_two_keys(r))
        add_note(b, text_of(status_key_word(r->preferred)));
    if (!r->required)
        add_note(b, TEXT("not required"));
    buf_add_string(b, "<td>");
    for (size_t i = 0; i < r->credential_count; i++) {
        buf_add_string(b, i ? "<br><code>" : "<code>");
        add_string(b, r->credentials[i]);
        buf_add_string(b, "</code>");
    }
    buf_add_char(b, '\n');
}

static const char *class_of(const struct credential_status *c) {
    if (strcmp(c->state, "usable") == 0)
        return "good";
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
    buf_add_string(b, "<h2>Routes</h2>\n<div><table><tr><th>Path<th>State<th>Endpoint<th>Credential"
                      "<th>Comes from\n");
    for (size_t i = 0; i < s->route_count; i++)
        write_route(b, &s->routes[i]);
    buf_add_string(b, "</table></div>\n<h2>Credentials</h2>\n<div><table><tr><th>Name<th>Kind"
                      "<th>State<th>Fingerprint<th>Got<th>Renewal<th>Ends<th>Last failure\n");
    for (size_t i = 0; i < s->credential_count; i++)
        write_credential(b, s, &s->credentials[i]);
    buf_add_string(b, "</table></div>\n<footer>The same for programs: <a href=status>status</a>, "
                      "<a href=metrics>metrics</a>, <a href=readyz>readyz</a>.</footer>\n");
}
