// Sockets without a network: AF_UNIX pairs, names and messages with descriptors, TCP and UDP over loopback.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define P(call) ({ errno = 0; long r_ = (call); printf("%-64s %ld %s\n", #call, r_, r_ < 0 ? strerrorname_np(errno) : ""); r_; })
static char b[300000];
static int option(int fd, int level, int name) {
  int v = -1;
  socklen_t n = sizeof v;
  return getsockopt(fd, level, name, &v, &n) ? -errno : v;
}
static int ready(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP};
  poll(&p, 1, 0);
  return p.revents;
}
static void name(int fd, int peer) {
  struct sockaddr_storage a = {0};
  socklen_t n = sizeof a;
  int r = peer ? getpeername(fd, (void *)&a, &n) : getsockname(fd, (void *)&a, &n);
  if (r) { printf("name: %s\n", strerrorname_np(errno)); return; }
  if (a.ss_family == AF_UNIX) printf("unix '%s' length %d\n", ((struct sockaddr_un *)&a)->sun_path[0] ? ((struct sockaddr_un *)&a)->sun_path : ((struct sockaddr_un *)&a)->sun_path + 1, n);
  else if (a.ss_family == AF_INET) printf("inet %s port %s length %d\n", inet_ntoa(((struct sockaddr_in *)&a)->sin_addr), ((struct sockaddr_in *)&a)->sin_port ? "some" : "none", n);
  else printf("family %d port %s length %d\n", a.ss_family, ((struct sockaddr_in6 *)&a)->sin6_port ? "some" : "none", n);
}
static int un(struct sockaddr_un *a, const char *path) {
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  strcpy(a->sun_path, path);
  return 2 + strlen(path) + 1;
}
static int hits;
static void handler(int s) { hits++; }

static void pairs(void) {
  int s[2], d[2], q[2];
  P(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
  printf("cloexec %d type %d domain %d protocol %d\n", fcntl(s[0], F_GETFD), option(s[0], SOL_SOCKET, SO_TYPE), option(s[0], SOL_SOCKET, SO_DOMAIN), option(s[0], SOL_SOCKET, SO_PROTOCOL));
  printf("ready %x\n", ready(s[0]));
  P(write(s[0], "abc", 3)); P(send(s[0], "def", 3, 0)); printf("ready %x\n", ready(s[1]));
  int n; ioctl(s[1], FIONREAD, &n); printf("unread %d\n", n);
  P(recv(s[1], b, 2, MSG_PEEK)); P(recv(s[1], b, 4, 0)); P(recv(s[1], b, 10, MSG_DONTWAIT)); P(recv(s[1], b, 10, MSG_DONTWAIT)); name(s[0], 0); name(s[0], 1);
  P(lseek(s[0], 0, SEEK_SET)); P(pread(s[0], b, 1, 0)); P(sendto(s[0], "x", 1, 0, 0, 0)); struct sockaddr_un a; int l = un(&a, "x"); P(sendto(s[0], "x", 1, 0, (void *)&a, l)); P(connect(s[0], (void *)&a, l)); P(listen(s[0], 1)); P(accept(s[0], 0, 0));
  P(read(s[1], b, 10)); P(shutdown(s[0], SHUT_WR)); printf("ready %x %x\n", ready(s[0]), ready(s[1])); signal(SIGPIPE, handler); P(write(s[0], "x", 1)); printf("SIGPIPE %d\n", hits); P(send(s[0], "x", 1, MSG_NOSIGNAL)); printf("SIGPIPE %d\n", hits); P(read(s[1], b, 1)); P(write(s[1], "back", 4)); P(read(s[0], b, 10)); close(s[1]); printf("ready %x\n", ready(s[0])); P(read(s[0], b, 1));
  socketpair(AF_UNIX, SOCK_STREAM, 0, s); write(s[0], "lost", 4); write(s[1], "kept", 4); close(s[1]); P(read(s[0], b, 10)); P(read(s[0], b, 10)); P(read(s[0], b, 10)); P(write(s[0], "x", 1)); P(socketpair(AF_UNIX, SOCK_DGRAM, 0, d)); P(send(d[0], "one", 3, 0)); P(send(d[0], "two2", 4, 0)); P(send(d[0], "", 0, 0)); ioctl(d[1], FIONREAD, &n); printf("next %d\n", n); P(recv(d[1], b, 2, 0)); P(recv(d[1], b, 2, MSG_TRUNC)); P(recv(d[1], b, 2, MSG_DONTWAIT)); P(recv(d[1], b, 2, MSG_DONTWAIT)); close(d[1]); P(send(d[0], "x", 1, 0)); P(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, q)); P(send(q[0], "packet", 6, 0)); P(send(q[0], "p2", 2, 0)); P(recv(q[1], b, 3, 0)); P(recv(q[1], b, 9, 0)); close(q[0]); P(recv(q[1], b, 9, 0)); P(socketpair(AF_INET, SOCK_STREAM, 0, q)); P(socketpair(AF_UNIX, 77, 0, q)); P(socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)1));
  // A stream that fills, emptied by a child.
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  if (!fork()) { close(s[0]); long all = 0, k; while ((k = read(s[1], b, 999)) > 0) all += k; _exit(all == 1000000 ? 7 : 1); }
  close(s[1]); long sent = 0; for (int i = 0; i < 4; i++) sent += write(s[0], b, 250000); printf("sent %ld\n", sent); close(s[0]); int st; wait(&st); printf("child %d\n", WEXITSTATUS(st));
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s); while ((n = write(s[0], b, 4096)) > 0); printf("full %s ready %x\n", strerrorname_np(errno), ready(s[0]) & POLLOUT);
  struct timeval tv = {0, 30000}; fcntl(s[0], F_SETFL, 0); P(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv)); P(recv(s[0], b, 1, 0));
  socketpair(AF_UNIX, SOCK_STREAM, 0, s); if (!fork()) { usleep(20000); write(s[1], "part", 4); usleep(20000); write(s[1], "rest", 4); _exit(0); } P(recv(s[0], b, 8, MSG_WAITALL)); wait(0);
}

