/*
 * The whole database as one file, for any backend: keys stay sealed as they
 * are, and the hash of the file is sealed, so that only who has the master key
 * can make or change one.
 *
 * magic(12) | row | row ... | 0xff | hash(32) | sealed hash(49)
 * row = table(1) | its columns (rows.c): integers of 8 bytes, little-endian;
 * texts and bytes with their length in 2 bytes, 0xffff for null; long bytes
 * with theirs in 4
 *
 * What a restore must change, since the database was not there for a while: the
 * counters go on far above all that the lost time can have used, and every
 * client counts as unconfirmed and is asked first what it holds. The answer
 * teaches us its clock; what differs is repaired as ever, by commands stamped
 * now, which is above all that it has taken.
 */
#ifndef C2_CORE_BACKUP_H
#define C2_CORE_BACKUP_H

#include <stdio.h>

#include "c2/core/store.h"

/* meta: when the database was restored, Unix seconds(8, little-endian). */
#define BACKUP_RESTORED "restored"

/* Above what any database counts in the time between two backups. */
#define BACKUP_GAP 1000000000

/* How many rows of each table. */
struct backup_counts {
	int64_t rows[STORE_TABLES];
};

/* Write a snapshot; the store must be in no transaction. */
bool backup_write(FILE *out, const struct store *store, const struct custody *custody,
		  struct backup_counts *counts, struct err *err);

/*
 * Read the whole file and remember what names the master key: as a store that
 * knows meta_get alone. ERR_INVALID: it is no backup, cut off or altered.
 */
struct backup_meta;
struct backup_meta *backup_read(FILE *in, struct backup_counts *counts, struct err *err);
struct store backup_meta_store(struct backup_meta *m);
void backup_meta_free(struct backup_meta *m);

/* ERR_CUSTODY: it was made or altered without the master key. After backup_read. */
bool backup_authentic(const struct backup_meta *m, const struct custody *custody, struct err *err);

/*
 * Fill an empty database (else ERR_PRECONDITION) in one transaction with the file that m is of;
 * ERR_INVALID: it has changed since.
 */
bool backup_restore(FILE *in, const struct backup_meta *m, const struct store *store, int64_t now,
		    struct err *err);

#endif
