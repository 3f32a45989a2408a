/* SPDX-License-Identifier: MIT */
/* From the configuration of a route and the answers of Azure to the supplies that workers get, with
 * real sources, a fetcher whose answers are given here, and a clock that is moved by hand. */
#include "daemon/keeper_backend.h"

#include "../scratch.h"
#include "config/load.h"
#include "fake_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these first. */
#include <cmocka.h>
#include <unistd.h>

#define SECONDS(n) ((n)*USEC_PER_SEC)

/* --- configurations --------------------------------------------------------------------------- */

#define APP                                                                                        \
    "identities = { app = { type = \"client-secret\"; tenant = \"t\"; client_id = \"c\"; secret "  \
    "= \"s3cret\"; }; };\n"
#define NAMES          "{ subscription = \"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"n\"; }"
#define ROUTE(more)    "routes = ( { path = \"/a\"; " more " } );"
#define ENDPOINT(more) APP ROUTE("identity = \"app\"; online_endpoint = " NAMES "; " more)
#define SCORING        "scoring_uri = \"https://h/score\"; "
#define AUTH(more)     "auth = { type = " more " }; "
#define VAULT(name)                                                                                \
    "{ key_vault = \"https://v.vault.azure.net\"; name = \"" name "\"; identity = \"app\"; }"

/* What calls are told apart by. */
#define TOKEN_FOR_ARM   "scope=https%3A%2F%2Fmanagement"
#define TOKEN_FOR_ML    "scope=https%3A%2F%2Fml.azure.com"
#define TOKEN_FOR_VAULT "scope=https%3A%2F%2Fvault"
#define LOOKUP          "onlineEndpoints/n?"
#define KEYS            "onlineEndpoints/n/listKeys"
#define ENDPOINT_TOKEN  "onlineEndpoints/n/token"

#define TOKEN(value)                                                                               \
    "{\"token_type\": \"Bearer\", \"access_token\": \"" value "\", \"expires_in\": 3600}"
#define DESCRIPTION(uri, mode)                                                                     \
    "{\"name\": \"n\", \"properties\": {\"scoringUri\": \"" uri "\", \"authMode\": \"" mode        \
    "\", \"provisioningState\": \"Succeeded\"}}"
#define URI            "https://n.inference.ml.azure.com/score"
#define TWO_KEYS(a, b) "{\"primaryKey\": \"" a "\", \"secondaryKey\": \"" b "\"}"
#define SECRET(value)  "{\"value\": \"" value "\"}"

static struct config *config;
static struct keeper *keeper;
static unsigned supplied; /* how often a supply was handed out */
static uint64_t newest[4];

static void on_supply(void *context, unsigned backend, struct supply *supply) {
    (void)context;
    assert_ptr_equal(supply, keeper_supply(keeper, backend));
    assert_true(supply->revision == newest[backend] + 1);
    newest[backend] = supply->revision;
    supplied++;
}

static void load(const char *text) {
    struct config_errors errors;
    const struct config_load_options options = {0};
    config_errors_init(&errors);
    config = config_load(scratch_path("conf"), text, &options, &errors);
    if (!config)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    /* What becomes of Azure's limit is in test_keeper_limit.c. */
    for (size_t i = 0; config && i < config->backend_count; i++)
        config->backends[i]->max_concurrent = 0;
    config_errors_done(&errors);
}

static void make(const char *text) {
    struct buf why;
    buf_init(&why, 1024);
    load(text);
    struct keeper_options options = {.config = config, .supplied = NULL};
    keeper = keeper_new(&loop, &options, &why);
    assert_non_null(keeper);
    buf_done(&why);
    for (unsigned i = 0; i < config->backend_count; i++)
        newest[i] = keeper_supply(keeper, i)->revision;
    keeper->options.supplied = on_supply;
}

static void begin(const char *text) {
    make(text);
    assert_true(keeper_start(keeper));
}

static const struct supply *now(void) {
    return keeper_supply(keeper, 0);
}

static void assert_key(unsigned i, const char *value) {
    const struct secret *key = now()->keys[i];
    if (!value) {
        assert_null(key);
        return;
    }
    assert_non_null(key);
    if (!text_equal(secret_expose(key), text_of(value)))
        fail_msg("key %u is not %s", i, value);
}

