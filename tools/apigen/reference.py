"""Writes docs/api.md, the reference of the API for people."""

from .model import F

HEAD = """\
<!-- Made by tools/gen_api.py from the .proto files in api/: change those instead. -->
# The API of the key server

{n} methods, each over gRPC and, but for the event stream, over HTTP with JSON. The description is
[`api/c2.proto`](../api/c2.proto) and, for rules, [`api/engine.proto`](../api/engine.proto); for OpenAPI
tools there is [`openapi.json`](../api/gen/openapi.json), which the server gives out as well. gRPC clients can ask the server for its description (reflection).

With curl, on the machine of a server without tokens; the key goes by standard input, where no list of
processes shows it:

    at=http://127.0.0.1:8888
    e4keygen -type symmetric -out sensor.key
    base64 -w 0 sensor.key | sed 's/.*/{{"key":"&"}}/' | curl -s --data @- $at/e4/client/sensor
    curl -s -X POST $at/e4/topic/plant/temperature
    curl -s -X PUT $at/e4/client/sensor/topic/plant/temperature
    curl -s $at/e4/topic/plant/temperature/status
    curl -s "$at/e4/clients?count=100"

From elsewhere: `--cacert tls.pem -H "Authorization: Bearer $(cat token)"` and `https`
([operating.md](operating.md)).

## Who may call

Each call carries a token, in HTTP as the header `Authorization: Bearer TOKEN`, in gRPC as the
metadata `authorization` with the same value. A token has a role, and each role may do all that the
roles before it may:

| role | may |
|---|---|
| public | ask for the health of the server, also without a token |
| viewer | read: lists, counts, status, events |
| operator | change clients and topics, protect and open messages |
| admin | change what every device depends on |

The token file of the server has one caller a line: `NAME ROLE TOKEN`. A server that listens on
loopback alone may be run without one, and then every caller that reaches its port is admin.

## JSON

Field names are those of the `.proto`. Answers hold every field, also those at their default: numbers
as 0, lists as `[]`, messages that are not there as `null`; only a choice that was not made is absent.

| type | in JSON | also read |
|---|---|---|
| `int64` | string of digits: `"count":"4"` | number without fraction |
| `int32` | number | string of digits |
| `bool` | `true`, `false` | |
| `bytes` | standard base64 with padding | URL alphabet, no padding |
| enum | name of the value | its number |
| `Timestamp` | RFC 3339 in UTC: `"2026-11-21T22:55:07Z"` | any offset, up to 9 digits of a second |

In a request, `null` means not given, and fields that are not known are passed over. A wrong type, a
name given twice, bad UTF-8, a zero character in a text, and more than 32 levels are refused.

A field can come from the query (`?offset=0&count=100`, also nested: `?client.name=a`), from a JSON
body and from the path; if from several, the body wins over the query and the path over both.

## Names with special characters

Percent-encode what a path can't hold. In `{{client.name}}` a slash of the name is `%2F`; a colon and
all else need nothing special. In `{{topic=**}}` slashes may stand as they are or as `%2F`.

A topic that ends like one of our paths (`a/clients`, `a/clients/count`, `a/status`) can't be told
from it: `GET /e4/topic/a/clients` lists the clients of `a`. And many HTTP clients take parts that
are `.` or `..` out of a path. For these, and whenever it is simpler, call the method by its name, with
the whole request as the body. This reaches every name and topic:

    POST /rpc/pb.C2/GetClientsForTopic
    {{"topic": "a/clients", "count": "100"}}

## Errors

HTTP errors have the body `{{"error": TEXT, "code": GRPC_CODE, "message": TEXT, "details": []}}`; gRPC
errors the same code and text.

| HTTP | gRPC | when |
|---|---|---|
| 400 | 3 InvalidArgument | a field is missing or wrong; the text names it |
| 400 | 9 FailedPrecondition | not in this mode of the server, or without a confirmation |
| 401 | 16 Unauthenticated | no token, or an unknown one |
| 403 | 7 PermissionDenied | the role is too low |
| 404 | 5 NotFound | no such client, topic, rule or path |
| 409 | 6 AlreadyExists | an operation of a batch finds what it would make; its text says which |
| 409 | 10 Aborted | somebody else changed it since it was read: read it again |
| 405 | 12 Unimplemented | the path has other verbs, named in `Allow` |
| 413 | 3 InvalidArgument | the request is too large |
| 500 | 13 Internal | the server failed; its log has more, by the request id |
| 503 | 14 Unavailable | database or keys are not available now |

A broker that is away is no error: the change is made, what has to be sent is kept, and the field
`delivery` of the answer says so.

## Lists

`count` is how many to list, 1,000 at most; 0 or absent lists none. Ask for the count first, or page
by `offset` until a page comes back short.

For many, search: `SearchClients` and `SearchTopics` answer with a `cursor`, which the next call gives
back until it is empty. Such pages cost the same wherever they begin, and stay right while clients come
and go. A page can hold fewer than asked for, even none, when many had to be looked at.

## Many at once

`Batch` does up to 10,000 operations in one transaction: all, or none. The text of its error begins
with `operation N: `, counted from 0. `existing` says what finding an operation done already means;
with anything but `EXISTING_FAIL` a batch can be sent again after a lost answer, and does no harm.
Removing or detaching what is not there counts as found done. For operations that do something each
time, as new keys, give the batch an `id`: the server remembers the last 256.
"""

