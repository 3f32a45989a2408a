/* SPDX-License-Identifier: MIT */
/* The table of all keys, as config/options.h says. */
#include "config/options.h"

#include "base/log.h"
#include "config/valid.h"
#include "policy/limit.h"

#define SECONDS(n) ((uint64_t)(n)*1000)
#define HOURS(n)   (SECONDS(3600) * (n))
#define MEBI       ((uint64_t)1 << 20)

static const struct option_choice auth_types[] = {{"none", AUTH_NONE},
                                                  {"key", AUTH_KEY},
                                                  {"token", AUTH_TOKEN},
                                                  {"endpoint-key", AUTH_ENDPOINT_KEY},
                                                  {"endpoint-token", AUTH_ENDPOINT_TOKEN},
                                                  {"entra", AUTH_ENTRA},
                                                  {NULL, 0}};
static const struct option_choice identity_types[] = {{"managed", IDENTITY_MANAGED},
                                                      {"client-secret", IDENTITY_CLIENT_SECRET},
                                                      {"certificate", IDENTITY_CERTIFICATE},
                                                      {"workload", IDENTITY_WORKLOAD},
                                                      {NULL, 0}};
static const struct option_choice clouds[] = {
    {"public", CLOUD_PUBLIC}, {"china", CLOUD_CHINA}, {"usgov", CLOUD_USGOV}, {NULL, 0}};
static const struct option_choice automatic[] = {{"auto", CONCURRENT_AUTO}, {NULL, 0}};
static const struct option_choice min_versions[] = {{"1.2", 12}, {"1.3", 13}, {NULL, 0}};
static const struct option_choice max_versions[] = {
    {"1.2", 12}, {"1.3", 13}, {"highest", 0}, {NULL, 0}};
static const struct option_choice log_levels[] = {{"error", LOG_LEVEL_ERROR},
                                                  {"warning", LOG_LEVEL_WARNING},
                                                  {"info", LOG_LEVEL_INFO},
                                                  {"debug", LOG_LEVEL_DEBUG},
                                                  {NULL, 0}};
static const struct option_choice log_formats[] = {{"text", LOG_FORMAT_TEXT},
                                                   {"json", LOG_FORMAT_JSON},
                                                   {"journal", LOG_FORMAT_JOURNAL},
                                                   {NULL, 0}};

#define KEY(g, n, t, where)    .group = OPTIONS_##g, .name = n, .type = OPTION_##t, .offset = where
#define TOP(n, t, field)       KEY(TOP, n, t, offsetof(struct config, field))
#define LIMITS(n, t, field)    KEY(LIMITS, n, t, offsetof(struct config, field))
#define LOG(n, t, field)       KEY(LOG, n, t, offsetof(struct config, field))
#define TLS(n, t, field)       KEY(TLS, n, t, offsetof(struct config_tls, field))
#define ROUTE(n, t, field)     KEY(ROUTE, n, t, offsetof(struct config_route, field))
#define BACKEND(n, t, field)   KEY(BACKEND, n, t, offsetof(struct config_backend, field))
#define RETRY(n, t, field)     KEY(RETRY, n, t, offsetof(struct retry_rules, field))
#define BREAKER(n, t, field)   KEY(BREAKER, n, t, offsetof(struct breaker_rules, field))
#define AUTH(n, t, field)      KEY(AUTH, n, t, offsetof(struct config_auth, field))
#define CORS(n, t, field)      KEY(CORS, n, t, offsetof(struct cors, field))
#define IDENTITY(n, t, field)  KEY(IDENTITY, n, t, offsetof(struct config_identity, field))
#define AZURE(n, t, field)     KEY(AZURE, n, t, offsetof(struct config_azure, field))
#define KEY_VAULT(n, t, field) KEY(KEY_VAULT, n, t, offsetof(struct config_secret, field))

#define IDENTITY_EXPECTED   "the name of one of identities"
#define DEPLOYMENT_EXPECTED "the name of a deployment: letters, digits, '-' and '_'"

