/* SPDX-License-Identifier: MIT */
/* unwrap_json: answers that are seen whole, since they may be JSON in a JSON string. */
#include "expect.h"
#include "fake.h"

#include "gateway/exchange.h"

#include <stdlib.h>

#define HEAD_OF(more)  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" more "\r\n"
#define CHUNKED        HEAD_OF("Transfer-Encoding: chunked\r\n")
#define WRAPPED        "\"{\\\"a\\\": [6, 1.50]}\""
#define OPENED         "{\"a\": [6, 1.50]}"
#define WRAPPED_LENGTH "Content-Length: 20\r\n"

_Static_assert(sizeof WRAPPED - 1 == 20, "WRAPPED_LENGTH is that");

static int begin(void **state) {
    world_begin(state);
    world.route.unwrap_json = true;
    return 0;
}

static struct caller *asks(void) {
    return caller_posts("/score", "x");
}

/* The body of the answer, which is complete. */
static const char *body_of(struct caller *c) {
    static char whole[4096];
    ssize_t result;
    assert_true(c->replied);
    if (!c->whole) {
        const char *pulled = caller_pulls(c, &result);
        assert_int_equal(result, PULL_END);
        return pulled;
    }
    assert_true(c->whole_body.len < sizeof whole);
    snprintf(whole, sizeof whole, "%.*s", TEXT_ARG(c->whole_body));
    return whole;
}

/* A complete answer of STATUS with FIELDS and BODY becomes one with the body WANTED. */
static void becomes(unsigned status, const char *fields, const char *body, const char *wanted) {
    char head[1024];
    struct caller *c = asks();
    snprintf(head, sizeof head, "HTTP/1.1 %u Status\r\n%sContent-Length: %zu\r\n\r\n", status,
             fields, strlen(body));
    peer_sends(peer(0), head);
    peer_sends(peer(0), body);
    assert_int_equal(c->status, status);
    assert_int_equal(c->length, strlen(wanted));
    if (strcmp(body_of(c), wanted) != 0)
        fail_msg("%u %s: %s became %s", status, fields, body, body_of(c));
    caller_is_done(c, true);
}

#define JSON "Content-Type: application/json\r\n"

static void is_opened(const char *body, const char *wanted) {
    becomes(200, JSON, body, wanted);
}

static void passes(const char *body) {
    becomes(200, JSON, body, body);
}

static void opens_objects_and_arrays(void **state) {
    (void)state;
    is_opened(WRAPPED, OPENED);
    is_opened("\"{}\"", "{}");
    is_opened("\"[]\"", "[]");
    is_opened("\"[1, \\\"a\\u00e4\\\\n\\\"]\"", "[1, \"a\xc3\xa4\\n\"]");
    is_opened("\"\\n [1]\\n \"", "\n [1]\n ");
    is_opened("\"\\u005b1\\u005d\"", "[1]");
    is_opened(" \r\n\"[1]\"\n", "[1]");
    is_opened("\xef\xbb\xbf\"[1]\"", "[1]");
    is_opened("\"\\ufeff[1]\"", "\xef\xbb\xbf[1]");
    is_opened("\"[\\\"\\\\ud83d\\\"]\"", "[\"\\ud83d\"]"); /* as the script wrote it */
    is_opened("\"\\\"[1]\\\"\"", "\"\\\"[1]\\\"\"");       /* once */
    assert_int_equal(world.conn_count, 1);
}

static void everything_else_passes(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        " ",
        "\xef\xbb\xbf",
        "\"\"",
        "\"hello\"",
        "\"  \"",
        "\"12\"",
        "\"true\"",
        "\"\\\"inner\\\"\"",
        "12",
        "null",
        "[1]",
        "{\"a\":\"{}\"}",
        "[\"{}\"]",
        "\"{not json}\"",
        "\"{'a':1}\"",
        "\"{}{}\"",
        "\"[1,]\"",
        "\"[1]\\u0000\"",
        "\"\\ud83d[1]\"",
        "\"[1]",
        "\"[1]\" \"[1]\"",
        "\"[1]\"x",
        "\"[\xff]\"",
        "\xff\"[1]\"",
        "event: \"[1]\"\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        passes(bodies[i]);
}

