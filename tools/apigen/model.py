"""Reads the .proto files into plain Python objects, and refuses what is left open.

Everything the writers need is here, so that each of them only formats.
"""

import os
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2 as d
from google.protobuf import descriptor_pool, message_factory

# The files whose messages become C code; the others only describe.
C_FILES = ["c2.proto", "engine.proto", "engine_state.proto",
           "google/protobuf/timestamp.proto", "grpc/health.proto", "grpc/reflection.proto",
           "grpc/reflection_v1alpha.proto"]
# The packages whose services are the product's API.
API_PACKAGES = ("pb",)
INCLUDE = "/usr/include"

F = d.FieldDescriptorProto
# 64 and 32 bit integers, bool, string, bytes, enum, message: what the JSON form is defined for.
SCALARS = {F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_INT32, F.TYPE_UINT32, F.TYPE_BOOL, F.TYPE_STRING,
           F.TYPE_BYTES, F.TYPE_ENUM, F.TYPE_MESSAGE}


class Refused(Exception):
    """The description leaves something open or says something impossible."""


class Field:
    def __init__(self, proto, message, about, secret):
        self.name, self.number, self.type = proto.name, proto.number, proto.type
        self.type_name = proto.type_name.lstrip(".")
        self.repeated = proto.label == F.LABEL_REPEATED
        self.oneof = message.oneof_decl[proto.oneof_index].name if proto.HasField("oneof_index") else ""
        self.about, self.secret = about, secret


class Method:
    pass


class Model:
    """files (name to FileDescriptorProto), messages, enums, methods, all in the order written."""

    def __init__(self, api_dir):
        self.api_dir = api_dir
        fds, self.pool = compile_protos(api_dir)
        self.files = {f.name: f for f in fds.file}
        self.messages, self.enums, self.methods = {}, {}, []
        for f in fds.file:
            for enum in f.enum_type:
                self.enums[f"{f.package}.{enum.name}"] = enum
            for message in f.message_type:
                self.add_message(f.package, message)
        for f in fds.file:
            for service in f.service if f.package in API_PACKAGES else []:
                self.methods += [self.method(f.package, service, m) for m in service.method]
        if not self.methods:
            raise Refused("no method found in the packages " + ", ".join(API_PACKAGES))
        check_commands(self.methods)
        self.shown = self.reached()
        name_operations(self.methods)

    def reached(self):
        """The messages and enums that a request or an answer can hold; others are the server's own."""
        todo = [name for m in self.methods for name in (m.request, m.response)]
        seen = set()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += [f.type_name for f in self.messages.get(name, []) if f.type_name]
        return {name for name in seen if name.startswith(tuple(p + "." for p in API_PACKAGES))}

    def ext(self, options, name):
        extension = self.pool.FindExtensionByName(name)
        if extension.label == F.LABEL_REPEATED:
            return list(options.Extensions[extension])
        return options.Extensions[extension] if options.HasExtension(extension) else None

    def add_message(self, prefix, message):
        full = f"{prefix}.{message.name}"
        for enum in message.enum_type:
            self.enums[f"{full}.{enum.name}"] = enum
        for nested in message.nested_type:
            self.add_message(full, nested)
        fields = []
        for f in message.field:
            about = self.ext(f.options, "e4.about") or ""
            if prefix in API_PACKAGES:
                if not about:
                    raise Refused(f"{full}.{f.name}: no sentence about it (e4.about)")
                if f.type not in SCALARS:
                    raise Refused(f"{full}.{f.name}: a type the JSON form is not defined for")
            fields.append(Field(f, message, about, bool(self.ext(f.options, "e4.secret"))))
        self.messages[full] = fields

    def method(self, package, service, proto):
        m = Method()
        m.service, m.name = f"{package}.{service.name}", proto.name
        m.full = f"{m.service}.{m.name}"
        m.symbol = f"API_{upper(service.name)}_{upper(proto.name)}"
        m.request, m.response = proto.input_type.lstrip("."), proto.output_type.lstrip(".")
        m.stream = proto.server_streaming
        if proto.client_streaming:
            raise Refused(f"{m.full}: a client stream, which no front can serve")
        o = proto.options
        m.role = self.ext(o, "e4.role")
        if not m.role:
            raise Refused(f"{m.full}: no role (e4.role): who may call it?")
        m.role_name = self.value_name("e4.Role", m.role)
        m.audited = self.ext(o, "e4.audited")
        if m.audited is None:
            raise Refused(f"{m.full}: not said whether it is audited (e4.audited)")
        m.help = self.ext(o, "e4.help")
        if not m.help or not m.help.endswith("."):
            raise Refused(f"{m.full}: no help (e4.help), which is one sentence with its full stop")
        m.fails = [self.value_name("e4.Failure", v) for v in self.ext(o, "e4.fails")]
        m.routes = self.routes(m, o)
        m.cli = self.command(m, o)
        return m

    def value_name(self, enum, number):
        return next(v.name for v in self.enums[enum].value if v.number == number)

    def routes(self, m, options):
        rule, grpc_only = self.ext(options, "google.api.http"), self.ext(options, "e4.grpc_only")
        if rule is None:
            if not grpc_only:
                raise Refused(f"{m.full}: no route (google.api.http) and not e4.grpc_only")
            return []
        if grpc_only or m.stream:
            raise Refused(f"{m.full}: a stream or a gRPC-only method can't have an HTTP route")
        return [self.route(m, r) for r in [rule, *rule.additional_bindings]]

    def route(self, m, rule):
        verb = rule.WhichOneof("pattern")
        if not verb:
            raise Refused(f"{m.full}: a route without a verb")
        path = getattr(rule, verb)
        if rule.body not in ("", "*"):
            raise Refused(f"{m.full}: body of a route is * or absent, not {rule.body}")
        segments = []
        for text in path.split("/")[1:]:
            found = re.fullmatch(r"\{([A-Za-z0-9_.]+)(=\*\*)?\}", text)
            if found:
                self.field_at(m, found.group(1),
                              [F.TYPE_STRING] if found.group(2) else [F.TYPE_STRING, F.TYPE_INT32])
                segments.append((None, found.group(1), bool(found.group(2))))
            elif re.fullmatch(r"[a-z0-9-]+", text):
                segments.append((text, None, False))
            else:
                raise Refused(f"{m.full}: bad segment {text!r} in the route {path}")
        rests = [i for i, (_, _, rest) in enumerate(segments) if rest]
        if rests and any(field for _, field, _ in segments[rests[0] + 1:]):
            raise Refused(f"{m.full}: a field after the ** in the route {path}")
        return verb.upper(), path, segments, rule.body

    def field_at(self, m, path, types, repeated=False):
        """The field at a dotted path of the request, which has to be of one of the types."""
        message = m.request
        *parents, last = path.split(".")
        for name in parents:
            f = next((f for f in self.messages[message] if f.name == name), None)
            if f is None or f.type != F.TYPE_MESSAGE or f.repeated:
                raise Refused(f"{m.full}: {path} is no field of {m.request}")
            message = f.type_name
        f = next((f for f in self.messages[message] if f.name == last), None)
        if f is None or f.repeated != repeated or f.type not in types:
            raise Refused(f"{m.full}: {path} is no fitting field of {m.request}")
        return f

    def command(self, m, options):
        cli = self.ext(options, "e4.cli")
        if self.ext(options, "e4.no_cli"):
            if cli is not None:
                raise Refused(f"{m.full}: has a command and e4.no_cli")
            return None
        if cli is None or not re.fullmatch(r"[a-z0-9-]+( [a-z0-9-]+)*", cli.words):
            raise Refused(f"{m.full}: no command (e4.cli), or none that can be typed")
        fits = {"FLAG_STRING": [F.TYPE_STRING], "FLAG_BOOL": [F.TYPE_BOOL],
                "FLAG_INT64": [F.TYPE_INT64, F.TYPE_INT32], "FLAG_BASE64": [F.TYPE_BYTES],
                "FLAG_KEY_FILE": [F.TYPE_BYTES], "FLAG_PASSWORD_FILE": [F.TYPE_BYTES],
                "FLAG_CHOICE": [F.TYPE_ENUM], 
                "FLAG_LIST": [F.TYPE_STRING, F.TYPE_ENUM, F.TYPE_INT32]}
        flags = []
        for f in cli.flags:
            kind = self.value_name("e4.FlagKind", f.kind)
            where = f"{m.full}, flag --{f.name}"
            if not re.fullmatch(r"[a-z][a-z0-9-]*", f.name) or not f.help.endswith("."):
                raise Refused(f"{where}: no name or no help")
            if kind in fits:
                self.field_at(m, f.field, fits[kind], kind == "FLAG_LIST")
            elif f.field:
                raise Refused(f"{where}: {kind} fills no field")
            flags.append((f.name, f.field, kind, f.required, f.one_of, f.help))
        kind = self.value_name("e4.CommandKind", cli.kind)
        if (kind == "COMMAND_STREAM") != m.stream:
            raise Refused(f"{m.full}: a command is COMMAND_STREAM exactly if the method streams")
        if kind == "COMMAND_LIST":
            for name in ("offset", "count"):
                self.field_at(m, name, [F.TYPE_INT64])
            if [f.repeated for f in self.messages[m.response]] != [True]:
                raise Refused(f"{m.full}: the answer to a list is one repeated field")
        if kind == "COMMAND_CURSOR":
            self.field_at(m, "cursor", [F.TYPE_STRING])
            if "cursor" not in [f.name for f in self.messages[m.response]]:
                raise Refused(f"{m.full}: an answer without a cursor")
        return cli.words, kind, flags


