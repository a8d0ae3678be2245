#!/usr/bin/env python3
"""The harness: runs peers on workloads in turn, measures, checks, prints a table.
Called by run.sh; stdlib only. See README.md for what is measured and how."""
import json, os, re, signal, statistics as st, subprocess, sys, tempfile, threading, time

HOME = os.path.dirname(os.path.abspath(__file__))
E = os.environ
BD, PGBIN = E['BENCH_DIR'], E['PGBIN']
PORT = {'src': E['SRC_PORT'], 'tgt': E['TGT_PORT']}
TICK = os.sysconf('SC_CLK_TCK')
TIMEOUT = float(E.get('RUN_TIMEOUT', '180'))
RESULTS = E.get('RESULTS', os.path.join(BD, 'results.jsonl'))

class Psql:
    """A persistent psql used as a driver (about 0.2 ms a query)."""
    def __init__(self, side, db='bench'):
        self.p = subprocess.Popen([PGBIN + '/psql', '-XqAt', '-h', '127.0.0.1', '-p', PORT[side], '-U', 'postgres', db],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.pid = int(self.q('select pg_backend_pid()')[0])
    def q(self, sql):
        self.p.stdin.write(sql + ';\n\\echo __END__\n'); self.p.stdin.flush()
        out = []
        while True:
            line = self.p.stdout.readline()
            if line == '': raise RuntimeError('psql ended: ' + sql)
            if line == '__END__\n': return out
            out.append(line.rstrip('\n'))
    def close(self):
        self.p.stdin.close(); self.p.wait()

def admin(side, sql, db='postgres'):
    return subprocess.run([PGBIN + '/psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', PORT[side], '-U', 'postgres', db],
                          input=sql, text=True, check=True, capture_output=True, timeout=600).stdout

def drop_db(side, *dbs):
    """DROP DATABASE. pglogical 2.4.2's supervisor and managers never accept PG 15's
    ProcSignalBarrier, so a drop beside them hangs for ever: end them first (they
    stay away until the server restarts, see peers/pglogical.sh)."""
    for db in dbs:
        if admin(side, f"select 1 from pg_subscription s join pg_database d on d.oid=s.subdbid where datname='{db}' and subname='bench_sub'"):
            for q in ('disable', 'set (slot_name=none)'): admin(side, f'alter subscription bench_sub {q}', db)   # left by an interrupted run
            admin(side, 'drop subscription bench_sub', db)
        admin(side, "select pg_terminate_backend(pid) from pg_stat_activity where backend_type like 'pglogical%'"); time.sleep(0.1)
        admin(side, f'drop database if exists {db} with (force)')

def sh(script, fn, env, timeout=None, check=True):
    """Run function fn of a peer or workload script in a fresh bash."""
    code = f'. "$BENCH_HOME/lib.sh"; . "{script}"; {fn}'
    r = subprocess.run(['bash', '-c', code], env={**E, 'BENCH_HOME': HOME, **env}, text=True, timeout=timeout,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if check and r.returncode: raise RuntimeError(f'{os.path.basename(script)} {fn}: rc {r.returncode}: {r.stderr[-600:]}')
    return r
def var(script, name):
    return subprocess.run(['bash', '-c', f'. "$BENCH_HOME/lib.sh"; . "{script}"; echo "${name}"'],
                          env={**E, 'BENCH_HOME': HOME, 'RUN_DIR': BD}, text=True, capture_output=True).stdout.strip()

# ---------------------------------------------------------------- CPU and RSS
def stat(pid):
    with open(f'/proc/{pid}/stat') as f: s = f.read()
    a = s[s.rindex(')') + 2:].split()
    return int(a[1]), (int(a[11]) + int(a[12])) / TICK, int(a[19])       # ppid, cpu s, starttime
def title(pid):
    with open(f'/proc/{pid}/cmdline') as f: return f.read().replace('\0', ' ').strip()
def private_kb(pid):                                                    # resident without shared memory
    with open(f'/proc/{pid}/status') as f:
        m = dict(l.split(':', 1) for l in f if l.startswith(('RssAnon', 'RssFile')))
    return sum(int(v.split()[0]) for v in m.values())

class Sampler(threading.Thread):
    """Every 0.2 s: CPU of every process of both clusters and of the peer's pids and
    their descendants, by class; peak private RSS of the replicator."""
    def __init__(self, rundir, repl_title, ignore=()):
        super().__init__(daemon=True)
        self.rundir, self.re = rundir, re.compile(repl_title) if repl_title else None
        self.ignore, self.first, self.last, self.cls = set(ignore), {}, {}, {}
        self.peak = 0; self.stop_ev = threading.Event(); self.lock = threading.Lock()
        self.pm = {s: int(open(E[v] + '/postmaster.pid').readline()) for s, v in (('src', 'SRC_PGDATA'), ('tgt', 'TGT_PGDATA'))}
        self.sample(initial=True)
    def classify(self, side, pid):
        t = title(pid)
        if side == 'tgt' and self.re and self.re.search(t): return 'repl'
        if 'walsender' in t: return 'walsender'
        if re.search(r'walwriter|checkpointer|background writer|logger|launcher|autovacuum', t): return side + '_aux'
        return side + '_backend'
    def sample(self, initial=False):
        with self.lock:
            procs = {}
            for d in os.listdir('/proc'):
                if d.isdigit():
                    try: procs[int(d)] = stat(d)
                    except (OSError, ValueError): pass
            roots = set()
            try: roots = {int(x) for x in open(self.rundir + '/pids').read().split()}
            except OSError: pass
            ext = set(roots); grew = True
            while grew:
                new = {p for p, s in procs.items() if s[0] in ext and p not in ext}
                grew = bool(new); ext |= new
            rss = 0
            for pid, (ppid, cpu, start) in procs.items():
                side = next((s for s, pm in self.pm.items() if ppid == pm), None)
                if pid in self.ignore or not (side or pid in ext): continue
                key = (pid, start)
                try:
                    # titles change after fork: look again while the class is a plain
                    # backend; an ending process has no title any more
                    if key not in self.cls or (self.cls[key].endswith('_backend') and title(pid)):
                        self.cls[key] = 'repl' if pid in ext else self.classify(side, pid)
                    if self.cls[key] == 'repl': rss += private_kb(pid)
                except OSError: continue
                self.first.setdefault(key, cpu if initial else 0.0)
                self.last[key] = cpu
            self.peak = max(self.peak, rss)
    def run(self):
        while not self.stop_ev.wait(0.2): self.sample()
    def finish(self):
        self.stop_ev.set(); self.sample()
        out = {}
        for k, c in self.last.items():
            out[self.cls[k]] = out.get(self.cls[k], 0) + c - self.first[k]
        return {k: round(v, 2) for k, v in out.items()}, round(self.peak / 1024, 1)

# -------------------------------------------------------------------- state
def checksums(side):
    tabs = admin(side, "select tablename from pg_tables where schemaname='public' and tablename not like 'bench_lat' order by 1", 'bench').split()
    q = ';'.join(f"select '{t}', count(*), coalesce(sum(hashtextextended(x::text,0)::numeric),0) from {t} x" for t in tabs)
    return admin(side, q, 'bench')

def counters():
    a = admin('src', "select coalesce(sum(n_tup_ins+n_tup_upd+n_tup_del),0) from pg_stat_user_tables where schemaname='public'", 'bench')
    x = admin('src', 'select txid_current()', 'bench')
    return int(a), int(x)

def reset_source(wl, script):
    admin('src', "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active")
    drop_db('src', 'bench'); admin('src', 'create database bench')
    env = base_env(wl); sh(script, 'wl_schema', env)
    admin('src', 'create table bench_sentinel(id bigint primary key, t timestamptz not null);'
                 'create publication bench_pub for tables in schema public', 'bench')
    admin('src', 'vacuum analyze', 'bench'); admin('src', 'checkpoint')

def reset_base(kind):
    """bench_base on the target: the state before the backlog; each run gets a copy."""
    drop_db('tgt', 'bench', 'bench_base')
    admin('tgt', 'create database bench_base')
    conn = ['-h', '127.0.0.1', '-U', 'postgres']
    d = subprocess.Popen([PGBIN + '/pg_dump', *conn, '-p', PORT['src'], '--no-publications', *(['-s'] if kind == 'snapshot' else []), 'bench'], stdout=subprocess.PIPE)
    subprocess.run([PGBIN + '/psql', *conn, '-p', PORT['tgt'], '-Xq', '-v', 'ON_ERROR_STOP=1', 'bench_base'], stdin=d.stdout, stdout=subprocess.DEVNULL, check=True)
    assert d.wait() == 0
    admin('tgt', 'vacuum analyze', 'bench_base')

def base_env(wl, peer='', rep=0):
    dsn = lambda s: f"host=127.0.0.1 port={PORT[s]} user=postgres dbname=bench"
    uri = lambda s: f"postgres://postgres@127.0.0.1:{PORT[s]}/bench"
    d = tempfile.mkdtemp(prefix=f'{wl}-{peer}-{rep}-', dir=BD + '/runs')
    return dict(RUN_DIR=d, WORKLOAD=wl, SRC_DSN=dsn('src'), TGT_DSN=dsn('tgt'), SRC_URI=uri('src'), TGT_URI=uri('tgt'),
                BASE_SLOT='base_' + peer, SLOT=f'run_{peer}', PUB='bench_pub', PEER=peer)

def one_run(wl, kind, peer, rep, ctx):
    script = f'{HOME}/peers/{peer}.sh'
    env = base_env(wl, peer, rep); env['RUN_KIND'] = kind
    env['END_LSN'], env['LOAD_LSN'] = ctx.get('end_lsn', ''), ctx.get('load_lsn', '')
    drop_db('tgt', 'bench')
    admin('tgt', 'create database bench template bench_base strategy file_copy')
    admin('tgt', 'checkpoint'); admin('src', 'checkpoint')
    res = dict(workload=wl, kind=kind, peer=peer, rep=rep, changes=ctx.get('changes'), txns=ctx.get('txns'), state='?')
    started = False
    try:
        sh(script, 'prepare', env)
        own = sh(script, "declare -f wait_done | grep -q 'return 99'", env, check=False).returncode != 0   # has its own end
        poll = Psql('tgt'); smp = Sampler(env['RUN_DIR'], var(script, 'REPL_TITLE'), {poll.pid}); smp.start()
        t0 = time.monotonic(); started = True
        if kind == 'snapshot':
            try: sh(script, 'snapshot', env, timeout=TIMEOUT)
            except subprocess.TimeoutExpired: res['state'] = 'timeout'
        else:
            sh(script, 'start', env)
            if kind == 'catchup':
                if own:
                    try: sh(script, 'wait_done', env, timeout=TIMEOUT)
                    except subprocess.TimeoutExpired: res['state'] = 'timeout'
                else:
                    step = 0
                    while not poll.q('select 1 from bench_sentinel where id=1'):
                        if time.monotonic() - t0 > TIMEOUT: res['state'] = 'timeout'; break
                        step += 1
                        if step % 100 == 0 and os.path.exists(env['RUN_DIR'] + '/pids') and sh(script, 'alive', env, check=False).returncode:
                            if not poll.q('select 1 from bench_sentinel where id=1'): res['state'] = 'died'; break
                        time.sleep(0.01)
            else:
                res.update(latency(ctx['rate'], poll))
        res['wall'] = round(time.monotonic() - t0, 3)
        res['cpu'], res['rss_mb'] = smp.finish()
        poll.close()
        if kind == 'latency': res['state'] = 'ok' if res['lost'] == 0 else f"lost {res['lost']}"
        elif res['state'] == '?':
            if var(script, 'CHECK') == '0': res['state'] = '-'
            else:
                got = checksums('tgt'); res['state'] = 'equal' if got == ctx['sums'] else 'DIFF'
                if res['state'] == 'DIFF': res['diff'] = [a for a in got.split('\n') if a not in ctx['sums'].split('\n')][:5]
    except Exception as e:
        res['state'] = 'error'; res['error'] = str(e)[-500:]
    if res['state'] in ('error', 'died'):
        try: res['log'] = open(env['RUN_DIR'] + '/peer.log').read()[-800:]
        except OSError: pass
    r = sh(script, 'stop', env, check=False)
    if r.returncode:
        print('   stop:', r.stderr[-300:], file=sys.stderr)
        if re.search('^(DIFF|NOT MASKED)', r.stderr, re.M): res['state'] = 'DIFF'      # what a masked peer compares by itself
    with open(RESULTS, 'a') as f: f.write(json.dumps(res) + '\n')
    rate = f"{res['changes']/res['wall']:,.0f} rows/s" if res.get('changes') and res.get('wall') else ''
    lat = f"p50 {res['p50']} p99 {res['p99']} max {res['max']} ms" if 'p50' in res else ''
    print(f"  {time.strftime('%H:%M:%S')} {wl:9} {peer:14} rep {rep} {res.get('wall','-')} s {rate}{lat} {res['state']} cpu {res.get('cpu')} rss {res.get('rss_mb')} MB", flush=True)
    if 'error' in res or 'log' in res: print('    ', res.get('error', ''), res.get('log', '')[-500:], flush=True)
    return res

def latency(rate, poll):
    """pgbench at a fixed rate; a sentinel row every 50 ms, its time taken in the
    INSERT by clock_timestamp() (just before its commit); the target is polled about
    every 1 ms and the age of each new row is taken there."""
    secs, clients = int(E.get('LAT_SECS', '60')), 4
    log = open(BD + '/runs/latency.log', 'w')
    warm = 3
    b = subprocess.Popen([PGBIN + '/pgbench', '-h', '127.0.0.1', '-p', PORT['src'], '-U', 'postgres', '-n', '-c', str(clients), '-j', '1', '-M', 'prepared',
                          '-R', str(rate), '-T', str(secs + warm + 1), 'bench'], stdout=log, stderr=log)
    time.sleep(warm)
    src = Psql('src'); end = time.monotonic() + secs; sent = [0]
    base = int(src.q('select coalesce(max(id),0) from bench_lat')[0])
    def writer():
        nxt = time.monotonic()
        while time.monotonic() < end:
            src.q(f'insert into bench_lat values ({base + sent[0] + 1}, clock_timestamp())'); sent[0] += 1
            nxt += 0.05; time.sleep(max(0, nxt - time.monotonic()))
    w = threading.Thread(target=writer); w.start()
    last, lats = base, []
    grace = float(E.get('LAT_GRACE', '30'))
    while w.is_alive() or (len(lats) < sent[0] and time.monotonic() < end + grace):
        for row in poll.q(f'select id, round(extract(epoch from clock_timestamp()-t)*1000,2) from bench_lat where id>{last} order by id'):
            i, ms = row.split('|'); last = int(i); lats.append(float(ms))
        time.sleep(0.0008)
    w.join(); b.wait(); src.close(); lats.sort()
    tps = re.search(r'tps = ([\d.]+)', open(BD + '/runs/latency.log').read())
    pick = lambda q: lats[min(len(lats) - 1, int(q * len(lats)))] if lats else float('nan')
    return dict(rate=rate, sent=sent[0], lost=sent[0] - len(lats), p50=pick(.5), p99=pick(.99), max=lats[-1] if lats else float('nan'),
                tps=float(tps.group(1)) if tps else None)

def main(peers, workloads):
    os.makedirs(BD + '/runs', exist_ok=True); os.chmod(BD + '/runs', 0o755)
    reps = int(E.get('REPEAT', '3')); results = []
    for wl in workloads:
        script = wl if '/' in wl else f'{HOME}/workloads/{wl}.sh'; wl = os.path.basename(wl).removesuffix('.sh'); kind = var(script, 'KIND')
        mine = [p for p in peers if kind in var(f'{HOME}/peers/{p}.sh', 'KINDS').split()]
        t = time.monotonic(); print(f'{wl}: preparing', flush=True)
        reset_source(wl, script); reset_base(kind)
        envs = {p: base_env(wl, p, 'setup') for p in mine}
        for p in list(mine):
            if kind == 'snapshot' and p not in ('pglogical',): continue
            try: sh(f'{HOME}/peers/{p}.sh', 'setup', envs[p])
            except RuntimeError as e: print('  skipped', p, e, flush=True); mine.remove(p)
        if kind == 'latency':
            for rate in (int(x) for x in E.get('LAT_RATES', '200 1000').split()):
                for rep in range(1, int(E.get('LAT_REPEAT', '1')) + 1):
                    for p in rotate(mine, rep):
                        # each run starts from equal states: a fresh slot on the source's present state
                        reset_source(wl, script); reset_base(kind)
                        sh(f'{HOME}/peers/{p}.sh', 'setup', envs[p])
                        results.append(one_run(f'{wl}_{rate}', kind, p, rep, dict(rate=rate)))
                        sh(f'{HOME}/peers/{p}.sh', 'teardown', envs[p], check=False)
            continue
        ctx = {}
        if kind == 'catchup':
            c0, x0 = counters(); t1 = time.monotonic()
            sh(script, 'wl_load', base_env(wl)); t2 = time.monotonic()
            load_lsn = admin('src', 'select pg_current_wal_lsn()', 'bench').strip()
            admin('src', 'insert into bench_sentinel values (1, clock_timestamp())', 'bench')
            c1, x1 = counters()
            ctx = dict(load_lsn=load_lsn, changes=c1 - c0, txns=x1 - x0 - 1, end_lsn=admin('src', 'select pg_current_wal_lsn()', 'bench').strip())
            ctx['sums'] = checksums('src')
            print(f"{wl}: backlog {ctx['changes']:,} row changes, {ctx['txns']:,} transactions, written in {t2-t1:.1f} s", flush=True)
        else:
            admin('src', 'insert into bench_sentinel values (1, clock_timestamp())', 'bench')
            ctx['sums'] = checksums('src'); ctx['changes'] = sum(int(l.split('|')[1]) for l in ctx['sums'].split()); ctx['txns'] = 0
        print(f'{wl}: prepared in {time.monotonic()-t:.0f} s', flush=True)
        for rep in range(1, reps + 1):
            for p in rotate(mine, rep): results.append(one_run(wl, kind, p, rep, ctx))
        for p in mine: sh(f'{HOME}/peers/{p}.sh', 'teardown', envs[p], check=False)
    report(results)

def rotate(l, k): k = (k - 1) % max(1, len(l)); return l[k:] + l[:k]

def report(results):
    """One row per workload and peer: medians over the repeats, (min-max), ratio to native."""
    med = lambda v: st.median(v) if v else float('nan')
    wls = list(dict.fromkeys(r['workload'] for r in results))
    print('\n| workload | peer | n | seconds (min-max) | rows/s | tx/s | x native | CPU s: replicator / walsender / tgt backends / other | busiest | RSS MB | state |')
    print('|---|---|--:|---|--:|--:|--:|---|---|--:|---|')
    for wl in wls:
        g = {}
        for r in results:
            if r['workload'] == wl and r['kind'] != 'latency': g.setdefault(r['peer'], []).append(r)
        nat = med([r['wall'] for r in g.get('native', []) if r['state'] == 'equal'])
        for p, rs in g.items():
            ok = [r for r in rs if r['state'] in ('equal', '-')]
            states = ','.join(sorted({r['state'] for r in rs}))
            if not ok: print(f'| {wl} | {p} | {len(rs)} | - | - | - | - | - | - | - | {states} |'); continue
            w = [r['wall'] for r in ok]; m = med(w)
            cpu = lambda *k: med([sum(r['cpu'].get(x, 0) for x in k) for r in ok])
            repl, ws, tb = cpu('repl'), cpu('walsender'), cpu('tgt_backend')
            oth = cpu('src_backend', 'src_aux', 'tgt_aux')
            top = max((('replicator', repl), ('walsender', ws), ('tgt backends', tb), ('src backends', cpu('src_backend'))), key=lambda x: x[1])
            print(f"| {wl} | {p} | {len(ok)} | {m:.1f} ({min(w):.1f}-{max(w):.1f}) | {ok[0]['changes']/m:,.0f} | {ok[0]['txns']/m:,.0f} | {nat/m:.2f} | "
                  f"{repl:.1f} / {ws:.1f} / {tb:.1f} / {oth:.1f} | {top[0]} {100*top[1]/m:.0f}% | {med([r['rss_mb'] for r in ok]):.0f} | {states} |")
    lat = [r for r in results if r['kind'] == 'latency']
    if lat:
        print('\n| load | peer | n | p50 ms | p99 ms | max ms | tps got | CPU % of a core: replicator / walsender / tgt backends | state |\n|---|---|--:|--:|--:|--:|--:|---|---|')
        for wl in dict.fromkeys(r['workload'] for r in lat):
            for p in dict.fromkeys(r['peer'] for r in lat if r['workload'] == wl):
                rs = [r for r in lat if r['workload'] == wl and r['peer'] == p]; ok = [r for r in rs if 'p50' in r]
                if not ok: print(f'| {wl} | {p} | 0 | - | - | - | - | - | {rs[0]["state"]} |'); continue
                c = lambda k: med([100 * r['cpu'].get(k, 0) / r['wall'] for r in ok])
                f = lambda k: med([r[k] for r in ok])
                print(f"| {wl} | {p} | {len(ok)} | {f('p50'):.1f} | {f('p99'):.1f} | {max(r['max'] for r in ok):.1f} | {f('tps') or 0:.0f} | {c('repl'):.0f} / {c('walsender'):.0f} / {c('tgt_backend'):.0f} | {','.join(sorted({r['state'] for r in rs}))} |")

if __name__ == '__main__':
    if sys.argv[1] == 'report': report([json.loads(l) for f in sys.argv[2:] for l in open(f)])
    else:
        i = sys.argv.index('--'); main(sys.argv[1:i], sys.argv[i + 1:])
