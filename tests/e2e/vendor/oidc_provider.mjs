// SPDX-License-Identifier: MIT
// An independent token server, npm's oidc-provider, with the paths of Entra. Its configuration is
// the first line of standard input: {"tenant", "chain", "key", "resource", "lifetime", "clients"}.
// Prints its port, and ends with standard input.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const input = createInterface({ input: process.stdin });
const ask = JSON.parse((await input[Symbol.asyncIterator]().next()).value);
const server = createServer({ cert: readFileSync(ask.chain), key: readFileSync(ask.key) });
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const { port } = server.address();

const resource = {
  audience: ask.resource, scope: `${ask.resource}/.default`, accessTokenFormat: "jwt",
  accessTokenTTL: ask.lifetime, jwt: { sign: { alg: "RS256" } },
};
const provider = new Provider(`https://localhost:${port}`, {
  clients: ask.clients.map((client) => ({
    redirect_uris: [], response_types: [], grant_types: ["client_credentials"], ...client,
  })),
  scopes: [resource.scope],
  clientAuthMethods: ["client_secret_post", "client_secret_basic", "private_key_jwt"],
  enabledJWA: {
    clientAuthSigningAlgValues: ["PS256", "RS256"], userinfoSigningAlgValues: ["RS256"],
  },
  routes: {
    token: `/${ask.tenant}/oauth2/v2.0/token`, jwks: `/${ask.tenant}/discovery/v2.0/keys`,
  },
  features: {
    clientCredentials: { enabled: true }, devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true, defaultResource: () => ask.resource, useGrantedResource: () => true,
      getResourceServerInfo: () => resource,
    },
  },
});
server.on("request", provider.callback());
console.log(port);
input.on("close", () => process.exit(0));
