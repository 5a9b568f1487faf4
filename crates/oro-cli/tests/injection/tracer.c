/* Runs a program and makes one of its system calls fail, or kills it at one: the injector of
 * `injection.rs`, built by it with `cc`.
 *
 *   tracer TABLE OUT ERR survey         PROGRAM ARGUMENT...
 *   tracer TABLE OUT ERR fail SITE ERRNO PROGRAM ARGUMENT...
 *   tracer TABLE OUT ERR kill SITE 0     PROGRAM ARGUMENT...
 *
 * The program's output goes to the files OUT and ERR, its input is empty. Its children are not
 * followed. What happens is told on standard output, a line each:
 *
 *   site SITE NUMBER DETAIL AT...
 *                            survey: a place that makes system call NUMBER with DETAIL as its second argument,
 *                            when it first does so
 *   at PID                   the call has been reached; before a kill, a line on standard input is awaited
 *   hang NUMBER AT...        it had not ended in time; the call that it was in
 *   exit CODE, signal NUMBER how it ended
 *   left NAME                a process that it has left behind, and that was killed
 *
 * A site is a system call with the three innermost calls by the project's own functions that have led to
 * it, whose addresses are AT. TABLE says how the program's stack is read, as the compiler has noted it,
 * a line for each function and each change of a frame, each kind in ascending order of addresses:
 *
 *   f ADDRESS OWN            a function; OWN is 1 if it is the project's
 *   r ADDRESS BASE SIZE RBP  from here on the frame ends SIZE bytes above rsp (BASE is s) or rbp (b), and
 *                            rbp is saved RBP bytes below that end, 0: it is not
 *   l PATH                   the rows that follow are those of the C library, which is this file
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <linux/ptrace.h> /* after that of libc, whose names it would spoil */
#include <time.h>
#include <unistd.h>

/* After these seconds a program hangs, and what it has left behind stays. Milliseconds are usual. */
enum { PATIENCE = 20, ORPHANS_PATIENCE = 10 };
enum { DEPTH = 3, MOST_FRAMES = 64, MOST_SITES = 4096 };

struct function {
    uint64_t start;
    int is_own;
};
static struct function functions[1 << 18];
static size_t function_count;

struct row {
    uint64_t start;
    char register_;
    int64_t size, rbp;
};

/* The program, and the C library: where each was loaded, and its rows. */
static struct object {
    char path[4096];
    uint64_t base;
    struct row *rows;
    size_t count, room;
} program, library;

struct place {
    uint64_t site, at[DEPTH];
    int depth;
};

static void fail(const char *what) {
    perror(what);
    exit(125);
}

static void read_table(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    char line[160];
    struct object *object = &program;
    while (fgets(line, sizeof line, file)) {
        struct function function;
        struct row row;
        if (sscanf(line, "f %" SCNx64 " %d", &function.start, &function.is_own) == 2) {
            if (function_count == sizeof functions / sizeof *functions) fail("too many functions");
            functions[function_count++] = function;
        } else if (sscanf(line, "r %" SCNx64 " %c %" SCNd64 " %" SCNd64, &row.start, &row.register_, &row.size,
                          &row.rbp) == 4) {
            if (object->count == object->room) {
                object->room = object->room ? 2 * object->room : 4096;
                object->rows = realloc(object->rows, object->room * sizeof row);
                if (!object->rows) fail("realloc");
            }
            object->rows[object->count++] = row;
        } else if (sscanf(line, "l %150s", library.path) == 1) {
            object = &library;
        } else {
            fail(line);
        }
    }
    fclose(file);
    if (function_count < 2 || !program.count || !library.count) fail("too small a table");
}

/* The last of `count` structures of `size` bytes, each with an address at its start, that begins at an
 * offset or before it; null if none does. */
static const void *find(const void *table, size_t count, size_t size, uint64_t offset) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        uint64_t start;
        memcpy(&start, (const char *)table + middle * size, sizeof start);
        if (start <= offset) low = middle + 1;
        else high = middle;
    }
    return low ? (const char *)table + (low - 1) * size : NULL;
}

static size_t read_memory(pid_t pid, uint64_t address, void *to, size_t size) {
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};
    ssize_t count = process_vm_readv(pid, &here, 1, &there, 1, 0);
    return count < 0 ? 0 : (size_t)count;
}

/* Where Linux has put an object, by what is mapped first of its file. */
static void locate(pid_t pid, struct object *object) {
    char path[64], line[512], *name;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    object->base = 0;
    while (!object->base && fgets(line, sizeof line, file)) {
        name = strchr(line, '/');
        if (name && !strncmp(name, object->path, strlen(object->path)) && sscanf(line, "%" SCNx64, &object->base) != 1)
            fail(line);
    }
    fclose(file);
}

/* The row of the frame that an address belongs to; null: it is in neither object. */
static const struct row *find_row(const struct object *object, uint64_t address) {
    uint64_t offset = address - object->base;
    if (!object->base || address < object->base || offset > object->rows[object->count - 1].start + 4096) return NULL;
    return find(object->rows, object->count, sizeof *object->rows, offset);
}

