{{/* What ends the names of a revision's objects. */}}
{{- define "heddled.suffix" -}}
{{- with .Values.revision }}-{{ . }}{{ end -}}
{{- end -}}

{{- define "heddled.name" -}}
istiod{{ include "heddled.suffix" . }}
{{- end -}}

{{/* The revision as labels say it. */}}
{{- define "heddled.revision" -}}
{{ .Values.revision | default "default" }}
{{- end -}}

{{- define "heddled.labels" -}}
app: istiod
{{ include "heddled.identity" . }}
{{- end -}}

{{- define "heddled.identity" -}}
istio.io/rev: {{ include "heddled.revision" . | quote }}
app.kubernetes.io/name: heddled
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: heddle
{{- end -}}

{{/* Labels by which the Service and the Deployment find the pods; tools look for the first two. */}}
{{- define "heddled.selector" -}}
app: istiod
{{- if .Values.revision }}
istio.io/rev: {{ .Values.revision | quote }}
{{- else }}
istio: pilot
{{- end }}
{{- end -}}

{{- define "heddled.image" -}}
{{- if contains "/" .Values.image -}}
{{ .Values.image }}
{{- else -}}
{{ .Values.hub | default .Values.global.hub }}/{{ .Values.image }}:{{ .Values.tag | default .Values.global.tag }}
{{- end -}}
{{- end -}}

{{/* The resources. A limit of the default stands only beside the request of the default: a larger request of the user
would be above it, and the API server would refuse the Deployment. */}}
{{- define "heddled.resources" -}}
{{- $resources := deepCopy (.Values.resources | default dict) }}
{{- $limits := dict }}
{{- $requests := $resources.requests | default dict }}
{{- range $name, $limit := $resources.limits | default dict }}
{{- $default := get (dict "cpu" (dict "request" "200m" "limit" "2000m") "memory" (dict "request" "256Mi" "limit" "1Gi")) $name | default dict }}
{{- if or (ne (toString $limit) (toString $default.limit)) (eq (toString (get $requests $name)) (toString $default.request)) }}
{{- $limits = merge $limits (dict $name $limit) }}
{{- end }}
{{- end }}
{{- set $resources "limits" $limits | toYaml }}
{{- end -}}
