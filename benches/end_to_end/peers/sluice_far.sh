# sluice beside production, with the target 5 ms away.
. "$BENCH_HOME/peers/sluice.sh"
KINDS=catchup
eval "prepare_near() $(declare -f prepare | sed 1d)"; eval "stop_near() $(declare -f stop | sed 1d)"
prepare() { local port; port=$(far "$TGT_PORT"); TGT_URI=${TGT_URI/":$TGT_PORT/"/":$port/"}; prepare_near; }
stop()    { local rc=0; stop_near || rc=1; near; return $rc; }
