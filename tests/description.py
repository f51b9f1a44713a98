"""The API as its .proto says, read with protoc and python3-protobuf."""

import functools
import json
import pathlib
import subprocess
import tempfile
import urllib.parse

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

API = pathlib.Path(__file__).resolve().parent.parent / "api"
HTTP_RULE = "google.api.http"


@functools.lru_cache
def load():
    """(service pb.C2, {method: (verb, path, body)})."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", f"-I{API}", "--include_imports",
                        f"--descriptor_set_out={out.name}", str(API / "c2.proto")], check=True)
        raw = pathlib.Path(out.name).read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file:
        pool.Add(file)
    options = message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    service = pool.FindServiceByName("pb.C2")
    rule_field = pool.FindExtensionByName(HTTP_RULE)
    routes = {}
    for method in service.methods:
        known = options.FromString(method.GetOptions().SerializeToString())
        rule = json_format.MessageToDict(known.Extensions[rule_field])
        body = rule.pop("body", "")
        if rule:
            (verb, path), = rule.items()
            routes[method.name] = verb.upper(), path, body
    return service, routes


def methods(streams=False):
    return {m.name for m in load()[0].methods if streams or m.name != "SubscribeToEventStream"}


def http_request(method, request):
    """(verb, path with query, body or None) of a call by its route."""
    verb, path, body = load()[1][method]
    rest = json.loads(json.dumps(request))
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        field = path[start + 1:end].split("=")[0].split(".")
        holder = rest
        for part in field[:-1]:
            holder = holder[part]
        path = path[:start] + urllib.parse.quote(holder.pop(field[-1]), safe="") + path[end + 1:]
    rest = {k: v for k, v in rest.items() if v != {}}
    if body:
        return verb, path, rest
    rest = {k: str(v).lower() if isinstance(v, bool) else v for k, v in rest.items()}
    return verb, path + ("?" + urllib.parse.urlencode(rest, doseq=True) if rest else ""), None
