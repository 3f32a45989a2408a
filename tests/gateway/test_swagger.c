/* SPDX-License-Identifier: MIT */
/* What an endpoint says of itself, on its way through the gateway: fetched, kept, asked after, and
 * told to whoever asks. How it is rewritten is the matter of test_openapi. */
#include "expect.h"
#include "fake.h"

#include "gateway/document.h"
#include "gateway/exchange.h"

#include <stdlib.h>

#define SWAGGER "/score/swagger.json"
#define DOC(title)                                                                                 \
    "{\"swagger\":\"2.0\",\"basePath\":\"/v1\",\"info\":\"" title "\",\"paths\":{\"/score\":{"     \
    "\"post\":{}}}}"
#define LOCAL(title)                                                                               \
    "{\"swagger\":\"2.0\",\"info\":\"" title "\",\"paths\":{\"/score\":{\"post\":{}}},"            \
    "\"schemes\":[\"http\"],\"host\":\"localhost\"}"
#define KEPT_LONG "Cache-Control: max-age=3600\r\n"
#define CHECKED   "ETag: \"one\"\r\nLast-Modified: then\r\nCache-Control: no-cache\r\n"

static struct caller *asks_with(const char *method, const char *target, const char *const *fields) {
    struct caller *c = caller_begins(method, target, fields);
    caller_ends(c);
    turn();
    return c;
}

static struct caller *asks(void) {
    return caller_gets(SWAGGER);
}

static struct caller *asks_saying(const char *field) {
    const char *fields[] = {field, NULL};
    return asks_with("GET", SWAGGER, fields);
}

static void answers(struct conn *conn, const char *status, const char *fields, const char *body) {
    char head[1024];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
             strlen(body), fields);
    peer_sends(conn, head);
    peer_sends(conn, body);
}

/* The connection on which a document is asked for; NULL: nobody asks. What it got before is gone.
 */
static struct conn *asked(void) {
    struct conn *conn = conn_with("swagger.json");
    return conn && conn->sent.len > conn->answered_to ? conn : NULL;
}

static const char *request_on(struct conn *conn) {
    return peer_got(conn) + conn->used_from;
}

/* All of the request is with the endpoint, which answers. */
static struct conn *asked_whole(void) {
    last_byte_follows();
    struct conn *conn = asked();
    assert_non_null(conn);
    conn->answered_to = conn->sent.len;
    return conn;
}

static void document_comes(const char *fields, const char *body) {
    answers(asked_whole(), "200 OK", fields, body);
}

static void not_modified_comes(const char *fields) {
    char head[512];
    snprintf(head, sizeof head, "HTTP/1.1 304 Not Modified\r\n%s\r\n", fields);
    peer_sends(asked_whole(), head);
}

static void is_told(struct caller *c, const char *body) {
    char got[4096];
    assert_int_equal(c->status, 200);
    assert_true(c->whole);
    snprintf(got, sizeof got, "%.*s", TEXT_ARG(c->whole_body));
    assert_string_equal(got, body);
    assert_string_equal(reply_field(c, "Content-Type"), "application/json");
    caller_is_done(c, true);
    turn();
}

/* C asks the endpoint, which answers with FIELDS and BODY, and is told WANTED. */
static void fetches(struct caller *c, const char *fields, const char *body, const char *wanted) {
    assert_false(c->replied);
    document_comes(fields, body);
    is_told(c, wanted);
}

/* Nobody is asked. */
static void is_told_at_once(struct caller *c, const char *wanted) {
    assert_null(asked());
    is_told(c, wanted);
}

static void is_asked_for_with_the_credential(void **state) {
    (void)state;
    struct caller *c = caller_gets(SWAGGER "?version=3&a=b");
    const char *got = request_on(asked());
    assert_int_equal(strncmp(got, "GET /v1/swagger.json?version=3&a=b HTTP/1.1\r\n", 45), 0);
    assert_contains(got, "\r\nAuthorization: Bearer primary-key\r\n");
    assert_contains(got, "\r\nAccept-Encoding: identity\r\n");
    assert_lacks(got, "If-");
    fetches(c, "", DOC("a"), LOCAL("a"));
    assert_int_equal(world.given_back, 1);
    assert_all_over();
}

