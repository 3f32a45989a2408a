/* SPDX-License-Identifier: MIT */
/* What an endpoint says of itself, as a caller of the gateway reads it. Documents are written with
 * ' for ", so that they can be read here, too. */
#include "policy/openapi.h"

#include "policy/forward.h"

#include "base/json_grammar.h"
#include "base/json_text.h"
#include "policy/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define ROOM (1024 * 1024)

#define V2   "'swagger':'2.0'"
#define V30  "'openapi':'3.0.3'"
#define V31  "'openapi':'3.1.0'"
#define BASE "'basePath':'/api/v1/service/s'"
/* With a path that fits, and the same as the caller reads it. */
#define DOC2       V2 "," BASE ",'paths':{'/score':{'post':{}}}"
#define LOCAL2     V2 ",'paths':{'/churn':{'post':{}}}"
#define SERVERS    "'servers':[{'url':'https://east.example/api/v1/service/s'}]"
#define DOC3       V30 "," SERVERS ",'paths':{'/score':{'post':{}}}"
#define LOCAL3     V30 ",'paths':{'/churn':{'post':{}}}"
#define BEARER     "'Bearer':{'type':'apiKey','name':'Authorization','in':'header'}"
#define QUERY_KEY  "'Code':{'type':'apiKey','name':'code','in':'query'}"
#define HEADER_KEY "'Tenant':{'type':'apiKey','name':'X-Tenant','in':'header'}"

/* The gateway writes the field that WHOSE names, besides what passes nowhere. */
static bool passes(const void *whose, struct text field) {
    struct field_line line = {.name = field, .id = field_lookup(field)};
    struct head alone = {.fields = &line, .field_count = 1};
    return forward_up(&line, &alone) && !(whose && text_equal_nocase(field, text_of(whose)));
}

static const struct openapi_view usual = {
    .host = {"localhost:8080", 14},
    .route = {"/churn", 6},
    .scoring = {"/api/v1/service/s/score", 23},
    .swagger = {"/api/v1/service/s/swagger.json", 30},
    .methods = METHOD_GET | METHOD_POST,
    .passes = passes,
};
static struct openapi_view view;
static struct buf written;

static int as_usual(void **state) {
    (void)state;
    view = usual;
    buf_init(&written, ROOM);
    return 0;
}

static int done(void **state) {
    (void)state;
    buf_done(&written);
    return 0;
}

static void swap(char *text, char from, char to) {
    for (; (text = strchr(text, from)); text++)
        *text = to;
}

/* Rewrites the text, of which no byte behind its end may be looked at. NULL, with nothing written,
 * if it is not understood; else valid JSON, until the next call. */
static const char *rewritten_text(struct text text) {
    char *copy = malloc(text.len ? text.len : 1);
    assert_non_null(copy);
    if (text.len)
        memcpy(copy, text.at, text.len);
    buf_clear(&written);
    bool understood = openapi_rewrite((struct text){copy, text.len}, &view, &written);
    free(copy);
    assert_true(buf_ok(&written));
    if (!understood) {
        assert_int_equal(written.len, 0);
        return NULL;
    }
    if (!json_is_valid(buf_text(&written), 100))
        fail_msg("no JSON: %s", written.at);
    return written.at;
}

/* The same, with ' for " on both sides. */
static const char *rewritten(const char *document) {
    char *copy = strdup(document);
    assert_non_null(copy);
    swap(copy, '\'', '"');
    const char *to = rewritten_text(text_of(copy));
    free(copy);
    if (to)
        swap(written.at, '"', '\'');
    return to;
}

static void says(const char *document, const char *wanted) {
    const char *to = rewritten(document);
    if (!to || strcmp(to, wanted) != 0)
        fail_msg("%s\n  became %s\n  and not %s", document, to ? to : "nothing", wanted);
}

/* A document of MEMBERS has the members WANTED, and behind them where the gateway is. */
static void becomes(const char *members, const char *wanted) {
    static char document[8192], whole[8192];
    bool v2 = strstr(members, "'swagger':") != NULL;
    snprintf(document, sizeof document, "{%s}", members);
    snprintf(whole, sizeof whole, "{%s,%s}", wanted,
             v2 ? "'schemes':['http'],'host':'localhost:8080'"
                : "'servers':[{'url':'http://localhost:8080'}]");
    says(document, whole);
}

static void is_refused(const char *document) {
    const char *to = rewritten(document);
    if (to)
        fail_msg("%s\n  became %s", document, to);
}

/* --- where -------------------------------------------------------------------------------------
 */

static void swagger_2(void **state) {
    (void)state;
    says("{" V2 ",'info':{'title':'t'},'host':'east.example','schemes':['https'],'basePath':"
         "'/api/v1/service/s','consumes':['application/json'],'paths':{'/score':{'post':{}}}}",
         "{" V2 ",'info':{'title':'t'},'consumes':['application/json'],'paths':{'/churn':{'post':"
         "{}}},'schemes':['http'],'host':'localhost:8080'}");
}

