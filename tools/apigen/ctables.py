"""Writes the C side: messages by protoc-c, the method table, the descriptors for reflection."""

import os
import re
import tempfile

from google.protobuf import descriptor_pb2 as d

from . import model as md

NOTE = "/* Made by tools/gen_api.py from the .proto files in api/: change those instead. */\n"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def messages(model, out_dir):
    """The .pb-c files, made from descriptors without our options, which C has no use for."""
    plain = d.FileDescriptorSet()
    for name in md.C_FILES:
        f = plain.file.add()
        f.CopyFrom(model.files[name])
        keep = [x for x in f.dependency if x in md.C_FILES]
        del f.dependency[:]
        f.dependency.extend(keep)
        f.ClearField("options")
        f.ClearField("extension")
        del f.service[:]
        for message in f.message_type:
            for field in message.field:
                field.ClearField("options")
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "plain")
        with open(path, "wb") as f:
            f.write(plain.SerializeToString())
        md.protoc("protoc-c", f"--descriptor_set_in={path}", f"--c_out={out_dir}", *md.C_FILES)
    for name in md.C_FILES:
        for suffix in (".pb-c.h", ".pb-c.c"):
            hush(os.path.join(out_dir, name[:-len(".proto")] + suffix))


def hush(path):
    """protoc-c casts const away, which our warnings object to wherever a message is initialized."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace("(char *)protobuf_c_empty_string",
                             "(char *)(uintptr_t)protobuf_c_empty_string"))


def descriptor_symbols(out_dir):
    """Full message name to the C name of its descriptor, as protoc-c spelled it."""
    found = {}
    for name in md.C_FILES:
        with open(os.path.join(out_dir, name[:-len(".proto")] + ".pb-c.c"), encoding="utf-8") as f:
            text = f.read()
        for symbol, full in re.findall(
                r"ProtobufCMessageDescriptor (\w+__descriptor) =\s*\{\s*"
                r"PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,\s*\"([\w.]+)\"", text):
            found[full] = symbol
    return found


def methods_h(model):
    lines = [NOTE, "#ifndef API_GEN_METHODS_H\n#define API_GEN_METHODS_H\n\n",
             "/* Every method of the API; the index of its row in api_methods. */\n",
             "enum api_method_id {\n"]
    lines += [f"\t{m.symbol},\n" for m in model.methods]
    lines += ["\tAPI_N_METHODS\n};\n\n#endif\n"]
    return "".join(lines)


def routes_c(m):
    parts = []
    for i, (_, _, segments, _) in enumerate(m.routes):
        parts.append(f"static const struct api_segment {m.symbol.lower()}_path{i}[] = {{\n")
        for literal, field, rest in segments:
            if literal:
                parts.append(f"\t{{ {quoted(literal)}, NULL, false }},\n")
            else:
                parts.append(f"\t{{ NULL, {quoted(field)}, {'true' if rest else 'false'} }},\n")
        parts.append("};\n")
    if m.routes:
        parts.append(f"static const struct api_route {m.symbol.lower()}_routes[] = {{\n")
        for i, (verb, path, segments, body) in enumerate(m.routes):
            parts.append(f"\t{{ API_{verb}, {quoted(path)}, {m.symbol.lower()}_path{i}, "
                         f"{len(segments)}, {'true' if body else 'false'} }},\n")
        parts.append("};\n")
    return parts


def flags_c(m):
    flags = m.cli[2] if m.cli else []
    if not flags:
        return []
    parts = [f"static const struct api_flag {m.symbol.lower()}_flags[] = {{\n"]
    for name, field, kind, required, one_of, help_ in flags:
        parts.append(f"\t{{ {quoted(name)}, {quoted(field) if field else 'NULL'}, API_{kind},\n"
                     f"\t  {'true' if required else 'false'}, {quoted(one_of) if one_of else 'NULL'},\n"
                     f"\t  {quoted(help_)} }},\n")
    return parts + ["};\n"]


def method_row(m, symbols):
    low = m.symbol.lower()
    words, kind, flags = m.cli or (None, "COMMAND_CALL", [])
    return (f"\t[{m.symbol}] = {{\n"
            f"\t\t.service = {quoted(m.service)},\n\t\t.name = {quoted(m.name)},\n"
            f"\t\t.grpc_path = {quoted('/' + m.service + '/' + m.name)},\n"
            f"\t\t.help = {quoted(m.help)},\n"
            f"\t\t.request = &{symbols[m.request]},\n\t\t.response = &{symbols[m.response]},\n"
            f"\t\t.role = API_{m.role_name},\n"
            f"\t\t.audited = {'true' if m.audited else 'false'},\n"
            f"\t\t.server_stream = {'true' if m.stream else 'false'},\n"
            f"\t\t.routes = {low + '_routes' if m.routes else 'NULL'},\n"
            f"\t\t.n_routes = {len(m.routes)},\n"
            f"\t\t.cli = {{ {quoted(words) if words else 'NULL'}, API_{kind}, "
            f"{low + '_flags' if flags else 'NULL'}, {len(flags)} }},\n"
            "\t},\n")


def methods_c(model, symbols):
    own = [name for name in md.C_FILES if model.files[name].package in md.API_PACKAGES]
    parts = [NOTE, '#include "api/method.h"\n\n']
    parts += [f'#include "{name[:-len(".proto")]}.pb-c.h"\n' for name in own] + ["\n"]
    for m in model.methods:
        parts += routes_c(m) + flags_c(m) + ["\n"]
    parts.append("const struct api_method api_methods[API_N_METHODS] = {\n")
    parts += [method_row(m, symbols) for m in model.methods]
    parts.append("};\n\n")
    parts.append("const struct api_secret_field api_secret_fields[] = {\n")
    secrets = [(symbols[full], f) for full, fields in model.messages.items()
               for f in fields if f.secret]
    parts += [f"\t{{ &{symbol}, {f.number} }}, /* {f.name} */\n" for symbol, f in secrets]
    parts.append("};\n\n")
    parts.append(f"const size_t api_n_secret_fields = {len(secrets)};\n")
    return "".join(parts)


def file_symbols(f):
    """Every name that a reflection client may ask this file by."""
    def inside(prefix, message):
        full = f"{prefix}.{message.name}"
        yield full
        for enum in message.enum_type:
            yield f"{full}.{enum.name}"
        for nested in message.nested_type:
            yield from inside(full, nested)
    for s in f.service:
        yield f"{f.package}.{s.name}"
        for m in s.method:
            yield f"{f.package}.{s.name}.{m.name}"
    for m in f.message_type:
        yield from inside(f.package, m)
    for e in f.enum_type:
        yield f"{f.package}.{e.name}"
    for x in f.extension:
        yield f"{f.package}.{x.name}"


def bytes_c(raw):
    lines = []
    for at in range(0, len(raw), 20):
        lines.append("\t" + "".join(f"{b}," for b in raw[at:at + 20]) + "\n")
    return "".join(lines)


def described(model):
    """The files of services and all they import: what is stored alone is nobody's business."""
    todo = [name for name, f in model.files.items() if f.service]
    seen = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += model.files[name].dependency
    return [f for name, f in model.files.items() if name in seen]


