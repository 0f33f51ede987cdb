/* Interposed (LD_PRELOAD) between a program and libc: counts the calls that change files below a
   folder, and at a chosen one ends the process or fails for want of space. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { COUNT, BEFORE, AFTER, HALF, FULL, ONCE };
enum { MOST = 1 << 16 };

static char folder[PATH_MAX];
static size_t length;
static int way;
static long point, count;
static char kinds[MOST + 1];

/* Watch a folder (absolute, without links); from then on calls count from 1. */
void crash_arm(const char *below, int how, long at)
{
    snprintf(folder, sizeof folder, "%s", below);
    memset(kinds, 0, sizeof kinds);
    way = how;
    point = at;
    count = 0;
    length = strlen(folder);
}

void crash_disarm(void) { length = 0; }

/* One letter for each call so far. */
const char *crash_kinds(void) { return kinds; }

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;)
        pause();
}

static int below(const char *path)
{
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static int of_descriptor(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return 1;
}

static int watched_at(int dir, const char *path)
{
    char whole[2 * PATH_MAX], base[PATH_MAX];
    if (!length || !path)
        return 0;
    if (path[0] == '/')
        return below(path);
    if (dir == AT_FDCWD ? !getcwd(base, sizeof base) : !of_descriptor(dir, base))
        return 0;
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return below(whole);
}

static int watched(int fd)
{
    char path[PATH_MAX];
    return length && of_descriptor(fd, path) && below(path);
}

/* Count a call; returns whether it fails for want of space. */
static int before(int seen, char kind, int takes_space)
{
    if (!seen)
        return 0;
    if (count < MOST)
        kinds[count] = kind;
    count++;
    if (way == BEFORE && count == point)
        die();
    return takes_space && ((way == FULL && count >= point) || (way == ONCE && count == point));
}

static void after(int seen)
{
    if (seen && (way == AFTER || way == HALF) && count == point)
        die();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define POINT(result, seen, kind, takes_space, call) \
    int saw = (seen);                                \
    if (before(saw, kind, takes_space)) {            \
        errno = ENOSPC;                              \
        return -1;                                   \
    }                                                \
    result done = (call);                            \
    int error = errno;                               \
    after(saw);                                      \
    errno = error;                                   \
    return done

#define MODE(flags)                                       \
    mode_t mode = 0;                                      \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                \
        va_list more;                                     \
        va_start(more, flags);                            \
        mode = va_arg(more, mode_t);                      \
        va_end(more);                                     \
    }
#define CHANGES(flags) ((flags) & (O_CREAT | O_TRUNC))

int open(const char *path, int flags, ...)
{
    MODE(flags)
    POINT(int, CHANGES(flags) && watched_at(AT_FDCWD, path), 'o', 1, REAL(open)(path, flags, mode));
}

int open64(const char *path, int flags, ...)
{
    MODE(flags)
    POINT(int, CHANGES(flags) && watched_at(AT_FDCWD, path), 'o', 1,
          REAL(open64)(path, flags, mode));
}

int openat(int dir, const char *path, int flags, ...)
{
    MODE(flags)
    POINT(int, CHANGES(flags) && watched_at(dir, path), 'o', 1,
          REAL(openat)(dir, path, flags, mode));
}

int openat64(int dir, const char *path, int flags, ...)
{
    MODE(flags)
    POINT(int, CHANGES(flags) && watched_at(dir, path), 'o', 1,
          REAL(openat64)(dir, path, flags, mode));
}

#define HALVED(size) (way == HALF && saw && count == point ? (size) / 2 : (size))

ssize_t write(int fd, const void *bytes, size_t size)
{
    POINT(ssize_t, watched(fd), 'w', 1, REAL(write)(fd, bytes, HALVED(size)));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    POINT(ssize_t, watched(fd), 'w', 1, REAL(pwrite)(fd, bytes, HALVED(size), at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    POINT(ssize_t, watched(fd), 'w', 1, REAL(pwrite64)(fd, bytes, HALVED(size), at));
}

/* What was written outlives the process anyway: nothing is synced, which saves minutes. */
int fsync(int fd) { POINT(int, watched(fd), 's', 1, saw ? 0 : REAL(fsync)(fd)); }

int fdatasync(int fd) { POINT(int, watched(fd), 's', 1, saw ? 0 : REAL(fdatasync)(fd)); }

int ftruncate(int fd, off_t size) { POINT(int, watched(fd), 't', 1, REAL(ftruncate)(fd, size)); }

int ftruncate64(int fd, off64_t size)
{
    POINT(int, watched(fd), 't', 1, REAL(ftruncate64)(fd, size));
}

int rename(const char *from, const char *to)
{
    POINT(int, watched_at(AT_FDCWD, from), 'r', 1, REAL(rename)(from, to));
}

int renameat(int one, const char *from, int other, const char *to)
{
    POINT(int, watched_at(one, from), 'r', 1, REAL(renameat)(one, from, other, to));
}

int renameat2(int one, const char *from, int other, const char *to, unsigned flags)
{
    POINT(int, watched_at(one, from), 'r', 1, REAL(renameat2)(one, from, other, to, flags));
}

int link(const char *from, const char *to)
{
    POINT(int, watched_at(AT_FDCWD, to), 'l', 1, REAL(link)(from, to));
}

int linkat(int one, const char *from, int other, const char *to, int flags)
{
    POINT(int, watched_at(other, to), 'l', 1, REAL(linkat)(one, from, other, to, flags));
}

int symlink(const char *from, const char *to)
{
    POINT(int, watched_at(AT_FDCWD, to), 'l', 1, REAL(symlink)(from, to));
}

int mkdir(const char *path, mode_t mode)
{
    POINT(int, watched_at(AT_FDCWD, path), 'd', 1, REAL(mkdir)(path, mode));
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    POINT(int, watched_at(dir, path), 'd', 1, REAL(mkdirat)(dir, path, mode));
}

int unlink(const char *path) { POINT(int, watched_at(AT_FDCWD, path), 'u', 0, REAL(unlink)(path)); }

int unlinkat(int dir, const char *path, int flags)
{
    POINT(int, watched_at(dir, path), 'u', 0, REAL(unlinkat)(dir, path, flags));
}

int rmdir(const char *path) { POINT(int, watched_at(AT_FDCWD, path), 'u', 0, REAL(rmdir)(path)); }

int utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    POINT(int, watched_at(dir, path), 'm', 0, REAL(utimensat)(dir, path, times, flags));
}