/* The string of a document of DEPTH levels. */
static const char *nested(size_t depth, bool quoted) {
    static char text[4096];
    char *at = text;
    if (quoted)
        *at++ = '"';
    memset(at, '[', depth);
    memset(at + depth, ']', depth);
    strcpy(at + 2 * depth, quoted ? "\"" : "");
    return text;
}

static void what_is_too_deep_passes(void **state) {
    (void)state;
    char *wrapped = strdup(nested(500, true));
    is_opened(wrapped, nested(500, false));
    free(wrapped);
    wrapped = strdup(nested(501, true));
    passes(wrapped);
    free(wrapped);
}

static void without_the_option_it_passes(void **state) {
    (void)state;
    world.route.unwrap_json = false;
    passes(WRAPPED);
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED "1\r\n\"\r\n");
    assert_true(c->replied); /* and is not waited for */
    caller_is_done(c, false);
}

static void types(void **state) {
    (void)state;
    static const char *const json[] = {"application/json", "Application/JSON ; charset=utf-8",
                                       "application/problem+json", "application/x+Json;q"};
    static const char *const others[] = {"text/plain",
                                         "text/json",
                                         "application/jsonl",
                                         "+json",
                                         "application/json+x",
                                         "application/octet-stream",
                                         "text/plain;a=application/json"};
    char fields[128];
    for (size_t i = 0; i < ARRAY_LEN(json); i++) {
        snprintf(fields, sizeof fields, "Content-Type: %s\r\n", json[i]);
        becomes(200, fields, WRAPPED, OPENED);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        snprintf(fields, sizeof fields, "Content-Type: %s\r\n", others[i]);
        becomes(200, fields, WRAPPED, WRAPPED);
    }
    becomes(200, "", WRAPPED, WRAPPED);
}

static void encodings(void **state) {
    (void)state;
    becomes(200, JSON "Content-Encoding: identity\r\n", WRAPPED, OPENED);
    becomes(200, JSON "Content-Encoding: Identity\r\n", WRAPPED, OPENED);
    becomes(200, JSON "Content-Encoding: gzip\r\n", WRAPPED, WRAPPED);
    becomes(200, JSON "Content-Encoding: br\r\n", WRAPPED, WRAPPED);
}

static void statuses(void **state) {
    (void)state;
    static const unsigned good[] = {200, 201, 202, 299};
    static const unsigned others[] = {206, 300, 400, 404, 424, 500, 502};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        becomes(good[i], JSON, WRAPPED, OPENED);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        becomes(others[i], JSON, WRAPPED, WRAPPED);
}

#define OF_BYTES                                                                                   \
    "ETag: \"e\"\r\nLast-Modified: then\r\nContent-MD5: m\r\nDigest: d\r\nContent-Digest: c\r\n"   \
    "Repr-Digest: r\r\nAccept-Ranges: bytes\r\n"

/* What the endpoint says of its bytes is not true of others. */
static void fields_of_the_answer(void **state) {
    (void)state;
    static const char *const names[] = {"ETag",           "Last-Modified", "Content-MD5",  "Digest",
                                        "Content-Digest", "Repr-Digest",   "Accept-Ranges"};
    for (int opened = 0; opened < 2; opened++) {
        struct caller *c = asks();
        peer_sends(peer(0), HEAD_OF(OF_BYTES "X-Model: m\r\n" WRAPPED_LENGTH));
        peer_sends(peer(0), opened ? WRAPPED : "\"{\\\"a\\\": [6, 1.50]]\"");
        assert_int_equal(c->status, 200);
        assert_string_equal(reply_field(c, "X-Model"), "m");
        assert_string_equal(reply_field(c, "Content-Type"), "application/json");
        assert_string_equal(reply_field(c, "Cache-Control"), "no-store");
        assert_null(reply_field(c, "Content-Length")); /* the front writes it, of c->length */
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            assert_int_equal(reply_field(c, names[i]) == NULL, opened);
        caller_is_done(c, true);
    }
    struct caller *c = asks();
    peer_sends(peer(0), HEAD_OF("Cache-Control: max-age=5\r\n" WRAPPED_LENGTH) WRAPPED);
    assert_string_equal(reply_field(c, "Cache-Control"), "max-age=5");
    caller_is_done(c, true);
}

