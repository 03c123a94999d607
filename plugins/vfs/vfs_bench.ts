// Figures of metadata operations and reads in memory: deno bench plugins/vfs/vfs_bench.ts
import {
  createMemoryFs,
  createPipe,
  mkdirAt,
  openAt,
  type OpenFile,
  renameAt,
  unlinkAt,
  walk,
} from "./mod.ts";
import { caller, list } from "./testing.ts";

const c = caller(createMemoryFs({ "/usr/lib/x86_64/deep/file": "x".repeat(100000) }));
const into = new Uint8Array(4096);
const file = openAt(c, undefined, "/usr/lib/x86_64/deep/file", 2) as OpenFile;
mkdirAt(c, undefined, "/many", 0o755);
for (let i = 0; i < 40000; i++) (openAt(c, undefined, `/many/file-${i}`, 0o101, 0o644) as OpenFile).unref();
const pipe = createPipe(c, 0) as { read: OpenFile; write: OpenFile };

Deno.bench("walk of five components", () => void walk(c, undefined, "/usr/lib/x86_64/deep/file"));
Deno.bench("walk to ENOENT", () => void walk(c, undefined, "/usr/lib/x86_64/deep/none"));
Deno.bench(
  "open and close",
  () => (openAt(c, undefined, "/usr/lib/x86_64/deep/file", 0) as OpenFile).unref(),
);
Deno.bench("pread 4 KiB", () => void file.pread(into, 8192));
Deno.bench("pwrite 4 KiB", () => void file.pwrite(into, 8192));
Deno.bench("create, rename, unlink", () => {
  (openAt(c, undefined, "/new", 0o101, 0o644) as OpenFile).unref();
  renameAt(c, undefined, "/new", undefined, "/newer");
  unlinkAt(c, undefined, "/newer", false);
});
Deno.bench("pipe write and read 4 KiB", () => {
  pipe.write.write(into);
  pipe.read.read(into);
});
Deno.bench("readdir of 40,000 entries", () => void list(c, "/many", 300));
