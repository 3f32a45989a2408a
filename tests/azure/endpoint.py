# SPDX-License-Identifier: MIT
"""A v2 online endpoint and its deployments, with the documents that ARM shows of them."""

from .keys import Keys

TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
MODES = {"key": "Key", "amltoken": "AMLToken", "aml_token": "AMLToken", "aadtoken": "AADToken",
         "aad_token": "AADToken"}


def stamp(azure, ago=0):
    return azure.date_text(azure.now() - ago)


class Deployment:
    """OPTIONS: members of properties, over the defaults here."""

    def __init__(self, endpoint, name, capacity=1, max_concurrent=1, request_timeout="PT5S",
                 max_queue_wait="PT0.5S", **options):
        self.endpoint = endpoint
        self.name = name
        self.capacity = capacity
        self.max_concurrent = max_concurrent
        self.request_timeout = request_timeout
        self.max_queue_wait = max_queue_wait
        self.provisioning_state = "Succeeded"
        self.properties = options

    def scale(self, capacity):
        """Out or in, to so many instances."""
        self.change(capacity=capacity)

    def change(self, **attributes):
        """Those that are said: capacity, max_concurrent, provisioning_state, …"""
        for name, value in attributes.items():
            if name in ("endpoint", "name") or name not in self.__dict__:
                raise ValueError(f"a deployment has no {name!r} to change")
            setattr(self, name, value)
        self.endpoint.changed()

    def document(self):
        azure = self.endpoint.workspace.azure
        return {
            "id": f"{self.endpoint.id}/deployments/{self.name}", "name": self.name,
            "type": f"{TYPE}/deployments", "location": self.endpoint.workspace.location,
            "tags": {}, "kind": self.endpoint.compute_type,
            "sku": {"name": "Default", "capacity": self.capacity},
            "systemData": {"createdAt": stamp(azure, 3600), "createdByType": "User"},
            "properties": {
                "endpointComputeType": self.endpoint.compute_type,
                "provisioningState": self.provisioning_state, "description": None,
                "instanceType": "Standard_DS3_v2", "environmentVariables": {},
                "appInsightsEnabled": False,
                "scaleSettings": {"scaleType": "Default"},
                "requestSettings": {"maxConcurrentRequestsPerInstance": self.max_concurrent,
                                    "requestTimeout": self.request_timeout,
                                    "maxQueueWait": self.max_queue_wait},
                "livenessProbe": {"initialDelay": "PT10S", "period": "PT10S", "timeout": "PT2S",
                                  "successThreshold": 1, "failureThreshold": 30},
                "properties": {}, **self.properties}}


class Endpoint:
    """AUTH_MODE: Key, AMLToken or AADToken, or as YAML writes them. scoring_uri defaults to
    Azure's own form, swagger_uri to its neighbour. token_lifetime, refresh_after: of an AML token,
    in seconds; None: azure.endpoint_lifetime and azure.endpoint_refresh_after."""

    def __init__(self, workspace, name, auth_mode="Key", scoring_uri=None, swagger_uri=None,
                 primary=None, secondary=None, traffic=None, tags=None, properties=None,
                 compute_type="Managed", provisioning_state="Succeeded", token_lifetime=None,
                 refresh_after=None, description=None):
        self.workspace = workspace
        self.name = name
        self.auth_mode = MODES[auth_mode.lower()]
        self.scoring_uri = scoring_uri or (
            f"https://{name}.{workspace.location}.inference.ml.azure.com/score")
        self.swagger_uri = swagger_uri or self.scoring_uri.rpartition("/")[0] + "/swagger.json"
        self.keys = Keys(workspace.azure, primary, secondary)
        self.traffic = dict(traffic or {})
        self.tags = dict(tags or {})
        self.properties = dict(properties or {})
        self.compute_type = compute_type
        self.provisioning_state = provisioning_state
        self.token_lifetime = token_lifetime
        self.refresh_after = refresh_after
        self.description = description
        self.deployments = {}
        self._followers = []
        self.created = workspace.azure.next_number()

    @property
    def id(self):
        return f"{self.workspace.id}/onlineEndpoints/{self.name}"

    def deployment(self, name, **options):
        """A new one: see Deployment. The first gets all of the traffic."""
        self.deployments[name.lower()] = made = Deployment(self, name, **options)
        if not self.traffic:
            self.traffic[name] = 100
        self.changed()
        return made

    def undeploy(self, name):
        """The deployment called NAME is gone, and what it took of the traffic."""
        self.traffic.pop(self.deployments.pop(name.lower()).name, None)
        self.changed()

    def shift(self, **traffic):
        """Splits the traffic anew: shift(blue=90, green=10)."""
        unknown = set(traffic) - {d.name for d in self.deployments.values()}
        if unknown:
            raise KeyError(f"no deployment is called {', '.join(unknown)}")
        self.traffic = traffic
        self.changed()

    def follow(self, follower):
        """FOLLOWER() is called now, and whenever changed() is."""
        self._followers.append(follower)
        follower()

    def changed(self):
        for follower in self._followers:
            follower()

    def issue_token(self):
        azure = self.workspace.azure
        now, lifetime, refresh = azure.endpoint_times(self)
        return {"accessToken": azure.endpoint_token(self.id, now, lifetime),
                "tokenType": "Bearer", "expiryTimeUtc": now + lifetime,
                "refreshAfterTimeUtc": now + refresh}

    def document(self):
        azure = self.workspace.azure
        return {
            "id": self.id, "name": self.name, "type": TYPE, "location": self.workspace.location,
            "tags": self.tags, "kind": self.compute_type,
            "identity": {"type": "SystemAssigned", "principalId": self.workspace.guid,
                         "tenantId": azure.tenant},
            "sku": None,
            "systemData": {"createdAt": stamp(azure, 3600), "createdByType": "User",
                           "lastModifiedAt": stamp(azure, 60)},
            "properties": {
                "authMode": self.auth_mode, "scoringUri": self.scoring_uri,
                "swaggerUri": self.swagger_uri, "provisioningState": self.provisioning_state,
                "compute": None, "description": self.description, "traffic": self.traffic,
                "mirrorTraffic": {}, "publicNetworkAccess": "Enabled",
                "properties": self.properties}}
