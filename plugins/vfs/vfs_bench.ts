// Figures of metadata operations and reads in memory: deno bench plugins/vfs/vfs_bench.ts
import { bench, run } from "mitata";
import { createMemoryFs, createPipe, mkdirAt, openAt, OpenFile, renameAt, unlinkAt, walk } from "./mod.ts";
import { caller, list } from "./testing_test.ts";

const c = caller(createMemoryFs({ "/usr/lib/x86_64/deep/file": "x".repeat(100000) }));
const into = new Uint8Array(4096);
const file = openAt(c, undefined, "/usr/lib/x86_64/deep/file", 2) as OpenFile;
mkdirAt(c, undefined, "/many", 0o755);
for (let i = 0; i < 40000; i++) (openAt(c, undefined, `/many/file-${i}`, 0o101, 0o644) as OpenFile).unref();
const pipe = createPipe(c, 0) as { read: OpenFile; write: OpenFile };

bench("walk of five components", () => walk(c, undefined, "/usr/lib/x86_64/deep/file"));
bench("walk to ENOENT", () => walk(c, undefined, "/usr/lib/x86_64/deep/none"));
bench("open and close", () => (openAt(c, undefined, "/usr/lib/x86_64/deep/file", 0) as OpenFile).unref());
bench("pread 4 KiB", () => file.pread(into, 8192));
bench("pwrite 4 KiB", () => file.pwrite(into, 8192));
bench("create, rename, unlink", () => {
  (openAt(c, undefined, "/new", 0o101, 0o644) as OpenFile).unref();
  renameAt(c, undefined, "/new", undefined, "/newer");
  unlinkAt(c, undefined, "/newer", false);
});
bench("pipe write and read 4 KiB", () => {
  pipe.write.write(into);
  pipe.read.read(into);
});
bench("readdir of 40,000 entries", () => list(c, "/many", 300));
await run();
