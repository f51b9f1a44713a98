#!/usr/bin/python3
"""Fail on an #include that the house plan does not allow (ARCHITECTURE.md)."""

import pathlib
import re
import sys

# component -> what of ours it may include, by path prefix
CLIENT = "e4/"
ALLOWED = {
    "client": {CLIENT},
    "base": {"base/"},
    "bus": {"base/", "bus/"},
    "api": {"base/", "api/", "e4/options.pb-c.h", "google/api/"},
    "c2/core": {"base/", CLIENT, "bus/bus.h", "c2/core/"},
    "c2/store": {"base/", CLIENT, "c2/core/", "c2/store/"},
    "c2/custody": {"base/", CLIENT, "c2/core/", "c2/custody/"},
    "c2/front": {"base/", "api/", "c2/core/", "c2/front/", "engine/engine.h", "engine/fleet.h"},
    "c2": {"base/", "api/", "bus/", CLIENT, "c2/", "engine/"},
    "engine": {"base/", "api/", "engine/"},
    "cli": {"base/", "api/", "bus/", CLIENT, "cli/"},
    "sim": {"base/", "bus/bus.h", CLIENT, "c2/core/", "c2/store/mem.h", "c2/store/sqlite.h",
            "cli/opts.h", "cli/sim_opts.h", "sim/"},
}
# A third party's header in as few files as can be: header prefix -> places.
THIRD_PARTY = {
    "sodium.h": ("client/", "c2/custody/", "c2/core/", "cli/"),
    "sqlite3.h": ("c2/store/",),
    "libpq-fe.h": ("c2/store/",),
    "mysql.h": ("c2/store/",),
    "mosquitto.h": ("bus/mqtt.c", "bus/mqtt_setup.c"),
    "microhttpd.h": ("c2/front/",),
    "nghttp2/": ("c2/front/",),
    "openssl/": ("c2/front/", "client/bench/", "client/examples/hooks_openssl.c", "client/tests/"),
    "gnutls/": ("c2/front/",),
    "curl/": ("cli/",),
    "jansson.h": ("api/", "engine/trigger.c", "c2/front/http_request.c", "client/port/import", "client/tests/", "cli/"),
    "ini.h": ("base/conf.c",),
    "csv.h": ("cli/",),
}
TEST_PARTS = {"tests", "fuzz", "bench", "gen"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
OURS = ("base/", "bus/", "api/", "c2/", "cli/", "e4/", "client/", "engine/", "monitor/",
        "sim/")


def component(path):
    parts = path.parts
    if parts[0] == "c2" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def problems(root):
    for path in sorted(root.rglob("*.[ch]")):
        rel = path.relative_to(root)
        comp = component(rel)
        if comp not in ALLOWED:
            continue
        test = bool(TEST_PARTS & set(rel.parts)) or rel.name.startswith("bench_")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(2)
            where = f"{rel}:{number}: "
            if header.startswith(OURS) and not test:
                if not any(header.startswith(ok) for ok in ALLOWED[comp]):
                    yield f"{where}{comp} may not include {header}"
            for prefix, places in THIRD_PARTY.items():
                if header.startswith(prefix) and not test:
                    if not str(rel).startswith(places):
                        yield f"{where}{header} belongs in {', '.join(places)}"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    found = list(problems(root))
    print("\n".join(found) if found else "includes: every one points the right way")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
