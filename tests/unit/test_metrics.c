/* SPDX-License-Identifier: MIT */
/* The text of /metrics, line by line. tests/e2e/lib/exposition.py reads it as a scraper would. */
#include "daemon/metrics.h"
#include "status_example.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static struct example example;
static struct buf text;

static int set_up(void **state) {
    (void)state;
    example_make(&example);
    buf_init(&text, 64 * 1024);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    buf_done(&text);
    return 0;
}

static void write_metrics(const struct usage *usage) {
    buf_clear(&text);
    metrics_write(&text, &example.status, usage);
    assert_true(buf_ok(&text));
}

/* LINE is there, as a whole line, once. */
static void assert_line(const char *line) {
    size_t found = 0, n = strlen(line);
    for (const char *hit = text.at; (hit = strstr(hit, line)); hit++)
        found += (hit == text.at || hit[-1] == '\n') && hit[n] == '\n';
    if (found != 1)
        fail_msg("%zu times: %s\n%s", found, line, text.at);
}

static void routes_and_credentials(void **state) {
    static const char *const lines[] = {
        "scoregate_build_info{version=\"" PACKAGE_VERSION "\"} 1",
        "# TYPE scoregate_route_ready gauge",
        "scoregate_route_ready{route=\"/a\"} 1",
        "scoregate_route_ready{route=\"/b\"} 0",
        "scoregate_credential_usable{credential=\"identity:vm\"} 0",
        "scoregate_credential_usable{credential=\"route:/a:primary\"} 1",
        "# TYPE scoregate_credential_refresh_total counter",
        "scoregate_credential_refresh_total{credential=\"identity:vm\",result=\"success\"} 0",
        "scoregate_credential_refresh_total{credential=\"identity:vm\",result=\"failure\"} 3",
        "scoregate_credential_refresh_total{credential=\"route:/a:primary\",result=\"success\"} 4",
        "scoregate_credential_refresh_total{credential=\"route:/a:primary\",result=\"failure\"} 1",
        "scoregate_credential_expiry_timestamp_seconds{credential=\"route:/a:primary\"} "
        "1767232800.000",
    };
    (void)state;
    write_metrics(NULL);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(lines[i]);
    assert_null(strstr(text.at, "expiry_timestamp_seconds{credential=\"identity:vm\""));
    assert_null(strstr(text.at, "process_"));
}

static void requests_and_retries(void **state) {
    static const char *const lines[] = {
        "# TYPE scoregate_requests_total counter",
        "scoregate_requests_total{route=\"/a\",code=\"0\",reason=\"caller_gone\"} 1",
        "scoregate_requests_total{route=\"/a\",code=\"200\",reason=\"answered\"} 90",
        "scoregate_requests_total{route=\"/a\",code=\"504\",reason=\"connect_timeout\"} 3",
        "scoregate_requests_total{route=\"/a\",code=\"other\",reason=\"other\"} 5",
        "scoregate_requests_total{route=\"\",code=\"404\",reason=\"no_route\"} 7",
        "# TYPE scoregate_retries_total counter",
        "scoregate_retries_total{route=\"/a\",reason=\"connection\"} 6",
        "scoregate_retries_total{route=\"/a\",reason=\"not_ready\"} 1",
        "scoregate_retries_total{route=\"/b\",reason=\"hedge\"} 0",
        "# TYPE scoregate_config_reloads_total counter",
        "scoregate_config_reloads_total{result=\"success\"} 2",
        "scoregate_config_reloads_total{result=\"failure\"} 1",
    };
    (void)state;
    example.status.others.requests[0] = (struct tally_requests){404, REASON_no_route, 7};
    example.status.others.request_count = 1;
    write_metrics(NULL);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(lines[i]);
    /* A pair that has not occurred is not there. */
    assert_null(strstr(text.at, "scoregate_requests_total{route=\"/b\""));
}

static void histograms(void **state) {
    static const char *const lines[] = {
        "# TYPE scoregate_request_duration_seconds histogram",
        "scoregate_request_duration_seconds_bucket{route=\"/a\",le=\"0.001\"} 10",
        "scoregate_request_duration_seconds_bucket{route=\"/a\",le=\"0.0025\"} 10",
        "scoregate_request_duration_seconds_bucket{route=\"/a\",le=\"0.01\"} 100",
        "scoregate_request_duration_seconds_bucket{route=\"/a\",le=\"2.5\"} 100",
        "scoregate_request_duration_seconds_bucket{route=\"/a\",le=\"180\"} 100",
        "scoregate_request_duration_seconds_bucket{route=\"/a\",le=\"+Inf\"} 115",
        "scoregate_request_duration_seconds_sum{route=\"/a\"} 4.000500",
        "scoregate_request_duration_seconds_count{route=\"/a\"} 115",
        "scoregate_request_duration_seconds_bucket{route=\"/b\",le=\"+Inf\"} 0",
        "scoregate_request_duration_seconds_count{route=\"\"} 0",
        "# TYPE scoregate_upstream_duration_seconds histogram",
        "scoregate_upstream_duration_seconds_bucket{route=\"/a\",le=\"0.005\"} 0",
        "scoregate_upstream_duration_seconds_bucket{route=\"/a\",le=\"0.01\"} 94",
        "scoregate_upstream_duration_seconds_sum{route=\"/a\"} 0.940000",
        "scoregate_upstream_duration_seconds_count{route=\"/b\"} 0",
    };
    (void)state;
    write_metrics(NULL);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(lines[i]);
}