static void openapi_3(void **state) {
    (void)state;
    static const char *const versions[] = {"3.0.0", "3.0.3", "3.1.0", "3.2.0"};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        char document[512], wanted[512];
        snprintf(document, sizeof document,
                 "{'openapi':'%s'," SERVERS ",'paths':{'/score':{'post':{}}},'host':'a'}",
                 versions[i]);
        snprintf(wanted, sizeof wanted,
                 "{'openapi':'%s','paths':{'/churn':{'post':{}}},'host':'a',"
                 "'servers':[{'url':'http://localhost:8080'}]}",
                 versions[i]);
        says(document, wanted);
    }
}

/* Members of the other version mean nothing, and stay. */
static void each_version_has_its_own_members(void **state) {
    (void)state;
    becomes(DOC2 ",'servers':[{'url':'/x'}],'components':{'securitySchemes':{" BEARER "}}",
            LOCAL2 ",'servers':[{'url':'/x'}],'components':{'securitySchemes':{" BEARER "}}");
    becomes(DOC3 ",'basePath':'/b','schemes':[],'securityDefinitions':{" BEARER "}",
            LOCAL3 ",'basePath':'/b','schemes':[],'securityDefinitions':{" BEARER "}");
}

static void caller_without_a_host(void **state) {
    (void)state;
    view.host = (struct text){0};
    says("{" DOC2 ",'host':'east.example'}", "{" LOCAL2 ",'schemes':['http']}");
    says("{" DOC3 "}", "{" LOCAL3 ",'servers':[{'url':'/'}]}");
}

static void hosts_are_written_as_asked(void **state) {
    (void)state;
    view.host = TEXT("[::1]:8080");
    says("{" DOC2 "}", "{" LOCAL2 ",'schemes':['http'],'host':'[::1]:8080'}");
    says("{" DOC3 "}", "{" LOCAL3 ",'servers':[{'url':'http://[::1]:8080'}]}");
    view.host = TEXT("a\"b\\"); /* whatever passes for one */
    assert_string_equal(rewritten("{" DOC2 "}"),
                        "{" LOCAL2 ",'schemes':['http'],'host':'a\\'b\\\\'}");
}

static void inner_servers_go(void **state) {
    (void)state;
    becomes(V30 "," SERVERS ",'paths':{'/score':{'servers':[{'url':'https://b.example'}],'summary':"
                "'s','post':{'servers':[{'url':'https://c.example'}],'tags':[]}}}",
            V30 ",'paths':{'/churn':{'summary':'s','post':{'tags':[]}}}");
    becomes(V2 "," BASE ",'paths':{'/score':{'post':{'schemes':['https'],'tags':[]}}}",
            V2 ",'paths':{'/churn':{'post':{'tags':[]}}}");
}

/* --- paths -------------------------------------------------------------------------------------
 */

#define GET_POST "'get':{},'post':{}"

static void paths_lie_under_the_route(void **state) {
    (void)state;
    becomes(V2 "," BASE ",'paths':{'/':{'get':{}},'/score':{'post':{}},'/swagger.json':{'get':{}},"
               "'/other':{'post':{}},'/score/more':{'post':{}},'/scores':{'post':{}}}",
            V2 ",'paths':{'/churn':{'post':{}},'/churn/swagger.json':{'get':{}}}");
}

/* Whatever the base is called, the path is what counts. */
static void base_paths(void **state) {
    (void)state;
    static const char *const fitting[][2] = {
        {"/api/v1/service/s", "/score"},
        {"/api/v1/service/s/", "/score"},
        {"/api/v1/service/s//", "/score"},
        {"\\/api\\/v1\\/service\\/s", "\\/score"},
        {"/api/v1", "/service/s/score"},
        {"/", "/api/v1/service/s/score"},
        {"", "/api/v1/service/s/score"},
        /* not told, or another than the endpoint's: fitted by the ends */
        {"/", "/score"},
        {"", "/score"},
        {"/", "/s/score"},
        {"/elsewhere", "/score"},
        {"nonsense", "/\\u0073core"},
        {"/elsewhere", "/api/v1/service/s/score"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fitting); i++) {
        char members[512];
        snprintf(members, sizeof members, V2 ",'basePath':'%s','paths':{'%s':{'post':{}}}",
                 fitting[i][0], fitting[i][1]);
        becomes(members, LOCAL2);
    }
    static const char *const others[][2] = {
        {"/api/v1/service/s", "/other"},
        {"/", "/"},
        {"/", ""},
        {"/api/v1/service/s/score", ""},
        {"/api/v1/service/s/score", "/"},
        {"/", "core"},
        {"/", "score"},
        {"/", "/core"},
        {"/", "/score/"},
        {"/", "/api/v1/service/s/score/more"},
        {"/", "/Score"},
        {"/", "/v0/api/v1/service/s/score"},
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char document[512];
        snprintf(document, sizeof document, "{" V2 ",'basePath':'%s','paths':{'%s':{'post':{}}}}",
                 others[i][0], others[i][1]);
        is_refused(document);
    }
    is_refused("{" V2 ",'basePath':12,'paths':{'/other':{}}}");
    becomes(V2 ",'basePath':12,'paths':{'/score':{'post':{}}}", LOCAL2);
    becomes(V2 ",'paths':{'/score':{'post':{}}}", LOCAL2);
}

