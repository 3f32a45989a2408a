/* SPDX-License-Identifier: MIT */
/* The way to the model management service, what is asked of it about web services, and what its
 * answers are taken for. The documents have the fields that azureml-core wants to see. */
#include "azure/web_service.h"

#include "../azure_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define BASE "https://westeurope.modelmanagement.azureml.net"
#define NAMES                                                                                      \
    "/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices"             \
    "/workspaces/ws"
#define SERVICES BASE "/modelmanagement/v1.0" NAMES "/services"

static const struct azure_workspace workspace = {
    .management = "https://management.azure.com",
    .api_version = "2024-10-01",
    .subscription = "sub",
    .resource_group = "rg",
    .workspace = "ws",
};
static struct secret *bearer;

static void assert_asks(struct azure_request *r, enum method method, const char *url,
                        const char *body) {
    assert_true(azure_request_ok(r));
    assert_int_equal(r->method, method);
    assert_string_equal(buf_text(&r->url).at, url);
    assert_string_equal(buf_text(&r->fields).at, "Authorization: Bearer arm.token\r\n");
    assert_string_equal(buf_text(&r->body).at, body);
    azure_request_done(r);
}

static void finds_the_service_by_two_documents(void **state) {
    (void)state;
    struct azure_request r;
    struct azure_error error;
    struct buf found;
    buf_init(&found, 1000);
    assert_true(workspace_get(&workspace, bearer, &r));
    assert_asks(&r, METHOD_GET, "https://management.azure.com" NAMES "?api-version=2024-10-01", "");
    struct azure_answer a = azure_answer_of(
        200, "{\"name\":\"ws\",\"properties\":{\"friendlyName\":\"ws\",\"discoveryUrl\":"
             "\"https://westeurope.api.azureml.ms/discovery\"}}");
    assert_true(workspace_read(&a, &found, &error));
    assert_string_equal(found.at, "https://westeurope.api.azureml.ms/discovery");
    /* Whoever serves the document gets no token. */
    assert_true(discovery_get(buf_text(&found), &r));
    assert_string_equal(r.url.at, "https://westeurope.api.azureml.ms/discovery");
    assert_int_equal(r.method, METHOD_GET);
    assert_int_equal(r.fields.len, 0);
    azure_request_done(&r);
    buf_clear(&found);
    a = azure_answer_of(200, "{\"api\":\"https://westeurope.api.azureml.ms\","
                             "\"modelmanagement\":\"" BASE "\",\"history\":\"https://x\"}");
    assert_true(discovery_read(&a, &found, &error));
    assert_string_equal(found.at, BASE);
    buf_done(&found);
}

