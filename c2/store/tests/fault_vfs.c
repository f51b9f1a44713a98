#include "c2/store/tests/fault_vfs.h"

#include <sqlite3.h>
#include <string.h>

struct fault fault;

struct file {
	sqlite3_file base;
	sqlite3_file *real; /* in the same memory, behind this */
};

static sqlite3_vfs vfs, *real_vfs;

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

static bool hit(enum fault_op op)
{
	if (fault.op != op)
		return false;
	if (fault.countdown > 0)
		fault.countdown--;
	else if (!fault.lasting)
		return false;
	if (fault.countdown > 0)
		return false;
	fault.hits++;
	return fault.lasting || fault.hits == 1;
}

static int f_close(sqlite3_file *f)
{
	return real(f)->pMethods->xClose(real(f));
}

static int f_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at)
{
	return hit(FAULT_READ) ? fault.rc : real(f)->pMethods->xRead(real(f), out, len, at);
}

static int f_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
	if (!hit(FAULT_WRITE))
		return real(f)->pMethods->xWrite(real(f), bytes, len, at);
	if (fault.half)
		real(f)->pMethods->xWrite(real(f), bytes, len / 2, at);
	return fault.rc;
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 len)
{
	return hit(FAULT_TRUNCATE) ? fault.rc : real(f)->pMethods->xTruncate(real(f), len);
}

/* Nothing is really synced: no test takes the power away, and it would be most of their time. */
static int f_sync(sqlite3_file *f, int flags)
{
	(void)f;
	(void)flags;
	return hit(FAULT_SYNC) ? fault.rc : SQLITE_OK;
}

static int f_size(sqlite3_file *f, sqlite3_int64 *len)
{
	return real(f)->pMethods->xFileSize(real(f), len);
}

static int f_lock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int f_unlock(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int f_reserved(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int f_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int f_device(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}

static int f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int f_shm_unmap(sqlite3_file *f, int remove)
{
	return real(f)->pMethods->xShmUnmap(real(f), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xShmMap = f_shm_map,
	.xShmLock = f_shm_lock,
	.xShmBarrier = f_shm_barrier,
	.xShmUnmap = f_shm_unmap,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_size,
	.xLock = f_lock,
	.xUnlock = f_unlock,
	.xCheckReservedLock = f_reserved,
	.xFileControl = f_control,
	.xSectorSize = f_sector,
	.xDeviceCharacteristics = f_device,
};

static int v_open(sqlite3_vfs *v, sqlite3_filename name, sqlite3_file *f, int flags, int *out_flags)
{
	struct file *file = (struct file *)f;
	(void)v;
	file->real = (sqlite3_file *)(file + 1);
	int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
	file->base.pMethods = rc == SQLITE_OK ? &methods : 0;
	return rc;
}

void fault_vfs_install(void)
{
	real_vfs = sqlite3_vfs_find(0);
	vfs = *real_vfs; /* all but opening is the real one's */
	vfs.zName = "fault";
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.xOpen = v_open;
	vfs.pNext = 0;
	sqlite3_vfs_register(&vfs, 1);
}
