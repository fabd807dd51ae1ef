/* Stands in for the kernel's "espintcp" (RFC 9329), which Debian's kernels lack and Libreswan's pluto
 * needs for IKE over TCP: preloaded into pluto it does what that layer does for IKE, a length in
 * front of each message and one message a read. ESP is not carried: SAs that ask for TCP are
 * installed as for UDP, so that all of IKE can go on. For tests only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 4096
static char framed[FDS_MAX];

#define REAL(name) \
    static __typeof__(name)* real; \
    if (!real) real = (__typeof__(name)*)dlsym(RTLD_NEXT, #name)

static int is_framed(int fd) { return fd >= 0 && fd < FDS_MAX && framed[fd]; }

int setsockopt(int fd, int level, int option, const void* value, socklen_t size) {
    REAL(setsockopt);
    if (level == 6 && option == 31 && value && size >= 8 && !memcmp(value, "espintcp", 8)) {
        if (fd >= 0 && fd < FDS_MAX) framed[fd] = 1;
        return 0;
    }
    return real(fd, level, option, value, size);
}

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FDS_MAX) framed[fd] = 0;
    return real(fd);
}

/* XFRM_MSG_NEWSA and UPDSA with XFRMA_ENCAP of type 7 (TCP): 2 (UDP). */
static void as_udp(int fd, uint8_t* data, size_t size) {
    int domain = 0;
    socklen_t length = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) || domain != AF_NETLINK) return;
    for (size_t i = 0; i + 8 <= size; i += 4) {
        uint16_t word[3];
        memcpy(word, data + i, sizeof word);
        if (word[0] == 28 && word[1] == 4 && word[2] == 7) {
            word[2] = 2;
            memcpy(data + i, word, sizeof word);
        }
    }
}

static ssize_t put(int fd, const void* data, size_t size) {
    uint8_t all[65536];
    if (size + 2 > sizeof all) { errno = EMSGSIZE; return -1; }
    all[0] = (uint8_t)((size + 2) >> 8);
    all[1] = (uint8_t)(size + 2);
    memcpy(all + 2, data, size);
    for (size_t done = 0; done < size + 2;) {
        struct iovec part = {all + done, size + 2 - done};
        ssize_t sent = writev(fd, &part, 1);
        if (sent < 0 && errno == EAGAIN && done) continue;
        if (sent < 0) return -1;
        done += (size_t)sent;
    }
    return (ssize_t)size;
}

static ssize_t take(int fd, void* data, size_t size) {
    for (;;) {
        uint8_t all[65536];
        struct msghdr message = {0};
        struct iovec part = {all, sizeof all};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        ssize_t there = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);
        if (there <= 0) return there;
        if (there < 2) { errno = EAGAIN; return -1; }
        size_t length = (size_t)all[0] << 8 | all[1];
        if (length < 2) { errno = EIO; return -1; }
        if ((size_t)there < length) { errno = EAGAIN; return -1; }
        part.iov_base = all;
        part.iov_len = length;
        there = recvmsg(fd, &message, MSG_DONTWAIT);
        if (there != (ssize_t)length) { errno = EIO; return -1; }
        if (length < 6 || all[2] || all[3] || all[4] || all[5]) continue; /* ESP, a keep-alive */
        if (length - 2 < size) size = length - 2;
        memcpy(data, all + 2, size);
        return (ssize_t)size;
    }
}

ssize_t write(int fd, const void* data, size_t size) {
    REAL(write);
    if (is_framed(fd)) return put(fd, data, size);
    if (size > 64) as_udp(fd, (uint8_t*)(uintptr_t)data, size);
    return real(fd, data, size);
}
ssize_t send(int fd, const void* data, size_t size, int flags) {
    REAL(send);
    if (is_framed(fd)) return put(fd, data, size);
    if (size > 64) as_udp(fd, (uint8_t*)(uintptr_t)data, size);
    return real(fd, data, size, flags);
}
ssize_t sendto(int fd, const void* data, size_t size, int flags, const struct sockaddr* to, socklen_t length) {
    REAL(sendto);
    if (is_framed(fd)) return put(fd, data, size);
    if (size > 64) as_udp(fd, (uint8_t*)(uintptr_t)data, size);
    return real(fd, data, size, flags, to, length);
}
ssize_t read(int fd, void* data, size_t size) {
    REAL(read);
    return is_framed(fd) ? take(fd, data, size) : real(fd, data, size);
}
ssize_t recv(int fd, void* data, size_t size, int flags) {
    REAL(recv);
    return is_framed(fd) ? take(fd, data, size) : real(fd, data, size, flags);
}
ssize_t recvfrom(int fd, void* data, size_t size, int flags, struct sockaddr* from, socklen_t* length) {
    REAL(recvfrom);
    if (!is_framed(fd)) return real(fd, data, size, flags, from, length);
    if (from && length) getpeername(fd, from, length);
    return take(fd, data, size);
}