#define ORIGINS_EXPECTED                                                                           \
    "\"https://HOST\" or \"https://HOST:PORT\" as browsers send it: small letters, no path, no "   \
    "default port; or \"*\""

/* Both kinds of listeners have the same keys, but for the port. */
#define LISTENER(g, n, t, field) KEY(g, n, t, offsetof(struct config_listen, field))
#define LISTENER_KEYS(g, port_)                                                                    \
    {LISTENER(g, "address", STRING, address), .valid = valid_address,                              \
     .expected = "an address in digits such as \"127.0.0.1\" or \"::1\"",                          \
     .initial = "\"127.0.0.1\"", .doc = "The address to listen on."},                              \
        {LISTENER(g, "port", PORT, port), .max = 65535, .initial = port_,                          \
         .doc = "The port to listen on; 0 lets the kernel choose one."},                           \
        {LISTENER(g, "unix", STRING, path), .valid = valid_socket_path,                            \
         .expected = "an absolute path of at most 107 bytes",                                      \
         .doc = "The path of a unix socket to listen on instead of an address."},                  \
        {LISTENER(g, "mode", MODE, mode), .max = 0777, .initial = "\"0660\"",                      \
         .doc = "The permissions of the unix socket."},                                            \
        {LISTENER(g, "group", UNIXGROUP, group),                                                   \
         .doc = "The group that the unix socket is given to."},                                    \
        {LISTENER(g, "systemd", STRING, name), .valid = valid_socket_name,                         \
         .expected = "a name of at most 255 letters, digits and punctuation marks but ':'",        \
         .doc = "The name (FileDescriptorName=) of a socket that systemd passes, instead of an "   \
                "address."},                                                                       \
        {LISTENER(g, "allow_remote", BOOL, allow_remote), .initial = "false",                      \
         .doc = "Whether the address may be another one than loopback, so that other machines "    \
                "can call."},                                                                      \
        {LISTENER(g, "allow_clients", CLIENTS, access), .initial = "[ ]",                          \
         .doc = "The networks whose addresses may call; without any, all may."},                   \
    {                                                                                              \
        LISTENER(g, "allow_users", USERS, access),                                                 \
            .initial = "[ ]",                                                                      \
            .doc = "The users whose processes may call over a unix socket; without any, all may."  \
    }

/* Azure's names of things, of which only the form is checked. */
#define ID(example)      .valid = valid_id, .expected = "an ID such as \"" example "\""
#define NAME_OF(example) .valid = valid_resource, .expected = "the name of " example
#define GUID             "00000000-0000-0000-0000-000000000000"

/* Endpoints and web services are named alike. */
#define NAMED(g, n, field) KEY(g, n, STRING, offsetof(struct config_named, field)), .required = true
#define NAMED_KEYS(g, what)                                                                        \
    {NAMED(g, "subscription", subscription), ID(GUID), .doc = "The ID of its subscription."},      \
        {NAMED(g, "resource_group", resource_group), NAME_OF("a resource group"),                  \
         .doc = "Its resource group."},                                                            \
        {NAMED(g, "workspace", workspace), NAME_OF("a workspace"),                                 \
         .doc = "Its Azure Machine Learning workspace."},                                          \
    {                                                                                              \
        NAMED(g, "name", name), NAME_OF(what), .doc = "Its name in the workspace."                 \
    }

