{{/* Parts that the program's pods and the test's pod share. */}}

{{- define "self-trader.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef: {fieldPath: metadata.name}
{{- with .Values.logFilter }}
- name: RUST_LOG
  value: {{ . | quote }}
{{- end }}
{{- range .Values.secrets }}
{{- if .env }}
- name: {{ .env }}
  valueFrom:
    secretKeyRef: {name: {{ .name | quote }}, key: {{ .key | quote }}}
{{- end }}
{{- end }}
{{- if .Values.trial.enabled }}
{{- $secret := printf "%s-trial" (include "self-trader.fullname" .) }}
- name: TRIAL_API_KEY
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: api-key}
- name: TRIAL_SECRET
  valueFrom:
    secretKeyRef: {name: {{ $secret }}, key: secret}
{{- end }}
{{- end -}}

{{/* Whether a reaper is of any use: the embedded venue's orders end with the process that they live in. */}}
{{- define "self-trader.reaper" -}}
{{- if .Values.reaper.enabled -}}
{{- $venues := list -}}
{{- range include "self-trader.instruments" . | fromJsonArray -}}
{{- $venues = append $venues (get . "Maker Exchange") -}}
{{- end -}}
{{- if without $venues "simulated" -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The entries of `secrets` that are files, as JSON. */}}
{{- define "self-trader.secretFiles" -}}
{{- $files := list -}}
{{- range .Values.secrets -}}
{{- if .file -}}{{- $files = append $files . -}}{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end -}}

{{- define "self-trader.mounts" -}}
- {name: config, mountPath: /etc/self-trader, readOnly: true}
{{- if include "self-trader.secretFiles" . | fromJsonArray }}
- {name: secrets, mountPath: /run/secrets/self-trader, readOnly: true}
{{- end }}
{{- end -}}

{{- define "self-trader.volumes" -}}
- name: config
  configMap: {name: {{ include "self-trader.fullname" . }}}
{{- with include "self-trader.secretFiles" . | fromJsonArray }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret:
          name: {{ .name | quote }}
          items: [{key: {{ .key | quote }}, path: {{ .file | quote }}}]
      {{- end }}
{{- end }}
{{- end -}}
