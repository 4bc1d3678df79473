{{/* Name of every object: that of the release, with leadsman in it. */}}
{{- define "leadsman.name" -}}
{{- if contains "leadsman" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-leadsman" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What finds the operator's pods; it can't be changed later. */}}
{{- define "leadsman.selector" -}}
app.kubernetes.io/name: leadsman
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "leadsman.labels" -}}
{{ include "leadsman.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: leadsman
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "leadsman.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
