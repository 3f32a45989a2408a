/* SPDX-License-Identifier: MIT */
/* Every way in which a configuration can be wrong, with the words that people get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "config/load.h"

#include <stdio.h>
#include <stdlib.h>

/* A route with MORE keys. */
#define ROUTE(more) "routes = ( { path = \"/a\"; scoring_uri = \"https://h/s\"; " more " } );"
#define KEY(more)   ROUTE("auth = { type = \"key\"; primary = \"k\"; " more " };")
#define SECRET                                                                                     \
    "a string, { file = \"PATH\"; }, { env = \"NAME\"; }, { credential = \"NAME\"; } or { "        \
    "key_vault = \"https://HOST\"; name = \"NAME\"; identity = \"NAME\"; }"
#define TOO_LONG                                                                                   \
    "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"    \
    "8901234567890123456789"

struct wrong {
    const char *text, *errors;
};

static void check(const struct wrong *cases, size_t n) {
    const struct config_load_options options = {.no_files = true};
    for (size_t i = 0; i < n; i++) {
        struct config_errors errors;
        config_errors_init(&errors);
        struct config *config = config_load("c", cases[i].text, &options, &errors);
        if (config || strcmp(buf_text(&errors.text).at, cases[i].errors) != 0)
            fail_msg("%s\n--- is told as\n%s--- not as\n%s", cases[i].text,
                     buf_text(&errors.text).at, cases[i].errors);
        config_errors_done(&errors);
    }
}

