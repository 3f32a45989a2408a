/* SPDX-License-Identifier: MIT */
/* Fetching, against a server that answers what each test says. */
#include "upstream/fetch.h"

#include "cli/demo_certificate.h"
#include "scripted_server.h"
#include "upstream/dial.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE  (10 * USEC_PER_SEC)
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Where nobody listens, for proxies that are not to be used. */
#define NOWHERE "http://127.0.0.1:1"

/* A certificate and its CA file. */
struct identity {
    struct buf certificate, key;
    char file[32];
};

static struct identity known, stranger;

static struct loop loop;
static struct fetcher *fetcher;
static struct scripted_server server;

/* --- surroundings ----------------------------------------------------------------------------- */

static void make_identity(struct identity *who) {
    buf_init(&who->certificate, 8192);
    buf_init(&who->key, 8192);
    assert_true(demo_certificate_make(&who->certificate, &who->key));
    strcpy(who->file, "/tmp/test_fetch.XXXXXX");
    int fd = mkstemp(who->file);
    assert_int_equal(write(fd, who->certificate.at, who->certificate.len),
                     (ssize_t)who->certificate.len);
    close(fd);
}

static void drop_identity(struct identity *who) {
    unlink(who->file);
    buf_done(&who->certificate);
    buf_done(&who->key);
}

static int before_all(void **state) {
    (void)state;
    make_identity(&known);
    make_identity(&stranger);
    return dial_global_init() ? 0 : -1;
}

static int after_all(void **state) {
    (void)state;
    dial_global_done();
    drop_identity(&known);
    drop_identity(&stranger);
    return 0;
}

static void use_fetcher(const struct fetcher_options *options) {
    struct buf why;
    buf_init(&why, 1024);
    fetcher_free(&fetcher);
    fetcher = fetcher_new(&loop, options, &why);
    assert_non_null(fetcher);
    buf_done(&why);
}

static int before_each(void **state) {
    (void)state;
    server = (struct scripted_server){0};
    assert_true(loop_init(&loop));
    use_fetcher(&(struct fetcher_options){.ca_file = known.file});
    return 0;
}

static int after_each(void **state) {
    (void)state;
    fetcher_free(&fetcher);
    loop_done(&loop);
    server_done(&server);
    return 0;
}

static void serve(const struct scripted *script, size_t length) {
    server.script = script;
    server.script_length = length;
    server_start(&server);
}
#define SERVE(...)                                                                                 \
    static const struct scripted script[] = {__VA_ARGS__};                                         \
    serve(script, ARRAY_LEN(script))

static void use_tls(const struct identity *who) {
    server.certificate = &who->certificate;
    server.key = &who->key;
}

/* --- calls ------------------------------------------------------------------------------------ */

struct call {
    struct azure_request request;
    struct fetch *fetch;
    size_t max_body;
    usec_t timeout;

    int done; /* times */
    bool answered;
    struct azure_answer answer; /* but for its texts */
    char body[64], challenge[64], location[64], operation[64];
    struct azure_error error;
    struct call *cancels; /* when it is done */
};

static void keep(char *into, size_t size, struct text t) {
    (void)snprintf(into, size, "%.*s", TEXT_ARG(t));
}

static void on_done(void *context, const struct azure_answer *answer,
                    const struct azure_error *error) {
    struct call *c = context;
    assert_true(!answer == !!error);
    c->done++;
    c->fetch = NULL;
    c->answered = answer;
    if (answer) {
        c->answer = *answer;
        keep(c->body, sizeof c->body, answer->body);
        keep(c->challenge, sizeof c->challenge, answer->challenge);
        keep(c->location, sizeof c->location, answer->location);
        keep(c->operation, sizeof c->operation, answer->operation);
    } else {
        c->error = *error;
    }
    if (c->cancels)
        fetch_cancel(&c->cancels->fetch);
}

/* A call of the server's PATH; of the machine if there is no TLS. */
static void prepare(struct call *c, enum method method, const char *path) {
    *c = (struct call){.max_body = 1024, .timeout = PATIENCE};
    azure_request_init(&c->request, method);
    if (!server.certificate)
        c->request.reach = AZURE_REACH_MACHINE;
    buf_addf(&c->request.url, "%s://%s:%u%s", server.certificate ? "https" : "http",
             server.address ? server.address : "127.0.0.1", server.port, path);
}

static void set_url(struct call *c, const char *url) {
    buf_clear(&c->request.url);
    buf_add_string(&c->request.url, url);
}

