"""Values that the chart is tested with."""

import re

import yaml

from tests.cluster.bed.api import Object
from tools.chart import CHART, ROOT

POOL = {
    "workers": 3,
    "cpu": "500m",
    "memory": "3Gi",
    "gpus": 2,
    "gpuResource": "amd.com/gpu",
    "microBatchTokens": 1_000_000,  # as a float it would be 1e+06
    "nodeSelector": {"pool": "small"},
    "headNodeSelector": {"spot": "false"},
    "tolerations": [{"key": "a", "operator": "Equal", "value": "true", "effect": "NoExecute"}],
    "price": {"perHour": 0.5, "currency": "EUR"},
    "scratchSize": "7Gi",
    "head": {"cpu": "2", "memory": "5Gi", "scratchSize": "9Gi"},
    "serviceAccountName": "ray",
    "imagePullSecrets": [{"name": "pull"}],
    "priorityClassName": "low",
    "env": [{"name": "A", "value": "1"}],
    "maxConcurrentStages": 5,
    "overridable": ["workers", "head"],
    "max": {"workers": 4, "gpus": 2, "cpu": "8", "memory": "64Gi", "scratchSize": "100Gi"},
    "restricted": False,
    "podTemplate": {
        "metadata": {"annotations": {"a": "1"}, "labels": {"b": "2"}},
        "spec": {
            "schedulerName": "mine",
            "volumes": [{"name": "data", "emptyDir": {}}],
            "containers": [{"name": "ray-head", "env": [{"name": "B", "value": None}]}],
        },
    },
}
DIGEST = f"sha256:{'0' * 64}"
EVERYTHING: Object = {
    "image": {
        "operator": {"repository": "registry.example/operator", "digest": DIGEST},
        "trainer": {"repository": "registry.example/trainer", "tag": "1.2.3-cuda"},
        "pullPolicy": "Always",
        "pullSecrets": [{"name": "pull"}],
    },
    "rayVersion": "2.61.1",
    "access": [{"namespace": "*", "prefixes": ["s3://models/", "s3://lingraft/team-a/"]}],
    "store": {"uri": "s3://lingraft/", "credentialsSecret": "s3"},
    "hubMirror": "s3://models/hub/",
    "s3": {"endpoint": "https://s3.example:9000", "region": "eu-1", "caConfigMap": "ca"},
    "pools": {"small": POOL, "large": POOL},
    "tenants": [
        {
            "namespace": "models",
            "queue": "team",
            "queueRequired": True,
            "priorityClasses": ["batch"],
            "serviceAccounts": ["ray"],
        }
    ],
    "rayJobMetadata": {"labels": {"team": "a"}, "annotations": {"owner": "b"}},
    "fixedUsers": False,
    "workers": 3,
    "heartbeatTimeoutSeconds": 1_000_000,
    "graceSeconds": 0,
    "pollSeconds": 1,
    "keepFinishedSeconds": 0,
    "operator": {
        "resources": {"limits": {"cpu": "2"}},
        "credentialsSecret": "operator-s3",
        "env": [
            {"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"},
            {"name": "NO_PROXY", "value": "s3.example"},
            {"name": "TZ", "value": "UTC"},
        ],
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "spot", "operator": "DoesNotExist"}]}
                    ]
                }
            }
        },
        "priorityClassName": "system-cluster-critical",
        "podLabels": {"team": "a", "app.kubernetes.io/component": "mine"},
        "podAnnotations": {"team": "a", "checksum/config": "mine"},
    },
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}},
    "networkPolicy": {"enabled": True, "rayNamespaces": ["default", "kube-public"]},
    "metrics": {
        "serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "a"}},
        "podMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "a"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "a"}},
        "dashboard": {"enabled": True, "labels": {"grafana_dashboard": "yes"}},
    },
    "test": {
        "enabled": True,
        "namespace": "default",
        "spec": {"language": "fr", "corpus": {"uri": "s3://models/$(HOME)/$$/"}},
        "timeoutSeconds": 60,
    },
}
NAMESPACED: Object = {
    "namespaces": ["default", "kube-public"],
    "crds": {"enabled": False},
    "userRoles": {"enabled": False},
}
EXAMPLES: dict[str, Object] = {
    file.stem: yaml.safe_load(file.read_text())
    for file in sorted((CHART / "examples").glob("*.yaml"))
}
VARIANTS = {"defaults": {}, "everything": EVERYTHING, "namespaced": NAMESPACED, **EXAMPLES}


def documented_values() -> Object:
    """The values.yaml of docs/install.md."""
    text = (ROOT / "docs" / "install.md").read_text()
    (block,) = re.findall(r"```yaml\n(image:.*?)```", text, re.DOTALL)
    return yaml.safe_load(block)
