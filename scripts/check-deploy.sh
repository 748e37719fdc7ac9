#!/usr/bin/env bash
# Holds deploy/ against the schemas of Kubernetes and of Compose, which the checkers bring along. Needs python3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=node_modules/.cache/check-deploy
if ! cmp -s scripts/check-requirements.txt "$tools/requirements.txt"; then
  rm -rf "$tools"
  if ! python3 -m venv "$tools" 2>/dev/null; then
    # Debian has venv in a package of its own.
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -q
    $sudo apt-get install -qy --no-install-recommends python3 python3-venv
    rm -rf "$tools"
    python3 -m venv "$tools"
  fi
  "$tools/bin/pip" install -q --disable-pip-version-check -r scripts/check-requirements.txt
  cp scripts/check-requirements.txt "$tools/requirements.txt"
fi

"$tools/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml
# A kustomization is for kubectl alone, and no resource.
find deploy/kubernetes -name '*.yaml' ! -name kustomization.yaml -exec "$tools/bin/kubernetes-validate" --strict {} +
for file in $(sed -n 's/^  - \(.*\.yaml\)$/\1/p' deploy/kubernetes/kustomization.yaml); do
  test -f "deploy/kubernetes/$file" || { echo "kustomization.yaml names $file, which is not there"; exit 1; }
done