/* --- how it comes ------------------------------------------------------------------------------
 */

static void comes_in_pieces(void **state) {
    (void)state;
    static const char body[] = "\xef\xbb\xbf \n" WRAPPED;
    struct caller *c = asks();
    peer_sends(peer(0), HEAD_OF("Content-Length: 25\r\n"));
    for (size_t i = 0; i < sizeof body - 1; i++) {
        char piece[2] = {body[i]};
        assert_false(c->replied);
        time_passes(20 * USEC_PER_SEC); /* no longer than the endpoint may stand still */
        peer_sends(peer(0), piece);
    }
    assert_true(c->whole);
    assert_string_equal(body_of(c), OPENED);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void comes_in_chunks(void **state) {
    (void)state;
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED "1\r\n\"\r\n");
    assert_false(c->replied);
    peer_sends(peer(0), "13\r\n{\\\"a\\\": [6, 1.50]}\"\r\n0\r\n");
    assert_false(c->replied);
    peer_sends(peer(0), "\r\n");
    assert_true(c->whole);
    assert_string_equal(body_of(c), OPENED);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void comes_until_the_connection_closes(void **state) {
    (void)state;
    struct caller *c = asks();
    peer_sends(peer(0), HEAD_OF("") WRAPPED);
    assert_false(c->replied);
    peer_closes(peer(0), CONN_END);
    assert_string_equal(body_of(c), OPENED);
    caller_is_done(c, true);
    assert_true(peer(1)->closed);
}

static void comes_while_the_request_goes_out(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 6", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "abc", 3);
    turn();
    peer_sends(peer(0), HEAD_OF(WRAPPED_LENGTH) WRAPPED);
    assert_false(c->replied);
    caller_sends(c, "def", 3);
    caller_ends(c);
    assert_string_equal(body_of(c), OPENED);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

/* Nobody waits for what cannot be opened. */
static void streams_when_it_begins_otherwise(void **state) {
    (void)state;
    ssize_t result;
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED);
    assert_false(c->replied);
    peer_sends(peer(0), "2\r\n \n\r\n");
    assert_false(c->replied);
    peer_sends(peer(0), "1\r\n[\r\n");
    assert_true(c->replied);
    assert_false(c->whole);
    assert_true(c->length == REPLY_NO_LENGTH);
    assert_string_equal(caller_pulls(c, &result), " \n[");
    assert_int_equal(result, PULL_LATER);
    peer_sends(peer(0), "2\r\n1]\r\n");
    assert_true(c->body_ready);
    assert_string_equal(caller_pulls(c, &result), "1]");
    assert_int_equal(result, PULL_LATER);
    peer_sends(peer(0), "0\r\n\r\n");
    assert_string_equal(caller_pulls(c, &result), "");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void streams_with_the_length_that_was_told(void **state) {
    (void)state;
    ssize_t result;
    struct caller *c = asks();
    peer_sends(peer(0), HEAD_OF("ETag: \"e\"\r\nContent-Length: 6\r\n") "[1");
    assert_true(c->replied);
    assert_int_equal(c->length, 6);
    assert_string_equal(reply_field(c, "ETag"), "\"e\"");
    assert_string_equal(caller_pulls(c, &result), "[1");
    peer_sends(peer(0), ", 2]");
    assert_string_equal(caller_pulls(c, &result), ", 2]");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
}

/* Blanks are kept for a while, and no longer. */
static void streams_when_it_begins_with_many_blanks(void **state) {
    (void)state;
    static char blanks[1025];
    ssize_t result;
    memset(blanks, ' ', sizeof blanks - 1);
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED "400\r\n");
    peer_sends(peer(0), blanks);
    assert_false(c->replied);
    peer_sends(peer(0), "\r\n1\r\n \r\n");
    assert_true(c->replied);
    assert_int_equal(strspn(caller_pulls(c, &result), " "), 1025);
    peer_sends(peer(0), "5\r\n\"[1]\"\r\n0\r\n\r\n");
    assert_string_equal(caller_pulls(c, &result), "\"[1]\"");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
}

/* --- large answers -----------------------------------------------------------------------------
 */

/* A string that is never opened, over and over; its length has nothing to do with that of a piece.
 */
#define PERIOD 65521
static char pattern[PERIOD + 1];

static void make_pattern(void) {
    for (size_t i = 0; i < PERIOD; i++)
        pattern[i] = (char)('a' + (i / 7 + i / 1000) % 26);
    pattern[0] = '"';
}

/* N bytes from byte FROM on, as a chunk. */
static void sends_chunk(size_t from, size_t n) {
    buf_addf(&peer(0)->incoming, "%zx\r\n", n);
    for (size_t end = from + n; from < end; from += n) {
        n = PERIOD - from % PERIOD;
        n = n < end - from ? n : end - from;
        buf_add(&peer(0)->incoming, pattern + from % PERIOD, n);
    }
    peer_sends(peer(0), "\r\n");
}

/* The first N bytes, in pieces of a moderate size. */
static void sends_first(size_t n) {
    for (size_t sent = 0; sent < n; sent += 1024 * 1024)
        sends_chunk(sent, n - sent < 1024 * 1024 ? n - sent : 1024 * 1024);
}

/* Pulls N bytes at most, which are those that follow *SEEN others. */
static ssize_t pulls_once(struct caller *c, size_t n, size_t *seen) {
    static char into[64 * 1024];
    assert_true(n <= sizeof into);
    ssize_t got = exchange_handler.pull(c->handle, into, n), left = got;
    for (const char *at = into; left > 0;) {
        size_t same = PERIOD - *seen % PERIOD;
        same = same < (size_t)left ? same : (size_t)left;
        if (memcmp(at, pattern + *seen % PERIOD, same) != 0)
            fail_msg("other bytes behind byte %zu", *seen);
        at += same;
        *seen += same;
        left -= (ssize_t)same;
    }
    return got;
}

/* All that there is, N bytes at a time. */
static ssize_t pulls(struct caller *c, size_t n, size_t *seen) {
    ssize_t got;
    do
        got = pulls_once(c, n, seen);
    while (got > 0);
    return got;
}

static void streams_when_it_is_too_large(void **state) {
    (void)state;
    size_t seen = 0;
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED);
    sends_first(GATHER_MAX);
    assert_false(c->replied);
    sends_chunk(GATHER_MAX, 3);
    assert_true(c->replied);
    assert_false(c->whole);
    assert_true(c->length == REPLY_NO_LENGTH);
    sends_chunk(GATHER_MAX + 3, 100 * 1024);
    assert_true(peer(0)->incoming.len > 64 * 1024); /* until the caller has taken what is here */
    assert_int_equal(pulls(c, 60000, &seen), PULL_LATER);
    assert_int_equal(seen, GATHER_MAX + 3 + 100 * 1024);
    sends_chunk(seen, 40000);
    assert_int_equal(pulls(c, 60000, &seen), PULL_LATER);
    peer_sends(peer(0), "0\r\n\r\n");
    assert_int_equal(pulls(c, 60000, &seen), PULL_END);
    assert_int_equal(seen, GATHER_MAX + 3 + 100 * 1024 + 40000);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

/* It is complete when it turns out to be too large. */
static void streams_when_its_end_is_too_much(void **state) {
    (void)state;
    size_t seen = 0;
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED);
    sends_first(GATHER_MAX);
    assert_false(c->replied);
    buf_addf(&peer(0)->incoming, "1\r\n%c\r\n", pattern[GATHER_MAX % PERIOD]);
    peer_sends(peer(0), "0\r\n\r\n");
    assert_true(c->replied);
    assert_int_equal(world.given_back, 1);
    assert_int_equal(pulls(c, 5000, &seen), PULL_END);
    assert_int_equal(seen, GATHER_MAX + 1);
    caller_is_done(c, true);
}