static void assert_ready(const char *primary, const char *secondary) {
    assert_int_equal(now()->state, SUPPLY_READY);
    assert_non_null(now()->endpoint);
    assert_key(0, primary);
    assert_key(1, secondary);
}

static void assert_refused(enum reason why) {
    assert_int_equal(now()->state, SUPPLY_REFUSED);
    assert_int_equal(now()->why, why);
}

/* An endpoint found by name with its two keys. */
static void begin_with_keys(const char *text) {
    begin(text);
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_ready("k1", "k2");
}

static int set_up(void **state) {
    supplied = 0;
    keeper = NULL;
    config = NULL;
    memset(newest, 0, sizeof newest);
    return scratch_make(state) != 0 ? -1 : fake_set_up(state);
}

static int tear_down(void **state) {
    keeper_free(&keeper);
    config_unref(&config);
    return fake_tear_down(state) | scratch_remove(state);
}

/* --- what stands in the configuration --------------------------------------------------------- */

static void a_route_without_a_credential_is_ready_at_once(void **state) {
    (void)state;
    make(ROUTE(SCORING));
    assert_ready(NULL, NULL);
    assert_true(now()->open);
    assert_true(now()->expires == USEC_NEVER);
    assert_true(keeper_start(keeper));
    assert_true(now()->revision == 1);
    assert_int_equal(keeper_count(keeper), 0);
    assert_null(keeper_backend_credential(keeper, 0, 0));
}

static void keys_that_stand_there_are_ready_without_a_turn(void **state) {
    (void)state;
    begin(ROUTE(SCORING AUTH("\"key\"; primary = \"k1\"; secondary = \"k2\";")));
    assert_ready("k1", "k2");
    assert_int_equal(now()->preferred, 0);
    assert_int_equal(calls_begun, 0);
    assert_string_equal(keeper_backend_credential(keeper, 0, 0), "route:/a:primary");
    assert_string_equal(keeper_backend_credential(keeper, 0, 1), "route:/a:secondary");
    assert_true(keeper_settled(keeper));
}

static void backends_have_their_number_in_names(void **state) {
    (void)state;
    begin(APP ROUTE("identity = \"app\"; backends = ( { uri = \"https://h/score\"; " AUTH(
        "\"key\"; primary = \"k1\"; secondary = \"k2\";") "}, { online_endpoint = " NAMES
                                                          "; }, { uri = \"https://h/2\"; } );"));
    assert_string_equal(keeper_backend_credential(keeper, 0, 0), "route:/a:1:primary");
    assert_string_equal(keeper_backend_credential(keeper, 0, 1), "route:/a:1:secondary");
    assert_string_equal(keeper_backend_credential(keeper, 1, 0), "route:/a:2:endpoint");
    assert_null(keeper_backend_credential(keeper, 2, 0));
    assert_ready("k1", "k2");
    assert_int_equal(keeper_supply(keeper, 1)->state, SUPPLY_PENDING);
    assert_true(keeper_supply(keeper, 2)->open);
}

static void a_key_of_a_file_is_followed(void **state) {
    (void)state;
    char text[512];
    (void)snprintf(text, sizeof text, ROUTE(SCORING AUTH("\"key\"; primary = { file = \"%s\"; };")),
                   scratch_write("key", "k1\n", 0600));
    begin(text);
    assert_ready("k1", NULL);
    unsigned before = supplied;
    scratch_write("key", "", 0600);
    turn();
    assert_ready("k1", NULL); /* an empty file is none */
    assert_int_equal(supplied, before);
    assert_int_equal(logged("a changed secret file is not used"), 1);
    scratch_write("key", "k2\n", 0600);
    turn();
    assert_ready("k2", NULL);
    assert_int_equal(supplied, before + 1);
    assert_non_null(strstr(last_logged("credential is new"), "cause=file"));
}

/* A file that is as it was again is no reason to say that it cannot be read. */
static void a_file_that_is_good_again_is_good(void **state) {
    (void)state;
    char text[512];
    struct credential_status status;
    (void)snprintf(text, sizeof text, ROUTE(SCORING AUTH("\"key\"; primary = { file = \"%s\"; };")),
                   scratch_write("key", "k1\n", 0600));
    begin(text);
    assert_int_equal(unlink(scratch_path("key")), 0);
    turn();
    keeper_refused(keeper, 0, now()->revision, 0);
    keeper_status(keeper, 0, &status);
    assert_string_equal(status.state, "failing");
    scratch_write("key", "k1\n", 0600);
    turn();
    keeper_status(keeper, 0, &status);
    assert_string_equal(status.state, "usable");
}

