#ifndef CLIENT_BENCH_BENCH_MESSAGES_H
#define CLIENT_BENCH_BENCH_MESSAGES_H

/* Print the tables of whole messages. */
void bench_messages(void);

#endif
