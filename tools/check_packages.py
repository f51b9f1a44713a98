#!/usr/bin/python3
"""Build each package of the device library as its users would, as far as Debian has the tools.

Usage: tools/check_packages.py [WORK]      (WORK is build/packages unless it is given)
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORE = pathlib.Path("/usr/share/arduino/hardware/arduino/avr")
WARN = ["-Wall", "-Wextra", "-Werror"]
# board -> MCU, variant, bytes of flash under the bootloader, bytes of RAM
BOARDS = {
    "AVR_UNO": ("atmega328p", "standard", 32256, 2048),
    "AVR_MEGA2560": ("atmega2560", "mega", 253952, 8192),
}
COMPILERS = {
    "gcc": ["gcc", "-std=c99"],
    "clang": ["clang", "-std=c99"],
    "avr-gcc": ["avr-gcc", "-std=c99", "-mmcu=atmega2560", "-Os"],
    "arm-none-eabi-gcc": ["arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m0", "-mthumb", "-Os"],
}
# The functions of Zephyr and ESP-IDF that the packages call, on a bare cross compiler.
STUBS = {
    "zephyr": """
function(zephyr_library_named name)
  add_library(${name} STATIC)
  set(ZEPHYR_CURRENT_LIBRARY ${name} PARENT_SCOPE)
endfunction()
function(zephyr_library_sources)
  target_sources(${ZEPHYR_CURRENT_LIBRARY} PRIVATE ${ARGV})
endfunction()
function(zephyr_include_directories)
  target_include_directories(${ZEPHYR_CURRENT_LIBRARY} PUBLIC ${ARGV})
endfunction()
function(zephyr_compile_definitions_ifdef condition)
  if(${condition})
    add_definitions(-D${ARGN})
  endif()
endfunction()
""",
    "esp-idf": """
