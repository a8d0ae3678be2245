#!/usr/bin/env python3
"""A wire of some length: a TCP proxy in front of a local port that gives on what it reads DELAY seconds later, each way, in
order and however much is under way (to 16 MB). Writes the port that it listens on into a file, and serves until it is killed.
A thread sleeps more exactly than asyncio's timers do (1 ms).   Usage: distance.py PORT FILE   (DELAY=0.0025)"""
import os, queue, socket, sys, threading, time
port, file = int(sys.argv[1]), sys.argv[2]
delay, gulp, most = float(os.environ.get('DELAY', '0.0025')), 256 << 10, 16 << 20

def way(a, b):
    """Reads of a; another thread writes to b."""
    line, room, there = queue.SimpleQueue(), [most], threading.Condition()
    def write():
        while True:
            due, data = line.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data: b.shutdown(socket.SHUT_WR); return
                b.sendall(data)
            except OSError: a.close(); data = data or b'\0'
            with there: room[0] += len(data); there.notify()
    threading.Thread(target=write, daemon=True).start()
    while True:
        with there: there.wait_for(lambda: room[0] > 0)
        try: data = a.recv(gulp)
        except OSError: data = b''
        with there: room[0] -= len(data)
        line.put((time.monotonic() + delay, data))
        if not data: return

listener = socket.create_server(('127.0.0.1', 0))
with open(file + '.new', 'w') as f: f.write(str(listener.getsockname()[1]))
os.rename(file + '.new', file)
while True:
    a = listener.accept()[0]; b = socket.create_connection(('127.0.0.1', port))
    for s in (a, b): s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for x, y in ((a, b), (b, a)): threading.Thread(target=way, args=(x, y), daemon=True).start()