static void servers_urls(void **state) {
    (void)state;
    static const char *const urls[] = {
        "'https://east.example/api/v1/service/s'",
        "'https://east.example:8443/api/v1/service/s/'",
        "'https:\\/\\/east.example\\/api\\/v1\\/service\\/s'",
        "'/api/v1/service/s'",
        "'{scheme}://{host}/api/v1/service/s'",
        /* fitted by the ends */
        "'https://east.example'",
        "'https://east.example/'",
        "'/'",
        "''",
        "'.'",
        "'./v1'",
        "'https://east.example/{base}'",
        "12",
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        char members[512];
        snprintf(members, sizeof members,
                 V30 ",'servers':[{'url':%s}],'paths':{'/score':{'post':{}},'/x':{'get':{}}}",
                 urls[i]);
        becomes(members, LOCAL3);
    }
    static const char *const servers[] = {"[]", "{}", "null", "'x'", "[12]", "[{}]",
                                          "[{'description':'d'}]", "{'url':'/x/y'}",
                                          /* the first counts */
                                          "[{'url':'/api/v1/service/s'},{'url':'/x'}]"};
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        char members[512];
        snprintf(members, sizeof members, V30 ",'servers':%s,'paths':{'/score':{'post':{}}}",
                 servers[i]);
        becomes(members, LOCAL3);
    }
}

/* What the base says goes before what the ends would say. */
static void the_base_decides_between_two_that_fit(void **state) {
    (void)state;
    becomes(V2 "," BASE ",'paths':{'/s/score':{'get':{}},'/score':{'post':{}}}", LOCAL2);
    becomes(V2 ",'paths':{'/score':{'get':{}},'/s/score':{'post':{}}}", LOCAL2);
    becomes(V2 ",'paths':{'/s/score':{'post':{}},'/score':{'get':{}},'/s/swagger.json':{'get':{}}}",
            V2 ",'paths':{'/churn':{'post':{}},'/churn/swagger.json':{'get':{}}}");
}

static void subpaths(void **state) {
    (void)state;
    static const char document[] =
        V30 "," SERVERS ",'paths':{'/score':{'post':{}},'/score/':{'post':{}},"
            "'/score/v1/{id}':{'get':{}},'/scores':{'get':{}},'/swagger.json':{'get':{}}}";
    becomes(document, V30 ",'paths':{'/churn':{'post':{}},'/churn/swagger.json':{'get':{}}}");
    view.subpaths = true;
    becomes(document,
            V30 ",'paths':{'/churn':{'post':{}},'/churn/':{'post':{}},'/churn/v1/{id}':{'get':{}},"
                "'/churn/swagger.json':{'get':{}}}");
}

/* An endpoint of which only what lies below its URI is called. */
static void fits_by_what_lies_below(void **state) {
    (void)state;
    view.scoring = TEXT("/openai");
    view.swagger = TEXT("/swagger.json");
    is_refused("{" V30
               ",'servers':[{'url':'https://a.example/openai'}],'paths':{'/chat':{'post':{}}}}");
    view.subpaths = true;
    static const char *const scoring[] = {"/openai", "/openai/"};
    for (size_t i = 0; i < ARRAY_LEN(scoring); i++) {
        view.scoring = text_of(scoring[i]);
        becomes(V30 ",'servers':[{'url':'https://a.example/openai'}],'paths':{'/chat':{'post':{}}}",
                V30 ",'paths':{'/churn/chat':{'post':{}}}");
    }
    view.scoring = TEXT("/");
    becomes(V30 ",'paths':{'/chat':{'post':{}},'chat':{'post':{}}}",
            V30 ",'paths':{'/churn/chat':{'post':{}}}");
}

static void a_scoring_path_with_a_slash_at_its_end(void **state) {
    (void)state;
    view.scoring = TEXT("/api/score/");
    view.swagger = TEXT("/api/swagger.json");
    becomes(V2 ",'basePath':'/api','paths':{'/score/':{'post':{}}}", LOCAL2);
    becomes(V2 ",'paths':{'/score/':{'post':{}},'/swagger.json':{'get':{}}}",
            V2 ",'paths':{'/churn':{'post':{}},'/churn/swagger.json':{'get':{}}}");
    is_refused("{" V2 ",'basePath':'/api','paths':{'/score':{'post':{}}}}");
}

static void names_that_need_escapes(void **state) {
    (void)state;
    view.route = TEXT("/a\"b");
    says("{" DOC2 "}", "{" V2 ",'paths':{'/a\\'b':{'post':{}}},'schemes':['http'],"
                       "'host':'localhost:8080'}");
    view = usual;
    view.subpaths = true;
    becomes(V2 "," BASE ",'paths':{'\\/score\\/\\u00e4\\\\\\\"\\/':{'post':{}}}",
            V2 ",'paths':{'/churn/\xc3\xa4\\\\\\'/':{'post':{}}}");
}

