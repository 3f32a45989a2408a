/* SPDX-License-Identifier: MIT */
/* Reading secrets, as config/secret_source.h says. */
#include "config/secret_source.h"

#include "base/parse.h"
#include "config/file.h"

#include <stdlib.h>
#include <sys/stat.h>

struct secret *secret_source_check(struct text value, struct buf *why) {
    if (value.len == 0) {
        buf_add_string(why, "is empty");
        return NULL;
    }
    if (text_starts(value, TEXT("Bearer "))) {
        buf_add_string(why,
                       "begins with \"Bearer \"; expected the key alone, auth.prefix adds that");
        return NULL;
    }
    if (!parse_is_credential(value)) {
        buf_add_string(why, "has not the form of a key; expected one line of at most 16384 visible "
                            "ASCII characters without blanks");
        return NULL;
    }
    struct secret *secret = secret_new(value);
    if (!secret)
        buf_add_string(why, "found no memory");
    return secret;
}

/* The content of a file that is as secret_source_read() wants it. */
static bool read_closed(const char *path, bool insecure_permissions, struct buf *content,
                        struct buf *why) {
    struct file_facts facts;
    buf_init(content, SECRET_FILE_MAX);
    if (!file_read(path, content, &facts, why))
        return false;
    if (insecure_permissions || !(facts.mode & (S_IROTH | S_IWOTH)))
        return true;
    buf_addf(why, "is open to every user (mode %04o); expected chmod o-rwx",
             (unsigned)(facts.mode & 07777));
    return false;
}

bool secret_source_check_file(const char *path, bool insecure_permissions, struct buf *why) {
    struct buf content;
    bool ok = read_closed(path, insecure_permissions, &content, why);
    buf_wipe(&content);
    return ok;
}

static struct secret *read_file(const char *path, bool insecure_permissions, struct buf *why) {
    struct buf content;
    struct secret *secret = NULL;
    if (read_closed(path, insecure_permissions, &content, why)) {
        struct text value = buf_text(&content);
        while (value.len && (value.at[value.len - 1] == '\n' || value.at[value.len - 1] == '\r'))
            value.len--;
        secret = secret_source_check(value, why);
    }
    buf_wipe(&content);
    return secret;
}

/* The file that systemd's credential NAME is. */
static bool add_credential_path(const char *name, struct buf *path, struct buf *why) {
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (!directory || !*directory) {
        buf_add_string(why, "is not there: systemd has passed no credentials (LoadCredential=)");
        return false;
    }
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        buf_add_string(why, "is no name of a credential; expected a file name without '/'");
        return false;
    }
    buf_addf(path, "%s/%s", directory, name);
    return true;
}

bool secret_source_path(enum config_secret_kind kind, const char *source, struct buf *path,
                        struct buf *why) {
    if (kind == SECRET_CREDENTIAL && !add_credential_path(source, path, why))
        return false;
    if (kind == SECRET_FILE)
        buf_add_string(path, source);
    if (!buf_ok(path))
        buf_add_string(why, "has too long a path");
    return buf_ok(path);
}

struct secret *secret_source_read(enum config_secret_kind kind, const char *source,
                                  bool insecure_permissions, struct buf *why) {
    struct secret *secret = NULL;
    if (kind == SECRET_FILE || kind == SECRET_CREDENTIAL) {
        struct buf path;
        buf_init(&path, 4096);
        if (secret_source_path(kind, source, &path, why))
            secret = read_file(path.at, insecure_permissions, why);
        buf_done(&path);
        return secret;
    }
    const char *value = kind == SECRET_ENV ? getenv(source) : NULL;
    if (value)
        return secret_source_check(text_of(value), why);
    buf_add_string(why, "is not set");
    return NULL;
}