static void small_pulls_get_all_in_order(void **state) {
    (void)state;
    size_t seen = 0;
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED);
    sends_first(GATHER_MAX + 1);
    assert_true(c->replied);
    while (seen < GATHER_MAX - 64 * 1024)
        pulls_once(c, 64 * 1024, &seen);
    assert_int_equal(pulls(c, 7, &seen), PULL_LATER);
    assert_int_equal(seen, GATHER_MAX + 1);
    sends_chunk(seen, 5);
    assert_int_equal(pulls(c, 1, &seen), PULL_LATER);
    peer_closes(peer(0), CONN_END);
    assert_int_equal(pulls(c, 1, &seen), PULL_CUT);
    assert_int_equal(seen, GATHER_MAX + 6);
    caller_is_done(c, false);
}

static void what_is_said_to_be_too_large_is_never_gathered(void **state) {
    (void)state;
    char head[256];
    for (int more = 0; more < 2; more++) {
        struct caller *c = asks();
        snprintf(head, sizeof head, HEAD_OF("Content-Length: %d\r\n") "\"", GATHER_MAX + more);
        peer_sends(peer(0), head);
        assert_int_equal(c->replied, more);
        caller_is_done(c, false);
    }
}

static void the_largest_is_opened(void **state) {
    (void)state;
    const size_t piece = 1024 * 1024;
    char head[256], *body = malloc(GATHER_MAX);
    body[0] = '"';
    memset(body + 1, ' ', GATHER_MAX - 2);
    body[1] = '[';
    body[GATHER_MAX - 2] = ']';
    body[GATHER_MAX - 1] = '"';
    snprintf(head, sizeof head, HEAD_OF("Content-Length: %d\r\n"), GATHER_MAX);
    struct caller *c = asks();
    peer_sends(peer(0), head);
    for (size_t at = 0; at < GATHER_MAX; at += piece) {
        assert_false(c->replied);
        buf_add(&peer(0)->incoming, body + at, piece);
        peer_sends(peer(0), "");
    }
    assert_true(c->whole);
    assert_int_equal(c->whole_body.len, GATHER_MAX - 2);
    assert_memory_equal(c->whole_body.at, body + 1, GATHER_MAX - 2);
    caller_is_done(c, true);
    free(body);
    assert_int_equal(world.given_back, 1);
}

