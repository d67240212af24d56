# SPDX-License-Identifier: Apache-2.0
"""The real server with what the tests of the whole chain want to know of it."""

import time

import flow_server

PATIENCE = 60


class Server(flow_server.Server):
    def start(self, *options):
        return super().start("--max-events-per-hour=100000", *options)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process = None

    def publish_files(self, *paths, channel="stable"):
        """What the channel gives from now on; returns when the server knows."""
        for path in paths:
            self.run("publish", path, f"--channel={channel}")
        for path in paths:
            self.await_payload(path)

    def payload_file(self, sha256):
        return self.data / "payloads" / sha256

    # ---- the fleet ----

    def device(self, device_id):
        """What is known of a device, {} if nothing is."""
        return next((device for device in self.devices() if device["id"] == device_id), {})

    def events_of(self, device_id):
        """Oldest first."""
        return [event for event in self.events() if event["device"] == device_id]

    def wait(self, condition, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, f"no {what} in {seconds} s"
            time.sleep(0.03)

    def wait_event(self, device_id, type_, result, fault=""):
        def find():
            return [event for event in self.events_of(device_id)
                    if (event["type"], event["result"], event["fault"]) == (type_, result, fault)]
        return self.wait(find, f"event {type_}/{result} {fault}")[0]

    def wait_state(self, device_id, state):
        return self.wait(lambda: self.device(device_id).get("state") == state and
                         self.device(device_id), f"state {state} at the server")
