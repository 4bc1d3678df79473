{{/* What the operator reads from its environment; `leadsman-operator run --help` explains it. */}}
{{- define "leadsman.environment" -}}
- name: LEADSMAN_IDENTITY
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: LEADSMAN_LEASE_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: LEADSMAN_LEASE_NAME
  value: {{ include "leadsman.name" . }}
- name: LEADSMAN_SERVING_IMAGE
  value: {{ .Values.serving.image | default (printf "leadsman/serving:%s" .Chart.AppVersion) | quote }}
- name: LEADSMAN_TRAINING_IMAGE
  value: {{ .Values.training.image | default (printf "leadsman/training:%s" .Chart.AppVersion) | quote }}
- name: LEADSMAN_IMAGE_PULL_POLICY
  value: {{ .Values.imagePullPolicy }}
- name: LEADSMAN_EXPERIMENT_PREFIX
  value: {{ .Values.experimentPrefix | quote }}
- name: LEADSMAN_SCRAPE_INTERVAL
  value: {{ .Values.scrapeInterval | quote }}
- name: LEADSMAN_REGISTRY_POLL
  value: {{ .Values.registryPoll | quote }}
- name: LEADSMAN_CONCURRENT_RECONCILES
  value: {{ .Values.concurrentReconciles | quote }}
- name: LEADSMAN_LOG_LEVEL
  value: {{ .Values.log.level }}
- name: LEADSMAN_LOG_FORMAT
  value: {{ .Values.log.format }}
{{- with .Values.namespaces }}
- name: LEADSMAN_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.tracking.uri }}
- name: LEADSMAN_TRACKING_URI
  value: {{ . | quote }}
{{- end }}
{{- with .Values.tracking.secretRef.name }}
{{- range $key := list "MLFLOW_TRACKING_USERNAME" "MLFLOW_TRACKING_PASSWORD" "MLFLOW_TRACKING_TOKEN" }}
- name: {{ $key }}
  valueFrom:
    secretKeyRef:
      name: {{ $.Values.tracking.secretRef.name }}
      key: {{ $key }}
      optional: true
{{- end }}
{{- end }}
{{- with .Values.prometheus.url }}
- name: LEADSMAN_PROMETHEUS_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.study.secretRef }}
{{- if .name }}
- name: LEADSMAN_STUDY_URL
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}
