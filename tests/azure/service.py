# SPDX-License-Identifier: MIT
"""A v1 web service on ACI or AKS, with the document that MMS shows of it."""

from .keys import Keys
from .tokens import guid

COMPUTES = ("ACI", "AKS", "AKSENDPOINT")
PROBE = {"periodSeconds": 10, "initialDelaySeconds": 310, "timeoutSeconds": 2,
         "successThreshold": 1, "failureThreshold": 3}


class Service:
    """COMPUTE: ACI, AKS or AKSENDPOINT. auth_enabled defaults as Azure has it: keys on AKS, none on
    ACI. aad_auth_enabled: tokens instead of keys. FIELDS: more members, or others."""

    def __init__(self, workspace, name, compute="AKS", auth_enabled=None, aad_auth_enabled=False,
                 scoring_uri=None, swagger_uri=None, primary=None, secondary=None, tags=None,
                 properties=None, state="Healthy", token_lifetime=None, refresh_after=None,
                 model=("m", "m:1"), **fields):
        if compute not in COMPUTES:
            raise ValueError(f"compute is one of {', '.join(COMPUTES)}")
        self.workspace = workspace
        self.name = name
        self.compute = compute
        self.auth_enabled = (compute != "ACI" and not aad_auth_enabled) if auth_enabled is None \
            else auth_enabled
        self.aad_auth_enabled = aad_auth_enabled
        self.scoring_uri = scoring_uri or self._default_uri()
        self.swagger_uri = swagger_uri or self.scoring_uri.rpartition("/")[0] + "/swagger.json"
        self.keys = Keys(workspace.azure, primary, secondary)
        self.tags = dict(tags or {})
        self.properties = dict(properties or {})
        self.state = state
        self.token_lifetime = token_lifetime
        self.refresh_after = refresh_after
        self.model_name, self.model_id = model
        self.image_id = f"image-{name}:1"
        self.fields = fields
        self.guid = guid()
        self.created = workspace.azure.next_number()

    def _default_uri(self):
        if self.compute == "ACI":
            return f"http://{guid()}.{self.workspace.location}.azurecontainer.io/score"
        return f"http://192.0.2.1:80/api/v1/service/{self.name}/score"

    @property
    def id(self):
        return f"{self.workspace.id}/services/{self.name}"

    def issue_token(self):
        azure = self.workspace.azure
        now, lifetime, refresh = azure.endpoint_times(self)
        return {"accessToken": azure.endpoint_token(self.id, now, lifetime),
                "tokenType": "Bearer", "expiryOn": now + lifetime, "refreshAfter": now + refresh}

    def document(self, expand=False):
        azure = self.workspace.azure
        made = azure.date_text(1600000000 + self.created)
        document = {
            "id": self.name, "name": self.name, "description": "", "kvTags": self.tags,
            "properties": self.properties, "operationId": self.guid, "state": self.state,
            "createdTime": made, "updatedTime": made, "error": None,
            "computeType": self.compute, "deploymentType": "HttpRealtimeEndpoint",
            "createdBy": {"userName": "somebody"}, "imageId": self.image_id,
            "scoringUri": self.scoring_uri, "swaggerUri": self.swagger_uri,
            "authEnabled": self.auth_enabled, "appInsightsEnabled": False,
            "modelConfigMap": {}, "models": None, "environmentImageRequest": None,
            "containerResourceRequirements": {
                "cpu": 0.1, "cpuLimit": None, "memoryInGB": 0.5, "memoryInGBLimit": None,
                "gpu": None, "fpga": None}}
        document.update(getattr(self, f"_{self.compute.lower()}")())
        if expand:
            document["models"] = [self._model(made)]
        document.update(self.fields)
        return document

    def _model(self, made):
        return {"id": self.model_id, "name": self.model_name, "version": 1,
                "url": "aml://asset/0", "mimeType": "application/x-python", "createdTime": made,
                "createdBy": {"userName": "somebody"}, "kvTags": {}, "properties": {},
                "description": None, "framework": "Custom", "frameworkVersion": None,
                "unpack": False, "experimentName": None, "runId": None, "datasets": [],
                "resourceRequirements": None, "sampleInputData": None, "sampleOutputData": None}

    def _aci(self):
        return {"location": self.workspace.location, "publicIp": "192.0.2.2", "cname": None,
                "sslEnabled": False, "sslCertificate": None, "sslKey": None,
                "vnetConfiguration": None, "encryptionProperties": None,
                "dataCollection": {"eventHubEnabled": False, "storageEnabled": False}}

    def _aks(self):
        return {"aadAuthEnabled": self.aad_auth_enabled, "computeName": "cluster",
                "namespace": "azureml", "numReplicas": 1,
                "autoScaler": {"autoscaleEnabled": False, "minReplicas": 1, "maxReplicas": 10,
                               "targetUtilization": 70, "refreshPeriodInSeconds": 1},
                "dataCollection": {"eventHubEnabled": False, "storageEnabled": False},
                "maxConcurrentRequestsPerContainer": 1, "maxQueueWaitMs": 500,
                "scoringTimeoutMs": 60000, "livenessProbeRequirements": dict(PROBE),
                "deploymentStatus": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
                                     "unavailableReplicas": 0, "error": None}}

    def _aksendpoint(self):
        one = self._aks()
        one.update({"type": "Control", "isDefault": True, "trafficPercentile": 100,
                    "scoringUri": self.scoring_uri, "name": "v1", "state": self.state,
                    "authEnabled": self.auth_enabled})
        return {"aadAuthEnabled": self.aad_auth_enabled, "computeName": "cluster",
                "namespace": "azureml", "endpointVersions": {"v1": one}, "versions": {"v1": one}}
