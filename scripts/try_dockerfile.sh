#!/usr/bin/env bash
# Build the Dockerfile and try the image on a machine without a Docker engine. As root, on Debian:
#
#   apt-get install buildah debootstrap
#   scripts/try_dockerfile.sh [FOLDER]
#
# Debian's own Python stands in for the image that FROM names. Everything happens in FOLDER; a second run with the same one
# keeps the stand-in. Without FOLDER a temporary one is used and removed. pip's configuration, proxies and certificates
# of this machine are lent to the build, and are not part of the image.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
image=localhost/event-trigger-engine
folder=${1:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d)
    remove_folder=yes
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
buildah() { command buildah --root "$folder/storage" --runroot "$folder/run" "$@"; }

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

container='' port=''
# The engine's own process, below those with which buildah sets up the container. Nothing but the engine has our port set.
find_engine() {
    local process
    for process in /proc/[0-9]*; do
        [[ $(tr '\0' ' ' 2>/dev/null <"$process/cmdline") == *"/python -m engine serve " ]] || continue
        if grep -qzx "PORT=$port" "$process/environ" 2>/dev/null; then echo "${process#/proc/}"; fi
    done
}
clean_up() {
    [ -z "$port" ] || find_engine | xargs -r kill -KILL
    [ -z "$container" ] || buildah rm "$container" >/dev/null 2>&1 || true
    [ -z "${remove_folder:-}" ] || { buildah rmi --all --force >/dev/null 2>&1 || true; rm -rf "$folder"; }
}
trap clean_up EXIT

base=$(sed -n 's/^FROM \(python:[^ ]*\).*/\1/p' Dockerfile | sort -u)
[ "$(wc -l <<<"$base")" = 1 ] || fail "the Dockerfile names more than one base image: $base"
if ! buildah images --quiet "docker.io/library/$base" >/dev/null 2>&1; then
    say "Making the stand-in for $base from Debian $suite"
    rm -rf "$folder/base"
    debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates \
        "$suite" "$folder/base" "$mirror" >"$folder/debootstrap.log" || fail "debootstrap; see $folder/debootstrap.log"
    ln -s python3 "$folder/base/usr/bin/python"
    rm -rf "$folder/base/var/cache/apt" "$folder/base/var/lib/apt/lists"
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$folder/base" / >/dev/null
    buildah config --cmd python3 "$container"
    buildah commit --quiet "$container" "docker.io/library/$base" >/dev/null
    buildah rm "$container" >/dev/null
    container=''
    rm -rf "$folder/base"
fi

lend=()
lend_file() { if [ -f "$1" ]; then lend+=(--volume "$1:$2:ro"); fi; }
lend_file /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
lend_file /etc/pip.conf /etc/pip.conf
lend_file "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" /root/.config/pip/pip.conf
if [ -n "${PIP_INDEX_URL:-}" ]; then
    printf '[install]\nindex-url = %s\n' "$PIP_INDEX_URL" >"$folder/pip.conf"
    lend_file "$folder/pip.conf" /etc/xdg/pip/pip.conf
fi
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [ -n "${!name:-}" ]; then lend+=(--build-arg "$name=${!name}"); fi
done

say "Building $image"
buildah bud --pull-never --format docker "${lend[@]}" --tag "$image" . >"$folder/build.log" 2>&1 \
    || { tail -n 40 "$folder/build.log"; fail "the build"; }
size() { buildah images --format '{{.Size}}' "$1"; }
echo "size: $(size "$image"), of which the base $(size "docker.io/library/$base")"

setting() { buildah inspect --type image --format "{{$1}}" "$image"; }
[ "$(setting .Docker.Config.User)" = 10001:10001 ] || fail "the image's user is $(setting .Docker.Config.User)"
[ "$(setting .Docker.Config.StopSignal)" = SIGTERM ] || fail "the stop signal is $(setting .Docker.Config.StopSignal)"
read -ra command <<<"$(setting '.Docker.Config.Entrypoint' | tr -d '[]') $(setting '.Docker.Config.Cmd' | tr -d '[]')"
echo "command: ${command[*]}"

say "Without a key it must refuse"
container=$(buildah from --pull-never "$image")
status=0
buildah run "$container" -- "${command[@]}" >"$folder/refusal.log" 2>&1 || status=$?
cat "$folder/refusal.log"
[ "$status" = 78 ] || fail "it ended with $status, not with 78"
grep -q 'X_API_KEY' "$folder/refusal.log" || fail "it did not say that X_API_KEY is missing"

say "With a key it must serve"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
buildah config --env "X_API_KEY=a-key-for-this-try" --env "PORT=$port" "$container"
buildah run "$container" -- "${command[@]}" >"$folder/engine.log" 2>&1 &
runner=$!
get() { python3 - "http://127.0.0.1:$port$1" "${2:-}" <<'PYTHON'
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"X-API-Key": sys.argv[2]} if sys.argv[2] else {})
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        print(answer.status, answer.headers.get_content_type(), len(answer.read()))
except urllib.error.HTTPError as error:
    print(error.code, error.headers.get_content_type(), len(error.read()))
except OSError as error:
    sys.exit(str(error))
PYTHON
}
for _ in $(seq 150); do
    if get /healthz >/dev/null 2>&1; then break; fi
    kill -0 "$runner" 2>/dev/null || { cat "$folder/engine.log"; fail "the engine ended"; }
    sleep 0.2
done
expect() {
    answer=$(get "$1" "${3:-}")
    echo "GET $1${3:+ with the key}: $answer"
    [[ $answer == $2* ]] || { cat "$folder/engine.log"; fail "expected $2"; }
}
expect /healthz 200
expect /readyz 200
expect / "200 text/html"
expect /triggers/ 401
expect /triggers/ "200 application/json" a-key-for-this-try

engine=$(find_engine)
[ -n "$engine" ] || fail "the engine's process was not found"
user=$(awk '/^Uid:/ { print $2 }' "/proc/$engine/status")
echo "user: $user"
[ "$user" = 10001 ] || fail "it runs as user $user"

mapfile -d '' -t check < <(buildah inspect --type image "$image" | python3 -c '
import json, sys
print(*json.load(sys.stdin)["Docker"]["config"]["Healthcheck"]["Test"][1:], sep="\0", end="\0")')
buildah run "$container" -- "${check[@]}" >/dev/null || fail "the health check says no"
echo "health check: passes"

say "Asked to stop, it must stop"
kill -TERM "$engine"
status=0
wait "$runner" || status=$?
echo "exit code: $status"
[ "$status" = 0 ] || { tail -n 20 "$folder/engine.log"; fail "it ended with $status"; }
status=0
buildah run "$container" -- "${command[0]}" -c "import urllib.request as r; r.urlopen('http://127.0.0.1:$port/healthz')" >/dev/null 2>&1 || status=$?
[ "$status" != 0 ] || fail "something still answers on the port"

say "All is well"