static void head_gets_what_get_would_get(void **state) {
    (void)state;
    struct caller *c = asks_with("HEAD", SWAGGER, NULL);
    assert_int_equal(strncmp(request_on(asked()), "GET /v1/swagger.json HTTP/1.1\r\n", 31), 0);
    fetches(c, "Cache-Control: no-store\r\n", DOC("a"), LOCAL("a"));
    assert_int_equal(world.given_back, 1);
    fetches(asks(), KEPT_LONG, DOC("b"), LOCAL("b"));
    is_told_at_once(asks_with("HEAD", SWAGGER, NULL), LOCAL("b"));
}

static void other_methods_are_refused(void **state) {
    (void)state;
    struct caller *c = asks_with("POST", SWAGGER, NULL);
    assert_string_equal(reply_field(c, "Allow"), "GET, HEAD, OPTIONS");
    is_refused(c, 405, "method_not_allowed");
    assert_int_equal(world.conn_count, 0);
}

static void comes_in_any_framing(void **state) {
    (void)state;
    static const char body[] = DOC("a");
    struct caller *c = asks();
    peer_sends(asked(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < sizeof body - 1; i++) {
        char chunk[16];
        snprintf(chunk, sizeof chunk, "1\r\n%c\r\n", body[i]);
        peer_sends(peer(1), chunk);
        assert_false(c->replied);
    }
    peer_sends(peer(1), "0\r\n\r\n");
    is_told(c, LOCAL("a"));
    c = asks_saying("Cache-Control: no-cache");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\n\r\n" DOC("b"));
    assert_false(c->replied);
    peer_closes(peer(1), CONN_END);
    is_told(c, LOCAL("b"));
}

/* Whoever else answered or would answer. */
static void only_the_gateways_own_fields_are_told(void **state) {
    (void)state;
    struct caller *c = asks();
    document_comes("ETag: \"one\"\r\nLast-Modified: then\r\nContent-Type: text/plain\r\n"
                   "Server: s\r\nX-Own: x\r\nAge: 7\r\n" KEPT_LONG,
                   DOC("a"));
    assert_string_not_equal(reply_field(c, "ETag"), "\"one\"");
    assert_int_equal(strlen(reply_field(c, "ETag")), 18);
    assert_string_equal(reply_field(c, "Cache-Control"), "max-age=3600");
    assert_string_equal(reply_field(c, "Age"), "7");
    assert_non_null(reply_field(c, "x-ms-client-request-id"));
    static const char *const others[] = {"Last-Modified", "Server", "X-Own"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_null(reply_field(c, others[i]));
    is_told(c, LOCAL("a"));
    later(5 * USEC_PER_SEC);
    c = asks();
    assert_string_equal(reply_field(c, "Age"), "12");
    is_told_at_once(c, LOCAL("a"));
    c = caller_gets(SWAGGER "?x");
    document_comes("", DOC("a"));
    assert_string_equal(reply_field(c, "Cache-Control"), "no-cache");
    is_told(c, LOCAL("a"));
}

/* --- as the caller asks ------------------------------------------------------------------------
 */

/* What a caller that asks HOST is told has its name. */
static void names(const char *host, bool fetched) {
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "{\"swagger\":\"2.0\",\"info\":\"a\",\"paths\":{\"/score\":{\"post\":{}}},"
             "\"schemes\":[\"http\"],\"host\":\"%s\"}",
             host);
    struct caller *c = caller_begins_at(host, "GET", SWAGGER, NULL);
    caller_ends(c);
    turn();
    if (fetched)
        document_comes(KEPT_LONG, DOC("a"));
    is_told_at_once(c, wanted);
}

static void each_caller_is_told_the_host_that_it_asked(void **state) {
    (void)state;
    names("127.0.0.1:8080", true);
    names("localhost:8080", false);
    names("[::1]", false);
    assert_int_equal(world.conn_count, 1);
}

static void an_etag_stands_for_the_bytes(void **state) {
    (void)state;
    char etags[4][64];
    static const char *const bodies[] = {DOC("a"), DOC("a"), DOC("b"), " " DOC("a") "\n"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct caller *c = asks();
        document_comes("Cache-Control: no-store\r\n", bodies[i]);
        snprintf(etags[i], sizeof etags[i], "%s", reply_field(c, "ETag"));
        caller_is_done(c, true);
    }
    assert_string_equal(etags[0], etags[1]);
    assert_string_not_equal(etags[0], etags[2]);
    assert_string_equal(etags[0], etags[3]); /* the caller gets the same */
}

static void a_caller_that_has_it_is_told_so(void **state) {
    (void)state;
    char etag[64], field[256];
    struct caller *c = asks();
    document_comes(KEPT_LONG, DOC("a"));
    snprintf(etag, sizeof etag, "%s", reply_field(c, "ETag"));
    is_told(c, LOCAL("a"));
    static const struct {
        const char *before, *behind;
        bool etag, has;
    } cases[] = {
        {"", "", true, true},
        {"W/", "", true, true},
        {"\"x\", ", " , W/\"y\"", true, true},
        {"W/\"x\" ,W/", "", true, true},
        {"*", "", false, true},
        {"\"x\"", "", false, false},
        {"", "x", true, false},
        {"w/", "", true, false},
        {"W/W/", "", true, false},
        {"", "", false, false},
        {"\"*\"", "", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snprintf(field, sizeof field, "If-None-Match: %s%s%s", cases[i].before,
                 cases[i].etag ? etag : "", cases[i].behind);
        c = asks_saying(field);
        assert_null(asked());
        if (!cases[i].has) {
            is_told(c, LOCAL("a"));
            continue;
        }
        assert_int_equal(c->status, 304);
        assert_false(c->whole);
        assert_int_equal(c->length, strlen(LOCAL("a"))); /* of what it has */
        assert_string_equal(reply_field(c, "ETag"), etag);
        assert_string_equal(reply_field(c, "Cache-Control"), "max-age=3600");
        assert_null(reply_field(c, "Content-Type"));
        caller_is_done(c, true);
    }
    /* Not when it is another by now. */
    snprintf(field, sizeof field, "If-None-Match: %s", etag);
    const char *fields[] = {field, "Cache-Control: no-cache", NULL};
    fetches(asks_with("GET", SWAGGER, fields), "", DOC("b"), LOCAL("b"));
}

static void conditions_of_the_caller_stay_here(void **state) {
    (void)state;
    const char *fields[] = {"If-None-Match: \"mine\"", "If-Modified-Since: once",
                            "Range: bytes=0-1",        "If-Range: \"mine\"",
                            "Accept-Encoding: gzip",   NULL};
    struct caller *c = asks_with("GET", SWAGGER, fields);
    assert_lacks(request_on(asked()), "If-");
    assert_lacks(request_on(asked()), "Range");
    assert_lacks(request_on(asked()), "gzip");
    fetches(c, CHECKED, DOC("a"), LOCAL("a"));
    c = asks_with("GET", SWAGGER, fields);
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
    assert_lacks(request_on(asked()), "mine");
    assert_lacks(request_on(asked()), "once");
    caller_is_done(c, false);
}

/* --- what is kept ------------------------------------------------------------------------------
 */

static void the_endpoint_is_asked_after_what_is_kept(void **state) {
    (void)state;
    fetches(asks(), CHECKED, DOC("a"), LOCAL("a"));
    struct caller *c = asks();
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
    assert_contains(request_on(asked()), "\r\nIf-Modified-Since: then\r\n");
    assert_false(c->replied);
    not_modified_comes("ETag: \"one\"\r\n");
    is_told(c, LOCAL("a"));
    c = asks();
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
    fetches(c, "ETag: \"two\"\r\nCache-Control: no-cache\r\n", DOC("b"), LOCAL("b"));
    c = asks();
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"two\"\r\n");
    assert_lacks(request_on(asked()), "If-Modified-Since");
    not_modified_comes("");
    is_told(c, LOCAL("b"));
    assert_int_equal(world.conn_count, 1);
}

static void each_validator_goes_alone(void **state) {
    (void)state;
    fetches(asks(), "Last-Modified: then\r\nCache-Control: no-cache\r\n", DOC("a"), LOCAL("a"));
    struct caller *c = asks();
    assert_contains(request_on(asked()), "\r\nIf-Modified-Since: then\r\n");
    assert_lacks(request_on(asked()), "If-None-Match");
    fetches(c, "Cache-Control: no-cache\r\n", DOC("b"), LOCAL("b")); /* it has none any more */
    c = asks();
    assert_lacks(request_on(asked()), "If-");
    fetches(c, "", DOC("c"), LOCAL("c"));
}

static void a_fresh_one_is_told_at_once(void **state) {
    (void)state;
    fetches(asks(), "ETag: \"one\"\r\n" KEPT_LONG, DOC("a"), LOCAL("a"));
    is_told_at_once(asks(), LOCAL("a"));
    later(3599 * USEC_PER_SEC);
    is_told_at_once(asks(), LOCAL("a"));
    later(USEC_PER_SEC);
    struct caller *c = asks();
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
    not_modified_comes(KEPT_LONG);
    is_told(c, LOCAL("a"));
    later(3599 * USEC_PER_SEC);
    is_told_at_once(asks(), LOCAL("a")); /* it counts from then */
}

static void a_minute_where_nothing_is_said(void **state) {
    (void)state;
    fetches(asks(), "", DOC("a"), LOCAL("a"));
    later(DOCUMENT_FRESH - 1);
    is_told_at_once(asks(), LOCAL("a"));
    later(1);
    struct caller *c = asks();
    assert_lacks(request_on(asked()), "If-");
    fetches(c, "", DOC("b"), LOCAL("b"));
    is_told_at_once(asks(), LOCAL("b"));
}

static void a_caller_may_want_news(void **state) {
    (void)state;
    static const char *const wanting[] = {"Cache-Control: no-cache", "Cache-Control: max-age=0",
                                          "Cache-Control: x, No-Cache"};
    static const char *const content[] = {"Cache-Control: max-age=60", "Cache-Control: no-store",
                                          "Cache-Control: x-no-cache", "Accept: no-cache"};
    fetches(asks(), "ETag: \"one\"\r\n" KEPT_LONG, DOC("a"), LOCAL("a"));
    for (size_t i = 0; i < ARRAY_LEN(content); i++)
        is_told_at_once(asks_saying(content[i]), LOCAL("a"));
    for (size_t i = 0; i < ARRAY_LEN(wanting); i++) {
        struct caller *c = asks_saying(wanting[i]);
        assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
        not_modified_comes("");
        is_told(c, LOCAL("a"));
    }
    fetches(asks_saying(wanting[0]), KEPT_LONG, DOC("b"), LOCAL("b"));
    is_told_at_once(asks(), LOCAL("b"));
}

static void some_are_not_kept(void **state) {
    (void)state;
    static const char *const fields[] = {
        "ETag: \"one\"\r\nCache-Control: no-store\r\n",
        "ETag: \"one\"\r\nCache-Control: private, max-age=60\r\n",
        "ETag: \"one\"\r\nVary: Accept\r\n" KEPT_LONG,
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct caller *c = asks();
        assert_lacks(request_on(asked()), "If-");
        fetches(c, fields[i], DOC("a"), LOCAL("a"));
    }
    fetches(asks(), KEPT_LONG, DOC("a"), LOCAL("a"));
    fetches(asks_saying("Cache-Control: no-cache"), fields[0], DOC("b"), LOCAL("b"));
    fetches(asks(), KEPT_LONG "Vary: Origin\r\n", DOC("c"),
            LOCAL("c")); /* that was the last word */
    is_told_at_once(asks(), LOCAL("c"));
}

static void a_large_one_is_told_and_not_kept(void **state) {
    (void)state;
    char *body = malloc(DOCUMENT_KEPT_BYTES + 1);
    size_t n = (size_t)snprintf(body, 256, "%s", DOC("a"));
    memset(body + n, ' ', DOCUMENT_KEPT_BYTES - n);
    body[DOCUMENT_KEPT_BYTES] = '\0';
    char head[128];
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n" KEPT_LONG "Content-Length: %d\r\n\r\n ",
             DOCUMENT_KEPT_BYTES + 1);
    for (int i = 0; i < 2; i++) {
        struct caller *c = asks();
        struct conn *conn = asked_whole();
        peer_sends(conn, head);
        peer_sends(conn, body);
        is_told(c, LOCAL("a"));
    }
    fetches(asks(), KEPT_LONG, body, LOCAL("a"));
    is_told_at_once(asks(), LOCAL("a"));
    free(body);
}