FAILS = {"INVALID_ARGUMENT": "InvalidArgument", "NOT_FOUND": "NotFound",
         "ALREADY_EXISTS": "AlreadyExists",
         "FAILED_PRECONDITION": "FailedPrecondition", "ABORTED": "Aborted"}
TYPES = {F.TYPE_STRING: "string", F.TYPE_BOOL: "bool", F.TYPE_BYTES: "bytes",
         F.TYPE_INT32: "int32", F.TYPE_UINT32: "uint32", F.TYPE_INT64: "int64",
         F.TYPE_UINT64: "uint64"}


def type_name(f):
    name = f.type_name.split(".")[-1] if f.type_name else TYPES[f.type]
    return f"list of {name}" if f.repeated else name


def table(fields):
    out = ["| field | number | type | |", "|---|---|---|---|"]
    for f in fields:
        about = f.about + (" Never logged." if f.secret else "")
        out.append(f"| `{f.name}` | {f.number} | {type_name(f)} | {about} |")
    return out


def usage(m):
    words, _, flags = m.cli
    line = f"c2cli {words}"
    done = set()
    for name, _, kind, required, one_of, _ in flags:
        if one_of:
            if one_of not in done:
                done.add(one_of)
                line += " " + "|".join(spell(f[0], f[2]) for f in flags if f[4] == one_of)
        else:
            text = spell(name, kind)
            line += f" {text}" if required else f" [{text}]"
    return line


def spell(name, kind):
    value = {"FLAG_STRING": " TEXT", "FLAG_INT64": " N", "FLAG_BASE64": " BASE64",
             "FLAG_KEY_FILE": " FILE", "FLAG_PASSWORD_FILE": " FILE",
             "FLAG_LIST": " A,B,...", "FLAG_CHOICE": " WORD"}.get(kind, "")
    return f"--{name}{value}"


def method(model, m):
    out = [f"### {m.name}", "", m.help, ""]
    for verb, path, _, body in m.routes:
        out.append(f"- HTTP: `{verb} {path}`" + (", JSON body" if body else ""))
    out.append(f"- gRPC: `{m.service}/{m.name}`" + (", a stream of answers" if m.stream else ""))
    out.append(f"- Command line: `{usage(m)}`" if m.cli else "- Command line: no command of its own")
    out.append(f"- Role: {m.role_name[5:].lower()}" + (", audited" if m.audited else ""))
    out.append("- Errors of its own: " + (", ".join(FAILS[x] for x in m.fails) or "none"))
    out.append("")
    for title, name in (("Request", m.request), ("Answer", m.response)):
        if model.messages[name]:
            out += [f"{title} `{name.split('.')[-1]}`", "", *table(model.messages[name]), ""]
        else:
            out += [f"{title} `{name.split('.')[-1]}` is empty.", ""]
    return out


def document(model):
    lines, service = [HEAD.format(n=len(model.methods))], None
    for m in model.methods:
        if m.service != service:
            service = m.service
            lines += [f"## Methods of {service}", ""]
        lines += method(model, m)
    lines += ["## Types", ""]
    used = {m.request for m in model.methods} | {m.response for m in model.methods}
    for full, fields in model.messages.items():
        if full in model.shown and full not in used:
            lines += [f"### {full.split('.')[-1]}", "", *table(fields), ""]
    for full, enum in model.enums.items():
        if full in model.shown:
            lines += [f"### {full.split('.')[-1]}", "", "| value | number |", "|---|---|"]
            lines += [f"| `{v.name}` | {v.number} |" for v in enum.value] + [""]
    return "\n".join(lines).rstrip("\n") + "\n"
