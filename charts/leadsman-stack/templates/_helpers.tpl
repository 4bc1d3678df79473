{{/* Labels of an object. Takes the root and a component's name: (list $ "mlflow"). */}}
{{- define "stack.labels" -}}
{{ include "stack.podLabels" . }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{/* Labels of a pod: another version of the chart alone does not start it anew. */}}
{{- define "stack.podLabels" -}}
{{ include "stack.selector" . }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: leadsman-stack
{{- end }}

{{/* The labels that never change, by which pods are found. */}}
{{- define "stack.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{/* What the restricted Pod Security Standard asks of a pod; and no variables named after Services:
MLflow would read MLFLOW_PORT as its own. */}}
{{- define "stack.pod" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- end }}

{{/* What it asks of a container. */}}
{{- define "stack.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
  readOnlyRootFilesystem: true
{{- end }}

{{/* The spec of a volume claim. Takes the component's `storage`. */}}
{{- define "stack.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .className }}
storageClassName: {{ . | quote }}
{{- end }}
resources: {requests: {storage: {{ .size | quote }}}}
{{- end }}

{{/* The names by which a Service is reached, as a list in JSON, which YAML reads too. */}}
{{- define "stack.hosts" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}{{ $space := printf "%s.%s" $name $root.Release.Namespace -}}
{{- list $name $space (printf "%s.svc" $space) (printf "%s.svc.%s" $space $root.Values.clusterDomain) | toJson }}
{{- end }}

{{/* The only name of a component that all of the cluster shares. */}}
{{- define "stack.clusterName" -}}
{{ printf "%s-%s-prometheus" .Release.Namespace .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