/* Which functions of the project have led to the present system call. */
static struct place find_place(pid_t pid, const struct ptrace_syscall_info *info) {
    struct place place = {.site = info->entry.nr + 1};
    uint64_t pc = info->instruction_pointer, sp = info->stack_pointer;
    uint64_t rbp = (uint64_t)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rbp), 0);
    for (int frames = 0; place.depth < DEPTH && frames < MOST_FRAMES; frames++) {
        /* The call itself is before the address that it returns to. */
        pc--;
        const struct row *row = find_row(&program, pc);
        const struct function *function = NULL;
        if (row) function = find(functions, function_count, sizeof *functions, pc - program.base);
        else row = find_row(&library, pc);
        if (!row) return place;
        if (function && function->is_own) {
            uint64_t at = pc - program.base;
            place.at[place.depth++] = at;
            place.site = (place.site ^ at) * UINT64_C(0x9e3779b97f4a7c15);
            place.site ^= place.site >> 29;
        }
        sp = (row->register_ == 'b' ? rbp : sp) + (uint64_t)row->size;
        if (read_memory(pid, sp - 8, &pc, 8) != 8) return place;
        if (row->rbp && read_memory(pid, sp - (uint64_t)row->rbp, &rbp, 8) != 8) return place;
    }
    return place;
}

static void print_place(const struct place *place) {
    for (int index = 0; index < place->depth; index++) printf(" %" PRIx64, place->at[index]);
    printf("\n");
    fflush(stdout);
}

static pid_t start(char **program, const char *out, const char *err) {
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid > 0) return pid;
    int flags = O_WRONLY | O_CREAT | O_TRUNC;
    int fds[] = {open("/dev/null", O_RDONLY), open(out, flags, 0600), open(err, flags, 0600)};
    for (int fd = 0; fd < 3; fd++)
        if (fds[fd] < 0 || dup2(fds[fd], fd) < 0) _exit(125);
    for (int fd = 0; fd < 3; fd++) close(fds[fd]);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(125);
    raise(SIGSTOP);
    execv(program[0], program);
    _exit(125);
}

/* All that the program has left behind is this process's child now. */
static void await_orphans(void) {
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    for (int round = 0;; round++) {
        pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);
        if (pid < 0) return;
        if (pid > 0) continue;
        if (round >= ORPHANS_PATIENCE * 1000) break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file)) return;
    fclose(file);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        char name[64] = "?\n";
        snprintf(path, sizeof path, "/proc/%s/comm", word);
        file = fopen(path, "r");
        if (file && !fgets(name, sizeof name, file)) name[0] = '\n';
        if (file) fclose(file);
        printf("left %s", name);
        kill(atoi(word), SIGKILL);
    }
    while (waitpid(-1, NULL, __WALL) > 0) {}
}

static void ignore(int signal) { (void)signal; }

/* What is to be done at which site. */
static enum { SURVEY, FAIL, KILL } task;
static uint64_t wanted;
static long error_number;
static int is_done;

/* The program is about to make a system call. Whether its result is to be replaced. */
static int enter(pid_t pid, const struct place *place, uint64_t number, uint64_t detail) {
    static uint64_t seen[MOST_SITES];
    static size_t seen_count;
    if (task == SURVEY) {
        for (size_t index = 0; index < seen_count; index++)
            if (seen[index] == place->site) return 0;
        if (seen_count == MOST_SITES) fail("too many sites");
        seen[seen_count++] = place->site;
        printf("site %016" PRIx64 " %" PRIu64 " %" PRIx64, place->site, number, detail);
        print_place(place);
        return 0;
    }
    if (is_done || place->site != wanted) return 0;
    is_done = 1;
    printf("at %d\n", pid);
    fflush(stdout);
    if (task == KILL) {
        alarm(0);
        if (getchar() == EOF) fail("nobody answers");
        kill(pid, SIGKILL);
        return 0;
    }
    /* A descriptor is gone even when close(2) says that it has failed; others have not happened. */
    if (number != SYS_close) ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), -1L);
    return 1;
}

/* The program has stopped before or after a system call. */
static void handle_call(pid_t pid, struct place *place, uint64_t *number) {
    static int is_replaced;
    struct ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        *number = info.entry.nr;
        *place = find_place(pid, &info);
        if (place->depth > 0) is_replaced = enter(pid, place, *number, info.entry.args[1]);
    } else if (is_replaced) {
        ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rax), -error_number);
        is_replaced = 0;
    }
}

/* Follows the program to its end; its status. */
static int follow(pid_t pid) {
    struct place place = {0};
    uint64_t number = 0;
    for (long signal = 0;;) {
        int status;
        ptrace(PTRACE_SYSCALL, pid, 0, signal);
        signal = 0;
        while (waitpid(pid, &status, 0) < 0) {
            if (errno != EINTR) fail("waitpid");
            printf("hang %" PRIu64, number);
            print_place(&place);
            kill(pid, SIGKILL);
        }
        if (!WIFSTOPPED(status)) return status;
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
            locate(pid, &program);
        } else if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            signal = WSTOPSIG(status); /* its own affair */
        } else if (program.base) {
            if (!library.base) locate(pid, &library);
            handle_call(pid, &place, &number);
        }
    }
}

int main(int count, char **arguments) {
    int is_survey = count > 5 && !strcmp(arguments[4], "survey");
    int first = is_survey ? 5 : 7;
    if (count <= first) {
        fprintf(stderr, "usage: see the source\n");
        return 125;
    }
    task = is_survey ? SURVEY : strcmp(arguments[4], "kill") ? FAIL : KILL;
    if (!is_survey) {
        wanted = strtoull(arguments[5], NULL, 16);
        error_number = atol(arguments[6]);
    }
    read_table(arguments[1]);
    if (!realpath(arguments[first], program.path)) fail("the program");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    struct sigaction action = {.sa_handler = ignore};
    sigaction(SIGALRM, &action, NULL);
    pid_t pid = start(arguments + first, arguments[2], arguments[3]);
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) fail("start");
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, pid, 0, options) < 0) fail("PTRACE_SETOPTIONS");
    alarm(PATIENCE);
    status = follow(pid);
    if (WIFEXITED(status)) printf("exit %d\n", WEXITSTATUS(status));
    else printf("signal %d\n", WTERMSIG(status));
    await_orphans();
    return 0;
}
