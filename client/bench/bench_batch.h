#ifndef CLIENT_BENCH_BENCH_BATCH_H
#define CLIENT_BENCH_BENCH_BATCH_H

/* Print the tables of batches, and of one message beside them. */
void bench_batch(void);

#endif
