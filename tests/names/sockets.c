// Sockets inside the kernel: AF_UNIX and AF_INET over loopback, streams and datagrams.
#include "names.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = 0x0100007f};
  return a;
}
/** A listening socket of loopback and its address. */
static int listening(struct sockaddr_in *a) {
  int fd = SETUP(socket, AF_INET, SOCK_STREAM, 0);
  unsigned n = sizeof *a;
  *a = loopback(0), SETUP(bind, fd, a, n), SETUP(listen, fd, 4), SETUP(getsockname, fd, a, &n);
  return fd;
}
static int connected(struct sockaddr_in *a) {
  int fd = SETUP(socket, AF_INET, SOCK_STREAM, 0);
  SETUP(connect, fd, a, sizeof *a);
  return fd;
}
/** Two streams that are connected to each other, without socketpair, which is not among the 73. */
static void pair(int fds[2]) {
  struct sockaddr_in a;
  int from = listening(&a);
  fds[0] = connected(&a), fds[1] = SETUP(accept4, from, 0, 0, 0);
  SETUP(close, from);
}

CASE(socket) {
  CALL(socket, AF_UNIX, SOCK_STREAM, 0), CALL(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), CALL(socket, AF_INET, SOCK_STREAM, 0), CALL(socket, AF_INET, SOCK_DGRAM, 0);
  CALL(socket, AF_INET6, SOCK_STREAM, 0), CALL(socket, 99, SOCK_STREAM, 0), CALL(socket, AF_INET, SOCK_STREAM, IPPROTO_UDP), CALL(socket, AF_INET, 99, 0), CALL(socket, AF_UNIX, SOCK_STREAM, 99);
  CALL(fcntl, 4, F_GETFD), CALL(lseek, 3, 0, 0);
}
CASE(bind) {
  struct sockaddr_un path = {AF_UNIX, "bind"}, hidden = {AF_UNIX, "\0guise-names-bind"};
  struct sockaddr_in a = loopback(0), foreign = a;
  struct stat st;
  int fd = SETUP(socket, AF_UNIX, SOCK_STREAM, 0), other = SETUP(socket, AF_UNIX, SOCK_STREAM, 0), in = SETUP(socket, AF_INET, SOCK_STREAM, 0), file_ = file("bind-file", "");
  CALL(bind, fd, &path, sizeof path), SETUP(newfstatat, AT_FDCWD, "bind", &st, 0), show("a socket", S_ISSOCK(st.st_mode));
  CALL(bind, other, &path, sizeof path), CALL(bind, fd, &path, sizeof path), CALL(bind, other, &hidden, 20), CALL(bind, in, &a, sizeof a), CALL(bind, in, &a, sizeof a);
  foreign.sin_addr.s_addr = 0x01020304, in = SETUP(socket, AF_INET, SOCK_STREAM, 0), CALL(bind, in, &foreign, sizeof a), CALL(bind, in, &a, 3), CALL(bind, in, BAD, sizeof a), CALL(bind, file_, &a, sizeof a), CALL(bind, 99, &a, sizeof a);
}
CASE(listen) {
  int fd = SETUP(socket, AF_INET, SOCK_STREAM, 0), udp = SETUP(socket, AF_INET, SOCK_DGRAM, 0), un = SETUP(socket, AF_UNIX, SOCK_STREAM, 0);
  CALL(listen, fd, 5), CALL(listen, fd, -1), CALL(listen, udp, 5), CALL(listen, un, 5), CALL(listen, 99, 5), CALL(listen, file("listen", ""), 5);
}
CASE(connect) {
  struct sockaddr_in a, closed;
  struct sockaddr_un none = {AF_UNIX, "none"};
  int from = listening(&a), fd = SETUP(socket, AF_INET, SOCK_STREAM, 0), un = SETUP(socket, AF_UNIX, SOCK_STREAM, 0);
  CALL(connect, fd, &a, sizeof a), CALL(connect, fd, &a, sizeof a), CALL(connect, un, &none, sizeof none), CALL(connect, 99, &a, sizeof a), CALL(connect, file("connect", ""), &a, sizeof a);
  SETUP(close, listening(&closed)), fd = SETUP(socket, AF_INET, SOCK_STREAM, 0), CALL(connect, fd, &closed, sizeof closed), CALL(connect, fd, BAD, sizeof a);
  int udp = SETUP(socket, AF_INET, SOCK_DGRAM, 0);
  CALL(connect, udp, &a, sizeof a), a.sin_family = 99, CALL(connect, fd, &a, sizeof a);
}
CASE(accept4) {
  struct sockaddr_in a, peer;
  int from = listening(&a), client = connected(&a);
  unsigned n = sizeof peer;
  int fd = CALL(accept4, from, &peer, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
  show("length", n), show("loopback", peer.sin_addr.s_addr == 0x0100007f), CALL(fcntl, fd, F_GETFD), CALL(read, fd, buf, 1);
  SETUP(fcntl, from, F_SETFL, O_NONBLOCK), CALL(accept4, from, 0, 0, 0), CALL(accept4, from, 0, 0, 99), CALL(accept4, client, 0, 0, 0), CALL(accept4, 99, 0, 0, 0);
}
CASE(accept) {
  struct sockaddr_in a, peer, mine;
  int from = listening(&a), client = connected(&a);
  unsigned n = sizeof peer, m = sizeof mine;
  int fd = CALL(accept, from, &peer, &n);
  SETUP(getsockname, client, &mine, &m), show("from the client", peer.sin_port == mine.sin_port), CALL(write, client, "hi", 2), CALL(read, fd, buf, 9);
  CALL(accept, SETUP(socket, AF_INET, SOCK_DGRAM, 0), 0, 0), CALL(accept, SETUP(socket, AF_INET, SOCK_STREAM, 0), 0, 0), CALL(accept, 99, 0, 0);
}
CASE(getsockname) {
  struct sockaddr_in a = loopback(0);
  struct sockaddr_un u;
  unsigned n = sizeof a;
  int fd = SETUP(socket, AF_INET, SOCK_STREAM, 0), un = SETUP(socket, AF_UNIX, SOCK_STREAM, 0);
  CALL(getsockname, fd, &a, &n), show("length", n), show("port", a.sin_port);
  a = loopback(0), SETUP(bind, fd, &a, sizeof a), CALL(getsockname, fd, &a, &n), show("a port", a.sin_port != 0), show("address", a.sin_addr.s_addr);
  n = sizeof u, CALL(getsockname, un, &u, &n), show("length", n), n = 4, CALL(getsockname, fd, &a, &n), show("whole length", n);
  n = -1, CALL(getsockname, fd, &a, &n), n = 16, CALL(getsockname, fd, BAD, &n), CALL(getsockname, fd, &a, BAD), CALL(getsockname, 99, &a, &n);
}
CASE(getpeername) {
  struct sockaddr_in a, peer;
  int from = listening(&a), fd = connected(&a);
  unsigned n = sizeof peer;
  CALL(getpeername, fd, &peer, &n), show("the listener", peer.sin_port == a.sin_port), show("length", n), CALL(getpeername, from, &peer, &n), CALL(getpeername, 99, &peer, &n), CALL(getpeername, fd, BAD, &n);
}
CASE(getsockopt) {
  int v = 9, fd = SETUP(socket, AF_INET, SOCK_STREAM, 0), udp = SETUP(socket, AF_INET, SOCK_DGRAM, 0);
  unsigned n = sizeof v;
  CALL(getsockopt, fd, SOL_SOCKET, SO_TYPE, &v, &n), show("type", v), CALL(getsockopt, udp, SOL_SOCKET, SO_TYPE, &v, &n), show("type", v), CALL(getsockopt, fd, SOL_SOCKET, SO_ERROR, &v, &n), show("error", v);
  CALL(getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &n), show("listens", v), CALL(getsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &v, &n), show("reuse", v), CALL(getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &v, &n), show("domain", v);
  CALL(getsockopt, fd, SOL_SOCKET, 9999, &v, &n), CALL(getsockopt, fd, 99, 1, &v, &n), CALL(getsockopt, 99, SOL_SOCKET, SO_TYPE, &v, &n), CALL(getsockopt, fd, SOL_SOCKET, SO_TYPE, BAD, &n);
}
CASE(setsockopt) {
  int v = 1, fd = SETUP(socket, AF_INET, SOCK_STREAM, 0);
  unsigned n = sizeof v;
  CALL(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &v, sizeof v), v = 0, SETUP(getsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &v, &n), show("reuse", v);
  CALL(setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &v, sizeof v), CALL(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, &v, sizeof v);
  CALL(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &v, 1), CALL(setsockopt, fd, SOL_SOCKET, 9999, &v, sizeof v), CALL(setsockopt, 99, SOL_SOCKET, SO_REUSEADDR, &v, sizeof v), CALL(setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, BAD, sizeof v);
}
CASE(sendto) {
  int fds[2], to = SETUP(socket, AF_INET, SOCK_DGRAM, 0), fd = SETUP(socket, AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in a = loopback(0);
  unsigned n = sizeof a;
  SETUP(bind, to, &a, sizeof a), SETUP(getsockname, to, &a, &n);
  CALL(sendto, fd, "datagram", 8, 0, &a, sizeof a), CALL(read, to, buf, 100), CALL(sendto, fd, "x", 1, 0, 0, 0), CALL(sendto, fd, BAD, 5, 0, &a, sizeof a), CALL(sendto, 99, "x", 1, 0, &a, sizeof a);
  pair(fds), CALL(sendto, fds[0], "stream", 6, MSG_NOSIGNAL, 0, 0), CALL(read, fds[1], buf, 3);
  CALL(sendto, SETUP(socket, AF_INET, SOCK_STREAM, 0), "x", 1, MSG_NOSIGNAL, 0, 0), CALL(sendto, file("sendto", ""), "x", 1, 0, 0, 0);
}
CASE(recvfrom) {
  int to = SETUP(socket, AF_INET, SOCK_DGRAM, 0), fd = SETUP(socket, AF_INET, SOCK_DGRAM, 0), fds[2];
  struct sockaddr_in a = loopback(0), b = a, from;
  unsigned n = sizeof a;
  SETUP(bind, to, &a, n), SETUP(getsockname, to, &a, &n), SETUP(bind, fd, &b, n), SETUP(getsockname, fd, &b, &n);
  SETUP(sendto, fd, "first", 5, 0, &a, n), SETUP(sendto, fd, "second", 6, 0, &a, n), memset(buf, 0, 20);
  CALL(recvfrom, to, buf, 100, MSG_PEEK, 0, 0), CALL(recvfrom, to, buf, 3, 0, &from, &n), text("cut", buf), show("the sender", from.sin_port == b.sin_port), show("length", n);
  CALL(recvfrom, to, buf, 3, MSG_TRUNC, 0, 0), CALL(recvfrom, to, buf, 3, MSG_DONTWAIT, 0, 0), CALL(recvfrom, 99, buf, 3, 0, 0, 0);
  pair(fds), SETUP(sendto, fds[0], "abcdef", 6, 0, 0, 0), CALL(recvfrom, fds[1], buf, 4, 0, 0, 0), CALL(recvfrom, fds[1], buf, 4, MSG_DONTWAIT, 0, 0), CALL(recvfrom, fds[1], buf, 4, MSG_DONTWAIT, 0, 0), SETUP(close, fds[0]), CALL(recvfrom, fds[1], buf, 4, 0, 0, 0);
}
CASE(sendmsg) {
  int fds[2];
  struct iovec v[2] = {{"two ", 4}, {"parts", 5}};
  struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
  pair(fds), memset(buf, 0, 20), CALL(sendmsg, fds[0], &m, 0), CALL(read, fds[1], buf, 100), text("bytes", buf);
  CALL(sendmsg, 99, &m, 0), CALL(sendmsg, fds[0], BAD, 0), m.msg_iovlen = 1025, CALL(sendmsg, fds[0], &m, 0);
}
CASE(recvmsg) {
  int fds[2];
  char a[4] = "", b[20] = "";
  struct iovec v[2] = {{a, 3}, {b, 10}};
  struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
  pair(fds), SETUP(write, fds[0], "scattered", 9), CALL(recvmsg, fds[1], &m, 0), text("first", a), text("second", b), show("flags", m.msg_flags);
  CALL(recvmsg, fds[1], &m, MSG_DONTWAIT), CALL(recvmsg, 99, &m, 0), CALL(recvmsg, fds[1], BAD, 0);
}
CASE(shutdown) {
  int fds[2], fd = SETUP(socket, AF_INET, SOCK_STREAM, 0);
  pair(fds), CALL(shutdown, fds[0], SHUT_WR), CALL(read, fds[1], buf, 5), CALL(sendto, fds[0], "x", 1, MSG_NOSIGNAL, 0, 0), CALL(write, fds[1], "back", 4), CALL(read, fds[0], buf, 9);
  CALL(shutdown, fd, SHUT_RD), CALL(shutdown, fds[0], 9), CALL(shutdown, 99, 0), CALL(shutdown, file("shutdown", ""), 0);
}
CASE(socketpair) {
  int fds[2], got = -1;
  CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, fds), CALL(write, fds[0], "there", 5), CALL(write, fds[1], "back", 4), CALL(read, fds[1], buf, 9), CALL(read, fds[0], buf, 9);
  // A descriptor goes through (SCM_RIGHTS).
  union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(int))]; } control;
  struct iovec v = {"f", 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.h.cmsg_len = CMSG_LEN(sizeof(int)), control.h.cmsg_level = SOL_SOCKET, control.h.cmsg_type = SCM_RIGHTS;
  *(int *)CMSG_DATA(&control.h) = file("socketpair", "through"), CALL(sendmsg, fds[0], &m, 0);
  v.iov_base = buf, *(int *)CMSG_DATA(&control.h) = -1, CALL(recvmsg, fds[1], &m, 0), got = *(int *)CMSG_DATA(&control.h), CALL(read, got, buf, 20);
  CALL(socketpair, AF_UNIX, SOCK_DGRAM, 0, fds), CALL(write, fds[0], "one", 3), CALL(write, fds[0], "three", 5), CALL(read, fds[1], buf, 9), CALL(read, fds[1], buf, 2);
  CALL(socketpair, AF_INET, SOCK_STREAM, 0, fds), CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, BAD), CALL(socketpair, 99, SOCK_STREAM, 0, fds), CALL(socketpair, AF_UNIX, 99, 0, fds);
}
