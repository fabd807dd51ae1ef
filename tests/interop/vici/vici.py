"""A VICI client after the protocol's description alone, with nothing but the standard library.

Transport: a 32-bit length in network order, then a packet: an octet of type, for some types an
8-bit length and a name, then the message. Message elements: SECTION_START, SECTION_END, KEY_VALUE,
LIST_START, LIST_ITEM, LIST_END; names have an 8-bit, values a 16-bit length.
"""
import socket
import struct

CMD_REQUEST, CMD_RESPONSE, CMD_UNKNOWN, EVENT_REGISTER, EVENT_UNREGISTER = range(5)
EVENT_CONFIRM, EVENT_UNKNOWN, EVENT = range(5, 8)
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = range(1, 7)
PACKET_MAX = 512 * 1024


class CommandUnknown(Exception):
    pass


class EventUnknown(Exception):
    pass


def _name(text):
    octets = text.encode()
    return bytes([len(octets)]) + octets


def _value(text):
    octets = text if isinstance(text, bytes) else str(text).encode()
    return struct.pack("!H", len(octets)) + octets


def encode(message):
    out = b""
    for key, value in message.items():
        if isinstance(value, dict):
            out += bytes([SECTION_START]) + _name(key) + encode(value) + bytes([SECTION_END])
        elif isinstance(value, (list, tuple)):
            out += bytes([LIST_START]) + _name(key)
            out += b"".join(bytes([LIST_ITEM]) + _value(item) for item in value)
            out += bytes([LIST_END])
        else:
            out += bytes([KEY_VALUE]) + _name(key) + _value(value)
    return out


def decode(octets):
    at = 0

    def take(count):
        nonlocal at
        if at + count > len(octets):
            raise ValueError("a message that ends early")
        at += count
        return octets[at - count:at]

    def name():
        return take(take(1)[0]).decode()

    def value():
        return take(struct.unpack("!H", take(2))[0]).decode("utf-8", "surrogateescape")

    def section(nested):
        out = {}
        while at < len(octets):
            kind = take(1)[0]
            if kind == SECTION_END and nested:
                return out
            if kind == SECTION_START:
                key = name()
                out[key] = section(True)
            elif kind == KEY_VALUE:
                key = name()
                out[key] = value()
            elif kind == LIST_START:
                key = name()
                items = []
                while (kind := take(1)[0]) == LIST_ITEM:
                    items.append(value())
                if kind != LIST_END:
                    raise ValueError("a list that does not end")
                out[key] = items
            else:
                raise ValueError(f"an element of type {kind}")
        if nested:
            raise ValueError("a section that does not end")
        return out

    return section(False)


class Client:
    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)  # waits while the daemon has a queue
        self.socket.settimeout(timeout)
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, octets):
        self.socket.sendall(octets)

    def send(self, kind, name=None, body=b""):
        packet = bytes([kind]) + (_name(name) if name is not None else b"") + body
        self.send_raw(struct.pack("!I", len(packet)) + packet)

    def _exactly(self, count):
        out = b""
        while len(out) < count:
            chunk = self.socket.recv(count - len(out))
            if not chunk:
                raise ConnectionError("the daemon closed")
            out += chunk
        return out

    def receive(self):
        length = struct.unpack("!I", self._exactly(4))[0]
        if length > PACKET_MAX:
            raise ValueError(f"a packet of {length} octets")
        packet = self._exactly(length)
        kind, rest = packet[0], packet[1:]
        name = None
        if kind == EVENT:
            name, rest = rest[1:1 + rest[0]].decode(), rest[1 + rest[0]:]
        return kind, name, rest

    def request(self, command, message=None):
        """The answer; events that come meanwhile are kept in self.events."""
        self.send(CMD_REQUEST, command, encode(message or {}))
        while True:
            kind, name, rest = self.receive()
            if kind == EVENT:
                self.events.append((name, decode(rest)))
            elif kind == CMD_RESPONSE:
                return decode(rest)
            elif kind == CMD_UNKNOWN:
                raise CommandUnknown(command)
            else:
                raise ValueError(f"a packet of type {kind}")

    def _confirm(self, kind, event):
        self.send(kind, event)
        while True:
            kind, name, rest = self.receive()
            if kind == EVENT:
                self.events.append((name, decode(rest)))
            elif kind == EVENT_CONFIRM:
                return
            elif kind == EVENT_UNKNOWN:
                raise EventUnknown(event)
            else:
                raise ValueError(f"a packet of type {kind}")

    def register(self, event):
        self._confirm(EVENT_REGISTER, event)

    def unregister(self, event):
        self._confirm(EVENT_UNREGISTER, event)

    def streamed(self, command, event, message=None):
        """The events of a listing command, and its answer."""
        self.register(event)
        answer = self.request(command, message)
        self.unregister(event)
        mine = [body for name, body in self.events if name == event]
        self.events = [one for one in self.events if one[0] != event]
        return mine, answer

    def next_event(self, wanted):
        """Waits for an event of this name; others before it are dropped."""
        while True:
            name, body = self.any_event()
            if name == wanted:
                return body

    def any_event(self):
        if self.events:
            return self.events.pop(0)
        kind, name, rest = self.receive()
        if kind != EVENT:
            raise ValueError(f"a packet of type {kind}")
        return name, decode(rest)
