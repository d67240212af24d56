#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""soak_server.py [PART...] - the server at its limits: `make soak-server`

  bad    100,000 simulated devices, and a release that 2 % fall back from and 1 % fall silent with
  kill   kill -9 at random moments under load, 1,000,000 devices in the store; --rounds=N (10)
  nodes  three servers on one PostgreSQL, one of them killed at random, again and again
  idle   10,000 idle connections, clients that send byte by byte, requests without end
  full   a medium that is full, and has room again (as root: it mounts a small tmpfs)

Says what it saw, and ends with status 1 at the first promise that was broken. --seed=N repeats.
"""

import argparse
import itertools
import os
import pathlib
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position
from postgresql import PostgreSQL  # noqa: E402
from server_payload import Payload, blocks  # noqa: E402
from server_tools import BUILD, Data, Server, run, run_json, sql  # noqa: E402

FLEET = BUILD.resolve() / "src/bin/swb-fleet/swb-fleet"
STARTED = '<event eventtype="13" eventresult="1" nextversion="2.0"/>'
LIMITS = ("--max-events-per-hour=1000000", "--max-events-per-device=1000000", "--max-events=100000000",
          "--max-devices=2000000")
COLUMNS = ("app, machineid, version, channel, board, hardware_class, slot, state, reason, granted_version, first_seen,"
           " last_seen, granted_at, updated_at, last_event_at, last_event_type, last_event_result, last_errorcode,"
           " n_events, window_start, window_events, dropped_events")
FILL = (f"INSERT INTO devices ({COLUMNS}) SELECT 1, 'old' || i, '1.0', 'stable', 'b1', 'hw', '', 1, '', '', 1, 1, 0, 0,"
        " 0, 0, 0, 0, 0, 0, 0, 0 FROM ")


def fill(data, n):
    if data.store:
        sql(data, FILL + f"generate_series(1, {n}) i")
    else:
        sql(data, f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) " + FILL + "n")


def memory_mib(server):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def publish(data, folder):
    for version in ("1.0", "2.0"):
        payload = Payload(folder / f"{version}.bin", version, blocks(3, version))
        run(data, "publish", payload.path, *(["--channel=stable"] if version == "1.0" else []))


def new_data(folder, postgresql=None):
    folder.mkdir(parents=True, exist_ok=True)
    data = Data(folder / "data")
    if postgresql:
        data.postgresql, data.schema = postgresql, postgresql.new_schema()
        data.store = postgresql.url(data.schema)
    publish(data, folder)
    return data


def check(fact, words):
    if not fact:
        raise SystemExit(f"soak-server: BROKEN: {words}")


def bad(folder, _options):
    data = new_data(folder)
    run(data, "rollout", "create", "r", "--release=2.0", "--silent-after=30s")
    server = Server(data, "--metrics")
    scenario = folder / "scenario.ini"
    scenario.write_text("[fleet]\napp-id = {App-1}\ndevices = 100000\nrounds = 8\nthreads = 4\npause-msec = 1000\n"
                        "[release 2.0]\nfall-back = 2%\nsilent = 1%\n")
    result = subprocess.run([FLEET, f"--server=http://127.0.0.1:{server.port}", scenario], capture_output=True,
                            text=True, check=False)
    shown = run_json(data, "rollout", "show", "r")
    server.stop()
    print(f"bad: {shown['admitted']} of 100000 devices got the bad release before the rollout stopped itself in stage"
          f" {shown['stage']}: {shown['fell_back']} fell back, {shown['silent']} silent; {shown['reason']}")
    print(result.stdout.rstrip())
    check(shown["status"] == "paused", "it did not stop")
    check(shown["stage"] == 1 and shown["admitted"] <= 1150, "more devices than the stage has")


class Load:
    """Devices that ask for the update and report, at servers that may die."""

    def __init__(self, servers, prefix, n_threads=8):
        self.servers, self.prefix = servers, prefix
        self.told, self.reported, self.lock, self.stop = set(), set(), threading.Lock(), threading.Event()
        self.numbers = itertools.count()
        self.threads = [threading.Thread(target=self.live, args=(i,)) for i in range(n_threads)]
        for thread in self.threads:
            thread.start()

    def live(self, index):
        while not self.stop.is_set():
            number = next(self.numbers)
            server, name = self.servers[(index + number) % len(self.servers)], f"{self.prefix}{number}"
            try:
                check_ = server.ask(machineid=name).check
                if check_.get("status") == "ok":
                    with self.lock:
                        self.told.add(name)
                if server.ask(STARTED, machineid=name, request=f'requestid="{name}"').status == 200:
                    with self.lock:
                        self.reported.add(name)
            except Exception:  # pylint: disable=broad-except
                time.sleep(0.02)  # killed, in the middle of an answer perhaps

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def verify(data, loads, limit):
    told, reported = set().union(*(l.told for l in loads)), set().union(*(l.reported for l in loads))
    members = set(sql(data, "SELECT machineid FROM rollout_members").split())
    events = set(sql(data, "SELECT DISTINCT d.machineid FROM events e JOIN devices d ON d.id = e.device").split())
    check(len(members) <= limit, f"{len(members)} members, {limit} are allowed")
    check(told <= members, f"{len(told - members)} devices were told and are not stored")
    check(reported <= events, f"{len(reported - events)} acknowledged events are lost")
    return len(members), len(told), len(reported)


def kill(folder, options):
    postgresql = PostgreSQL(durable=True)
    try:
        for kind, database in (("SQLite", None), ("PostgreSQL", postgresql)):
            data = new_data(folder / kind, database)
            fill(data, 1000000)
            limit = 400 * options.rounds
            run(data, "rollout", "create", "r", "--release=2.0", f"--stage={limit}", "--stage=100%")
            loads, slowest = [], 0
            for number in range(options.rounds):
                begin = time.monotonic()
                server = Server(data, *LIMITS)
                slowest = max(slowest, time.monotonic() - begin)
                loads.append(Load([server], f"k{number}-"))
                time.sleep(random.uniform(0.2, 3))
                server.kill()
                loads[-1].end()
                server.stop()
                verify(data, loads, limit)
            n_members, n_told, n_reported = verify(data, loads, limit)
            print(f"kill, {kind}: {options.rounds} kills; {n_reported} acknowledged events, none lost; {n_told} devices told,"
                  f" {n_members} stored, limit {limit}; slowest start with 1000000 devices {slowest:.1f} s")
    finally:
        postgresql.remove()


def nodes(folder, options):
    postgresql = PostgreSQL(durable=True)
    servers = []
    try:
        data = new_data(folder, postgresql)
        limit = 300 * options.rounds
        run(data, "rollout", "create", "r", "--release=2.0", f"--stage={limit}", "--stage=100%")
        servers.extend(Server(data, *LIMITS) for _ in range(3))
        load = Load(servers, "n", 9)
        for _ in range(options.rounds):
            time.sleep(random.uniform(0.3, 2))
            victim = random.randrange(3)
            servers[victim].kill()
            servers[victim].stop()
            servers[victim] = Server(data, *LIMITS)
        while sql(data, "SELECT count(*) FROM rollout_members") != str(limit):
            time.sleep(0.2)
        time.sleep(1)
        load.end()
        n_members, n_told, n_reported = verify(data, [load], limit)
        print(f"nodes: 3 servers on one PostgreSQL, {options.rounds} kills; {n_members} devices admitted, limit {limit}; {n_told} told;"
              f" {n_reported} acknowledged events, none lost")
        check(n_members == limit, "the stage was not filled")
    finally:
        for server in servers:
            server.stop()
        postgresql.remove()


def idle(folder, _options):
    n = 10000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    data = new_data(folder)
    server = Server(data, "--max-connections=12000", "--timeout=1h")
    before = memory_mib(server)
    idle_ones = [server.socket() for _ in range(n)]
    for one in idle_ones[:2000]:
        one.sendall(b"POST /v1/update/ HTTP/1.1\r\nHost: h\r\nContent-Le")  # and no more for now
    check(server.ask(STARTED).status == 200, "no answer beside idle connections")
    with_idle = memory_mib(server)
    endless = server.socket()
    endless.sendall(b"POST /v1/update/ HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000000\r\n\r\n")
    sent = 0
    try:
        while sent < 200 << 20:
            sent += endless.send(b"x" * 65536)
    except OSError:
        pass
    malformed = [b"\0" * 4096, b"GET " + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"]
    for i in range(3000):
        with server.socket() as one:
            try:
                one.sendall(malformed[i % 3])
            except OSError:
                pass
    check(server.ask(STARTED).status == 200, "no answer after malformed requests")
    end = memory_mib(server)
    for one in idle_ones:
        one.close()
    server.stop()
    print(f"idle: {before:.0f} MiB before, {with_idle:.0f} MiB with {n} connections, {end:.0f} MiB after {sent >> 20} MiB of one request"
          " and 3000 malformed ones; it answered all the time")
    check(end < before + 600, "memory without bound")


def full(folder, _options):
    check(os.getuid() == 0, "this part mounts a file system: run it as root")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    try:
        data = new_data(folder / "d")
        server = Server(data, *LIMITS)
        load = Load([server], "f")
        while len(load.reported) < 200:
            time.sleep(0.05)
        ballast = folder / "ballast"
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
                    file.flush()
            except OSError:
                pass
        while server.get("/healthz").status == 200:
            time.sleep(0.1)
        status = server.ask(STARTED, machineid="late").status
        check(status == 503, f"status {status} with a full medium")
        ballast.unlink()
        while server.get("/healthz").status != 200:
            server.ask(STARTED, machineid="late")
            time.sleep(0.1)
        load.end()
        check(server.stop() == 0, "it did not end well")
        _, _, n_reported = verify(data, [load], 0)
        print(f"full: 503 while the medium was full, 200 by itself when it had room again; {n_reported} acknowledged events,"
              " none lost")
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


PARTS = {"bad": bad, "kill": kill, "nodes": nodes, "idle": idle, "full": full}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"soak-server: --seed={options.seed}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="swb-soak-server-"))
    try:
        for name in options.parts or PARTS:
            PARTS[name](folder / name, options)
            sys.stdout.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
