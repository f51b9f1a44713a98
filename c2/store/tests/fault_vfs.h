/* For tests: SQLite's file layer with faults at the nth operation. */
#ifndef C2_STORE_TESTS_FAULT_VFS_H
#define C2_STORE_TESTS_FAULT_VFS_H

#include <stdbool.h>

enum fault_op { FAULT_NONE, FAULT_READ, FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE };

struct fault {
	enum fault_op op;
	int countdown; /* the nth such operation fails; 1 is the next */
	int rc;        /* with this SQLite result */
	bool lasting;  /* and every one after it */
	bool half;     /* a write that fails has written half of its bytes */
	int hits;
};

extern struct fault fault;

/* Make the faulty layer the default one of this process. */
void fault_vfs_install(void);

#endif