static void one_key_of_two_is_enough(void **state) {
    (void)state;
    begin(APP ROUTE(
        SCORING AUTH("\"key\"; primary = " VAULT("one") "; secondary = " VAULT("two") ";")));
    assert_int_equal(now()->state, SUPPLY_PENDING);
    answers(TOKEN_FOR_VAULT, 200, TOKEN("vault"));
    /* One will not come, the other may: there is still something to wait for. */
    answers("secrets/one", 404, "");
    assert_int_equal(now()->state, SUPPLY_PENDING);
    answers("secrets/two", 200, SECRET("k2"));
    assert_ready(NULL, "k2");
    assert_int_equal(now()->preferred, 1);
    time_passes(SECONDS(400));
    answers("secrets/one", 200, SECRET("k1"));
    assert_ready("k1", "k2");
    assert_int_equal(now()->preferred, 0);
    answers("secrets/two", 200, SECRET("k2"));
}

static void keys_that_will_not_come_are_told(void **state) {
    (void)state;
    begin(APP ROUTE(
        SCORING AUTH("\"key\"; primary = " VAULT("one") "; secondary = " VAULT("two") ";")));
    answers(TOKEN_FOR_VAULT, 200, TOKEN("vault"));
    answers("secrets/one", 404, "");
    answers("secrets/two", 403, "");
    assert_refused(REASON_token_rejected);
    struct backend_status status;
    keeper_backend_status(keeper, 0, &status);
    assert_string_equal(status.waits_for, "vault:v.vault.azure.net/one");
    assert_int_equal(status.error->failure, AZURE_MISSING);
}

/* Fetched once for both routes; one that has another version is another one. */
static void a_vault_secret_is_shared(void **state) {
    (void)state;
    begin(APP "routes = ( { path = \"/a\"; " SCORING AUTH(
        "\"key\"; primary = " VAULT("one") ";") "}, { path = \"/b\"; " SCORING
              AUTH("\"key\"; primary = " VAULT("one") ";") "}, { path = \"/c\"; " SCORING AUTH(
                  "\"key\"; primary = { key_vault = \"https://v.vault.azure.net\"; name = \"one\"; "
                  "version = \"0123456789abcdef0123456789abcdef\"; identity = \"app\"; };") "} );");
    answers(TOKEN_FOR_VAULT, 200, TOKEN("vault"));
    answers("secrets/one?", 200, SECRET("k1"));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(keeper_supply(keeper, i)->state, SUPPLY_READY);
    answers("secrets/one/0123", 200, SECRET("k0"));
    assert_int_equal(keeper_supply(keeper, 2)->state, SUPPLY_READY);
    assert_string_equal(keeper_backend_credential(keeper, 0, 0),
                        keeper_backend_credential(keeper, 1, 0));
    assert_string_not_equal(keeper_backend_credential(keeper, 0, 0),
                            keeper_backend_credential(keeper, 2, 0));
}

/* Two long paths with the same beginning. */
static void no_route_gets_the_key_of_another(void **state) {
    (void)state;
    struct buf text;
    char path[1001];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    buf_init(&text, 65536);
    buf_add_string(&text, "routes = (");
    for (int i = 0; i < 2; i++)
        buf_addf(&text, "%s { path = \"/%s%d\"; " SCORING AUTH("\"key\"; primary = \"k%d\";") "}",
                 i ? "," : "", path, i, i);
    buf_add_string(&text, ");");
    begin(text.at);
    buf_done(&text);
    assert_key(0, "k0");
    assert_true(text_equal(secret_expose(keeper_supply(keeper, 1)->keys[0]), TEXT("k1")));
}

static void an_entra_token_is_asked_for_with_the_whole_scope(void **state) {
    (void)state;
    struct buf text;
    char resource[601];
    memset(resource, 'r', sizeof resource - 1);
    resource[sizeof resource - 1] = '\0';
    buf_init(&text, 65536);
    buf_addf(
        &text,
        APP ROUTE(SCORING "identity = \"app\"; " AUTH("\"entra\"; scope = \"api://%s/.default\";")),
        resource);
    begin(text.at);
    buf_done(&text);
    assert_non_null(strstr(asked(resource), "r%2F.default"));
    answers(resource, 200, TOKEN("ml"));
    assert_ready("ml", NULL);
    assert_true(now()->expires == loop.now + SECONDS(3599)); /* see token_shown_for() */
}

