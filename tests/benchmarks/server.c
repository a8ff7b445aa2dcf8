/* The Referrals API as far as a benchmark asks for it, fast enough to be no bottleneck: one thread, epoll, loopback only.
 *
 *   server FILE LATENCY_MS QUOTA_PER_S LIST_ETAGS      prints its port; ends when stdin closes
 *
 * FILE holds a referral a line, as JSON, in which three bytes stand for what changes: \1 the name, \2 the deal value,
 * \3 the number of its eTag. PATCH takes replace or add of /name and /details/dealValue, under If-Match or not at all.
 * GET /stats gives what was asked for, by method, what was refused, and the time between the first and the last PATCH.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define REQUEST_MAX (1 << 16)
#define MARKS 3
#define SECOND_NS 1000000000LL

typedef struct { char *line; char id[64], name[256], value[64]; long etag; } Referral;
typedef struct { char in[REQUEST_MAX]; size_t got; char *out; size_t size, sent; int64_t due; int busy; } Connection;

static Referral *referrals;
static long count, gets, patches, refused, inside, latency_ns, quota, list_etags;
static Connection *connections[CONNECTIONS_MAX];
static int64_t shut_until, window_began, first_patch, last_patch;
static long in_window;

static int64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * SECOND_NS + at.tv_nsec;
}

static size_t document(char *out, const Referral *one, int with_etag) {
    char *to = out;
    for (const char *from = one->line; *from; from++) {
        if (*from == 1) to = stpcpy(to, one->name);
        else if (*from == 2) to = stpcpy(to, one->value);
        else if (*from == 3) to += sprintf(to, with_etag ? "\"\\\"%ld\\\"\"" : "null", one->etag);
        else *to++ = *from;
    }
    return (size_t)(to - out);
}

static Referral *find(const char *id, size_t length) {
    /* ids end in their number */
    if (length < 12) return NULL;
    long n = strtol(id + length - 12, NULL, 10) - 1;
    return n >= 0 && n < count && !strncmp(referrals[n].id, id, length) ? &referrals[n] : NULL;
}

static void reply(Connection *to, int status, const char *more, const char *body, size_t size) {
    to->out = malloc(size + 512);
    to->size = (size_t)sprintf(to->out,
        "HTTP/1.1 %d X\r\nRequest-ID: r\r\nContent-Type: application/json; charset=utf-8\r\n%sContent-Length: %zu\r\n\r\n",
        status, more, size);
    memcpy(to->out + to->size, body, size);
    to->size += size;
    to->sent = 0;
    to->due = now_ns() + latency_ns;
    to->busy = 1;
}

static void error(Connection *to, int status, const char *code, const char *more) {
    char body[256];
    reply(to, status, more, body, (size_t)sprintf(body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, code));
}

static long number_after(const char *in, const char *name, long otherwise) {
    const char *found = strstr(in, name);
    return found ? strtol(found + strlen(name), NULL, 10) : otherwise;
}

static void page(Connection *to, const char *query) {
    long top = number_after(query, "$top=", 100), skip = number_after(query, "$skip=", 0);
    long last = skip + top < count ? skip + top : count;
    size_t room = 256;
    for (long n = skip; n < last; n++) room += strlen(referrals[n].line) + 600;
    char *body = malloc(room), *at = body + sprintf(body, "{\"@odata.count\":%ld,\"value\":[", count);
    for (long n = skip; n < last; n++) {
        if (n > skip) *at++ = ',';
        at += document(at, &referrals[n], list_etags);
    }
    at = stpcpy(at, "]");
    if (last < count) at += sprintf(at, ",\"@odata.nextLink\":\"http://x/y?$top=%ld&$skip=%ld&$count=true\"", top, last);
    at = stpcpy(at, "}");
    reply(to, 200, "", body, (size_t)(at - body));
    free(body);
}

/* Copies the JSON value that follows "value" after `from`; strings without their quotes. */
static void take_value(const char *from, char *into, size_t most) {
    const char *at = strstr(from, "\"value\"");
    if (!at) return;
    at = strchr(at + 7, ':') + 1;
    while (*at == ' ') at++;
    size_t n = 0;
    if (*at == '"') for (at++; *at && *at != '"' && n + 2 < most; at++) { if (*at == '\\') into[n++] = *at++; into[n++] = *at; }
    else for (; *at && *at != '}' && *at != ',' && n + 1 < most; at++) into[n++] = *at;
    into[n] = 0;
}

static void patch(Connection *to, Referral *one, const char *body) {
    char *match = strcasestr(to->in, "\r\nif-match:");
    if (!match) { error(to, 428, "preconditionRequired", ""); return; }
    long under = number_after(match, "\"", -1);
    if (under != one->etag) { error(to, 412, "resourceModified", ""); return; }
    const char *name = strstr(body, "\"/name\""), *value = strstr(body, "\"/details/dealValue\"");
    if (name) take_value(name, one->name, sizeof one->name);
    if (value) take_value(value, one->value, sizeof one->value);
    one->etag++;
    char *made = malloc(strlen(one->line) + 600);
    reply(to, 200, "", made, document(made, one, 1));
    free(made);
}

static int throttled(Connection *to) {
    int64_t now = now_ns();
    if (!quota) return 0;
    if (now - window_began >= SECOND_NS) { window_began = now; in_window = 0; }
    if (now < shut_until) inside++;
    if (++in_window <= quota) return 0;
    refused++;
    shut_until = now + SECOND_NS;
    error(to, 429, "tooManyRequests", "Retry-After: 1\r\n");
    return 1;
}