static void each_query_has_its_own(void **state) {
    (void)state;
    static const char *const targets[] = {SWAGGER, SWAGGER "?version=2", SWAGGER "?version=3",
                                          SWAGGER "?version=3.1"};
    static const char *const bodies[] = {DOC("0"), DOC("2"), DOC("3"), DOC("31")};
    static const char *const local[] = {LOCAL("0"), LOCAL("2"), LOCAL("3"), LOCAL("31")};
    _Static_assert(ARRAY_LEN(targets) == DOCUMENTS_MAX, "as many as are kept");
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        fetches(caller_gets(targets[i]), KEPT_LONG, bodies[i], local[i]);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        is_told_at_once(caller_gets(targets[i]), local[i]);
    fetches(caller_gets(SWAGGER "?more"), KEPT_LONG, DOC("m"), LOCAL("m"));
    for (size_t i = 1; i < ARRAY_LEN(targets); i++)
        is_told_at_once(caller_gets(targets[i]), local[i]);
    fetches(asks(), KEPT_LONG, DOC("again"), LOCAL("again")); /* the oldest went */
}

/* --- what it is kept for -----------------------------------------------------------------------
 */

static void another_endpoint_is_asked_anew(void **state) {
    (void)state;
    fetches(asks(), "ETag: \"one\"\r\n" KEPT_LONG, DOC("a"), LOCAL("a"));
    supply_comes(supply_made("another-key", NULL)); /* of the same */
    is_told_at_once(asks(), LOCAL("a"));
    endpoint_moves("moved.example", "moved.example");
    supply_comes(supply_made("primary-key", NULL));
    struct caller *c = asks();
    assert_string_equal(asked()->host, "moved.example");
    assert_lacks(request_on(asked()), "If-");
    fetches(c, KEPT_LONG, DOC("b"), LOCAL("b"));
}