def check_commands(methods):
    """Commands that share their words have to differ in the flags they require."""
    seen = {}
    for m in methods:
        if not m.cli:
            continue
        words, _, flags = m.cli
        key = (words, frozenset(name for name, _, _, required, _, _ in flags if required))
        if key in seen:
            raise Refused(f"{m.full}: the command {words!r} is that of {seen[key]} already")
        seen[key] = m.full


def name_operations(methods):
    """A name among all services: with that of its service, if one before has it already."""
    taken = set()
    for m in methods:
        m.operation = m.name if m.name not in taken else m.service.split(".")[-1] + m.name
        taken.add(m.name)


def upper(camel):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", camel).upper()


def protoc(*args):
    done = subprocess.run(args, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())


def compile_protos(api_dir):
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "all")
        own = [f for f in C_FILES if os.path.exists(os.path.join(api_dir, f))]
        protoc("protoc", f"-I{api_dir}", f"-I{INCLUDE}", "--include_imports", "-o", out, *own)
        with open(out, "rb") as f:
            raw = f.read()
    # Parsed twice: our options are known only once the pool has seen their definition.
    pool = make_pool(d.FileDescriptorSet.FromString(raw))
    return d.FileDescriptorSet.FromString(raw), pool


def make_pool(fds):
    """A pool in which our options are known, so that parsing finds them."""
    pool = descriptor_pool.Default()
    known = {"google/protobuf/descriptor.proto"}
    for f in fds.file:
        if f.name not in known:
            pool.Add(f)
    factory = message_factory.MessageFactory(pool)
    for f in fds.file:
        factory.GetMessages([f.name])
    return pool