def descriptors_c(model):
    files = described(model)
    index = {f.name: i for i, f in enumerate(files)}
    parts = [NOTE, '#include "api/method.h"\n\n']
    for i, f in enumerate(files):
        parts.append(f"/* {f.name} */\nstatic const uint8_t file{i}[] = {{\n")
        parts.append(bytes_c(f.SerializeToString()) + "};\n")
        parts.append(f"static const char *const file{i}_symbols[] = {{\n")
        parts += [f"\t{quoted(s)},\n" for s in file_symbols(f)]
        parts.append("\tNULL,\n};\n")
        needs = sorted(index[x] for x in f.dependency)
        parts.append(f"static const unsigned file{i}_needs[] = {{ "
                     + "".join(f"{x}, " for x in needs) + "API_NO_FILE };\n\n")
    parts.append("const struct api_file api_files[] = {\n")
    parts += [f"\t{{ {quoted(f.name)}, file{i}, sizeof(file{i}), file{i}_symbols, file{i}_needs }},\n"
              for i, f in enumerate(files)]
    parts.append("};\n\n" + f"const size_t api_n_files = {len(files)};\n\n")
    services = [f"{f.package}.{s.name}" for f in files for s in f.service]
    parts.append("const char *const api_services[] = {\n")
    parts += [f"\t{quoted(s)},\n" for s in services]
    parts.append("\tNULL,\n};\n")
    return "".join(parts)
