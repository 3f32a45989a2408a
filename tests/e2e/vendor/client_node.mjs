// SPDX-License-Identifier: MIT
// Microsoft's clients for JavaScript, aimed at the fake: one question on standard input, as JSON,
// one answer on standard output. Asks and answers what client_identity.py does.
import { text } from "node:stream/consumers";
import { AzureMachineLearningWorkspaces } from "@azure/arm-machinelearning";
import {
  ClientCertificateCredential, ClientSecretCredential, ManagedIdentityCredential,
  WorkloadIdentityCredential,
} from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";

const ARM = "https://management.azure.com/.default";

function credential(ask) {
  const away = { authorityHost: ask.authority, disableInstanceDiscovery: true };
  switch (ask.credential ?? "secret") {
    case "secret":
      return new ClientSecretCredential(ask.tenant, ask.client_id, ask.secret, away);
    case "certificate":
      return new ClientCertificateCredential(ask.tenant, ask.client_id,
        { certificatePath: ask.certificate }, away);
    case "workload": // all the rest from the environment
      return new WorkloadIdentityCredential({ disableInstanceDiscovery: true });
    default:
      return new ManagedIdentityCredential(ask.options ?? {});
  }
}

async function token(ask) {
  try {
    const got = await credential(ask).getToken(ask.scope ?? ARM);
    return { token: got.token, expires_on: got.expiresOnTimestamp / 1000 };
  } catch (error) {
    return { refused: String(error) };
  }
}

async function names(list) {
  const found = [];
  for await (const one of list) found.push(one.name);
  return found;
}

async function endpoints(ask) {
  const client = new AzureMachineLearningWorkspaces(credential(ask), ask.subscription,
    { endpoint: ask.management, credentialScopes: [ARM] });
  const place = [ask.resource_group, ask.workspace];
  const operations = client.onlineEndpoints;
  const one = await operations.get(...place, ask.name);
  const before = await operations.listKeys(...place, ask.name);
  await operations.beginRegenerateKeysAndWait(...place, ask.name, { keyType: "Primary" },
    { updateIntervalInMs: 100 });
  const after = await operations.listKeys(...place, ask.name);
  const got = await operations.getToken(...place, ask.token_name);
  const missing = await operations.get(...place, "missing").then(() => null, (e) => e.code);
  const deployments = {};
  for await (const d of client.onlineDeployments.list(...place, ask.name)) {
    const settings = d.properties.requestSettings;
    deployments[d.name] = [d.sku.capacity, settings.requestTimeout,
      settings.maxConcurrentRequestsPerInstance];
  }
  return {
    discovery_url: (await client.workspaces.get(...place)).discoveryUrl,
    all: await names(operations.list(...place)),
    tagged: await names(operations.list(...place, { tags: "team=b" })),
    auth_mode: one.properties.authMode, scoring_uri: one.properties.scoringUri,
    traffic: one.properties.traffic, deployments,
    before: [before.primaryKey, before.secondaryKey],
    after: [after.primaryKey, after.secondaryKey],
    token: got.accessToken, expiry: got.expiryTimeUtc, refresh: got.refreshAfterTimeUtc, missing,
  };
}

async function secret(ask) {
  const client = new SecretClient(ask.vault_url, credential(ask),
    { disableChallengeResourceVerification: true });
  const one = await client.getSecret(ask.name);
  const missing = await client.getSecret("missing").then(() => null, (e) => e.code);
  return {
    value: one.value, version: one.properties.version, enabled: one.properties.enabled, missing,
    expires_on: one.properties.expiresOn.getTime() / 1000,
    content_type: one.properties.contentType,
  };
}

const ask = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(await { token, endpoints, secret }[ask.do](ask)));