static void test_words(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"workers = 9223372036854775808;",
         "c:1: the number is too large; the largest is 9223372036854775807\n"},
        {"workers = 0xffffffffffffffff;",
         "c:1: the number is too large; the largest is 9223372036854775807\n"},
        {"drain_timeout_ms = 10s;",
         "c:1: 10s is no number; expected digits without a unit, or \"10s\" in quotes\n"},
        {"workers = -;",
         "c:1: - is no number; expected digits without a unit, or \"-\" in quotes\n"},
        {"workers = 1e;",
         "c:1: 1e is no number; expected digits without a unit, or \"1e\" in quotes\n"},
        {"hosts = [ “a” ];", "c:1: a typographic quote; expected the plain one: \"\n"},
        {"hosts = [ «a» ];", "c:1: a typographic quote; expected the plain one: \"\n"},
        {"hosts = [ 'a' ];", "c:1: a single quote; strings stand in double quotes: \"\n"},
        {"workers\u00a0= 1;", "c:1: a no-break space; expected a plain one\n"},
        {"workers = 1; é", "c:1: a character that cannot stand outside of a string\n"},
        {"workers = 1; \x80", "c:1: a character that cannot stand outside of a string\n"},
        {"workers = $N;", "c:1: '$' cannot stand here; a string would stand in quotes\n"},
        {"_workers = 1;", "c:1: a name begins with a letter\n"},
        {"log.level = \"info\";",
         "c:1: log.level is no name; expected a group as in log = { level = \"info\"; }, or quotes "
         "around a string\n"},
        {"\n\nhosts = [ \"a ];\nworkers = 1;",
         "c:3: the string that begins in this line is not closed; expected \" at its end\n"},
        {"hosts = [ \"C:\\d\" ];",
         "c:1: unknown escape in a string; a backslash is written \\\\ here\n"},
        {"hosts = [ \"a\\x00\" ];", "c:1: a string cannot hold \\x00\n"},
        {"workers = 1; /* 2\n3",
         "c:1: the comment that begins here with /* is never closed; expected */\n"},
        {"@include more.conf\nworkers = 1;",
         "c:1: @include without a file; expected @include \"FILE\"\n"
         "c:1: more.conf is no name; expected a group as in log = { level = \"info\"; }, or quotes "
         "around a string\n"},
        {"@include \"/etc/passwd\"", "c:1: @include is not possible here\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_grammar(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"workers = on;", "c:1: on is no value; expected true\n"},
        {"workers = No;", "c:1: No is no value; expected false\n"},
        {"log = { level = info; };", "c:1: a string stands in quotes; expected \"info\"\n"},
        {"workers = 1;\nlog = {\n level = \"info\";\n\n",
         "c:2: the '{' that opens here is never closed; expected '}'\n"},
        {"hosts = [ \"a\" };", "c:1: '}' closes the '[' of c:1; expected ']'\n"},
        {"log = { level = \"info\" );", "c:1: ')' closes the '{' of c:1; expected '}'\n"},
        {"workers = 1; }", "c:1: nothing is open that this '}' could close\n"},
        {"hosts = [ \"a\" \"b\" ];", "c:1: a comma is missing behind this item of the list\n"},
        {"routes = ( { }\n{ } );", "c:1: a comma is missing behind this item of the list\n"},
        {"hosts = [ \"a\"; \"b\" ];", "c:1: ';' in a list; its items are separated by commas\n"},
        {"hosts = [\n\"a\",\n];",
         "c:2: the comma before ']' is one too many; the last item has none\n"},
        {"hosts = [ , \"a\" ];", "c:1: the comma is one too many; expected a value\n"},
        {"routes = [ { } ];", "c:1: '{' cannot stand in [ ]; expected ( ) around the list\n"},
        {"workers 1;", "c:1: '=' is missing behind workers\n"},
        {"workers = 1 hosts", "c:1: '=' is missing behind hosts\n"},
        {"workers = ;",
         "c:1: a value is missing; expected true, false, a number, \"text\", { }, ( ) or [ ]\n"},
        {"workers =\n\n",
         "c:1: a value is missing; expected true, false, a number, \"text\", { }, ( ) or [ ]\n"},
        {"workers = 1;;", "c:1: the ';' is one too many (@include has none behind it)\n"},
        {"\"workers\" = 1;",
         "c:1: a string cannot stand here; expected NAME = VALUE, the name without quotes\n"},
        {"workers = 1 2;", "c:1: 2 cannot stand here; expected NAME = VALUE\n"},
        {"workers = 1;\nhosts = [ ];\nworkers = 2;\nhosts = [ ];",
         "c:3: workers is here for the second time; it is at c:1 already\n"
         "c:4: hosts is here for the second time; it is at c:2 already\n"},
        {"a=(((((((((((((((((", "c:1: too many levels of brackets\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_values(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"workers = 257;", "c:1: workers: expected a whole number from 0 to 256, not 257\n"},
        {"workers = -1;", "c:1: workers: expected a whole number from 0 to 256, not -1\n"},
        {"workers = 4294967297;",
         "c:1: workers: expected a whole number from 0 to 256, not 4294967297\n"},
        {"workers = 1.5;", "c:1: workers: expected a whole number from 0 to 256, not 1.5\n"},
        {"workers = \"1\";",
         "c:1: workers: expected a whole number from 0 to 256 without quotes\n"},
        {"workers = { env = \"HOME\"; };",
         "c:1: workers: expected a whole number from 0 to 256; only strings can come from the "
         "environment\n"},
        {"limits = { header_bytes = 1000; };",
         "c:1: limits.header_bytes: expected a whole number from 1024 to 65536, not 1000\n"},
        {"log = { access = 1; };", "c:1: log.access: expected true or false, not 1\n"},
        {"log = { access = \"yes\"; };",
         "c:1: log.access: expected true or false without quotes\n"},
        {"log = { level = \"warn\"; };",
         "c:1: log.level: \"warn\" is wrong; expected \"error\", \"warning\", \"info\" or "
         "\"debug\"\n"},
        {"log = { level = \"inof\"; };",
         "c:1: log.level: \"inof\" is wrong; expected \"error\", \"warning\", \"info\" or "
         "\"debug\"; did you mean \"info\"?\n"},
        {"log = \"info\";", "c:1: log: expected a group { … }\n"},
        {"tls = { min_version = 1.2; };",
         "c:1: tls.min_version: expected \"1.2\" or \"1.3\"; a string stands in quotes: \"1.2\"\n"},
        {"hosts = [ \"a\",\n1 ];",
         "c:2: hosts: expected a name or an address without a port; a string stands in quotes: "
         "\"1\"\n"},
        {"hosts = [ \"a:80\" ];",
         "c:1: hosts: \"a:80\" is wrong; expected a name or an address without a port\n"},
        {"hosts = [ \"a\\n\" ];",
         "c:1: hosts: a control character, or bytes that are not UTF-8 (a backslash is written "
         "\\\\)\n"},
        {"hosts = [ \"\x80\" ];",
         "c:1: hosts: a control character, or bytes that are not UTF-8 (a backslash is written "
         "\\\\)\n"},
        {"hosts = { env = \"SCOREGATE_TEST_NONE\"; };",
         "c:1: hosts: the environment has no SCOREGATE_TEST_NONE\n"},
        {"hosts = { env = \"SCOREGATE_TEST_BAD\"; };",
         "c:1: hosts: SCOREGATE_TEST_BAD of the environment holds a control character or bytes "
         "that "
         "are not UTF-8\n"},
        {"hosts = { env = \"SCOREGATE_TEST_NO_HOST\"; };",
         "c:1: hosts: \"***\" is wrong; expected a name or an address without a port\n"},
        {"hosts = { name = \"a\"; };",
         "c:1: hosts: expected a name or an address without a port\n"},
        {"proxy = \"proxy:3128\";", "c:1: proxy: this is no URL of a proxy: its scheme is none of "
                                    "http, https, socks5, socks5h; "
                                    "expected \"http://HOST:PORT\"\n"},
        {"proxy = \"http://proxy\";",
         "c:1: proxy: this is no URL of a proxy: it has no port; expected \"http://HOST:PORT\"\n"},
        {"proxy = \"http://proxy:1/x\";",
         "c:1: proxy: this is no URL of a proxy: it holds more than a host and a port; expected "
         "\"http://HOST:PORT\"\n"},
        {ROUTE("default_content_type = \"json\";"),
         "c:1: routes.default_content_type: \"json\" is wrong; expected a media type such as "
         "\"application/json\"\n"},
        {ROUTE("deployment = \"a b\";"),
         "c:1: routes.deployment: \"a b\" is wrong; expected the name of a deployment: letters, "
         "digits, '-' and '_'\n"},
        {ROUTE("methods = [ \"get\", \"TRACE\" ];"),
         "c:1: routes.methods: \"get\" is wrong; expected a list of \"GET\", \"POST\", \"PUT\", "
         "\"PATCH\" and \"DELETE\"; did you mean \"GET\"?\n"
         "c:1: routes.methods: \"TRACE\" is wrong; expected a list of \"GET\", \"POST\", \"PUT\", "
         "\"PATCH\" and \"DELETE\"\n"},
        {ROUTE("methods = [ ];"),
         "c:1: routes.methods: expected a list of \"GET\", \"POST\", \"PUT\", \"PATCH\" and "
         "\"DELETE\"\n"},
        {ROUTE("tls = { pin = \"sha1//x\"; };"),
         "c:1: tls.pin: \"sha1//x\" is wrong; expected \"sha256//\" and 44 characters of base64, "
         "several separated by ';'\n"},
        {ROUTE("tls = { ca_file = \"\"; };"),
         "c:1: tls.ca_file: \"\" is wrong; expected the path of a file\n"},
        {"routes = ( 1 );", "c:1: routes: expected a list of groups ( { … }, { … } ), not 1\n"},
        {ROUTE("cors = true;"), "c:1: routes.cors: expected a group { … }\n"},
    };
    setenv("SCOREGATE_TEST_BAD", "a\033b", 1);
    setenv("SCOREGATE_TEST_NO_HOST", "a:80", 1);
    check(cases, ARRAY_LEN(cases));
}