/* It is the old one's, and its caller's. */
static void the_endpoint_moves_meanwhile(void **state) {
    (void)state;
    struct caller *c = asks();
    struct conn *old = asked();
    endpoint_moves("moved.example", "moved.example");
    supply_comes(supply_made("primary-key", NULL));
    answers(old, "200 OK", KEPT_LONG, DOC("old"));
    is_told(c, LOCAL("old"));
    assert_true(old->closed);
    fetches(asks(), KEPT_LONG, DOC("new"), LOCAL("new"));
    assert_all_over();
}

static void the_supply_is_pending_meanwhile(void **state) {
    (void)state;
    struct caller *c = asks();
    supply_comes(supply_pending());
    document_comes(KEPT_LONG, DOC("a"));
    is_told(c, LOCAL("a"));
    supply_comes(supply_made("primary-key", NULL));
    fetches(asks(), CHECKED, DOC("b"), LOCAL("b"));
    c = asks();
    supply_comes(supply_refused(REASON_token_rejected));
    not_modified_comes("");
    is_told(c, LOCAL("b"));
    assert_all_over();
}

/* Of a named endpoint that is known while its credential is not. */
static struct supply *supply_without_a_key(void) {
    struct supply *s = supply_pending();
    s->endpoint = endpoint_ref(world.endpoint);
    return s;
}