/* A name that says nothing, or too much, is the name of no path. */
static void names_that_are_none(void **state) {
    (void)state;
    static char members[40000], path[10001];
    view.subpaths = true;
    view.scoring = TEXT("/api");
    memset(path, 'x', sizeof path - 1);
    snprintf(members, sizeof members,
             V2 ",'basePath':'/api','paths':{'':{'get':{}},'\\ud83d':{'get':{}},'/%s':{'get':{}},"
                "'/a':{'post':{}}}",
             path);
    char *document = malloc(sizeof members + 2);
    snprintf(document, sizeof members + 2, "{%s}", members);
    says(document, "{" V2 ",'paths':{'/churn/a':{'post':{}}},'schemes':['http'],"
                   "'host':'localhost:8080'}");
    free(document);
}

static void extensions_stay(void **state) {
    (void)state;
    becomes(V2 "," BASE ",'x-a':[1],'paths':{'x-b':{'get':1},'/score':{'x-c':'d','post':{'x-e':"
               "{'security':[]}}},'X-d':{'post':{}}}",
            V2 ",'x-a':[1],'paths':{'x-b':{'get':1},'/churn':{'x-c':'d','post':{'x-e':{'security':"
               "[]}}}}");
    is_refused("{" V2 ",'paths':{'x-b':{'get':1}}}");
}

/* --- methods -----------------------------------------------------------------------------------
 */

#define ALL_METHODS                                                                                \
    "'get':{'a':1},'head':{'a':2},'post':{'a':3},'put':{'a':4},'patch':{'a':5},'delete':{'a':6},"  \
    "'options':{'a':7},'trace':{'a':8}"

