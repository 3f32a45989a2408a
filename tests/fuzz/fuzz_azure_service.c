/* SPDX-License-Identifier: MIT */
/* Answers about services, keys, operations and vault secrets out of any bytes: what a reader takes
 * keeps its promises, what it refuses has a reason that can be shown. Input: the status, the
 * operation's URL and the location on a line each, then the body. */
#include "azure/deployments.h"
#include "azure/vault.h"
#include "azure/web_service.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "config/uri.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : abort())
#define ORIGIN          TEXT("https://h/subscriptions/s?api-version=1")

static struct text next_line(struct text *rest) {
    struct text line = {rest->at, text_find(*rest, '\n')};
    *rest = text_skip(*rest, line.len + 1);
    return line;
}

static void check_error(const struct azure_error *error) {
    MUST(error->failure != AZURE_FINE && azure_failure_word(error->failure)[0]);
    const char *const texts[] = {error->code, error->message, error->trace_id,
                                 error->correlation_id};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        for (struct text t = text_of(texts[i]); t.len;) {
            uint32_t code = 0;
            size_t n = utf8_next(t, &code);
            MUST(n && !utf8_is_control(code));
            t = text_skip(t, n);
        }
}

static void check_word(const char *word) {
    MUST(word && word[0]);
    for (; *word; word++)
        MUST(*word >= 0x20 && *word <= 0x7e);
}

static void check_uri(const char *uri, bool https) {
    struct config_uri parsed;
    MUST(!uri_parse(text_of(uri), &parsed));
    MUST(parsed.tls || !https);
    uri_done(&parsed);
}

static void check_service(const struct azure_service *s) {
    check_word(s->name);
    check_word(s->kind);
    check_word(s->state);
    check_word(azure_auth_word(s->auth));
    if (s->scoring_uri)
        check_uri(s->scoring_uri, false);
    if (s->swagger_uri)
        check_uri(s->swagger_uri, false);
    for (size_t i = 0; i < s->traffic.count; i++) {
        MUST(s->traffic.shares[i].deployment[0]);
        MUST(s->traffic.shares[i].percent > 0 && s->traffic.shares[i].percent <= 100);
    }
}

static void read_services(const struct azure_answer *a) {
    bool (*const readers[])(const struct azure_answer *, struct azure_service *,
                            struct azure_error *) = {online_endpoint_read, web_service_read};
    bool (*const pages[])(const struct azure_answer *, struct text, struct azure_page *,
                          struct azure_error *) = {online_endpoint_read_page,
                                                   web_service_read_page};
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        struct azure_error error;
        struct azure_service service;
        struct azure_page page;
        if (readers[i](a, &service, &error)) {
            check_service(&service);
            azure_service_done(&service);
        } else {
            check_error(&error);
        }
        if (!pages[i](a, ORIGIN, &page, &error)) {
            check_error(&error);
            continue;
        }
        MUST(page.count <= 1000);
        for (size_t n = 0; n < page.count; n++)
            check_service(&page.services[n]);
        MUST(!page.next || azure_same_origin(text_of(page.next), ORIGIN));
        azure_page_done(&page);
    }
}

/* Twice, as if it were two pages. */
static void read_deployments(const struct azure_answer *a) {
    struct azure_error error;
    struct azure_deployments list = {.all = NULL};
    struct buf why;
    buf_init(&why, 65536);
    for (size_t page = 1; page <= 2; page++) {
        size_t before = list.count;
        if (!deployments_read_page(a, ORIGIN, &list, &error)) {
            check_error(&error);
            MUST(list.count == before);
            break;
        }
        MUST(list.count <= 200);
        MUST(!list.next || azure_same_origin(text_of(list.next), ORIGIN));
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct azure_traffic none = {.shares = NULL};
        unsigned limit = deployments_limit(&list, &none, list.all[i].name, &why);
        check_word(list.all[i].name);
        check_word(list.all[i].state);
        check_word(list.all[i].compute);
        check_word(list.all[i].scale);
        MUST(limit <= 1000000 && buf_ok(&why) && why.len);
    }
    MUST(azure_deployments_same(&list, &list));
    azure_deployments_done(&list);
    buf_done(&why);
}

static void read_secrets(const struct azure_answer *a) {
    struct azure_error error;
    struct azure_keys keys;
    struct vault_secret secret;
    if (azure_keys_read(a, &keys, &error)) {
        MUST(parse_is_credential(secret_expose(keys.primary)));
        MUST(!keys.secondary || parse_is_credential(secret_expose(keys.secondary)));
        azure_keys_done(&keys);
    } else {
        check_error(&error);
    }
    if (vault_secret_read(a, 1700000000, &secret, &error)) {
        MUST(parse_is_credential(secret_expose(secret.value)));
        MUST(secret.lifetime_s == -1 || secret.lifetime_s > 0);
        secret_unref(&secret.value);
    } else {
        check_error(&error);
    }
}

static void read_operation(const struct azure_answer *a) {
    struct azure_error error;
    struct buf poll;
    enum azure_operation state;
    buf_init(&poll, 4096);
    if (!azure_operation_begin(a, ORIGIN, &poll, &state, &error))
        check_error(&error);
    else if (state == AZURE_OPERATION_RUNNING)
        MUST(azure_same_origin(buf_text(&poll), ORIGIN));
    buf_done(&poll);
    if (!azure_operation_read(a, &state, &error))
        check_error(&error);
}

static void read_discovery(const struct azure_answer *a) {
    struct azure_error error;
    struct buf url;
    buf_init(&url, 8192);
    if (workspace_read(a, &url, &error))
        check_uri(url.at, true);
    else
        check_error(&error);
    buf_clear(&url);
    if (discovery_read(a, &url, &error)) {
        check_uri(url.at, true);
        MUST(url.at[url.len - 1] != '/' && !strchr(url.at, '?'));
    } else {
        check_error(&error);
    }
    buf_done(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct text rest = {(const char *)data, size};
    uint64_t status = 200;
    struct azure_answer a = {.challenge = TEXT(""), .retry_after_s = -1};
    if (!parse_u64(next_line(&rest), 599, &status))
        status = 200;
    a.status = (unsigned)status;
    a.operation = next_line(&rest);
    a.location = next_line(&rest);
    a.body = rest;
    read_services(&a);
    read_deployments(&a);
    read_secrets(&a);
    read_operation(&a);
    read_discovery(&a);
    return 0;
}