static void takes_these_bases(void **state) {
    (void)state;
    static const struct {
        const char *document, *base;
    } cases[] = {
        {"{\"modelmanagement\":\"" BASE "/\"}", BASE},
        {"{\"modelmanagement\":\"HTTPS://h:8443/a//\"}", "HTTPS://h:8443/a"},
        {"{\"api\":\"https://westeurope.api.azureml.ms\"}", "https://westeurope.api.azureml.ms"},
        {"{\"api\":\"https://a\",\"modelmanagement\":null}", "https://a"},
        {"{\"modelmanagement\":\"https://g.workspace.westeurope.api.azureml.ms\"}",
         "https://g.workspace.westeurope.api.azureml.ms"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf base;
        struct azure_error error;
        buf_init(&base, 1000);
        const struct azure_answer a = azure_answer_of(200, cases[i].document);
        assert_true(discovery_read(&a, &base, &error));
        assert_string_equal(base.at, cases[i].base);
        buf_done(&base);
    }
}

/* The token goes where these lead, so that a wrong one is not made up for by the other. */
static void refuses_these_bases(void **state) {
    (void)state;
    static const char *const values[] = {
        "\"http://h\"",
        "\"https://u:p@h\"",
        "\"https://h?x\"",
        "\"https://h#x\"",
        "\"https:///\"",
        "\"https://\"",
        "\"//h\"",
        "\"h\"",
        "\"https://h/../a\"",
        "\"https://h /\"",
        "\"https://h\\\\\"",
        "\"\"",
        "\"https://a b\"",
        "7",
        "[\"https://h\"]",
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct buf into, body;
        struct azure_error error;
        buf_init(&into, 1000);
        buf_init(&body, 1000);
        buf_addf(&body, "{\"api\":\"https://h\",\"modelmanagement\":%s}", values[i]);
        struct azure_answer a = azure_answer_of(200, body.at);
        if (discovery_read(&a, &into, &error))
            fail_msg("taken: %s", values[i]);
        assert_int_equal(error.failure, AZURE_MALFORMED);
        assert_non_null(strstr(error.message, "\"modelmanagement\""));
        assert_int_equal(into.len, 0);
        if (!strchr(values[i], '?')) {
            buf_clear(&body);
            buf_addf(&body, "{\"properties\":{\"discoveryUrl\":%s}}", values[i]);
            a = azure_answer_of(200, body.at);
            if (workspace_read(&a, &into, &error))
                fail_msg("taken: %s", values[i]);
            assert_int_equal(error.failure, AZURE_MALFORMED);
        }
        buf_done(&into);
        buf_done(&body);
    }
}

static void wants_both_documents(void **state) {
    (void)state;
    struct buf into;
    struct azure_error error;
    buf_init(&into, 1000);
    struct azure_answer a = azure_answer_of(200, "{}");
    assert_false(workspace_read(&a, &into, &error));
    assert_string_equal(error.message, "\"discoveryUrl\" is missing");
    assert_false(discovery_read(&a, &into, &error));
    assert_string_equal(error.message, "\"api\" is missing");
    a = azure_answer_of(503, "");
    assert_false(discovery_read(&a, &into, &error));
    assert_int_equal(error.failure, AZURE_UNAVAILABLE);
    buf_done(&into);
}

static void a_full_buffer_is_no_memory(void **state) {
    (void)state;
    struct buf into;
    struct azure_error error;
    buf_init(&into, 9);
    const struct azure_answer a = azure_answer_of(200, "{\"api\":\"https://abc\"}");
    assert_false(discovery_read(&a, &into, &error));
    assert_int_equal(error.failure, AZURE_NO_MEMORY);
    buf_done(&into);
}

static void asks_about_one_service(void **state) {
    (void)state;
    struct azure_request r;
    assert_true(web_service_get(BASE, &workspace, "my service", bearer, &r));
    assert_asks(&r, METHOD_GET, SERVICES "/my%20service?expand=true", "");
    assert_true(web_service_keys(BASE, &workspace, "svc", bearer, &r));
    assert_asks(&r, METHOD_POST, SERVICES "/svc/listkeys", "");
    assert_true(web_service_token(BASE, &workspace, "svc", bearer, &r));
    assert_asks(&r, METHOD_POST, SERVICES "/svc/token?api-version=2018-11-19", "");
    assert_true(web_service_regenerate(BASE, &workspace, "svc", AZURE_KEY_SECONDARY, bearer, &r));
    assert_string_equal(r.content_type, "application/json");
    assert_asks(&r, METHOD_POST, SERVICES "/svc/regenerateKeys", "{\"keyType\":\"Secondary\"}");
}

static void asks_for_a_list(void **state) {
    (void)state;
    struct azure_request r;
    const struct azure_filter everything = {.page = 0};
    assert_true(web_service_list(BASE, &workspace, &everything, bearer, &r));
    assert_asks(&r, METHOD_GET, SERVICES "?expand=true", "");
    const struct azure_filter all = {
        .name = "svc",
        .compute_type = "AKS",
        .order_by = "UpdatedAtAsc",
        .model_name = "m",
        .model_id = "m:1",
        .image_name = "i",
        .image_id = "i:2",
        .image_digest = "sha256:0",
        .tags = "a=b,c",
        .properties = "p",
        .page = 100,
    };
    assert_true(web_service_list(BASE, &workspace, &all, bearer, &r));
    assert_asks(&r, METHOD_GET,
                SERVICES "?expand=true&computeType=AKS&imageName=i&imageId=i%3A2"
                         "&imageDigest=sha256%3A0&modelName=m&modelId=m%3A1&name=svc"
                         "&tags=a%3Db%2Cc&properties=p&orderby=UpdatedAtAsc&count=100",
                "");
}

#define COMMON                                                                                     \
    "\"id\":\"i\",\"name\":\"svc\",\"description\":null,\"kvTags\":{},\"properties\":{},"          \
    "\"operationId\":\"o\",\"state\":\"Healthy\",\"createdTime\":\"2019-09-30T12:00:00Z\","        \
    "\"updatedTime\":\"2019-09-30T12:00:00Z\",\"error\":null,\"deploymentType\":"                  \
    "\"HttpRealtimeEndpoint\",\"appInsightsEnabled\":false,\"containerResourceRequirements\":"     \
    "{\"cpu\":0.1,\"memoryInGB\":0.5},"

#define AKS                                                                                        \
    "{" COMMON "\"computeType\":\"AKS\",\"authEnabled\":false,\"aadAuthEnabled\":true,"            \
    "\"autoScaler\":{\"autoscaleEnabled\":true,\"minReplicas\":1,\"maxReplicas\":10},"             \
    "\"computeName\":\"c\",\"dataCollection\":{\"storageEnabled\":false},\"numReplicas\":null,"    \
    "\"livenessProbeRequirements\":{\"periodSeconds\":10},\"scoringTimeoutMs\":60000,"             \
    "\"maxConcurrentRequestsPerContainer\":1,\"maxQueueWaitMs\":500,"                              \
    "\"scoringUri\":\"http://52.1.2.3:80/api/v1/service/svc/score\"}"

#define ACI                                                                                        \
    "{" COMMON "\"computeType\":\"ACI\",\"authEnabled\":true,\"cname\":\"\","                      \
    "\"location\":\"westeurope\",\"publicIp\":\"1.2.3.4\",\"sslEnabled\":false,"                   \
    "\"sslCertificate\":\"\",\"sslKey\":\"\","                                                     \
    "\"scoringUri\":\"http://d1.westeurope.azurecontainer.io/score\","                             \
    "\"swaggerUri\":\"http://d1.westeurope.azurecontainer.io/own/swagger.json\"}"

static void reads_a_service_on_aks(void **state) {
    (void)state;
    struct azure_service s;
    struct azure_error error;
    const struct azure_answer a = azure_answer_of(200, AKS);
    assert_true(web_service_read(&a, &s, &error));
    assert_string_equal(s.name, "svc");
    assert_string_equal(s.kind, "AKS");
    assert_string_equal(s.state, "Healthy");
    assert_int_equal(s.auth, AZURE_AUTH_TOKEN);
    assert_string_equal(s.scoring_uri, "http://52.1.2.3:80/api/v1/service/svc/score");
    assert_string_equal(s.swagger_uri, "http://52.1.2.3/api/v1/service/svc/swagger.json");
    azure_service_done(&s);
}

static void reads_a_service_on_aci(void **state) {
    (void)state;
    struct azure_service s;
    struct azure_error error;
    const struct azure_answer a = azure_answer_of(200, ACI);
    assert_true(web_service_read(&a, &s, &error));
    assert_string_equal(s.kind, "ACI");
    assert_int_equal(s.auth, AZURE_AUTH_KEY);
    assert_string_equal(s.swagger_uri, "http://d1.westeurope.azurecontainer.io/own/swagger.json");
    azure_service_done(&s);
}

static void reads_how_to_authenticate(void **state) {
    (void)state;
    static const struct {
        const char *body;
        enum azure_auth auth;
    } cases[] = {
        {"{\"name\":\"n\"}", AZURE_AUTH_NONE},
        {"{\"name\":\"n\",\"authEnabled\":null,\"aadAuthEnabled\":null}", AZURE_AUTH_NONE},
        {"{\"name\":\"n\",\"authEnabled\":false}", AZURE_AUTH_NONE},
        {"{\"name\":\"n\",\"authEnabled\":true,\"aadAuthEnabled\":false}", AZURE_AUTH_KEY},
        {"{\"name\":\"n\",\"authEnabled\":true,\"aadAuthEnabled\":true}", AZURE_AUTH_TOKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct azure_service s;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        assert_true(web_service_read(&a, &s, &error));
        assert_int_equal(s.auth, cases[i].auth);
        assert_string_equal(s.kind, "unknown");
        assert_string_equal(s.state, "unknown");
        assert_null(s.scoring_uri);
        assert_null(s.swagger_uri);
        azure_service_done(&s);
    }
}

static void refuses_what_is_no_service(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"{\"name\":\"n\",\"authEnabled\":\"true\"}",
         "service n: \"authEnabled\" is neither true nor false"},
        {"{\"name\":\"n\",\"aadAuthEnabled\":1}", "\"aadAuthEnabled\" is neither true nor false"},
        {"{\"name\":\"n\",\"computeType\":{}}", "\"computeType\" is no short text"},
        {"{\"name\":\"n\",\"state\":\"a\\nb\"}", "\"state\" is no short text"},
        {"{\"name\":\"n\",\"scoringUri\":\"52.1.2.3/score\"}", "\"scoringUri\" is no usable URI"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct azure_service s;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        assert_false(web_service_read(&a, &s, &error));
        assert_int_equal(error.failure, AZURE_MALFORMED);
        if (!strstr(error.message, cases[i].says))
            fail_msg("\"%s\" of %s", error.message, cases[i].body);
    }
}

static void reads_a_page(void **state) {
    (void)state;
    struct azure_page page;
    struct azure_error error;
    const struct azure_answer a =
        azure_answer_of(200, "{\"value\":[" AKS "," ACI "],\"nextLink\":\"" SERVICES
                             "?expand=true&$skipToken=a%3D\"}");
    assert_true(web_service_read_page(&a, TEXT(SERVICES "?expand=true"), &page, &error));
    assert_int_equal(page.count, 2);
    assert_string_equal(page.services[0].kind, "AKS");
    assert_string_equal(page.services[1].kind, "ACI");
    assert_string_equal(page.next, SERVICES "?expand=true&$skipToken=a%3D");
    azure_page_done(&page);
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
        cmocka_unit_test(finds_the_service_by_two_documents),
        cmocka_unit_test(takes_these_bases),
        cmocka_unit_test(refuses_these_bases),
        cmocka_unit_test(wants_both_documents),
        cmocka_unit_test(a_full_buffer_is_no_memory),
        cmocka_unit_test(asks_about_one_service),
        cmocka_unit_test(asks_for_a_list),
        cmocka_unit_test(reads_a_service_on_aks),
        cmocka_unit_test(reads_a_service_on_aci),
        cmocka_unit_test(reads_how_to_authenticate),
        cmocka_unit_test(refuses_what_is_no_service),
        cmocka_unit_test(reads_a_page),
    };
    return cmocka_run_group_tests(tests, make_bearer, drop_bearer);
}