/* --- found by name ---------------------------------------------------------------------------- */

static void everything_is_found_by_name(void **state) {
    (void)state;
    begin(ENDPOINT());
    assert_int_equal(now()->state, SUPPLY_PENDING);
    assert_null(now()->endpoint);
    struct backend_status status;
    keeper_backend_status(keeper, 0, &status);
    assert_string_equal(status.waits_for, "identity:app");
    assert_string_equal(status.auth, "unknown");
    assert_null(status.error);
    assert_int_equal(calls_open, 1);
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    assert_non_null(strstr(asked(LOOKUP), "Bearer arm"));
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    assert_int_equal(now()->state, SUPPLY_PENDING);
    assert_string_equal(now()->endpoint->scoring.text, URI);
    assert_string_equal(now()->endpoint->swagger.text,
                        "https://n.inference.ml.azure.com/swagger.json");
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_ready("k1", "k2");
    keeper_backend_status(keeper, 0, &status);
    assert_string_equal(status.auth, "endpoint-key");
    assert_null(status.waits_for);
    assert_int_equal(logged("endpoint found"), 1);
}

static void an_endpoint_that_is_not_there_is_told(void **state) {
    (void)state;
    begin(ENDPOINT());
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers(LOOKUP, 404, "");
    assert_refused(REASON_endpoint_not_found);
    time_passes(SECONDS(60));
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    answers(KEYS, 403, "");
    assert_refused(REASON_token_rejected);
}

/* It is the identity's fault, not the endpoint's; also where it is refused after it was only not
 * there, and the other way round. */
static void an_identity_that_is_refused_is_told(void **state) {
    (void)state;
    begin(ENDPOINT());
    answers(TOKEN_FOR_ARM, 401, "{\"error\": \"invalid_client\"}");
    assert_refused(REASON_token_rejected);
    time_passes(SECONDS(10));
    answers(TOKEN_FOR_ARM, 503, "");
    assert_int_equal(now()->state, SUPPLY_PENDING);
    struct backend_status status;
    keeper_backend_status(keeper, 0, &status);
    assert_string_equal(status.waits_for, "identity:app");
    time_passes(SECONDS(10));
    answers(TOKEN_FOR_ARM, 401, "{\"error\": \"invalid_client\"}");
    assert_refused(REASON_token_rejected);
}

/* A secret that is not in the vault is no endpoint that is not there. */
static void a_missing_secret_of_the_identity_is_told_as_that(void **state) {
    (void)state;
    begin("identities = { app = { type = \"client-secret\"; tenant = \"t\"; client_id = \"c\"; "
          "secret = \"s\"; }; far = { type = \"client-secret\"; tenant = \"t\"; client_id = \"d\"; "
          "secret = " VAULT("one") "; }; };\n" ROUTE("identity = \"far\"; online_endpoint = " NAMES
                                                     ";"));
    answers(TOKEN_FOR_VAULT, 200, TOKEN("vault"));
    answers("secrets/one", 404, "");
    assert_refused(REASON_token_rejected);
}

static void a_service_that_is_down_is_waited_for(void **state) {
    (void)state;
    begin(ENDPOINT());
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    is_unreachable(LOOKUP);
    assert_int_equal(now()->state, SUPPLY_PENDING);
    time_passes(SECONDS(1));
    answers(LOOKUP, 200, "{\"properties\": {\"authMode\": \"Key\"}}");
    assert_int_equal(now()->state, SUPPLY_PENDING);
}

static void what_the_endpoint_wants_is_followed(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    time_passes(SECONDS(300));
    answers(LOOKUP, 200, DESCRIPTION(URI, "AADToken"));
    assert_int_equal(now()->state, SUPPLY_PENDING); /* the keys are of no use any more */
    assert_key(0, NULL);
    answers(TOKEN_FOR_ML, 200, TOKEN("ml"));
    assert_ready("ml", NULL);
    time_passes(SECONDS(300));
    answers(LOOKUP, 200, DESCRIPTION(URI, "AMLToken"));
    answers(ENDPOINT_TOKEN, 200,
            "{\"accessToken\": \"ey.t\", \"expiryTimeUtc\": 1700003600, "
            "\"refreshAfterTimeUtc\": 1700001800}");
    assert_ready("ey.t", NULL);
    /* From here on nobody needs the keys, nor the token for Entra. */
    for (int i = 0; i < 3; i++) {
        time_passes(SECONDS(300));
        assert_false(is_asked(KEYS) || is_asked(TOKEN_FOR_ML));
        answers(LOOKUP, 200, DESCRIPTION(URI, "AMLToken"));
    }
    assert_int_equal(calls_open, 0);
}

