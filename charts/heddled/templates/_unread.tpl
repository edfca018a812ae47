{{- /* Values of istiod's charts that this chart does not read, with the reasons. They have no place in values.yaml, and
values.schema.json knows them. */}}
{{- define "heddled.unread" -}}
autoscaleBehavior: the HorizontalPodAutoscaler scales as Kubernetes does by default
memory: only CPU use adds replicas
variant: Heddle's images have no variants
traceSampling: tracing is not supported yet
seccompProfile: the pod has the profile RuntimeDefault
envVarFrom: variables are read from env only
taint: heddled does not remove taints from nodes
volumes: heddled needs no further volumes
volumeMounts: heddled needs no further volumes
initContainers: the pod of heddled has none
deploymentLabels: set podLabels for labels of the pod
sidecarInjectorWebhookAnnotations: the webhook configuration has no annotations
jwksResolverExtraRootCA: RequestAuthentication is not supported yet
ipFamilyPolicy: the Service has the default of the cluster
ipFamilies: the Service has the default of the cluster
trustedZtunnelNamespace: ambient mode is not supported
trustedZtunnelName: ambient mode is not supported
ambient: ambient mode is not supported
ztunnel: ambient mode is not supported
istiodRemote: a control plane outside of the cluster is not supported
telemetry: the proxies report the metrics of stock Envoy
ownerName: the objects have no label for an owner
experimental: there is no ValidatingAdmissionPolicy
gatewayClasses: the Gateway API is not supported yet
pdb: the PodDisruptionBudget keeps one replica, and global.defaultPodDisruptionBudget.enabled switches it
istio_cni: set cni
istiod: set the values of this chart at the top level
profile: Helm reads no profile by its name; use -f charts/profiles/NAME.yaml
platform: no value depends on the platform
compatibilityVersion: Heddle has one behavior
meshNetworks: set global.meshNetworks
clusterResources: the roles are always cluster-wide
enableAnalysis: run heddlectl analyze
waypoint: ambient mode is not supported
global:
  arch: set affinity or nodeSelector
  agentgateway: ambient mode is not supported
  caName: certificates come from heddled, or from global.caAddress
  certSigners: certificates come from heddled, or from global.caAddress
  configCluster: a control plane outside of the cluster is not supported
  configRootNamespace: set meshConfig.rootNamespace
  controlPlaneSecurityEnabled: connections to the control plane always use TLS
  createRemoteSvcEndpoints: a control plane outside of the cluster is not supported
  remotePilotCreateSvcEndpoint: a control plane outside of the cluster is not supported
  remotePilotAddress: a control plane outside of the cluster is not supported
  externalIstiod: a control plane outside of the cluster is not supported
  defaultConfigVisibilitySettings: set meshConfig.defaultServiceExportTo and its siblings
  defaultNodeSelector: set nodeSelector
  defaultResources: set resources
  defaultTolerations: set tolerations
  enableReaderRBAC: there is no account for readers in other clusters
  enableTracing: tracing is not supported yet
  gatewayClasses: the Gateway API is not supported yet
  istiod: run heddlectl analyze
  jwtPolicy: tokens of workloads always have an audience
  localityLbSetting: set meshConfig.localityLbSetting
  mtls: set a PeerAuthentication
  oneNamespace: heddled reads all namespaces
  operatorManageNamespace: create the namespace before
  outboundTrafficPolicy: set meshConfig.outboundTrafficPolicy
  peerCaCrl: ambient mode is not supported
  platform: no value depends on the platform
  podDNSSearchNamespaces: pods keep their DNS settings
  resourceScope: install all objects of the chart
  spire: SPIRE is not supported
  sts: there is no token exchange
  tracer: tracing is not supported yet
  trustDomain: set meshConfig.trustDomain
  trustDomainAliases: set meshConfig.trustDomainAliases
  useMCP: heddled reads a Kubernetes API server
  waypoint: ambient mode is not supported
  xdsAddress: ambient mode is not supported
  multiCluster:
    enabled: set clusterName
    globalDomainSuffix: names end with global.proxy.clusterDomain
    includeEnvoyFilter: gateways of networks need no EnvoyFilter
  proxy:
    accessLogEncoding: set meshConfig.accessLogEncoding
    accessLogFile: set meshConfig.accessLogFile
    accessLogFormat: set meshConfig.accessLogFormat
    concurrency: set meshConfig.defaultConfig.concurrency
    dnsRefreshRate: set meshConfig.dnsRefreshRate
    enableCoreDump: proxies write no core dumps
    enableCoreDumpImage: proxies write no core dumps
    envoyAccessLogService: set meshConfig.defaultConfig.envoyAccessLogService
    envoyMetricsService: set meshConfig.defaultConfig.envoyMetricsService
    envoyStatsd: set meshConfig.defaultConfig.statsdUdpAddress
    initType: the init container is the agent
    protocolDetectionTimeout: set meshConfig.protocolDetectionTimeout
    tracer: tracing is not supported yet
  proxy_init:
    resources: the init container has the resources of the proxy
sidecarInjectorWebhook:
  enableAccessLog: set meshConfig.accessLogFile
  injectLabel: the labels are istio-injection and istio.io/rev
  injectionPath: a control plane outside of the cluster is not supported
  injectionURL: a control plane outside of the cluster is not supported
  objectSelector: pods are selected by their labels
  useLegacySelectors: pods are selected by the newer selectors