static void test_names(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"worker = 1;", "c:1: unknown key worker; did you mean workers?\n"},
        {"backends = { };", "c:1: unknown key backends; it belongs in routes\n"},
        {"log = { levle = \"info\"; };", "c:1: unknown key levle in log; did you mean level?\n"},
        {"header_bytes = 8192;", "c:1: unknown key header_bytes; it belongs in limits\n"},
        {"limits = { workers = 1; };",
         "c:1: unknown key workers in limits; it belongs at the top level\n"},
        {"log = {\n xyzzy = 1; };\nworkers = 999;\nlgo = 1;",
         "c:2: unknown key xyzzy in log\n"
         "c:3: workers: expected a whole number from 0 to 256, not 999\n"
         "c:4: unknown key lgo; did you mean log?\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_listeners(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"listen = { address = \"0.0.0.0\"; };",
         "c:1: 0.0.0.0 can be reached by other machines; expected a loopback address, or "
         "allow_remote = true\n"},
        {"admin = { address = \"::\"; };",
         "c:1: :: can be reached by other machines; expected a loopback address, or allow_remote = "
         "true\n"},
        {"listen = { address = \"localhost\"; };",
         "c:1: listen.address: \"localhost\" is wrong; expected an address in digits such as "
         "\"127.0.0.1\" or \"::1\"\n"},
        {"listen = { address = \"127.0.0.1/8\"; };",
         "c:1: listen.address: \"127.0.0.1/8\" is wrong; expected an address in digits such as "
         "\"127.0.0.1\" or \"::1\"\n"},
        {"listen = { port = 65536; };",
         "c:1: listen.port: expected a whole number from 0 to 65535, not 65536\n"},
        {"listen = { unix = \"x.sock\"; };",
         "c:1: listen.unix: \"x.sock\" is wrong; expected an absolute path of at most 107 bytes\n"},
        {"listen = { unix = \"" TOO_LONG "\"; };",
         "c:1: listen.unix: \"" TOO_LONG
         "\" is wrong; expected an absolute path of at most 107 bytes\n"},
        {"listen = { unix = \"/x\"; mode = 0660; };",
         "c:1: listen.mode: expected three or four octal digits such as \"0660\"; a string stands "
         "in quotes: \"0660\"\n"},
        {"listen = { unix = \"/x\"; mode = \"0888\"; };",
         "c:1: listen.mode: \"0888\" is wrong; expected three or four octal digits such as "
         "\"0660\"\n"},
        {"listen = { unix = \"/x\"; mode = \"1777\"; };",
         "c:1: listen.mode: \"1777\" is wrong; expected three or four octal digits such as "
         "\"0660\"\n"},
        {"listen = { unix = \"/x\"; group = \"no such group\"; };",
         "c:1: listen.group: \"no such group\" is wrong; expected the name or the number of a "
         "group "
         "of this machine, in quotes\n"},
        {"listen = { unix = \"/x\"; allow_users = [ \"no such user\" ]; };",
         "c:1: listen.allow_users: \"no such user\" is wrong; expected a list of names or numbers "
         "of "
         "users of this machine, in quotes\n"},
        {"listen = { unix = \"/x\"; port = 1; };",
         "c:1: port cannot stand here: this is a unix socket\n"},
        {"listen = { systemd = \"x\"; mode = \"0660\"; };",
         "c:1: mode cannot stand here: this is a socket of systemd\n"},
        {"listen = { allow_users = [ \"root\" ]; };",
         "c:1: allow_users cannot stand here: this is an address and a port\n"},
        {"listen = { systemd = \"a:b\"; };", "c:1: listen.systemd: \"a:b\" is wrong; expected a "
                                             "name of at most 255 letters, digits and "
                                             "punctuation marks but ':'\n"},
        {"listen = { allow_clients = [ \"10.0.0.0/33\" ]; };",
         "c:1: listen.allow_clients: \"10.0.0.0/33\" is wrong; expected a list of addresses and "
         "networks such as \"10.1.0.0/16\"\n"},
        {"listen = ( );", "c:1: listen: expected at least one listener\n"},
        {"listen = (\n{ port = 1; },\n{ port = 1; } );",
         "c:3: the listener of c:2 is at this address already\n"},
        {"listen = { port = 1; };\nadmin = { port = 1; };",
         "c:2: the listener of c:1 is at this address already\n"},
        {"listen = ( { unix = \"/x\"; }, { unix = \"/x\"; } );",
         "c:1: the listener of c:1 is at this address already\n"},
        {"admin = { port = 8080; };",
         "c:1: a listener that is there by default is at this address already\n"},
        {"listen = { port = 8081; };",
         "c:1: a listener that is there by default is at this address already\n"},
        {"listen = { enabled = false; };",
         "c:1: unknown key enabled in listen; it belongs in admin\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_routes(void **state) {
    (void)state;
    static const struct wrong cases[] = {
        {"routes = ( { } );",
         "c:1: routes.path is missing\nc:1: routes.scoring_uri is missing; expected that, "
         "online_endpoint, web_service or backends\n"},
        {"routes = (\n{ path = \"/a\"; scoring_uri = \"https://h/s\"; },\n"
         "{ path = \"/a\"; scoring_uri = \"https://h/t\"; } );",
         "c:3: routes.path: the route of c:2 has this path already\n"},
        {"routes = (\n{ path = \"/a/swagger.json\"; scoring_uri = \"https://h/s\"; },\n"
         "{ path = \"/a\"; scoring_uri = \"https://h/t\"; } );",
         "c:2: routes.path: the route of c:3 has its description here\n"},
        {"routes = (\n{ path = \"/\"; scoring_uri = \"https://h/s\"; },\n"
         "{ path = \"/swagger.json\"; scoring_uri = \"https://h/t\"; } );",
         "c:3: routes.path: the route of c:2 has its description here\n"},
        {"routes = { path = \"/a/\"; scoring_uri = \"https://h/s\"; };",
         "c:1: routes.path: \"/a/\" is wrong; expected a path such as \"/score\": no query, no "
         "empty "
         "or dot segment, no '/' at its end\n"},
        {"routes = { path = \"/a\"; scoring_uri = \"http://h/s\"; };",
         "c:1: routes.scoring_uri: the scheme is http, and others could read and change what is "
         "sent; expected https, or allow_insecure_upstream = true\n"},
        {ROUTE("swagger_uri = \"http://h/s\";"),
         "c:1: routes.swagger_uri: the scheme is http, and others could read and change what is "
         "sent; expected https, or allow_insecure_upstream = true\n"},
        {ROUTE("swagger_uri = \"h/s\";"),
         "c:1: routes.swagger_uri: this is no URI of an endpoint: it has no scheme; expected "
         "https://HOST/PATH\n"},
        {ROUTE("auth = { type = \"tocken\"; primary = \"k\"; };"),
         "c:1: auth.type: \"tocken\" is wrong; expected \"none\", \"key\", \"token\", "
         "\"endpoint-key\", \"endpoint-token\" or \"entra\"; did you mean \"token\"?\n"},
        {ROUTE("auth = { type = \"key\"; };"), "c:1: auth.primary is missing: the key to send\n"},
        {ROUTE("auth = { type = \"key\"; secondary = \"k\"; };"),
         "c:1: auth.primary is missing: the key to send\n"},
        {ROUTE("auth = { primary = \"k\"; };"),
         "c:1: auth.type is missing; expected type = \"key\"\n"},
        {ROUTE("auth = { type = \"none\"; primary = \"k\"; };"),
         "c:1: auth.primary: a key is not used with type \"none\"; expected type = \"key\"\n"},
        {ROUTE("auth = { type = \"key\"; primary = \"a b\"; };"),
         "c:1: auth.primary: the string has not the form of a key; expected one line of at most "
         "16384 visible ASCII characters without blanks\n"},
        {ROUTE("auth = { type = \"key\"; primary = \"\"; };"),
         "c:1: auth.primary: the string is empty\n"},
        {ROUTE("auth = { type = \"key\"; primary = \"Bearer x\"; };"),
         "c:1: auth.primary: the string begins with \"Bearer \"; expected the key alone, "
         "auth.prefix "
         "adds that\n"},
        {ROUTE("auth = { type = \"key\"; primary = { file = \"/x\"; }; };"),
         "c:1: auth.primary: files are not possible here\n"},
        {ROUTE("auth = { type = \"key\"; primary = { env = \"SCOREGATE_TEST_NONE\"; }; };"),
         "c:1: auth.primary: the env \"SCOREGATE_TEST_NONE\" is not set\n"},
        {ROUTE("auth = { type = \"key\"; primary = { vault = \"x\"; }; };"),
         "c:1: auth.primary: expected " SECRET "\n"},
        {ROUTE("auth = { type = \"key\"; primary = 123; };"),
         "c:1: auth.primary: expected " SECRET "; a string stands in quotes: \"123\"\n"},
        {KEY("header = \"Host\";"),
         "c:1: auth.header: \"Host\" is wrong; expected the name of a field that the gateway does "
         "not write itself\n"},
        {KEY("header = \"Connection\";"),
         "c:1: auth.header: \"Connection\" is wrong; expected the name of a field that the gateway "
         "does not write itself\n"},
        {KEY("header = \"a b\";"), "c:1: auth.header: \"a b\" is wrong; expected the name of a "
                                   "field that the gateway does not "
                                   "write itself\n"},
        {KEY("header = \"api-key\"; }; set_headers = { API-Key = \"x\";"),
         "c:1: set_headers: API-Key is the field of the credential; expected that in auth\n"},
        {ROUTE("set_headers = { Content-Length = \"1\"; Transfer-Encoding = \"x\"; Host = \"x\"; "
               "x-ms-client-request-id = \"x\"; };"),
         "c:1: routes.set_headers: Content-Length cannot be set; the gateway writes it itself\n"
         "c:1: routes.set_headers: Transfer-Encoding cannot be set; the gateway writes it itself\n"
         "c:1: routes.set_headers: Host cannot be set; the gateway writes it itself\n"
         "c:1: routes.set_headers: x-ms-client-request-id cannot be set; the gateway writes it "
         "itself\n"},
        {ROUTE("set_headers = { X = \" a\"; };"),
         "c:1: routes.set_headers: the value of X is not one that a field may have\n"},
        {ROUTE("set_headers = { X = \"a\"; x = \"b\"; };"),
         "c:1: routes.set_headers: x is here for the second time\n"},
        {ROUTE("deployment = \"blue\"; set_headers = { azureml-model-deployment = \"b\"; };"),
         "c:1: set_headers: azureml-model-deployment is what deployment sets\n"},
        {ROUTE("set_headers = [ ];"),
         "c:1: routes.set_headers: expected a group { NAME = \"VALUE\"; … }\n"},
        {ROUTE("cors = { };"), "c:1: cors.origins is missing\n"},
        {ROUTE("cors = { origins = \"https://A.example\"; };"),
         "c:1: cors.origins: \"https://A.example\" is wrong; expected \"https://HOST\" or "
         "\"https://HOST:PORT\" as browsers send it: small letters, no path, no default port; or "
         "\"*\"\n"},
        {ROUTE("cors = { origins = [ \"*\", \"https://a\" ]; };"),
         "c:1: cors.origins: \"*\" is any origin; expected it alone\n"},
        {ROUTE("cors = { origins = \"*\"; credentials = true; };"),
         "c:1: cors.credentials cannot be true where any origin (\"*\") may call; expected the "
         "origins one by one\n"},
        {ROUTE("tls = { min_version = \"1.3\"; max_version = \"1.2\"; };"),
         "c:1: tls.max_version is older than tls.min_version\n"},
        {ROUTE("tls = { client_key = \"/x\"; };"),
         "c:1: tls.client_key has no tls.client_certificate that it belongs to\n"},
        {"tls = { min_version = \"1.3\"; };\n" ROUTE("tls = { max_version = \"1.2\"; };"),
         "c:2: tls.max_version is older than tls.min_version\n"},
    };
    check(cases, ARRAY_LEN(cases));
}

static void test_uris(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"https://", "it has no valid host, or no valid port behind it"},
        {"https:///score", "it has no valid host, or no valid port behind it"},
        {"https://h:0/", "it has no valid host, or no valid port behind it"},
        {"https://h:65536/", "it has no valid host, or no valid port behind it"},
        {"https://h:/", "the port behind its ':' is missing"},
        {"https://127.1/", "it has no valid host, or no valid port behind it"},
        {"https://a..b/", "it has no valid host, or no valid port behind it"},
        {"https://h./", "it has no valid host, or no valid port behind it"},
        {"https://[::1/", "it has no valid host, or no valid port behind it"},
        {"https://u:p@h/", "it holds userinfo; a credential belongs into auth"},
        {"https://u@v@h/", "it holds userinfo; a credential belongs into auth"},
        {"https://h/#x", "it holds a fragment (#)"},
        {"https://h/a b", "its path holds characters that must be percent-encoded"},
        {"https://h/%zz", "its path holds characters that must be percent-encoded"},
        {"https://h/é", "its path holds characters that must be percent-encoded"},
        {"https://h/?a b", "its query holds characters that must be percent-encoded"},
        {"https://h/a/../b", "its path holds a dot segment"},
        {"https://h/%2E%2e", "its path holds a dot segment"},
        {"ftp://h/", "its scheme is neither https nor http"},
        {"//h/", "it has no scheme; expected https://HOST/PATH"},
        {"", "it has no scheme; expected https://HOST/PATH"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char text[256], errors[256];
        snprintf(text, sizeof text, "routes = { path = \"/a\"; scoring_uri = \"%s\"; };",
                 wrong[i][0]);
        snprintf(errors, sizeof errors,
                 "c:1: routes.scoring_uri: this is no URI of an endpoint: %s\n", wrong[i][1]);
        check(&(struct wrong){text, errors}, 1);
    }
}