static void a_fresh_one_needs_no_credential(void **state) {
    (void)state;
    fetches(asks(), KEPT_LONG, DOC("a"), LOCAL("a"));
    supply_comes(supply_without_a_key());
    is_told_at_once(asks(), LOCAL("a"));
    struct supply *refused = supply_refused(REASON_token_rejected);
    refused->endpoint = endpoint_ref(world.endpoint);
    supply_comes(refused);
    is_told_at_once(asks(), LOCAL("a"));
    is_refused(caller_gets("/score"), 502, "token_rejected");
    is_refused(asks_saying("Cache-Control: no-cache"), 502, "token_rejected");
    later(3600 * USEC_PER_SEC);
    is_refused(asks(), 502, "token_rejected");
}

static void a_fresh_one_waits_for_nobody(void **state) {
    (void)state;
    world.gate = gate_made(1, 0, 5);
    gateway_restarts(supply_made("primary-key", NULL));
    fetches(asks(), KEPT_LONG, DOC("a"), LOCAL("a"));
    struct caller *busy = caller_posts("/score", "x");
    is_told_at_once(asks(), LOCAL("a"));
    is_served(busy, peer(0));
    assert_all_over();
}

/* Whoever of them it was; but the endpoint that is asked has said what is kept of it. */
static void of_two_backends_one_will_do(void **state) {
    (void)state;
    retries_usual(4, 100);
    backends_are(2);
    world.list[1].priority = 1;
    gateway_restarts_whole();
    host_is_down(host_of(0), REASON_connection_refused);
    struct caller *c = asks();
    assert_string_equal(asked()->host, host_of(1));
    fetches(c, "ETag: \"one\"\r\n" KEPT_LONG, DOC("a"), LOCAL("a"));
    host_is_down(host_of(0), REASON_NONE);
    is_told_at_once(asks(), LOCAL("a"));
    later(3600 * USEC_PER_SEC);
    c = asks();
    assert_string_equal(asked()->host, host_of(0));
    assert_lacks(request_on(asked()), "If-");
    fetches(c, "ETag: \"two\"\r\nCache-Control: no-cache\r\n", DOC("b"), LOCAL("b"));
    host_is_down(host_of(0), REASON_connection_refused);
    c = asks();
    peer_closes(asked(), CONN_END);
    turn();
    assert_string_equal(asked()->host, host_of(1));
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
    not_modified_comes("");
    is_told(c, LOCAL("a"));
    assert_all_over();
}

