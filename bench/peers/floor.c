/* The floor: an epoll loop that parses nothing and sends one answer from memory for whatever it receives.
 * What is dearer than this is the price of being a server; what is cheaper cannot be had with recv and send.
 * Usage: floor PORT FILE */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTIONS 4096
static char *answer;
static size_t length;
static size_t left[CONNECTIONS]; /* bytes still to send, by descriptor */

static void push(int epoll, int fd) {
    while (left[fd]) {
        ssize_t sent = send(fd, answer + length - left[fd], left[fd], MSG_NOSIGNAL);
        if (sent < 0) {
            struct epoll_event wait = {.events = EPOLLIN | EPOLLOUT, .data.fd = fd};
            epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &wait);
            return;
        }
        left[fd] -= (size_t)sent;
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int file = open(argv[2], O_RDONLY);
    struct stat about;
    if (file < 0 || fstat(file, &about)) return 1;
    answer = malloc((size_t)about.st_size + 512);
    length = (size_t)sprintf(answer,
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: image/jpeg\r\n"
        "Content-Length: %lld\r\nETag: \"5f5e100-1000\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        (long long)about.st_size);
    for (ssize_t got; (got = read(file, answer + length, (size_t)about.st_size)) > 0;) length += (size_t)got;

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, epoll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&where, sizeof where) || listen(listener, 4096)) return 1;
    struct epoll_event all = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &all);
    static char bin[65536];
    for (;;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                for (int c; (c = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                    if (c >= CONNECTIONS) { close(c); continue; }
                    left[c] = 0;
                    struct epoll_event in = {.events = EPOLLIN, .data.fd = c};
                    epoll_ctl(epoll, EPOLL_CTL_ADD, c, &in);
                }
            } else if (events[i].events & EPOLLOUT) {
                push(epoll, fd);
                if (!left[fd]) {
                    struct epoll_event in = {.events = EPOLLIN, .data.fd = fd};
                    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &in);
                }
            } else if (recv(fd, bin, sizeof bin, 0) > 0) {
                left[fd] = length;
                push(epoll, fd);
            } else {
                close(fd);
            }
        }
    }
}