static void rights(void) {
  int s[2], p[2], got[4];
  socketpair(AF_UNIX, SOCK_STREAM, 0, s); pipe(p);
  union { char bytes[200]; struct cmsghdr h; } c = {0};
  struct iovec iov = {"x", 1}, in = {b, 10};
  struct msghdr m = {0, 0, &iov, 1, c.bytes, CMSG_SPACE(8), 0}, r = {0, 0, &in, 1, c.bytes, sizeof c.bytes, 0};
  c.h.cmsg_level = SOL_SOCKET; c.h.cmsg_type = SCM_RIGHTS; c.h.cmsg_len = CMSG_LEN(8); memcpy(CMSG_DATA(&c.h), p, 8);
  P(sendmsg(s[0], &m, 0)); P(write(s[0], "more", 4)); close(p[1]); close(p[0]); memset(&c, 0, sizeof c); P(recvmsg(s[1], &r, MSG_CMSG_CLOEXEC)); printf("control %zu flags %x type %d length %zu\n", r.msg_controllen, r.msg_flags, c.h.cmsg_type, c.h.cmsg_len); memcpy(got, CMSG_DATA(&c.h), 8); P(write(got[1], "through", 7)); P(read(got[0], b, 20)); printf("%.7s cloexec %d\n", b, fcntl(got[0], F_GETFD)); P(recv(s[1], b, 20, 0)); P(fcntl(p[0], F_GETFD) == 1);
  m.msg_controllen = CMSG_SPACE(8); c.h.cmsg_level = SOL_SOCKET; c.h.cmsg_type = SCM_RIGHTS; c.h.cmsg_len = CMSG_LEN(8); memcpy(CMSG_DATA(&c.h), got, 8); P(sendmsg(s[0], &m, 0)); r.msg_controllen = CMSG_LEN(4); P(recvmsg(s[1], &r, 0)); printf("control %zu flags %x\n", r.msg_controllen, r.msg_flags); P(sendmsg(s[0], &m, 0)); r.msg_controllen = 0; P(recvmsg(s[1], &r, 0)); printf("flags %x\n", r.msg_flags); int none = 99; c.h.cmsg_len = CMSG_LEN(4); memcpy(CMSG_DATA(&c.h), &none, 4); P(sendmsg(s[0], &m, 0)); m.msg_control = (void *)1; P(sendmsg(s[0], &m, 0)); P(sendmsg(s[0], (void *)1, 0)); m.msg_control = 0; m.msg_controllen = 0; m.msg_iovlen = 2000; P(sendmsg(s[0], &m, 0));
  int on = 1; P(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, 4)); send(s[0], "c", 1, 0); r.msg_controllen = sizeof c.bytes; P(recvmsg(s[1], &r, 0)); struct ucred *u = (void *)CMSG_DATA(&c.h); printf("type %d pid %d uid %d\n", c.h.cmsg_type, u->pid == getpid(), u->uid == getuid()); struct ucred peer; socklen_t n = sizeof peer; P(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &peer, &n)); printf("peer %d %d\n", peer.pid == getpid(), n);
}

