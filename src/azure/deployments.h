/* SPDX-License-Identifier: MIT */
/* The deployments of an online endpoint, by the management API (ARM), and how many requests Azure
 * lets them have at once. Sources: azure-rest-api-specs, Microsoft.MachineLearningServices,
 * OnlineDeployments; "Troubleshoot online endpoints", status 429. */
#pragma once

#include "azure/online_endpoint.h"

struct azure_deployment {
    char *name;
    char *state;   /* provisioningState; "unknown" if not said */
    char *compute; /* endpointComputeType: "Managed", "Kubernetes", …; "Managed" if not said */
    char *scale;  /* scaleType: "Default", or "TargetUtilization", where sku.capacity does not count
                   * the instances; "Default" if not said */
    bool counted; /* it says how many instances it has */
    unsigned instances;
    unsigned max_concurrent; /* that an instance works on at once; 1 if not said */
};

/* What was listed so far. */
struct azure_deployments {
    struct azure_deployment *all;
    size_t count;
    char *
        next; /* the URL of the next page, of the same origin as the request's; NULL: it is whole */
};
void azure_deployments_done(struct azure_deployments *d);
/* Whether both say the same of the same deployments. */
bool azure_deployments_same(const struct azure_deployments *a, const struct azure_deployments *b);

/* The list of ENDPOINT's deployments. False: out of memory. */
bool deployments_list(const struct azure_workspace *w, const char *endpoint, struct secret *bearer,
                      struct azure_request *r) MUST_CHECK;
/* Adds the page that was answered to D; the request for the next one is azure_follow_request() of
 * d->next. ORIGIN: the URL that was asked. False: D is as it was. */
bool deployments_read_page(const struct azure_answer *a, struct text origin,
                           struct azure_deployments *d, struct azure_error *error) MUST_CHECK;

/* How many requests may be at the endpoint at once: Azure answers 429 above
 *
 *     2 x requests that an instance works on at once x instances
 *
 * of a deployment: that of the one called ONLY, or (NULL) the sum over those that take TRAFFIC. The
 * sum holds for the endpoint as a whole. Where the split of the traffic fills one deployment sooner
 * than the others, its 429s come below the sum: what they teach (policy/limit.h) is for the gate to
 * weigh; to send less from the start would leave places empty, since each request is dealt out by
 * chance.
 *
 * 0: not known, as on Kubernetes, where the rule is another one, or of a deployment that does not
 * say how many instances it has. WHY gets what the number is made of ("2 x (blue 1 x 2)"), or the
 * reason why it is not known. */
unsigned deployments_limit(const struct azure_deployments *d, const struct azure_traffic *traffic,
                           const char *only, struct buf *why);
