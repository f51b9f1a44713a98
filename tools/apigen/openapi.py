"""Writes openapi.json: every path, parameter, schema and error, for OpenAPI 3.0 tools."""

import json

from .model import F

# The errors by HTTP status; 401 and 403 only where a role is needed, 404 only where said.
ERRORS = {"400": "A field, the query or the body is not as described; or the server is in a mode "
                 "where this can't be done, or a confirmation is missing.",
          "401": "Not logged in, or the token is not known.",
          "403": "The role of this token may not call it.",
          "404": "There is no such client or topic.",
          "409": "It is there already, and existing says that this is an error; or it was changed "
                 "meanwhile.",
          "405": "The path has other verbs, named in the header Allow.",
          "413": "The body is too large.",
          "500": "The server failed; its log says more.",
          "503": "The database or the keys are not available now."}
SCALAR = {F.TYPE_STRING: {"type": "string"},
          F.TYPE_BOOL: {"type": "boolean"},
          F.TYPE_BYTES: {"type": "string", "format": "byte"},
          F.TYPE_INT32: {"type": "integer", "format": "int32"},
          F.TYPE_UINT32: {"type": "integer", "format": "int64"},
          F.TYPE_INT64: {"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"},
          F.TYPE_UINT64: {"type": "string", "format": "uint64", "pattern": "^[0-9]+$"}}
ERROR = {"type": "object", "required": ["error", "code", "message", "details"],
         "properties": {
             "error": {"type": "string", "description": "What is wrong and what to do."},
             "code": {"type": "integer", "format": "int32", "description": "gRPC code."},
             "message": {"type": "string", "description": "The same as error."},
             "details": {"type": "array", "items": {}}}}


def short(full):
    """pb.Client to Client: all our messages are of one package."""
    return full.split(".", 1)[1]


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def field_schema(f):
    if f.type_name == "google.protobuf.Timestamp":
        one = {"type": "string", "format": "date-time", "nullable": True}
    elif f.type in (F.TYPE_MESSAGE, F.TYPE_ENUM):
        one = ref(short(f.type_name))
        if not f.repeated:
            extra = {"nullable": True} if f.type == F.TYPE_MESSAGE else {}
            one = {"allOf": [one], **extra}
    else:
        one = dict(SCALAR[f.type])
    if f.repeated:
        one = {"type": "array", "items": one}
    if "$ref" not in one:
        one["description"] = f.about
    return one


def schemas(model):
    out = {"Error": ERROR}
    for full, fields in model.messages.items():
        if full in model.shown:
            out[short(full)] = {"type": "object",
                                "properties": {f.name: field_schema(f) for f in fields}}
    for full, enum in model.enums.items():
        if full in model.shown:
            out[short(full)] = {"type": "string", "enum": [v.name for v in enum.value]}
    return out


def leaves(model, message, prefix=""):
    """(dotted name, field) of everything a query string can set."""
    for f in model.messages[message]:
        if f.type == F.TYPE_MESSAGE and not f.repeated and f.type_name in model.messages \
                and not f.type_name.startswith("google."):
            yield from leaves(model, f.type_name, f"{prefix}{f.name}.")
        else:
            yield prefix + f.name, f


def responses(m):
    out = {"200": {"description": "Done.",
                   "content": {"application/json": {"schema": ref(short(m.response))}}}}
    for status in ERRORS:
        needs_role = m.role_name != "ROLE_PUBLIC"
        if (status in ("401", "403") and not needs_role) or \
                (status == "404" and "NOT_FOUND" not in m.fails) or \
                (status == "409" and not {"ALREADY_EXISTS", "ABORTED"} & set(m.fails)):
            continue
        out[status] = {"$ref": f"#/components/responses/Error{status}"}
    return out


def operation(model, m, tag, operation_id):
    out = {"operationId": operation_id, "tags": [tag], "summary": m.help,
           "description": f"Least role: {m.role_name[5:].lower()}.", "responses": responses(m)}
    if m.role_name == "ROLE_PUBLIC":
        out["security"] = []
    return out


def json_body(m, required):
    return {"required": required,
            "content": {"application/json": {"schema": ref(short(m.request))}}}


def route_operation(model, m, verb, segments, body, number):
    op = operation(model, m, "by route", m.operation + (str(number) if number else ""))
    in_path = {field for _, field, _ in segments if field}
    fields = dict(leaves(model, m.request))
    op["parameters"] = [
        {"name": name, "in": "path", "required": True, "schema": SCALAR[fields[name].type],
         "description": fields[name].about + (
             " Slashes may stand as they are or as %2F." if rest else
             " A slash in it is %2F." if fields[name].type == F.TYPE_STRING else "")}
        for _, name, rest in segments if name]
    if body:
        op["requestBody"] = json_body(m, required=False)
    else:
        op["parameters"] += [
            {"name": name, "in": "query", "required": False, "schema": field_schema(f),
             "description": f.about}
            for name, f in fields.items() if name not in in_path]
    return op


def document(model):
    paths = {}
    for m in model.methods:
        for number, (verb, path, segments, body) in enumerate(m.routes):
            plain = path.replace("=**}", "}")
            op = route_operation(model, m, verb, segments, body, number)
            paths.setdefault(plain, {})[verb.lower()] = op
    for m in model.methods:
        if not m.stream:
            op = operation(model, m, "by name", f"rpc{m.operation}")
            op["requestBody"] = json_body(m, required=True)
            paths[f"/rpc/{m.service}/{m.name}"] = {"post": op}
    doc = {
        "openapi": "3.0.3",
        "info": {"title": "E4 key server", "version": "1",
                 "description": "Clients, topics, their keys and the rules that rotate them. 64-bit integers are strings, "
                                "bytes are base64. docs/api.md says how names with special "
                                "characters are reached.",
                 "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": "by route", "description": "The routes of each method."},
                 {"name": "by name", "description": "Every method by its name, the whole request "
                                                    "as JSON body: reaches any name and topic."}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {f"Error{status}": {
                "description": text,
                "content": {"application/json": {"schema": ref("Error")}}}
                for status, text in ERRORS.items()},
            "schemas": schemas(model)},
    }
    return json.dumps(doc, indent=1) + "\n"
