/* SPDX-License-Identifier: MIT */
/* Secrets of the configuration as sources, and tokens that somebody else writes to a file. */
#include "daemon/source_kinds.h"

#include "azure/cloud.h"
#include "azure/jwt.h"
#include "azure/vault.h"
#include "base/log.h"
#include "base/parse.h"
#include "config/file.h"
#include "config/secret_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a secret of Key Vault is looked at again; a new version is in use that soon. */
#define VAULT_REFRESH (300 * USEC_PER_SEC)

/* What stands in the configuration, or in the environment, does not change. */

static bool read_fixed(struct source *s, struct source_outcome *o, struct azure_error *error) {
    (void)error;
    o->value.secrets[0] = secret_ref(s->secret->value);
    return true;
}

static bool same_fixed(const struct source *a, const struct source *b) {
    return secret_same(a->secret->value, b->secret->value);
}

static const struct source_class fixed_class = {
    .fixed = true, .read = read_fixed, .same = same_fixed};

/* Files */

/* The path of a file secret, or the name of a credential, and how it is read. */
static struct secret *read_now(const struct source *s, struct buf *why) {
    return secret_source_read(s->secret ? s->secret->kind : SECRET_FILE, s->file,
                              s->all->config->insecure_permissions, why);
}

/* The wall clock's SECONDS on the monotonic one. */
static usec_t monotonic_of(const struct source *s, int64_t seconds) {
    int64_t left = seconds - clock_wall() / USEC_PER_SEC;
    if (left > INT32_MAX || left < -INT32_MAX)
        left = left > 0 ? INT32_MAX : -INT32_MAX;
    usec_t at = s->all->loop->now + left * USEC_PER_SEC;
    return at > 0 ? at : 1;
}

/* A time, or the file that holds one. */
static bool read_time(const char *said, int64_t *seconds) {
    struct buf content, why;
    if (parse_time(text_of(said), seconds))
        return true;
    buf_init(&content, 256);
    buf_init(&why, 256);
    bool ok = file_read(said, &content, NULL, &why);
    struct text value = buf_text(&content);
    while (value.len && (value.at[value.len - 1] == '\n' || value.at[value.len - 1] == '\r'))
        value.len--;
    ok = ok && parse_time(value, seconds);
    buf_done(&content);
    buf_done(&why);
    return ok;
}

/* For people: when the token ends, and by when it should have been renewed. */
static void show_times(const struct source *s, struct source_outcome *o) {
    int64_t seconds;
    if (jwt_expiry(secret_expose(o->value.secrets[0]), &seconds))
        o->shown_end = monotonic_of(s, seconds);
    if (s->refresh_by && read_time(s->refresh_by, &seconds))
        o->shown_due = monotonic_of(s, seconds);
}

static bool read_file(struct source *s, struct source_outcome *o, struct azure_error *error) {
    struct buf why;
    buf_init(&why, 512);
    o->value.secrets[0] = read_now(s, &why);
    /* It was there when the configuration was loaded, a moment ago. */
    if (!o->value.secrets[0] && !s->since && s->secret && s->secret->value)
        o->value.secrets[0] = secret_ref(s->secret->value);
    bool ok = o->value.secrets[0];
    if (!ok)
        azure_error_set(error, AZURE_UNUSABLE, "%s %s", s->file, buf_text(&why).at);
    else if (!s->secret)
        show_times(s, o);
    buf_done(&why);
    return ok;
}

static bool same_file(const struct source *a, const struct source *b) {
    return strcmp(a->file, b->file) == 0;
}

static const struct source_class file_class = {.read = read_file, .same = same_file};

/* Something happened in the file's directory. A file that is empty, half written or open to others
 * is not used, and that is said once. */
