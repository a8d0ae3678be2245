# sluice with a topic between: capture and apply in one process, and a broker of its own on this machine (not counted). Latency only: what catching
# up costs by way of a topic is told by kafka.sh, half by half.
. "$BENCH_HOME/peers/sluice.sh"
KINDS="latency"
BROKER=$BENCH_DIR/sluice_kafka
eval "config_plain() $(declare -f config | sed 1d)"
config()  { config_plain; printf 'buffer: { kafka: { brokers: "127.0.0.1:%s", topic: bench_%s } }\n' "$(cat "$BROKER/port")" "$(date +%s%N)" >>"$RUN_DIR/sluice.yaml"; }
setup()   { [ -e "$BROKER/ready" ] && return
  mkdir -p "$BROKER"; python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' >"$BROKER/port"
  BROKER_JAVA=${BROKER_JAVA:--Xms1g -Xmx1g} setsid "$BENCH_HOME/../../deploy/demo/broker.sh" "$BROKER" "$(cat "$BROKER/port")" >"$BROKER/log" 2>&1 </dev/null & echo $! >"$BROKER/keeper"
  until [ -e "$BROKER/ready" ]; do sleep 0.1; done; }
# the topic begins with a copy of all tables, untimed
prepare() { config; verb run --until-caught-up; }
stop()    { reap; verb destroy --yes; }
teardown() { [ ! -e "$BROKER/keeper" ] || kill "$(cat "$BROKER/keeper")" 2>/dev/null || true; rm -rf "$BROKER"; }