/* The route now serves less of it: the endpoint is not asked after what could not be told. */
static void a_reload_makes_it_useless(void **state) {
    (void)state;
    static const char below[] = "{\"swagger\":\"2.0\",\"paths\":{\"/v1/score/a\":{\"post\":{}}}}";
    world.route.subpaths = true;
    fetches(asks(), CHECKED, below,
            "{\"swagger\":\"2.0\",\"paths\":{\"/score/a\":{\"post\":{}}},"
            "\"schemes\":[\"http\"],\"host\":\"localhost\"}");
    struct scene *s = scene_copied();
    s->route.subpaths = false;
    scene_is_loaded(s);
    struct caller *c = asks();
    assert_lacks(request_on(asked()), "If-");
    document_comes(CHECKED, below);
    is_answered(c, 200);
}

/* --- what is no document -----------------------------------------------------------------------
 */

static void what_is_not_understood_passes(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "<html>sign in</html>",
        "",
        "[1, 2]",
        "{\"swagger\":\"1.2\"}",
        "openapi: 3.0.0\n",
        "{\"swagger\":\"2.0\",\"basePath\":\"/v1\",\"paths\":{\"/other\":{}}}",
        DOC("a") "x"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct caller *c = asks();
        assert_lacks(request_on(asked()), "If-"); /* nor is it kept */
        document_comes("ETag: \"e\"\r\nX-Own: x\r\n" KEPT_LONG, bodies[i]);
        assert_int_equal(c->length, strlen(bodies[i]));
        assert_memory_equal(c->whole_body.at, bodies[i], strlen(bodies[i]));
        assert_string_equal(reply_field(c, "ETag"), "\"e\"");
        assert_string_equal(reply_field(c, "X-Own"), "x");
        is_answered(c, 200);
        c = asks_with("HEAD", SWAGGER, NULL);
        document_comes("", bodies[i]);
        assert_int_equal(c->length, strlen(bodies[i]));
        is_answered(c, 200);
    }
}

