# What `tables` is compared with: the same changes of the same number of rows, in 10 tables.
TABLES=10
. "$BENCH_HOME/workloads/tables.sh"
