{{- /* Values of Istio's charts `base` and `default` that this chart does not read, with the reasons. They have no place in
values.yaml, and values.schema.json knows them. */}}
{{- define "base.unread" -}}
compatibilityVersion: Heddle has one behavior
experimental: there is no ValidatingAdmissionPolicy
istiodRemote: a control plane outside of the cluster is not supported
platform: no value depends on the platform
profile: Helm reads no profile by its name; use -f charts/profiles/NAME.yaml
{{- end -}}

{{- /* One line for each of these values that is set. Values that ask for nothing are left out. */}}
{{- define "base.warnings" -}}
{{- $given := .given }}
{{- $path := .path }}
{{- range $key, $reason := .unread }}
{{- $value := get $given $key }}
{{- if and (hasKey $given $key) (kindIs "map" $reason) }}
{{- if kindIs "map" $value }}
{{- include "base.warnings" (dict "given" $value "unread" $reason "path" (printf "%s%s." $path $key)) }}
{{- end }}
{{- else if or $value (has (kindOf $value) (list "bool" "int64" "float64")) }}
warning: the value {{ $path }}{{ $key }} has no effect: {{ $reason }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "base.note" -}}
{{- $others := list }}
{{- range $key := include "base.others" . | fromYamlArray }}
{{- if hasKey $.Values $key }}
{{- $others = concat $others (list $key) }}
{{- end }}
{{- end }}
{{- if $others }}
These values belong to other charts and have no effect here: {{ $others | join ", " }}
{{- end }}
{{- end -}}

{{- /* Values of other charts, for one file of values for all of them. */}}
{{- define "base.others" -}}
- additionalContainers
- affinity
- ambient
- annotations
- autoscaleBehavior
- autoscaleEnabled
- autoscaleMax
- autoscaleMin
- autoscaling
- clusterResources
- cni
- components
- configMap
- containerSecurityContext
- cpu
- deployment
- deploymentLabels
- enableAnalysis
- env
- envVarFrom
- extraContainerArgs
- gatewayClasses
- gateways
- hub
- image
- imagePullPolicy
- imagePullSecrets
- initContainers
- ipFamilies
- ipFamilyPolicy
- istio_cni
- istiod
- jwksResolverExtraRootCA
- keepaliveMaxServerConnectionAge
- kind
- labels
- lifecycle
- memory
- meshConfig
- meshNetworks
- minReadySeconds
- name
- networkGateway
- networkGatewayPorts
- nodeSelector
- ownerName
- pdb
- pilot
- podAnnotations
- podDisruptionBudget
- podLabels
- priorityClassName
- rbac
- readinessProbe
- replicaCount
- resources
- revision
- revisionTags
- rollingMaxSurge
- rollingMaxUnavailable
- seccompProfile
- securityContext
- service
- serviceAccount
- serviceAccountAnnotations
- serviceAnnotations
- sidecarInjectorWebhook
- sidecarInjectorWebhookAnnotations
- strategy
- tag
- taint
- telemetry
- terminationGracePeriodSeconds
- tolerations
- topologySpreadConstraints
- traceSampling
- trustedZtunnelName
- trustedZtunnelNamespace
- unprivilegedPort
- variant
- volumeMounts
- volumes
- waypoint
- ztunnel
{{- end -}}