/* What is kept holds until something better comes. */
static void other_answers_pass(void **state) {
    (void)state;
    static const struct {
        const char *line, *fields;
        unsigned status;
    } cases[] = {
        {"404 Not Found", "", 404},
        {"403 Forbidden", "", 403},
        {"500 Oops", "", 500},
        {"302 Found", "Location: /x\r\n", 302},
        {"203 Transformed", "", 203},
        {"206 Partial", "", 206},
        {"200 OK", "Content-Encoding: gzip\r\n", 200},
    };
    fetches(asks(), CHECKED, DOC("a"), LOCAL("a"));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct caller *c = asks();
        assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
        answers(peer(0), cases[i].line, cases[i].fields, DOC("b"));
        assert_memory_equal(c->whole_body.at, DOC("b"), sizeof DOC("b") - 1);
        is_answered(c, cases[i].status);
    }
    struct caller *c = asks_with("HEAD", SWAGGER, NULL); /* whose body goes to nobody */
    answers(peer(0), "404 Not Found", "", DOC("b"));
    assert_int_equal(c->length, sizeof DOC("b") - 1);
    is_answered(c, 404);
}

static void an_answer_that_was_not_asked_for_passes(void **state) {
    (void)state;
    struct caller *c = asks();
    not_modified_comes("ETag: \"x\"\r\n");
    assert_string_equal(reply_field(c, "ETag"), "\"x\"");
    is_answered(c, 304);
}

static void one_that_is_too_large_streams(void **state) {
    (void)state;
    char head[128];
    ssize_t result;
    struct caller *c = asks();
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n{", GATHER_MAX + 1);
    peer_sends(peer(0), head);
    assert_int_equal(c->status, 200);
    assert_false(c->whole);
    assert_int_equal(c->length, GATHER_MAX + 1);
    assert_string_equal(caller_pulls(c, &result), "{");
    caller_is_done(c, false);
    assert_all_over();
}

static void a_cut_one_is_502(void **state) {
    (void)state;
    struct caller *c = asks();
    peer_sends(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" DOC("a"));
    peer_closes(peer(0), CONN_END);
    is_refused(c, 502, "answer_incomplete");
    c = asks();
    peer_sends(peer(0), "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" DOC("a"));
    caller_is_done(c, false);
    assert_true(peer(0)->closed);
    assert_all_over();
}

static void a_refused_key_is_followed_by_the_other(void **state) {
    (void)state;
    fetches(asks(), CHECKED, DOC("a"), LOCAL("a"));
    struct caller *c = asks();
    answers(peer(0), "401 Unauthorized", "", "");
    turn();
    assert_false(c->replied);
    assert_contains(request_on(asked()), "Bearer secondary-key\r\n");
    assert_contains(request_on(asked()), "\r\nIf-None-Match: \"one\"\r\n");
    not_modified_comes("");
    is_told(c, LOCAL("a"));
}

static void draining_ends_the_callers_connection(void **state) {
    (void)state;
    struct caller *c = asks();
    world.gateway->draining = true;
    document_comes(KEPT_LONG, DOC("a"));
    assert_true(c->close);
    is_told(c, LOCAL("a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(is_asked_for_with_the_credential),
        TEST(head_gets_what_get_would_get),
        TEST(other_methods_are_refused),
        TEST(comes_in_any_framing),
        TEST(only_the_gateways_own_fields_are_told),
        TEST(each_caller_is_told_the_host_that_it_asked),
        TEST(an_etag_stands_for_the_bytes),
        TEST(a_caller_that_has_it_is_told_so),
        TEST(conditions_of_the_caller_stay_here),
        TEST(the_endpoint_is_asked_after_what_is_kept),
        TEST(each_validator_goes_alone),
        TEST(a_fresh_one_is_told_at_once),
        TEST(a_minute_where_nothing_is_said),
        TEST(a_caller_may_want_news),
        TEST(some_are_not_kept),
        TEST(a_large_one_is_told_and_not_kept),
        TEST(each_query_has_its_own),
        TEST(another_endpoint_is_asked_anew),
        TEST(the_endpoint_moves_meanwhile),
        TEST(the_supply_is_pending_meanwhile),
        TEST(a_fresh_one_needs_no_credential),
        TEST(a_fresh_one_waits_for_nobody),
        TEST(of_two_backends_one_will_do),
        TEST(a_reload_makes_it_useless),
        TEST(what_is_not_understood_passes),
        TEST(other_answers_pass),
        TEST(an_answer_that_was_not_asked_for_passes),
        TEST(one_that_is_too_large_streams),
        TEST(a_cut_one_is_502),
        TEST(a_refused_key_is_followed_by_the_other),
        TEST(draining_ends_the_callers_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
