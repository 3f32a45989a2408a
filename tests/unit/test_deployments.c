/* SPDX-License-Identifier: MIT */
/* What is asked about the deployments of an online endpoint, what the answers are taken for, and
 * how many requests at once follow from them. */
#include "azure/deployments.h"

#include "../azure_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define URL                                                                                        \
    "https://management.azure.com/subscriptions/s/resourceGroups/g/providers"                      \
    "/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/churn/deployments"            \
    "?api-version=2024-10-01"

/* The example of the specification (OnlineDeployment/list.json), with values in place of "string".
 */
#define BLUE                                                                                       \
    "{\"id\":\"i\",\"name\":\"blue\",\"type\":\"t\",\"location\":\"westeurope\",\"tags\":{},"      \
    "\"kind\":\"Managed\",\"identity\":null,\"sku\":{\"name\":\"Default\",\"tier\":\"Standard\","  \
    "\"size\":\"s\",\"family\":\"f\",\"capacity\":3},\"properties\":{"                             \
    "\"endpointComputeType\":\"Managed\",\"provisioningState\":\"Succeeded\","                     \
    "\"scaleSettings\":{\"scaleType\":\"Default\"},\"requestSettings\":{\"maxQueueWait\":"         \
    "\"PT0.5S\",\"requestTimeout\":\"PT5S\",\"maxConcurrentRequestsPerInstance\":4}}}"
#define GREEN "{\"name\":\"green\",\"sku\":{\"capacity\":2}}"

static struct azure_deployments list;
static struct azure_error error;
static struct buf why;

static bool read_page(const char *body) {
    const struct azure_answer a = azure_answer_of(200, body);
    return deployments_read_page(&a, TEXT(URL), &list, &error);
}

/* The limit of what BODY lists with the traffic "name percent" of SHARES, or of ONLY. */
static unsigned limit_of(const char *body, struct azure_share *shares, size_t count,
                         const char *only) {
    const struct azure_traffic traffic = {shares, count};
    azure_deployments_done(&list);
    if (!read_page(body))
        fail_msg("%s: %s", error.message, body);
    return deployments_limit(&list, &traffic, only, &why);
}

#define LIST(items) "{\"value\":[" items "]}"
static char blue_name[] = "blue", green_name[] = "Green"; /* case does not matter */
static struct azure_share blue = {blue_name, 100}, both[] = {{blue_name, 90}, {green_name, 10}};

static void assert_why(const char *expected) {
    assert_true(buf_ok(&why));
    assert_string_equal(buf_text(&why).at, expected);
}

static void asks_for_them(void **state) {
    (void)state;
    const struct azure_workspace w = {.management = "https://management.azure.com",
                                      .api_version = "2024-10-01",
                                      .subscription = "s",
                                      .resource_group = "g",
                                      .workspace = "w"};
    struct secret *bearer = secret_new(TEXT("arm.token"));
    struct azure_request r;
    assert_true(deployments_list(&w, "churn", bearer, &r));
    assert_int_equal(r.method, METHOD_GET);
    assert_string_equal(buf_text(&r.url).at, URL);
    assert_string_equal(buf_text(&r.fields).at, "Authorization: Bearer arm.token\r\n");
    azure_request_done(&r);
    secret_unref(&bearer);
}

static void reads_the_documented_list(void **state) {
    (void)state;
    assert_true(read_page(LIST(BLUE)));
    assert_int_equal(list.count, 1);
    assert_null(list.next);
    const struct azure_deployment *d = &list.all[0];
    assert_string_equal(d->name, "blue");
    assert_string_equal(d->state, "Succeeded");
    assert_string_equal(d->compute, "Managed");
    assert_string_equal(d->scale, "Default");
    assert_true(d->counted);
    assert_int_equal(d->instances, 3);
    assert_int_equal(d->max_concurrent, 4);
}

