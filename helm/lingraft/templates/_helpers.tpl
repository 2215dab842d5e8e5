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

{{/*
An image reference, of the parent chart's registry where it names one. Takes a list: one of image.*, the
root context.
*/}}
{{- define "lingraft.image" -}}
{{- $image := index . 0 -}}
{{- $repository := $image.repository -}}
{{- with (index . 1).Values.global.imageRegistry -}}
{{- $parts := splitList "/" $repository -}}
{{- if or (regexMatch "[.:]" (first $parts)) (eq "localhost" (first $parts)) -}}
{{- $parts = rest $parts -}}
{{- end -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (join "/" $parts) -}}
{{- end -}}
{{- if $image.digest -}}
{{ $repository }}@{{ $image.digest }}
{{- else -}}
{{ $repository }}:{{ $image.tag | default (index . 1).Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The parent chart's Secrets for pulling images, as {"secrets": ...}: names or references there. */}}
{{- define "lingraft.globalSecrets" -}}
secrets:
{{- range .Values.global.imagePullSecrets }}
- name: {{ if kindIs "string" . }}{{ . | quote }}{{ else }}{{ .name | quote }}{{ end }}
{{- end }}
{{- end }}

{{/* Of the operator's pod and the test's. */}}
{{- define "lingraft.pullSecrets" -}}
{{- $global := (include "lingraft.globalSecrets" . | fromYaml).secrets -}}
{{- with concat .Values.image.pullSecrets ($global | default list) | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* config.yaml: the values that the operator itself reads, under the same names. */}}
{{- define "lingraft.config" -}}
{{- $config := pick .Values "rayVersion" "namespaces" "access" "store" "s3" "pools" "tenants" "rayJobMetadata" "fixedUsers" "workers"
    "heartbeatTimeoutSeconds" "graceSeconds" "pollSeconds" "keepFinishedSeconds" -}}
{{- $config = set $config "trainerImage" (include "lingraft.image" (list .Values.image.trainer .)) -}}
{{- $config = set $config "imagePullPolicy" .Values.image.pullPolicy -}}
{{- $global := (include "lingraft.globalSecrets" . | fromYaml).secrets -}}
{{- range $pool, $given := $config.pools -}}
{{- if and $global (kindIs "invalid" (index $given "imagePullSecrets")) -}}
{{- $pools := merge (dict $pool (dict "imagePullSecrets" $global)) (deepCopy $config.pools) -}}
{{- $config = set $config "pools" $pools -}}
{{- end -}}
{{- end -}}
{{- $name := printf "%s/%s" .Release.Namespace (include "lingraft.fullname" .) -}}
{{- $config = set $config "release" $name -}}
{{- $config = set $config "proxy" (include "lingraft.proxy" . | fromYaml) -}}
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
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [lingraft]
  verbs: [get, update]
{{- end }}

{{/*
Refuses an upgrade after which what was started could not go on: of such a slip nobody learns in time.
Without a cluster (`helm template`, Argo CD) nothing is known of the release before.
*/}}
{{- define "lingraft.guard" -}}
{{- if not .Values.enabled -}}
{{- fail "enabled is false, which is for the condition of a parent chart's dependency: name it there (condition: lingraft.enabled), or leave the chart out" -}}
{{- end -}}
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

{{/* What the operator's code reads from its environment: the chart's own wins, for it comes last. */}}
{{- define "lingraft.environment" -}}
{{- $proxy := include "lingraft.proxy" . | fromYaml }}
{{- range .Values.operator.env }}
{{- if not (hasKey $proxy .name) }}
- name: {{ .name }}
  value: {{ .value | default "" | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := $proxy }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
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

{{/*
The proxy of operator.env, by variable: of the operator and of Ray pods. Around it go what is on the
same host or in the cluster (KubeRay's probes use wget), and where clouds give out keys.
*/}}
{{- define "lingraft.proxy" -}}
{{- $around := list "localhost" "127.0.0.1" "::1" "[::1]" ".svc" ".cluster.local"
    "169.254.169.254" "169.254.170.2" "169.254.170.23" "fd00:ec2::23" "[fd00:ec2::23]" -}}
{{- $found := dict -}}
{{- range .Values.operator.env -}}
{{- if has (upper .name) (list "HTTP_PROXY" "HTTPS_PROXY") -}}
{{- $found = set $found .name .value -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- $said := false -}}
{{- range .Values.operator.env -}}
{{- if eq (upper .name) "NO_PROXY" -}}
{{- $found = set $found .name (concat (splitList "," .value) $around | join ",") -}}
{{- $said = true -}}
{{- end -}}
{{- end -}}
{{- if not $said -}}
{{- $found = set $found "NO_PROXY" ($around | join ",") -}}
{{- end -}}
{{- end -}}
{{ toYaml $found }}
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
{{- if .Values.fixedUsers }}
runAsUser: 65532
runAsGroup: 65532
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "lingraft.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
