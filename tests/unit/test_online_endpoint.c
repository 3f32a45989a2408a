/* SPDX-License-Identifier: MIT */
/* What is asked of the management API about online endpoints, and what its answers are taken for.
 * The documents have the shape of the examples in azure-rest-api-specs. */
#include "azure/online_endpoint.h"

#include "../azure_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>

#define WORKSPACE                                                                                  \
    "https://management.azure.com/subscriptions/00000000-1111-2222-3333-444444444444"              \
    "/resourceGroups/test-rg/providers/Microsoft.MachineLearningServices/workspaces/my-aml"
#define AT_VERSION "?api-version=2024-10-01"

static const struct azure_workspace workspace = {
    .management = "https://management.azure.com",
    .api_version = "2024-10-01",
    .subscription = "00000000-1111-2222-3333-444444444444",
    .resource_group = "test-rg",
    .workspace = "my-aml",
};
static struct secret *bearer;

static void assert_asks(struct azure_request *r, enum method method, const char *url,
                        const char *body) {
    assert_true(azure_request_ok(r));
    assert_int_equal(r->method, method);
    assert_int_equal(r->reach, AZURE_REACH_CLOUD);
    assert_string_equal(buf_text(&r->url).at, url);
    assert_string_equal(buf_text(&r->fields).at, "Authorization: Bearer arm.token\r\n");
    assert_string_equal(buf_text(&r->body).at, body);
    assert_ptr_equal(r->hidden[0], bearer);
    if (body[0])
        assert_string_equal(r->content_type, "application/json");
    else
        assert_null(r->content_type);
    azure_request_done(r);
}

static void asks_about_one_endpoint(void **state) {
    (void)state;
    struct azure_request r;
    assert_true(online_endpoint_get(&workspace, "churn", bearer, &r));
    assert_asks(&r, METHOD_GET, WORKSPACE "/onlineEndpoints/churn" AT_VERSION, "");
    assert_true(online_endpoint_keys(&workspace, "churn", bearer, &r));
    assert_asks(&r, METHOD_POST, WORKSPACE "/onlineEndpoints/churn/listKeys" AT_VERSION, "");
    assert_true(online_endpoint_token(&workspace, "churn", bearer, &r));
    assert_asks(&r, METHOD_POST, WORKSPACE "/onlineEndpoints/churn/token" AT_VERSION, "");
    assert_true(online_endpoint_regenerate(&workspace, "churn", AZURE_KEY_PRIMARY, bearer, &r));
    assert_asks(&r, METHOD_POST, WORKSPACE "/onlineEndpoints/churn/regenerateKeys" AT_VERSION,
                "{\"keyType\":\"Primary\"}");
    assert_true(online_endpoint_regenerate(&workspace, "churn", AZURE_KEY_SECONDARY, bearer, &r));
    assert_asks(&r, METHOD_POST, WORKSPACE "/onlineEndpoints/churn/regenerateKeys" AT_VERSION,
                "{\"keyType\":\"Secondary\"}");
}

static void asks_for_a_list(void **state) {
    (void)state;
    struct azure_request r;
    const struct azure_filter everything = {.page = 0};
    assert_true(online_endpoint_list(&workspace, &everything, bearer, &r));
    assert_asks(&r, METHOD_GET, WORKSPACE "/onlineEndpoints" AT_VERSION, "");
    /* What only v1 knows is not sent. */
    const struct azure_filter some = {
        .name = "churn",
        .compute_type = "Managed",
        .order_by = "CreatedAtDesc",
        .model_name = "m",
        .model_id = "m:1",
        .image_name = "i",
        .image_id = "i:1",
        .image_digest = "sha256:0",
        .tags = "team=a b,x",
        .properties = "k=v&w",
        .page = 20,
    };
    assert_true(online_endpoint_list(&workspace, &some, bearer, &r));
    assert_asks(&r, METHOD_GET,
                WORKSPACE "/onlineEndpoints" AT_VERSION "&name=churn&count=20&computeType=Managed"
                          "&tags=team%3Da%20b%2Cx&properties=k%3Dv%26w&orderBy=CreatedAtDesc",
                "");
}

static void encodes_every_name(void **state) {
    (void)state;
    struct azure_request r;
    const struct azure_workspace odd = {
        .management = "https://management.azure.com",
        .api_version = "2024-10-01&x=y",
        .subscription = "s/u?b",
        .resource_group = "r g(1)",
        .workspace = "w#s%2f",
    };
    assert_true(online_endpoint_get(&odd, "a/../b", bearer, &r));
    assert_asks(&r, METHOD_GET,
                "https://management.azure.com/subscriptions/s%2Fu%3Fb/resourceGroups/r%20g%281%29"
                "/providers/Microsoft.MachineLearningServices/workspaces/w%23s%252f"
                "/onlineEndpoints/a%2F..%2Fb?api-version=2024-10-01%26x%3Dy",
                "");
}

