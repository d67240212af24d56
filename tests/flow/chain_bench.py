# SPDX-License-Identifier: Apache-2.0
"""The whole chain on the bench: server, what lies between, device.

    chain.publish("2.0")               full and delta
    chain.device.start()
    chain.device.see_through("2.0")
"""

from chain_device import ChainDevice
from chain_proxy import Proxy
from chain_server import Server


class Chain:
    def __init__(self, folder, build, bus, releases):
        self.folder, self.releases = folder, releases
        self.server = Server(folder, build)
        self.proxy = Proxy().start()
        self.device = ChainDevice(folder / "device", build, bus, releases, self.proxy.url)
        self.start_server()

    def start_server(self, *options):
        self.server.start(*options)
        self.proxy.upstream = self.server.port

    def close(self):
        self.device.close()
        self.proxy.stop()
        self.server.stop()

    def payloads(self, version, full=True, delta=True):
        chosen = [self.releases.full(version)] if full and self.releases.full(version).exists() else []
        if delta:
            chosen += sorted(self.releases.folder.glob(f"delta-*-{version}"))
        return chosen

    def publish(self, version, **which):
        self.server.publish_files(*self.payloads(version, **which))

    # ---- what must be true ----

    def assert_slots(self, **versions):
        """assert_slots(A="1.0", B="2.0"): bit for bit."""
        for slot, version in versions.items():
            assert self.device.slot_sha(slot) == self.releases.image_sha(version), \
                f"slot {slot} is not {version}:\n{self.device.log()}"

    def wait_failure(self, fault, code=None):
        """The device says so on the bus and to the server, and would still boot what runs."""
        device = self.device
        device.wait(lambda: device.get("LastError") == fault, f"LastError {fault}")
        event = self.server.wait_event(device.id, 3, 0, fault)
        assert code is None or event["errorcode"] == code
        assert (event["previous_version"], event["next_version"]) == ("1.0", "2.0")
        assert self.server.device(device.id)["updated_at"] is None
        assert device.flags()["A"][2] == 1, "the running slot must stay good"
