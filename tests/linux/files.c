// What file calls answer at their edges: bad buffers, errors in Linux's order, limits, O_PATH, paths of every wrong kind.
#define _GNU_SOURCE
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/resource.h>
#include <signal.h>
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#define S(n,...) ({long r_=syscall(SYS_##n,##__VA_ARGS__); r_<0?-errno:r_;})
#define P(e) printf("%s: %ld\n",#e,(long)(e))
int main(){ char dir[]="/tmp/guise-files-XXXXXX"; if(!mkdtemp(dir)||chdir(dir)) return 1; mkdir("here",0755);
 char*edge=mmap(0,8192,3,MAP_PRIVATE|MAP_ANONYMOUS,-1,0); munmap(edge+4096,4096); memset(edge,'x',4096); char buf[70000]={0};
 int p[2]; pipe(p); signal(SIGPIPE,SIG_IGN);signal(SIGXFSZ,SIG_IGN);
 P(S(write,p[1],edge+4000,200)); P(S(write,p[1],edge+4096,200)); fcntl(p[0],F_SETFL,O_NONBLOCK); P(S(read,p[0],edge+4050,200)); P(S(read,p[0],buf,64)); P(S(read,p[0],buf,64));
 write(p[1],"0123456789012345678901234567890123456789012345678901234567890123456789",70);
 P(S(read,p[0],edge+4050,60)); P(S(read,p[0],buf,64)); P(S(read,p[0],(char*)1,0)); P(S(read,p[0],(char*)1,5)); write(p[1],"abc",3); P(S(read,p[0],(char*)1,5)); P(S(read,p[0],buf,64));
 int f=open("file",O_RDWR|O_CREAT|O_TRUNC,0644); P(S(write,f,edge+4000,200)); P(S(pread64,f,edge+4050,96,0)); P(S(read,f,(char*)1,5)); lseek(f,0,0); P(S(read,f,(char*)1,5)); P(S(write,f,(char*)1,5)); P(S(lseek,f,0,1));
 struct iovec iv[3]={{"abc",3},{(char*)1,5},{"def",3}}; P(S(writev,f,iv,3)); P(S(writev,p[1],iv,3)); P(S(read,p[0],buf,64)); struct iovec neg[1]={{buf,-1}}; P(S(writev,f,neg,1)); P(S(readv,f,iv,0)); P(S(writev,f,iv,-1)); P(S(writev,f,iv,1025));
 struct iovec rv[2]={{buf,2},{(char*)1,5}}; lseek(f,0,0); P(S(readv,f,rv,2));
 int d=open("/",0); P(S(read,d,(char*)1,1)); P(S(read,p[1],(char*)1,1)); P(S(write,p[0],(char*)1,1)); P(S(read,99,1,1)); P(S(pread64,p[0],1,1,-1)); P(S(pread64,p[0],buf,1,0)); P(S(lseek,p[0],0,0)); P(S(open,"/dev/null/x",0)); P(S(open,"/",2)); P(S(open,"/dev",O_CREAT|O_EXCL,0644)); P(S(open,"/dev",O_CREAT,0644)); P(S(getdents64,p[0],buf,64)); P(S(getdents64,d,buf,8)); P(S(getdents64,d,1,100));
 int n=open("/dev/null",2); P(S(write,n,(char*)1,5)); P(S(read,n,(char*)1,5)); int z=open("/dev/zero",2); P(S(read,z,(char*)1,5)); P(S(read,z,edge+4090,50)); P(S(lseek,n,5,0)); P(S(lseek,n,5,2)); P(S(pread64,n,buf,5,7)); P(S(lseek,z,7,0)); P(S(lseek,z,-7,0)); int fu=open("/dev/full",1); P(S(write,fu,"x",1)); P(S(write,fu,"x",0));
 struct rlimit rl={4,4}; int g=open("file",O_RDWR|O_TRUNC); setrlimit(RLIMIT_FSIZE,&(struct rlimit){4,RLIM_INFINITY}); P(S(write,g,"abcdef",6)); P(S(write,g,"g",1)); P(S(write,g,"",0)); P(S(ftruncate,g,5)); P(S(fallocate,g,0,0,10)); P(S(pwrite64,g,"abcdef",6,2)); lseek(g,100,0); P(S(write,g,"",0)); setrlimit(RLIMIT_FSIZE,&(struct rlimit){RLIM_INFINITY,RLIM_INFINITY});
 setrlimit(RLIMIT_NOFILE,&(struct rlimit){12,1000}); P(S(fcntl,0,F_DUPFD,12)); P(S(fcntl,0,F_DUPFD,-1)); P(S(dup2,0,12)); P(S(dup2,0,-1)); P(S(dup3,0,0,0)); P(S(dup2,99,99)); P(S(dup2,0,0)); P(S(dup3,0,5,1)); for(int i=0;i<20;i++) { long r=S(dup,0); if(r<0){P(r);break;} } P(S(open,"/nothing",0)); P(S(pipe,buf)); P(S(pipe,1));  setrlimit(RLIMIT_NOFILE,&(struct rlimit){1000,1000});
 close(p[0]); P(S(write,p[1],"x",1)); P(S(write,p[1],"x",0)); P(S(write,p[1],(char*)1,1));
 int op=open("/dev",O_PATH); P(S(read,op,buf,1)); P(S(fcntl,op,F_GETFL)); P(S(fcntl,op,F_GETFD)); P(S(fcntl,op,F_SETFL,0)); P(S(ioctl,op,0x5401,buf)); P(S(lseek,op,0,0)); P(S(fchmod,op,0)); P(S(getdents64,op,buf,100)); P(S(fstat,op,buf)); P(S(fsync,op)); P(S(ftruncate,op,1)); P(S(fchdir,op));
 P(S(fcntl,f,F_GETFL)); P(S(fcntl,d,F_GETFL)); P(S(openat,AT_FDCWD,"",0)); P(S(openat,d,"",0)); P(S(open,"file/",0)); P(S(open,"file",O_DIRECTORY)); P(S(open,"file",O_CREAT|O_DIRECTORY,0644));P(S(open,"newdir",O_CREAT|O_DIRECTORY,0644)); P(S(open,"/tmp",O_TMPFILE,0600)); P(S(open,"/tmp",O_TMPFILE|1|O_CREAT,0600)); P(S(open,"/tmp",020000000|2,0600)); P(S(open,"file",O_TMPFILE|2,0600));
 P(S(ftruncate,f,-1)); P(S(ftruncate,d,1)); P(S(ftruncate,p[1],1)); P(S(truncate,"/tmp",1)); P(S(truncate,"/dev/null",1)); P(S(fallocate,p[1],0,0,1)); P(S(fallocate,d,0,0,1)); P(S(fallocate,n,0,0,1)); P(S(fallocate,f,0,-1,1)); P(S(fallocate,f,0,0,0)); P(S(fallocate,f,2,0,1)); P(S(fsync,p[1])); P(S(fsync,n)); P(S(fsync,d)); P(S(fadvise64,p[1],0,0,0)); P(S(fadvise64,f,0,0,9)); P(S(readahead,f,0,1)); P(S(readahead,p[1],0,1)); P(S(sync_file_range,p[1],0,0,7)); P(S(sync_file_range,n,0,0,7));P(S(sync_file_range,f,0,0,8)); P(S(syncfs,f));
 P(S(flock,f,0)); P(S(flock,99,8)); P(S(flock,p[1],2)); P(S(close_range,5,4,0)); P(S(close_range,900,901,8)); P(S(lseek,f,-1,0)); P(S(lseek,f,0,5)); P(S(lseek,f,0,3));
 P(S(umask,07777)); P(S(umask,0)); P(S(getcwd,buf,4)); P(S(chdir,"")); P(S(rename,"","x")); P(S(rename,"here","a/b")); P(S(rename,"here","newsub")); P(S(rename,".","x")); P(S(rmdir,".")); P(S(rmdir,"..")); P(S(rmdir,"/")); P(S(unlink,"/tmp")); P(S(unlink,"/")); P(S(mkdir,"/",0)); P(S(link,"/tmp","l")); P(S(linkat,-100,"",-100,"y",0)); P(S(symlink,"","x")); P(S(symlink,"x","")); P(S(readlinkat,d,"",buf,10)); P(S(readlink,"/proc/self/exe",buf,0)); P(S(readlink,"/proc/self/exe",buf,-1)); P(S(readlink,"/tmp",buf,5)); P(S(readlink,"/proc/self/exe",1,5)); P(S(mknod,"nod",0120644,0)); P(S(mknod,"nod",0170644,0)); P(S(access,"/",8)); P(S(faccessat2,-100,"/",0,0x800)); P(S(newfstatat,-100,"/",buf,0x200)); P(S(newfstatat,-100,"",buf,0)); P(S(newfstatat,-100,"",buf,0x1000)); P(S(newfstatat,99,"",buf,0x1000)); P(S(newfstatat,99,"/",buf,0)); P(S(newfstatat,99,"x",buf,0)); P(S(newfstatat,f,"x",buf,0)); P(S(statx,-100,"/",0x6000,0,buf)); P(S(statx,-100,"/",0,0x80000000u,buf)); P(S(statx,f,"",0x1000,0,buf));
 P(S(utimensat,-100,NULL,NULL,0)); P(S(utimensat,f,NULL,NULL,0x100)); P(S(utimensat,f,"",NULL,0)); P(S(utimensat,op,NULL,NULL,0)); P(S(fchownat,f,"",-1,-1,0x1000)); P(S(fchmodat,f,"",0600)); P(S(chmod,"",0)); P(S(statfs,"",buf)); P(S(fstatfs,p[1],buf)); P(S(fstatfs,op,buf)); P(S(fgetxattr,f,"user.x",buf,1)); P(S(getxattr,"/tmp","",buf,1)); P(S(getxattr,"/tmp","foo",buf,1)); P(S(memfd_create,"x",0x100)); P(S(memfd_create,"x",3));
 P(S(pwritev2,f,iv,1,-2L,-1L,0)); P(S(sendfile,f,p[1],0,5)); P(S(copy_file_range,f,0,d,0,5,0)); P(S(copy_file_range,f,0,f,0,5,1)); P(S(splice,f,0,f,0,5,0)); P(S(fcntl,f,F_SETOWN,1)); P(S(fcntl,f,F_SETPIPE_SZ,4096)); P(S(fcntl,f,F_GETPIPE_SZ)); P(S(fcntl,p[1],F_SETPIPE_SZ,4097)); P(S(fcntl,f,F_GET_SEALS)); P(S(fcntl,f,F_ADD_SEALS,1)); P(S(fcntl,f,F_SETLEASE,2)); P(S(fcntl,f,F_NOTIFY,0)); P(S(fcntl,f,F_SETSIG,65));
 P(S(fcntl,f,F_SETFL,O_APPEND|O_RDWR)); P(S(pwrite64,f,"Z",1,0)); P(S(lseek,f,0,1)); P(S(fcntl,f,F_GETFL));
 P(S(ioctl,f,0x5421,1)); P(S(ioctl,f,0x541b,buf)); P(*(int*)buf); P(S(ioctl,d,0x541b,buf)); P(S(ioctl,n,0x541b,buf)); P(S(ioctl,z,0x541b,buf)); P(S(ioctl,p[1],0x541b,buf)); P(S(ioctl,f,0x5413,buf)); P(S(ioctl,99,0x5413,buf)); P(S(ioctl,f,0x5451,1)); P(S(ioctl,f,0x5460,buf)); P(S(ioctl,p[1],0x5460,buf)); P(S(ioctl,f,0x40049409,99)); P(S(ioctl,f,0x40049409,p[1])); P(S(ioctl,p[1],0x40049409,f)); P(S(ioctl,f,0x5452,(int[]){1})); P(S(ioctl,p[1],0x5452,(int[]){1}));P(S(ioctl,d,0x5452,(int[]){1}));
 chdir(dir); unlink("file"); rmdir("here"); chdir("/"); rmdir(dir); return 0; }