/* The example of the specification (OnlineEndpoint/get.json), with values in place of "string". */
#define ENDPOINT                                                                                   \
    "{\"id\":\"/subscriptions/0/resourceGroups/test-rg/x\",\"name\":\"churn\","                    \
    "\"type\":\"Microsoft.MachineLearningServices/workspaces/onlineEndpoints\","                   \
    "\"location\":\"westeurope\",\"tags\":{},\"kind\":\"Managed\",\"identity\":{\"type\":"         \
    "\"SystemAssigned\",\"principalId\":\"p\",\"tenantId\":\"t\"},\"sku\":null,"                   \
    "\"systemData\":{\"createdAt\":\"2020-01-01T12:34:56.999Z\"},\"properties\":{"                 \
    "\"authMode\":\"AMLToken\",\"keys\":null,\"description\":\"d\",\"properties\":{\"a\":\"b\"},"  \
    "\"scoringUri\":\"https://churn.westeurope.inference.ml.azure.com/score\","                    \
    "\"swaggerUri\":\"https://churn.westeurope.inference.ml.azure.com/swagger.json\","             \
    "\"provisioningState\":\"Succeeded\",\"compute\":\"c\",\"traffic\":{\"blue\":100},"            \
    "\"mirrorTraffic\":{},\"publicNetworkAccess\":\"Enabled\"}}"

static void assert_is_the_example(const struct azure_service *s) {
    assert_string_equal(s->name, "churn");
    assert_string_equal(s->kind, "online");
    assert_string_equal(s->state, "Succeeded");
    assert_string_equal(s->scoring_uri, "https://churn.westeurope.inference.ml.azure.com/score");
    assert_string_equal(s->swagger_uri,
                        "https://churn.westeurope.inference.ml.azure.com/swagger.json");
    assert_int_equal(s->auth, AZURE_AUTH_TOKEN);
    assert_int_equal(s->traffic.count, 1);
    assert_string_equal(s->traffic.shares[0].deployment, "blue");
    assert_int_equal(s->traffic.shares[0].percent, 100);
}

static void reads_the_documented_endpoint(void **state) {
    (void)state;
    struct azure_service s;
    struct azure_error error;
    const struct azure_answer a = azure_answer_of(200, ENDPOINT);
    assert_true(online_endpoint_read(&a, &s, &error));
    assert_is_the_example(&s);
    azure_service_done(&s);
    assert_null(s.name);
}

static void knows_both_spellings_of_the_auth_mode(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        enum azure_auth auth;
    } modes[] = {
        {"Key", AZURE_AUTH_KEY},         {"key", AZURE_AUTH_KEY},
        {"KEY", AZURE_AUTH_KEY},         {"AMLToken", AZURE_AUTH_TOKEN},
        {"amltoken", AZURE_AUTH_TOKEN},  {"aml_token", AZURE_AUTH_TOKEN},
        {"AADToken", AZURE_AUTH_ENTRA},  {"aadtoken", AZURE_AUTH_ENTRA},
        {"aad_token", AZURE_AUTH_ENTRA},
    };
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        char body[200];
        struct azure_service s;
        struct azure_error error;
        (void)snprintf(body, sizeof body, "{\"name\":\"n\",\"properties\":{\"authMode\":\"%s\"}}",
                       modes[i].mode);
        const struct azure_answer a = azure_answer_of(200, body);
        assert_true(online_endpoint_read(&a, &s, &error));
        assert_int_equal(s.auth, modes[i].auth);
        azure_service_done(&s);
    }
}

/* One that is being created has no addresses yet; null and "" say the same. */
static void an_endpoint_may_have_no_address(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\"}}",
        "{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"scoringUri\":null,"
        "\"swaggerUri\":null,\"provisioningState\":null}}",
        "{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"scoringUri\":\"\","
        "\"swaggerUri\":\"\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct azure_service s;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, bodies[i]);
        assert_true(online_endpoint_read(&a, &s, &error));
        assert_null(s.scoring_uri);
        assert_null(s.swagger_uri);
        assert_string_equal(s.state, "unknown");
        azure_service_done(&s);
    }
}