static void gauges(void **state) {
    static const char *const lines[] = {
        "# TYPE scoregate_in_flight gauge",
        "scoregate_in_flight{route=\"/a\"} 12",
        "scoregate_in_flight{route=\"/b\"} 0",
        "scoregate_queue_depth{route=\"/a\"} 8",
        "scoregate_concurrency_limit{route=\"/a\"} 24",
        "scoregate_concurrency_limit{route=\"/b\"} 0",
        "scoregate_upstream_connections{route=\"/a\",state=\"active\"} 3",
        "scoregate_upstream_connections{route=\"/a\",state=\"idle\"} 2",
        "scoregate_upstream_connections{route=\"/a\",state=\"dialling\"} 1",
        "scoregate_upstream_connections{route=\"/b\",state=\"idle\"} 0",
        "# TYPE scoregate_backend_available gauge",
        "scoregate_backend_available{route=\"/a\",backend=\"h.example/blue\"} 1",
        "scoregate_backend_available{route=\"/a\",backend=\"i.example\"} 0",
        "scoregate_backend_available{route=\"/b\",backend=\"named\"} 0",
    };
    (void)state;
    write_metrics(NULL);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(lines[i]);
}

static void a_backend_is_available_behind_a_closed_breaker(void **state) {
    (void)state;
    example.backends[1].state = ROUTE_READY;
    for (unsigned breaker = TALLY_CLOSED; breaker <= TALLY_OPEN; breaker++) {
        example.backends[1].breaker = (enum tally_breaker)breaker;
        write_metrics(NULL);
        assert_line(breaker == TALLY_CLOSED
                        ? "scoregate_backend_available{route=\"/a\",backend=\"i.example\"} 1"
                        : "scoregate_backend_available{route=\"/a\",backend=\"i.example\"} 0");
    }
}

static void a_failing_credential_is_usable(void **state) {
    (void)state;
    example.credentials[1].state = "failing";
    write_metrics(NULL);
    assert_line("scoregate_credential_usable{credential=\"route:/a:primary\"} 1");
    example.credentials[1].state = "expired";
    write_metrics(NULL);
    assert_line("scoregate_credential_usable{credential=\"route:/a:primary\"} 0");
}

static void what_nothing_depends_on_alarms_nobody(void **state) {
    (void)state;
    example.credentials[1].optional = true;
    write_metrics(NULL);
    assert_line("scoregate_credential_usable{credential=\"route:/a:primary\"} 1");
    example.credentials[1].state = "unavailable";
    write_metrics(NULL);
    assert_null(strstr(text.at, "scoregate_credential_usable{credential=\"route:/a:primary\"}"));
    assert_line("scoregate_credential_usable{credential=\"identity:vm\"} 0");
}

static void labels_are_escaped(void **state) {
    (void)state;
    example.routes[0].path = "/\"\\\n\xff\xc3\xa9";
    write_metrics(NULL);
    assert_line("scoregate_route_ready{route=\"/\\\"\\\\\\n\xef\xbf\xbd\xc3\xa9\"} 1");
}

static void the_process(void **state) {
    static const struct usage usage = {.cpu_s = 0.03,
                                       .start_s = 1767225600.25,
                                       .virtual_bytes = (uint64_t)1 << 40,
                                       .resident_bytes = 4096,
                                       .descriptors = 12,
                                       .descriptors_max = 1024};
    (void)state;
    write_metrics(&usage);
    assert_line("# TYPE process_cpu_seconds_total counter");
    assert_line("process_cpu_seconds_total 0.03");
    assert_line("process_start_time_seconds 1767225600.25");
    assert_line("process_virtual_memory_bytes 1099511627776");
    assert_line("process_resident_memory_bytes 4096");
    assert_line("process_open_fds 12");
    assert_line("process_max_fds 1024");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_and_credentials, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_and_retries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(histograms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gauges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_backend_is_available_behind_a_closed_breaker, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failing_credential_is_usable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nothing_depends_on_alarms_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(labels_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_process, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
