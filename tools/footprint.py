#!/usr/bin/python3
"""What the device library takes on each board: code, memory, stack and time.

Builds client/bench/footprint.c with the library at -Os, unused sections dropped,
runs it on simulated boards, prints each figure beside its goal and its record,
and fails when one is more than 2 % worse than client/bench/footprint.txt says.

  footprint.py            the table and the comparison
  footprint.py --record   renew the record
  footprint.py WORD...    only rows with one of these words; no record is missed

AVR: cycles, exact (simavr). Cortex-M: instructions, exact (qemu counts, there is no
model of cycles). The programs stay in build/footprint, for nm and objdump.
"""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "client"
OUT = ROOT / "build/footprint"
RECORD = CLIENT / "bench/footprint.txt"
WORSE = 1.02

C_FLAGS = """-Os -std=c99 -Wall -Wextra -Werror -ffunction-sections -fdata-sections
-fno-asynchronous-unwind-tables""".split() + [
    f"-I{CLIENT / d}" for d in ("include", "src", "src/crypto", "tests")
]
CORTEX = ["-mthumb", "--specs=nano.specs", "-nostartfiles"]
CORTEX_LINK = ["-T", str(CLIENT / "tests/cortex_m.ld"), str(CLIENT / "tests/cortex_m.c")]

# name: compiler prefix, flags, linker's, and how many steps make how many ticks of SysTick,
# 1 for each instruction of the step: the clock is 25 MHz on mps2, 16 MHz on microbit.
TARGETS = {
    "ATmega328P": ("avr-", ["-mmcu=atmega328p"], []),
    "ATmega2560": ("avr-", ["-mmcu=atmega2560"], []),
    "Cortex-M0": ("arm-none-eabi-", ["-mcpu=cortex-m0", *CORTEX],
                  [*CORTEX_LINK, "-Wl,--defsym=ram_size=16384"]),
    "Cortex-M4": ("arm-none-eabi-", ["-mcpu=cortex-m4", *CORTEX],
                  [*CORTEX_LINK, "-Wl,--defsym=ram_size=4194304"]),
    # code only, and that without a C library
    "x86-64": ("", [], ["-r", "-nostdlib", "-Wl,--entry=main,--undefined=main"]),
}
MACHINES = {"Cortex-M0": ("microbit", 16), "Cortex-M4": ("mps2-an386", 25)}

# The switches of config.h for a small board: one mode, keys in RAM, no memory of messages.
SK = ["-DE4_SK_ONLY", "-DE4_NO_STORE", "-DE4_NO_REPLAY", "-DE4_NO_CACHE"]
PK = ["-DE4_NO_STORE", "-DE4_NO_CACHE"]
CURVE_32 = ["-DE4_CURVE=E4_CURVE_32"]
CURVE_SMALL = ["-DE4_CURVE=E4_CURVE_SMALL"]
AVR_C = ["-DE4_AES=E4_AES_SMALL8", "-DE4_SHA3=E4_SHA3_8"]
# What takes a quarter off a program for AVR: one unit, shared prologues, short calls.
AVR_SIZE = ["-flto", "-mcall-prologues", "-mrelax", "-fno-inline-small-functions"]
AVR_ASM = ["-DE4_AES=E4_AES_SMALL8", "-DE4_SHA3=E4_SHA3_AVR"]
ARM = ["-DE4_AES=E4_AES_SMALL32", "-DE4_SHA3=E4_SHA3_32"]
ARM_CT = ["-DE4_AES=E4_AES_CT32", "-DE4_SHA3=E4_SHA3_32"]

# target, what to call it, choices
ROWS = [
    ("ATmega328P", "SK, C", AVR_C + SK),
    ("ATmega328P", "SK, C, for size", AVR_C + SK + AVR_SIZE),
    ("ATmega328P", "SK, Keccak in assembly", AVR_ASM + SK),
    ("ATmega328P", "SK, every feature", AVR_C),
    ("ATmega2560", "SK, C", AVR_C + SK),
    ("ATmega2560", "SK, Keccak in assembly", AVR_ASM + SK),
    ("Cortex-M0", "SK, S-box", ARM + SK),
    ("Cortex-M0", "SK, constant time", ARM_CT + SK),
    ("Cortex-M0", "PK, small curve", ARM + PK + CURVE_SMALL),
    ("Cortex-M0", "PK, 32-bit curve", ARM + PK + CURVE_32),
    ("Cortex-M4", "SK, S-box", ARM + SK),
    ("Cortex-M4", "SK, constant time", ARM_CT + SK),
    ("Cortex-M4", "PK, 32-bit curve", ARM + PK + CURVE_32),
    ("x86-64", "SK, portable", ["-DE4_AES=E4_AES_CT64", "-DE4_SHA3=E4_SHA3_64", *SK]),
    ("x86-64", "SK, AES instructions", ["-DE4_AES=E4_AES_NATIVE", "-DE4_SHA3=E4_SHA3_64", *SK]),
]