/* The request is gone once the call has begun: what is needed of it has been copied. */
static void begin(struct call *c) {
    c->fetch = fetch_start(fetcher, &c->request, c->max_body, c->timeout, on_done, c);
    assert_non_null(c->fetch);
    azure_request_done(&c->request);
    assert_int_equal(c->done, 0);
}

static void await(const struct call *c) {
    usec_t deadline = clock_monotonic() + 2 * PATIENCE;
    while (!c->done && clock_monotonic() < deadline)
        assert_true(loop_turn(&loop, deadline));
    assert_int_equal(c->done, 1);
}

static void complete(struct call *c) {
    begin(c);
    await(c);
}

static void expect_answer(const struct call *c, unsigned status, const char *body) {
    if (!c->answered)
        fail_msg("no answer: %s", c->error.message);
    assert_int_equal(c->answer.status, status);
    assert_string_equal(c->body, body);
}

static void expect_error(const struct call *c, enum azure_failure failure, const char *part) {
    assert_false(c->answered);
    assert_int_equal(c->error.failure, failure);
    assert_int_equal(c->error.status, 0);
    if (!strstr(c->error.message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, c->error.message);
}

static void get(struct call *c, const char *path) {
    prepare(c, METHOD_GET, path);
    complete(c);
}

static void expect_sent(const char *part) {
    server_stop(&server);
    if (!strstr(server.requests.at, part))
        fail_msg("\"%s\" is not in \"%s\"", part, server.requests.at);
}

static void expect_not_sent(const char *part) {
    server_stop(&server);
    if (strcasestr(server.requests.at, part))
        fail_msg("\"%s\" is in \"%s\"", part, server.requests.at);
}

/* --- requests --------------------------------------------------------------------------------- */

static void get_says_what_it_was_told_and_little_more(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_GET, "/a/../b%2Fc?q=1&r=%20");
    azure_add_field(&c.request, "Metadata", TEXT("true"));
    azure_add_field(&c.request, "Authorization", TEXT("Bearer abc"));
    complete(&c);
    expect_answer(&c, 200, "ok");
    char expected[256];
    server_stop(&server);
    (void)snprintf(expected, sizeof expected,
                   "GET /a/../b%%2Fc?q=1&r=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                   "User-Agent: scoregate\r\nAccept: */*\r\nMetadata: true\r\n"
                   "Authorization: Bearer abc\r\n\r\n",
                   server.port);
    assert_string_equal(server.requests.at, expected);
}

static void post_without_a_body_says_so(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_POST, "/listKeys");
    complete(&c);
    expect_answer(&c, 200, "ok");
    expect_sent("POST /listKeys HTTP/1.1\r\n");
    expect_sent("\r\nContent-Length: 0\r\n");
    expect_not_sent("Content-Type");
    expect_not_sent("Expect");
}

static void post_sends_its_body(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_POST, "/token");
    c.request.content_type = "application/x-www-form-urlencoded";
    buf_add_string(&c.request.body, "a=b&c=d");
    complete(&c);
    expect_answer(&c, 200, "ok");
    expect_sent("\r\nContent-Length: 7\r\n");
    expect_sent("\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    expect_sent("\r\n\r\na=b&c=d");
}

/* --- answers ---------------------------------------------------------------------------------- */

static void fields_of_the_answer_are_collected(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 202 Accepted\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
           "location: https://a/1\r\nAzure-AsyncOperation: https://a/2\r\nRetry-After: 17\r\n"
           "WWW-Authenticate: Basic realm=/x\r\nContent-Length: 0\r\n\r\n",
           THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 202, "");
    assert_string_equal(c.location, "https://a/1");
    assert_string_equal(c.operation, "https://a/2");
    assert_string_equal(c.challenge, "Basic realm=/x");
    assert_int_equal(c.answer.retry_after_s, 17);
    assert_int_equal(c.answer.date_s, 784111777);
}

static void redirect_is_an_answer(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", THEN_KEEP},
          {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 302, "");
    assert_string_equal(c.location, "/other");
    server_stop(&server);
    assert_int_equal(server.request_count, 1);
}

static void error_is_an_answer(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", THEN_KEEP},
          {"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nno!", THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 401, "{}");
    get(&c, "/");
    expect_answer(&c, 503, "no!");
    assert_int_equal(c.answer.retry_after_s, -1);
    assert_int_equal(c.answer.date_s, 0);
}

static void interim_answers_are_passed_over(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 100 Continue\r\nLocation: /hint\r\n\r\n"
           "HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n" OK_ANSWER,
           THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    assert_string_equal(c.location, "");
    assert_int_equal(c.answer.retry_after_s, -1);
}

static void chunked_answer_comes_whole(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "2\r\nab\r\n1\r\nc\r\n0\r\nRetry-After: 9\r\n\r\n",
           THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "abc");
    assert_int_equal(c.answer.retry_after_s, -1); /* a trailer is no field of the head */
}