static void what_is_not_said_is_the_default(void **state) {
    (void)state;
    assert_true(read_page(LIST("{\"name\":\"n\"}"
                               "," GREEN)));
    assert_false(list.all[0].counted);
    assert_int_equal(list.all[0].max_concurrent, 1);
    assert_string_equal(list.all[0].state, "unknown");
    assert_string_equal(list.all[0].compute, "Managed");
    assert_string_equal(list.all[0].scale, "Default");
    assert_true(list.all[1].counted);
    assert_int_equal(list.all[1].instances, 2);
    assert_int_equal(list.all[1].max_concurrent, 1);
}

static void pages_follow_each_other(void **state) {
    (void)state;
    assert_true(read_page("{\"value\":[" BLUE "],\"nextLink\":\"" URL "&$skip=1\"}"));
    assert_string_equal(list.next, URL "&$skip=1");
    /* One that is wrong adds nothing, not even the half of it that was right. */
    assert_false(read_page(LIST(GREEN ",{\"name\":1}")));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.next, URL "&$skip=1");
    assert_true(read_page("{\"value\":[" GREEN "],\"nextLink\":null}"));
    assert_int_equal(list.count, 2);
    assert_null(list.next);
    assert_string_equal(list.all[0].name, "blue");
    assert_string_equal(list.all[1].name, "green");
}

static void refuses_what_is_no_list(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"[]", "no JSON object"},
        {"{}", "\"value\" is no list"},
        {"{\"value\":{}}", "\"value\" is no list"},
        {LIST("{}"), "\"name\" is missing"},
        {LIST("{\"name\":\"\"}"), "\"name\" is no short text"},
        {LIST("{\"name\":\"n\",\"sku\":{\"capacity\":-1}}"), "\"capacity\" is no whole number"},
        {LIST("{\"name\":\"n\",\"sku\":{\"capacity\":1.5}}"), "\"capacity\" is no whole number"},
        {LIST("{\"name\":\"n\",\"sku\":{\"capacity\":\"3\"}}"), "\"capacity\" is no whole number"},
        {LIST("{\"name\":\"n\",\"sku\":{\"capacity\":10001}}"), "\"capacity\" is no whole number"},
        {LIST("{\"name\":\"n\",\"sku\":{\"capacity\":1e300}}"), "\"capacity\" is no whole number"},
        {LIST("{\"name\":\"n\",\"properties\":{\"provisioningState\":1}}"),
         "\"provisioningState\""},
        {LIST("{\"name\":\"n\",\"properties\":{\"endpointComputeType\":1}}"),
         "\"endpointComputeType\""},
        {LIST("{\"name\":\"n\",\"properties\":{\"scaleSettings\":{\"scaleType\":1}}}"),
         "\"scaleType\""},
        {LIST("{\"name\":\"n\",\"properties\":{\"requestSettings\":{"
              "\"maxConcurrentRequestsPerInstance\":100001}}}"),
         "\"maxConcurrentRequestsPerInstance\" is no whole number"},
        {"{\"value\":[],\"nextLink\":\"https://elsewhere.example/\"}", "another origin"},
        {"{\"value\":[],\"nextLink\":7}", "\"nextLink\" is no text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (read_page(cases[i].body))
            fail_msg("%s", cases[i].body);
        assert_int_equal(error.failure, AZURE_MALFORMED);
        if (!strstr(error.message, cases[i].says))
            fail_msg("\"%s\" of %s", error.message, cases[i].body);
        assert_int_equal(list.count, 0);
        assert_null(list.next);
    }
}

static void there_is_a_ceiling_over_all_pages(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, 65536);
    buf_add_string(&body, "{\"value\":[");
    for (int i = 0; i < 200; i++)
        buf_addf(&body, "%s{\"name\":\"d%d\"}", i ? "," : "", i);
    buf_add_string(&body, "]}");
    assert_true(read_page(body.at));
    assert_false(read_page(LIST(GREEN)));
    assert_non_null(strstr(error.message, "at most 200"));
    assert_int_equal(list.count, 200);
    buf_done(&body);
}

static void an_error_is_one(void **state) {
    (void)state;
    const struct azure_answer a =
        azure_answer_of(403, "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"no\"}}");
    assert_false(deployments_read_page(&a, TEXT(URL), &list, &error));
    assert_int_equal(error.failure, AZURE_FORBIDDEN);
    assert_string_equal(error.code, "AuthorizationFailed");
}