static void an_endpoint_that_moves_is_followed(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    struct endpoint *before = now()->endpoint;
    time_passes(SECONDS(300));
    unsigned count = supplied;
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    assert_ptr_equal(now()->endpoint, before); /* as it was: nothing new for the workers */
    assert_int_equal(supplied, count);
    time_passes(SECONDS(300));
    answers(LOOKUP, 200, DESCRIPTION("https://other/score", "Key"));
    assert_ptr_not_equal(now()->endpoint, before);
    assert_string_equal(now()->endpoint->scoring.text, "https://other/score");
    assert_int_equal(supplied, count + 1);
    /* That it cannot be looked up does not end it. */
    time_passes(SECONDS(300));
    answers(LOOKUP, 404, "");
    assert_ready("k1", "k2");
}

/* Its credential must go nowhere, so it is not fetched; and that is said once. */
static void an_endpoint_with_http_is_not_used(void **state) {
    (void)state;
    begin(ENDPOINT());
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers(LOOKUP, 200, DESCRIPTION("http://n/score", "Key"));
    assert_refused(REASON_insecure_endpoint);
    assert_int_equal(calls_open, 0);
    for (int i = 0; i < 3; i++) {
        time_passes(SECONDS(300));
        answers(LOOKUP, 200, DESCRIPTION("http://n/score", "Key"));
    }
    assert_int_equal(logged("the endpoint cannot be used"), 1);
    assert_int_equal(calls_begun, 5);
    time_passes(SECONDS(300));
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_ready("k1", "k2");
    /* It becomes one in the end: what there is goes nowhere. */
    time_passes(SECONDS(300));
    answers(LOOKUP, 200, DESCRIPTION("http://n/score", "Key"));
    assert_refused(REASON_insecure_endpoint);
    assert_null(now()->endpoint);
    assert_key(0, NULL);
    assert_int_equal(logged("the endpoint cannot be used"), 2);
}

static void http_may_be_allowed(void **state) {
    (void)state;
    begin(ENDPOINT("allow_insecure_upstream = true;"));
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers(LOOKUP, 200, DESCRIPTION("http://n/score", "Key"));
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_ready("k1", "k2");
}

static void two_routes_to_one_endpoint_ask_once(void **state) {
    (void)state;
    begin(APP "routes = ( { path = \"/a\"; identity = \"app\"; online_endpoint = " NAMES
              "; }, { path = \"/b\"; identity = \"app\"; online_endpoint = " NAMES "; } );");
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_int_equal(calls_begun, 3);
    assert_int_equal(keeper_supply(keeper, 0)->state, SUPPLY_READY);
    assert_int_equal(keeper_supply(keeper, 1)->state, SUPPLY_READY);
    assert_int_equal(logged("credential is new"), 2); /* the token, the keys */
}

static void a_web_service_is_found_through_its_workspace(void **state) {
    (void)state;
    begin(APP ROUTE("identity = \"app\"; web_service = " NAMES ";"));
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers("workspaces/w?", 200, "{\"properties\": {\"discoveryUrl\": \"https://d/discovery\"}}");
    answers("https://d/discovery", 200, "{\"modelmanagement\": \"https://mms\"}");
    answers("https://mms/modelmanagement/v1.0/subscriptions/s/resourceGroups/g/providers/"
            "Microsoft.MachineLearningServices/workspaces/w/services/n?",
            200,
            "{\"name\": \"n\", \"computeType\": \"ACI\", \"state\": \"Healthy\", \"scoringUri\": "
            "\"https://aci/score\", \"authEnabled\": true}");
    answers("services/n/listkeys", 200, TWO_KEYS("k1", "k2"));
    assert_ready("k1", "k2");
}

/* --- renewal ---------------------------------------------------------------------------------- */

