#!/usr/bin/env bash
# broker.sh DIR PORT: one Kafka (KRaft) on that port with its data in DIR, started again whenever somebody kills it; DIR/pid has its process
# id, DIR/ready is there once it takes clients. SIGTERM ends it. It is small, for a machine that runs all the rest, too; BROKER_JAVA="-Xmx1g" has it
# as others are.
set -euo pipefail
dir=$1 port=$2
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
jars=$(tests/testbed/servers.sh kafka)
java=("${JAVA_HOME:+$JAVA_HOME/bin/}java" ${BROKER_JAVA:--Xmx192m -XX:+UseSerialGC -XX:TieredStopAtLevel=1} -cp "$jars/*")
mkdir -p "$dir/data"
controller=$((port + 1))
cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.io.buffer.size=65536
END
"${java[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$dir/server.properties" >"$dir/log" 2>&1
pid=
trap 'trap "" TERM; [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; exit 0' TERM INT HUP
while :; do
  "${java[@]}" kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 &
  pid=$!
  echo "$pid" >"$dir/pid.new"; mv "$dir/pid.new" "$dir/pid"
  (until grep -q 'Kafka Server started' "$dir/log"; do sleep 0.1; done; touch "$dir/ready") &
  wait "$pid" || true
done