static void methods_that_are_not_served_go(void **state) {
    (void)state;
    static const struct {
        unsigned methods;
        const char *left;
    } cases[] = {
        {METHOD_GET | METHOD_POST, "'get':{'a':1},'head':{'a':2},'post':{'a':3}"},
        {METHOD_POST, "'post':{'a':3}"},
        {METHOD_HEAD, "'head':{'a':2}"},
        {METHOD_PUT | METHOD_PATCH | METHOD_DELETE,
         "'put':{'a':4},'patch':{'a':5},'delete':{'a':6}"},
        {METHOD_OPTIONS, "'options':{'a':7}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char wanted[512];
        view.methods = cases[i].methods;
        snprintf(wanted, sizeof wanted, V2 ",'paths':{'/churn':{'parameters':[],%s}}",
                 cases[i].left);
        becomes(V2 "," BASE ",'paths':{'/score':{'parameters':[]," ALL_METHODS "}}", wanted);
    }
}

/* Whatever the route serves. */
static void the_document_is_for_reading(void **state) {
    (void)state;
    view.methods = METHOD_POST;
    becomes(V2 "," BASE ",'paths':{'/swagger.json':{" ALL_METHODS "},'/score':{'post':{}}}", V2
            ",'paths':{'/churn/swagger.json':{'get':{'a':1},'head':{'a':2}},'/churn':{'post':{}}}");
    /* Though it lies below the scoring path. */
    view.subpaths = true;
    view.scoring = TEXT("/");
    view.swagger = TEXT("/swagger.json");
    becomes(V2 ",'paths':{'/swagger.json':{'get':{}},'/a':{'get':{},'post':{}}}",
            V2 ",'paths':{'/churn/swagger.json':{'get':{}},'/churn/a':{'post':{}}}");
}

static void a_path_without_methods_that_are_served_goes(void **state) {
    (void)state;
    view.subpaths = true;
    becomes(V2 "," BASE ",'paths':{'/score/a':{'put':{}},'/score':{'post':{}},'/score/b':{'put':{},"
               "'parameters':[]},'/score/c':{'get':{}},'/score/d':{'delete':{}}}",
            V2 ",'paths':{'/churn':{'post':{}},'/churn/c':{'get':{}}}");
    /* It has none anyway: they are elsewhere. */
    becomes(V31 "," SERVERS ",'paths':{'/score':{'$ref':'#/components/pathItems/score'}}",
            V31 ",'paths':{'/churn':{'$ref':'#/components/pathItems/score'}}");
    becomes(V2 "," BASE ",'paths':{'/score':{}}", V2 ",'paths':{'/churn':{}}");
    becomes(V2 "," BASE ",'paths':{'/score':{'put':{}}}", V2 ",'paths':{}");
}

static void methods_are_small_letters(void **state) {
    (void)state;
    becomes(V2 "," BASE ",'paths':{'/score':{'PUT':{},'post':{},'query':{}}}",
            V2 ",'paths':{'/churn':{'PUT':{},'post':{},'query':{}}}");
}

/* --- security ----------------------------------------------------------------------------------
 */

/* Whether a scheme of 2.0, or of 3.0, is left to the caller. */
static bool stays(bool v2, const char *scheme) {
    char document[1024], kept[256];
    snprintf(document, sizeof document,
             v2 ? "{" DOC2 ",'securityDefinitions':{'S':%s}}"
                : "{" DOC3 ",'components':{'securitySchemes':{'S':%s}}}",
             scheme);
    snprintf(kept, sizeof kept, ":{'S':%s}", scheme);
    const char *to = rewritten(document);
    assert_non_null(to);
    bool found = strstr(to, kept) != NULL;
    if (!found)
        assert_non_null(strstr(to, v2 ? "'securityDefinitions':{}" : "'securitySchemes':{}"));
    return found;
}

static void schemes_that_the_gateway_sees_to_go(void **state) {
    (void)state;
    static const char *const gone[] = {
        "{'type':'basic'}",
        "{'type':'http','scheme':'bearer'}",
        "{'type':'http','scheme':'basic'}",
        "{'type':'oauth2','flow':'accessCode'}",
        "{'type':'oauth2','flows':{'implicit':{}}}",
        "{'type':'openIdConnect','openIdConnectUrl':'https://a.example'}",
        "{'type':'mutualTLS'}",
        "{'type':'apiKey','in':'cookie','name':'session'}",
        "{'type':'apiKey','in':'header','name':'Authorization'}",
        "{'type':'apiKey','in':'header','name':'AUTHORIZATION'}",
        "{'in':'header','name':'api-key','type':'apiKey'}",
        "{'type':'apiKey','in':'header','name':'X-Api-Key'}",
        "{'type':'apiKey','in':'header','name':'Ocp-Apim-Subscription-Key'}",
        "{'type':'apiKey','in':'header','name':'Proxy-Authorization'}",
        "{'type':'apiKey','in':'header','name':'Cookie'}",
        "{'type':'apiKey','in':'header','name':'api_key'}",
        "{'type':'apiKey','in':'header','name':'x-ms-token'}",
        "{'type':'apiKey','in':'header','name':'Connection'}",
        "{'type':'\\u0062asic'}",
        "{'type':'apiKey','in':'header','name':'authori\\u007aation'}",
    };
    static const char *const left[] = {
        "{'type':'apiKey','in':'header','name':'X-Tenant'}",
        "{'type':'apiKey','in':'header','name':'x-functions-key'}",
        "{'type':'apiKey','in':'query','name':'code'}",
        "{'type':'apiKey','in':'query','name':'Authorization'}",
        "{'type':'apiKey','in':'body','name':'x'}",
        "{'type':'apiKey','name':'Authorization'}",
        "{'type':'apiKey','in':'header'}",
        "{'type':'apiKey'}",
        "{'type':'other'}",
        "{'type':12}",
        "{}",
        "{'$ref':'#/x'}",
        "12",
        "['basic']",
    };
    for (int v2 = 0; v2 < 2; v2++) {
        for (size_t i = 0; i < ARRAY_LEN(gone); i++)
            if (stays(v2, gone[i]))
                fail_msg("stayed: %s", gone[i]);
        for (size_t i = 0; i < ARRAY_LEN(left); i++)
            if (!stays(v2, left[i]))
                fail_msg("went: %s", left[i]);
    }
}

static void the_field_with_the_gateways_credential_goes(void **state) {
    (void)state;
    static const char key[] = "{'type':'apiKey','in':'header','name':'x-functions-key'}";
    assert_true(stays(true, key));
    view.context = "X-Functions-Key";
    assert_false(stays(true, key));
    assert_false(stays(true, "{'type':'apiKey','in':'header','name':'Authorization'}"));
}

/* The members that are left of "security" of the document and of its operation. */
static void leaves(const char *root, const char *operation, const char *root_left,
                   const char *operation_left) {
    static const char schemes[] =
        "{" BEARER "," QUERY_KEY "," HEADER_KEY ",'Login':{'type':'oauth2'}}";
    static const char left[] = "{" QUERY_KEY "," HEADER_KEY "}";
    char members[2048], wanted[2048];
    snprintf(members, sizeof members,
             V2 "," BASE ",'securityDefinitions':%s%s%s,'paths':{'/score':{'post':{'a':1%s%s}}}",
             schemes, *root ? ",'security':" : "", root, *operation ? ",'security':" : "",
             operation);
    snprintf(wanted, sizeof wanted,
             V2 ",'securityDefinitions':%s%s%s,'paths':{'/churn':{'post':{'a':1%s%s}}}", left,
             *root_left ? ",'security':" : "", root_left, *operation_left ? ",'security':" : "",
             operation_left);
    becomes(members, wanted);
    /* The same in 3.x. */
    snprintf(members, sizeof members,
             V31 "," SERVERS ",'components':{'schemas':{},'securitySchemes':%s}%s%s,"
                 "'paths':{'/score':{'post':{'a':1%s%s}}}",
             schemes, *root ? ",'security':" : "", root, *operation ? ",'security':" : "",
             operation);
    snprintf(wanted, sizeof wanted,
             V31 ",'components':{'schemas':{},'securitySchemes':%s}%s%s,"
                 "'paths':{'/churn':{'post':{'a':1%s%s}}}",
             left, *root_left ? ",'security':" : "", root_left,
             *operation_left ? ",'security':" : "", operation_left);
    becomes(members, wanted);
}

static void security_of_the_document(void **state) {
    (void)state;
    leaves("", "", "", "");
    leaves("[]", "", "", "");
    leaves("[{}]", "", "", "");
    leaves("[{'Bearer':[]}]", "", "", "");
    leaves("[{'Code':[]}]", "", "[{'Code':[]}]", "");
    /* together */
    leaves("[{'Bearer':[],'Code':[]}]", "", "[{'Code':[]}]", "");
    leaves("[{'Bearer':[],'Login':['a','b']}]", "", "", "");
    leaves("[{'Code':[],'Login':['a'],'Tenant':[]}]", "", "[{'Code':[],'Tenant':[]}]", "");
    /* either */
    leaves("[{'Code':[]},{'Bearer':[]}]", "", "", "");
    leaves("[{'Bearer':[],'Code':[]},{'Tenant':[]}]", "", "[{'Code':[]},{'Tenant':[]}]", "");
    leaves("[{'Code':[]},{}]", "", "", "");
    /* of a name that is defined nowhere */
    leaves("[{'Unknown':[ 1.50 ]}]", "", "[{'Unknown':[ 1.50 ]}]", "");
}

static void security_of_an_operation(void **state) {
    (void)state;
    /* The document wants nothing. */
    leaves("", "[{'Bearer':[]}]", "", "");
    leaves("", "[]", "", "");
    leaves("", "[{}]", "", "");
    leaves("", "[{'Code':[]}]", "", "[{'Code':[]}]");
    leaves("[{'Bearer':[]}]", "[{'Bearer':[]}]", "", "");
    leaves("[{'Bearer':[]}]", "[]", "", "");
    leaves("[{'Bearer':[]}]", "[{'Bearer':[],'Tenant':['x']}]", "", "[{'Tenant':['x']}]");
    /* It does: an operation that does not has to say so. */
    leaves("[{'Code':[]}]", "", "[{'Code':[]}]", "");
    leaves("[{'Code':[]}]", "[{'Bearer':[]}]", "[{'Code':[]}]", "[]");
    leaves("[{'Code':[]}]", "[]", "[{'Code':[]}]", "[]");
    leaves("[{'Code':[]}]", "[{'Tenant':[]},{}]", "[{'Code':[]}]", "[]");
    leaves("[{'Code':[]}]", "[{'Tenant':[],'Bearer':[]}]", "[{'Code':[]}]", "[{'Tenant':[]}]");
}

/* What the service itself calls has security, too, and none of it may be left undefined. */
static void calls_of_the_service(char *into, size_t n, const char *path, const char *security,
                                 const char *schemes) {
    char item[128];
    snprintf(item, sizeof item, "{'summary':'s','put':{'a':1%s},'trace':{}}", security);
    snprintf(
        into, n,
        "'paths':{'%s':{'post':{'callbacks':{'on':{'{$url}':%s}}}}},'webhooks':{'w':%s,'x':12},"
        "'components':{'securitySchemes':{%s},'callbacks':{'c':{'{$u}':%s},'d':{'$ref':'#/x'}},"
        "'pathItems':{'p':%s}}",
        path, item, item, schemes, item, item);
}

static void security_of_what_the_service_calls(void **state) {
    (void)state;
    char given[1024], left[1024], members[1200], wanted[1200];
    calls_of_the_service(given, sizeof given, "/score", ",'security':[{'Login':[]}]",
                         "'Login':{'type':'oauth2'}");
    calls_of_the_service(left, sizeof left, "/churn", "", "");
    snprintf(members, sizeof members, "%s,%s", V31 "," SERVERS, given);
    snprintf(wanted, sizeof wanted, "%s,%s", V31, left);
    becomes(members, wanted);
}

static void security_that_is_none(void **state) {
    (void)state;
    static const char *const nothing[] = {"null", "'Bearer'", "12", "{}", "{'Bearer':[]}"};
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++)
        leaves(nothing[i], nothing[i], "", "");
    leaves("[['Bearer']]", "[[12]]", "[['Bearer']]", "[[12]]");
}

