/*
 * What the SQL backends share: the questions of core/store.h (sql_*.c) as
 * statements that are cursors: bind in order, step, read columns in order. A
 * cursor keeps its first error; everything after it does nothing, and stmt_end
 * tells it.
 *
 * A backend is a table of functions (struct sql_driver), the texts of the
 * statements in its dialect, and a schema; sqlite.c is the plainest.
 *
 * The counters in the one row of state are read when a transaction begins, kept
 * in memory and written by its commit: each revision, id and event number would
 * cost a round trip else, and in PostgreSQL a row that is rewritten many times
 * in one transaction gets slower each time. For the same reason the members of
 * a topic are counted here, where a dialect's statements tell the difference.
 */
#ifndef C2_STORE_SQL_DB_H
#define C2_STORE_SQL_DB_H

#include "c2/core/store.h"
#include "c2/store/sql_absent.h"
#include "c2/store/sql_counts.h"
#include "c2/store/sql_id.h"
#include "c2/store/sql_places.h"

/*
 * A statement that is posted: what is to be done when its result comes. A first
 * column of its row is a difference of the topic's live members.
 */
struct sql_post {
	int64_t topic_id;
	int64_t part;     /* of the transaction, at the time of posting */
	bool must_change; /* a row; we know that it is there */
};

enum sql_part { PART_BEGIN, PART_UNDO, PART_END };

enum stmt_rc {
	STMT_OK, /* nothing is wrong so far */
	STMT_ROW,
	STMT_DONE,
	STMT_REFUSED, /* this row cannot be; the transaction is as it was */
	STMT_FAILED,  /* a write that failed cannot be committed */
};

struct stmt {
	struct db *db;
	void *st; /* the driver's */
	enum sql_id id;
	enum stmt_rc rc;
	int bound;  /* parameters bound so far */
	int column; /* column that is read next */
	bool write;
};

/*
 * A cursor is passed to prepare in STMT_OK, to bind and post in STMT_OK, to
 * step in STMT_OK or STMT_ROW, to column in STMT_ROW; one is open at a time.
 * What goes wrong is told by stmt_fail.
 */
struct sql_driver {
	bool shared; /* others write to the same database */
	void (*prepare)(struct stmt *s);
	/* The parameter that is counted by s->bound. Bytes live until end. */
	void (*bind_int)(struct stmt *s, int64_t v);
	void (*bind_text)(struct stmt *s, const char *text);
	void (*bind_blob)(struct stmt *s, const void *bytes, size_t len);
	void (*bind_null)(struct stmt *s);
	/* Sets rc to STMT_ROW or STMT_DONE. */
	void (*step)(struct stmt *s);
	/* Column i; null is 0, or null bytes with len 0. */
	int64_t (*column_int)(struct stmt *s, int i);
	const void *(*column_bytes)(struct stmt *s, int i, size_t *len);
	/* Did the statement that is done change a row, or find one as it should be? */
	bool (*changed)(struct stmt *s);
	/* Give the statement back, whatever it came to. */
	void (*end)(struct stmt *s);
	/*
	 * Send a statement and do not wait; when its result comes, it is passed
	 * to sql_posted as a cursor that was stepped once. Null: it is stepped
	 * and passed on at once.
	 */
	void (*post)(struct stmt *s, const struct sql_post *post);
	/* Mark those of n rows of which name or e4id is there. Null: not worth it. */
	bool (*absent)(struct db *db, struct sql_absent_one *rows, size_t n, struct err *err);
	/* All of clients_state at once. Null: row by row. */
	bool (*states)(struct db *db, const struct store_client *rows, size_t n, struct err *err);
	/*
	 * Ask a question ahead, then have all answers; each is given to the next read of
	 * the same statement and parameters. A null cursor: forget them. Null: not worth it.
	 */
	void (*ahead)(struct db *db, struct stmt *s);
	/* Have the result of everything posted. Null: there is nothing to wait for. */
	void (*settle)(struct db *db);

	/*
	 * Before the first row of a backup that a transaction takes in, and after
	 * the last: for what is better counted once than row by row. Null: nothing.
	 */
	bool (*load)(struct db *db, bool begins, struct err *err);

	bool (*begin)(struct db *db, struct err *err);
	/* A transaction that only reads, all of it from one moment. */
	bool (*snapshot)(struct db *db, struct err *err);
	bool (*commit)(struct db *db, struct err *err);
	void (*rollback)(struct db *db);
	/* A part of a transaction: begin, undo, and end after either. */
	bool (*part)(struct db *db, enum sql_part what, struct err *err);
	/* Is a transaction open? It may have ended by a failure. */
	bool (*in_transaction)(struct db *db);
	bool (*check)(struct db *db, struct err *err);
	void (*close)(struct db *db);
};

