/* SPDX-License-Identifier: MIT */
/* URIs of endpoints (RFC 3986, http and https only) and of the egress proxy. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "config/config.h"

#include <stdbool.h>

/* Takes T apart into URI, whose strings the caller owns. NULL, or what is wrong with it ("it holds
 * …"), with URI untouched. Out of memory is one of these. */
const char *uri_parse(struct text t, struct config_uri *uri) MUST_CHECK;

/* Same scheme, host and port. */
bool uri_same_origin(const struct config_uri *a, const struct config_uri *b);

/* Frees the strings, which may be NULL. */
void uri_done(struct config_uri *uri);

/* The URI of the description beside SCORING: its last segment replaced with swagger.json. As
 * uri_parse(). */
const char *uri_swagger(const struct config_uri *scoring, struct config_uri *uri) MUST_CHECK;

/* T as a URL to which paths are added, in BASE, which the caller owns: no query, no slash at its
 * end; http and a path only if these are allowed. As uri_parse(). */
const char *uri_base(struct text t, bool http, bool path, char **base) MUST_CHECK;

/* Whether T is the URL of a proxy: http, https, socks5 or socks5h, perhaps with userinfo, with a
 * port, without a path. NULL, or what is wrong with it. */
const char *uri_check_proxy(struct text t) MUST_CHECK;
/* The userinfo of a proxy's URL, empty if there is none. */
struct text uri_userinfo(struct text proxy);

/* Appends T with the userinfo and the values of the query as "***". */
void uri_print(struct buf *into, struct text t);