pilot:
  affinity: set affinity at the top level of the values
  ambient: set ambient at the top level of the values
  autoscaleBehavior: set autoscaleBehavior at the top level of the values
  autoscaleEnabled: set autoscaleEnabled at the top level of the values
  autoscaleMax: set autoscaleMax at the top level of the values
  autoscaleMin: set autoscaleMin at the top level of the values
  configMap: set configMap at the top level of the values
  configNamespace: set configNamespace at the top level of the values
  configSource: set configSource at the top level of the values
  cpu: set cpu at the top level of the values
  deploymentLabels: set deploymentLabels at the top level of the values
  enableProtocolSniffingForInbound: set enableProtocolSniffingForInbound at the top level of the values
  enableProtocolSniffingForOutbound: set enableProtocolSniffingForOutbound at the top level of the values
  enabled: set enabled at the top level of the values
  envVarFrom: set envVarFrom at the top level of the values
  extraContainerArgs: set extraContainerArgs at the top level of the values
  hub: set hub at the top level of the values
  image: set image at the top level of the values
  initContainers: set initContainers at the top level of the values
  ipFamilies: set ipFamilies at the top level of the values
  ipFamilyPolicy: set ipFamilyPolicy at the top level of the values
  istiodRemote: set istiodRemote at the top level of the values
  jwksResolverExtraRootCA: set jwksResolverExtraRootCA at the top level of the values
  keepaliveMaxServerConnectionAge: set keepaliveMaxServerConnectionAge at the top level of the values
  memory: set memory at the top level of the values
  nodeSelector: set nodeSelector at the top level of the values
  podAnnotations: set podAnnotations at the top level of the values
  podLabels: set podLabels at the top level of the values
  podAntiAffinityLabelSelector: set podAntiAffinityLabelSelector at the top level of the values
  podAntiAffinityTermLabelSelector: set podAntiAffinityTermLabelSelector at the top level of the values
  replicaCount: set replicaCount at the top level of the values
  resources: set resources at the top level of the values
  rollingMaxSurge: set rollingMaxSurge at the top level of the values
  rollingMaxUnavailable: set rollingMaxUnavailable at the top level of the values
  seccompProfile: set seccompProfile at the top level of the values
  serviceAccountAnnotations: set serviceAccountAnnotations at the top level of the values
  serviceAnnotations: set serviceAnnotations at the top level of the values
  tag: set tag at the top level of the values
  taint: set taint at the top level of the values
  tolerations: set tolerations at the top level of the values
  topologySpreadConstraints: set topologySpreadConstraints at the top level of the values
  traceSampling: set traceSampling at the top level of the values
  trustedZtunnelNamespace: set trustedZtunnelNamespace at the top level of the values
  trustedZtunnelName: set trustedZtunnelName at the top level of the values
  variant: set variant at the top level of the values
  volumeMounts: set volumeMounts at the top level of the values
  volumes: set volumes at the top level of the values
{{- end -}}

{{- /* One line for each of these values that is set. Values that ask for nothing are left out. */}}
{{- define "heddled.warnings" -}}
{{- $given := .given }}
{{- $path := .path }}
{{- range $key, $reason := .unread }}
{{- $value := get $given $key }}
{{- if and (hasKey $given $key) (kindIs "map" $reason) }}
{{- if kindIs "map" $value }}
{{- include "heddled.warnings" (dict "given" $value "unread" $reason "path" (printf "%s%s." $path $key)) }}
{{- end }}
{{- else if or $value (has (kindOf $value) (list "bool" "int64" "float64")) }}
warning: the value {{ $path }}{{ $key }} has no effect: {{ $reason }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "heddled.note" -}}
{{- $others := list }}
{{- range $key := include "heddled.others" . | fromYamlArray }}
{{- if hasKey $.Values $key }}
{{- $others = concat $others (list $key) }}
{{- end }}
{{- end }}
{{- if $others }}
These values belong to other charts and have no effect here: {{ $others | join ", " }}
{{- end }}
{{- end -}}

{{- /* Values of other charts, for one file of values for all of them. */}}
{{- define "heddled.others" -}}
- autoscaling
- base
- components
- defaultRevision
- imagePullPolicy
- imagePullSecrets
- kind
- labels
- name
- networkGateway
- priorityClassName
- rbac
- service
- serviceAccount
- terminationGracePeriodSeconds
{{- end -}}

{{- /* The keys of `global`. A chart that has this one as a part may have further keys there, so the schema allows them. */}}
{{- define "heddled.global" -}}
- agentgateway
- arch
- caAddress
- caName
- certSigners
- configCluster
- configRootNamespace
- configValidation
- controlPlaneSecurityEnabled
- createRemoteSvcEndpoints
- defaultConfigVisibilitySettings
- defaultNodeSelector
- defaultPodDisruptionBudget
- defaultResources
- defaultTolerations
- enableReaderRBAC
- enableTracing
- externalIstiod
- gatewayClasses
- hub
- imagePullPolicy
- imagePullSecrets
- istioNamespace
- istiod
- jwtPolicy
- localityLbSetting
- logAsJson
- logging
- meshID
- meshNetworks
- mountMtlsCerts
- mtls
- multiCluster
- nativeNftables
- network
- networkPolicy
- omitSidecarInjectorConfigMap
- oneNamespace
- operatorManageNamespace
- operatorManageWebhooks
- outboundTrafficPolicy
- peerCaCrl
- pilotCertProvider
- platform
- podDNSSearchNamespaces
- priorityClassName
- proxy
- proxy_init
- remotePilotAddress
- remotePilotCreateSvcEndpoint
- resourceScope
- sds
- spire
- sts
- tag
- tracer
- trustBundleName
- trustDomain
- trustDomainAliases
- useMCP
- variant
- waypoint
- xdsAddress
{{- end -}}