GOALS = {
    ("ATmega328P", "SK, C"): {"code": 6144, "RAM": 1024, "stack": 400, "hash": 500000},
    ("ATmega328P", "SK, C, for size"): {"code": 6144, "RAM": 1024, "stack": 400, "hash": 500000},
    ("ATmega328P", "SK, Keccak in assembly"): {"hash": 148000},
    ("ATmega2560", "SK, C"): {"protect": 100000, "hash": 500000},
    ("ATmega2560", "SK, Keccak in assembly"): {"protect": 100000, "hash": 148000},
    ("Cortex-M0", "SK, S-box"): {"code": 7168, "protect": 26000},
    ("Cortex-M0", "SK, constant time"): {"protect": 60000},
    ("Cortex-M4", "SK, S-box"): {"protect": 15000},
    ("Cortex-M4", "SK, constant time"): {"protect": 45000},
    ("Cortex-M4", "PK, 32-bit curve"): {"code of the curves": 16384, "stack": 2048},
}


def sources():
    text = (CLIENT / "meson.build").read_text()
    names = []
    for group in ("crypto_sources", "core_sources"):
        names += re.findall(r"'([^']+)'", re.search(group + r" = files\((.*?)\)", text, re.S)[1])
    return [CLIENT / n for n in names if "sodium" not in n]


def missing(choices):
    """The choices that no source file has content for yet."""
    text = "\n".join(re.sub(r"/\*.*?\*/", "", f.read_text(), flags=re.S)
                     for f in sources() if f.parent.name == "crypto")
    wanted = [c.split("=")[1] for c in choices if "=" in c]
    return [w for w in wanted if not re.search(rf"== {w}\b", text)]


