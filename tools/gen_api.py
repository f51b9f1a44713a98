#!/usr/bin/python3
"""Makes everything that follows from api/*.proto: C messages, the table of
methods, descriptors for reflection, openapi.json and the reference docs/api.md.

    tools/gen_api.py [--api DIR] [--out DIR] [--docs FILE]

Without arguments it writes api/gen/ and docs/api.md of this tree. It needs the
packages protobuf-compiler, libprotobuf-dev, protobuf-c-compiler, python3-protobuf.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True

from apigen import ctables, model, openapi, reference  # noqa: E402


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--api", default=os.path.join(root, "api"), help="where the .proto files are")
    ap.add_argument("--out", default=os.path.join(root, "api", "gen"), help="where the code goes")
    ap.add_argument("--docs", default=os.path.join(root, "docs", "api.md"), help="the reference")
    args = ap.parse_args()
    try:
        m = model.Model(args.api)
    except model.Refused as why:
        sys.exit(f"gen_api: {why}")
    os.makedirs(args.out, exist_ok=True)
    ctables.messages(m, args.out)
    symbols = ctables.descriptor_symbols(args.out)
    write(os.path.join(args.out, "methods.h"), ctables.methods_h(m))
    write(os.path.join(args.out, "methods.c"), ctables.methods_c(m, symbols))
    write(os.path.join(args.out, "descriptors.c"), ctables.descriptors_c(m))
    write(os.path.join(args.out, "openapi.json"), openapi.document(m))
    write(args.docs, reference.document(m))


if __name__ == "__main__":
    main()
