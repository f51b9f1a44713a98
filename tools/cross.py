#!/usr/bin/python3
"""The device library's test suites on other processors: cross.py TARGET...

  mips, arm, aarch64, riscv64   Linux programs, under qemu-user
  m0, m4                        Cortex-M without an operating system (qemu-system-arm,
                                semihosting); m0 is code for a Cortex-M0 on the
                                Cortex-M3 of mps2-an385: the suites need more than the
                                16 KB of a microbit, and QEMU has no other M0
  m0-ct                         the primitives with the constant-time AES for Cortex-M0,
                                which is not its default; every 7th of the vectors
  avr                           ATmega2560 with external memory (simavr), int has 16 bits;
                                the curves are the host's but in "curve vectors"; every
                                7th of the vectors, and two suites
  avr-more                      the rest of it

Of each: the suites of messages, commands, states, formats, primitives and stores, and the
vectors of protocol/ that device code decides (tools/vectors_bin.py says which). What needs
OpenSSL, libsodium or JSON stays on the host. Programs stay in build/cross.
"""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import footprint

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "client"
OUT = ROOT / "build/cross"

FLAGS = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections",
         "-DE4_TEST_ALONE"] + [f"-I{d}" for d in (
             CLIENT / "include", CLIENT / "src", CLIENT / "src/crypto", CLIENT / "tests",
             ROOT / "tests")]

SUITES = ["protocol_test", "message_test", "command_test", "state_test", "crypto_properties_test",
          "crypto_curve_test", "crypto_rfc_test", "store_flash_test", "store_sealed_test",
          "store_test"]


class Linux:
    longest = 65535
    suites = SUITES
    sources = [*CLIENT.glob("port/store_*.c"), CLIENT / "port/clock_posix.c"]

    def __init__(self, cc, qemu):
        self.cc, self.flags, self.link = cc, ["-O2"], ["-static"]
        self.command = lambda elf: [qemu, elf]


class Cortex:
    longest = 16384
    # not store_test, which is of files, nor store_flash_test: 2.6 million cuts of the power
    suites = [s for s in SUITES if s not in ("store_test", "store_flash_test")]
    sources = [f for f in CLIENT.glob("port/store_*.c") if "posix" not in f.name]

    def __init__(self, cpu, machine):
        self.cc = "arm-none-eabi-gcc"
        self.flags = ["-Os", f"-mcpu={cpu}", "-mthumb", "-Dmain=board_test", "-DDEVICE_TOPICS=40",
                      "-DDEVICE_PEERS=40"]
        self.link = ["--specs=rdimon.specs", "-nostartfiles", "-T", str(CLIENT / "tests/cortex_m.ld"),
                     "-Wl,--defsym=ram_size=4194304"]
        self.start = ["board_main.c", "cortex_m.c"]
        self.command = lambda elf: [
            "qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none",
            "-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel", elf]


class CortexCt(Cortex):
    every = 7
    suites = ["crypto_properties_test"]

    def __init__(self, cpu, machine):
        super().__init__(cpu, machine)
        self.flags = [*self.flags, "-DE4_AES=E4_AES_CT32"]


class Avr:
    cc = "avr-gcc"
    flags = ["-Os", "-mmcu=atmega2560", "-Dmain=board_test", "-DDEVICE_TOPICS=16",
             "-DDEVICE_PEERS=10", "-DMAX_LEN=80", "-DE4_CURVE=E4_CURVE_EXTERN",
             "-DE4_SHA3=E4_SHA3_AVR"]
    link = ["-Wl,--defsym=__stack=0xffff,--defsym=__DATA_REGION_LENGTH__=0xf000"]
    start = ["board_main.c", "board_curve.c"]
    longest, every = 2048, 7
    suites = ["protocol_test", "message_test"]
    sources = Cortex.sources

    def command(self, elf):
        return [OUT / "avr_run", "-x", "-t", "1800", "atmega2560", elf]


class AvrMore(Avr):
    every = 1
    # neither crypto_curve_test nor crypto_rfc_test: the curves are the host's here
    suites = ["command_test", "state_test", "crypto_properties_test"]