/* --- the request -------------------------------------------------------------------------------
 */

static const char *const for_bytes[] = {
    "Range: bytes=0-1",          "If-Range: \"e\"",          "If-Match: \"e\"",
    "If-None-Match: \"e\"",      "If-Modified-Since: then",  "If-Unmodified-Since: then",
    "Accept-Encoding: gzip, br", "Accept: application/json", NULL};

static struct caller *asks_for_bytes(void) {
    struct caller *c = caller_begins("GET", "/score", for_bytes);
    caller_ends(c);
    turn();
    return c;
}

static unsigned count(const char *text, const char *word) {
    unsigned n = 0;
    for (; (text = strcasestr(text, word)); text++)
        n++;
    return n;
}

static void asks_for_all_of_it_as_it_is(void **state) {
    (void)state;
    struct caller *c = asks_for_bytes();
    const char *got = peer_got(peer(0));
    assert_contains(got, "\r\nAccept: application/json\r\n");
    assert_contains(got, "\r\nAccept-Encoding: identity\r\n");
    assert_int_equal(count(got, "\r\naccept-encoding:"), 1);
    assert_int_equal(count(got, "\r\nrange:"), 0);
    assert_int_equal(count(got, "\r\nif-"), 0);
    caller_is_done(c, false);
    c = asks(); /* one that says nothing of encodings */
    assert_int_equal(count(peer_got(peer(0)), "\r\nAccept-Encoding: identity\r\n"), 1);
    caller_is_done(c, false);
}