macro(idf_component_register)
  cmake_parse_arguments(IDF "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
  set(COMPONENT_LIB e4)
  add_library(e4 STATIC ${IDF_SRCS})
  target_include_directories(e4 PUBLIC ${IDF_INCLUDE_DIRS})
endmacro()
""",
}


class Failed(Exception):
    """What a build said."""


def run(*command, cwd=None):
    done = subprocess.run([str(c) for c in command], cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}")
    return done.stdout


def demand(ok, what):
    if not ok:
        raise Failed(what)


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def the_output_depends_on_the_sources_only(packages, work):
    texts = {p.read_bytes() for p in packages.glob("*/src/e4.c")}
    demand(len(texts) == 1, f"{len(texts)} different e4.c")
    run(ROOT / "tools/amalgamate.py", work / "again")
    demand((work / "again/e4.c").read_bytes() in texts, "another run gave another e4.c")


def one_file(compiler):
    def check(packages, work):
        out = fresh(work / "one_file" / compiler)
        src = packages / "arduino/src"
        for extra in ([], ["-DE4_SK_ONLY"]):
            run(*COMPILERS[compiler], *WARN, *extra, "-c", src / "e4.c", "-o", out / "e4.o")
    return check


def the_header_is_cxx(packages, work):
    source = fresh(work / "cxx") / "use.cpp"
    source.write_text('#include "e4.h"\nstruct e4_client client;\n'
                      "size_t use() { return e4_overhead(&client); }\n")
    for compiler in ("g++", "clang++"):
        run(compiler, *WARN, "-I", packages / "arduino/src", "-c", source, "-o", work / "cxx/use.o")


def every_choice_is_in_the_example_of_a_configuration(packages, work):
    names = set()
    for path in (ROOT / "client").rglob("*.[ch]"):
        if {"tests", "bench", "fuzz", "proofs", "examples"} & set(path.parts):
            continue
        names |= set(re.findall(r"^#\s*(?:el)?if(?:n?def)?\b.*?\b(E4_(?:NO|SK)_[A-Z_]+)\b",
                                path.read_text(), re.M))
    shown = (packages / "arduino/src/e4_config.h").read_text()
    demand(len(names) > 0, "no choices found")
    missing = [n for n in sorted(names) if f"#define {n} " not in shown]
    demand(not missing, f"not in e4_config.h: {missing}")


def sketch(board):
    """As platform.txt has it, but that no line of it may warn in our own files."""
    mcu, variant, flash, ram = BOARDS[board]

    def check(packages, work):
        out = fresh(work / "arduino" / board)
        package = packages / "arduino"
        common = [f"-mmcu={mcu}", "-DF_CPU=16000000L", "-DARDUINO=10819", f"-DARDUINO_{board}",
                  "-DARDUINO_ARCH_AVR", "-g", "-Os", "-ffunction-sections", "-fdata-sections",
                  "-flto", "-I", CORE / "cores/arduino", "-I", CORE / "variants" / variant,
                  "-I", package / "src"]
        c = ["avr-gcc", "-c", "-std=gnu11", "-fno-fat-lto-objects", *common]
        cxx = ["avr-g++", "-c", "-std=gnu++11", "-fpermissive", "-fno-exceptions",
               "-fno-threadsafe-statics", *common]
        (ino,) = package.glob("examples/*/*.ino")
        (out / "sketch.cpp").write_text("#include <Arduino.h>\n" + ino.read_text())
        objects = []
        for path in [out / "sketch.cpp", package / "src/e4.c",
                     *sorted((CORE / "cores/arduino").glob("*.c*")),
                     *sorted((CORE / "cores/arduino").glob("*.S"))]:
            objects.append(out / (path.name + ".o"))
            ours = package in path.parents or path.parent == out
            # Debian's core asks for a <float.h> that is younger than Debian's avr-gcc
            warn = WARN if ours else ["-w", "-DDECIMAL_DIG=__DECIMAL_DIG__"]
            if path.suffix == ".S":
                run("avr-gcc", "-c", "-x", "assembler-with-cpp", *common, path, "-o", objects[-1])
            else:
                run(*(c if path.suffix == ".c" else cxx), *warn, path, "-o", objects[-1])
        elf = out / "sketch.elf"
        run("avr-gcc", "-Os", "-g", "-flto", "-fuse-linker-plugin", "-Wl,--gc-sections",
            f"-mmcu={mcu}", "-o", elf, *objects, "-lm")
        text, data, bss = map(int, run("avr-size", elf).split("\n")[1].split()[:3])
        print(f"  sketch on {board}: {text + data} bytes of flash, {data + bss} of static RAM")
        demand(text + data <= flash and data + bss <= ram, "does not fit the board")
    return check


def cmake_consumer(how):
    def check(packages, work):
        out = fresh(work / "cmake" / how)
        package = packages / "cmake"
        if how == "find_package":
            run("cmake", "-S", package, "-B", out / "e4", f"-DCMAKE_INSTALL_PREFIX={out / 'usr'}")
            run("cmake", "--build", out / "e4", "--target", "install")
            where = f"-DCMAKE_PREFIX_PATH={out / 'usr'}"
        else:
            where = f"-DE4_SOURCE={package}"
        run("cmake", "-S", package / "example", "-B", out / "build", where)
        run("cmake", "--build", out / "build")
        said = run(out / "build/example")
        demand('read as "21.5 C"' in said, said)
    return check


def cmake_external_project(packages, work):
    out = fresh(work / "cmake/external")
    package = packages / "cmake"
    (out / "CMakeLists.txt").write_text(f"""\
cmake_minimum_required(VERSION 3.13)
project(outer NONE)
include(ExternalProject)
ExternalProject_Add(e4 SOURCE_DIR {package}
  CMAKE_ARGS -DCMAKE_INSTALL_PREFIX=${{CMAKE_BINARY_DIR}}/usr -DE4_OPTIONS=E4_SK_ONLY)
ExternalProject_Add(example SOURCE_DIR {package}/example DEPENDS e4 INSTALL_COMMAND ""
  BINARY_DIR ${{CMAKE_BINARY_DIR}}/example
  CMAKE_ARGS -DCMAKE_PREFIX_PATH=${{CMAKE_BINARY_DIR}}/usr)
""")
    run("cmake", "-S", out, "-B", out / "build")
    run("cmake", "--build", out / "build")
    demand('read as "21.5 C"' in run(out / "build/example/example"), "the example failed")


def under_stubs(kind):
    """The package's CMakeLists.txt, with the framework's functions played, by a cross compiler."""
    def check(packages, work):
        kconfig = re.findall(r"^(?:menu)?config (E4\w*)$", (packages / kind / "Kconfig").read_text(),
                             re.M)
        demand(len(kconfig) > 3, "no options in Kconfig")
        used = (packages / kind / "CMakeLists.txt").read_text()
        for option in kconfig:
            demand(option.removeprefix("E4_") in used, f"{option} has no effect")
        for chosen in ([], kconfig):
            out = fresh(work / "stubs" / kind)
            settings = "\n".join(f"set(CONFIG_{n} y)" for n in {"E4", *chosen})
            (out / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.13)\nproject(stub C)\n" + settings +
                STUBS[kind] + f"add_subdirectory({packages / kind} e4)\n")
            run("cmake", "-S", out, "-B", out / "build", "-DCMAKE_SYSTEM_NAME=Generic",
                "-DCMAKE_C_COMPILER=arm-none-eabi-gcc", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
                "-DCMAKE_C_FLAGS=-mcpu=cortex-m4 -mthumb -Os -Wall -Wextra -Werror")
            run("cmake", "--build", out / "build")
            (library,) = (out / "build").rglob("libe4.a")
            symbols = run("arm-none-eabi-nm", library)
            demand(" T e4_protect" in symbols, "the library is empty")
            # the switches reach the compiler: without public-key mode its functions go
            demand(("e4_provision_pk" in symbols) == (not chosen), "the choices had no effect")
    return check


def metadata_has_the_keys_that_its_tools_ask_for(packages, work):
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text()).group(1)
    library = json.loads((packages / "platformio/library.json").read_text())
    demand({"name", "version", "description", "frameworks", "platforms"} <= set(library),
           "library.json lacks a key")
    demand(library["version"] == version, "library.json has another version")
    demand((packages / "platformio" / library["build"]["srcDir"] / library["headers"]).is_file(),
           "library.json names no header")
    lines = (packages / "arduino/library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    demand({"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url",
            "architectures"} <= set(properties), "library.properties lacks a key")
    demand(properties["version"] == version, "library.properties has another version")
    demand((packages / "arduino/src" / properties["includes"]).is_file(), "no header")
    module = (packages / "zephyr/zephyr/module.yml").read_text()
    demand(re.search(r"^  cmake: \.$", module, re.M) and
           re.search(r"^  kconfig: Kconfig$", module, re.M), "module.yml names no files")
    component = (packages / "esp-idf/idf_component.yml").read_text()
    demand(f'version: "{version}"' in component, "idf_component.yml has another version")


CHECKS = {
    "the output depends on the sources only": the_output_depends_on_the_sources_only,
    **{f"the one file compiles with {c}, warnings are errors": one_file(c) for c in COMPILERS},
    "the header is C++ as well": the_header_is_cxx,
    "every choice is in the example of a configuration":
        every_choice_is_in_the_example_of_a_configuration,
    **{f"an Arduino sketch links against the core for {b}": sketch(b) for b in BOARDS},
    "CMake: a program with add_subdirectory runs": cmake_consumer("add_subdirectory"),
    "CMake: a program with find_package runs": cmake_consumer("find_package"),
    "CMake: a program with ExternalProject runs": cmake_external_project,
    "Zephyr: the module compiles under stubs, with and without its choices": under_stubs("zephyr"),
    "ESP-IDF: the component compiles under stubs, with and without its choices":
        under_stubs("esp-idf"),
    "metadata has the keys that its tools ask for": metadata_has_the_keys_that_its_tools_ask_for,
}


def main():
    work = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build/packages"
    packages = fresh(work) / "packages"
    run(ROOT / "tools/package_device.sh", packages)
    failed = 0
    for name, check in CHECKS.items():
        try:
            check(packages, work)
            print(f"ok      {name}", flush=True)
        except (Failed, OSError, ValueError, KeyError) as e:
            failed += 1
            print(f"FAILED  {name}\n{e}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
