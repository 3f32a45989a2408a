/* SPDX-License-Identifier: MIT */
/* Advice. The codes are those of Microsoft's page "Microsoft Entra authentication & authorization
 * error codes"; the roles those of "Authenticate clients for online endpoints". */
#include "cli/advice.h"

#include "base/macros.h"

#include <string.h>

/* Entra says the same code in many sentences; only the number counts. */
static const struct {
    const char *code, *advice;
} entra[] = {
    {"AADSTS700024", "The assertion is outside its time: set this machine's clock, or renew the "
                     "federated token's file."},
    {"AADSTS7000215", "The secret is wrong. It wants the value of the secret, not its id."},
    {"AADSTS7000222", "The secret has expired: add a new one to the application."},
    {"AADSTS700016", "There is no such application in the tenant: look at client_id and tenant."},
    {"AADSTS700027", "The certificate is not registered with the application, or has expired."},
    {"AADSTS700211", "No federated credential of the application has this issuer."},
    {"AADSTS700212", "No federated credential of the application has this audience."},
    {"AADSTS700213", "No federated credential of the application has this subject."},
    {"AADSTS70021", "No federated credential of the application fits this token."},
    {"AADSTS90002", "There is no such tenant: look at tenant and azure.cloud."},
    {"AADSTS500011", "The tenant does not know this resource: look at auth.scope and azure.cloud."},
    {"AADSTS50034", "There is no such account in the tenant."},
    {"AADSTS53003", "A conditional access policy forbids this."},
};

#define ACTION "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/"

/* What is missing where the answer is 403. */
static const struct {
    const char *kind, *advice;
} roles[] = {
    {"online-endpoint", "The identity needs a role with " ACTION "read."},
    {"endpoint-key", "The identity needs a role with " ACTION "listKeys/action on the endpoint, or "
                     "on the workspace for a web service."},
    {"endpoint-token", "The identity needs a role with " ACTION "token/action on the endpoint, or "
                       "the role Reader on the workspace for a web service."},
    {"discovery", "The identity needs the role Reader on the workspace."},
    {"web-service", "The identity needs the role Reader on the workspace."},
    {"key-vault", "The identity needs the role Key Vault Secrets User on the vault (or the right "
                  "to get secrets), and the vault's firewall must let this machine in."},
};

/* Whether CODE stands in TEXT and is not the beginning of a longer number. */
static bool mentions(const char *text, const char *code) {
    const char *hit = strstr(text, code);
    return hit && !(hit[strlen(code)] >= '0' && hit[strlen(code)] <= '9');
}

static const char *of_entra(const struct azure_error *e) {
    for (size_t i = 0; i < ARRAY_LEN(entra); i++)
        if (mentions(e->message, entra[i].code) || mentions(e->code, entra[i].code))
            return entra[i].advice;
    return NULL;
}

static const char *of_role(const char *kind) {
    for (size_t i = 0; kind && i < ARRAY_LEN(roles); i++)
        if (strcmp(kind, roles[i].kind) == 0)
            return roles[i].advice;
    return "The identity lacks a role for this; a new one may take some minutes to count, with "
           "managed identities up to a day.";
}

static const char *of_unavailable(const struct azure_error *e, const char *kind) {
    if (kind && strcmp(kind, "managed") == 0 && e->status == 0)
        return "Does this machine have a managed identity? Nothing answered where it would be.";
    return e->status == 0 ? "Nothing answered: look at network, proxy and azure.ca_file." : NULL;
}

const char *advice_for(const struct azure_error *e, const char *kind) {
    const char *advice = of_entra(e);
    if (advice)
        return advice;
    switch (e->failure) {
    case AZURE_REJECTED:
        return kind && strcmp(kind, "managed") == 0
                   ? "Is an identity assigned to this machine, and is it this client_id, object_id "
                     "or resource_id?"
                   : NULL;
    case AZURE_UNAUTHORIZED:
        return "The service does not take the token: look at tenant and azure.cloud.";
    case AZURE_FORBIDDEN:
        return of_role(kind);
    case AZURE_MISSING:
        return "There is nothing of this name, or the identity may not see it: look at the names.";
    case AZURE_UNAVAILABLE:
        return of_unavailable(e, kind);
    case AZURE_FINE:
    case AZURE_MALFORMED:
    case AZURE_UNUSABLE:
    case AZURE_NO_MEMORY:
        break;
    }
    return NULL;
}

void advice_describe(struct buf *b, const struct azure_error *e) {
    buf_add_string(b, azure_failure_word(e->failure));
    if (e->status)
        buf_addf(b, " (%u)", e->status);
    if (e->code[0])
        buf_addf(b, ", %s", e->code);
    if (e->message[0])
        buf_addf(b, ": %s", e->message);
    const char *before = " (";
    if (e->trace_id[0]) {
        buf_addf(b, "%strace %s", before, e->trace_id);
        before = ", ";
    }
    if (e->correlation_id[0]) {
        buf_addf(b, "%scorrelation %s", before, e->correlation_id);
        before = ", ";
    }
    if (before[0] == ',')
        buf_add_char(b, ')');
}
