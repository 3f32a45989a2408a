/* SPDX-License-Identifier: MIT */
/* The life of a configuration snapshot: counting references, freeing with the last one. */
#include "config/config.h"

#include "config/uri.h"

#include <stdlib.h>

static void free_strings(char **strings, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static void free_secret(struct config_secret *s) {
    free(s->source);
    free(s->name);
    free(s->version);
    free(s->identity_name);
    secret_unref(&s->value);
}

static void free_tls(struct config_tls *tls) {
    free(tls->ca_file);
    free(tls->client_certificate);
    free(tls->client_key);
    free(tls->pin);
}

static void free_cors(struct cors *cors) {
    if (!cors)
        return;
    free_strings(cors->origins, cors->origin_count);
    free_strings(cors->headers, cors->header_count);
    free_strings(cors->expose, cors->expose_count);
    free(cors);
}

static void free_identity(struct config_identity *i) {
    free(i->name);
    free(i->tenant);
    free(i->client_id);
    free(i->object_id);
    free(i->resource_id);
    free_secret(&i->secret);
    free(i->certificate);
    free(i->certificate_key);
    free(i->token_file);
}

static void free_azure(struct config_azure *a) {
    free(a->authority);
    free(a->management);
    free(a->imds);
    free(a->ca_file);
    free(a->api_version);
}

static void free_named(struct config_named *n) {
    free(n->subscription);
    free(n->resource_group);
    free(n->workspace);
    free(n->name);
}

static void free_auth(struct config_auth *a) {
    free(a->header);
    free(a->prefix);
    free_secret(&a->primary);
    free_secret(&a->secondary);
    free(a->file);
    free(a->refresh_by);
    free(a->scope);
}

static void free_backend(struct config_backend *b) {
    uri_done(&b->scoring);
    uri_done(&b->swagger);
    free_named(&b->online_endpoint);
    free_named(&b->web_service);
    free(b->identity_name);
    free_auth(&b->auth);
    free(b->deployment);
}

static void free_route(struct config_route *r) {
    free(r->path);
    free_backend(&r->own);
    for (size_t i = 0; r->backends != &r->own && i < r->backend_count; i++)
        free_backend(&r->backends[i]);
    if (r->backends != &r->own)
        free(r->backends);
    free_cors(r->cors);
    for (size_t i = 0; i < r->set_header_count; i++) {
        free(r->set_headers[i].name);
        free(r->set_headers[i].value);
    }
    free(r->set_headers);
    free(r->default_content_type);
    free(r->retry.statuses);
    free_tls(&r->tls);
}

static void free_listen(struct config_listen *l) {
    free(l->address);
    free(l->path);
    free(l->name);
    free(l->access.clients);
    free(l->access.users);
}

static void free_config(struct config *c) {
    for (size_t i = 0; i < c->listen_count; i++)
        free_listen(&c->listen[i]);
    free(c->listen);
    free_listen(&c->admin);
    free_strings(c->hosts, c->host_count);
    route_table_free(&c->table);
    for (size_t i = 0; i < c->route_count; i++)
        free_route(&c->routes[i]);
    free(c->routes);
    free(c->backends);
    for (size_t i = 0; i < c->identity_count; i++)
        free_identity(&c->identities[i]);
    free(c->identities);
    free_azure(&c->azure);
    free_tls(&c->tls);
    free(c->proxy);
    free(c->no_proxy);
    free_strings(c->files, c->file_count);
    free(c);
}

struct config *config_ref(struct config *c) {
    __atomic_add_fetch(&c->references, 1, __ATOMIC_RELAXED);
    return c;
}

void config_unref(struct config **pointer) {
    struct config *c = *pointer;
    *pointer = NULL;
    if (c && __atomic_sub_fetch(&c->references, 1, __ATOMIC_ACQ_REL) == 0)
        free_config(c);
}