/* --- answers that are none -------------------------------------------------------------------- */

static void cut_off_answer_is_none(void **state) {
    (void)state;
    static const struct {
        const char *answer, *part;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Le", "cut off"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", "cut off"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "cut off"},
        {"HTTP/1.1 100 Continue\r\n\r\n", ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd", ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ""},
        {"", "Empty reply"},
        {"SSH-2.0-OpenSSH\r\n", ""},
    };
    for (int tls = 0; tls <= 1; tls++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            for (enum then then = THEN_CLOSE; then <= THEN_CUT; then++) {
                struct call c;
                const struct scripted script = {rows[i].answer, then};
                server = (struct scripted_server){0};
                if (tls)
                    use_tls(&known);
                serve(&script, 1);
                get(&c, "/");
                expect_error(&c, AZURE_UNAVAILABLE, tls && then == THEN_CUT ? "" : rows[i].part);
                server_done(&server);
            }
}

static const char unframed[] = "HTTP/1.1 200 OK\r\n\r\nok";

static void end_of_the_connection_is_the_end_of_an_unframed_answer(void **state) {
    (void)state;
    SERVE({unframed, THEN_CLOSE});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
}

static void end_under_tls_must_be_told(void **state) {
    (void)state;
    use_tls(&known);
    SERVE({unframed, THEN_CLOSE}, {unframed, THEN_CUT});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "");
}

static void answer_has_a_ceiling(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP}, {unframed, THEN_CLOSE});
    struct call c;
    prepare(&c, METHOD_GET, "/");
    c.max_body = 2;
    complete(&c);
    expect_answer(&c, 200, "ok");
    for (int i = 0; i < 2; i++) {
        prepare(&c, METHOD_GET, "/");
        c.max_body = 1;
        complete(&c);
        expect_error(&c, AZURE_MALFORMED, "answer is too large");
    }
}

static void head_has_a_ceiling(void **state) {
    (void)state;
    static char many[80000], one[200000];
    struct buf b;
    buf_init(&b, sizeof many - 1);
    buf_add_string(&b, "HTTP/1.1 200 OK\r\n");
    while (b.len < sizeof many - 100)
        buf_add_string(&b, "X-Field: something that nobody needs\r\n");
    buf_add_string(&b, "Content-Length: 0\r\n\r\n");
    memcpy(many, b.at, b.len + 1);
    buf_done(&b);
    memset(one, 'x', sizeof one - 1);
    memcpy(one, "HTTP/1.1 200 OK\r\nX: ", 20);
    memcpy(one + sizeof one - 5, "\r\n\r\n", 4);
    const struct scripted script[] = {{many, THEN_CLOSE}, {one, THEN_CLOSE}};
    serve(script, 2);
    struct call c;
    get(&c, "/");
    expect_error(&c, AZURE_MALFORMED, "head of the answer is too large");
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "too large");
}

static void silence_ends_in_time(void **state) {
    (void)state;
    SERVE({"", THEN_KEEP}, {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", THEN_KEEP});
    for (int i = 0; i < 2; i++) {
        struct call c;
        prepare(&c, METHOD_GET, "/");
        c.timeout = 150 * USEC_PER_MS;
        usec_t begun = clock_monotonic();
        complete(&c);
        usec_t took = clock_monotonic() - begun;
        expect_error(&c, AZURE_UNAVAILABLE, "timed out");
        assert_in_range(took, 140 * USEC_PER_MS, PATIENCE / 2);
    }
}

static void nobody_there(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    server_stop(&server);
    struct call c;
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "connect");
    assert_non_null(strstr(c.error.message, "127.0.0.1:")); /* says who it was */
}

static void only_urls_that_may_be_called(void **state) {
    (void)state;
    static const char *const urls[] = {
        "http://localhost/",  "ftp://localhost/",         "file:///etc/passwd", "//localhost/",
        "https://a:b@local/", "https://localhost:99999/", "https:// a/",        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct call c;
        prepare(&c, METHOD_GET, "/");
        c.request.reach = AZURE_REACH_CLOUD;
        set_url(&c, urls[i]);
        complete(&c);
        expect_error(&c, AZURE_MALFORMED, "");
    }
}

/* --- whom to believe -------------------------------------------------------------------------- */

static void stranger_is_not_believed(void **state) {
    (void)state;
    use_tls(&stranger);
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "certificate");
    server_stop(&server);
    assert_int_equal(server.request_count, 0);
}

