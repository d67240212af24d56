#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for swb-fetch and swb-install: speaks their messages, and lies, hangs and crashes on demand.

    flow_worker.py FOLDER fetch check|get|report|reach OPTION...
    flow_worker.py FOLDER install OPTION...

FOLDER/scenario.json says what to do:
    offers   [{"version", "payload" (path), "delta"}]: check offers the first that is another version than
             the one that runs and that --no-delta allows
    abilities  what install --abilities prints
    check, get, report, install
             lists of steps, one for each call, the last one for all further calls. A step may hold
             say (texts to send first), flood, hang, signal, exit (number), fault, text, http_status,
             retry_after, answer (of check: whole), stop_after (of get, install: bytes of this call),
             chunk and delay (bytes and seconds between), version (of install), short (of get: claims
             success before the end), no_exit (hang after the outcome), deaf (ignore SIGTERM)
Every call is a line of FOLDER/calls.jsonl, every reported event one of FOLDER/events.txt.

Thousands of these are started by one run of the tests: what is imported here is half of what each costs.
"""

import json
import os
import signal
import sys
import time


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def sha256_of(path):
    import hashlib  # pylint: disable=import-outside-toplevel
    return hashlib.sha256(read_file(path)).hexdigest()


def scenario_of(folder):
    return json.loads(read_file(f"{folder}/scenario.json"))


def options_of(args):
    options = {}
    for arg in args:
        if arg.startswith("--"):
            key, _, value = arg[2:].partition("=")
            options.setdefault(key, []).append(value)
    return options


class Worker:
    def __init__(self, folder, name, args):
        self.folder, self.name = folder, name
        self.options = options_of(args)
        self.control = int(self.options["control"][0]) if "control" in self.options else None
        scenario = scenario_of(folder)
        self.offers = scenario.get("offers", [])
        with open(f"{folder}/calls.jsonl", "a+", encoding="utf-8") as calls:
            calls.seek(0)
            n = sum(json.loads(line)["name"] == name for line in calls)
            calls.write(json.dumps({"name": name, "args": args, "pid": os.getpid()}) + "\n")
        steps = scenario.get(name) or [{}]
        self.step = steps[min(n, len(steps) - 1)]

    def option(self, key):
        return self.options[key][0]

    def say(self, **fields):
        text = "".join(f"{key}={self.escape(str(value))}\n" for key, value in fields.items())
        self.say_raw(text)

    @staticmethod
    def escape(text):
        return text.replace("\\", "\\\\").replace("\n", "\\n")

    def say_raw(self, text):
        if self.control is not None:
            os.write(self.control, text.encode())  # one write, one message

    def misbehave(self):
        """What the step wants before any work; may not return."""
        if self.step.get("deaf"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for text in self.step.get("say", []):
            self.say_raw(text)
        if self.step.get("hang"):
            time.sleep(1000)
        if "signal" in self.step:
            os.kill(os.getpid(), self.step["signal"])
        if "exit" in self.step:
            sys.exit(self.step["exit"])
        if self.step.get("flood"):
            while True:
                self.say(TYPE="progress", BYTES_DONE=1, OFFSET=1, RATE=1, STAGE="apply", PERCENT=1,
                         BYTES_TOTAL=2)

    def fail(self, fault=None, text=None):
        extra = {}
        if "http_status" in self.step:
            extra["HTTP_STATUS"] = self.step["http_status"]
        if "retry_after" in self.step:
            extra["RETRY_AFTER"] = self.step["retry_after"]
        fault = fault or self.step["fault"]
        self.say(TYPE="outcome", RESULT="failed", FAULT=fault, CODE=-5,
                 TEXT=text or self.step.get("text", f"made up: {fault}"), **extra)
        sys.exit(1)

    def succeed(self, **fields):
        self.say(TYPE="outcome", RESULT="ok", **fields)
        if self.step.get("no_exit"):
            time.sleep(1000)
        sys.exit(self.step.get("exit_after", 0))

    def fault_if_wanted(self):
        if "fault" in self.step and "stop_after" not in self.step:
            self.fail()

    # ---- swb-fetch ----

    def check(self):
        self.fault_if_wanted()
        if "answer" in self.step:
            self.succeed(**self.step["answer"])
        for offer in self.offers:
            if offer["version"] == self.option("current-version"):
                continue
            if offer.get("delta") and "no-delta" in self.options:
                continue
            self.succeed(STATUS="ok", VERSION=offer["version"], URL_COUNT=2,
                         URL_0=f"http://127.0.0.1:9{offer['payload']}",
                         URL_1=f"https://mirror.invalid{offer['payload']}",
                         SIZE=os.path.getsize(offer["payload"]), SHA256=sha256_of(offer["payload"]),
                         DELTA="true" if offer.get("delta") else "false", **offer.get("extra", {}))
        self.succeed(STATUS="noupdate", INFO="nothing for you")

    def reach(self):
        sys.exit(0)

    def report(self):
        self.fault_if_wanted()
        with open(f"{self.folder}/events.txt", "a", encoding="utf-8") as file:
            file.writelines(event + "\n" for event in self.options["event"])
        self.succeed()

    def get(self):
        self.fault_if_wanted()
        offset, size = int(self.option("offset")), int(self.option("size"))
        path = self.option("url")[len("http://127.0.0.1:9"):]
        data = read_file(path)
        assert len(data) == size
        chunk, delay = self.step.get("chunk", 1 << 16), self.step.get("delay", 0)
        done = 0
        while offset + done < size:
            if "stop_after" in self.step and done >= self.step["stop_after"]:
                if self.step.get("short"):
                    self.succeed()
                if "then_signal" in self.step:
                    os.kill(os.getpid(), self.step["then_signal"])
                self.fail()
            piece = data[offset + done:offset + done + chunk]
            os.write(1, piece)
            done += len(piece)
            self.say(TYPE="progress", BYTES_DONE=done, OFFSET=offset + done, RATE=1000000)
            if done >= self.step.get("hang_after", size + 1):
                time.sleep(1000)
            time.sleep(delay)
        self.succeed()

    # ---- swb-install ----

    def install(self):
        name, _, target = self.option("slot").partition("=")
        size, digest = int(self.option("payload-size")), self.option("payload-hash")
        os.makedirs(self.option("state"), exist_ok=True)
        checkpoint = self.option("state") + "/fake-checkpoint"
        done = 0
        if os.path.exists(checkpoint):
            of, offset = read_file(checkpoint).decode().split()
            done = int(offset) if of == digest else 0
        if not self.step.get("deaf"):
            signal.signal(signal.SIGTERM, lambda *_: self.fail("cancelled", "stopped on request"))
        self.say(TYPE="need", OFFSET=done)
        self.fault_if_wanted()
        mine = 0
        with open(target, "r+b") as slot:
            slot.seek(done)
            while done < size:
                if "stop_after" in self.step and mine >= self.step["stop_after"]:
                    if "then_signal" in self.step:
                        os.kill(os.getpid(), self.step["then_signal"])
                    if self.step.get("then_hang"):
                        time.sleep(1000)
                    if self.step.get("then_ok"):
                        self.succeed(VERSION=self.option("expect-version"))
                    self.fail()
                piece = os.read(0, min(4096, size - done))
                if not piece:
                    self.fail("format", "the payload ends too early")
                slot.write(piece)
                slot.flush()
                done += len(piece)
                mine += len(piece)
                with open(f"{checkpoint}.tmp", "w", encoding="utf-8") as file:
                    file.write(f"{digest} {done}")
                os.rename(f"{checkpoint}.tmp", checkpoint)
                if done % 65536 < 4096:
                    self.progress("apply", done * 80 // size, done, size)
                time.sleep(self.step.get("delay", 0))
            slot.truncate(size)
        self.progress("readback", 90, done, size)
        if self.step.get("verify_delay"):
            time.sleep(self.step["verify_delay"])
        if sha256_of(target) != digest:
            os.unlink(checkpoint)
            self.fail("readback", f"{name} is not what was written")
        self.progress("readback", 100, done, size)
        self.succeed(VERSION=self.step.get("version", self.option("expect-version")))

    def progress(self, stage, percent, done, size):
        self.say(TYPE="progress", STAGE=stage, PERCENT=percent, BYTES_DONE=done, BYTES_TOTAL=size,
                 OPERATIONS_DONE=0, OPERATIONS_TOTAL=0)


def main():
    folder, program, *args = sys.argv[1:]
    if "--abilities" in args:
        print(scenario_of(folder).get("abilities", "1004 26 1024 gzip xz"))
        return
    name = args[0] if program == "fetch" else "install"
    worker = Worker(folder, name, args)
    worker.misbehave()
    try:
        getattr(worker, name)()
    except BrokenPipeError:
        worker.fail("io", "nobody reads the payload")


main()
