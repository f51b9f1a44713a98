/*
 * The start of a program on a Cortex-M: vectors, data, main. QEMU loads the
 * whole ELF file, but data is copied as on a real board, so that its flash counts.
 */
#include <stdint.h>

#include "board.h"

extern uint32_t data_start, data_end, data_load, __bss_start__, __bss_end__, stack_top;

#undef main
int main(void);
void reset(void);

static void fault(void)
{
	board_exit(125);
}

void reset(void)
{
	const uint32_t *from = &data_load;

	for (uint32_t *p = &data_start; p < &data_end; p++)
		*p = *from++;
	for (uint32_t *p = &__bss_start__; p < &__bss_end__; p++)
		*p = 0;
	board_exit((uint8_t)main());
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
	(uintptr_t)&stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault};
