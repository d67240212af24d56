# SPDX-License-Identifier: Apache-2.0
"""A private message bus, and the engine as its clients see it."""

import subprocess
import threading

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

    def call(self, method, types="", *arguments):
        """Any method; its result, or DBusError."""
        answer = self._call(INTERFACE, method, GLib.Variant(f"({types})", arguments) if types else None)
        return answer.unpack()[0] if answer.n_children() else None

    def inhibit(self, who, why, gates, seconds):
        """The file descriptor that holds them."""
        try:
            _, fds = self.connection.call_with_unix_fd_list_sync(
                NAME, PATH, INTERFACE, "Inhibit", GLib.Variant("(ssst)", (who, why, gates, seconds)),
                None, Gio.DBusCallFlags.NO_AUTO_START, TIMEOUT_MSEC, None, None)
        except GLib.Error as error:
            raise DBusError(error) from None
        return fds.get(0)

    def why(self):
        """{gate: (open, rule, facts, next time)}"""
        return {gate: rest for gate, *rest in self.call("Why")}

    def all(self):
        """All properties as a dict."""
        return self._call(PROPERTIES, "GetAll", GLib.Variant("(s)", (INTERFACE,))).unpack()[0]

    def get(self, name):
        return self._call(PROPERTIES, "Get", GLib.Variant("(ss)", (INTERFACE, name))).unpack()[0]

    def introspect(self):
        return self._call("org.freedesktop.DBus.Introspectable", "Introspect").unpack()[0]

    def owner(self):
        """Number of the process that has the name, 0 if none has. One that was killed has it until the
        bus comes to notice."""
        try:
            return self._call("org.freedesktop.DBus", "GetConnectionUnixProcessID",
                              GLib.Variant("(s)", (NAME,)), "/org/freedesktop/DBus",
                              "org.freedesktop.DBus").unpack()[0]
        except DBusError as error:
            if error.name.endswith(".NameHasNoOwner"):
                return 0
            raise

    def watch(self):
        """From now on changes[] collects (seconds, {property: value})."""
        def on_signal(_connection, _sender, _path, _interface, _signal, parameters):
            _, changed, invalidated = parameters.unpack()
            assert not invalidated
            self.changes.append((GLib.get_monotonic_time() / 1e6, changed))
        self.subscription = self.connection.signal_subscribe(
            NAME, PROPERTIES, "PropertiesChanged", PATH, None, Gio.DBusSignalFlags.NONE, on_signal)

    def watch_signals(self):
        """From now on signals[] collects (name, parameters)."""
        self.signals = []

        def on_signal(_connection, _sender, _path, _interface, signal, parameters):
            self.signals.append((signal, parameters.unpack()))
        self.connection.signal_subscribe(NAME, INTERFACE, None, PATH, None,
                                         Gio.DBusSignalFlags.NONE, on_signal)

    def seen(self, name):
        """Parameters of the newest signal of this name; None."""
        self.pump()
        return next((what for signal, what in reversed(self.signals) if signal == name), None)

    def pump(self):
        while GLib.MainContext.default().iteration(False):
            pass

    def close(self):
        self.connection.close_sync(None)


class Neighbour:
    """Another service on the bus: methods and properties as dicts, answered in a thread."""

    XML = """<node><interface name="{name}">{members}</interface></node>"""

    def __init__(self, bus, name, path, interface, members, methods=None, properties=None):
        self.methods, self.properties, self.calls = methods or {}, properties or {}, []
        self.context, self.interface, self.path = GLib.MainContext(), interface, path
        self.loop = GLib.MainLoop(self.context)
        self.context.push_thread_default()
        self.connection = bus.connect()
        node = Gio.DBusNodeInfo.new_for_xml(self.XML.format(name=interface, members=members))
        self.connection.register_object(path, node.interfaces[0], self._on_call, self._on_get, None)
        self.context.pop_thread_default()
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", "RequestName",
                                  GLib.Variant("(su)", (name, 0)), None, Gio.DBusCallFlags.NONE, -1, None)

    def _on_call(self, _connection, _sender, _path, _interface, method, parameters, invocation):
        self.calls.append((method, parameters.unpack()))
        invocation.return_value(self.methods[method]() if self.methods.get(method) else None)

    def _on_get(self, _connection, _sender, _path, _interface, name):
        return self.properties[name]

    def set(self, name, value):
        self.properties[name] = value
        self.connection.emit_signal(None, self.path, PROPERTIES, "PropertiesChanged", GLib.Variant(
            "(sa{sv}as)", (self.interface, {name: value}, [])))

    def close(self):
        self.connection.close_sync(None)
        self.loop.quit()
        self.thread.join()