/* The counters, in the order of the statements' columns. */
struct sql_state {
	int64_t revision;
	int64_t last_client, last_topic, last_event;
	int64_t n_clients, n_topics;
	int64_t last_record;
};

/*
 * Rows that were seen in this transaction, which nobody else can remove then: a
 * write that refers to them cannot be refused, so its result need not be waited
 * for. Forgetting costs a round trip and nothing else.
 */
#define SQL_KNOWN 1024
struct sql_known {
	int64_t since; /* known_since at that time */
	int64_t id;
	bool removed; /* the flag of a topic */
};

struct db {
	const struct sql_driver *driver;
	struct places clients, topics; /* for pages of the two long lists */
	struct places topic_clients;   /* and of the topic that was asked last */
	int64_t places_rev;            /* revision up to which they follow the changes of all */
	bool in_row;                   /* a row callback runs */
	bool failed;       /* a write of this transaction failed: it cannot be committed */
	bool keys_dropped; /* this transaction removed keys */
	bool loading;      /* it takes in a backup */

	/* Of the open transaction; of the part before the one that is open. */
	struct sql_state state, state_before;
	bool state_known; /* else its row is still on the way */
	bool state_changed, state_changed_before;
	bool members_posted; /* some of these differences are on the way */
	struct sql_counts members, members_in_part;
	int64_t part; /* number of the open part, 0: none is */
	int64_t n_parts;
	struct sql_known known_clients[SQL_KNOWN], known_topics[SQL_KNOWN];
	struct sql_absent absent;
	int64_t known_since; /* counts transactions and what makes known rows doubtful */
	struct err why;      /* of the cursor that failed last */
};

/* May tables of that version be used as they are? */
bool db_version_fits(int64_t have, int want, struct err *err);

void db_init(struct db *db, const struct sql_driver *driver);
void db_free(struct db *db);

/* The interface over any driver; ctx is a struct db. */
extern const struct store_ops sql_ops;

#define DB_GIVEN_UP "the transaction was given up after an earlier failure: try again"

/* A read, or a write, which needs a transaction. */
struct stmt stmt_read(struct db *db, enum sql_id id);
struct stmt stmt_write(struct db *db, enum sql_id id);

void put_int(struct stmt *s, int64_t v);
void put_text(struct stmt *s, const char *text);
/* The bytes must live until stmt_end. */
void put_blob(struct stmt *s, const void *bytes, size_t len);
/* Null if all bytes are zero. */
void put_blob_or_null(struct stmt *s, const void *bytes, size_t len);
void put_sealed(struct stmt *s, const struct sealed *key);
void put_page(struct stmt *s, struct store_page page);
void put_limit(struct stmt *s, int limit);

/* Step; true while there is a row. */
bool stmt_row(struct stmt *s);

int64_t get_int(struct stmt *s);
bool get_bool(struct stmt *s);
/* A text that does not fit, or a blob of another length, is damage. Null is empty or zero. */
void get_text(struct stmt *s, char *out, size_t cap);
void get_blob(struct stmt *s, uint8_t *out, size_t len);
/* At most cap bytes. */
size_t get_bytes(struct stmt *s, uint8_t *out, size_t cap);
void get_sealed(struct stmt *s, struct sealed *key);

/* The first failure of s: STMT_REFUSED or STMT_FAILED, and why. */
void stmt_fail(struct stmt *s, enum stmt_rc rc, enum err_code code, const char *text);
void stmt_damaged(struct stmt *s);

void get_state(struct stmt *s, struct sql_state *out);

/* True while nothing failed. */
bool stmt_ok(const struct stmt *s);

/*
 * Call a row callback, as in DB_GIVE(db, fn(arg, &row)), during which the store may not be
 * called; false if it wants no more. STMT_GIVE calls it only if no column was damaged.
 */
#define DB_GIVE(db, call) (((db)->in_row = true) && db_given((db), (call)))
#define STMT_GIVE(s, call) (stmt_ok(s) && DB_GIVE((s)->db, call))
static inline bool db_given(struct db *db, bool more)
{
	db->in_row = false;
	return more;
}

/* Give the statement back; false if anything failed. */
bool stmt_end(struct stmt *s, struct err *err);

/* For a write without result: step and end. */
bool stmt_run(struct stmt *s, struct err *err);
/* As stmt_run; *changed: a row was changed. */
bool stmt_run_changed(struct stmt *s, bool *changed, struct err *err);
/* For an insert; ERR_EXISTS: it would be the second of its name. sure: it is not. */
bool stmt_insert(struct stmt *s, bool sure, struct err *err);
/*
 * A write that must change a row or else is ERR_NOT_FOUND; known: the row is
 * there. Then its other failures may be those of a later read or of the commit.
 * topic_id: the topic of which its result tells the difference of members, or 0.
 */
