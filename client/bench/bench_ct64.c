/* Batches where the CPU has no AES instructions: built with E4_AES_CT64. */
#define _POSIX_C_SOURCE 200809L

#include "bench_batch.h"

int main(void)
{
	bench_batch();
	return 0;
}
