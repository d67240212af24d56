# SPDX-License-Identifier: Apache-2.0
"""A private message bus, and the engine as its clients see it."""

import subprocess

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = INTERFACE = "org.switchback.Engine1"
PATH = "/org/switchback/Engine1"
PROPERTIES = "org.freedesktop.DBus.Properties"
TIMEOUT_MSEC = 10000

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow send_type="signal"/><allow send_destination="org.freedesktop.DBus"/>
    {policy}
  </policy>
  {more}
</busconfig>
"""
ALLOW_ALL = '<allow send_destination="*"/><allow own="*"/>'


class DBusError(Exception):
    """name: of the error, "org.switchback.Error.Busy"."""

    def __init__(self, error):
        self.name = Gio.DBusError.get_remote_error(error) or ""
        self.text = error.message
        super().__init__(error.message)


class Bus:
    """A dbus-daemon of our own; nothing else is on it. `include`: a policy file to obey."""

    def __init__(self, folder, include=None):
        self.folder, self.process = folder, None
        self.socket = folder / "bus"
        self.address = f"unix:path={self.socket}"
        self.config = folder / "bus.conf"
        self.config.write_text(CONFIG.format(
            socket=self.socket, policy="" if include else ALLOW_ALL,
            more=f"<include>{include}</include>" if include else ""))

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/bin/dbus-daemon", f"--config-file={self.config}", "--nofork", "--print-address"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.process.stdout.readline(), "dbus-daemon did not start"
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process.stdout.close()
        self.process = None
        self.socket.unlink(missing_ok=True)

    def connect(self):
        flags = Gio.DBusConnectionFlags
        return Gio.DBusConnection.new_for_address_sync(
            self.address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)

    def engine(self):
        return Engine(self.connect())


class Engine:
    """org.switchback.Engine1 as a client sees it."""

    def __init__(self, connection):
        self.connection, self.changes = connection, []
        self.subscription = None

    def _call(self, interface, method, arguments=None, path=PATH, destination=NAME):
        try:
            return self.connection.call_sync(destination, path, interface, method, arguments, None,
                                             Gio.DBusCallFlags.NO_AUTO_START, TIMEOUT_MSEC, None)
        except GLib.Error as error:
            raise DBusError(error) from None

    def call(self, method):
        """Check, Install, Cancel or Reboot; DBusError."""
        self._call(INTERFACE, method)

    def all(self):
        """All properties as a dict."""
        return self._call(PROPERTIES, "GetAll", GLib.Variant("(s)", (INTERFACE,))).unpack()[0]

    def get(self, name):
        return self._call(PROPERTIES, "Get", GLib.Variant("(ss)", (INTERFACE, name))).unpack()[0]

    def introspect(self):
        return self._call("org.freedesktop.DBus.Introspectable", "Introspect").unpack()[0]

    def has_owner(self):
        answer = self._call("org.freedesktop.DBus", "NameHasOwner", GLib.Variant("(s)", (NAME,)),
                            "/org/freedesktop/DBus", "org.freedesktop.DBus")
        return answer.unpack()[0]

    def watch(self):
        """From now on changes[] collects (seconds, {property: value})."""
        def on_signal(_connection, _sender, _path, _interface, _signal, parameters):
            _, changed, invalidated = parameters.unpack()
            assert not invalidated
            self.changes.append((GLib.get_monotonic_time() / 1e6, changed))
        self.subscription = self.connection.signal_subscribe(
            NAME, PROPERTIES, "PropertiesChanged", PATH, None, Gio.DBusSignalFlags.NONE, on_signal)

    def pump(self):
        while GLib.MainContext.default().iteration(False):
            pass

    def close(self):
        self.connection.close_sync(None)