/* Many schemes: those that are not told apart stay, as does what wants them. */
static void more_schemes_than_are_told_apart(void **state) {
    (void)state;
    static char document[16384];
    struct buf b;
    buf_init(&b, sizeof document - 1);
    buf_addf(&b, "{" DOC2 ",'securityDefinitions':{");
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "%s'S%d':{'type':'basic'}", i ? "," : "", i);
    buf_add_string(&b, "},'security':[{'S0':[],'S99':[]}]}");
    assert_true(buf_ok(&b));
    const char *to = rewritten(b.at);
    assert_non_null(to);
    assert_null(strstr(to, "'S0'"));
    assert_non_null(strstr(to, "'S99':{'type':'basic'}"));
    assert_non_null(strstr(to, "'security':[{'S99':[]}]"));
    buf_done(&b);
}

/* --- what stays --------------------------------------------------------------------------------
 */

static void everything_else_stays_as_it_is_written(void **state) {
    (void)state;
    static const char rest[] =
        ",'info':{ 'version' : '1.10',\n\t'x-n':[1.0000000000000000001,1e400,-0,1E+2,"
        "123456789012345678901234567890] },'unknown':{'a\\u00e4\\/':'\\u0041\\/\\ud83d'},"
        "'twice':1,'twice':2,'definitions':{'paths':{'/"
        "score':{}},'servers':[1],'security':[{'Bearer':"
        "[]}],'host':'h'},'externalDocs':null,'tags':[{'name':'\xc3\xa4'}]";
    static char members[2048], wanted[2048];
    snprintf(members, sizeof members, DOC2 "%s", rest);
    snprintf(wanted, sizeof wanted, LOCAL2 "%s", rest);
    becomes(members, wanted);
    snprintf(members, sizeof members,
             V2 "," BASE ",'paths':{'/score':{'parameters':[ 1 ],'post':{'responses':{'200':{ 'a' :"
                "1.50}},'twice':1,'twice':2}}}");
    snprintf(wanted, sizeof wanted,
             V2 ",'paths':{'/churn':{'parameters':[ 1 ],'post':{'responses':{'200':{ 'a' :1.50}},"
                "'twice':1,'twice':2}}}");
    becomes(members, wanted);
    becomes(V30 "," SERVERS ",'paths':{'/score':{'post':{}}},'components':{'schemas':{ 'a':1.0 },"
                "'twice':1,'twice':1}",
            LOCAL3 ",'components':{'schemas':{ 'a':1.0 },'twice':1,'twice':1}");
}

