#!/usr/bin/python3
"""Make the device library one file: OUT/e4.c, OUT/e4.h, OUT/e4_config.h.

Usage: tools/amalgamate.py [OUT [DEPFILE]]      (OUT is build/dist unless it is given)

All of client/src, client/src/crypto and what of client/port needs no operating
system goes in, with its comments and its #if guards, so e4.h still chooses the
variants. Names that are local to a source file get that file's name in front;
its macros end with it. The output depends on the sources only.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIENT = ROOT / "client"
# What a file may include and still be for devices.
FREESTANDING = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
# The functions that hooks implement (e4/config.h: E4_AES_EXTERN) are public.
HOOKS = CLIENT / "src/crypto/aes.h"
CONFIG = "e4_config.h"  # is made here, and included where it is found

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)|(?P<other>\s+|.)""",
    re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">\n]+)[">].*$')
CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b")
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(")

USED = set()  # every file that was read


class Wrong(Exception):
    """The sources are not of the form that this tool understands."""


def tokens(text):
    return [(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def read(path):
    USED.add(path)
    text = path.read_text()
    return text if text.endswith("\n") else text + "\n"


# --- Which files ---------------------------------------------------------------


def resolve(name, source):
    """The file of ours that an #include "name" in source means, or None."""
    for folder in (source.parent, CLIENT / "include", CLIENT / "src/crypto", CLIENT / "src"):
        if (folder / name).is_file():
            return (folder / name).resolve()
    return None


def includes(path):
    for line in read(path).splitlines():
        match = INCLUDE.match(line)
        if match:
            yield match.group(1), match.group(2)


def for_devices(path, seen=None):
    """True if the file, and what it includes of ours, needs no operating system."""
    seen = seen if seen is not None else set()
    if path in seen:
        return True
    seen.add(path)
    for kind, name in includes(path):
        if kind == "<":
            if name not in FREESTANDING:
                return False
            continue
        if name == CONFIG:
            continue
        ours = resolve(name, path)
        if ours is None or not for_devices(ours, seen):
            return False
    return True


def public_headers():
    """Those of include/e4 that devices use: e4.h, and what goes with device sources."""
    folder = CLIENT / "include/e4"
    names = ["config.h", "crypto.h", "protocol.h", "e4.h"]
    for path in port_sources():
        names += [n[3:] for kind, n in includes(path) if kind == '"' and n.startswith("e4/")]
    return [folder / n for n in dict.fromkeys(names)]


def port_sources():
    """A port file says by its own header what it is: one of ours that includes no system."""
    found = []
    for path in sorted((CLIENT / "port").glob("*.c")):
        own = CLIENT / "include/e4" / (path.stem + ".h")
        if own.is_file() and for_devices(path.resolve()):
            found.append(path.resolve())
    return found


def sources():
    found = [p.resolve() for folder in ("src/crypto", "src")
             for p in sorted((CLIENT / folder).glob("*.c"))]
    return found + port_sources()


# --- Names of one file -----------------------------------------------------------


def code_only(text):
    """The text without comments, strings, preprocessor lines and attributes."""
    text = "".join(" " if kind == "comment" else '""' if kind == "string" else s
                   for kind, s in tokens(text))
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.M)
    while True:
        match = ATTRIBUTE.search(text)
        if not match:
            return text
        depth, at = 0, match.end() - 2
        while True:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
            if depth == 0:
                break
        text = text[:match.start()] + " " + text[at:]


def declarations(text, path):
    """Each declaration of the file's outermost level, bodies and initializers as {}."""
    depth, part = 0, []
    for kind, s in tokens(code_only(text)):
        if s == "{":
            depth += 1
            part.append(s)
        elif s == "}":
            depth -= 1
            if depth < 0:
                raise Wrong(f"{path.name}: braces don't match")
            part.append(s)
            if depth == 0 and is_function(part):
                yield part
                part = []
        elif s == ";" and depth == 0:
            yield part
            part = []
        else:
            part.append(s)
    if depth != 0:
        raise Wrong(f"{path.name}: braces don't match")


def outside(part):
    """The tokens outside braces, without spaces; {} stands for what was inside."""
    out, depth = [], 0
    for s in part:
        if s == "}":
            depth -= 1
            if depth == 0:
                out.append("{}")
        elif s == "{":
            depth += 1
        elif depth == 0 and not s.isspace():
            out.append(s)
    return out


def is_function(part):
    flat = outside(part)
    return len(flat) > 1 and flat[-1] == "{}" and flat[-2] == ")" and "=" not in flat


def word(s):
    return re.fullmatch(r"[A-Za-z_]\w*", s) is not None


def enum_constants(part):
    inner = "".join(part)
    body = inner[inner.index("{") + 1:inner.rindex("}")]
    return [re.match(r"\s*(\w+)", item).group(1) for item in body.split(",") if item.strip()]


def declarators(flat):
    """Split `int a, *b` at the outer commas; the initializers are cut off."""
    out, now, depth, value = [], [], 0, False
    for s in flat:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(s, 0)
        if s == "," and depth == 0:
            out.append(now)
            now, value = [], False
        elif s == "=" and depth == 0:
            value = True
        elif not value:
            now.append(s)
    return out + [now]


def declared(flat):
    """The name that one declarator declares."""
    if "(" in flat:
        at = flat.index("(")
        if at + 1 < len(flat) and flat[at + 1] == "*":
            inner = flat[at + 1:flat.index(")", at)]
            names = [s for s in inner if word(s) and s != "const"]
            return names[0] if names else None
        return flat[at - 1] if at > 0 and word(flat[at - 1]) else None
    if "[" in flat:
        flat = flat[:flat.index("[")]
    return flat[-1] if flat and word(flat[-1]) else None


def local_names(text, path):
    """Everything that the file declares at its outermost level, but the macros."""
    found = []
    for part in declarations(text, path):
        flat = outside(part)
        if not flat or flat[0] in ("__asm__", "asm", "extern"):
            continue
        for at, s in enumerate(flat[:-2]):
            if s in ("struct", "union", "enum") and flat[at + 2] == "{}":
                found.append(flat[at + 1])
        if "enum" in flat:
            after = flat[flat.index("enum") + 1:][:2]
            if "{}" in after:
                found += enum_constants(part)
        plain = flat[1:] if flat[0] == "typedef" else flat
        if plain[-1] == "{}" and not is_function(part) and "=" not in plain:
            continue
        if len(plain) == 2 and plain[0] in ("struct", "union", "enum"):
            found.append(plain[1])
            continue
        found += [declared(one) for one in declarators(plain)]
    return [n for n in dict.fromkeys(found) if n]


def rename(text, names):
    """Put the new names into code and macros; members and asm labels keep theirs."""
    out, before, bodies = [], ["", "", ""], []
    all_tokens = tokens(text)
    for at, (kind, s) in enumerate(all_tokens):
        if s == "{":
            bodies.append(any(b in ("struct", "union") for b in before[1:]))
        elif s == "}" and bodies:
            bodies.pop()
        if kind == "word" and s in names:
            after = "".join(t for k, t in all_tokens[at + 1:at + 8] if k != "comment").lstrip()
            used = before[2] == "." or before[1:] == ["-", ">"]
            made = bodies and bodies[-1] and after[:1] in ("[", ";", ",", ":") \
                and before[2] not in ("struct", "union", "enum", "[")
            label = before[2] == "[" and re.match(r'\]\s*"', after)
            out.append(s if used or made or label else names[s])
        else:
            out.append(s)
        if kind != "comment" and not s.isspace():
            before = before[1:] + [s]
    return "".join(out)


# --- Putting together -------------------------------------------------------------


class Writer:
    def __init__(self, have=None):
        self.out = []
        self.have = set() if have is None else have  # written where no #if surrounds them
        self.shared = set()  # macros of headers that other files use too

    def inline(self, path, text, depth=0):
        """Write text; where it includes a file of ours, that file instead."""
        guard = include_guard(text)
        level = depth - (1 if guard else 0)
        for line in text.splitlines():
            condition = CONDITION.match(line)
            if condition:
                level += -1 if condition.group(1) == "endif" else 1
            match = INCLUDE.match(line)
            if match and (match.group(1) == "<" or not self.ours(match.group(2), path, level)):
                if match.group(1) == "<" and level == 0:
                    if match.group(2) in self.have:
                        continue
                    self.have.add(match.group(2))
                self.out.append(line)
            elif not match:
                self.out.append(line)

    def ours(self, name, path, level):
        if name == CONFIG:
            return False
        header = resolve(name, path)
        if header is None:
            raise Wrong(f'{path.name}: "{name}" is not there')
        if header not in self.have:
            if level == 0 and not is_part(header):
                self.have.add(header)
            text = private(header)
            if not is_part(header):
                self.shared |= set(DEFINE.findall(text))
            self.inline(header, text, max(level, 0))
        return True


def include_guard(text):
    code = "".join(s for kind, s in tokens(text) if kind != "comment")
    return re.match(r"\s*#\s*ifndef\s+(\w+)\s*\n\s*#\s*define\s+\1\b", code) is not None


def is_part(header):
    """True if a header declares names of no prefix: it is a part of the file that includes it."""
    text = read(header)
    names = local_names(text, header) + DEFINE.findall(text)
    return any(not n.lower().startswith("e4_") for n in names)


PROTOTYPE = re.compile(
    r"^(?!static\b|typedef\b|extern\b|return\b|#)((?:const |struct |enum |unsigned )*\w+\s+\**"
    r"e4_\w+\((?:[^(){};]|\([^()]*\))*\);)", re.M)


def private(header):
    """A header's text; functions that only the library uses get internal linkage."""
    text = read(header)
    if (CLIENT / "include") in header.parents or header == HOOKS:
        return text
    return PROTOTYPE.sub(r"E4_PRIVATE \1", text)


def version():
    return re.search(r"version: '([^']+)'", read(ROOT / "meson.build")).group(1)


def banner(what):
    return f"""\
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {what}
 * E4 {version()}, made of client/ by tools/amalgamate.py: change it there, not here.
 */
"""


def section(path):
    name = str(path.relative_to(CLIENT))
    return ["", f"/* ==== {name} " + "=" * (74 - len(name)) + " */", ""]


def header_text():
    w = Writer()
    w.out += banner("End-to-end encryption for devices: all that an application includes."
                    ).splitlines()
    w.out += ["#ifndef E4_ONE_FILE_H", "#define E4_ONE_FILE_H", ""]
    for path in public_headers():
        if path.resolve() not in w.have:
            w.have.add(path.resolve())
            w.out += section(path)
            w.inline(path, read(path))
    w.out += section(HOOKS)
    w.out += ["#ifdef __cplusplus", 'extern "C" {', "#endif"]
    w.inline(HOOKS, read(HOOKS))
    w.out += ["#ifdef __cplusplus", "}", "#endif", "#endif"]
    return w


def prefixes(paths):
    out = {}
    for path in paths:
        prefix = path.stem + "_"
        if prefix in out.values():
            prefix = f"{path.parent.name}_{path.stem}_"
        out[path] = prefix
    return out


def source_text(header):
    w = Writer()
    w.have |= {h for h in header.have if isinstance(h, pathlib.Path)} | {HOOKS.resolve()}
    w.out += banner("End-to-end encryption for devices: the library. e4.h says how to use it."
                    ).splitlines()
    w.out += ["""
#include "e4.h"

#include <string.h>

/* What is used inside only is static; a test that calls it defines E4_PRIVATE as nothing. */
#ifndef E4_PRIVATE
#define E4_PRIVATE static
#endif
#if defined(__GNUC__)
/* Which of the inner functions are used depends on the choices in e4_config.h. */
#pragma GCC diagnostic ignored "-Wunused-function"
#endif"""]
    w.have |= {"string.h", "stdbool.h", "stddef.h", "stdint.h"}
    paths = sources()
    everything = set()
    for path in paths:
        everything |= set(re.findall(r"\w+", read(path)))
        headers_of(w, path)
    owner = {}
    for path, prefix in prefixes(paths).items():
        part = Writer(w.have)
        part.inline(path, read(path))
        text = "\n".join(part.out)
        macros = list(dict.fromkeys(DEFINE.findall(text)))
        own = [n for n in local_names(text, path) if not n.startswith("e4_")]
        names = {n: prefix + n for n in own if n not in macros}
        for new in names.values():
            if new in everything:
                raise Wrong(f"{path.name}: the name {new} is taken")
        for name in local_statics(text, path):
            if name.startswith("e4_") and owner.setdefault(name, path) != path:
                raise Wrong(f"{path.name}: {owner[name].name} has a static {name} as well")
        w.out += section(path) + rename(text, names).splitlines()
        w.out += [f"#undef {m}" for m in macros if m not in part.shared]
    return w


def headers_of(w, path):
    """Write the shared headers that the file includes whatever its #if choose."""
    level = 0
    for line in read(path).splitlines():
        condition = CONDITION.match(line)
        if condition:
            level += -1 if condition.group(1) == "endif" else 1
        match = INCLUDE.match(line)
        if match and match.group(1) == '"' and level == 0:
            header = resolve(match.group(2), path)
            if header and header not in w.have and not is_part(header):
                w.out += section(header)
                w.ours(match.group(2), path, 0)


def local_statics(text, path):
    for part in declarations(text, path):
        flat = outside(part)
        if flat and flat[0] == "static":
            name = declared(declarators(flat)[0])
            if name:
                yield name


# --- The switches -------------------------------------------------------------------


def config_text():
    """Every choice of e4/config.h, with its values, commented out."""
    text = read(CLIENT / "include/e4/config.h")
    out = banner("Choices for the device library: e4.h includes this file. Remove comment\n"
                 " * marks to choose; what stays a comment follows the compiler's target.")
    out += "#ifndef E4_CONFIG_OWN_H\n#define E4_CONFIG_OWN_H\n"
    switches = re.findall(r"^#ifndef (E4_\w+)$", text, re.M)
    shown = set()
    for switch in switches:
        if switch in ("E4_CONFIG_H",) or switch in shown:
            continue
        shown.add(switch)
        values = re.findall(rf"^#define ({switch}_\w+) (\d+)(?:\s*/\* (.*?) \*/)?$", text, re.M)
        default = re.search(rf"^#ifndef {switch}\n(?:#if.*\n)?#define {switch} (.*)$", text, re.M)
        out += "\n" + comment_before(text, values[0][0] if values else switch)
        for name, _, what in values:
            line = f"// #define {switch} {name}"
            out += f"{line:<40}" + (f" // {what}" if what else "") + "\n"
        if not values and default:
            out += f"// #define {switch} {default.group(1)}\n"
    for name in sorted(set(re.findall(r"\b(E4_\w+_EXTERN_WORDS)\b",
                                      read(CLIENT / "include/e4/crypto.h")))):
        out += f"\n// #define {name} 60 // 8-byte words that a key of your own AES takes\n"
    flags = re.findall(r"^ \*   (E4_\w+) +(.*)$", text, re.M)
    if flags:
        out += "\n" + comment_before(text, None, flags[0][0])
    for name, what in flags:
        out += f"// #define {name:<26} // {what}\n"
    return out + "\n#endif\n"


def comment_before(text, name, flag=None):
    """The comment that ends before the definition (or #ifndef) of name, or that lists flag."""
    if flag:
        found = re.search(rf"^/\*\n((?: \*.*\n)+?) \*\n \*   {flag} ", text, re.M)
        return f"/*\n{found.group(1)} */\n" if found else ""
    match = re.search(rf"(/\*(?:(?!\*/).)*\*/\n)#(?:define|ifndef) {name}\b", text, re.S)
    return match.group(1) if match else ""


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build/dist"
    if len(sys.argv) > 3 or (len(sys.argv) > 1 and sys.argv[1].startswith("-")):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        header = header_text()
        texts = {"e4.h": "\n".join(header.out) + "\n",
                 "e4.c": "\n".join(source_text(header).out) + "\n",
                 "e4_config.h": config_text()}
    except Wrong as e:
        print(f"amalgamate: {e}", file=sys.stderr)
        return 1
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out / name).write_text(re.sub(r"\n{3,}", "\n\n", text))
    if len(sys.argv) > 2:
        used = sorted(USED | {ROOT / "meson.build", pathlib.Path(__file__).resolve()})
        pathlib.Path(sys.argv[2]).write_text("e4.c: " + " ".join(map(str, used)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