static void name_must_be_right(void **state) {
    (void)state;
    use_tls(&known);
    server.address = "127.0.0.2"; /* the certificate is for localhost and 127.0.0.1 */
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "127.0.0.2");
}

static void server_name_stands_in_for_the_host(void **state) {
    (void)state;
    use_tls(&known);
    server.address = "127.0.0.2";
    use_fetcher(&(struct fetcher_options){.ca_file = stranger.file, .proxy = NOWHERE});
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_POST, "/proxy/tenant/oauth2/v2.0/token");
    buf_add_text(&c.request.ca, buf_text(&known.certificate));
    buf_add_string(&c.request.server_name, "localhost");
    complete(&c);
    expect_answer(&c, 200, "ok");
    char host[64];
    server_stop(&server);
    (void)snprintf(host, sizeof host, "\r\nHost: 127.0.0.2:%u\r\n", server.port);
    expect_sent(host);
    expect_sent("POST /proxy/tenant/oauth2/v2.0/token HTTP/1.1\r\n");
    expect_not_sent("Host: localhost");
    assert_string_equal(server.server_name, "localhost");
}

static void get_with(struct call *c, const struct identity *authority) {
    prepare(c, METHOD_GET, "/");
    buf_add_text(&c->request.ca, buf_text(&authority->certificate));
    complete(c);
}