static void test_at_most_100(void **state) {
    (void)state;
    const struct config_load_options options = {0};
    struct config_errors errors;
    char text[2048] = "";
    for (int i = 0; i < 150; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "k%d = 1;\n", i);
    config_errors_init(&errors);
    assert_null(config_load("c", text, &options, &errors));
    assert_int_equal(errors.count, 100);
    assert_non_null(strstr(errors.text.at, "c:100: unknown key k99\n"));
    assert_null(strstr(errors.text.at, "c:101: "));
    config_errors_done(&errors);
}

/* A secret that is wrong, or stands where something else is, is in no message. */
static void test_secrets_are_not_told(void **state) {
    (void)state;
    static const char *const texts[] = {
        KEY("secondary = \"hunter2 \";"),
        ROUTE("auth = { type = \"key\"; primary = \"hunter2"),
        KEY("secondary = [ \"hunter2\" ];"),
        ROUTE("scoring_uri = \"https://u:hunter2@h/\";"),
        "proxy = \"ftp://u:hunter2@h:1\";",
        KEY("secondary = { file = \"/x\"; env = \"hunter2\"; };"),
        KEY("secondary = \"hunter2\" \"\\q\";"),
        ROUTE("set_headers = { X-Key = \" hunter2\"; };"),
    };
    const struct config_load_options options = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct config_errors errors;
        config_errors_init(&errors);
        assert_null(config_load("c", texts[i], &options, &errors));
        assert_true(errors.count > 0);
        assert_null(strstr(errors.text.at, "hunter2"));
        config_errors_done(&errors);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_at_most_100),
        cmocka_unit_test(test_secrets_are_not_told),
    };
    unsetenv("https_proxy");
    unsetenv("HTTPS_PROXY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
