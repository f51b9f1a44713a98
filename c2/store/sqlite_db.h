/*
 * One database connection, and statements as cursors: bind in order, step,
 * read columns in order. A cursor keeps its first error; everything after it
 * does nothing, and stmt_end tells it.
 */
#ifndef C2_STORE_SQLITE_DB_H
#define C2_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "c2/core/store.h"
#include "c2/store/sqlite_places.h"
#include "c2/store/sqlite_sql.h"

struct db {
	sqlite3 *sql;
	struct places clients, topics; /* for pages of the two long lists */
	struct places topic_clients;   /* and of the topic that was asked last */
	sqlite3_stmt *stmts[SQL_N];    /* prepared when first used */
	char *path;                    /* null in memory */
	uint64_t inode;
	int lock_fd;         /* of PATH-lock; -1 in memory */
	bool in_row;         /* a row callback runs */
	bool failed;         /* a write of this transaction failed: it cannot be committed */
	bool write_doubtful; /* the last commit failed: check must try a real write */
	bool keys_dropped; /* this transaction removed keys, which the write-ahead log still has */
	int wal_pages;     /* length of the log after the last commit */
};

struct stmt {
	struct db *db;
	sqlite3_stmt *st;
	int rc;     /* SQLITE_OK, SQLITE_ROW, SQLITE_DONE or the first error */
	int bound;  /* parameters bound so far */
	int column; /* column that is read next */
	bool write;
};

/* Say what an SQLite result means and what to do about it; returns false. */
bool db_error(int rc, struct err *err);

/* Run SQL without parameters and rows. */
bool db_exec(struct db *db, const char *sql, struct err *err);

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
void get_sealed(struct stmt *s, struct sealed *key);

/* True while no column was damaged. */
bool stmt_ok(const struct stmt *s);

/* Give the statement back; false if anything failed. */
bool stmt_end(struct stmt *s, struct err *err);

/* For a write without result: step and end. */
bool stmt_run(struct stmt *s, struct err *err);
/* As stmt_run; *changed: a row was changed. */
bool stmt_run_changed(struct stmt *s, bool *changed, struct err *err);
/* The same for one row of which the name is returned. */
bool stmt_run_name(struct stmt *s, char *name, size_t cap, bool *changed, struct err *err);
/* For one integer in one row; null is 0. */
bool stmt_int(struct stmt *s, int64_t *out, struct err *err);
/* For names, one column a row. */
bool stmt_names(struct stmt *s, store_name_fn *fn, void *arg, struct err *err);

/* A page of names by way of the places of its list. */
bool places_page(struct db *db, struct places *p, struct store_page page, store_name_fn *fn,
		 void *arg, struct err *err);

/* Rows as the interface has them. */
void get_client(struct stmt *s, struct store_client *row);
bool stmt_clients(struct stmt *s, store_client_fn *fn, void *arg, struct err *err);

/* The functions of the interface, by file. ctx is a struct db. */

/* sqlite_state.c */
bool sq_revision(void *ctx, int64_t *rev, struct err *err);
bool sq_revision_next(void *ctx, int64_t *rev, struct err *err);
bool sq_meta_get(void *ctx, const char *name, uint8_t *out, size_t cap, size_t *len, bool *found,
		 struct err *err);
bool sq_meta_put(void *ctx, const char *name, const uint8_t *value, size_t len, struct err *err);
bool sq_event_append(void *ctx, struct store_event *row, struct err *err);
bool sq_events_after(void *ctx, int64_t seq, int limit, store_event_fn *fn, void *arg,
		     struct err *err);
bool sq_events_last(void *ctx, int64_t *seq, struct err *err);
bool sq_events_prune(void *ctx, int64_t keep, struct err *err);

/* sqlite_clients.c */
bool sq_client_by_name(void *ctx, const char *name, struct store_client *row, bool *found,
		       struct err *err);
bool sq_client_by_e4id(void *ctx, const uint8_t e4id[16], struct store_client *row, bool *found,
		       struct err *err);
bool sq_client_by_id(void *ctx, int64_t id, struct store_client *row, bool *found, struct err *err);
bool sq_client_put(void *ctx, struct store_client *row, struct err *err);
bool sq_client_remove(void *ctx, int64_t id, struct err *err);
bool sq_clients(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err);
bool sq_clients_count(void *ctx, int64_t *n, struct err *err);
bool sq_clients_due(void *ctx, int64_t now, int limit, store_client_fn *fn, void *arg,
		    struct err *err);
