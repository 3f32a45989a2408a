/* SPDX-License-Identifier: MIT */
/* What the two kinds of services, online_endpoint.c and web_service.c, have in common and nobody
 * else needs. */
#pragma once

#include "azure/document.h"
#include "azure/service.h"

/* Reads one service out of the document of it or out of an element of a list, into S, which is
 * zero. On false S may be half full. */
typedef bool service_reader(const struct json *value, struct azure_service *s,
                            struct azure_error *error);
/* An answer that is one service, and one that is a page of them. An error names the service. */
bool service_read(const struct azure_answer *a, service_reader *reader, struct azure_service *s,
                  struct azure_error *error) MUST_CHECK;
bool service_read_page(const struct azure_answer *a, service_reader *reader, struct text origin,
                       struct azure_page *page, struct azure_error *error) MUST_CHECK;

/* The URL of the page after this one of a list; *NEXT is left alone on the last. */
bool service_read_next(const struct json *document, struct text origin, char **next,
                       struct azure_error *error) MUST_CHECK;

/* Adds NAME=VALUE to the query unless VALUE is NULL, and the page size of a list unless it is 0. */
void service_add_filter(struct buf *url, const char *name, const char *value);
void service_add_count(struct buf *url, unsigned count);
/* The body of regenerateKeys. */
void service_add_key_type(struct azure_request *r, enum azure_key key);

/* Resolves LINK, which an answer gave, against the URL that was asked (ORIGIN) into URL. False with
 * ERROR if it is no URI or leads to another origin, which must never see the token. WHAT: "next
 * link". */
bool service_resolve(struct text link, struct text origin, const char *what, struct buf *url,
                     struct azure_error *error) MUST_CHECK;
