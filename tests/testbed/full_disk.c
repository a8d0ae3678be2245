/* A disk that is full when a test wants it. Preloaded into a PostgreSQL server (LD_PRELOAD).
 *
 * While the file $FULL_DISK/NAME exists, whatever would make a file below data/NAME/ longer fails with ENOSPC: tables and
 * indexes are in `base`, the write-ahead log is in `pg_wal`. What lies inside a file already can be written, as on a real
 * disk. Works as any user, needs no mount and no quota. Built by tests/servers/disk.rs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Would bytes up to `end` make this file longer, and is its directory full? Leaves errno alone. */
static int full(int fd, off_t end) {
  const char *flags = getenv("FULL_DISK");
  char link[64], path[4096], flag[4352];
  struct stat file;
  int before = errno, is = 0;
  if (!flags || end < 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || end <= file.st_size) goto out;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) goto out;
  path[length] = 0;
  char *name = strstr(path, "/data/");
  if (!name) goto out;
  name += strlen("/data/");
  name[strcspn(name, "/")] = 0;
  snprintf(flag, sizeof flag, "%s/%.200s", flags, name);
  is = access(flag, F_OK) == 0;
out:
  errno = before;
  return is;
}

static ssize_t no_room(void) {
  errno = ENOSPC;
  return -1;
}

static off_t sum(const struct iovec *parts, int count) {
  off_t bytes = 0;
  for (int i = 0; i < count; i++) bytes += parts[i].iov_len;
  return bytes;
}

/* Where write() would write. */
static off_t here(int fd) {
  int before = errno, flags = fcntl(fd, F_GETFL);
  off_t at = lseek(fd, 0, SEEK_CUR);
  struct stat file;
  if (flags >= 0 && (flags & O_APPEND) && fstat(fd, &file) == 0) at = file.st_size;
  errno = before;
  return at;
}

ssize_t write(int fd, const void *data, size_t count) {
  off_t at = here(fd);
  if (at >= 0 && count > 0 && full(fd, at + (off_t)count)) return no_room();
  return syscall(SYS_write, fd, data, count);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t at) {
  if (count > 0 && full(fd, at + (off_t)count)) return no_room();
  return syscall(SYS_pwrite64, fd, data, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  if (full(fd, at + sum(parts, count))) return no_room();
  /* the kernel wants the offset in two halves; on 64 bits all of it is in the first */
  return syscall(SYS_pwritev, fd, parts, count, at, 0);
}

int fallocate(int fd, int mode, off_t at, off_t count) {
  if (!(mode & FALLOC_FL_KEEP_SIZE) && full(fd, at + count)) return (int)no_room();
  return (int)syscall(SYS_fallocate, fd, mode, at, count);
}

int posix_fallocate(int fd, off_t at, off_t count) {
  int before = errno, failed = fallocate(fd, 0, at, count) == 0 ? 0 : errno;
  errno = before; /* the error is what it returns */
  return failed;
}

/* glibc's names for the same on files of 64 bits, which off_t has here */
ssize_t pwrite64(int, const void *, size_t, off_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off_t) __attribute__((alias("pwritev")));
int fallocate64(int, int, off_t, off_t) __attribute__((alias("fallocate")));
int posix_fallocate64(int, off_t, off_t) __attribute__((alias("posix_fallocate")));
