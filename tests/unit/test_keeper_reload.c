/* SPDX-License-Identifier: MIT */
/* A keeper under one configuration after the other: what goes on, what begins, what is forgotten;
 * with real sources, answers that are given here, and a clock that is moved by hand. */
#include "daemon/keeper_backend.h"

#include "../scratch.h"
#include "config/load.h"
#include "fake_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these first. */
#include <cmocka.h>

#define SECONDS(n) ((n)*USEC_PER_SEC)

/* --- configurations --------------------------------------------------------------------------- */

#define APP_WITH(secret)                                                                           \
    "identities = { app = { type = \"client-secret\"; tenant = \"t\"; client_id = \"c\"; secret "  \
    "= " secret "; }; };\n"
#define APP          APP_WITH("\"s3cret\"")
#define ROUTES(list) "routes = ( " list " );\n"
#define NAMES(name)                                                                                \
    "{ subscription = \"s\"; resource_group = \"g\"; workspace = \"w\"; name = \"" name "\"; }"
#define NAMED(path, name)                                                                          \
    "{ path = \"" path                                                                             \
    "\"; identity = \"app\"; max_concurrent = 8; online_endpoint = " NAMES(name) "; }"
#define WRITTEN(path, auth)                                                                        \
    "{ path = \"" path "\"; scoring_uri = \"https://h/score\"; auth = { type = " auth " }; }"
#define KEY(key)       "\"key\"; primary = \"" key "\";"
#define PAIR(one, two) "\"key\"; primary = \"" one "\"; secondary = \"" two "\";"
#define FILE_KEY       "\"key\"; primary = { file = \"%s\"; };"
#define ENTRA(path)                                                                                \
    "{ path = \"" path "\"; scoring_uri = \"https://h/score\"; identity = \"app\"; auth = { type " \
    "= \"entra\"; }; }"

#define TOKEN_FOR_ARM "scope=https%3A%2F%2Fmanagement"
#define TOKEN_FOR_ML  "scope=https%3A%2F%2Fml.azure.com"
#define LOOKUP        "onlineEndpoints/n?"
#define KEYS          "onlineEndpoints/n/listKeys"

#define TOKEN(value)                                                                               \
    "{\"token_type\": \"Bearer\", \"access_token\": \"" value "\", \"expires_in\": 3600}"
#define DESCRIPTION                                                                                \
    "{\"name\": \"n\", \"properties\": {\"scoringUri\": \"https://n.example/score\", "             \
    "\"authMode\": \"Key\", \"provisioningState\": \"Succeeded\"}}"
#define TWO_KEYS(a, b) "{\"primaryKey\": \"" a "\", \"secondaryKey\": \"" b "\"}"

static struct config *config; /* the present one */
static struct keeper *keeper;
static unsigned supplied;

static void on_supply(void *context, unsigned backend, struct supply *supply) {
    (void)context;
    assert_ptr_equal(supply, keeper_supply(keeper, backend));
    supplied++;
}

static struct config *load(const char *text) {
    struct config_errors errors;
    const struct config_load_options options = {0};
    config_errors_init(&errors);
    struct config *loaded = config_load(scratch_path("conf"), text, &options, &errors);
    if (!loaded)
        fail_msg("%s\n%s", buf_text(&errors.text).at, text);
    config_errors_done(&errors);
    return loaded;
}

static void begin(const char *text) {
    struct buf why;
    buf_init(&why, 1024);
    config = load(text);
    struct keeper_options options = {.config = config};
    keeper = keeper_new(&loop, &options, &why);
    assert_non_null(keeper);
    buf_done(&why);
    assert_true(keeper_start(keeper));
    keeper->options.supplied = on_supply;
}

/* The keeper holds on to nothing of the configuration before. */
static void reload(const char *text) {
    struct config *next = load(text);
    struct buf why;
    buf_init(&why, 1024);
    if (!keeper_reload(keeper, next, &why))
        fail_msg("%s", why.at);
    buf_done(&why);
    assert_int_equal(config->references, 1);
    config_unref(&config);
    config = next;
    turn();
}

static const struct supply *supply(unsigned backend) {
    return keeper_supply(keeper, backend);
}

static bool holds(unsigned backend, unsigned key, const char *value) {
    const struct secret *secret = supply(backend)->keys[key];
    return secret && text_equal(secret_expose(secret), text_of(value));
}

static struct credential_status credential(const char *name) {
    struct credential_status found = {0};
    for (size_t i = 0; i < keeper_count(keeper); i++) {
        keeper_status(keeper, i, &found);
        if (strcmp(found.name, name) == 0)
            return found;
    }
    fail_msg("there is no credential %s", name);
    return found;
}

