/** The tables of Linux: each subject's file brings its rows, with their numbers on x86-64 and aarch64. */
import { type SyscallTable, tables } from "@guise/core";
import { rows as advise } from "./calls/advise.ts";
import { rows as attributes } from "./calls/attributes.ts";
import { rows as descriptor } from "./calls/descriptor.ts";
import { rows as directory } from "./calls/directory.ts";
import { rows as epoll } from "./calls/epoll.ts";
import { rows as eventfd } from "./calls/eventfd.ts";
import { rows as exec } from "./calls/exec.ts";
import { rows as fcntl } from "./calls/fcntl.ts";
import { rows as futex } from "./calls/futex.ts";
import { rows as identity } from "./calls/identity.ts";
import { rows as ioctl } from "./calls/ioctl.ts";
import { rows as link } from "./calls/link.ts";
import { rows as lock } from "./calls/lock.ts";
import { rows as memfd } from "./calls/memfd.ts";
import { rows as memory } from "./calls/memory.ts";
import { rows as missing } from "./calls/missing.ts";
import { rows as message } from "./calls/message.ts";
import { rows as numa } from "./calls/numa.ts";
import { rows as open } from "./calls/open.ts";
import { rows as poll } from "./calls/poll.ts";
import { rows as prctl } from "./calls/prctl.ts";
import { rows as process } from "./calls/process.ts";
import { rows as readWrite } from "./calls/read_write.ts";
import { rows as sched } from "./calls/sched.ts";
import { rows as sendfile } from "./calls/sendfile.ts";
import { rows as signal } from "./calls/signal.ts";
import { rows as socket } from "./calls/socket.ts";
import { rows as space } from "./calls/space.ts";
import { rows as stat } from "./calls/stat.ts";
import { rows as system } from "./calls/system.ts";
import { rows as time } from "./calls/time.ts";
import { rows as timer } from "./calls/timer.ts";
import { rows as usage } from "./calls/usage.ts";
import { rows as wait } from "./calls/wait.ts";
import { rows as xattr } from "./calls/xattr.ts";
import { rows as timerfd } from "./calls/timerfd.ts";
import { rows as signalfd } from "./calls/signalfd.ts";
import { rows as pidfd } from "./calls/pidfd.ts";
import { rows as shm } from "./calls/shm.ts";
import { int80Table } from "./int80/table.ts";
import type { Rows } from "./rows.ts";

export type { Rows } from "./rows.ts";

/** All rows, by subject. */
export const subjects: Readonly<Record<string, Rows>> = {
  "Files: reading and writing": readWrite,
  "Files: opening": open,
  "Files: attributes": attributes,
  "Files: status": stat,
  "Files: directories": directory,
  "Files: links and names": link,
  "Files: space": space,
  "Files: copying": sendfile,
  "Files: extended attributes": xattr,
  "Files in memory": memfd,
  "Descriptors": descriptor,
  "Descriptors: fcntl": fcntl,
  "Descriptors: locks": lock,
  "Descriptors: devices": ioctl,
  "Waiting for files": poll,
  "Waiting for files: epoll": epoll,
  "Counters": eventfd,
  "Sockets": socket,
  "Sockets: messages": message,
  "Programs and threads": exec,
  "Processes": process,
  "Processes: files": pidfd,
  "Waiting for children": wait,
  "Signals": signal,
  "Signals: files": signalfd,
  "Memory": memory,
  "Memory: hints": advise,
  "Memory: System V segments": shm,
  "Memory: policies": numa,
  "Futexes": futex,
  "Time": time,
  "Timers": timer,
  "Timers: files": timerfd,
  "Identity": identity,
  "Limits and usage": usage,
  "Scheduling": sched,
  "Settings": prctl,
  "The machine": system,
  "Not there": missing,
};

const all: Rows = Object.values(subjects).flat();

/** What the personality brings: one table an entry path. */
export const linuxTables: readonly SyscallTable[] = [
  ...tables([["x86-64", "syscall"], ["aarch64", "svc"]], all),
  int80Table(all),
];
