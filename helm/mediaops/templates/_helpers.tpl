{{- define "mediaops.labels" -}}
app.kubernetes.io/name: mediaops
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* Labels that select one component's pods. */ -}}
{{- define "mediaops.selector" -}}
app.kubernetes.io/name: mediaops
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "mediaops.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "mediaops.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "mediaops.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "mediaops.backendUrl" -}}
http://{{ .Release.Name }}-backend.{{ .Release.Namespace }}.svc.cluster.local{{ if ne (int .Values.backend.service.port) 80 }}:{{ .Values.backend.service.port }}{{ end }}
{{- end }}

{{- define "mediaops.storageEnv" -}}
- {name: STORAGE_BUCKET, value: {{ .Values.storage.bucket | quote }}}
- {name: STORAGE_URL, value: {{ required "storage.publicUrl: the S3 endpoint as browsers reach it" .Values.storage.publicUrl | quote }}}
- {name: MEDIAOPS_S3_ENDPOINT, value: {{ .Values.storage.endpoint | default .Values.storage.publicUrl | quote }}}
- {name: MEDIAOPS_S3_REGION, value: {{ .Values.storage.region | quote }}}
{{- if .Values.caConfigMap }}
- {name: MEDIAOPS_CA_FILE, value: /etc/mediaops/ca/ca.crt}
{{- end }}
{{- end }}

{{- define "mediaops.caVolume" -}}
{{- if .Values.caConfigMap }}
- name: ca
  configMap: {name: {{ .Values.caConfigMap }}}
{{- end }}
{{- end }}

{{- define "mediaops.caMount" -}}
{{- if .Values.caConfigMap }}
- {name: ca, mountPath: /etc/mediaops/ca, readOnly: true}
{{- end }}
{{- end }}

{{- /* An egress rule: public addresses, and the private networks that sources may be fetched from. */ -}}
{{- define "mediaops.outside" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 100.64.0.0/10]
    {{- range .Values.operator.allowedCidrs }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  ports: [{port: 443}]
{{- end }}

{{- define "mediaops.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