/* Members that stand twice are all seen to. */
static void members_that_stand_twice(void **state) {
    (void)state;
    becomes(V2 "," BASE ",'host':'a','host':'b','basePath':'/x','paths':{'/score':{'post':{}},"
               "'/score':{'post':{'schemes':[],'schemes':[]}}},'paths':{'/score':{'put':{},'post':"
               "{}}},'securityDefinitions':{" BEARER "},'securityDefinitions':{" BEARER
               "," QUERY_KEY "}",
            V2
            ",'paths':{'/churn':{'post':{}},'/churn':{'post':{}}},'paths':{'/churn':{'post':{}}},"
            "'securityDefinitions':{},'securityDefinitions':{" QUERY_KEY "}");
}

/* What should be an object and is not stays, too. */
static void members_of_another_kind(void **state) {
    (void)state;
    static const char *const values[] = {"[1,'a']", "[]", "'a'", "12", "null"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char members[1024], wanted[1024];
        const char *v = values[i];
        snprintf(members, sizeof members,
                 V2 "," BASE ",'paths':{'/score':{'post':%s,'get':{}}},'paths':%s,"
                    "'securityDefinitions':%s",
                 v, v, v);
        snprintf(wanted, sizeof wanted,
                 V2 ",'paths':{'/churn':{'post':%s,'get':{}}},'paths':%s,'securityDefinitions':%s",
                 v, v, v);
        becomes(members, wanted);
        snprintf(members, sizeof members,
                 V30 "," SERVERS ",'paths':{'/score':%s},'components':{'securitySchemes':%s},"
                     "'components':%s",
                 v, v, v);
        snprintf(wanted, sizeof wanted,
                 V30 ",'paths':{'/churn':%s},'components':{'securitySchemes':%s},'components':%s",
                 v, v, v);
        becomes(members, wanted);
        snprintf(members, sizeof members, "{" V2 ",'paths':%s}", v);
        is_refused(members);
    }
}

/* --- what is no such document ------------------------------------------------------------------
 */