TARGETS = {
    "mips": lambda: Linux("mips-linux-gnu-gcc", "qemu-mips"),
    "arm": lambda: Linux("arm-linux-gnueabihf-gcc", "qemu-arm"),
    "aarch64": lambda: Linux("aarch64-linux-gnu-gcc", "qemu-aarch64"),
    "riscv64": lambda: Linux("riscv64-linux-gnu-gcc", "qemu-riscv64"),
    "m0": lambda: Cortex("cortex-m0", "mps2-an385"),
    "m0-ct": lambda: CortexCt("cortex-m0", "mps2-an385"),
    "m4": lambda: Cortex("cortex-m4", "mps2-an386"),
    "avr": Avr,
    "avr-more": AvrMore,
}


def compile_all(target, out, sources, extra=()):
    out.mkdir(parents=True, exist_ok=True)

    def one(source):
        footprint.tool([target.cc, *target.flags, *FLAGS, *extra, "-c", source, "-o",
                        out / (source.name + ".o")])
        return out / (source.name + ".o")

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, sources))


def library(target, out, extra=()):
    start = [CLIENT / "tests" / name for name in getattr(target, "start", [])]
    return compile_all(target, out, footprint.sources() + target.sources + start, extra)


def run(name, target, out, suite, lib, stream=None, label=None):
    """Build and run one program; its counts, and what it said when something failed."""
    extra = [f"-DSTREAM_MAX={target.longest}"] if stream else []
    if suite.startswith("store_"):
        extra = ["-UDEVICE_TOPICS", "-UDEVICE_PEERS"]  # they choose themselves
    (test,) = compile_all(target, out, [CLIENT / "tests" / (suite + ".c")], extra)
    elf = out / suite
    footprint.tool([target.cc, *target.flags, test, *lib, *target.link, "-Wl,--gc-sections", "-o",
                    elf])
    if stream:
        (out / "board_input").write_bytes(stream.read_bytes())
    begin = time.time()
    with open(stream or "/dev/null", "rb") as given:
        try:
            done = subprocess.run([str(c) for c in target.command(elf)], stdin=given, cwd=out,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2000)
            text, status = done.stdout.decode(errors="replace"), done.returncode
        except subprocess.TimeoutExpired as late:
            text, status = (late.stdout or b"").decode(errors="replace"), 124
    counts = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    passed, failed = map(int, counts[-1]) if counts else (0, 0)
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    print(f"{name:8} {label or suite:24} {passed:7} passed, {failed} failed "
          f"{time.time() - begin:6.0f} s", flush=True)
    if failed:
        print("\n".join(text.splitlines()[-12:]), f"\nexit status {status}", flush=True)
    return passed, failed


def vectors(out, *arguments):
    stream = out / ("vectors" + "_".join(map(str, arguments)).replace("/", "_") + ".bin")
    footprint.tool([sys.executable, ROOT / "tools/vectors_bin.py", ROOT / "protocol", stream,
                    *arguments])
    return stream


def run_target(name):
    target = TARGETS[name]()
    out = OUT / name
    lib = library(target, out / "lib")
    suites = [s for s in target.suites if (CLIENT / "tests" / (s + ".c")).exists()]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda suite: run(name, target, out, suite, lib), suites))
    stream = vectors(out, target.longest, getattr(target, "every", 1))
    results.append(run(name, target, out, "vectors_stream", lib, stream))
    if name == "avr":
        results.append(own_curve(name, target, out))
    return results


def own_curve(name, target, out):
    """On AVR, the library's own arithmetic: a few of each kind, for each takes seconds."""
    target.flags = [f for f in target.flags if "E4_CURVE" not in f and "E4_SHA3" not in f]
    target.start = ["board_main.c"]
    return run(name, target, out, "vectors_stream", library(target, out / "curve"),
               vectors(out, target.longest, 97, "curve"), "curve vectors")


def main():
    names = sys.argv[1:]
    if not names or any(n not in TARGETS for n in names):
        sys.exit(__doc__)
    OUT.mkdir(parents=True, exist_ok=True)
    if any(n.startswith("avr") for n in names):
        footprint.tool(["sh", ROOT / "tools/avr_run.sh", OUT / "avr_run"])
    results = [r for name in names for r in run_target(name)]
    print(f"{sum(p for p, _ in results)} passed, {sum(f for _, f in results)} failed")
    return 1 if any(f for _, f in results) else 0


if __name__ == "__main__":
    sys.exit(main())