static void authorities_of_a_request_are_its_only_ones(void **state) {
    (void)state;
    use_tls(&stranger);
    SERVE({OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    get_with(&c, &stranger);
    expect_answer(&c, 200, "ok");
    get_with(&c, &known);
    expect_error(&c, AZURE_UNAVAILABLE, "certificate");
    /* Nor is the connection of the first left for one that does not believe in it. */
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "certificate");
}

static void kept_connection_is_not_for_other_authorities(void **state) {
    (void)state;
    use_tls(&known);
    SERVE({OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    get_with(&c, &stranger);
    expect_error(&c, AZURE_UNAVAILABLE, "certificate");
}

static void broken_authorities(void **state) {
    (void)state;
    static const char *const pems[] = {
        "nothing of the kind",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(pems); i++) {
        struct call c;
        prepare(&c, METHOD_GET, "/");
        buf_add_string(&c.request.ca, pems[i]);
        complete(&c);
        expect_error(&c, AZURE_UNUSABLE, "certificate");
    }
}

static void fetcher_needs_its_ca_file(void **state) {
    (void)state;
    struct buf why;
    buf_init(&why, 1024);
    assert_null(
        fetcher_new(&loop, &(struct fetcher_options){.ca_file = "/nonexistent/ca.pem"}, &why));
    assert_non_null(strstr(why.at, "/nonexistent/ca.pem"));
    buf_done(&why);
}

/* --- proxies ---------------------------------------------------------------------------------- */

static void machine_is_reached_without_a_proxy(void **state) {
    (void)state;
    use_fetcher(&(struct fetcher_options){.ca_file = known.file, .proxy = NOWHERE});
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
}

static void environment_names_no_proxy(void **state) {
    (void)state;
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        setenv(names[i], NOWHERE, 1);
    use_tls(&known);
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unsetenv(names[i]);
}

static void cloud_is_reached_through_the_proxy(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n", THEN_CLOSE});
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "http://user:pass@127.0.0.1:%u", server.port);
    setenv("no_proxy", "*", 1);
    use_fetcher(&(struct fetcher_options){.ca_file = known.file, .proxy = proxy});
    struct call c;
    prepare(&c, METHOD_GET, "/");
    c.request.reach = AZURE_REACH_CLOUD;
    azure_add_field(&c.request, "Authorization", TEXT("Bearer abc"));
    set_url(&c, "https://management.test/");
    complete(&c);
    unsetenv("no_proxy");
    expect_error(&c, AZURE_UNAVAILABLE, "502");
    assert_null(strstr(c.error.message, "pass"));
    expect_sent("CONNECT management.test:443 HTTP/1.1\r\n");
    expect_sent("\r\nProxy-Authorization: Basic ");
    expect_not_sent("Bearer");
}

static void no_proxy_is_heeded(void **state) {
    (void)state;
    use_tls(&known);
    use_fetcher(&(struct fetcher_options){
        .ca_file = known.file, .proxy = NOWHERE, .no_proxy = "127.0.0.1"});
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
}

/* --- connections ------------------------------------------------------------------------------ */

static void connection_is_kept_for_the_next_get(void **state) {
    (void)state;
    use_tls(&known);
    SERVE({OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    for (int i = 0; i < 3; i++) {
        get(&c, "/");
        expect_answer(&c, 200, "ok");
    }
    server_stop(&server);
    assert_int_equal(server.connection_count, 1);
}

static void get_survives_a_kept_connection_that_died(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP}, {"", THEN_CUT}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    server_stop(&server);
    assert_int_equal(server.request_count, 3);
}

/* A connection is there that could be used; the POST that dies on it would be sent again. */
static void post_is_sent_once(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP}, {"", THEN_CUT}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    prepare(&c, METHOD_POST, "/regenerateKeys");
    complete(&c);
    expect_error(&c, AZURE_UNAVAILABLE, "");
    server_stop(&server);
    assert_int_equal(server.request_count, 2);
    assert_int_equal(server.connection_count, 2);
}

static void many_at_once(void **state) {
    (void)state;
    enum { MANY = 40 };
    static struct scripted script[MANY];
    static struct call calls[MANY];
    for (size_t i = 0; i < MANY; i++)
        script[i] = (struct scripted){OK_ANSWER, i % 3 ? THEN_KEEP : THEN_CLOSE};
    serve(script, MANY);
    for (size_t i = 0; i < MANY; i++) {
        prepare(&calls[i], i % 2 ? METHOD_GET : METHOD_POST, "/");
        begin(&calls[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        await(&calls[i]);
        expect_answer(&calls[i], 200, "ok");
    }
    server_stop(&server);
    assert_int_equal(server.request_count, MANY);
}

/* --- giving up -------------------------------------------------------------------------------- */

static void cancelled_before_it_began(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c, broken, other;
    prepare(&c, METHOD_GET, "/");
    begin(&c);
    prepare(&broken, METHOD_GET, "/");
    set_url(&broken, "");
    begin(&broken);
    fetch_cancel(&c.fetch);
    fetch_cancel(&broken.fetch);
    assert_null(c.fetch);
    fetch_cancel(&c.fetch);
    get(&other, "/");
    expect_answer(&other, 200, "ok");
    assert_int_equal(c.done + broken.done, 0);
}

static void cancelled_while_another_is_done(void **state) {
    (void)state;
    SERVE({"", THEN_KEEP}, {OK_ANSWER, THEN_KEEP});
    struct call waits, c;
    prepare(&waits, METHOD_GET, "/");
    begin(&waits);
    get(&c, "/"); /* may overtake: which of the two is answered does not matter */
    if (waits.done) {
        fail_msg("both were answered");
    }
    fetch_cancel(&waits.fetch);
    server_stop(&server);
}

/* Both fail in one turn; the first that is told of it gives up the other. */
static void cancelled_from_inside_a_callback(void **state) {
    (void)state;
    struct call first, second;
    prepare(&first, METHOD_GET, "/");
    set_url(&first, "");
    prepare(&second, METHOD_GET, "/");
    set_url(&second, "");
    begin(&first);
    begin(&second);
    first.cancels = &second;
    second.cancels = &first;
    await(&first);
    assert_true(loop_turn(&loop, 0));
    assert_int_equal(second.done, 0);
    assert_null(second.fetch);
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)
    const struct CMUnitTest tests[] = {
        T(get_says_what_it_was_told_and_little_more),
        T(post_without_a_body_says_so),
        T(post_sends_its_body),
        T(fields_of_the_answer_are_collected),
        T(redirect_is_an_answer),
        T(error_is_an_answer),
        T(interim_answers_are_passed_over),
        T(chunked_answer_comes_whole),
        T(cut_off_answer_is_none),
        T(end_of_the_connection_is_the_end_of_an_unframed_answer),
        T(end_under_tls_must_be_told),
        T(answer_has_a_ceiling),
        T(head_has_a_ceiling),
        T(silence_ends_in_time),
        T(nobody_there),
        T(only_urls_that_may_be_called),
        T(stranger_is_not_believed),
        T(name_must_be_right),
        T(server_name_stands_in_for_the_host),
        T(authorities_of_a_request_are_its_only_ones),
        T(kept_connection_is_not_for_other_authorities),
        T(broken_authorities),
        T(fetcher_needs_its_ca_file),
        T(machine_is_reached_without_a_proxy),
        T(environment_names_no_proxy),
        T(cloud_is_reached_through_the_proxy),
        T(no_proxy_is_heeded),
        T(connection_is_kept_for_the_next_get),
        T(get_survives_a_kept_connection_that_died),
        T(post_is_sent_once),
        T(many_at_once),
        T(cancelled_before_it_began),
        T(cancelled_while_another_is_done),
        T(cancelled_from_inside_a_callback),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
