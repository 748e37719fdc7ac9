#!/usr/bin/env bash
# Checks deploy/ and the Dockerfile with the schemas of Kubernetes and Compose, with Prometheus, and by starting a server from
# the files of the image. Needs python3, and the network only for the first run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=node_modules/.cache/check-deploy
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
has() { command -v "$1" >/dev/null; }

if ! cmp -s scripts/check-requirements.txt "$tools/requirements.txt"; then
  rm -rf "$tools"
  if ! python3 -m venv "$tools" 2>/dev/null; then
    # Debian has venv in a separate package.
    $sudo apt-get update -q
    $sudo apt-get install -qy --no-install-recommends python3 python3-venv
    rm -rf "$tools"
    python3 -m venv "$tools"
  fi
  "$tools/bin/pip" install -q --disable-pip-version-check -r scripts/check-requirements.txt
  cp scripts/check-requirements.txt "$tools/requirements.txt"
fi

"$tools/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml
# A kustomization is not a resource; only kubectl reads it.
find deploy/kubernetes -maxdepth 1 -name '*.yaml' ! -name kustomization.yaml -print0 | xargs -0 "$tools/bin/kubernetes-validate" --strict
for file in $(sed -n 's/^  - \(.*\.yaml\)$/\1/p' deploy/kubernetes/kustomization.yaml); do
  test -f "deploy/kubernetes/$file" || { echo "kustomization.yaml names $file, which does not exist"; exit 1; }
done

# Without and with the component for TLS.
kustomize=$(has kubectl && echo 'kubectl kustomize' || echo 'kustomize build')
if has "${kustomize%% *}"; then
  mkdir -p "$tools/tls"
  printf 'resources: [../../../../deploy/kubernetes]\ncomponents: [../../../../deploy/kubernetes/tls]\n' >"$tools/tls/kustomization.yaml"
  for folder in deploy/kubernetes "$tools/tls"; do
    $kustomize "$folder" >"$tools/rendered.yaml"
    "$tools/bin/kubernetes-validate" --strict "$tools/rendered.yaml"
  done
else
  echo 'skipping the component tls: it needs kubectl or kustomize'
fi

promtool=$tools/promtool
if has promtool; then
  promtool=promtool
elif [ ! -x "$promtool" ] && has apt-get; then
  (cd "$tools" && { apt-get download -q prometheus 2>/dev/null || { $sudo apt-get update -q && apt-get download -q prometheus; }; })
  dpkg-deb --fsys-tarfile "$tools"/prometheus_*.deb | tar -xO ./usr/bin/promtool >"$promtool.part"
  rm "$tools"/prometheus_*.deb
  chmod +x "$promtool.part"
  mv "$promtool.part" "$promtool"
fi
if has "$promtool"; then
  "$promtool" check rules deploy/prometheus/alerts.yaml
  "$promtool" test rules deploy/prometheus/alerts.test.yaml
else
  echo 'skipping the rules: they need promtool'
fi

node scripts/check-image.ts
