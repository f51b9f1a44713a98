/*
 * Keccak-f[1600] (FIPS 202 section 3) in AVR assembly: fast first. Besides the state it needs 40
 * bytes of stack. Two passes a round: chi writes the rows and collects the parities that the next
 * theta wants; one walk along the cycle of pi does theta, rho and pi. The time does not depend on
 * data. Nothing is read from flash, and calls are relative, so the code may lie anywhere in it.
 *
 * r8-r15    a lane on its way        r24-r25  the state
 * r16-r23   the lane it replaces     Y        40 bytes: parities, then what theta adds
 * r7        the register of iota     T        clear before the first round
 */
#include "sha3.h"

#if E4_SHA3 == E4_SHA3_AVR

/* clang-format off */
#define I(code) code "\n\t"

/* What chi writes to register t, from b and c, to be added to a third. */
#define AND_NOT(t, b, c) I("mov " #t "," #b) I("com " #t) I("and " #t "," #c)

/* Byte i of the constant of iota, to the state (Z) and to the parity of column 0 (Y). */
#define IOTA(i, r)                                                                                 \
	I("ldd r0,Z+" #i) I("eor r0," #r) I("std Z+" #i ",r0")                                     \
	I("ldd r0,Y+" #i) I("eor r0," #r) I("std Y+" #i ",r0")

/* r8-r15 ^= r16-r23 rotated left by 1, one byte of it; the bit in between is in the carry. */
#define ADD_ROTATED(to, from) I("mov r0," #from) I("rol r0") I("eor " #to ",r0")

/* One byte of a lane from Z and of what theta adds to it from X. */
#define LOAD(i, r) I("ldd " #r ",Z+" #i) I("ld r0,X+") I("eor " #r ",r0")

#define LEFT                                                                                       \
	I("lsl r8") I("rol r9") I("rol r10") I("rol r11")                                          \
	I("rol r12") I("rol r13") I("rol r14") I("rol r15") I("adc r8,r1")
#define RIGHT                                                                                      \
	I("mov r0,r8") I("lsr r0") I("ror r15") I("ror r14") I("ror r13") I("ror r12")             \
	I("ror r11") I("ror r10") I("ror r9") I("ror r8")

/* Store r8-r15, first byte to Z+a and so on: a rotation by whole bytes. */
#define STORE(a, b, c, d, e, f, g, h)                                                              \
	I("std Z+" #a ",r8") I("std Z+" #b ",r9") I("std Z+" #c ",r10") I("std Z+" #d ",r11")      \
	I("std Z+" #e ",r12") I("std Z+" #f ",r13") I("std Z+" #g ",r14") I("std Z+" #h ",r15")

/* Rotate by bits (labels 41 to 44 left, 51 to 53 right), by bytes (60 to 67), store, load next. */
#define MOVE(bits, bytes, next) I("rcall " #bits "f") MOVE_BYTES(bytes, next)
#define MOVE_BYTES(bytes, next) I("ldi r26,8*" #next) I("rcall " #bytes "f")

__attribute__((naked)) void e4_keccak_f(struct e4_sha3 *h)
{
	(void)h;
	__asm__ volatile(
		I("push r7") I("push r8") I("push r9") I("push r10") I("push r11") I("push r12")
		I("push r13") I("push r14") I("push r15") I("push r16") I("push r17") I("push r28")
		I("push r29") I("in r28,__SP_L__") I("in r29,__SP_H__") I("sbiw r28,40")
		I("in r0,__SREG__") I("cli") I("out __SP_H__,r29") I("out __SREG__,r0")
		I("out __SP_L__,r28") I("adiw r28,1")
		
		/* from h to h->state; the step after 0xb8 is the register's first, with bit 1 out */
		I("adiw r24,1") I("ldi r16,0xb8") I("mov r7,r16") I("clt")

		/* chi, but before the first round; and the parity of each column */
		I("10: movw r30,r24") I("ldi r26,8")
		I("11: clr r8") I("clr r9") I("clr r10") I("clr r11") I("clr r12") I("ldi r27,5")
		I("12: ld r13,Z") I("ldd r14,Z+8") I("ldd r15,Z+16") I("ldd r16,Z+24")
		I("ldd r17,Z+32") I("brtc 13f")
		AND_NOT(r18, r14, r15) AND_NOT(r19, r15, r16) AND_NOT(r20, r16, r17)
		AND_NOT(r21, r17, r13) AND_NOT(r22, r13, r14)
		I("eor r13,r18") I("eor r14,r19") I("eor r15,r20") I("eor r16,r21") I("eor r17,r22")
		I("st Z,r13") I("std Z+8,r14") I("std Z+16,r15") I("std Z+24,r16") I("std Z+32,r17")
		I("13: eor r8,r13") I("eor r9,r14") I("eor r10,r15") I("eor r11,r16")
		I("eor r12,r17") I("adiw r30,40") I("dec r27") I("brne 12b")
		I("st Y,r8") I("std Y+8,r9") I("std Y+16,r10") I("std Y+24,r11") I("std Y+32,r12")
		I("adiw r28,1") I("subi r30,199") I("sbc r31,r1") I("dec r26") I("brne 11b")
		I("sbiw r28,8") I("movw r30,r24") I("brtc 20f")

		/* iota: seven steps of the register, for bits 0, 1, 3, 7, 15, 31, 63 of lane 0 */
		I("ldi r16,0x71") I("ldi r17,7")
		I("14: lsl r7") I("brcc 15f") I("eor r7,r16")
		I("15: ror r18") I("dec r17") I("brne 14b")
		I("mov r19,r18") I("andi r19,0x08") I("sbrc r18,1") I("ori r19,0x01")
		I("sbrc r18,2") I("ori r19,0x02") I("sbrc r18,4") I("ori r19,0x80") IOTA(0, r19)
		I("mov r19,r18") I("andi r19,0x80") IOTA(7, r19)
		I("lsl r18") I("mov r19,r18") I("andi r19,0x80") IOTA(3, r19)
		I("lsl r18") I("andi r18,0x80") IOTA(1, r18)
		/* the register's value after 24 rounds */
		I("ldi r16,0x47") I("cp r7,r16") I("brne 20f") I("rjmp 90f")

		/*
		 * Theta: what is added to column x goes to where the parity of column x + 1 was,
		 * once that is in registers: x = 0, 2, 4, 1, 3.
		 */
		I("20: set") I("ldi r26,8")
		I("ldd r8,Y+32") I("ldd r9,Y+33") I("ldd r10,Y+34") I("ldd r11,Y+35")
		I("ldd r12,Y+36") I("ldd r13,Y+37") I("ldd r14,Y+38") I("ldd r15,Y+39")
		I("21: movw r30,r28") I("add r30,r26") I("adc r31,r1")
		I("ld r16,Z") I("ldd r17,Z+1") I("ldd r18,Z+2") I("ldd r19,Z+3")
		I("ldd r20,Z+4") I("ldd r21,Z+5") I("ldd r22,Z+6") I("ldd r23,Z+7")
		I("mov r0,r23") I("lsl r0")
		ADD_ROTATED(r8, r16) ADD_ROTATED(r9, r17) ADD_ROTATED(r10, r18)
		ADD_ROTATED(r11, r19) ADD_ROTATED(r12, r20) ADD_ROTATED(r13, r21)
		ADD_ROTATED(r14, r22) ADD_ROTATED(r15, r23)
		STORE(0, 1, 2, 3, 4, 5, 6, 7)
		I("movw r8,r16") I("movw r10,r18") I("movw r12,r20") I("movw r14,r22")
		I("subi r26,-16") I("cpi r26,40") I("brlo 22f") I("subi r26,40")
		I("22: cpi r26,8") I("brne 21b")

		/* lane 0 stays; its second load and the first store to lane 1 only fill registers */
		I("ldi r26,0") I("rcall 31f") I("ldi r26,0") I("rcall 30f")
		MOVE_BYTES(60, 1) MOVE_BYTES(60, 10)
		MOVE(41, 60, 7) MOVE(43, 60, 11) MOVE(52, 61, 17) MOVE(42, 61, 18)
		MOVE(51, 62, 3) MOVE(53, 63, 5) MOVE(44, 63, 16) MOVE(44, 64, 8)
		MOVE(53, 66, 21) MOVE(51, 67, 24) MOVE(42, 60, 4) MOVE(52, 62, 15)
		MOVE(43, 63, 23) MOVE(41, 65, 19) MOVE_BYTES(67, 13) MOVE_BYTES(61, 12)
		MOVE(41, 63, 2) MOVE(43, 65, 20) MOVE(52, 60, 14) MOVE(42, 62, 22)
		MOVE(51, 65, 9) MOVE(53, 60, 6) MOVE(44, 62, 1) MOVE(44, 65, 0)
		I("rjmp 10b")

		I("44:") LEFT I("43:") LEFT I("42:") LEFT I("41:") LEFT I("ret")
		I("53:") RIGHT I("52:") RIGHT I("51:") RIGHT I("ret")

		I("67:") STORE(7, 0, 1, 2, 3, 4, 5, 6) I("rjmp 30f")
		I("66:") STORE(6, 7, 0, 1, 2, 3, 4, 5) I("rjmp 30f")
		I("65:") STORE(5, 6, 7, 0, 1, 2, 3, 4) I("rjmp 30f")
		I("64:") STORE(4, 5, 6, 7, 0, 1, 2, 3) I("rjmp 30f")
		I("63:") STORE(3, 4, 5, 6, 7, 0, 1, 2) I("rjmp 30f")
		I("62:") STORE(2, 3, 4, 5, 6, 7, 0, 1) I("rjmp 30f")
		I("61:") STORE(1, 2, 3, 4, 5, 6, 7, 0) I("rjmp 30f")
		I("60:") STORE(0, 1, 2, 3, 4, 5, 6, 7)
		/* the replaced lane is next; load the one at offset r26, with theta added */
		I("30: movw r8,r16") I("movw r10,r18") I("movw r12,r20") I("movw r14,r22")
		I("31: movw r30,r24") I("add r30,r26") I("adc r31,r1") I("subi r26,-8")
		I("32: subi r26,40") I("brcc 32b") I("subi r26,-40")
		I("ldi r27,0") I("add r26,r28") I("adc r27,r29")
		LOAD(0, r16) LOAD(1, r17) LOAD(2, r18) LOAD(3, r19)
		LOAD(4, r20) LOAD(5, r21) LOAD(6, r22) LOAD(7, r23)
		I("ret")

		I("90: adiw r28,39") I("in r0,__SREG__") I("cli") I("out __SP_H__,r29")
		I("out __SREG__,r0") I("out __SP_L__,r28")
		I("pop r29") I("pop r28") I("pop r17") I("pop r16") I("pop r15") I("pop r14")
		I("pop r13") I("pop r12") I("pop r11") I("pop r10") I("pop r9") I("pop r8")
		I("pop r7") I("ret"));
}
/* clang-format on */

#endif