static void other_documents_are_refused(void **state) {
    (void)state;
    static const char *const others[] = {
        "",
        " ",
        "[]",
        "['swagger','2.0']",
        "[{" DOC2 "}]",
        "'swagger: 2.0'",
        "12",
        "null",
        "swagger: '2.0'\npaths:\n  /score: {}\n",
        "<html></html>",
        "{" DOC2,
        "{" DOC2 ",}",
        "{" DOC2 "}}",
        "{" DOC2 "} {}",
        "{'paths':{'/score':{'post':{}}}}",
        "{'swagger':'1.2','paths':{'/score':{'post':{}}}}",
        "{'swagger':'2','paths':{'/score':{'post':{}}}}",
        "{'swagger':2.0,'paths':{'/score':{'post':{}}}}",
        "{'swagger':['2.0'],'paths':{'/score':{'post':{}}}}",
        "{'openapi':'4.0.0','paths':{'/score':{'post':{}}}}",
        "{'openapi':'2.0','paths':{'/score':{'post':{}}}}",
        "{'openapi':3.1,'paths':{'/score':{'post':{}}}}",
        "{'Swagger':'2.0','paths':{'/score':{'post':{}}}}",
        "{'info':{'swagger':'2.0'},'paths':{'/score':{'post':{}}}}",
        "{" V2 "}",
        "{" V2 ",'paths':{}}",
        "{" V2 ",'Paths':{'/score':{'post':{}}}}",
        "{" V30 ",'components':{'paths':{'/score':{'post':{}}}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        is_refused(others[i]);
    assert_null(rewritten_text((struct text){NULL, 0}));
    assert_null(
        rewritten_text(TEXT("{\"swagger\":\"2.0\",\"paths\":{\"/score\":{}},\"a\":\"\xff\"}")));
}

static void a_byte_order_mark_and_blanks_are_no_part_of_it(void **state) {
    (void)state;
    says("\xef\xbb\xbf \r\n{" DOC2 "}\n\n",
         "{" LOCAL2 ",'schemes':['http'],'host':'localhost:8080'}");
    says("{ " V2 " ,\n" BASE ", 'paths' : { '/score' : { 'post' : { } } } }",
         "{" V2 ",'paths':{'/churn':{'post':{}}},'schemes':['http'],'host':'localhost:8080'}");
    is_refused("{}\xef\xbb\xbf{" DOC2 "}");
}

/* DEPTH levels, of which the document is one. */
static bool takes_depth(size_t depth) {
    static char document[100000];
    size_t n = (size_t)snprintf(document, sizeof document, "{" DOC2 ",'x':");
    memset(document + n, '[', depth - 1);
    memset(document + n + depth - 1, ']', depth - 1);
    strcpy(document + n + 2 * (depth - 1), "}");
    return rewritten(document) != NULL;
}

static void deep_ones_are_refused(void **state) {
    (void)state;
    assert_true(takes_depth(100));
    assert_false(takes_depth(101));
    assert_false(takes_depth(40000));
}

/* Into a buffer that is too small it does not go, whatever the size. */
static void output_that_does_not_fit(void **state) {
    (void)state;
    static const char document[] =
        "{" DOC2 ",'securityDefinitions':{" BEARER "," QUERY_KEY "},'security':[{'Code':[]}]}";
    size_t needed = strlen(rewritten(document));
    char *copy = strdup(document);
    swap(copy, '\'', '"');
    for (size_t max = 0; max <= needed; max++) {
        struct buf into;
        buf_init(&into, max);
        assert_true(openapi_rewrite(text_of(copy), &view, &into));
        assert_int_equal(buf_ok(&into), max == needed);
        buf_done(&into);
    }
    free(copy);
}

static void what_was_there_before_stays(void **state) {
    (void)state;
    buf_add_string(&written, "before ");
    assert_true(openapi_rewrite(TEXT("{\"swagger\":\"2.0\",\"paths\":{\"/score\":{\"post\":{}}}}"),
                                &view, &written));
    assert_string_equal(written.at,
                        "before {\"swagger\":\"2.0\",\"paths\":{\"/churn\":{\"post\":{}}},"
                        "\"schemes\":[\"http\"],\"host\":\"localhost:8080\"}");
    assert_false(openapi_rewrite(TEXT("{}"), &view, &written));
    assert_memory_equal(written.at, "before {\"s", 10);
}

/* A gateway in front of a gateway: what is local is local already. */
static void rewriting_it_again_changes_nothing(void **state) {
    (void)state;
    static const char *const documents[] = {
        "{" DOC2 ",'securityDefinitions':{" BEARER "," QUERY_KEY "},'security':[{'Code':[]}]}",
        "{" V2 "," BASE ",'paths':{'/':{'get':{}},'/score':{" ALL_METHODS
        ",'x-a':1},'/swagger.json':"
        "{'get':{'security':[]}},'x-b':2,'/score/more':{'get':{}}},'host':'a','x':1.0}",
        "{" DOC3 ",'components':{'securitySchemes':{" HEADER_KEY
        ",'S':{'type':'http'}}},'security':"
        "[{'S':[]},{'Tenant':[]}]}",
        "{" V31 ",'paths':{'/score':{'$ref':'#/a','servers':[]},'/swagger.json':{'get':{}}}}",
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(documents); i++) {
        view = usual;
        view.subpaths = i % 2;
        char *once = strdup(rewritten(documents[i / 2]));
        view.scoring = view.route;
        view.swagger = TEXT("/churn/swagger.json");
        says(once, once);
        free(once);
    }
}

/* A beginning of a document is none, and is not read beyond its end. */
static void a_cut_document_is_none(void **state) {
    (void)state;
    char *copy = strdup("{" DOC3 ",'components':{'securitySchemes':{" BEARER "}},'security':[{"
                        "'Bearer':[]}],'x':'\\u00e4\xc3\xa4'}");
    swap(copy, '\'', '"');
    for (size_t n = 0; n < strlen(copy); n++)
        assert_null(rewritten_text((struct text){copy, n}));
    assert_non_null(rewritten_text(text_of(copy)));
    free(copy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, as_usual, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(swagger_2),
        TEST(openapi_3),
        TEST(each_version_has_its_own_members),
        TEST(caller_without_a_host),
        TEST(hosts_are_written_as_asked),
        TEST(inner_servers_go),
        TEST(paths_lie_under_the_route),
        TEST(base_paths),
        TEST(servers_urls),
        TEST(the_base_decides_between_two_that_fit),
        TEST(subpaths),
        TEST(fits_by_what_lies_below),
        TEST(a_scoring_path_with_a_slash_at_its_end),
        TEST(names_that_need_escapes),
        TEST(names_that_are_none),
        TEST(extensions_stay),
        TEST(methods_that_are_not_served_go),
        TEST(the_document_is_for_reading),
        TEST(a_path_without_methods_that_are_served_goes),
        TEST(methods_are_small_letters),
        TEST(schemes_that_the_gateway_sees_to_go),
        TEST(the_field_with_the_gateways_credential_goes),
        TEST(security_of_the_document),
        TEST(security_of_an_operation),
        TEST(security_of_what_the_service_calls),
        TEST(security_that_is_none),
        TEST(more_schemes_than_are_told_apart),
        TEST(everything_else_stays_as_it_is_written),
        TEST(members_that_stand_twice),
        TEST(members_of_another_kind),
        TEST(other_documents_are_refused),
        TEST(a_byte_order_mark_and_blanks_are_no_part_of_it),
        TEST(deep_ones_are_refused),
        TEST(output_that_does_not_fit),
        TEST(what_was_there_before_stays),
        TEST(rewriting_it_again_changes_nothing),
        TEST(a_cut_document_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