static void a_token_ends_in_the_supply_too(void **state) {
    (void)state;
    begin(APP ROUTE(SCORING "identity = \"app\"; " AUTH("\"entra\";")));
    answers(TOKEN_FOR_ML, 200, TOKEN("t1"));
    usec_t end = now()->expires;
    assert_true(end == loop.now + SECONDS(3599)); /* see token_shown_for() */
    time_passes(SECONDS(3300));
    assert_true(is_asked(TOKEN_FOR_ML));
    assert_ready("t1", NULL);
    time_passes(SECONDS(300));
    assert_int_equal(now()->state, SUPPLY_PENDING);
    assert_key(0, NULL);
    answers(TOKEN_FOR_ML, 200, TOKEN("t2"));
    assert_ready("t2", NULL);
}

static void an_operator_may_renew_every_5_s(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    assert_true(keeper_renew(keeper, 0));
    assert_false(keeper_renew(keeper, 0));
    answers(KEYS, 503, "");
    time_passes(SECONDS(5) - 1);
    if (is_asked(KEYS))
        answers(KEYS, 503, "");
    assert_false(keeper_renew(keeper, 0));
    time_passes(1);
    if (is_asked(KEYS))
        answers(KEYS, 503, "");
    assert_true(keeper_renew(keeper, 0)); /* whatever is waited out */
    answers(KEYS, 200, TWO_KEYS("k1", "k3"));
    assert_ready("k1", "k3");
    assert_non_null(strstr(last_logged("credential is new"), "cause=rotate"));
}

static void an_operator_may_prefer_a_key(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    keeper_prefer(keeper, 0, 1);
    assert_int_equal(now()->preferred, 1);
    unsigned count = supplied;
    keeper_prefer(keeper, 0, 1);
    assert_int_equal(supplied, count);
    keeper_prefer(keeper, 0, 0);
    assert_int_equal(now()->preferred, 0);
}

/* --- refusals --------------------------------------------------------------------------------- */

/* Whether who was refused with REVISION knows that it has been looked into. */
static bool is_answered(uint64_t revision) {
    return now()->answered >= revision;
}

static void a_refusal_has_keys_and_endpoint_looked_up(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    uint64_t revision = now()->revision;
    keeper_refused(keeper, 0, revision, 0);
    assert_true(is_asked(KEYS) && is_asked(LOOKUP));
    assert_false(is_answered(revision));
    answers(KEYS, 200, TWO_KEYS("n1", "k2"));
    assert_ready("n1", "k2");
    assert_false(is_answered(revision)); /* the lookup may still say that it wants something else */
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    assert_true(is_answered(revision));
    assert_int_equal(logged("the endpoint refused the credential"), 1);
    assert_non_null(strstr(last_logged("refused the credential"), "key=primary"));
}

static void a_refusal_is_answered_when_nothing_changes(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    uint64_t revision = now()->revision;
    keeper_refused(keeper, 0, revision, 0);
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_true(is_answered(revision));
    assert_true(now()->revision > revision);
    assert_ready("k1", "k2");
    /* Within 30 s nothing is fetched, and still it is answered. */
    revision = now()->revision;
    keeper_refused(keeper, 0, revision, 0);
    assert_int_equal(calls_open, 0);
    assert_true(is_answered(revision));
    assert_int_equal(logged("the endpoint refused the credential"), 1);
    time_passes(SECONDS(30));
    assert_true(is_asked(KEYS) && is_asked(LOOKUP)); /* which was put off */
    answers(KEYS, 503, "");
    answers(LOOKUP, 503, "");
}

static void a_refusal_is_answered_when_looking_fails(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    uint64_t revision = now()->revision;
    keeper_refused(keeper, 0, revision, 1);
    answers(KEYS, 503, "");
    answers(LOOKUP, 401, "");
    assert_false(is_answered(revision)); /* it waits for a new bearer */
    answers(TOKEN_FOR_ARM, 503, "");
    answers(LOOKUP, 401, "");
    assert_true(is_answered(revision));
    assert_ready("k1", "k2");
}