bool stmt_put(struct stmt *s, bool known, int64_t topic_id, struct err *err);
/* The same for a write that may find nothing to do. */
bool stmt_post(struct stmt *s, int64_t topic_id, struct err *err);
/* For one integer in one row; null is 0. */
bool stmt_int(struct stmt *s, int64_t *out, struct err *err);
/* For names, one column a row. */
bool stmt_names(struct stmt *s, store_name_fn *fn, void *arg, struct err *err);

/* Called by drivers: the result of what was posted. */
void sql_posted(struct stmt *s, const struct sql_post *post);

bool client_known(struct db *db, int64_t id);
void client_seen(struct db *db, int64_t id);
void client_forget(struct db *db, int64_t id);
const struct sql_known *topic_known(struct db *db, int64_t id);
void topic_seen(struct db *db, int64_t id, bool removed);
void topic_forget(struct db *db, int64_t id);

/* Forget the places of names if somebody else made a change; rev is the newest revision. */
void places_follow(struct db *db, int64_t rev);

/* The counters as this transaction has them, or else as they are in the database. */
bool state_get(struct db *db, struct sql_state *out, struct err *err);
/* For a write of them; null with err: there is no transaction, or it failed. */
struct sql_state *state_change(struct db *db, struct err *err);

/* A page of names by way of the places of its list. */
bool places_page(struct db *db, struct places *p, struct store_page page, store_name_fn *fn,
		 void *arg, struct err *err);

/* Rows as the interface has them. */
void get_client(struct stmt *s, struct store_client *row);
bool stmt_clients(struct stmt *s, store_client_fn *fn, void *arg, struct err *err);

/* The functions of the interface, by file. */

/* sql_change.c */
bool sql_begin(void *ctx, struct err *err);
bool sql_commit(void *ctx, struct err *err);
void sql_rollback(void *ctx);
bool sql_part_begin(void *ctx, struct err *err);
bool sql_part_end(void *ctx, bool keep, struct err *err);
bool sql_snapshot(void *ctx, struct err *err);

/* sql_rows.c */
bool sql_rows(void *ctx, enum store_table table, store_row_fn *fn, void *arg, struct err *err);
bool sql_row_put(void *ctx, enum store_table table, const struct store_value *values,
		 struct err *err);

/* sql_ahead.c */
void sql_ahead(void *ctx, const struct store_question *list, size_t n);

/* sql_state.c */
bool sql_revision(void *ctx, int64_t *rev, struct err *err);
bool sql_revision_next(void *ctx, int64_t *rev, struct err *err);
bool sql_meta_get(void *ctx, const char *name, uint8_t *out, size_t cap, size_t *len, bool *found,
		  struct err *err);
bool sql_meta_put(void *ctx, const char *name, const uint8_t *value, size_t len, struct err *err);
bool sql_event_append(void *ctx, struct store_event *row, struct err *err);
bool sql_events_after(void *ctx, int64_t seq, int limit, store_event_fn *fn, void *arg,
		      struct err *err);
bool sql_events_last(void *ctx, int64_t *seq, struct err *err);
bool sql_events_prune(void *ctx, int64_t keep, struct err *err);

/* sql_records.c */
bool sql_record_get(void *ctx, int32_t kind, int64_t id, store_record_fn *fn, void *arg,
		    bool *found, struct err *err);
bool sql_record_put(void *ctx, struct store_record *row, struct err *err);
bool sql_record_remove(void *ctx, int32_t kind, int64_t id, int64_t version, struct err *err);
bool sql_records(void *ctx, int32_t kind, int64_t owner, int64_t after_id, int limit,
		 bool newest_first, store_record_fn *fn, void *arg, struct err *err);
bool sql_records_trim(void *ctx, int32_t kind, int64_t owner, int64_t keep, int max,
		      struct err *err);

/* sql_clients.c */
bool sql_client_by_name(void *ctx, const char *name, struct store_client *row, bool *found,
			struct err *err);
bool sql_client_by_e4id(void *ctx, const uint8_t e4id[16], struct store_client *row, bool *found,
			struct err *err);
bool sql_client_by_id(void *ctx, int64_t id, struct store_client *row, bool *found,
		      struct err *err);
bool sql_client_put(void *ctx, struct store_client *row, struct err *err);
bool sql_clients_ahead(void *ctx, const struct store_client *rows, size_t n, struct err *err);
bool sql_clients_state(void *ctx, const struct store_client *rows, size_t n, struct err *err);
bool sql_client_remove(void *ctx, int64_t id, struct err *err);
bool sql_clients(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err);
bool sql_clients_count(void *ctx, int64_t *n, struct err *err);
bool sql_clients_due(void *ctx, int64_t now, int limit, store_client_fn *fn, void *arg,
		     struct err *err);