static void without_the_option_they_go(void **state) {
    (void)state;
    world.route.unwrap_json = false;
    struct caller *c = asks_for_bytes();
    for (size_t i = 0; for_bytes[i]; i++) {
        char line[64];
        snprintf(line, sizeof line, "\r\n%s\r\n", for_bytes[i]);
        assert_contains(peer_got(peer(0)), line);
    }
    assert_lacks(peer_got(peer(0)), "identity");
    caller_is_done(c, false);
}

static void what_the_route_sets_goes(void **state) {
    (void)state;
    struct config_header own = {(char *)(uintptr_t) "accept-encoding", (char *)(uintptr_t) "gzip"};
    world.route.set_headers = &own;
    world.route.set_header_count = 1;
    gateway_restarts(supply_made("primary-key", NULL));
    struct caller *c = asks_for_bytes();
    assert_contains(peer_got(peer(0)), "\r\naccept-encoding: gzip\r\n");
    assert_int_equal(count(peer_got(peer(0)), "\r\naccept-encoding:"), 1);
    caller_is_done(c, false);
}

/* The option changes while a request waits. */
static void a_reload_changes_what_is_asked(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool before = i & 1, now = i & 2;
        struct scene *s = scene_copied();
        s->route.unwrap_json = before;
        scene_is_loaded(s);
        supply_comes(supply_pending());
        struct caller *c = asks_for_bytes();
        s = scene_copied();
        s->route.unwrap_json = now;
        scene_is_loaded(s);
        supply_comes(supply_made("primary-key", NULL));
        turn();
        const char *got = peer_got(peer(0));
        assert_int_equal(count(got, "\r\naccept-encoding: identity\r\n"), before || now);
        assert_int_equal(count(got, "\r\naccept-encoding:"), 1);
        assert_int_equal(count(got, "\r\nrange:"), !before && !now);
        peer_sends(peer(0), HEAD_OF("Connection: close\r\n" WRAPPED_LENGTH) WRAPPED);
        assert_string_equal(body_of(c), now ? OPENED : WRAPPED);
        caller_is_done(c, true);
    }
}

static void head_tells_no_length_that_may_be_another(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        bool told;
    } cases[] = {
        {JSON WRAPPED_LENGTH, false},
        {JSON "Content-Encoding: identity\r\n" WRAPPED_LENGTH, false},
        {JSON "Content-Encoding: gzip\r\n" WRAPPED_LENGTH, true},
        {"Content-Type: text/plain\r\n" WRAPPED_LENGTH, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct caller *c = caller_begins("HEAD", "/score", NULL);
        caller_ends(c);
        turn();
        assert_contains(peer_got(peer(0)), "HEAD /v1/score HTTP/1.1\r\n");
        peer_sends(peer(0), "HTTP/1.1 200 OK\r\n");
        peer_sends(peer(0), cases[i].fields);
        peer_sends(peer(0), "\r\n");
        assert_int_equal(c->status, 200);
        if (cases[i].told)
            assert_int_equal(c->length, 20);
        else
            assert_true(c->length == REPLY_NO_LENGTH);
        caller_is_done(c, true);
    }
    assert_int_equal(world.given_back, ARRAY_LEN(cases));
}

/* --- when it goes wrong ------------------------------------------------------------------------
 */