static void answer(Connection *to, const char *body) {
    char *path = strchr(to->in, ' ') + 1, *end = strchr(path, ' ');
    if (!strncmp(path, "/stats", 6)) {
        char said[256];
        reply(to, 200, "", said, (size_t)sprintf(said,
            "{\"GET\":%ld,\"PATCH\":%ld,\"refused\":%ld,\"inside_retry_after\":%ld,\"patching_ms\":%lld}",
            gets, patches, refused, inside, (long long)((last_patch - first_patch) / 1000000)));
        to->due = 0;
        return;
    }
    int patching = to->in[0] == 'P';
    *(patching ? &patches : &gets) += 1;
    if (patching) last_patch = now_ns(), first_patch = first_patch ? first_patch : last_patch;
    if (throttled(to)) return;
    char *tail = strstr(path, "/referrals");
    if (!tail || tail > end) { error(to, 404, "notFound", ""); return; }
    tail += strlen("/referrals");
    if (*tail == '/') {
        Referral *one = find(tail + 1, (size_t)(end - tail - 1));
        if (!one) error(to, 404, "notFound", "");
        else if (patching) patch(to, one, body);
        else {
            char *made = malloc(strlen(one->line) + 600);
            reply(to, 200, "", made, document(made, one, 1));
            free(made);
        }
        return;
    }
    *end = 0;
    for (char *at; (at = strstr(tail, "%24"));) { *at = '$'; memmove(at + 1, at + 3, strlen(at + 3) + 1); }
    page(to, tail);
}

static void take(Connection *from) {
    from->in[from->got] = 0;
    char *head = strstr(from->in, "\r\n\r\n");
    if (!head || from->busy) return;
    char *length = strcasestr(from->in, "\r\ncontent-length:");
    size_t size = length && length < head ? (size_t)strtol(length + 17, NULL, 10) : 0;
    if (from->got < (size_t)(head + 4 - from->in) + size) return;
    from->got = 0; /* whoever waits for its answer sends nothing more */
    answer(from, head + 4);
}

static int flush(int socket, Connection *to) {
    while (to->sent < to->size) {
        ssize_t n = send(socket, to->out + to->sent, to->size - to->sent, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        to->sent += (size_t)n;
    }
    free(to->out);
    to->out = NULL;
    to->busy = 0;
    return 0;
}

static void load(const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (!file) { perror(path); exit(1); }
    while ((n = getline(&line, &room, file)) > 0) {
        if (line[n - 1] == '\n') line[n - 1] = 0;
        referrals = realloc(referrals, sizeof *referrals * (size_t)(count + 1));
        Referral *one = &referrals[count++];
        *one = (Referral){.line = strdup(line), .etag = 1};
        sscanf(strstr(line, "\"id\":\"") + 6, "%63[^\"]", one->id);
        snprintf(one->name, sizeof one->name, "Deal %ld", count);
        snprintf(one->value, sizeof one->value, "%ld", 1000 + count);
    }
    free(line);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    load(argv[1]);
    latency_ns = atol(argv[2]) * 1000000L, quota = atol(argv[3]), list_etags = atol(argv[4]);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (bind(listening, (void *)&at, size) || listen(listening, 512) || getsockname(listening, (void *)&at, &size)) return 1;
    printf("http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    int events = epoll_create1(0);
    struct epoll_event seen[256], wanted = {.events = EPOLLIN, .data.fd = listening};
    epoll_ctl(events, EPOLL_CTL_ADD, listening, &wanted);
    wanted.data.fd = 0;
    epoll_ctl(events, EPOLL_CTL_ADD, 0, &wanted);
    for (;;) {
        int64_t next = INT64_MAX, now = now_ns();
        for (int one = 0; one < CONNECTIONS_MAX; one++) {
            Connection *each = connections[one];
            if (!each || !each->busy) continue;
            if (each->due <= now) flush(one, each);
            if (each->busy && each->due < next) next = each->due;
        }
        int64_t wait_ns = next <= now ? 1000000 : next - now; /* epoll_wait itself knows whole milliseconds only */
        struct timespec wait = {wait_ns / SECOND_NS, wait_ns % SECOND_NS};
        struct pollfd any = {.fd = events, .events = POLLIN};
        ppoll(&any, 1, next == INT64_MAX ? NULL : &wait, NULL);
        int many = epoll_wait(events, seen, 256, 0);
        for (int n = 0; n < many; n++) {
            int one = seen[n].data.fd;
            if (one == 0) return 0;
            if (one == listening) {
                int fresh = accept4(listening, NULL, NULL, SOCK_NONBLOCK);
                if (fresh < 0) continue;
                if (fresh >= CONNECTIONS_MAX) { close(fresh); continue; }
                setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                connections[fresh] = calloc(1, sizeof(Connection));
                wanted = (struct epoll_event){.events = EPOLLIN, .data.fd = fresh};
                epoll_ctl(events, EPOLL_CTL_ADD, fresh, &wanted);
                continue;
            }
            Connection *each = connections[one];
            ssize_t got = recv(one, each->in + each->got, REQUEST_MAX - 1 - each->got, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN)) {
                close(one);
                free(each->out);
                free(each);
                connections[one] = NULL;
                continue;
            }
            if (got > 0) { each->got += (size_t)got; take(each); }
            if (each->busy && each->due <= now_ns()) flush(one, each);
        }
    }
}