static void on_file(struct watched_file *watched) {
    struct source *s = container_of(watched, struct source, watched);
    struct buf why;
    buf_init(&why, 512);
    struct secret *now = read_now(s, &why);
    if (!now && source_usable(s) && !s->told_bad)
        log_warning("a changed secret file is not used", LOG_STRING("credential", s->name),
                    LOG_STRING("file", s->file), LOG_TEXT("error", buf_text(&why)));
    s->told_bad = !now;
    bool changed = now && (!source_usable(s) || s->failed ||
                           !text_equal(secret_expose(now), secret_expose(source_secret(s))));
    secret_unref(&now);
    buf_done(&why);
    if (changed)
        source_retry(s, "file");
}

/* S, or NULL without memory for it. */
static struct source *watch(struct source *s) {
    struct buf path, why;
    if (!s->all->files)
        return s;
    buf_init(&path, 4096);
    buf_init(&why, 512);
    bool ok = secret_source_path(s->secret ? s->secret->kind : SECRET_FILE, s->file, &path, &why) &&
              file_watch_add(s->all->files, &s->watched, path.at, on_file);
    buf_done(&path);
    buf_done(&why);
    if (ok)
        return s;
    source_drop(s);
    return NULL;
}

/* Key Vault */

static bool vault_request(struct source *s, struct azure_request *r, struct azure_error *error) {
    (void)error;
    return vault_secret_get(s->secret->source, s->secret->name, s->secret->version,
                            source_secret(s->needs[0].source), r);
}

static enum source_step vault_answer(struct source *s, const struct azure_answer *a,
                                     struct source_outcome *o, struct azure_error *error) {
    struct vault_secret found = {0};
    (void)s;
    if (!vault_secret_read(a, clock_wall() / USEC_PER_SEC, &found, error))
        return SOURCE_FAILED;
    o->value.secrets[0] = found.value;
    if (found.lifetime_s >= 0)
        o->lifetime = found.lifetime_s * USEC_PER_SEC;
    o->refresh_after = VAULT_REFRESH;
    return SOURCE_DONE;
}

static const struct source_class vault_class = {
    .max_body = FETCH_TOKEN_MAX, .request = vault_request, .answer = vault_answer};

static struct source *source_of_vault(struct sources *all, const struct config_secret *secret) {
    char *key, name[512];
    bool made;
    const char *host = strstr(secret->source, "://");
    host = host ? host + 3 : secret->source;
    if (asprintf(&key, "vault\n%s\n%s\n%s\n%s", secret->source, secret->name,
                 secret->version ? secret->version : "", secret->identity->name) < 0)
        return NULL;
    snprintf(name, sizeof name, "vault:%.*s/%s", (int)text_find(text_of(host), '/'), host,
             secret->name);
    struct source *s = source_get(all, &vault_class, key, name, "key-vault", &made);
    free(key);
    if (!s || !made)
        return s;
    s->secret = secret;
    struct source *bearer =
        source_of_identity(all, secret->identity, cloud_vault_resource(&all->config->azure));
    if (!bearer) {
        source_drop(s);
        return NULL;
    }
    source_need(s, 0, bearer);
    return s;
}

/* All of them */

struct source *source_of_secret(struct sources *all, const struct config_secret *secret,
                                const char *name) {
    static const char *const kinds[] = {[SECRET_INLINE] = "inline",
                                        [SECRET_ENV] = "environment",
                                        [SECRET_FILE] = "file",
                                        [SECRET_CREDENTIAL] = "systemd"};
    bool made;
    if (secret->kind == SECRET_KEY_VAULT)
        return source_of_vault(all, secret);
    bool fixed = secret->kind == SECRET_INLINE || secret->kind == SECRET_ENV;
    struct source *s =
        source_get(all, fixed ? &fixed_class : &file_class, name, name, kinds[secret->kind], &made);
    if (!s || !made)
        return s;
    s->secret = secret;
    s->file = secret->source;
    return fixed ? s : watch(s);
}

struct source *source_of_token_file(struct sources *all, const char *file, const char *refresh_by,
                                    const char *name) {
    bool made;
    struct source *s = source_get(all, &file_class, name, name, "token", &made);
    if (!s || !made)
        return s;
    s->file = file;
    s->refresh_by = refresh_by;
    return watch(s);
}