static struct caller *gathering(void) {
    struct caller *c = asks();
    peer_sends(peer(0), CHUNKED "4\r\n\"{\\\"\r\n");
    assert_false(c->replied);
    return c;
}

static void a_cut_answer_is_502(void **state) {
    (void)state;
    static const int ends[] = {CONN_END, CONN_TRUNCATED, CONN_FAILED};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct caller *c = gathering();
        peer_closes(peer(0), ends[i]);
        is_refused(c, 502, "answer_incomplete");
    }
    struct caller *c = asks();
    peer_sends(peer(0), HEAD_OF("") "\"[1]\""); /* whole, if it had ended cleanly */
    peer_closes(peer(0), CONN_TRUNCATED);
    is_refused(c, 502, "answer_incomplete");
    c = asks();
    peer_sends(peer(0), HEAD_OF(WRAPPED_LENGTH) "\"[1]\"");
    peer_closes(peer(0), CONN_END);
    is_refused(c, 502, "answer_incomplete");
    assert_int_equal(world.given_back, 0);
}

static void a_malformed_answer_is_502(void **state) {
    (void)state;
    struct caller *c = gathering();
    peer_sends(peer(0), "zz\r\n");
    is_refused(c, 502, "malformed_answer");
    assert_true(peer(0)->closed);
}

static void an_endpoint_that_stands_still_is_504(void **state) {
    (void)state;
    struct caller *c = gathering();
    later(59 * USEC_PER_SEC);
    peer_sends(peer(0), "1\r\nx\r\n");
    later(59 * USEC_PER_SEC);
    assert_false(c->replied);
    later(2 * USEC_PER_SEC);
    is_refused(c, 504, "response_timeout");
    assert_true(peer(0)->closed);
}

/* However long it takes to come, as long as it comes. */
static void the_time_to_the_first_byte_is_over(void **state) {
    (void)state;
    world.route.response_timeout = 10 * USEC_PER_SEC;
    struct caller *c = gathering();
    later(30 * USEC_PER_SEC);
    assert_false(c->replied);
    peer_sends(peer(0), "8\r\na\\\": 1}\"\r\n0\r\n\r\n");
    assert_string_equal(body_of(c), "{\"a\": 1}");
    caller_is_done(c, true);
}

static void total_timeout(void **state) {
    (void)state;
    world.route.total_timeout = 10 * USEC_PER_SEC;
    struct caller *c = gathering();
    later(9 * USEC_PER_SEC);
    peer_sends(peer(0), "1\r\nx\r\n");
    later(1 * USEC_PER_SEC);
    is_refused(c, 504, "total_timeout");
    assert_true(peer(0)->closed);
}

static void a_caller_that_goes_ends_it(void **state) {
    (void)state;
    struct caller *c = gathering();
    caller_is_done(c, false);
    assert_true(peer(0)->closed);
    assert_all_over();
}

static void what_is_sent_again_is_gathered_anew(void **state) {
    (void)state;
    world.route.idempotent = true;
    retries_usual(2, 100);
    gateway_restarts(supply_made("key", NULL));
    struct caller *c = asks();
    peer_sends(peer(0), "HTTP/1.1 503 No\r\n" JSON WRAPPED_LENGTH "\r\n" WRAPPED);
    assert_false(c->replied);
    later(200 * USEC_PER_MS);
    peer_sends(peer(0), HEAD_OF(WRAPPED_LENGTH) WRAPPED);
    assert_string_equal(body_of(c), OPENED);
    caller_is_done(c, true);
}

static void a_head_that_does_not_fit_is_502(void **state) {
    (void)state;
    for (int opened = 0; opened < 2; opened++) {
        struct caller *c = asks();
        c->head_room = 20;
        peer_sends(peer(0), HEAD_OF("Content-Length: 5\r\n"));
        peer_sends(peer(0), opened ? "\"[1]\"" : "[1,2]");
        is_refused(c, 502, "answer_head_too_large");
    }
}