static void a_refusal_of_what_is_being_renewed_waits_for_it(void **state) {
    (void)state;
    begin(APP ROUTE(SCORING "identity = \"app\"; " AUTH("\"entra\";")));
    answers(TOKEN_FOR_ML, 200, TOKEN("t1"));
    time_passes(SECONDS(3300));
    uint64_t revision = now()->revision;
    keeper_refused(keeper, 0, revision, 0);
    assert_false(is_answered(revision));
    answers(TOKEN_FOR_ML, 200, TOKEN("t2"));
    assert_true(is_answered(revision));
    assert_ready("t2", NULL);
    assert_int_equal(calls_open, 0);
    assert_non_null(strstr(last_logged("refused the credential"), "key=token"));
}

static void a_refusal_of_a_fixed_key_is_answered_at_once(void **state) {
    (void)state;
    begin(ROUTE(SCORING AUTH("\"key\"; primary = \"k1\";")));
    for (int i = 0; i < 3; i++) {
        uint64_t revision = now()->revision;
        keeper_refused(keeper, 0, revision, 0);
        assert_true(is_answered(revision));
        assert_ready("k1", NULL);
        time_passes(SECONDS(20));
    }
    assert_int_equal(logged("the endpoint refused the credential"), 1);
    assert_non_null(strstr(last_logged("refused the credential"), "key=primary"));
    assert_int_equal(logged("credential is new"), 0); /* what stands in the configuration */
}

/* A worker was slow to tell: the key is another one by now. */
static void a_refusal_of_an_old_key_fetches_nothing(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    uint64_t old = now()->revision;
    assert_true(keeper_renew(keeper, 0));
    answers(KEYS, 200, TWO_KEYS("n1", "k2"));
    keeper_refused(keeper, 0, old, 0);
    assert_int_equal(calls_open, 0);
    assert_true(is_answered(old));
    assert_int_equal(logged("the endpoint refused the credential"), 0);
    /* The other key is still the one of then. */
    keeper_refused(keeper, 0, old, 1);
    assert_true(is_asked(KEYS));
    answers(KEYS, 200, TWO_KEYS("n1", "n2"));
    answers(LOOKUP, 200, DESCRIPTION(URI, "Key"));
    assert_non_null(strstr(last_logged("refused the credential"), "key=secondary"));
}

/* What has been answered stays answered: who waits for it was told, and tells nobody again. */
static void answers_are_not_taken_back(void **state) {
    (void)state;
    begin(ROUTE(SCORING AUTH("\"key\"; primary = \"k1\";")));
    uint64_t first = now()->revision;
    keeper_refused(keeper, 0, first, 0);
    uint64_t second = now()->revision;
    assert_true(second > first);
    keeper_refused(keeper, 0, second, 0);
    assert_true(is_answered(second));
    keeper_refused(keeper, 0, first, 0);
    assert_true(is_answered(second));
}

static void a_refusal_of_what_never_was_is_ignored(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    unsigned count = supplied;
    keeper_refused(keeper, 0, now()->revision + 1, 0);
    keeper_refused(keeper, 0, now()->revision, 2);
    keeper_accepted(keeper, 0, now()->revision + 1, 1);
    keeper_accepted(keeper, 0, now()->revision, 2);
    assert_int_equal(calls_open, 0);
    assert_int_equal(supplied, count);
}

static void the_key_that_works_is_remembered(void **state) {
    (void)state;
    begin_with_keys(ENDPOINT());
    uint64_t revision = now()->revision;
    keeper_accepted(keeper, 0, revision, 1);
    assert_int_equal(now()->preferred, 1);
    assert_int_equal(logged("the other key is in use now"), 1);
    keeper_accepted(keeper, 0, revision, 1);
    assert_int_equal(logged("the other key is in use now"), 1);
    /* Of a key that has changed since, nothing is known. */
    assert_true(keeper_renew(keeper, 0));
    answers(KEYS, 200, TWO_KEYS("n1", "k2"));
    keeper_accepted(keeper, 0, revision, 0);
    assert_int_equal(now()->preferred, 1);
}

/* --- which identities are one ----------------------------------------------------------------- */