const struct option option_table[] = {
    {TOP("listen", GROUP_LIST, listen), .count = offsetof(struct config, listen_count),
     .members = OPTIONS_LISTEN, .size = sizeof(struct config_listen),
     .initial = "( { address = \"127.0.0.1\"; port = 8080; } )",
     .doc = "Where callers are served: a list of listeners."},
    {TOP("admin", GROUP, admin), .members = OPTIONS_ADMIN,
     .initial = "{ address = \"127.0.0.1\"; port = 8081; }",
     .doc = "Where health, metrics and status are served."},
    {TOP("workers", NUMBER, workers), .max = 256, .initial = "0",
     .doc = "Threads that serve; 0 chooses two, or fewer on fewer processors."},
    {TOP("hosts", STRINGS, hosts), .count = offsetof(struct config, host_count),
     .valid = valid_host, .expected = "a name or an address without a port", .initial = "[ ]",
     .doc =
         "Names by which callers may address the gateway, besides the loopback names and its own "
         "addresses."},
    {TOP("tls", GROUP, tls), .members = OPTIONS_TLS, .initial = "{ }",
     .doc = "How connections to endpoints are secured, where a route does not say otherwise."},
    {TOP("proxy", PROXY, proxy),
     .doc = "The egress proxy; without it the environment's https_proxy and no_proxy count, \"\" "
            "turns that off."},
    {KEY(TOP, "limits", GROUP, 0), .members = OPTIONS_LIMITS, .initial = "{ }",
     .doc = "What callers may use up."},
    {TOP("drain_timeout_ms", MS, drain_timeout), .max = HOURS(1), .initial = "30000",
     .doc = "How long requests may still take when the gateway is told to stop."},
    {KEY(TOP, "log", GROUP, 0), .members = OPTIONS_LOG, .initial = "{ }", .doc = "What is logged."},
    {TOP("azure", GROUP, azure), .members = OPTIONS_AZURE, .initial = "{ }",
     .doc = "Where Azure's services are."},
    {TOP("identities", GROUP_MAP, identities), .count = offsetof(struct config, identity_count),
     .members = OPTIONS_IDENTITY, .size = sizeof(struct config_identity), .initial = "{ }",
     .doc = "Who the gateway is for Azure: identities by names of your choice."},
    {TOP("routes", GROUP_LIST, routes), .count = offsetof(struct config, route_count),
     .members = OPTIONS_ROUTE, .size = sizeof(struct config_route), .initial = "( )",
     .doc = "What is served: a list of routes from a local path to an endpoint."},

    LISTENER_KEYS(LISTEN, "8080"),

    {KEY(ADMIN, "enabled", BOOL, offsetof(struct config_listen, enabled)), .initial = "true",
     .doc = "Whether there is an admin listener."},
    LISTENER_KEYS(ADMIN, "8081"),

    {LIMITS("connections", NUMBER, max_connections), .min = 1, .max = 1000000, .initial = "4096",
     .doc = "Callers' connections at once; each may need 24 KiB and two descriptors."},
    {LIMITS("header_bytes", NUMBER, header_bytes), .min = 1024, .max = 65536, .initial = "8192",
     .doc = "The largest request head."},
    {LIMITS("client_idle_timeout_ms", MS, client_idle_timeout), .min = 100, .max = HOURS(24),
     .initial = "75000", .doc = "How long a caller's connection may rest between requests."},
    {LIMITS("client_header_timeout_ms", MS, client_header_timeout), .min = 100, .max = SECONDS(600),
     .initial = "10000", .doc = "How long a request head may take to arrive."},

    {LOG("level", CHOICE, log_level), .choices = log_levels, .initial = "\"info\"",
     .doc = "The least important kind of message that is logged."},
    {LOG("format", CHOICE, log_format), .choices = log_formats, .initial = "\"text\"",
     .doc =
         "How log lines look; journal is text without the time and with the level as the journal "
         "takes it."},
    {LOG("access", BOOL, log_access), .initial = "false",
     .doc = "Whether every request is logged."},

    {TLS("min_version", CHOICE, min_version), .choices = min_versions, .initial = "\"1.2\"",
     .doc = "The oldest version of TLS."},
    {TLS("max_version", CHOICE, max_version), .choices = max_versions, .initial = "\"highest\"",
     .doc = "The newest version of TLS."},
    {TLS("ca_file", FILE, ca_file),
     .doc = "A PEM file of the authorities to trust, instead of the system's."},
    {TLS("client_certificate", FILE, client_certificate),
     .doc = "A PEM file with the certificate to show to the endpoint, and its chain."},
    {TLS("client_key", FILE, client_key),
     .doc = "A PEM file with its key, if that is not in the same file."},
    {TLS("pin", STRING, pin), .valid = valid_pin,
     .expected = "\"sha256//\" and 44 characters of base64, several separated by ';'",
     .doc = "The public keys of which the endpoint must have one, besides a valid certificate."},

    {ROUTE("path", STRING, path), .required = true, .valid = route_path_valid,
     .expected = "a path such as \"/score\": no query, no empty or dot segment, no '/' at its end",
     .doc = "The local path."},
    {ROUTE("subpaths", BOOL, subpaths), .initial = "false",
     .doc = "Whether everything below the path is served too; the rest is appended to the "
            "scoring URI."},
    {ROUTE("scoring_uri", URI, own.scoring), .doc = "Where the endpoint scores."},
    {ROUTE("online_endpoint", GROUP, own.online_endpoint), .members = OPTIONS_ONLINE_ENDPOINT,
     .doc = "An online endpoint to be found by its name, instead of a scoring URI."},
    {ROUTE("web_service", GROUP, own.web_service), .members = OPTIONS_WEB_SERVICE,
     .doc = "A web service of the first generation (AKS, ACI) to be found by its name."},
    {ROUTE("identity", STRING, own.identity_name), .valid = valid_id, .expected = IDENTITY_EXPECTED,
     .doc = "Which of the identities finds the endpoint and gets its credential."},
    {ROUTE("swagger_uri", URI, own.swagger),
     .doc = "Where the endpoint describes itself; the scoring URI with its last segment "
            "swagger.json if not given."},
    {ROUTE("auth", GROUP, own.auth), .members = OPTIONS_AUTH, .initial = "{ }",
     .doc = "The credential that is added."},
    {ROUTE("backends", GROUP_LIST, backends), .count = offsetof(struct config_route, backend_count),
     .members = OPTIONS_BACKEND, .size = sizeof(struct config_backend),
     .doc = "Several endpoints that can each serve the route, instead of one."},
    {ROUTE("cors", CORS, cors), .members = OPTIONS_CORS, .size = sizeof(struct cors),
     .doc = "Which pages may call from a browser; without it none."},
    {ROUTE("methods", METHODS, methods), .initial = "[ \"POST\", \"GET\" ]",
     .doc = "The methods served; HEAD follows GET, OPTIONS is answered by the gateway."},
    {ROUTE("set_headers", HEADERS, set_headers),
     .count = offsetof(struct config_route, set_header_count), .initial = "{ }",
     .doc = "Fields added to every request, in place of the caller's."},
    {ROUTE("default_content_type", STRING, default_content_type), .valid = valid_media_type,
     .expected = "a media type such as \"application/json\"",
     .doc = "The type given to a body that comes with none or as a form."},
    {ROUTE("required", BOOL, required), .initial = "true",
     .doc = "Whether the gateway is ready only once this route is."},
    {ROUTE("idempotent", BOOL, idempotent), .initial = "false",
     .doc = "Whether a request may be sent twice: your word that scoring has no effect."},
    {ROUTE("deployment", STRING, own.deployment), .valid = parse_is_token,
     .expected = DEPLOYMENT_EXPECTED,
     .doc = "The deployment that is asked for (azureml-model-deployment)."},
    {ROUTE("client_deployment", BOOL, client_deployment), .initial = "false",
     .doc = "Whether callers may name the deployment themselves."},
    {ROUTE("unwrap_json", BOOL, unwrap_json), .initial = "false",
     .doc =
         "Whether an answer that is one JSON string with a JSON object or array in it is opened."},
    {ROUTE("connect_timeout_ms", MS, connect_timeout), .min = 1, .max = SECONDS(600),
     .initial = "5000", .doc = "How long a connection to the endpoint may take."},
    {ROUTE("response_timeout_ms", MS, response_timeout), .min = 1, .max = HOURS(24),
     .initial = "190000", .doc = "How long the endpoint may take to begin its answer."},
    {ROUTE("idle_timeout_ms", MS, idle_timeout), .min = 1, .max = HOURS(24), .initial = "60000",
     .doc = "How long a body may stand still on its way."},
    {ROUTE("total_timeout_ms", MS, total_timeout), .max = HOURS(24), .initial = "0",
     .doc = "How long all of it may take; 0 sets no limit."},
    {ROUTE("body_bytes", SIZE, body_bytes), .max = MEBI << 20, .initial = "104857600",
     .doc = "The largest request body."},
    {ROUTE("replay_bytes", SIZE, replay_bytes), .max = 1024 * MEBI, .initial = "1048576",
     .doc = "The largest request body that is kept until the answer begins, to be sent again where "
            "that is safe."},
    {ROUTE("max_concurrent", NUMBER_OR, max_concurrent), .max = LIMIT_MAX, .choices = automatic,
     .initial = "0",
     .doc = "Requests at the endpoint at once; 0 sets no limit, \"auto\" follows Azure's or learns "
            "it, and is the default where the endpoint is found by name."},
    {ROUTE("max_queue", NUMBER, max_queue), .max = 1000000, .initial = "1000",
     .doc = "Requests that wait for their turn."},
    {ROUTE("queue_timeout_ms", MS, queue_timeout), .min = 1, .max = HOURS(24), .initial = "10000",
     .doc = "How long a request may wait for its turn."},
    {ROUTE("wait_for_ready_ms", MS, wait_for_ready), .max = HOURS(24), .initial = "0",
     .doc = "How long a request is held and sent again while the endpoint starts."},
    {ROUTE("hedge_after_ms", MS, hedge_after), .max = SECONDS(600), .initial = "0",
     .doc = "After how long without an answer a request that may be repeated is sent a second "
            "time; 0 never does."},
    {ROUTE("retry", GROUP, retry), .members = OPTIONS_RETRY, .initial = "{ }",
     .doc = "Whether and when a request that failed is sent again."},
    {ROUTE("breaker", GROUP, breaker), .members = OPTIONS_BREAKER, .initial = "{ }",
     .doc = "When an endpoint that fails is left alone for a while."},
    {ROUTE("tls", GROUP, tls), .members = OPTIONS_TLS, .inherits = true,
     .doc = "How connections to this endpoint are secured; what it does not say is as at the top "
            "level."},
    {ROUTE("allow_insecure_upstream", BOOL, allow_insecure), .initial = "false",
     .doc = "Whether the endpoint's URIs may be http, readable on the way."},

    {BACKEND("uri", URI, scoring), .misnamed = "scoring_uri", .doc = "Where it scores."},
    {BACKEND("online_endpoint", GROUP, online_endpoint), .members = OPTIONS_ONLINE_ENDPOINT,
     .doc = "An online endpoint to be found by its name, instead of a URI."},
    {BACKEND("web_service", GROUP, web_service), .members = OPTIONS_WEB_SERVICE,
     .doc = "A web service of the first generation to be found by its name."},
    {BACKEND("swagger_uri", URI, swagger),
     .doc = "Where it describes itself; the URI with its last segment swagger.json if not given."},
    {BACKEND("identity", STRING, identity_name), .valid = valid_id, .expected = IDENTITY_EXPECTED,
     .doc = "Which of the identities finds it and gets its credential; that of the route if not "
            "given."},
    {BACKEND("auth", GROUP, auth), .members = OPTIONS_AUTH,
     .doc = "The credential that is added; that of the route if not given."},
    {BACKEND("deployment", STRING, deployment), .valid = parse_is_token,
     .expected = DEPLOYMENT_EXPECTED,
     .doc = "The deployment that is asked for; that of the route if not given."},
    {BACKEND("weight", NUMBER, weight), .max = 1000, .initial = "1",
     .doc = "Its share of the requests among those of its priority; 0 is for when these cannot "
            "serve."},
    {BACKEND("priority", NUMBER, priority), .max = 100, .initial = "0",
     .doc = "Those of the lowest priority that can serve are used."},
    {BACKEND("max_concurrent", NUMBER_OR, max_concurrent), .max = LIMIT_MAX, .choices = automatic,
     .initial = "0",
     .doc = "Requests at it at once; 0 sets no limit, \"auto\" is the default where it is found by "
            "name and where the route says so."},

    {RETRY("attempts", NUMBER, attempts), .min = 1, .max = 20, .initial = "4",
     .doc = "How often a request is sent in all; 1 never repeats it."},
    {RETRY("backoff_ms", MS, backoff), .min = 1, .max = SECONDS(60), .initial = "100",
     .doc = "The longest wait before the second time; it doubles with each further one."},
    {RETRY("max_backoff_ms", MS, max_backoff), .min = 1, .max = SECONDS(600), .initial = "2000",
     .doc = "The longest of these waits."},
    {RETRY("max_wait_ms", MS, max_wait), .max = SECONDS(600), .initial = "10000",
     .doc =
         "The longest Retry-After that is waited for; an answer with a longer one is passed on."},
    {RETRY("statuses", NUMBERS, statuses), .count = offsetof(struct retry_rules, status_count),
     .min = 400, .max = 599, .initial = "[ 429, 503 ]",
     .doc = "The statuses of answers after which a request is sent again."},
    {RETRY("budget_percent", NUMBER, budget_percent), .max = 100, .initial = "20",
     .doc = "How many of the requests may be repeated, in the long run."},

    {BREAKER("failures", NUMBER, failures), .max = 1000, .initial = "5",
     .doc = "Failures in a row after which an endpoint is left alone; 0 never does."},
    {BREAKER("open_ms", MS, open), .min = 1, .max = SECONDS(600), .initial = "500",
     .doc = "For how long at first; it doubles each time that a request sent to see fails."},
    {BREAKER("max_open_ms", MS, max_open), .min = 1, .max = SECONDS(3600), .initial = "5000",
     .doc = "For how long at the most."},
    {BREAKER("recovery_ms", MS, recovery), .max = SECONDS(3600), .initial = "10000",
     .doc = "Over how long its share grows to the whole again once it serves."},

    {AUTH("type", CHOICE, type), .choices = auth_types, .initial = "\"none\"",
     .doc = "The kind of credential."},
    {AUTH("header", STRING, header), .valid = valid_auth_header,
     .expected = "the name of a field that the gateway does not write itself",
     .initial = "\"Authorization\"", .doc = "The field that carries the credential."},
    {AUTH("prefix", STRING, prefix), .valid = valid_value,
     .expected = "characters that a field value may hold", .initial = "\"Bearer \"",
     .doc = "What stands before the credential in the field."},
    {AUTH("primary", SECRET, primary), .doc = "The key."},
    {AUTH("secondary", SECRET, secondary),
     .doc = "The other key, used when the endpoint refuses the first."},
    {AUTH("file", FILE, file), .doc = "The file with the token, which somebody else renews."},
    {AUTH("refresh_by", TIME, refresh_by),
     .doc = "When somebody should have renewed the token, or a file that says it."},
    {AUTH("scope", STRING, scope), .valid = valid_scope,
     .expected = "the scope of a resource such as \"https://ml.azure.com/.default\"",
     .doc = "What the token of the identity is for; Azure Machine Learning if not given."},

    {CORS("origins", STRINGS, origins), .count = offsetof(struct cors, origin_count),
     .required = true, .valid = valid_origin, .expected = ORIGINS_EXPECTED,
     .doc = "The origins whose pages may call; \"*\" is any."},
    {CORS("methods", METHODS, methods),
     .doc = "The methods that pages may use; those of the route if not given."},
    {CORS("headers", STRINGS, headers), .count = offsetof(struct cors, header_count),
     .valid = parse_is_token, .expected = "the name of a field", .initial = "[ ]",
     .doc = "The request fields that pages may set besides Content-Type."},
    {CORS("expose", STRINGS, expose), .count = offsetof(struct cors, expose_count),
     .valid = parse_is_token, .expected = "the name of a field", .initial = "[ ]",
     .doc = "The answer fields that pages may read."},
    {CORS("max_age_s", NUMBER, max_age_s), .max = 86400, .initial = "600",
     .doc = "How long a browser may remember the answer to a preflight."},
    {CORS("credentials", BOOL, credentials), .initial = "false",
     .doc = "Whether pages may send cookies; the endpoint never sees them."},
    {CORS("private_network", BOOL, private_network), .initial = "false",
     .doc = "Whether pages from the public network may call into this private one."},

    {IDENTITY("type", CHOICE, type), .choices = identity_types, .required = true,
     .doc = "The kind of identity."},
    {IDENTITY("tenant", STRING, tenant), .valid = valid_id,
     .expected = "an ID or a domain name of a directory",
     .doc = "The directory that the application belongs to."},
    {IDENTITY("client_id", STRING, client_id), ID(GUID),
     .doc = "The client ID of the application or user-assigned identity."},
    {IDENTITY("object_id", STRING, object_id), ID(GUID),
     .doc = "The object ID of a user-assigned identity, instead of its client ID."},
    {IDENTITY("resource_id", STRING, resource_id), .valid = valid_resource_id,
     .expected = "an ID of a resource: \"/subscriptions/…\"",
     .doc = "The resource ID of a user-assigned identity, instead of its client ID."},
    {IDENTITY("secret", SECRET, secret), .doc = "The client secret of the application."},
    {IDENTITY("certificate", FILE, certificate),
     .doc = "A PEM file with the certificate of the application."},
    {IDENTITY("certificate_key", FILE, certificate_key),
     .doc = "A PEM file with its key, if that is not in the same file."},
    {IDENTITY("token_file", FILE, token_file),
     .doc = "The file with the token of the workload, instead of AZURE_FEDERATED_TOKEN_FILE."},
    {IDENTITY("identity_binding", BOOL, identity_binding), .initial = "false",
     .doc = "Whether the token is shown to the cluster's proxy (identity bindings of AKS)."},

    {AZURE("cloud", CHOICE, cloud), .choices = clouds, .initial = "\"public\"",
     .doc = "Which of Azure's clouds."},
    {AZURE("authority", BASE_URL, authority),
     .doc = "The URL of Microsoft Entra ID, instead of the cloud's."},
    {AZURE("management", BASE_URL, management),
     .doc = "The URL of the management API, instead of the cloud's."},
    {AZURE("imds", BASE_URL, imds), .url = URL_HTTP,
     .doc = "The URL of the instance metadata service, instead of http://169.254.169.254."},
    {AZURE("ca_file", FILE, ca_file),
     .doc = "A PEM file of the authorities to trust for these, instead of the system's."},
    {AZURE("api_version", STRING, api_version), .valid = valid_api_version,
     .expected = "a version such as \"2024-10-01\"", .initial = "\"2024-10-01\"",
     .doc = "The version of the management API."},

    NAMED_KEYS(ONLINE_ENDPOINT, "an endpoint"),
    NAMED_KEYS(WEB_SERVICE, "a web service"),

    {KEY_VAULT("key_vault", BASE_URL, source), .url = URL_HOST, .required = true,
     .doc = "The URL of the vault."},
    {KEY_VAULT("name", STRING, name), .required = true, .valid = valid_vault_name,
     .expected = "the name of a secret: letters, digits and '-'", .doc = "The name of the secret."},
    {KEY_VAULT("version", STRING, version), .valid = valid_vault_name,
     .expected = "a version of a secret: letters and digits",
     .doc = "Its version; the latest if not given."},
    {KEY_VAULT("identity", STRING, identity_name), .required = true, .valid = valid_id,
     .expected = IDENTITY_EXPECTED, .doc = "Which of the identities reads it."},
};
const size_t option_count = ARRAY_LEN(option_table);
_Static_assert(offsetof(struct config_identity, name) == 0, "as OPTION_GROUP_MAP wants it");
_Static_assert(ARRAY_LEN(option_table) <= OPTIONS_MAX, "option_nearest() has room for all");
