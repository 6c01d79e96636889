#!/usr/bin/env bash
# Builds deploy/docker/Dockerfile and plays a container's life with the image, without a registry and without a container engine.
#
#   scripts/check-image.sh            the binaries built as for development, which is quicker
#   scripts/check-image.sh dist       … as they are shipped
#
# Why: an image breaks in ways that no test of the binaries sees (a library that the last stage lacks, a path that cannot be written, a user
# that does not exist). The two base images come from the Debian mirror (mmdebstrap) instead of a registry; buildah executes the Dockerfile
# with chroot isolation; the container is a chroot into the image, mounted read-only but for its volume, as the image's own user.
# Needs root, leaves nothing behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

PROFILE=${1:-dev}
PORT=${TENANTRY_IMAGE_PORT:-18080}
((EUID == 0)) || die "scripts/check-image.sh mounts and changes roots, which only root may."
need_cargo
work=$(mktemp -d)
server=''
finish() {
    [[ -z $server ]] || kill -9 "$server" 2>/dev/null || true
    umount -R "$work/root" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap finish EXIT

b() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

# base_image NAME TAR…: an image that consists of these archives.
base_image() {
    local name=$1 container tar
    shift
    container=$(b from scratch)
    for tar in "$@"; do b add -q "$container" "$tar" / >/dev/null; done
    # Crates come over this machine's network, so they are trusted as it trusts.
    b config --env CARGO_HTTP_CAINFO=/usr/local/rust/etc/ca.crt "$container"
    b config --env PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    b commit -q --rm "$container" "localhost/$name" >/dev/null
    rm -f "$@"
}

step "A Debian from the mirror, and one with this machine's Rust"
mmdebstrap --quiet --variant=minbase --include=ca-certificates bookworm "$work/debian.tar"
cp "$work/debian.tar" "$work/builder.tar"
tar -C "$(rustc --print sysroot)" --transform 's,^\./,usr/local/rust/,' --exclude=./share --exclude=./lib/rustlib/src -cf "$work/rust.tar" .
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$work/ca/usr/local/rust/etc/ca.crt" && tar -C "$work/ca" -cf "$work/ca.tar" .
base_image debian "$work/debian.tar"
base_image rust "$work/builder.tar" "$work/rust.tar" "$work/ca.tar"

step "The Dockerfile ($PROFILE)"
b build --isolation chroot --network host --pull=never --layers=false --tag localhost/tenantry --build-arg "PROFILE=$PROFILE" \
    --build-arg BUILD_IMAGE=localhost/rust --build-arg BASE_IMAGE=localhost/debian --file deploy/docker/Dockerfile .

step "What the image says of itself"
config() { b inspect --type image --format "{{$1}}" localhost/tenantry; }
is() { [[ $2 == "$3" ]] || die "$1 is \"$2\", and should be \"$3\""; }
is user "$(config .OCIv1.Config.User)" 10001:10001
is entrypoint "$(config .OCIv1.Config.Entrypoint)" '[tenantry-api]'
is volumes "$(config .OCIv1.Config.Volumes)" 'map[/var/lib/tenantry:{}]'
mapfile -t environment < <(b inspect --type image --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' localhost/tenantry | sed '/^$/d')

# The volume as an engine makes it: a copy of what the image has there, with its owner and mode.
container=$(b from --pull=never localhost/tenantry)
image=$(b mount "$container")
mkdir "$work/root" && mount --bind "$image" "$work/root" && mount -o remount,ro,bind "$work/root"
cp -a "$image/var/lib/tenantry" "$work/volume" && mount --bind "$work/volume" "$work/root/var/lib/tenantry"
mount -t proc -o ro proc "$work/root/proc"
mount -t tmpfs -o size=16m,mode=1777 tmp "$work/root/tmp"

# run COMMAND…: in the container, with the image's environment and nothing else.
run() {
    exec chroot --userspec=10001:10001 "$work/root" env -i -C /var/lib/tenantry "${environment[@]}" \
        "TENANTRY__SERVER__LISTEN=127.0.0.1:$PORT" "$@"
}

step "config check, migrate, serve, health, stop: as 10001, read-only but for the volume"
(run tenantry-api config check)
(run tenantry-worker --version)
is "libraries that are missing" "$(run sh -c 'ldd /usr/local/bin/tenantry-* | grep "not found"')" ''
# The libraries behind SAML are the API's alone.
is "libraries for SAML in the worker" "$(run sh -c 'ldd /usr/local/bin/tenantry-worker | grep -E "libxml|libxslt|libssl|libcrypto"')" ''
(run sh -c 'touch /etc/x /usr/local/bin/x 2>/dev/null') && die "the image could be written"
(run tenantry-api migrate)
(run tenantry-api) >"$work/log" 2>&1 &
server=$!
for _ in {1..240}; do
    curl -fsS "http://127.0.0.1:$PORT/health/ready" >"$work/health" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; die "the server ended"; }
    sleep 0.5
done
cat "$work/health" && grep -q '"status":"ok"' "$work/health" || { cat "$work/log" >&2; die "the server is not ready"; }
is "files of the volume that others may read" "$(find "$work/volume" -type f -perm /077)" ''
is "files of the volume that are somebody else's" "$(find "$work/volume" ! -uid 10001)" ''
kill -TERM "$server"
status=0
wait "$server" || status=$?
server=''
is "exit status after SIGTERM" "$status" 0
step "The image is fine: $(du -sh "$image" | cut -f1) unpacked."