static void names(void) {
  struct sockaddr_un a, from; socklen_t n; int l = un(&a, "sock"), c, s = socket(AF_UNIX, SOCK_STREAM, 0);
  P(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, l)); P(listen(s, 5)); P(bind(s, (void *)&a, l)); P(bind(s, (void *)&a, l)); struct stat st; stat("sock", &st); printf("mode %o\n", st.st_mode & S_IFMT); P(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, l)); c = socket(AF_UNIX, SOCK_STREAM, 0); P(connect(c, (void *)&a, l)); P(listen(s, 1)); printf("ready %x listening %d\n", ready(s), option(s, SOL_SOCKET, SO_ACCEPTCONN)); P(connect(c, (void *)&a, l)); P(connect(c, (void *)&a, l)); printf("ready %x\n", ready(s)); P(write(c, "early", 5)); n = sizeof from; int t = P(accept4(s, (void *)&from, &n, SOCK_NONBLOCK)); printf("from length %d flags %x\n", n, fcntl(t, F_GETFL)); P(read(t, b, 10)); P(read(t, b, 10)); name(t, 0); name(t, 1); name(c, 1); name(c, 0); close(c); P(read(t, b, 10)); P(connect(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, l)); P(open("sock", O_RDWR)); P(unlink("sock")); P(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, l)); close(s);
  int nb = fcntl(s = socket(AF_UNIX, SOCK_STREAM, 0), F_SETFL, O_NONBLOCK); bind(s, (void *)&a, l); listen(s, 1); P(accept(s, 0, 0)); if (!fork()) { usleep(20000); c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (void *)&a, l); write(c, "hello", 5); _exit(0); } fcntl(s, F_SETFL, 0); t = P(accept(s, 0, 0)); P(read(t, b, 10)); wait(0); unlink("sock");
  // Abstract names and automatic ones.
  s = socket(AF_UNIX, SOCK_DGRAM, 0); memset(&a, 0, sizeof a); a.sun_family = AF_UNIX; memcpy(a.sun_path, "\0guise-abstract", 15); l = 2 + 15; P(bind(s, (void *)&a, l)); name(s, 0); c = socket(AF_UNIX, SOCK_DGRAM, 0); P(sendto(c, "to", 2, 0, (void *)&a, l)); n = sizeof from; P(recvfrom(s, b, 10, 0, (void *)&from, &n)); printf("from length %d\n", n); P(connect(c, (void *)&a, l)); P(send(c, "by", 2, 0)); P(recv(s, b, 10, 0)); P(bind(c, (void *)&(struct sockaddr_un){AF_UNIX}, 2)); send(c, "named", 5, 0); n = sizeof from; P(recvfrom(s, b, 10, 0, (void *)&from, &n)); printf("from length %d\n", n); P(sendto(s, "reply", 5, 0, (void *)&from, n)); P(recv(c, b, 10, 0)); close(s); P(send(c, "x", 1, 0)); P(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, 200)); P(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&(struct sockaddr_in){AF_INET}, 16)); un(&a, "no/such/dir"); P(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, 20));
}

