// The image against independent readers: readelf, the C library's dlopen and dlvsym, and running its code natively.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Arch } from "./arch.ts";
import { buildVdso, type VdsoImage } from "./vdso.ts";

/** An x86-64 whose assembler reads hexadecimal bytes. */
const arch = {
  name: "x86-64",
  elfMachine: 62,
  elfClass: 64,
  pageSize: 4096,
  stub: (target: number) => new Uint8Array([0x0f, 0x0b, target, 0xc3]),
  assemble: (source: string) => new Uint8Array(source.split("\n")[1].split(" ").map((b) => parseInt(b, 16))),
} as unknown as Arch;

const answer = (n: number) => ({ "x86-64": `b8 ${n.toString(16).padStart(2, "0")} 00 00 00 c3` });

function image(machine: Arch = arch): VdsoImage {
  const names = ["clock_gettime", "gettimeofday", "time", "getcpu", "clock_getres"];
  return buildVdso({
    arch: machine,
    exports: [
      ...names.map((name, i) => ({
        name: `__vdso_${name}`,
        alias: name,
        version: "LINUX_2.6",
        code: answer(i + 1),
      })),
      { name: "other", version: "GUISE_1", call: () => 0 },
      { name: "elsewhere", version: "GUISE_1", code: { aarch64: "00" } },
    ],
    notes: [{ name: "Linux", type: 0, desc: new Uint8Array([0, 1, 6, 0]) }],
    firstTarget: 5,
  });
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await new Deno.Command(command, { args, env: { LC_ALL: "C" } }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  return text;
}

const missing = (program: string): boolean => {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return false;
  } catch {
    return true;
  }
};

Deno.test({
  name: "buildVdso makes what readelf reads without a complaint and X17 describes",
  ignore: missing("readelf"),
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".so" });
    await Deno.writeFile(file, image().bytes);
    const text = await run("readelf", "-aW", file);
    assert(!/warning|error|corrupt/i.test(text), text);
    const headers = [...text.matchAll(/^ {2}(LOAD|DYNAMIC|NOTE|GNU_EH_FRAME) .* (R E|R {2}) +0x/gm)].map((
      m,
    ) => [m[1], m[2].trim()]);
    assertEquals(headers, [["LOAD", "R E"], ["DYNAMIC", "R"], ["NOTE", "R"], ["GNU_EH_FRAME", "R"]]);
    for (
      const part of [
        "(HASH)",
        "(GNU_HASH)",
        "Library soname: [linux-vdso.so.1]",
        "NT_GNU_BUILD_ID",
        "Linux  ",
      ]
    ) {
      assertStringIncludes(text, part);
    }
    assert(/FUNC +GLOBAL DEFAULT +\d+ __vdso_clock_gettime@@LINUX_2\.6/.test(text), text);
    assert(/FUNC +WEAK +DEFAULT +\d+ clock_gettime@@LINUX_2\.6/.test(text), text);
    assert(/OBJECT +GLOBAL DEFAULT +ABS LINUX_2\.6/.test(text), text);
    assert(/GLOBAL DEFAULT +\d+ other@@GUISE_1/.test(text), text);
    assert(!text.includes("elsewhere"), "an export without code for this architecture is left out");
    const frames = await run("readelf", "--debug-dump=frames", file);
    assert(!/warning|error/i.test(frames), frames);
    assertEquals([...frames.matchAll(/FDE cie=.* pc=/g)].length, 6, frames);
    assertStringIncludes(frames, "DW_CFA_def_cfa: r7 (rsp) ofs 8");
    await Deno.remove(file);
  },
});

Deno.test({
  name: "buildVdso's symbols are found by name and version by the host's C library, and run",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64" || missing("gcc"),
  async fn() {
    const folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/v.so`, image().bytes);
    await Deno.writeTextFile(
      `${folder}/t.c`,
      `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  void *h = dlopen(argv[1], RTLD_NOW);
  if (!h) { puts(dlerror()); return 1; }
  const char *names[] = { "clock_gettime", "gettimeofday", "time", "getcpu", "clock_getres" };
  for (int i = 0; i < 5; i++) {
    char full[64]; sprintf(full, "__vdso_%s", names[i]);
    int (*f)(void) = dlvsym(h, full, "LINUX_2.6"), (*g)(void) = dlvsym(h, names[i], "LINUX_2.6");
    if (!f || f != g) { puts(full); return 2; }
    printf("%d ", f());
  }
  puts(dlvsym(h, "time", "LINUX_2.7") || dlsym(h, "nothing") ? "found" : "absent");
  return 0;
}`,
    );
    await run("gcc", "-o", `${folder}/t`, `${folder}/t.c`);
    assertEquals(await run(`${folder}/t`, `${folder}/v.so`), "1 2 3 4 5 absent\n");
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("buildVdso reports offsets, targets and whole pages, and is the same each time", () => {
  const one = image();
  assertEquals(one.bytes.length % 4096, 0);
  assertEquals(one.symbols.get("time"), one.symbols.get("__vdso_time"));
  assertEquals(one.targets.map((e) => e.name), ["other"]);
  const at = one.symbols.get("other")!;
  assertEquals([...one.bytes.subarray(at, at + 4)], [0x0f, 0x0b, 5, 0xc3]);
  assert(at >= one.text.start && at < one.text.end);
  assertEquals(one.bytes, image().bytes);
});

Deno.test({
  name: "buildVdso makes a 32-bit image too",
  ignore: missing("readelf"),
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".so" });
    await Deno.writeFile(file, image({ ...arch, elfClass: 32, elfMachine: 3 } as Arch).bytes);
    const text = await run("readelf", "-aW", file);
    assert(!/warning|error|corrupt/i.test(text), text);
    assert(/FUNC +GLOBAL DEFAULT +\d+ __vdso_time@@LINUX_2\.6/.test(text), text);
    await Deno.remove(file);
  },
});
