#!/usr/bin/env python3
"""Print client/src/crypto/ge_table.c: multiples of the base point of Ed25519."""

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
COMB = 8  # tables, E4_GE_COMB of the 64-bit variant
ODD = 32  # odd multiples, for E4_GE_BASE_WIDTH 7

HEAD = """\
/* Multiples of the base point (ge.h). Made by tools/gen_ed25519_table.py: don't edit. */
/* clang-format off */
#include "../rom.h"
#include "ge.h"

#if E4_CURVE_OWN
"""


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P)
    return x % P, y % P


def double(a, times=1):
    for _ in range(times):
        a = add(a, a)
    return a


def negative(a):
    return -a[0] % P, a[1]


def base_point():
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x % 2 == 0 else P - x), y


def entry(point):
    """y + x, y - x, 2dxy."""
    x, y = point
    data = b"".join((n % P).to_bytes(32, "little") for n in (y + x, y - x, 2 * D * x * y))
    lines = (data[i : i + 16] for i in range(0, 96, 16))
    return ",\n\t\t ".join(", ".join(f"0x{b:02x}" for b in line) for line in lines)


def comb_table(base, shift):
    """Entry j: 2^192 B plus (bit set) or minus 2^128 B, 2^64 B, B, all times 2^shift."""
    teeth = [double(base, shift + 64 * i) for i in range(4)]
    for j in range(8):
        point = teeth[3]
        for i in range(3):
            point = add(point, teeth[i] if j >> i & 1 else negative(teeth[i]))
        yield point


def odd_multiples(base):
    twice, point = double(base), base
    for _ in range(ODD):
        yield point
        point = add(point, twice)


def main():
    base = base_point()
    out = [HEAD, "const uint8_t e4_ge_comb[E4_GE_COMB][8][96] E4_ROM = {"]
    for n in range(COMB):
        # fewer tables are further apart: 64 / E4_GE_COMB bits
        least = 1 if n == 0 else 2 if n == 4 else 4 if n % 2 == 0 else 8
        out.append(f"#if E4_GE_COMB >= {least}\n\t{{")
        out += [f"\t\t{{{entry(p)}}}," for p in comb_table(base, 8 * n)]
        out.append("\t},\n#endif")
    out.append("};\n")
    out.append("const uint8_t e4_ge_base[1 << (E4_GE_BASE_WIDTH - 2)][96] E4_ROM = {")
    for i, p in enumerate(odd_multiples(base)):
        if i >= 1 and i & (i - 1) == 0:
            out.append(f"#if E4_GE_BASE_WIDTH > {i.bit_length() + 1}")
        out.append(f"\t{{{entry(p)}}},")
    out += ["#endif"] * (ODD.bit_length() - 1)
    out += ["};\n", "#endif"]
    print("\n".join(out))


main()