static void tcp(void) {
  struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, from; socklen_t n = sizeof a; int s = socket(AF_INET, SOCK_STREAM, 0), c, t;
  name(s, 0); name(s, 1); P(bind(s, (void *)&a, sizeof a)); name(s, 0); getsockname(s, (void *)&a, &n); c = socket(AF_INET, SOCK_STREAM, 0); P(connect(c, (void *)&a, sizeof a)); P(listen(s, 5)); P(connect(c, (void *)&a, sizeof a)); name(c, 0); name(c, 1); P(connect(c, (void *)&a, sizeof a)); n = sizeof from; t = P(accept(s, (void *)&from, &n)); printf("from %s %d\n", inet_ntoa(from.sin_addr), n); struct sockaddr_in mine; n = sizeof mine; getsockname(c, (void *)&mine, &n); printf("same port %d\n", mine.sin_port == from.sin_port);
  P(write(c, "request", 7)); P(read(t, b, 100)); P(write(t, "answer", 6)); P(recv(c, b, 3, MSG_PEEK)); P(read(c, b, 100)); int on = 1; P(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, 4)); printf("nodelay %d\n", option(c, IPPROTO_TCP, TCP_NODELAY)); P(setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &on, 4)); printf("keepalive %d error %d\n", option(c, SOL_SOCKET, SO_KEEPALIVE), option(c, SOL_SOCKET, SO_ERROR)); P(shutdown(t, SHUT_WR)); printf("ready %x\n", ready(c)); P(read(c, b, 1)); P(write(c, "still", 5)); P(read(t, b, 10)); close(t); usleep(10000); printf("ready %x\n", ready(c)); P(read(c, b, 1)); close(c);
  // Refused, and without waiting.
  struct sockaddr_in none = {AF_INET, htons(1), {htonl(INADDR_LOOPBACK)}}; c = socket(AF_INET, SOCK_STREAM, 0); P(connect(c, (void *)&none, sizeof none)); close(c); c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); P(connect(c, (void *)&none, sizeof none) < 0); usleep(10000); printf("ready %x error %d %d\n", ready(c), option(c, SOL_SOCKET, SO_ERROR), option(c, SOL_SOCKET, SO_ERROR)); close(c); c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); P(connect(c, (void *)&a, sizeof a)); usleep(10000); printf("ready %x error %d\n", ready(c), option(c, SOL_SOCKET, SO_ERROR)); t = P(accept(s, 0, 0)); P(read(c, b, 1)); P(write(socket(AF_INET, SOCK_STREAM, 0), "x", 1)); P(read(socket(AF_INET, SOCK_STREAM, 0), b, 1)); P(shutdown(socket(AF_INET, SOCK_STREAM, 0), 1));
  P(bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&a, sizeof a)); int r = socket(AF_INET, SOCK_STREAM, 0); P(setsockopt(r, SOL_SOCKET, SO_REUSEADDR, &on, 4)); P(bind(r, (void *)&a, sizeof a)); P(bind(r, (void *)&a, 4)); struct sockaddr_in far = {AF_INET, 0, {htonl(0x08080808)}}; P(bind(r, (void *)&far, sizeof far)); P(bind(r, (void *)1, sizeof far)); P(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP)); P(socket(AF_INET, 9, 0)); P(socket(99, SOCK_STREAM, 0)); P(setsockopt(r, SOL_SOCKET, 9999, &on, 4)); P(setsockopt(r, SOL_SOCKET, SO_REUSEADDR, &on, 1)); P(getsockname(0, (void *)&a, &n)); P(getsockname(99, (void *)&a, &n));
  // Both wildcards, and a server with epoll.
  int six = socket(AF_INET6, SOCK_STREAM, 0); struct sockaddr_in6 a6 = {AF_INET6}; n = sizeof a6; P(bind(six, (void *)&a6, sizeof a6)); P(listen(six, 5)); getsockname(six, (void *)&a6, &n); a.sin_port = a6.sin6_port; a.sin_addr.s_addr = htonl(INADDR_LOOPBACK); int ep = epoll_create1(0); struct epoll_event e = {EPOLLIN, {.fd = six}}, out[4]; epoll_ctl(ep, EPOLL_CTL_ADD, six, &e);
  if (!fork()) { usleep(20000); for (int i = 0; i < 3; i++) { c = socket(AF_INET, SOCK_STREAM, 0); connect(c, (void *)&a, sizeof a); write(c, "ping", 4); char reply[9] = ""; read(c, reply, 8); printf("client %d %s\n", i, reply); close(c); } c = socket(AF_INET6, SOCK_STREAM, 0); struct sockaddr_in6 l6 = {AF_INET6, a6.sin6_port, 0, IN6ADDR_LOOPBACK_INIT}; P(connect(c, (void *)&l6, sizeof l6)); write(c, "quit", 4); _exit(0); }
  for (int more = 1; more;) { int k = epoll_wait(ep, out, 4, -1); for (int i = 0; i < k; i++) { if (out[i].data.fd == six) { t = accept(six, 0, 0); e.events = EPOLLIN | EPOLLRDHUP | EPOLLET; e.data.fd = t; epoll_ctl(ep, EPOLL_CTL_ADD, t, &e); } else { int fd = out[i].data.fd, k2 = read(fd, b, 100); if (k2 <= 0) close(fd); else if (b[0] == 'q') more = 0; else write(fd, "pong", 4); } } } wait(0);
  // sendfile into a socket
  s = socket(AF_INET, SOCK_STREAM, 0); a.sin_port = 0; bind(s, (void *)&a, sizeof a); listen(s, 1); n = sizeof a; getsockname(s, (void *)&a, &n); c = socket(AF_INET, SOCK_STREAM, 0); connect(c, (void *)&a, sizeof a); t = accept(s, 0, 0); int f = open("/etc/passwd", O_RDONLY); P(sendfile(c, f, 0, 100)); P(recv(t, b, 100, MSG_WAITALL)); printf("%.4s\n", b);
}

