# sluice with the same text columns masked as pgstream_masked, by the mask that fits each: names, addresses, phone
# numbers, format-preserving digits, keyed hashes.
. "$BENCH_HOME/peers/sluice.sh"
CHECK=0
mask_of() { case $1 in name|email|phone) echo "$1";; iban) echo digits;; *) echo hash;; esac; }
tables()  { local tc c
  echo '  "public.*": keep'
  for tc in $(masked); do printf '  public.%s:\n    columns:\n' "${tc%%:*}"
    for c in $(tr , ' ' <<<"${tc#*:}"); do printf '      %s: %s\n' "$c" "$(mask_of "$c")"; done; done; }
eval "stop_plain() $(declare -f stop | sed 1d)"
stop()    { reap; local rc=0; [ "$RUN_KIND" = latency ] || compare_masked || rc=1; stop_plain || rc=1; return $rc; }
