/**
 * System V shared memory: segments that live until they are removed and nobody has them mapped. A segment is a backing
 * of its own; pages that mappings changed come back to it when they are merged.
 */
import {
  type Backing,
  EACCES,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOSPC,
  type Errno,
  type Kernel,
  Key,
} from "@guise/core";
import type { Credentials } from "../credentials.ts";
import { taskKey } from "../state.ts";

const PAGE = 4096;

/** Flags of shmget and shmat. */
// deno-fmt-ignore
export const IPC_CREAT = 0o1000, IPC_EXCL = 0o2000, IPC_NOWAIT = 0o4000, SHM_RDONLY = 0o10000, SHM_RND = 0o20000,
  SHM_REMAP = 0o40000, SHM_EXEC = 0o100000, SHM_HUGETLB = 0o4000;

/** A segment. Times in seconds. */
export class Segment implements Backing {
  readonly id: number;
  key: number;
  readonly size: number;
  readonly segmentSize: number;
  readonly identity: object = this;
  readonly name: string;
  readonly device: readonly [number, number] = [0, 1];
  readonly inode: number;
  mode: number;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  attachTime = 0;
  detachTime = 0;
  changeTime: number;
  readonly creator: number;
  lastPid = 0;
  attached = 0;
  removed = false;
  readonly #segments: SharedSegments;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(segments: SharedSegments, fields: {
    id: number;
    key: number;
    size: number;
    mode: number;
    cred: Credentials;
  }) {
    this.#segments = segments;
    this.id = fields.id;
    this.key = fields.key;
    this.segmentSize = fields.size;
    this.size = Math.ceil(fields.size / PAGE) * PAGE;
    this.mode = fields.mode & 0o777;
    this.uid = this.cuid = fields.cred.euid;
    this.gid = this.cgid = fields.cred.egid;
    this.creator = segments.pid;
    this.changeTime = segments.now();
    this.inode = fields.id;
    this.name = `/SYSV${(fields.key >>> 0).toString(16).padStart(8, "0")} (deleted)`;
  }
  fill(offset: number, into: Uint8Array): number {
    into.fill(0);
    for (let done = 0; done < into.length;) {
      const at = offset + done, page = Math.floor(at / PAGE), start = at % PAGE;
      const n = Math.min(PAGE - start, into.length - done);
      const bytes = this.#pages.get(page);
      if (bytes !== undefined) into.set(bytes.subarray(start, start + n), done);
      done += n;
    }
    return Math.max(0, Math.min(into.length, this.size - offset));
  }
  store(offset: number, from: Uint8Array): void {
    for (let done = 0; done < from.length;) {
      const at = offset + done, page = Math.floor(at / PAGE), start = at % PAGE;
      const n = Math.min(PAGE - start, from.length - done);
      let bytes = this.#pages.get(page);
      if (bytes === undefined) this.#pages.set(page, bytes = new Uint8Array(PAGE));
      bytes.set(from.subarray(done, done + n), start);
      done += n;
    }
  }
  hold(): void {
    this.attached++;
    this.attachTime = this.#segments.now();
    this.lastPid = this.#segments.pid || this.lastPid;
  }
  release(): void {
    this.attached--;
    this.detachTime = this.#segments.now();
    this.lastPid = this.#segments.pid || this.lastPid;
    if (this.attached === 0 && this.removed) this.#segments.forget(this);
  }
  /** 0 when `cred` may do what the mode bits say (4 read, 2 write). */
  permits(cred: Credentials, want: number): 0 | Errno {
    if (cred.euid === 0) return 0;
    const owner = cred.euid === this.uid || cred.euid === this.cuid;
    const group = cred.egid === this.gid || cred.groups.includes(this.gid) || cred.egid === this.cgid;
    const bits = owner ? this.mode >> 6 : group ? this.mode >> 3 : this.mode;
    return (want & ~bits) === 0 ? 0 : EACCES;
  }
  /** True for the owner, the creator and root: who may change and remove it. */
  owns(cred: Credentials): boolean {
    return cred.euid === 0 || cred.euid === this.uid || cred.euid === this.cuid;
  }
}

/** All segments of a kernel. */
export class SharedSegments {
  readonly #byId = new Map<number, Segment>();
  readonly #kernel: Kernel;
  #next = 0;
  #time: [number, number] = [0, 0];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }
  /** Seconds since 1970. */
  now(): number {
    this.#kernel.clock.realtime(this.#time);
    return this.#time[0];
  }
  /** Who runs; 0: nobody. */
  get pid(): number {
    return this.#kernel.current?.data.find(taskKey)?.process.pid ?? 0;
  }

  get all(): readonly Segment[] {
    return [...this.#byId.values()];
  }
  get(id: number): Segment | undefined {
    return this.#byId.get(id);
  }
  /** shmget(2). Key 0 (IPC_PRIVATE) is always a new one. */
  open(
    key: number,
    size: number,
    flags: number,
    cred: Credentials,
  ): number | Errno {
    const old = key === 0 ? undefined : this.all.find((s) => s.key === key && !s.removed);
    if (old !== undefined) {
      if ((flags & (IPC_CREAT | IPC_EXCL)) === (IPC_CREAT | IPC_EXCL)) return EEXIST;
      if (size > old.segmentSize) return EINVAL;
      const want = (flags >> 6 | flags >> 3 | flags) & 6;
      const error = old.permits(cred, want);
      return error !== 0 ? error : old.id;
    }
    if (key !== 0 && !(flags & IPC_CREAT)) return ENOENT;
    if (!(size >= 1 && size <= 2 ** 32)) return EINVAL;
    if (this.#byId.size >= 4096) return ENOSPC;
    const segment = new Segment(this, { id: this.#next++, key, size, mode: flags, cred });
    this.#byId.set(segment.id, segment);
    return segment.id;
  }
  /** IPC_RMID: gone at once, or with the last detach; its key is free now. */
  remove(segment: Segment): void {
    segment.removed = true;
    segment.key = 0;
    if (segment.attached === 0) this.forget(segment);
  }
  forget(segment: Segment): void {
    this.#byId.delete(segment.id);
  }
}

const segmentsKey: Key<SharedSegments> = new Key<SharedSegments>("linux shared segments");

/** The segments of a kernel. */
export function segmentsOf(kernel: Kernel): SharedSegments {
  let segments = kernel.data.find(segmentsKey);
  if (segments === undefined) kernel.data.set(segmentsKey, segments = new SharedSegments(kernel));
  return segments;
}