/* Whoever answers first is heard, though not all of it is here. */
static void a_second_attempt_ends_when_gathering_begins(void **state) {
    (void)state;
    for (int winner = 1; winner <= 2; winner++) {
        world.route.hedge_after = 200 * USEC_PER_MS;
        world.route.idempotent = true;
        retries_usual(3, 100);
        backends_are(2);
        gateway_restarts_whole();
        int before = world.conn_count;
        struct caller *c = asks();
        later(200 * USEC_PER_MS);
        assert_int_equal(world.conn_count, before + 2);
        struct conn *first = peer(before + winner), *other = peer(before + 3 - winner);
        peer_sends(first, HEAD_OF(WRAPPED_LENGTH));
        assert_false(c->replied);
        assert_true(other->closed);
        peer_sends(first, WRAPPED);
        assert_string_equal(body_of(c), OPENED);
        caller_is_done(c, true);
        c = asks(); /* nobody is left to answer in its place */
        struct conn *conn = conn_with("\r\n\r\nx");
        peer_sends(conn, HEAD_OF(WRAPPED_LENGTH) "\"");
        later(300 * USEC_PER_MS);
        peer_closes(conn, CONN_END);
        is_refused(c, 502, "answer_incomplete");
    }
    assert_all_over();
}

/* Its connection is free as soon as all of the answer is here, whatever the caller does. */
static void the_gate_lets_the_next_one_in(void **state) {
    (void)state;
    world.gate = gate_made(1, 0, 5);
    world.route.queue_timeout = 100 * USEC_PER_SEC;
    gateway_restarts(supply_made("primary-key", NULL));
    struct caller *c = gathering(), *next = asks();
    assert_int_equal(world.conn_count, 1);
    peer_sends(peer(0), "8\r\na\\\": 1}\"\r\n0\r\n\r\n");
    turn();
    assert_string_equal(body_of(c), "{\"a\": 1}");
    assert_int_equal(world.conn_count, 1);
    peer_sends(peer(0), HEAD_OF(WRAPPED_LENGTH) WRAPPED);
    assert_string_equal(body_of(next), OPENED);
    caller_is_done(c, true);
    caller_is_done(next, true);
    assert_all_over();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(opens_objects_and_arrays),
        TEST(everything_else_passes),
        TEST(what_is_too_deep_passes),
        TEST(without_the_option_it_passes),
        TEST(types),
        TEST(encodings),
        TEST(statuses),
        TEST(fields_of_the_answer),
        TEST(comes_in_pieces),
        TEST(comes_in_chunks),
        TEST(comes_until_the_connection_closes),
        TEST(comes_while_the_request_goes_out),
        TEST(streams_when_it_begins_otherwise),
        TEST(streams_with_the_length_that_was_told),
        TEST(streams_when_it_begins_with_many_blanks),
        TEST(streams_when_it_is_too_large),
        TEST(streams_when_its_end_is_too_much),
        TEST(small_pulls_get_all_in_order),
        TEST(what_is_said_to_be_too_large_is_never_gathered),
        TEST(the_largest_is_opened),
        TEST(asks_for_all_of_it_as_it_is),
        TEST(without_the_option_they_go),
        TEST(what_the_route_sets_goes),
        TEST(a_reload_changes_what_is_asked),
        TEST(head_tells_no_length_that_may_be_another),
        TEST(a_cut_answer_is_502),
        TEST(a_malformed_answer_is_502),
        TEST(an_endpoint_that_stands_still_is_504),
        TEST(the_time_to_the_first_byte_is_over),
        TEST(total_timeout),
        TEST(a_caller_that_goes_ends_it),
        TEST(what_is_sent_again_is_gathered_anew),
        TEST(a_head_that_does_not_fit_is_502),
        TEST(a_second_attempt_ends_when_gathering_begins),
        TEST(the_gate_lets_the_next_one_in),
    };
    make_pattern();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
