/*
 * The S-box of aes_ct.h for Thumb-1, where compilers spend more instructions on keeping
 * thirty planes in eight registers than on the circuit: gcc 12 takes 248, this 201.
 * Same gates; their order, and what stays where, came out of a beam search for the fewest
 * moves. No branch, and no address but of q and of the stack.
 */
#ifndef E4_SRC_CRYPTO_AES_CT_THUMB_H
#define E4_SRC_CRYPTO_AES_CT_THUMB_H

#define E(to, from) "eors " #to ", " #from "\n\t"
#define A(to, from) "ands " #to ", " #from "\n\t"
#define M(to, from) "mov " #to ", " #from "\n\t"
#define S(from, at) "str " #from ", [sp, #" #at "]\n\t"
#define L(to, at) "ldr " #to ", [sp, #" #at "]\n\t"
#define O(from, q, at) "str " #from ", [" #q ", #" #at "]\n\t"

/*
 * SubBytes without the constant 0x63. q stays on the stack above the planes. r7 is saved here,
 * since it may be the frame pointer, which no compiler lets go.
 */
static __attribute__((noinline)) void sub_bytes(word q[8])
{
	register word *planes __asm__("r0") = q;
	__asm__ volatile(
		".syntax unified\n\t"
		"push {r0, r7}\n\t"
		"sub sp, #64\n\t"
		"ldm r0, {r0, r1, r2, r3, r4, r5, r6, r7}\n\t"
		/* clang-format off */
		E(r5, r6) S(r0, 0) E(r0, r5) S(r0, 4) E(r0, r1) E(r1, r7) M(r12, r4) E(r4, r2) S(r1, 8)
		E(r1, r4) E(r3, r1) E(r6, r3) S(r1, 12) M(r1, r12) E(r1, r7) E(r3, r2) S(r3, 16)
		E(r3, r5) E(r2, r7) M(lr, r6) E(r6, r1) E(r5, r6) S(r1, 20) A(r1, r6) S(r6, 24)
		E(r6, r3) S(r3, 28) A(r3, r2) E(r3, r1) S(r4, 32) A(r4, r6) E(r4, r1) S(r2, 36)
		E(r2, r0) S(r0, 40) L(r1, 4) A(r0, r1) E(r1, r7) E(r7, r5) E(r7, r3) S(r3, 44) L(r3, 8)
		A(r3, r5) E(r0, r3) S(r5, 48) S(r6, 52) L(r6, 8) E(r5, r6) E(r5, r0) E(r5, r4) M(r0, lr)
		E(r4, r0) L(r0, 0) L(r6, 24) E(r6, r0) S(r1, 56) A(r1, r6) E(r1, r3) E(r7, r1) L(r3, 12)
		L(r1, 16) A(r3, r1) E(r1, r0) M(lr, r1) A(r1, r2) E(r1, r3) E(r4, r1) S(r6, 60) L(r1, 4)
		M(r6, r12) E(r6, r1) A(r0, r6) E(r0, r3) L(r3, 28) L(r1, 36) E(r3, r1) M(r1, r4)
		A(r1, r5) E(r3, r0) L(r0, 44) E(r3, r0) M(r12, r3) E(r3, r1) E(r1, r7) M(r0, r5)
		E(r0, r7) A(r3, r0) E(r3, r7) M(r0, r1) E(r0, r3) A(r7, r0) M(r0, r12) E(r4, r0)
		E(r5, r7) E(r7, r1) A(r1, r4) E(r5, r3) A(r6, r3) E(r1, r0) A(r2, r5) A(r7, r1)
		E(r7, r4) M(r12, r1) E(r1, r3) L(r0, 0) A(r0, r3) E(r3, r5) L(r4, 12) A(r4, r3)
		E(r4, r2) E(r2, r6) M(r6, lr) A(r6, r5) S(r6, 0) L(r6, 16) A(r3, r6) E(r5, r7) L(r6, 28)
		A(r6, r5) S(r2, 12) L(r2, 36) A(r2, r5) E(r5, r1) M(lr, r0) L(r0, 32) A(r0, r5)
		E(r2, r0) S(r2, 16) L(r2, 52) A(r5, r2) L(r2, 20) A(r2, r1) E(r2, r0) L(r0, 24)
		A(r1, r0) L(r0, 4) A(r0, r7) E(r1, r5) S(r0, 4) E(r0, r2) E(r5, r6) L(r6, 40) A(r6, r7)
		E(r4, r0) E(r5, r0) M(r0, r12) E(r7, r0) S(r4, 20) L(r4, 48) A(r4, r7) E(r1, r4)
		E(r3, r4) L(r4, 8) A(r7, r4) L(r4, 60) A(r4, r0) E(r6, r4) M(r0, lr) E(r4, r0) E(r0, r7)
		E(r0, r3) E(r2, r0) E(r7, r6) E(r7, r5) E(r6, r2) L(r2, 64) O(r7, r2, 4) O(r6, r2, 0)
		M(r7, r12) L(r6, 56) A(r7, r6) E(r7, r0) L(r6, 0) L(r0, 20) E(r6, r0) E(r3, r6)
		E(r4, r6) E(r7, r5) L(r6, 4) E(r6, r1) L(r5, 12) E(r5, r7) E(r7, r6) E(r6, r3) E(r1, r0)
		L(r0, 16) E(r0, r7) O(r0, r2, 20) O(r4, r2, 12) O(r6, r2, 24) O(r5, r2, 8) O(r3, r2, 16)
		O(r1, r2, 28)
		/* clang-format on */
		"add sp, #68\n\t"
		"pop {r7}"
		: "+r"(planes)
		:
		: "r1", "r2", "r3", "r4", "r5", "r6", "r12", "lr", "cc", "memory");
}

#undef E
#undef A
#undef M
#undef S
#undef L
#undef O

#endif