/* A named endpoint; an identity with its secret, where it is, its keys: four credentials. */
static void begin_named(const char *text) {
    begin(text);
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    answers(LOOKUP, 200, DESCRIPTION);
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_int_equal(supply(0)->state, SUPPLY_READY);
}

static int set_up(void **state) {
    supplied = 0;
    keeper = NULL;
    config = NULL;
    fetchers_fail = false;
    return scratch_make(state) != 0 ? -1 : fake_set_up(state);
}

static int tear_down(void **state) {
    keeper_free(&keeper);
    config_unref(&config);
    return fake_tear_down(state) | scratch_remove(state);
}

/* --- what goes on -------------------------------------------------------------------------------
 */

static void the_same_again_changes_nothing(void **state) {
    (void)state;
    begin_named(APP ROUTES(NAMED("/a", "n") "," WRITTEN("/b", KEY("k"))));
    struct supply *before[] = {keeper_supply(keeper, 0), keeper_supply(keeper, 1)};
    unsigned calls = calls_begun, handed_out = supplied;
    for (int i = 0; i < 3; i++)
        reload(APP ROUTES(NAMED("/a", "n") "," WRITTEN("/b", KEY("k"))));
    assert_int_equal(calls_begun, calls);
    assert_int_equal(calls_cancelled, 0);
    assert_int_equal(supplied, handed_out);
    assert_ptr_equal(supply(0), before[0]);
    assert_ptr_equal(supply(1), before[1]);
    assert_int_equal(credential("identity:app").refreshed, 1);
    assert_int_equal(credential("route:/a:endpoint").refreshed, 1);
}

static void renewal_keeps_its_time(void **state) {
    (void)state;
    begin(APP ROUTES(ENTRA("/a")));
    answers(TOKEN_FOR_ML, 200, TOKEN("t1"));
    usec_t due = credential("identity:app").refresh;
    reload(APP ROUTES(ENTRA("/a")));
    assert_true(credential("identity:app").refresh == due);
    time_passes(due - loop.now - SECONDS(1));
    assert_false(is_asked(TOKEN_FOR_ML));
    time_passes(SECONDS(1));
    answers(TOKEN_FOR_ML, 200, TOKEN("t2"));
    assert_true(holds(0, 0, "t2"));
    assert_int_equal(credential("identity:app").refreshed, 2);
}

static void a_call_in_progress_goes_on(void **state) {
    (void)state;
    begin(APP ROUTES(NAMED("/a", "n")));
    reload(APP ROUTES(WRITTEN("/b", KEY("k")) "," NAMED("/a", "n")));
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm"));
    reload(APP ROUTES(NAMED("/a", "n") "," WRITTEN("/b", KEY("k"))));
    answers(LOOKUP, 200, DESCRIPTION);
    answers(KEYS, 200, TWO_KEYS("k1", "k2"));
    assert_int_equal(calls_begun, 3);
    assert_int_equal(calls_cancelled, 0);
    assert_true(holds(0, 0, "k1") && holds(0, 1, "k2"));
}

static void a_route_that_moves_is_the_same(void **state) {
    (void)state;
    begin(ROUTES(WRITTEN("/a", KEY("ka")) "," WRITTEN("/b", KEY("kb"))));
    struct supply *a = keeper_supply(keeper, 0), *b = keeper_supply(keeper, 1);
    reload(
        ROUTES(WRITTEN("/b", KEY("kb")) "," WRITTEN("/c", KEY("kc")) "," WRITTEN("/a", KEY("ka"))));
    assert_ptr_equal(supply(2), a);
    assert_ptr_equal(supply(0), b);
    assert_int_equal(keeper_successor(keeper, 0), 2);
    assert_int_equal(keeper_successor(keeper, 1), 0);
    assert_int_equal(keeper_successor(keeper, 2), KEEPER_NO_BACKEND);
    assert_true(supply(1)->revision >= 1 && holds(1, 0, "kc"));
}

static void what_was_learnt_of_keys_is_kept(void **state) {
    (void)state;
    begin(ROUTES(WRITTEN("/a", PAIR("k1", "k2"))));
    keeper_refused(keeper, 0, supply(0)->revision, 0);
    keeper_accepted(keeper, 0, supply(0)->revision, 1);
    assert_int_equal(supply(0)->preferred, 1);
    uint64_t revision = supply(0)->revision, answered = supply(0)->answered;
    assert_true(answered > 0);
    reload(ROUTES(WRITTEN("/a", PAIR("k1", "k2"))));
    assert_int_equal(supply(0)->preferred, 1);
    assert_true(supply(0)->revision == revision && supply(0)->answered == answered);
    /* Word of it that was on its way, and would be logged again if nobody knew of it. */
    assert_int_equal(logged("the endpoint refused the credential"), 1);
    keeper_refused(keeper, 0, revision, 0);
    assert_int_equal(logged("the endpoint refused the credential"), 1);
}

