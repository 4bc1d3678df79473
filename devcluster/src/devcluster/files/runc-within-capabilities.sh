#!/bin/bash
# Stands in for runc where the host cannot grant every capability: takes out of a container's
# configuration what would be refused, then becomes the real runc. Used by the private engine and,
# inside a node, by containerd: kube-proxy is privileged too.
set -euo pipefail

missing='@MISSING@'   # a JSON list, e.g. ["CAP_SYS_RESOURCE"]
runc='@RUNC@'

# Lower limits and OOM scores need CAP_SYS_RESOURCE, so they go along with it.
within_limits='
  def allowed: if type == "array" then map(select(. as $c | $missing | index([$c]) | not)) else . end;
  def process:
    (if .capabilities then .capabilities |= with_entries(.value |= allowed) else . end)
    | (if $missing | index(["CAP_SYS_RESOURCE"]) then .rlimits = [] | del(.oomScoreAdj) else . end);
  if .process then .process |= process else process end'

rewrite() {
  local changed
  changed=$(jq -c --argjson missing "$missing" "$within_limits" "$1")
  printf '%s' "$changed" >"$1"
}

bundle=$PWD
command=
arguments=("$@")
for ((i = 0; i < ${#arguments[@]}; i++)); do
  next=${arguments[i + 1]:-}
  case ${arguments[i]} in
    create | run | restore | exec) command=${command:-${arguments[i]}} ;;
    --bundle | -b) bundle=$next ;;
    --bundle=*) bundle=${arguments[i]#*=} ;;
    --process | -p) process=$next ;;
    --process=*) process=${arguments[i]#*=} ;;
  esac
done

case $command in
  create | run | restore) rewrite "$bundle/config.json" ;;
  exec) [[ -z ${process:-} ]] || rewrite "$process" ;;
esac
exec "$runc" "$@"
