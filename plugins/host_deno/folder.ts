/**
 * A folder of the host for the virtual file system, by Deno's synchronous functions. Its limits are Deno's (docs/files.md): names
 * must be UTF-8, times are whole milliseconds, extended attributes are not seen.
 */
import { ELOOP, ENOENT, ENXIO, EOPNOTSUPP, EROFS, type Errno } from "@guise/core";
import type { HostEntry, HostFile, HostFolder, HostStat } from "@guise/vfs/key";
import { attempt, errnoOf } from "./errors.ts";

const S_IFREG = 0o100000, S_IFDIR = 0o040000, S_IFLNK = 0o120000, S_IFMT = 0o170000;

/** A host without mode bits (Windows) still tells the type. */
function modeOf(info: Deno.FileInfo): number {
  if (info.mode !== null && (info.mode & S_IFMT) !== 0) return info.mode;
  return info.isSymlink ? S_IFLNK | 0o777 : info.isDirectory ? S_IFDIR | 0o755 : S_IFREG | 0o644;
}

function statOf(info: Deno.FileInfo): HostStat {
  const mtimeMs = info.mtime?.getTime() ?? 0;
  return {
    mode: modeOf(info),
    ino: info.ino ?? 0,
    dev: info.dev,
    nlink: info.nlink ?? 1,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    rdev: info.rdev ?? 0,
    size: info.size,
    blocks: info.blocks ?? Math.ceil(info.size / 512),
    atimeMs: info.atime?.getTime() ?? mtimeMs,
    mtimeMs,
    ctimeMs: info.ctime?.getTime() ?? mtimeMs,
    birthtimeMs: info.birthtime?.getTime() ?? mtimeMs,
  };
}