static void a_file_is_still_followed(void **state) {
    (void)state;
    char text[512];
    (void)snprintf(text, sizeof text, ROUTES(WRITTEN("/a", FILE_KEY)),
                   scratch_write("key", "k1\n", 0600));
    begin(text);
    reload(text);
    scratch_write("key", "k2\n", 0600);
    turn();
    assert_true(holds(0, 0, "k2"));
    assert_int_equal(credential("route:/a:primary").refreshed, 2);
}

/* --- what changes -------------------------------------------------------------------------------
 */

static void another_key_is_another_supply(void **state) {
    (void)state;
    begin(ROUTES(WRITTEN("/a", KEY("k1"))));
    uint64_t revision = supply(0)->revision;
    struct endpoint *endpoint = supply(0)->endpoint;
    reload(ROUTES(WRITTEN("/a", KEY("k2"))));
    assert_true(holds(0, 0, "k2"));
    assert_true(supply(0)->revision == revision + 1);
    assert_ptr_equal(supply(0)->endpoint, endpoint); /* with its warm connections */
    assert_int_equal(keeper_count(keeper), 1);
}

static void another_file_is_read_at_once(void **state) {
    (void)state;
    char one[512], two[512];
    (void)snprintf(one, sizeof one, ROUTES(WRITTEN("/a", FILE_KEY)),
                   scratch_write("one", "k1\n", 0600));
    (void)snprintf(two, sizeof two, ROUTES(WRITTEN("/a", FILE_KEY)),
                   scratch_write("two", "k2\n", 0600));
    begin(one);
    reload(two);
    assert_true(holds(0, 0, "k2"));
    scratch_write("one", "k3\n", 0600);
    turn();
    assert_true(holds(0, 0, "k2"));
    scratch_write("two", "k4\n", 0600);
    turn();
    assert_true(holds(0, 0, "k4"));
}

static void what_nobody_uses_is_freed(void **state) {
    (void)state;
    begin_named(APP ROUTES(NAMED("/a", "n") "," WRITTEN("/b", KEY("k"))));
    struct secret *key = secret_ref(supply(1)->keys[0]);
    reload(APP ROUTES(NAMED("/a", "n")));
    assert_int_equal(keeper_count(keeper), 4);
    assert_int_equal(keeper_successor(keeper, 1), KEEPER_NO_BACKEND);
    secret_unref(&key);
    reload(ROUTES(WRITTEN("/b", KEY("k"))));
    assert_int_equal(keeper_count(keeper), 1);
    time_passes(SECONDS(24 * 3600));
    assert_int_equal(calls_begun, 3); /* nothing is renewed for nobody */
}

static void a_call_for_nobody_is_given_up(void **state) {
    (void)state;
    begin(APP ROUTES(ENTRA("/a")));
    assert_true(is_asked(TOKEN_FOR_ML));
    reload(ROUTES(WRITTEN("/a", KEY("k"))));
    assert_false(is_asked(TOKEN_FOR_ML));
    assert_int_equal(calls_cancelled, 1);
    assert_true(holds(0, 0, "k"));
}

static void another_uri_is_another_backend(void **state) {
    (void)state;
    begin(ROUTES(WRITTEN("/a", PAIR("k1", "k2"))));
    keeper_prefer(keeper, 0, 1);
    reload(ROUTES("{ path = \"/a\"; scoring_uri = \"https://other/score\"; auth = { type = " PAIR(
        "k1", "k2") " }; }"));
    assert_string_equal(supply(0)->endpoint->scoring.host, "other");
    assert_int_equal(supply(0)->preferred, 0);
    assert_int_equal(keeper_successor(keeper, 0), KEEPER_NO_BACKEND);
}

/* The token of the identity that is no more goes; what was fetched with it stays until it is
 * fetched again. */
