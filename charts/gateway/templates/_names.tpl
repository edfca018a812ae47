{{/* What the templates see: the values, and over them those that Istio's charts keep at `gateways.<name of the release>`. */}}
{{- define "gateway.context" -}}
{{- $own := get .Values.gateways .Release.Name | default dict }}
{{- $service := dict }}
{{- range $from, $to := dict "type" "type" "ports" "ports" "serviceAnnotations" "annotations" "loadBalancerIP" "loadBalancerIP"
  "loadBalancerSourceRanges" "loadBalancerSourceRanges" "externalTrafficPolicy" "externalTrafficPolicy" }}
{{- if hasKey $own $from }}
{{- $service = merge $service (dict $to (get $own $from)) }}
{{- end }}
{{- end }}
{{- $scaling := dict }}
{{- range $from, $to := dict "autoscaleEnabled" "enabled" "autoscaleMin" "minReplicas" "autoscaleMax" "maxReplicas" }}
{{- if hasKey $own $from }}
{{- $scaling = merge $scaling (dict $to (get $own $from)) }}
{{- end }}
{{- end }}
{{- with $own.cpu }}
{{- $scaling = merge $scaling (dict "targetCPUUtilizationPercentage" .targetAverageUtilization) }}
{{- end }}
{{- dict
  "Values" (mergeOverwrite (deepCopy .Values) $own (dict "service" $service "autoscaling" $scaling))
  "Release" (dict "Name" .Release.Name "Namespace" .Release.Namespace "Service" .Release.Service) | toYaml }}
{{- end -}}

{{- define "gateway.name" -}}
{{ .Values.name | default .Release.Name }}
{{- end -}}

{{- define "gateway.selector" -}}
{{- if .Values.labels }}
{{- toYaml .Values.labels }}
{{- else -}}
app: {{ include "gateway.name" . }}
istio: {{ include "gateway.name" . | trimPrefix "istio-" }}
{{- end }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: heddle
{{- with .Values.networkGateway }}
topology.istio.io/network: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "gateway.account" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "gateway.name" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end -}}

{{/* The ports of the Service. */}}
{{- define "gateway.ports" -}}
{{- if .Values.networkGateway }}
{{- list
  (dict "name" "status-port" "port" 15021 "targetPort" 15021)
  (dict "name" "tls" "port" 15443 "targetPort" 15443)
  (dict "name" "tls-istiod" "port" 15012 "targetPort" 15012)
  (dict "name" "tls-webhook" "port" 15017 "targetPort" 15017) | toYaml }}
{{- else }}
{{- toYaml .Values.service.ports }}
{{- end }}
{{- end -}}