static void identities_differ_by_every_field(void **state) {
    (void)state;
    char t[] = "t", base_name[] = "base", other_name[] = "other";
    struct config_identity base = {.name = base_name, .type = IDENTITY_MANAGED};
    struct config_identity other[] = {
        {.tenant = t},
        {.client_id = t},
        {.object_id = t},
        {.resource_id = t},
        {.secret = {.kind = SECRET_FILE, .source = t}},
        {.secret = {.kind = SECRET_CREDENTIAL, .source = t}},
        {.secret = {.kind = SECRET_KEY_VAULT, .source = t}},
        {.secret = {.kind = SECRET_KEY_VAULT, .source = t, .name = t}},
        {.secret = {.kind = SECRET_KEY_VAULT, .source = t, .version = t}},
        {.secret = {.kind = SECRET_KEY_VAULT, .source = t, .identity_name = t}},
        {.secret = {.kind = SECRET_INLINE, .value = secret_new(TEXT("t"))}},
        {.secret = {.kind = SECRET_INLINE, .value = secret_new(TEXT("u"))}},
        {.certificate = t},
        {.certificate_key = t},
        {.token_file = t},
        {.identity_binding = true},
        {.type = IDENTITY_WORKLOAD},
        {.type = IDENTITY_CERTIFICATE},
    };
    struct source *made[ARRAY_LEN(other)];
    struct sources all = {.loop = &loop, .config = &(struct config){0}};
    sources_init(&all);
    struct source *first = source_of_identity(&all, &base, "https://r");
    assert_non_null(first);
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        other[i].name = other_name;
        made[i] = source_of_identity(&all, &other[i], "https://r");
        assert_non_null(made[i]);
        assert_ptr_not_equal(made[i], first);
        for (size_t k = 0; k < i; k++)
            if (made[k] == made[i])
                fail_msg("%zu and %zu are one", k, i);
    }
    /* The name is none of them, the resource is one. */
    struct config_identity twin = {.name = other_name, .type = IDENTITY_MANAGED};
    assert_ptr_equal(source_of_identity(&all, &twin, "https://r"), first);
    struct source *further = source_of_identity(&all, &base, "https://r2");
    assert_ptr_not_equal(further, first);
    assert_string_equal(first->name, "identity:base");
    assert_string_equal(further->name, "identity:base@r2");
    sources_done(&all);
    for (size_t i = 0; i < ARRAY_LEN(other); i++)
        secret_unref(&other[i].secret.value);
}

/* --- for commands ----------------------------------------------------------------------------- */

/* One that is there and good is not fetched again. */
static void a_command_gets_a_token_that_is_there(void **state) {
    (void)state;
    struct azure_error error;
    begin(ENDPOINT());
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    is_unreachable(LOOKUP);
    unsigned begun = calls_begun;
    struct secret *token =
        keeper_token_now(keeper, &config->identities[0], "https://management.azure.com", &error);
    assert_non_null(token);
    assert_int_equal(calls_begun, begun);
    secret_unref(&token);
}

int main(void) {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_route_without_a_credential_is_ready_at_once),
        T(keys_that_stand_there_are_ready_without_a_turn),
        T(backends_have_their_number_in_names),
        T(a_key_of_a_file_is_followed),
        T(a_file_that_is_good_again_is_good),
        T(one_key_of_two_is_enough),
        T(keys_that_will_not_come_are_told),
        T(a_vault_secret_is_shared),
        T(no_route_gets_the_key_of_another),
        T(an_entra_token_is_asked_for_with_the_whole_scope),
        T(everything_is_found_by_name),
        T(an_endpoint_that_is_not_there_is_told),
        T(an_identity_that_is_refused_is_told),
        T(a_missing_secret_of_the_identity_is_told_as_that),
        T(a_service_that_is_down_is_waited_for),
        T(what_the_endpoint_wants_is_followed),
        T(an_endpoint_that_moves_is_followed),
        T(an_endpoint_with_http_is_not_used),
        T(http_may_be_allowed),
        T(two_routes_to_one_endpoint_ask_once),
        T(a_web_service_is_found_through_its_workspace),
        T(a_token_ends_in_the_supply_too),
        T(an_operator_may_renew_every_5_s),
        T(an_operator_may_prefer_a_key),
        T(a_refusal_has_keys_and_endpoint_looked_up),
        T(a_refusal_is_answered_when_nothing_changes),
        T(a_refusal_is_answered_when_looking_fails),
        T(a_refusal_of_what_is_being_renewed_waits_for_it),
        T(a_refusal_of_a_fixed_key_is_answered_at_once),
        T(a_refusal_of_an_old_key_fetches_nothing),
        T(answers_are_not_taken_back),
        T(a_refusal_of_what_never_was_is_ignored),
        T(the_key_that_works_is_remembered),
        T(identities_differ_by_every_field),
        T(a_command_gets_a_token_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
