/* SPDX-License-Identifier: MIT */
/* What an endpoint says of itself (Swagger 2.0, OpenAPI 3.0 and 3.1), rewritten for a caller of the
 * gateway: where it is reached, under which paths, with which methods, and without the credential
 * that the gateway adds. Everything else stays as it is written. A pure decision.
 *
 * Sources: the OpenAPI specifications 2.0, 3.0.3 and 3.1.0; Azure's own documents, which
 * azureml-inference-server-http makes of its templates. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

/* How the caller sees the endpoint that a document is of. */
struct openapi_view {
    struct text host;    /* that the caller asked, with its port; empty: it did not say */
    struct text route;   /* the path of the route */
    struct text scoring; /* the path of the scoring URI, */
    struct text swagger; /* and of the document's */
    bool subpaths;       /* what lies below the scoring URI can be reached, too */
    unsigned methods;    /* set of enum method that the route serves */
    /* Whether a field of a caller reaches the endpoint. */
    bool (*passes)(const void *context, struct text field);
    const void *context;
};

/* Appends DOCUMENT to INTO as V sees it:
 *
 * where         "host" and "schemes" (2.0) or "servers" (3.x) are those of the gateway, which
 *               speaks plain HTTP; "basePath" goes into the paths, inner servers go
 * paths         the scoring path becomes that of the route, the document's own ROUTE/swagger.json;
 *               what cannot be reached through the route goes. A document whose base is not told,
 *               as those of a server behind a proxy that cuts paths, is fitted by its ends
 * methods       those that the route does not serve go
 * security      schemes that the gateway sees to, or that it lets nobody else see to, go: HTTP,
 *               OAuth, OpenID Connect, mutual TLS, cookies, and keys in fields that never pass
 *
 * False, with nothing appended: it is no such document, or none of its paths fits the scoring URI.
 * True with INTO failed: it did not fit there. */
bool openapi_rewrite(struct text document, const struct openapi_view *v,
                     struct buf *into) MUST_CHECK;
