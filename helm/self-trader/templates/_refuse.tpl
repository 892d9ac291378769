{{/*
What cannot run, or must not stand in values, is refused before anything is installed: all of it at once, one line each,
and never with the text that was found.
*/}}

{{- define "self-trader.refuse" -}}
{{- $faults := concat
  (include "self-trader.faults.sharding" . | fromJsonArray)
  (include "self-trader.faults.secrets" . | fromJsonArray)
  (include "self-trader.faults.peers" . | fromJsonArray)
  (include "self-trader.faults.change" . | fromJsonArray) -}}
{{- if $faults -}}
{{- fail (printf "\n%s" (join "\n" $faults)) -}}
{{- end -}}
{{- end -}}

{{/* The feed's URL; empty where there is none, or only a reference to it. */}}
{{- define "self-trader.feedUrl" -}}
{{- with .Values.config.Feed -}}{{- if kindIs "string" . -}}{{- . -}}{{- end -}}{{- end -}}
{{- end -}}

{{- define "self-trader.faults.sharding" -}}
{{- $faults := list -}}
{{- $mode := include "self-trader.sharding" . -}}
{{- $replicas := int .Values.replicaCount -}}
{{- $feed := include "self-trader.feedUrl" . -}}
{{- if and (eq $mode "alone") (gt $replicas 1) -}}
{{- $faults = append $faults (printf "sharding.mode: alone is one process (got replicaCount %d, want 1, or static or group)" $replicas) -}}
{{- end -}}
{{- if .Values.trial.enabled -}}
{{- if ne $mode "alone" -}}
{{- $faults = append $faults (printf "trial.enabled: a trial is one process (got replicaCount %d, sharding %s, want 1, alone)" $replicas $mode) -}}
{{- end -}}
{{- if or .Values.config.instruments .Values.config.Feed -}}
{{- $faults = append $faults "trial.enabled: a trial brings its own feed and instruments (want config.Feed and config.instruments empty)" -}}
{{- end -}}
{{- else -}}
{{- if not .Values.config.instruments -}}
{{- $faults = append $faults "config.instruments: empty (want at least one, or trial.enabled=true)" -}}
{{- end -}}
{{- if not .Values.config.Feed -}}
{{- $faults = append $faults "config.Feed: missing (want a feed URL, or {env: NAME})" -}}
{{- end -}}
{{- $store := get .Values.config "Lease Store" -}}
{{- if and (eq $mode "static") $feed (not $store) (not (regexMatch "^rediss?://" $feed)) -}}
{{- $faults = append $faults "config.Lease Store: missing (static sharding keeps its leases in Redis; want redis:// or rediss://, or {env: NAME} of a secret)" -}}
{{- end -}}
{{- if and (ne $mode "group") (regexMatch "^kafka://.*[?&]group=" $feed) -}}
{{- $faults = append $faults (printf "config.Feed: a Kafka group wants sharding.mode group (got %s)" $mode) -}}
{{- end -}}
{{- if eq $mode "group" -}}
{{- if and $feed (not (regexMatch "^kafka://.*[?&]group=[^&]" $feed)) -}}
{{- $faults = append $faults "config.Feed: sharding group needs a Kafka group (want kafka://host:port/TOPIC?group=NAME)" -}}
{{- end -}}
{{- $most := int .Values.sharding.maxReplicas -}}
{{- if and $most (gt $replicas $most) -}}
{{- $faults = append $faults (printf "replicaCount: more than sharding.maxReplicas (got %d, want at most %d)" $replicas $most) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{- define "self-trader.faults.secrets" -}}
{{- $faults := list -}}
{{- range $key := list "Feed" "Lease Store" "Labels Kafka" -}}
{{- $url := get $.Values.config $key | default "" -}}
{{- if and (kindIs "string" $url) (contains "@" $url) (not (hasPrefix "tape:" $url)) -}}
{{- $faults = append $faults (printf "config.%s: carries a user or a password (want %s)" $key (ternary "sasl options in Kafka Options" "{env: NAME} and an entry of secrets that holds the URL" (eq $key "Labels Kafka"))) -}}
{{- end -}}
{{- end -}}
{{- $env := list "TRIAL_API_KEY" "TRIAL_SECRET" -}}
{{- $files := list -}}
{{- range .Values.secrets -}}
{{- with .env -}}{{- $env = append $env . -}}{{- end -}}
{{- with .file -}}{{- $files = append $files (printf "/run/secrets/self-trader/%s" .) -}}{{- end -}}
{{- end -}}
{{- $places := list -}}
{{- range $key := list "Feed" "Lease Store" -}}
{{- $value := get $.Values.config $key -}}
{{- if kindIs "map" $value -}}
{{- $places = append $places (dict "where" (printf "config.%s" $key) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- range $instrument := include "self-trader.instruments" . | fromJsonArray -}}
{{- $symbol := get $instrument "Maker Symbol" | default "?" -}}
{{- range $key := list "API KEY" "Secret" "Passphrase" -}}
{{- $places = append $places (dict "where" (printf "instrument %v: %s" $symbol $key) "value" (get $instrument $key)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := get .Values.config "Kafka Options" | default dict -}}
{{- if or (kindIs "map" $value) (regexMatch "(?i)(password|secret|\\.pem$|\\.key$|jaas)" $name) -}}
{{- $places = append $places (dict "where" (printf "Kafka Options: %s" $name) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- range $places -}}
{{- if kindIs "map" .value -}}
{{- if and .value.env (not (has .value.env $env)) -}}
{{- $faults = append $faults (printf "%s: no entry of secrets gives the variable %s" .where .value.env) -}}
{{- end -}}
{{- if and .value.file (not (has .value.file $files)) -}}
{{- $faults = append $faults (printf "%s: no entry of secrets gives the file %s" .where .value.file) -}}
{{- end -}}
{{- else if .value -}}
{{- $faults = append $faults (printf "%s: a secret in plain text (want {env: NAME} or {file: /run/secrets/self-trader/NAME} and an entry of secrets)" .where) -}}
{{- end -}}
{{- end -}}
{{- toJson ($faults | uniq) -}}
{{- end -}}

{{- define "self-trader.faults.peers" -}}
{{- $faults := list -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $policy.enabled (not .Values.trial.enabled) -}}
{{- $far := or (kindIs "map" .Values.config.Feed) (regexMatch "^(rediss?|kafka)://" (include "self-trader.feedUrl" .)) -}}
{{- if and $far (not $policy.feed.peers) -}}
{{- $faults = append $faults "networkPolicy.feed.peers: empty, so that nothing could be followed (want the feed's peers, or networkPolicy.enabled=false)" -}}
{{- end -}}
{{- $venues := list -}}
{{- range include "self-trader.instruments" . | fromJsonArray -}}
{{- $venues = append $venues (get . "Maker Exchange") -}}
{{- end -}}
{{- if and (without $venues "simulated") (not $policy.venue.peers) -}}
{{- $faults = append $faults "networkPolicy.venue.peers: empty, so that nothing could be traded (want the venue's peers, or networkPolicy.enabled=false)" -}}
{{- end -}}
{{- if and (get .Values.config "Lease Store") (not $policy.leaseStore.peers) -}}
{{- $faults = append $faults "networkPolicy.leaseStore.peers: empty, so that no lease could be had (want the store's peers, or networkPolicy.enabled=false)" -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}

{{/*
What proves that a symbol is owned: nothing, leases of one store, or a group. Pods with one proof know nothing of pods with
another, so the two must never run side by side.
*/}}
{{- define "self-trader.proof" -}}
{{- $mode := include "self-trader.sharding" . -}}
{{- if eq $mode "group" -}}
group
{{- else if and (eq $mode "static") (gt (include "self-trader.shards" . | int) 1) -}}
{{- $store := get .Values.config "Lease Store" | default .Values.config.Feed -}}
leases-{{ list $store (get .Values.config "Instance") | toJson | sha256sum | trunc 8 }}
{{- else -}}
none
{{- end -}}
{{- end -}}

{{/* Only where helm speaks to the cluster; elsewhere nothing is known of what runs. */}}
{{- define "self-trader.faults.change" -}}
{{- $faults := list -}}
{{- $running := lookup "apps/v1" "StatefulSet" .Release.Namespace (include "self-trader.fullname" .) -}}
{{- if $running -}}
{{- $pods := max (int (dig "spec" "replicas" 0 $running)) (int (dig "status" "replicas" 0 $running)) -}}
{{- $old := dig "metadata" "annotations" "self-trader/proof" "" $running -}}
{{- $new := include "self-trader.proof" . -}}
{{- if and $old (ne $old $new) $pods .Values.replicaCount -}}
{{- $faults = append $faults (printf "sharding: pods that own symbols by %s still run and would trade beside those that own them by %s (want a scale to replicaCount 0 in between)" $old $new) -}}
{{- end -}}
{{- end -}}
{{- toJson $faults -}}
{{- end -}}
