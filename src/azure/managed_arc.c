/* SPDX-License-Identifier: MIT */
/* The second half of Azure Arc's exchange: proving that we may read a file. The service that asks
 * for it could be anyone who got hold of its port, so the file is looked at closely:
 * managed_arc_answer(). */
#include "azure/managed.h"

#include "base/parse.h"
#include "config/file.h"

#define KEY_MAX  ((size_t)4096)
#define PATH_LEN ((size_t)512)

/* The file that 'Basic realm=FILE' names. */
static bool read_challenge(struct text challenge, struct text *file) {
    static const struct text scheme = TEXT("Basic "), realm = TEXT("realm=");
    if (challenge.len < scheme.len ||
        !text_equal_nocase((struct text){challenge.at, scheme.len}, scheme))
        return false;
    struct text rest = text_trim(text_skip(challenge, scheme.len));
    if (rest.len < realm.len || !text_equal_nocase((struct text){rest.at, realm.len}, realm))
        return false;
    rest = text_skip(rest, realm.len);
    if (rest.len >= 2 && rest.at[0] == '"' && rest.at[rest.len - 1] == '"')
        rest = (struct text){rest.at + 1, rest.len - 2};
    *file = rest;
    return rest.len > 0;
}

/* A name without '/' that ends in ".key", directly in DIRECTORY. */
static bool is_key_file(struct text file, struct text directory) {
    static const struct text suffix = TEXT(".key");
    if (file.len > PATH_LEN || !text_starts(file, directory) ||
        !text_starts(text_skip(file, directory.len), TEXT("/")) || !parse_is_field_value(file))
        return false;
    struct text name = text_skip(file, directory.len + 1);
    return text_find(name, '/') == name.len && name.len > suffix.len &&
           text_equal(text_skip(name, name.len - suffix.len), suffix);
}

/* The whole of PATH as a secret, as it stands there: it is base64 already. */
static struct secret *read_key(const char *path, struct azure_error *error) {
    struct buf content, why;
    struct secret *key = NULL;
    buf_init(&content, KEY_MAX);
    buf_init(&why, 512);
    if (!file_read_itself(path, &content, NULL, &why)) {
        azure_error_set(error, AZURE_UNUSABLE,
                        "%s, which Azure Arc's agent asks for, %s; only root and the group himds "
                        "can read it",
                        path, buf_text(&why).at);
    } else {
        struct text value = buf_text(&content);
        while (value.len && (value.at[value.len - 1] == '\n' || value.at[value.len - 1] == '\r'))
            value.len--;
        if (!parse_is_credential(value))
            azure_error_set(error, AZURE_UNUSABLE, "%s does not hold a key", path);
        else if (!(key = secret_new(value)))
            azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    }
    buf_wipe(&content);
    buf_done(&why);
    return key;
}

static bool answer(struct text challenge, const char *directory, struct azure_request *r,
                   struct azure_error *error) {
    struct text file = TEXT("");
    struct buf path;
    if (!read_challenge(challenge, &file)) {
        azure_error_set(error, AZURE_MALFORMED,
                        "Azure Arc's agent names no file by which to prove who asks");
        return false;
    }
    if (!is_key_file(file, text_of(directory))) {
        azure_error_set(error, AZURE_MALFORMED,
                        "Azure Arc's agent asks for a file that is no .key file directly in %s",
                        directory);
        return false;
    }
    buf_init(&path, PATH_LEN);
    buf_add_text(&path, file);
    struct secret *key = buf_ok(&path) ? read_key(path.at, error) : NULL;
    if (!buf_ok(&path))
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    buf_done(&path);
    if (!key)
        return false;
    azure_add_secret_field(r, "Authorization", "Basic ", key);
    secret_unref(&key);
    if (!azure_request_ok(r))
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return azure_request_ok(r);
}

bool managed_arc_answer(struct text challenge, const char *directory, struct azure_request *r,
                        struct azure_error *error) {
    bool ok = answer(challenge, directory, r, error);
    if (!ok)
        azure_request_done(r);
    return ok;
}
