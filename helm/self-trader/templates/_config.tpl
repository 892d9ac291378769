{{/* The program's configuration, from values. */}}

{{- define "self-trader.sharding" -}}
{{- if .Values.sharding.mode -}}
{{- .Values.sharding.mode -}}
{{- else -}}
{{- ternary "static" "alone" (gt (int .Values.replicaCount) 1) -}}
{{- end -}}
{{- end -}}

{{- define "self-trader.shards" -}}
{{- $mode := include "self-trader.sharding" . -}}
{{- if and (eq $mode "group") .Values.sharding.maxReplicas -}}
{{- int .Values.sharding.maxReplicas -}}
{{- else if eq $mode "alone" -}}
1
{{- else -}}
{{- max 1 (int .Values.replicaCount) -}}
{{- end -}}
{{- end -}}

{{- define "self-trader.persistent" -}}
{{- if and .Values.persistence.enabled (not .Values.trial.enabled) -}}true{{- end -}}
{{- end -}}

{{/* The instruments, each with the defaults under it, as a JSON list. */}}
{{- define "self-trader.instruments" -}}
{{- $all := list -}}
{{- if .Values.trial.enabled -}}
{{- $address := printf "http://%s-venue:8080" (include "self-trader.fullname" .) -}}
{{- range .Values.trial.symbols -}}
{{- $all = append $all (dict
  "Maker Exchange" "staging" "Dialect" "binance_spot" "Address" $address
  "API KEY" (dict "env" "TRIAL_API_KEY") "Secret" (dict "env" "TRIAL_SECRET")
  "Follow Exchange" "synthetic" "Follow Symbol" .name "Maker Symbol" .name "Term type" "SPOT"
  "Price Decimals" (int .priceDecimals) "Qty Decimals" (int .qtyDecimals)
  "Interval" 0 "Qty Multiplier" 1 "Price Divergence" 0.05 "Max Amt Per Order" 1000000
  "Same Price" "keep" "Same Qty" "keep" "Side" "follow") -}}
{{- end -}}
{{- else -}}
{{- range .Values.config.instruments -}}
{{- /* Key by key: sprig's merges keep a default where the instrument says 0 or "", and mix two references into one. */ -}}
{{- $one := deepCopy ($.Values.config.instrumentDefaults | default dict) -}}
{{- range $key, $value := . -}}{{- $_ := set $one $key $value -}}{{- end -}}
{{- $all = append $all $one -}}
{{- end -}}
{{- end -}}
{{- toRawJson $all -}}
{{- end -}}

{{/* The keys beside the instruments, as a JSON object. */}}
{{- define "self-trader.process" -}}
{{- $process := dict -}}
{{- if .Values.trial.enabled -}}
{{- $_ := set $process "Feed" (printf "synthetic:%d" (int .Values.trial.seed)) -}}
{{- else -}}
{{- $process = omit .Values.config "instruments" "instrumentDefaults" -}}
{{- end -}}
{{- if not $process.Feed -}}{{- $process = omit $process "Feed" -}}{{- end -}}
{{- $process = mustMerge (dict "Admin Address" "0.0.0.0:9464" "Sharding" (include "self-trader.sharding" .)
  "Shards" (include "self-trader.shards" . | int)) $process (dict "Log Format" "json") -}}
{{- if include "self-trader.persistent" . -}}
{{- $_ := set $process "Labels" "/data/labels.jsonl" -}}
{{- $_ := set $process "Journal" "/data/journal" -}}
{{- end -}}
{{- toRawJson $process -}}
{{- end -}}

{{/* The whole file: one line a key, one line an instrument. */}}
{{- define "self-trader.config" -}}
{{- $process := include "self-trader.process" . | fromJson -}}
{{- $instruments := include "self-trader.instruments" . | fromJsonArray -}}
{
{{- range $key, $value := $process }}
  {{ $key | toRawJson }}: {{ $value | toRawJson }},
{{- end }}
  "instruments": [
{{- range $at, $instrument := $instruments }}
    {{ $instrument | toRawJson }}{{ if lt (add1 $at) (len $instruments) }},{{ end }}
{{- end }}
  ]
}
{{- end -}}