def tool(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"{command[0]} ... {command[-1]}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done


class Build:
    """The library and programs for one row; with a key cache when kind says so."""

    def __init__(self, target, name, choices, kind):
        self.target = target
        self.prefix, flags, self.link = TARGETS[target]
        if kind == "cached":
            choices = [c for c in choices if c != "-DE4_NO_CACHE"] + ["-DFOOTPRINT_CACHE"]
        if name.startswith("PK"):
            choices = [*choices, "-DFOOTPRINT_PK"]
        self.flags = [*C_FLAGS, *flags, *choices]
        self.repeat = 1 if name.startswith("PK") else 250  # a whole number of ticks for each instruction
        self.out = OUT / re.sub(r"\W+", "_", f"{target} {name} {kind}").lower()
        self.out.mkdir(parents=True, exist_ok=True)
        self.objects = []
        for source in sources():
            self.objects.append(self.out / (source.name + ".o"))
            tool([self.prefix + "gcc", *self.flags, "-c", source, "-o", self.objects[-1]])

    def program(self, name, *defines):
        elf = self.out / (name + ".elf")
        tool([self.prefix + "gcc", *self.flags, *defines, CLIENT / "bench/footprint.c",
              *self.objects, "-Wl,--gc-sections", *self.link, "-o", elf])
        return elf

    def sections(self, elf):
        """Bytes of code with constants and initial data, and bytes of static RAM."""
        code = ram = 0
        for line in tool([self.prefix + "size", "-A", elf]).stdout.splitlines():
            match = re.match(r"\.(text|rodata|ARM\.exidx|data|bss|noinit)\S*\s+(\d+)", line)
            if match:
                code += int(match[2]) if match[1] not in ("bss", "noinit") else 0
                ram += int(match[2]) if match[1] in ("data", "bss", "noinit") else 0
        return code, ram

    def run_avr(self, elf):
        avr_run = OUT / "avr_run"
        mcu = self.target.lower()
        done = tool([avr_run, "-s", "-t", "500", mcu, elf])
        marks = [list(map(int, line.split()[1:])) for line in done.stderr.splitlines()
                 if line.startswith("mark ")]
        names = [line.split()[0] for line in done.stdout.splitlines()]
        figures = {"stack": marks[0][2] - marks[1][2]}
        for name, start, stop in zip(names[1:], marks[2::2], marks[3::2]):
            figures[name] = stop[1] - start[1]
        return figures

    def run_cortex(self, elf):
        machine, mhz = MACHINES[self.target]
        done = tool(["qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial",
                     "none", "-semihosting-config", "enable=on,target=native", "-icount",
                     "shift=0", "-kernel", elf])
        figures = {}
        for line in (done.stdout + done.stderr).splitlines():
            name, figure = line.split()
            figures[name] = int(figure)
            if name != "stack":
                figures[name] = round(int(figure) * 1000 / (mhz * self.repeat))
        return figures

    def figures(self):
        code, ram = self.sections(self.program("size"))
        if self.target == "x86-64":
            return {"code": code}
        measured = self.program("measure", "-DFOOTPRINT_MEASURE", f"-DREPEAT={self.repeat}")
        run = self.run_avr(measured) if self.prefix == "avr-" else self.run_cortex(measured)
        nothing = run.pop("nothing")
        return {"code": code, "RAM": ram, "stack": run.pop("stack"),
                **{step: figure - nothing for step, figure in run.items()}}


def measure(target, name, choices):
    build = Build(target, name, choices, "plain")
    figures = build.figures()
    if name.startswith("PK"):
        figures["code of the curves"], _ = build.sections(
            build.program("curves", "-DFOOTPRINT_CURVES", "-Wno-unused"))
    elif target != "x86-64":
        cached = Build(target, name, choices, "cached").figures()
        for step in ("RAM", "protect", "unprotect"):
            figures[step + ", key cached"] = cached[step]
    return figures


def read_record():
    record = {}
    if RECORD.exists():
        for line in RECORD.read_text().splitlines():
            if line and not line.startswith("#"):
                *key, figure = (part.strip() for part in line.split("|"))
                record[tuple(key)] = int(figure)
    return record


def write_record(figures):
    lines = ["# Written by tools/footprint.py --record: target | build | figure | bytes, cycles or instructions"]
    lines += sorted(" | ".join(map(str, (*key, figure))) for key, figure in figures.items())
    RECORD.write_text("\n".join(lines) + "\n")


def unit(target, what):
    if what.split(",")[0].split()[0] in ("code", "RAM", "stack"):
        return "B"
    return "cycles" if target.startswith("ATmega") else "instr."


def print_table(figures, record, pending):
    print(f"{'target':11} {'build':22} {'figure':22} {'now':>10} {'':6} {'goal':>8} {'record':>10}")
    worse = 0
    for (target, name, what), now in figures.items():
        goal = GOALS.get((target, name), {}).get(what)
        before = record.get((target, name, what))
        note = ""
        if goal:
            note = " reached" if now <= goal else f" missed by {100 * now / goal - 100:.0f} %"
        if before is None:
            note += " NOT RECORDED"
        elif now > before * WORSE:
            note += f" WORSE by {100 * now / before - 100:.1f} %"
        worse += before is None or now > before * WORSE
        print(f"{target:11} {name:22} {what:22} {now:>10,} {unit(target, what):6} "
              f"{goal and format(goal, ',') or '':>8} {before and format(before, ',') or '':>10}{note}")
    for target, name, why in pending:
        print(f"{target:11} {name:22} pending: nothing implements {', '.join(why)} here")
    return worse


def main():
    words = [a for a in sys.argv[1:] if not a.startswith("-")]
    OUT.mkdir(parents=True, exist_ok=True)
    tool(["sh", ROOT / "tools/avr_run.sh", OUT / "avr_run"])
    rows = [r for r in ROWS if not words or any(w in f"{r[0]} {r[1]}" for w in words)]
    pending = [(t, n, missing(c)) for t, n, c in rows if missing(c)]
    rows = [r for r in rows if not missing(r[2])]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda r: measure(*r), rows))
    figures = {(t, n, what): figure for (t, n, _), result in zip(rows, results)
               for what, figure in result.items()}
    record = read_record()
    if "--record" in sys.argv:
        kept = record if words else {}
        write_record({**kept, **figures})
        record = read_record()
    failed = print_table(figures, record, pending)
    gone = [] if words else [key for key in record if key not in figures]
    for key in gone:
        print("gone:", *key)
    print(f"{len(figures) - failed} passed, {failed + len(gone)} failed")
    return 1 if failed or gone or not figures else 0


if __name__ == "__main__":
    sys.exit(main())
