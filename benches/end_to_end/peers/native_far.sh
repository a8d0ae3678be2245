# native with the source 5 ms away: it applies inside the target, so what is far is the stream.
. "$BENCH_HOME/peers/native.sh"
KINDS=catchup
eval "prepare_near() $(declare -f prepare | sed 1d)"; eval "stop_near() $(declare -f stop | sed 1d)"
prepare() { local port; port=$(far "$SRC_PORT"); SRC_DSN=${SRC_DSN/"port=$SRC_PORT "/"port=$port "}; prepare_near; }
stop()    { local rc=0; stop_near || rc=1; near; return $rc; }