static void udp(void) {
  struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, from; socklen_t n = sizeof a; int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
  bind(s, (void *)&a, sizeof a); getsockname(s, (void *)&a, &n); P(send(c, "x", 1, 0)); P(sendto(c, "datagram", 8, 0, (void *)&a, sizeof a)); name(c, 0); n = sizeof from; P(recvfrom(s, b, 3, 0, (void *)&from, &n)); printf("from %s length %d\n", inet_ntoa(from.sin_addr), n); P(sendto(s, "reply", 5, 0, (void *)&from, n)); P(recv(c, b, 10, 0)); P(connect(c, (void *)&a, sizeof a)); name(c, 1); P(send(c, "one", 3, 0)); P(send(c, "", 0, 0)); P(recv(s, b, 10, 0)); P(recv(s, b, 10, 0)); P(recv(s, b, 10, MSG_DONTWAIT)); P(listen(s, 1)); P(accept(s, 0, 0)); printf("ready %x\n", ready(s)); P(connect(c, (void *)&(struct sockaddr){AF_UNSPEC}, sizeof a)); P(send(c, "x", 1, 0)); close(s); connect(c, (void *)&a, sizeof a); P(send(c, "x", 1, 0)); usleep(10000); P(send(c, "x", 1, 0)); P(sendto(c, b, 70000, 0, (void *)&a, sizeof a));
  struct mmsghdr mm[2] = {0}; struct iovec v[2] = {{"aa", 2}, {"bbb", 3}}; s = socket(AF_INET, SOCK_DGRAM, 0); a.sin_port = 0; bind(s, (void *)&a, sizeof a); n = sizeof a; getsockname(s, (void *)&a, &n); for (int i = 0; i < 2; i++) mm[i].msg_hdr.msg_iov = v + i, mm[i].msg_hdr.msg_iovlen = 1, mm[i].msg_hdr.msg_name = &a, mm[i].msg_hdr.msg_namelen = sizeof a; P(sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), mm, 2, 0)); struct iovec w[2] = {{b, 10}, {b + 10, 10}}; for (int i = 0; i < 2; i++) mm[i].msg_hdr.msg_iov = w + i, mm[i].msg_hdr.msg_name = 0, mm[i].msg_hdr.msg_namelen = 0; P(recvmmsg(s, mm, 2, 0, 0)); printf("%d %d\n", mm[0].msg_len, mm[1].msg_len);
}

int main(void) {
  char dir[] = "/tmp/guise-sockets-XXXXXX";
  if (!mkdtemp(dir) || chdir(dir)) return 1;
  setbuf(stdout, 0);
  close_range(3, ~0U, 0);
  pairs();
  rights();
  names();
  tcp();
  udp();
  chdir("/");
  rmdir(dir);
  return 0;
}