static void another_secret_of_the_identity(void **state) {
    (void)state;
    begin_named(APP ROUTES(NAMED("/a", "n")));
    struct endpoint *endpoint = supply(0)->endpoint;
    uint64_t revision = supply(0)->revision;
    reload(APP_WITH("\"an0ther\"") ROUTES(NAMED("/a", "n")));
    assert_non_null(strstr(asked(TOKEN_FOR_ARM), "client_secret=an0ther"));
    assert_int_equal(supply(0)->state, SUPPLY_READY);
    assert_true(holds(0, 0, "k1") && supply(0)->revision == revision);
    answers(TOKEN_FOR_ARM, 200, TOKEN("arm2"));
    assert_non_null(strstr(asked(LOOKUP), "Bearer arm2"));
    answers(LOOKUP, 200, DESCRIPTION);
    answers(KEYS, 200, TWO_KEYS("k3", "k2"));
    assert_ptr_equal(supply(0)->endpoint, endpoint);
    assert_true(holds(0, 0, "k3") && supply(0)->revision == revision + 1);
    assert_int_equal(credential("route:/a:endpoint").refreshed, 2);
}

static void an_identity_by_another_name(void **state) {
    (void)state;
    begin(APP ROUTES(ENTRA("/a")));
    answers(TOKEN_FOR_ML, 200, TOKEN("t1"));
    reload("identities = { same = { type = \"client-secret\"; tenant = \"t\"; client_id = \"c\"; "
           "secret = \"s3cret\"; }; };\n" ROUTES(
               "{ path = \"/a\"; scoring_uri = \"https://h/score\"; identity = \"same\"; auth = { "
               "type = \"entra\"; }; }"));
    assert_true(holds(0, 0, "t1")); /* which is used although it is fetched again */
    answers(TOKEN_FOR_ML, 200, TOKEN("t2"));
    assert_true(holds(0, 0, "t2"));
    assert_int_equal(credential("identity:same").refreshed, 2);
}

/* --- the control plane --------------------------------------------------------------------------
 */

static void another_authority_is_asked_while_the_token_is_used(void **state) {
    (void)state;
    begin(APP ROUTES(ENTRA("/a")));
    answers(TOKEN_FOR_ML, 200, TOKEN("t1"));
    reload(APP "azure = { authority = \"https://login.example\"; };\n" ROUTES(ENTRA("/a")));
    assert_non_null(strstr(asked(TOKEN_FOR_ML), "https://login.example/"));
    assert_true(holds(0, 0, "t1"));
    answers(TOKEN_FOR_ML, 200, TOKEN("t2"));
    assert_true(holds(0, 0, "t2"));
}

static void a_call_by_the_old_way_is_made_again(void **state) {
    (void)state;
    begin(APP ROUTES(ENTRA("/a")));
    assert_true(is_asked(TOKEN_FOR_ML));
    reload(APP "proxy = \"http://proxy.example:3128\";\n" ROUTES(ENTRA("/a")));
    assert_int_equal(calls_cancelled, 1);
    answers(TOKEN_FOR_ML, 200, TOKEN("t1"));
    assert_true(holds(0, 0, "t1"));
}

/* --- failure ------------------------------------------------------------------------------------
 */

static void what_cannot_be_kept_changes_nothing(void **state) {
    (void)state;
    begin_named(APP ROUTES(NAMED("/a", "n")));
    struct supply *before = keeper_supply(keeper, 0);
    struct config *next =
        load(APP "proxy = \"http://proxy.example:3128\";\n" ROUTES(ENTRA("/b") "," ENTRA("/c")));
    struct buf why;
    buf_init(&why, 1024);
    fetchers_fail = true;
    assert_false(keeper_reload(keeper, next, &why));
    assert_string_equal(why.at, "no fetcher");
    buf_done(&why);
    assert_int_equal(next->references, 1);
    config_unref(&next);
    assert_ptr_equal(supply(0), before);
    assert_int_equal(keeper_count(keeper), 4);
    time_passes(SECONDS(300));
    answers(LOOKUP, 200, DESCRIPTION); /* it is followed as before */
    assert_int_equal(credential("route:/a:endpoint").refreshed, 2);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(the_same_again_changes_nothing),
        T(renewal_keeps_its_time),
        T(a_call_in_progress_goes_on),
        T(a_route_that_moves_is_the_same),
        T(what_was_learnt_of_keys_is_kept),
        T(a_file_is_still_followed),
        T(another_key_is_another_supply),
        T(another_file_is_read_at_once),
        T(what_nobody_uses_is_freed),
        T(a_call_for_nobody_is_given_up),
        T(another_uri_is_another_backend),
        T(another_secret_of_the_identity),
        T(an_identity_by_another_name),
        T(another_authority_is_asked_while_the_token_is_used),
        T(a_call_by_the_old_way_is_made_again),
        T(what_cannot_be_kept_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
