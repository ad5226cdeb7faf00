/*
 * Preloaded into a process, it moves the clock as setting it does: the time of day jumps, spans of
 * time do not, and files get the time that the clock showed when they were changed. The jumps are
 * in the file that CLOCK_JUMPS names, which may grow while the process runs: how many there are,
 * then for each the real second from which on it counts and the seconds to add, all 64 bits.
 *
 * It is compiled without any header and calls the kernel through libc's syscall().
 */
typedef long i64;

struct timespec { i64 sec; i64 nsec; };
struct timestamp { i64 sec; unsigned nsec; int pad; };
struct jump { i64 from; i64 add; };
struct jumps { i64 count; struct jump jump[64]; };

/* The kernel's, up to the times. */
struct statx {
  unsigned mask, blksize;
  unsigned long attributes;
  unsigned nlink, uid, gid;
  unsigned short mode, spare0;
  unsigned long ino, size, blocks, attributes_mask;
  struct timestamp atime, btime, ctime, mtime;
};

extern long syscall(long number, ...);
extern char *getenv(const char *name);

#if defined(__x86_64__)
enum { OPENAT = 257, MMAP = 9, CLOCK_GETTIME = 228, STATX = 332 };
#elif defined(__aarch64__)
enum { OPENAT = 56, MMAP = 222, CLOCK_GETTIME = 113, STATX = 291 };
#endif
enum { REALTIME = 0, REALTIME_COARSE = 5, HERE = -100, READ = 1, SHARED = 1 };

static volatile struct jumps *jumps;

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("CLOCK_JUMPS");
  long fd = file ? syscall(OPENAT, HERE, file, 0, 0) : -1;
  long at = fd < 0 ? -1 : syscall(MMAP, 0L, sizeof(struct jumps), READ, SHARED, fd, 0L);
  jumps = at == -1 ? 0 : (struct jumps *) at;
}

/* What the clock was ahead at a real second. */
static i64 ahead(i64 real) {
  i64 add = 0;
  for (i64 i = 0; jumps && i < jumps->count; i++) {
    if (real >= jumps->jump[i].from) add = jumps->jump[i].add;
  }
  return add;
}

int clock_gettime(int clock, struct timespec *time) {
  long result = syscall(CLOCK_GETTIME, clock, time);
  if (result == 0 && (clock == REALTIME || clock == REALTIME_COARSE)) time->sec += ahead(time->sec);
  return (int) result;
}

int gettimeofday(struct timespec *time, void *zone) {
  struct timespec now;
  (void) zone;
  clock_gettime(REALTIME, &now);
  if (time) { time->sec = now.sec; time->nsec = now.nsec / 1000; }
  return 0;
}

i64 time(i64 *into) {
  struct timespec now;
  clock_gettime(REALTIME, &now);
  if (into) *into = now.sec;
  return now.sec;
}

int statx(int directory, const char *path, int flags, unsigned mask, struct statx *found) {
  long result = syscall(STATX, directory, path, flags, mask, found);
  if (result == 0) {
    found->ctime.sec += ahead(found->ctime.sec);
    found->mtime.sec += ahead(found->mtime.sec);
  }
  return (int) result;
}
