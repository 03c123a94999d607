// Waiting for files: epoll, eventfd, poll and select with signals and masks, pipes that fill, locks, FIFOs that open.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <poll.h>
#include <errno.h>
#include <string.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/time.h>
#include <sys/select.h>
#include <time.h>
#include <stdint.h>
#define P(e) ({errno=0; long r_=(e); printf("%s: %ld %s\n",#e,r_,r_<0?strerror(errno):"");r_;})
static int hits; void h(int s){hits++;}
int main(){ char dir[]="/tmp/guise-wait-XXXXXX"; if(!mkdtemp(dir)||chdir(dir)) return 1; setbuf(stdout,0); struct epoll_event ev={0},out[10]; char b[100]; uint64_t v;
int ep=epoll_create1(0); int p[2]; pipe(p); int q[2]; pipe2(q,O_NONBLOCK);
ev.events=EPOLLIN; ev.data.u64=0x1122334455667788; P(epoll_ctl(ep,EPOLL_CTL_ADD,p[0],&ev)); P(epoll_ctl(ep,EPOLL_CTL_ADD,p[0],&ev)); P(epoll_ctl(ep,EPOLL_CTL_MOD,p[1],&ev)); P(epoll_ctl(ep,EPOLL_CTL_DEL,p[1],&ev)); P(epoll_ctl(ep,EPOLL_CTL_ADD,ep,&ev)); P(epoll_ctl(p[0],EPOLL_CTL_ADD,p[1],&ev)); P(epoll_ctl(99,EPOLL_CTL_ADD,p[1],&ev)); P(epoll_ctl(ep,EPOLL_CTL_ADD,99,&ev)); P(epoll_ctl(ep,7,p[1],&ev)); int d=open("/",0); P(epoll_ctl(ep,EPOLL_CTL_ADD,d,&ev)); 
P(epoll_wait(ep,out,10,0)); P(epoll_wait(ep,out,0,0)); P(epoll_wait(ep,(void*)1,1,0)); P(epoll_wait(p[0],out,1,0));
write(p[1],"a",1); P(epoll_wait(ep,out,10,-1)); printf("%x %llx\n",out[0].events,(long long)out[0].data.u64); P(epoll_wait(ep,out,10,0)); 
ev.events=EPOLLIN|EPOLLET; P(epoll_ctl(ep,EPOLL_CTL_MOD,p[0],&ev)); P(epoll_wait(ep,out,10,0)); P(epoll_wait(ep,out,10,0)); write(p[1],"b",1); P(epoll_wait(ep,out,10,0)); P(epoll_wait(ep,out,10,0)); read(p[0],b,1);  P(epoll_wait(ep,out,10,0)); read(p[0],b,1);
ev.events=EPOLLIN|EPOLLONESHOT; P(epoll_ctl(ep,EPOLL_CTL_MOD,p[0],&ev)); write(p[1],"c",1); P(epoll_wait(ep,out,10,0)); P(epoll_wait(ep,out,10,0)); ev.events=EPOLLIN; P(epoll_ctl(ep,EPOLL_CTL_MOD,p[0],&ev)); P(epoll_wait(ep,out,10,0)); 
ev.events=EPOLLOUT; ev.data.u64=5; P(epoll_ctl(ep,EPOLL_CTL_ADD,q[1],&ev)); P(epoll_wait(ep,out,10,0)); P(epoll_wait(ep,out,1,0)); printf("%llx\n",(long long)out[0].data.u64); P(epoll_wait(ep,out,1,0)); printf("%llx\n",(long long)out[0].data.u64);
close(q[0]); P(epoll_wait(ep,out,10,0)); for(int i=0;i<2;i++) printf("%x %llx\n",out[i].events,(long long)out[i].data.u64); close(q[1]); P(epoll_wait(ep,out,10,0)); close(p[1]); P(epoll_wait(ep,out,10,0)); printf("%x\n",out[0].events); read(p[0],b,10);P(epoll_wait(ep,out,10,0)); printf("%x\n",out[0].events); P(epoll_ctl(ep,EPOLL_CTL_DEL,p[0],0)); P(epoll_wait(ep,out,10,20));
struct pollfd pf={ep,POLLIN}; int e=eventfd(0,EFD_NONBLOCK); ev.events=EPOLLIN; P(epoll_ctl(ep,EPOLL_CTL_ADD,e,&ev)); P(poll(&pf,1,0)); v=3; P(write(e,&v,8)); P(poll(&pf,1,0)); P(read(e,&v,8)); printf("%d\n",(int)v); P(read(e,&v,8)); P(read(e,&v,4)); v=-1; P(write(e,&v,8)); v=-2; P(write(e,&v,8)); v=1; P(write(e,&v,8)); pf.fd=e; pf.events=POLLIN|POLLOUT; P(poll(&pf,1,0)); printf("%x\n",pf.revents); P(read(e,&v,8)); printf("%llx\n",(long long)v);
int s=eventfd(2,EFD_SEMAPHORE); P(read(s,&v,8)); printf("%d\n",(int)v); P(read(s,&v,8)); fcntl(s,F_SETFL,O_NONBLOCK); P(read(s,&v,8));
/* nested and across fork */
int pp[2]; pipe(pp); ev.events=EPOLLIN; ev.data.fd=9; epoll_ctl(ep,EPOLL_CTL_ADD,pp[0],&ev); if(!fork()){ usleep(50000); write(pp[1],"x",1); _exit(0);} P(epoll_wait(ep,out,10,-1)); printf("%d\n",out[0].data.fd); wait(0); read(pp[0],b,1);
/* signals */
struct sigaction sa={0}; sa.sa_handler=h; sa.sa_flags=SA_RESTART; sigaction(SIGALRM,&sa,0); struct itimerval it={{0,0},{0,30000}},often={{0,30000},{0,30000}},off={0}; /* often: the first may come before the wait */ setitimer(0,&often,0); P(epoll_wait(ep,out,10,-1)); printf("%d\n",hits>0); P(poll(&pf,0,-1)); P(select(0,0,0,0,0)); struct timeval tv={10,0}; P(select(0,0,0,0,&tv)); setitimer(0,&off,0); printf("%d %d\n",hits>3,tv.tv_sec==9); hits=0;
sigset_t m,o; sigemptyset(&m); sigaddset(&m,SIGALRM); sigprocmask(SIG_BLOCK,&m,&o); setitimer(0,&it,0); usleep(50000); printf("%d\n",hits); P(ppoll(0,0,0,&o)); printf("%d\n",hits); setitimer(0,&it,0); P(pselect(0,0,0,0,0,&o)); printf("%d\n",hits); setitimer(0,&it,0); P(epoll_pwait(ep,out,10,-1,&o)); printf("%d\n",hits); sigset_t now; sigprocmask(0,0,&now); printf("%d\n",sigismember(&now,SIGALRM)); struct timespec ts={0,20000000}; P(ppoll(0,0,&ts,&o)); sigprocmask(SIG_SETMASK,&o,0);
/* read interrupted */
setitimer(0,&it,0); if(!fork()){usleep(80000); write(pp[1],"y",1); _exit(0);} P(read(pp[0],b,1)); printf("%d\n",hits); sa.sa_flags=0; sigaction(SIGALRM,&sa,0); setitimer(0,&often,0); P(read(pp[0],b,1)); setitimer(0,&off,0); wait(0);
/* big write blocked, reader slow */
int w[2]; pipe(w); if(!fork()){ close(w[1]); long t=0,n; char*big=b; while((n=read(w[0],b,100))>0) t+=n; _exit(t==200000?7:1);} close(w[0]); static char big[200000]; P(write(w[1],big,200000)); close(w[1]); int st; wait(&st); printf("%d\n",WEXITSTATUS(st));
/* flock, fcntl wait across fork */
int f=open("e1.lock",O_RDWR|O_CREAT,0644); struct flock fl={F_WRLCK,SEEK_SET,0,10}; fcntl(f,F_SETLK,&fl); int r2[2]; pipe(r2); if(!fork()){ struct flock g={F_WRLCK,SEEK_SET,5,1}; P(fcntl(f,F_SETLK,&g)); fcntl(f,F_GETLK,&g); printf("%d %d %d %d\n",g.l_type,(int)g.l_start,(int)g.l_len,g.l_pid==getppid()); write(r2[1],"r",1); g=(struct flock){F_WRLCK,SEEK_SET,5,1}; P(fcntl(f,F_SETLKW,&g)); _exit(0);} read(r2[0],b,1); usleep(20000); printf("unlock\n"); fl.l_type=F_UNLCK; fcntl(f,F_SETLK,&fl); wait(0);
int f2=open("e1.lock",O_RDWR); P(flock(f,LOCK_EX)); P(flock(f2,LOCK_SH|LOCK_NB)); P(flock(f,LOCK_SH)); P(flock(f2,LOCK_SH|LOCK_NB)); close(f); if(!fork()){P(flock(f2,LOCK_EX));_exit(0);} wait(0); unlink("e1.lock");
/* fifo open blocks */
mkfifo("e1.fifo",0600); P(open("e1.fifo",O_WRONLY|O_NONBLOCK)); if(!fork()){usleep(20000); int x=open("e1.fifo",O_WRONLY); write(x,"fifo",4); _exit(0);} int x=open("e1.fifo",O_RDONLY); P(read(x,b,10)); P(read(x,b,10)); wait(0); unlink("e1.fifo");
/* alarm interrupts fifo open*/
mkfifo("e1.fifo",0600); setitimer(0,&often,0); P(open("e1.fifo",O_RDONLY)); setitimer(0,&off,0); unlink("e1.fifo"); chdir("/"); rmdir(dir);
return 0;}
