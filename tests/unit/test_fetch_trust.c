/* SPDX-License-Identifier: MIT */
/* Fetching: whom to believe, and by which way to go. */
#include "fetch_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
