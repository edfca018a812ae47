{{- /* Values of Istio's chart `gateway` that this chart does not read, with the reasons. They have no place in values.yaml,
and values.schema.json knows them. */}}
{{- define "gateway.unread" -}}
additionalContainers: the pod has one container
annotations: set podAnnotations for annotations of the pod
compatibilityVersion: Heddle has one behavior
containerSecurityContext: the proxy runs as a user without privileges
deployment: set the values of this chart at the top level
envVarFrom: variables are read from env only
initContainers: the pod has none
lifecycle: the agent drains the proxy when the pod stops
minReadySeconds: a pod counts as available when it is ready
networkGatewayPorts: a gateway of a network has the ports 15021, 15443, 15012 and 15017
platform: no value depends on the platform
podDisruptionBudget: there is none for gateways
podLabels: set labels
profile: Helm reads no profile by its name; use -f charts/profiles/NAME.yaml
readinessProbe: the injector sets it
securityContext: the pod has the one that lets the proxy listen on ports below 1024
strategy: the Deployment has the default of Kubernetes
unprivilegedPort: the proxy may always listen on ports below 1024
volumeMounts: the pod has the volumes of the injector
volumes: the pod has the volumes of the injector
autoscaling:
  autoscaleBehavior: the HorizontalPodAutoscaler scales as Kubernetes does by default
  targetMemoryUtilizationPercentage: only CPU use adds replicas
service:
  allocateLoadBalancerNodePorts: the Service has the default of Kubernetes
  clusterIP: the Service has the default of Kubernetes
  externalIPs: the Service has none
  externalName: the Service selects pods
  healthCheckNodePort: the Service has the default of Kubernetes
  internalTrafficPolicy: the Service has the default of Kubernetes
  ipFamilies: the Service has the default of the cluster
  ipFamilyPolicy: the Service has the default of the cluster
  loadBalancerClass: the Service has the default of the cluster
  selectorLabels: set labels
  sessionAffinity: the Service has the default of Kubernetes
{{- end -}}

{{- /* The same for the values of Istio's older charts, at gateways.NAME. */}}
{{- define "gateway.unreadOlder" -}}
additionalContainers: the pod has one container
annotations: set podAnnotations for annotations of the pod
certificates: it is a value of older charts, and Heddle has nothing like it
configVolumes: the pod has the volumes of the injector
containerSecurityContext: it is a value of older charts, and Heddle has nothing like it
customService: it is a value of older charts, and Heddle has nothing like it
domain: it is a value of older charts, and Heddle has nothing like it
envVarFrom: variables are read from env only
externalIPs: the Service has none
hub: the injector sets the image
image: the injector sets the image
ingressPorts: it is a value of older charts, and Heddle has nothing like it
initContainers: it is a value of older charts, and Heddle has nothing like it
injectionTemplate: the template is always gateway
ipFamilies: the Service has the default of the cluster
ipFamilyPolicy: the Service has the default of the cluster
lifecycle: the agent drains the proxy when the pod stops
loadBalancerClass: the Service has the default of the cluster
memory: only CPU use adds replicas
meshExpansionPorts: it is a value of older charts, and Heddle has nothing like it
minReadySeconds: it is a value of older charts, and Heddle has nothing like it
namespace: a gateway is in the namespace of its release
networkGatewayPorts: a gateway of a network has the ports 15021, 15443, 15012 and 15017
podAntiAffinityLabelSelector: set affinity
podAntiAffinityTermLabelSelector: set affinity
podDisruptionBudget: there is none for gateways
readinessProbe: it is a value of older charts, and Heddle has nothing like it
rollingMaxSurge: the Deployment has the default of Kubernetes
rollingMaxUnavailable: the Deployment has the default of Kubernetes
runAsRoot: the proxy is never root
sds: it is a value of older charts, and Heddle has nothing like it
secretVolumes: name Secrets at credentialName of a Gateway
securityContext: it is a value of older charts, and Heddle has nothing like it
shutdown: it is a value of older charts, and Heddle has nothing like it
strategy: the Deployment has the default of Kubernetes
tag: the injector sets the image
tls: it is a value of older charts, and Heddle has nothing like it
volumeMounts: it is a value of older charts, and Heddle has nothing like it
volumes: it is a value of older charts, and Heddle has nothing like it
zvpn: it is a value of older charts, and Heddle has nothing like it
{{- end -}}

{{- /* One line for each of these values that is set. Values that ask for nothing are left out. */}}
{{- define "gateway.warnings" -}}
{{- $given := .given }}
{{- $path := .path }}
{{- range $key, $reason := .unread }}
{{- $value := get $given $key }}
{{- if and (hasKey $given $key) (kindIs "map" $reason) }}
{{- if kindIs "map" $value }}
{{- include "gateway.warnings" (dict "given" $value "unread" $reason "path" (printf "%s%s." $path $key)) }}
{{- end }}
{{- else if or $value (has (kindOf $value) (list "bool" "int64" "float64")) }}
warning: the value {{ $path }}{{ $key }} has no effect: {{ $reason }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "gateway.note" -}}
{{- $others := list }}
{{- range $key := include "gateway.others" . | fromYamlArray }}
{{- if hasKey $.Values $key }}
{{- $others = concat $others (list $key) }}
{{- end }}
{{- end }}
{{- if $others }}
These values belong to other charts and have no effect here: {{ $others | join ", " }}
{{- end }}
{{- end -}}

{{- /* Values of other charts, for one file of values for all of them. */}}
{{- define "gateway.others" -}}
- ambient
- autoscaleBehavior
- autoscaleEnabled
- autoscaleMax
- autoscaleMin
- base
- clusterResources
- cni
- components
- configMap
- cpu
- defaultRevision
- deploymentLabels
- enableAnalysis
- experimental
- extraContainerArgs
- gatewayClasses
- hub
- image
- ipFamilies
- ipFamilyPolicy
- istio_cni
- istiod
- istiodRemote
- jwksResolverExtraRootCA
- keepaliveMaxServerConnectionAge
- memory
- meshConfig
- meshNetworks
- ownerName
- pdb
- pilot
- revisionTags
- rollingMaxSurge
- rollingMaxUnavailable
- seccompProfile
- serviceAccountAnnotations
- serviceAnnotations
- sidecarInjectorWebhook
- sidecarInjectorWebhookAnnotations
- tag
- taint
- telemetry
- traceSampling
- trustedZtunnelName
- trustedZtunnelNamespace
- variant
- waypoint
- ztunnel
{{- end -}}
