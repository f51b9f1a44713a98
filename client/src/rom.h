/* Constant tables that stay in program memory where that is a memory of its own (AVR). */
#ifndef E4_SRC_ROM_H
#define E4_SRC_ROM_H

#include <stdint.h>
#include <string.h>

#if defined(__AVR__)
#include <avr/pgmspace.h>
#define E4_ROM PROGMEM
#define e4_rom8(p) pgm_read_byte(p)
#define e4_rom_copy(out, p, len) ((void)memcpy_P((out), (p), (len)))
#else
#define E4_ROM
#define e4_rom8(p) (*(const uint8_t *)(p))
#define e4_rom_copy(out, p, len) ((void)memcpy((out), (p), (len)))
#endif

#endif