/** An open file with positioned reads and writes; the file's own offset is of no meaning to us. */
export class DenoFile implements HostFile {
  readonly #file: Deno.FsFile;
  #position = 0;
  /** Takes over `file`: {@link close} closes it. */
  constructor(file: Deno.FsFile) {
    this.#file = file;
  }
  /** See HostFile. */
  stat(): HostStat | Errno {
    return attempt(() => statOf(this.#file.statSync()));
  }
  #seek(offset: number): void {
    if (offset !== this.#position) this.#position = this.#file.seekSync(offset, Deno.SeekMode.Start);
  }
  /** See HostFile: all that there is, up to the length of `into`. */
  read(into: Uint8Array, offset: number): number | Errno {
    try {
      this.#seek(offset);
      let done = 0;
      while (done < into.length) {
        const n = this.#file.readSync(done === 0 ? into : into.subarray(done));
        if (n === null || n === 0) break;
        done += n;
        this.#position += n;
      }
      return done;
    } catch (error) {
      this.#position = -1;
      return errnoOf(error);
    }
  }
  /** See HostFile. */
  write(from: Uint8Array, offset: number): number | Errno {
    let done = 0;
    try {
      this.#seek(offset);
      while (done < from.length) {
        const n = this.#file.writeSync(done === 0 ? from : from.subarray(done));
        done += n;
        this.#position += n;
      }
      return done;
    } catch (error) {
      this.#position = -1;
      return done > 0 ? done : errnoOf(error);
    }
  }
  /** See HostFile. */
  truncate(size: number): 0 | Errno {
    return attempt(() => (this.#file.truncateSync(size), 0 as const));
  }
  /** See HostFile. */
  sync(dataOnly: boolean): 0 | Errno {
    return attempt(() => (dataOnly ? this.#file.syncDataSync() : this.#file.syncSync(), 0 as const));
  }
  /** See HostFile. */
  close(): void {
    attempt(() => this.#file.close());
  }
}

/** Options of {@link hostFolder}. */
export interface HostFolderOptions {
  /** Offer the operations that change something. Default false. */
  readonly write?: boolean;
  /** For /proc/mounts. Default the path. */
  readonly name?: string;
}

/**
 * The folder at `path` of the host, which must be absolute. With the root directory as folder nothing can lie outside;
 * for others a path that meets a link on its way, put there between our look and our use, is refused (ELOOP).
 */
export function hostFolder(path: string, options: HostFolderOptions = {}): HostFolder {
  const root = path === "/" ? "" : path.replace(/\/+$/, "");
  const name = options.name ?? path;
  const at = (p: string): string => (p === "" ? root || "/" : `${root}/${p}`);
  let real: string | undefined;
  /** The parent of `p` is really where its path says: no link on the way. */
  const straight = (p: string): 0 | Errno => {
    if (root === "") return 0;
    const slash = p.lastIndexOf("/");
    if (slash < 0) return 0;
    return attempt(() => {
      real ??= Deno.realPathSync(root);
      return Deno.realPathSync(at(p.slice(0, slash))) === `${real}/${p.slice(0, slash)}` ? 0 : ELOOP;
    });
  };
  const change = (paths: readonly string[], work: () => void): 0 | Errno => {
    for (const p of paths) {
      const bad = straight(p);
      if (bad !== 0) return bad;
    }
    return attempt(() => (work(), 0 as const));
  };

  const folder: HostFolder = {
    name,
    lstat: (p) => attempt(() => statOf(Deno.lstatSync(at(p)))),
    readlink: (p) => attempt(() => Deno.readLinkSync(at(p))),
    readdir: (p) => {
      const bad = straight(p === "" ? "" : p + "/.");
      if (bad !== 0) return bad;
      return attempt(() => {
        const entries: HostEntry[] = [];
        for (const e of Deno.readDirSync(at(p))) {
          const type = e.isFile ? S_IFREG : e.isDirectory ? S_IFDIR : e.isSymlink ? S_IFLNK : 0;
          entries.push({ name: e.name, type });
        }
        return entries;
      });
    },
    open: (p, write) => {
      const bad = straight(p);
      if (bad !== 0) return bad;
      return attempt(() => {
        if (write && options.write !== true) return EROFS;
        // Opening a FIFO or a device could block or act: only regular files are opened, and what was opened must be
        // what was looked at.
        const seen = Deno.lstatSync(at(p));
        if (seen.isSymlink) return ELOOP;
        if (!seen.isFile) return ENXIO;
        const file = Deno.openSync(at(p), { read: true, write });
        const got = file.statSync();
        if (got.ino !== seen.ino || got.dev !== seen.dev) {
          file.close();
          return ELOOP;
        }
        return new DenoFile(file);
      });
    },
    statfs: () => {
      const fs = nodeFs();
      if (fs === undefined) return EOPNOTSUPP;
      return attempt(() => {
        const { bsize, blocks, bfree } = fs.statfsSync(at(""));
        return { bsize, blocks, bfree };
      });
    },
  };
  if (options.write !== true) return folder;
  return {
    ...folder,
    create: (p, mode) => {
      const bad = straight(p);
      if (bad !== 0) return bad;
      return attempt(() => {
        const file = Deno.openSync(at(p), { read: true, write: true, createNew: true, mode: mode & 0o777 });
        // The host's umask has been applied; the guest's own was applied before.
        if (Deno.build.os !== "windows") Deno.chmodSync(at(p), mode & 0o7777);
        return new DenoFile(file);
      });
    },
    mkdir: (p, mode) =>
      change([p], () => {
        Deno.mkdirSync(at(p));
        if (Deno.build.os !== "windows") Deno.chmodSync(at(p), mode & 0o7777);
      }),
    symlink: (target, p) => change([p], () => Deno.symlinkSync(target, at(p))),
    link: (existing, p) => change([existing, p], () => Deno.linkSync(at(existing), at(p))),
    unlink: (p) => change([p], () => remove(at(p), false)),
    rmdir: (p) => change([p], () => remove(at(p), true)),
    rename: (from, to) => change([from, to], () => Deno.renameSync(at(from), at(to))),
    chmod: (p, mode) =>
      change([p], () => {
        // chmod(2) follows links; there is no way to change a link's own mode, and Linux has none either.
        if (Deno.lstatSync(at(p)).isSymlink) throw new Deno.errors.NotSupported();
        Deno.chmodSync(at(p), mode & 0o7777);
      }),
    lchown: (p, uid, gid) =>
      change([p], () => {
        const info = Deno.lstatSync(at(p));
        if (info.uid === uid && info.gid === gid) return;
        if (info.isSymlink) need(nodeFs()).lchownSync(at(p), uid, gid);
        else Deno.chownSync(at(p), uid, gid);
      }),
    utimes: (p, atimeMs, mtimeMs) =>
      change([p], () => {
        if (Deno.lstatSync(at(p)).isSymlink) {
          need(nodeFs()).lutimesSync(at(p), atimeMs / 1000, mtimeMs / 1000);
        } else Deno.utimeSync(at(p), new Date(atimeMs), new Date(mtimeMs));
      }),
  };
}

/** What Deno's own functions lack and its node:fs has: loaded only for those who ask, since it takes some 20 ms. */
interface NodeFs {
  statfsSync(path: string): { bsize: number; blocks: number; bfree: number };
  lchownSync(path: string, uid: number, gid: number): void;
  lutimesSync(path: string, atime: number, mtime: number): void;
}
function nodeFs(): NodeFs | undefined {
  const host = globalThis as { process?: { getBuiltinModule?(name: string): NodeFs } };
  return host.process?.getBuiltinModule?.("node:fs");
}
function need(fs: NodeFs | undefined): NodeFs {
  if (fs === undefined) throw new Deno.errors.NotSupported();
  return fs;
}

/** Deno.remove deletes files and empty directories alike: the kinds are told apart first, as unlink and rmdir do. */
function remove(path: string, directory: boolean): void {
  const info = Deno.lstatSync(path);
  if (info.isDirectory !== directory) {
    throw directory ? new Deno.errors.NotADirectory() : new Deno.errors.IsADirectory();
  }
  Deno.removeSync(path);
}

/** ENOENT when the folder is not there or is not a folder, 0 when it is: for the command's checks. */
export function isFolder(path: string): 0 | Errno {
  return attempt(() => (Deno.statSync(path).isDirectory ? 0 : ENOENT));
}