bool sq_clients_next_at(void *ctx, int64_t *at, struct err *err);
bool sq_clients_after(void *ctx, int64_t after_id, int limit, store_client_fn *fn, void *arg,
		      struct err *err);
bool sq_clients_min_c2_rev(void *ctx, int64_t *rev, struct err *err);

/* sqlite_tags.c */
bool sq_clients_from(void *ctx, const char *tag, const char *from, int limit, store_client_fn *fn,
		     void *arg, struct err *err);
bool sq_client_tags(void *ctx, int64_t client_id, store_name_fn *fn, void *arg, struct err *err);
bool sq_client_tag_put(void *ctx, int64_t client_id, const char *tag, struct err *err);
bool sq_client_tag_remove(void *ctx, int64_t client_id, const char *tag, struct err *err);

/* sqlite_keys.c */
bool sq_old_key_put(void *ctx, const struct store_old_key *row, struct err *err);
bool sq_old_keys(void *ctx, int64_t client_id, store_old_key_fn *fn, void *arg, struct err *err);
bool sq_old_keys_drop(void *ctx, int64_t client_id, int64_t before, struct err *err);
bool sq_c2_key_put(void *ctx, const struct store_c2_key *row, struct err *err);
bool sq_c2_keys(void *ctx, store_c2_key_fn *fn, void *arg, struct err *err);
bool sq_c2_keys_drop(void *ctx, int64_t before, struct err *err);

/* sqlite_topics.c */
bool sq_topic_by_name(void *ctx, const char *name, struct store_topic *row, bool *found,
		      struct err *err);
bool sq_topic_by_id(void *ctx, int64_t id, struct store_topic *row, bool *found, struct err *err);
bool sq_topic_put(void *ctx, struct store_topic *row, struct err *err);
bool sq_topic_remove(void *ctx, int64_t id, struct err *err);
bool sq_topics(void *ctx, struct store_page page, store_name_fn *fn, void *arg, struct err *err);
bool sq_topics_from(void *ctx, const char *from, int limit, store_topic_fn *fn, void *arg,
		    struct err *err);
bool sq_topics_count(void *ctx, int64_t *n, struct err *err);
bool sq_topics_to_walk(void *ctx, int limit, store_topic_fn *fn, void *arg, struct err *err);
bool sq_topic_progress(void *ctx, int64_t topic_id, struct store_progress *out, struct err *err);
bool sq_member(void *ctx, int64_t client_id, int64_t topic_id, struct store_member *row,
	       bool *found, struct err *err);
bool sq_member_put(void *ctx, const struct store_member *row, struct err *err);
bool sq_member_remove(void *ctx, int64_t client_id, int64_t topic_id, struct err *err);
bool sq_client_members(void *ctx, int64_t client_id, store_member_topic_fn *fn, void *arg,
		       struct err *err);
bool sq_topic_members(void *ctx, int64_t topic_id, int64_t after_id, int limit, store_client_fn *fn,
		      void *arg, struct err *err);
bool sq_client_topics(void *ctx, int64_t client_id, struct store_page page, store_name_fn *fn,
		      void *arg, struct err *err);
bool sq_client_topics_count(void *ctx, int64_t client_id, int64_t *n, struct err *err);
bool sq_topic_clients(void *ctx, int64_t topic_id, struct store_page page, store_name_fn *fn,
		      void *arg, struct err *err);

/* sqlite_peers.c */
bool sq_link_put(void *ctx, int64_t target_id, int64_t source_id, struct err *err);
bool sq_link_remove(void *ctx, int64_t target_id, int64_t source_id, struct err *err);
bool sq_links(void *ctx, int64_t target_id, struct store_page page, store_name_fn *fn, void *arg,
	      struct err *err);
bool sq_links_count(void *ctx, int64_t target_id, int64_t *n, struct err *err);
bool sq_link_clients(void *ctx, int64_t target_id, int64_t after_id, int limit, store_client_fn *fn,
		     void *arg, struct err *err);
bool sq_peer_put(void *ctx, const struct store_peer *row, struct err *err);
bool sq_peer_remove(void *ctx, int64_t target_id, const uint8_t e4id[16], struct err *err);
bool sq_client_peers(void *ctx, int64_t target_id, store_peer_source_fn *fn, void *arg,
		     struct err *err);
bool sq_peer_holders(void *ctx, int64_t source_id, int64_t after_id, int limit, store_client_fn *fn,
		     void *arg, struct err *err);

#endif