/* What is odd about it is no reason to do without the endpoint. */
static void knows_which_deployments_take_traffic(void **state) {
    (void)state;
    static const struct {
        const char *traffic;
        size_t count;
    } cases[] = {
        {"{\"blue\":90,\"green\":10}", 2},
        {"{\"blue\":100,\"green\":0,\"red\":null}", 1},
        {"{\"blue\":0.5}", 1},
        {"{}", 0},
        {"null", 0},
        {"[100]", 0},
        {"\"blue\"", 0},
        {"{\"blue\":90,\"green\":\"10\"}", 0},
        {"{\"blue\":-1}", 0},
        {"{\"blue\":101}", 0},
        {"{\"\":100}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[300];
        struct azure_service s;
        struct azure_error error;
        (void)snprintf(body, sizeof body,
                       "{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"traffic\":%s,"
                       "\"mirrorTraffic\":{\"green\":10}}}",
                       cases[i].traffic);
        const struct azure_answer a = azure_answer_of(200, body);
        assert_true(online_endpoint_read(&a, &s, &error));
        if (s.traffic.count != cases[i].count)
            fail_msg("%zu deployments of %s", s.traffic.count, cases[i].traffic);
        for (size_t n = 0; n < s.traffic.count; n++)
            assert_in_range(s.traffic.shares[n].percent, 1, 100);
        azure_service_done(&s);
    }
}

static void refuses_what_is_no_endpoint(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"", "no JSON object"},
        {"[]", "no JSON object"},
        {"<html>", "no JSON object"},
        {"{}", "\"name\" is missing"},
        {"{\"name\":7}", "\"name\" is no short text"},
        {"{\"name\":\"\"}", "\"name\" is no short text"},
        {"{\"name\":\"a\\u001b[2Jb\"}", "\"name\" is no short text"},
        {"{\"name\":\"\xc3\xa4\"}", "\"name\" is no short text"},
        {"{\"name\":\"n\"}", "service n: \"authMode\" is missing"},
        {"{\"name\":\"n\",\"properties\":[]}", "\"authMode\" is missing"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Magic\"}}",
         "service n: \"authMode\" is \"Magic\""},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":1}}", "\"authMode\" is no short text"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"authMode\":\"Key\"}}",
         "\"authMode\" is missing"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"scoringUri\":1}}",
         "\"scoringUri\" is no text"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"scoringUri\":\"ftp://h/\"}}",
         "\"scoringUri\" is no usable URI: its scheme"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"scoringUri\":\"https://a@h/\"}}",
         "\"scoringUri\" is no usable URI: it holds userinfo"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"scoringUri\":"
         "\"https://h/a\\r\\nb\"}}",
         "\"scoringUri\" is no usable URI: its path"},
        {"{\"name\":\"n\",\"properties\":{\"authMode\":\"Key\",\"swaggerUri\":\"/s\"}}",
         "\"swaggerUri\" is no usable URI: it has no scheme"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct azure_service s;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        assert_false(online_endpoint_read(&a, &s, &error));
        assert_int_equal(error.failure, AZURE_MALFORMED);
        assert_int_equal(error.status, 200);
        if (!strstr(error.message, cases[i].says))
            fail_msg("\"%s\" of %s", error.message, cases[i].body);
    }
}

static void a_name_has_its_ceiling(void **state) {
    (void)state;
    char body[400];
    struct azure_service s;
    struct azure_error error;
    for (int n = 256; n <= 257; n++) {
        (void)snprintf(body, sizeof body,
                       "{\"name\":\"%0*d\",\"properties\":{\"authMode\":\"key\"}}", n, 0);
        const struct azure_answer a = azure_answer_of(200, body);
        assert_int_equal(online_endpoint_read(&a, &s, &error), n == 256);
        if (n == 256)
            azure_service_done(&s);
    }
}

static void an_error_is_one(void **state) {
    (void)state;
    struct azure_service s;
    struct azure_error error;
    const struct azure_answer a = azure_answer_of(
        404, "{\"error\":{\"code\":\"ResourceNotFound\",\"message\":\"no such endpoint\"}}");
    assert_false(online_endpoint_read(&a, &s, &error));
    assert_int_equal(error.failure, AZURE_MISSING);
    assert_int_equal(error.status, 404);
    assert_string_equal(error.code, "ResourceNotFound");
}

static void reads_a_page(void **state) {
    (void)state;
    struct azure_page page;
    struct azure_error error;
    const struct azure_answer a = azure_answer_of(
        200, "{\"value\":[" ENDPOINT ",{\"name\":\"two\",\"properties\":{\"authMode\":\"key\"}}],"
             "\"nextLink\":\"" WORKSPACE "/onlineEndpoints" AT_VERSION "&$skip=2\"}");
    assert_true(online_endpoint_read_page(&a, TEXT(WORKSPACE "/onlineEndpoints" AT_VERSION), &page,
                                          &error));
    assert_int_equal(page.count, 2);
    assert_is_the_example(&page.services[0]);
    assert_string_equal(page.services[1].name, "two");
    assert_string_equal(page.next, WORKSPACE "/onlineEndpoints" AT_VERSION "&$skip=2");
    azure_page_done(&page);
    assert_null(page.services);
}

static int make_bearer(void **state) {
    (void)state;
    bearer = secret_new(TEXT("arm.token"));
    return bearer ? 0 : -1;
}

static int drop_bearer(void **state) {
    (void)state;
    secret_unref(&bearer);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_about_one_endpoint),
        cmocka_unit_test(asks_for_a_list),
        cmocka_unit_test(encodes_every_name),
        cmocka_unit_test(reads_the_documented_endpoint),
        cmocka_unit_test(knows_both_spellings_of_the_auth_mode),
        cmocka_unit_test(an_endpoint_may_have_no_address),
        cmocka_unit_test(knows_which_deployments_take_traffic),
        cmocka_unit_test(refuses_what_is_no_endpoint),
        cmocka_unit_test(a_name_has_its_ceiling),
        cmocka_unit_test(an_error_is_one),
        cmocka_unit_test(reads_a_page),
    };
    return cmocka_run_group_tests(tests, make_bearer, drop_bearer);
}
