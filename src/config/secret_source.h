/* SPDX-License-Identifier: MIT */
/* Where a secret comes from: a file, the environment, or a credential that systemd passes; and the
 * rules that it is read by. Reads again as often as it is asked to, for files that change. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "config/config.h"

#include <stdbool.h>

/* A secret file is never larger. */
#define SECRET_FILE_MAX ((size_t)64 * 1024)

/* The secret of SOURCE (of KIND file, env or credential; may not be inline): a new reference, or
 * NULL with the reason appended to WHY, which never holds a part of the secret. A file must be
 * regular, at most SECRET_FILE_MAX bytes and neither readable nor writable by others (unless
 * INSECURE_PERMISSIONS); it is the opened file that is looked at, behind links. Line ends at its
 * end are dropped. */
struct secret *secret_source_read(enum config_secret_kind kind, const char *source,
                                  bool insecure_permissions, struct buf *why) MUST_CHECK;

/* Appends the path of the file that SOURCE (of KIND file or credential) is. False with the reason
 * appended to WHY. */
bool secret_source_path(enum config_secret_kind kind, const char *source, struct buf *path,
                        struct buf *why) MUST_CHECK;

/* Whether PATH is a file that read by the same rules could hold a secret, whatever is in it: for
 * private keys, which are read elsewhere. The reason against it is appended to WHY. */
bool secret_source_check_file(const char *path, bool insecure_permissions,
                              struct buf *why) MUST_CHECK;

/* A secret of VALUE if that has the form of a credential, else NULL as above. */
struct secret *secret_source_check(struct text value, struct buf *why) MUST_CHECK;