static void the_limit_is_azures_rule(void **state) {
    (void)state;
    assert_int_equal(limit_of(LIST(BLUE), &blue, 1, NULL), 24);
    assert_why("2 x (blue 4 x 3)");
    assert_int_equal(limit_of(LIST(BLUE "," GREEN), both, 2, NULL), 28);
    assert_why("2 x (blue 4 x 3 + green 1 x 2)");
    /* The one without traffic does not count; the one that a route is pinned to does. */
    assert_int_equal(limit_of(LIST(BLUE "," GREEN), &blue, 1, NULL), 24);
    assert_int_equal(limit_of(LIST(BLUE "," GREEN), &blue, 1, "GREEN"), 4);
    assert_why("2 x (green 1 x 2)");
    /* One that was scaled in to nothing. */
    assert_int_equal(
        limit_of(LIST(BLUE ",{\"name\":\"green\",\"sku\":{\"capacity\":0}}"), both, 2, NULL), 24);
}

static void it_may_not_be_known(void **state) {
    (void)state;
    static const struct {
        const char *green, *says;
    } cases[] = {
        {"{\"name\":\"other\",\"sku\":{\"capacity\":2}}", "Green is not listed"},
        {"{\"name\":\"green\"}", "Green does not say how many instances it has"},
        {"{\"name\":\"green\",\"sku\":{\"capacity\":2},\"properties\":{\"endpointComputeType\":"
         "\"Kubernetes\"}}",
         "Green is not on managed compute"},
        {"{\"name\":\"green\",\"sku\":{\"capacity\":2},\"properties\":{\"scaleSettings\":{"
         "\"scaleType\":\"TargetUtilization\"}}}",
         "Green has as many instances as its load wants"},
        {"{\"name\":\"green\",\"sku\":{\"capacity\":2},\"properties\":{\"provisioningState\":"
         "\"Creating\"}}",
         "Green is being created or deleted"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[2048];
        (void)snprintf(body, sizeof body, LIST(BLUE ",%s"), cases[i].green);
        assert_int_equal(limit_of(body, both, 2, NULL), 0);
        assert_why(cases[i].says);
        assert_int_equal(limit_of(body, both, 2, "blue"), 24);
    }
    assert_int_equal(limit_of(LIST(BLUE), NULL, 0, NULL), 0);
    assert_why("no deployment with an instance takes requests");
    assert_int_equal(limit_of(LIST(BLUE), &blue, 1, "red"), 0);
    assert_why("red is not listed");
}

static void it_has_a_ceiling(void **state) {
    (void)state;
    assert_int_equal(limit_of(LIST("{\"name\":\"blue\",\"sku\":{\"capacity\":10000},\"properties\":"
                                   "{\"requestSettings\":{\"maxConcurrentRequestsPerInstance\":"
                                   "100000}}}"),
                              &blue, 1, NULL),
                     1000000);
}

static void tells_whether_anything_changed(void **state) {
    (void)state;
    struct azure_deployments none = {.all = NULL}, before;
    assert_true(read_page(LIST(BLUE)));
    before = list;
    list = none;
    assert_false(azure_deployments_same(&before, &none));
    assert_true(read_page(LIST(BLUE)));
    assert_true(azure_deployments_same(&before, &list));
    list.all[0].instances++;
    assert_false(azure_deployments_same(&before, &list));
    azure_deployments_done(&before);
    assert_true(azure_deployments_same(&before, &none));
}

static int set_up(void **state) {
    (void)state;
    list = (struct azure_deployments){.all = NULL};
    buf_init(&why, 1024);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    azure_deployments_done(&list);
    buf_done(&why);
    return 0;
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(asks_for_them),
        T(reads_the_documented_list),
        T(what_is_not_said_is_the_default),
        T(pages_follow_each_other),
        T(refuses_what_is_no_list),
        T(there_is_a_ceiling_over_all_pages),
        T(an_error_is_one),
        T(the_limit_is_azures_rule),
        T(it_may_not_be_known),
        T(it_has_a_ceiling),
        T(tells_whether_anything_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