bool sql_clients_next_at(void *ctx, int64_t *at, struct err *err);
bool sql_clients_after(void *ctx, int64_t after_id, int limit, store_client_fn *fn, void *arg,
		       struct err *err);
bool sql_clients_min_c2_rev(void *ctx, int64_t *rev, struct err *err);
bool sql_clients_c2_from(void *ctx, int64_t rev, int64_t *n, struct err *err);

/* sql_tags.c */
bool sql_clients_from(void *ctx, const char *tag, const char *from, int limit, store_client_fn *fn,
		      void *arg, struct err *err);
bool sql_client_tags(void *ctx, int64_t client_id, store_name_fn *fn, void *arg, struct err *err);
bool sql_client_tag_put(void *ctx, int64_t client_id, const char *tag, struct err *err);
bool sql_client_tag_remove(void *ctx, int64_t client_id, const char *tag, struct err *err);

/* sql_keys.c */
bool sql_old_key_put(void *ctx, const struct store_old_key *row, struct err *err);
bool sql_old_keys(void *ctx, int64_t client_id, store_old_key_fn *fn, void *arg, struct err *err);
bool sql_old_keys_drop(void *ctx, int64_t client_id, int64_t before, struct err *err);
bool sql_c2_key_put(void *ctx, const struct store_c2_key *row, struct err *err);
bool sql_c2_keys(void *ctx, store_c2_key_fn *fn, void *arg, struct err *err);
bool sql_c2_keys_drop(void *ctx, int64_t before, struct err *err);

/* sql_topics.c */
bool sql_topic_by_name(void *ctx, const char *name, struct store_topic *row, bool *found,
		       struct err *err);
bool sql_topic_by_id(void *ctx, int64_t id, struct store_topic *row, bool *found, struct err *err);
bool sql_topic_put(void *ctx, struct store_topic *row, struct err *err);
bool sql_topic_remove(void *ctx, int64_t id, struct err *err);
bool sql_topics(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err);
bool sql_topics_from(void *ctx, const char *from, int limit, store_topic_fn *fn, void *arg,
		     struct err *err);
bool sql_topics_count(void *ctx, int64_t *n, struct err *err);
bool sql_topics_after(void *ctx, int64_t after_id, int limit, store_topic_fn *fn, void *arg,
		      struct err *err);
bool sql_topics_to_walk(void *ctx, int limit, store_topic_fn *fn, void *arg, struct err *err);
bool sql_topic_progress(void *ctx, int64_t topic_id, int64_t *after, int limit,
			struct store_progress *sum, struct err *err);
bool sql_member(void *ctx, int64_t client_id, int64_t topic_id, struct store_member *row,
		bool *found, struct err *err);
bool sql_member_put(void *ctx, const struct store_member *row, struct err *err);
bool sql_member_remove(void *ctx, int64_t client_id, int64_t topic_id, struct err *err);
bool sql_client_members(void *ctx, int64_t client_id, store_member_topic_fn *fn, void *arg,
			struct err *err);
bool sql_clients_members(void *ctx, const struct store_newer *of, size_t n,
			 store_member_topic_fn *fn, void *arg, struct err *err);
bool sql_topic_members(void *ctx, int64_t topic_id, int64_t after_id, int limit,
		       store_client_fn *fn, void *arg, struct err *err);
bool sql_client_topics(void *ctx, int64_t client_id, struct store_page page, store_name_fn *fn,
		       void *arg, struct err *err);
bool sql_client_topics_count(void *ctx, int64_t client_id, int64_t *n, struct err *err);
bool sql_topic_clients(void *ctx, int64_t topic_id, struct store_page page, store_name_fn *fn,
		       void *arg, struct err *err);

/* sql_peers.c */
bool sql_link_put(void *ctx, int64_t target_id, int64_t source_id, struct err *err);
bool sql_link_remove(void *ctx, int64_t target_id, int64_t source_id, struct err *err);
bool sql_links(void *ctx, int64_t target_id, struct store_page page, store_name_fn *fn, void *arg,
	       struct err *err);
bool sql_links_count(void *ctx, int64_t target_id, int64_t *n, struct err *err);
bool sql_link_clients(void *ctx, int64_t target_id, int64_t after_id, int limit,
		      store_client_fn *fn, void *arg, struct err *err);
bool sql_peer_put(void *ctx, const struct store_peer *row, struct err *err);
bool sql_peer_remove(void *ctx, int64_t target_id, const uint8_t e4id[16], struct err *err);
bool sql_client_peers(void *ctx, int64_t target_id, store_peer_source_fn *fn, void *arg,
		      struct err *err);
bool sql_peer_holders(void *ctx, int64_t source_id, int64_t after_id, int limit,
		      store_client_fn *fn, void *arg, struct err *err);

#endif
