{{/* Names: the release's, with the chart's where the release does not say it. */}}
{{- define "lingraft.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "lingraft.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "lingraft.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "lingraft.selectorLabels" . }}
{{- end }}

{{/* An image reference. Takes a list: one of image.*, the root context. */}}
{{- define "lingraft.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 1).Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* config.yaml: the values that the operator itself reads, under the same names. */}}
{{- define "lingraft.config" -}}
{{- $config := pick .Values "rayVersion" "namespaces" "access" "store" "s3" "pools" "workers"
    "heartbeatTimeoutSeconds" "graceSeconds" "pollSeconds" "keepFinishedSeconds" -}}
{{- $config = set $config "trainerImage" (include "lingraft.image" (list .Values.image.trainer .)) -}}
{{- $config = set $config "imagePullPolicy" .Values.image.pullPolicy -}}
{{ toYaml $config }}
{{- end }}

{{/*
All that the operator may do. No secrets, config maps, nodes or CRDs: it never reads a tenant's
credentials, and kopf's scanning is off.
*/}}
{{- define "lingraft.rules" -}}
- apiGroups: [lingraft.dev]
  resources: [languageadaptations]
  verbs: [get, list, watch]
- apiGroups: [lingraft.dev]
  resources: [languageadaptations/status]
  verbs: [patch]
- apiGroups: [ray.io]
  resources: [rayjobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
{{- end }}

{{/*
Refuses an upgrade after which what was started could not go on: of such a slip nobody learns in time.
Without a cluster (`helm template`, Argo CD) nothing is known of the release before.
*/}}
{{- define "lingraft.guard" -}}
{{- if and .Release.IsUpgrade (not .Values.allowShrinking) -}}
{{- $former := lookup "v1" "ConfigMap" .Release.Namespace (include "lingraft.fullname" .) -}}
{{- $before := dig "data" "config.yaml" "{}" $former | fromYaml -}}
{{- range $name := list "access" "store" -}}
{{- if and (get $before $name) (not (get $.Values $name)) -}}
{{- printf "%s: this upgrade would empty it, and nothing that counts on it could go on: list what the release before had, or set allowShrinking to true" $name | fail -}}
{{- end -}}
{{- end -}}
{{- if .Values.namespaces -}}
{{- $lost := without ($before.namespaces | default list) .Values.namespaces -}}
{{- if and $former (not $before.namespaces) -}}
{{- $lost = list "all others" -}}
{{- end -}}
{{- with concat $lost -}}
{{- printf "namespaces: this upgrade would watch %s no longer, and what runs there would be tended by nobody: list what the release before had, or set allowShrinking to true" (join ", " .) | fail -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* How the operator reaches S3: boto3's own variables. */}}
{{- define "lingraft.s3Environment" -}}
{{- with .Values.s3.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.s3.region }}
- name: AWS_DEFAULT_REGION
  value: {{ . | quote }}
{{- end }}
{{- if .Values.s3.caConfigMap }}
- name: AWS_CA_BUNDLE
  value: /etc/lingraft-ca/ca.crt
{{- end }}
{{- end }}

{{/* What the operator's code reads from its environment. */}}
{{- define "lingraft.environment" -}}
{{- include "lingraft.s3Environment" . }}
{{- with .Values.hubMirror }}
- name: LINGRAFT_HUB_MIRROR
  value: {{ . | quote }}
{{- end }}
{{- if .Values.operator.credentialsSecret }}
- name: LINGRAFT_CREDENTIALS
  value: /etc/lingraft-credentials
{{- end }}
{{- end }}

{{/* Where the operator's pod runs, and the test's. */}}
{{- define "lingraft.placement" -}}
{{- with .Values.operator.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}

{{/* The restricted standard, for every pod of the chart. */}}
{{- define "lingraft.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "lingraft.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
