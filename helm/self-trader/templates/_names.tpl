{{/* Names and labels. */}}

{{- define "self-trader.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 50 characters: what is derived from it stays below 63. */}}
{{- define "self-trader.fullname" -}}
{{- $name := include "self-trader.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "self-trader.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "self-trader.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The labels that a selector may use: they never change within a release. */}}
{{- define "self-trader.selector" -}}
app.kubernetes.io/name: {{ include "self-trader.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* A pod's: what changes with each version of the chart would replace pods for nothing. */}}
{{- define "self-trader.podLabels" -}}
{{ include "self-trader.selector" . }}
app.kubernetes.io/part-of: self-trader
{{- end -}}

{{- define "self-trader.labels" -}}
{{ include "self-trader.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: self-trader
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "self-trader.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* The same for every container: nothing is written but to volumes. */}}
{{- define "self-trader.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
