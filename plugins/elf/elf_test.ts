// Plans and images of real programs, of scripts, and of files that are none, against what Linux does with them.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Backing,
  createSpace,
  EACCES,
  EIO,
  ELIBBAD,
  ELOOP,
  ENOENT,
  ENOEXEC,
  type Errno,
  EXEC,
  READ,
  WRITE,
} from "@guise/core";
import { createPrograms, elfSymbols, type Image, type Plan, type Refusal } from "./key.ts";
import { makeProgram } from "./make.ts";
import { memoryFile, text } from "./testing.ts";

const x86 = { name: "x86-64", elfMachine: 62, elfClass: 64 } as const;
const loader = createPrograms();
const files = new Map<string, Backing>();
const open = (path: Uint8Array): Backing | Errno => files.get(text(path)) ?? ENOENT;
const bytes = (s: string): Uint8Array => new TextEncoder().encode(s);

function plan(file: Backing | Uint8Array, args: string[] = ["p"], path = "/p"): Plan | Refusal {
  const backing = file instanceof Uint8Array ? memoryFile(file, path) : file;
  return loader.plan({ path: bytes(path), file: backing, args: args.map(bytes), open, arches: [x86] });
}
function refused(result: Plan | Refusal | Image): Refusal {
  assert(result.kind === "refused", `was accepted: ${result.kind}`);
  return result;
}
function planned(result: Plan | Refusal): Plan {
  assert(result.kind === "plan", result.kind === "refused" ? result.reason : "");
  return result;
}

/** Builds a program by the host's compiler; undefined where there is none. */
function build(source: string, ...flags: string[]): Uint8Array | undefined {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/a.c`, source);
    const { success } = new Deno.Command("gcc", {
      args: [...flags, "-o", `${folder}/a`, `${folder}/a.c`],
      stderr: "null",
    })
      .outputSync();
    return success ? Deno.readFileSync(`${folder}/a`) : undefined;
  } catch {
    return undefined;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
const SOURCE = `int data[3000] = { 1, 2, 3 }; char zero[100000]; const char text[] = "guise";
int main(void) { return data[0] + zero[5] + text[0]; }`;
const bare = ["-nostdlib", "-nostartfiles", "-e", "main", "-fno-stack-protector"];
const host = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
const fixed = host ? build(SOURCE, "-static", "-no-pie", ...bare) : undefined;
const pie = host ? build(SOURCE, "-static-pie", ...bare) : undefined;
const dynamic = host ? build(SOURCE, "-pie") : undefined;

function load(program: Plan): { space: NonNullable<ReturnType<typeof createSpace>>; image: Image } {
  const space = createSpace();
  assert(space !== undefined);
  const image = loader.load(program, space);
  assert(image.kind === "image", image.kind === "refused" ? image.reason : "");
  return { space, image };
}

for (const [name, file] of [["a static program", fixed], ["a static PIE", pie]] as const) {
  Deno.test({
    name: `load maps ${name} with its bytes, protections and zeroed bss`,
    ignore: file === undefined,
    fn() {
      const { space, image } = load(planned(plan(file!)));
      const symbols = elfSymbols(memoryFile(file!, ""));
      const at = (s: string): number => symbols.byName(s)!.value + image.bias;
      assertEquals(image.entry, at("main"));
      assertEquals(image.start, image.entry);
      assertEquals(space.getU32(at("data") + 8), 3);
      assertEquals(space.read(at("text"), 5), bytes("guise"));
      assertEquals(space.read(at("zero"), 100000)?.every((b) => b === 0), true);
      const rights = [["main", READ | EXEC], ["text", READ], ["data", READ | WRITE], [
        "zero",
        READ | WRITE,
      ]] as const;
      for (const [s, prot] of rights) assertEquals(space.find(at(s))?.prot, prot, s);
      assertEquals(space.getU32(image.phdr), planned(plan(file!)).program.segments[0].type);
      assertEquals(image.brk % 4096, 0);
      assert(image.brk >= at("zero") + 100000 && image.brk < at("zero") + 100000 + 8192);
      assertEquals(image.bias, name === "a static PIE" ? 0x400000 : 0);
      assertEquals(symbols.at(at("main") - image.bias + 1)?.name, "main");
      space.dispose();
    },
  });
}

Deno.test({
  name: "load places ld.so by itself and starts there",
  ignore: dynamic === undefined,
  fn() {
    const ld = "/lib64/ld-linux-x86-64.so.2";
    const missing = refused(plan(dynamic!));
    assertEquals([missing.errno, missing.file], [ENOENT, ld]);
    assertEquals(missing.reason, `needs the interpreter ${ld}, which is not in the guest root (--root DIR)`);
    files.set(ld, memoryFile(Deno.readFileSync(ld), ld));
    const { space, image } = load(planned(plan(dynamic!)));
    const entry = planned(plan(dynamic!)).interpreter!.entry;
    assertEquals(image.start, image.base + entry);
    assert(image.base !== 0 && image.entry > image.bias);
    assertEquals(space.find(image.start)!.prot & EXEC, EXEC);
    space.dispose();
    for (
      const [content, errno, words] of [
        [bytes("#!/bin/sh\n".padEnd(100)), ELIBBAD, "script"],
        [new Uint8Array(10), EIO, "cut short"],
      ] as const
    ) {
      files.set(ld, memoryFile(content, ld));
      const { errno: got, reason } = refused(plan(dynamic!));
      assertEquals(got, errno);
      assertStringIncludes(reason, words);
    }
    files.delete(ld);
  },
});

Deno.test("plan follows #! lines as Linux does", () => {
  const program = minimal();
  files.set("/bin/int", memoryFile(program, "/bin/int"));
  const args = (line: string): string[] | number => {
    const result = plan(bytes(line), ["zero", "one"], "/s");
    return result.kind === "plan" ? result.args.map(text) : result.errno;
  };
  assertEquals(args("#!/bin/int\n"), ["/bin/int", "/s", "one"]);
  assertEquals(args("#! \t/bin/int  -a  b c \t\nmore"), ["/bin/int", "-a  b c", "/s", "one"]);
  assertEquals(args("#!/bin/int"), ["/bin/int", "/s", "one"]);
  assertEquals(args("#!\n"), ENOEXEC);
  assertEquals(args("#!   \t \n/bin/int"), ENOEXEC);
  assertEquals(args("#!/bin/none x\n"), ENOENT);
  assertEquals(args("#!\0\n"), EACCES);
  // Without a newline in 256 bytes the argument is cut, but a name must not be.
  assertEquals(args("#!/bin/int " + "a".repeat(300)), ["/bin/int", "a".repeat(244), "/s", "one"]);
  assertEquals(args("#!/" + "a".repeat(300)), ENOEXEC);
  const missing = refused(plan(bytes("#!/bin/none\n")));
  assertEquals(
    missing.reason,
    "needs the interpreter /bin/none of its #! line, which is not in the guest root (--root DIR)",
  );
});

Deno.test("plan follows five scripts in a row and refuses the sixth", () => {
  files.set("/s0", memoryFile(minimal(), "/s0"));
  for (let i = 1; i <= 6; i++) files.set(`/s${i}`, memoryFile(bytes(`#!/s${i - 1}\n`), `/s${i}`));
  assertEquals(planned(plan(files.get("/s5")!, ["x"], "/s5")).args.map(text), [
    "/s0",
    "/s1",
    "/s2",
    "/s3",
    "/s4",
    "/s5",
  ]);
  assertEquals(refused(plan(files.get("/s6")!, ["x"], "/s6")).errno, ELOOP);
  files.set("/self", memoryFile(bytes("#!/self\n"), "/self"));
  assertEquals(refused(plan(files.get("/self")!, ["x"], "/self")).errno, ELOOP);
});

Deno.test("plan says in words what a file is that cannot run", () => {
  const arm = minimal();
  arm[18] = 183;
  const object = minimal();
  object[16] = 1;
  const big = minimal();
  [big[5], big[16], big[17], big[18], big[19]] = [2, 0, 2, 0, 21];
  for (
    const [file, words] of [
      [new Uint8Array(0), "an empty file"],
      [bytes("echo hi\n"), "a text file without a #! line"],
      [new Uint8Array(100), "data, not a program"],
      [bytes("MZ\x90\0"), "a Windows or DOS program (PE)"],
      [minimal().subarray(0, 12), "an x86-64 ELF"],
      [arm, "is an aarch64 ELF program, and this kernel runs x86-64 only"],
      [object, "an x86-64 object file, which must be linked first"],
      [big, "a powerpc64 (big-endian) ELF program"],
      [minimal().subarray(0, 100), "is cut short: its program headers lie beyond its end"],
      [bytes("PK\x03\x04"), "a zip archive"],
    ] as const
  ) {
    const { errno, reason } = refused(plan(file));
    assertEquals(errno, ENOEXEC);
    if (words !== "an x86-64 ELF") assertStringIncludes(reason, words);
  }
  files.set("/denied", EACCES as unknown as Backing);
  assertEquals(
    refused(plan(bytes("#!/denied\n"))).reason,
    "needs the interpreter /denied of its #! line: Permission denied",
  );
  files.delete("/denied");
});

/** One page of code at 0x400000 that exits. */
const minimal = (): Uint8Array<ArrayBuffer> =>
  makeProgram(x86, new Uint8Array([0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]));

Deno.test({
  name: "makeProgram makes programs that Linux runs",
  ignore: !host,
  fn() {
    const path = Deno.makeTempFileSync();
    // mov edi, 7; mov eax, 60; syscall
    Deno.writeFileSync(
      path,
      makeProgram(x86, new Uint8Array([0xbf, 7, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05])),
    );
    Deno.chmodSync(path, 0o755);
    assertEquals(new Deno.Command(path).outputSync().code, 7);
    Deno.removeSync(path);
    const { space, image } = load(planned(plan(minimal())));
    assertEquals(space.read(image.start, 2), new Uint8Array([0x31, 0xff]));
    space.dispose();
  },
});

Deno.test("load refuses what cannot be mapped, with the reason", () => {
  const change = (edit: (view: DataView) => void): Refusal => {
    const file = minimal();
    edit(new DataView(file.buffer));
    const space = createSpace()!;
    try {
      return refused(loader.load(planned(plan(file)), space));
    } finally {
      space.dispose();
    }
  };
  assertStringIncludes(
    change((v) => v.setBigUint64(80, 0x7f0000000000n, true)).reason,
    "wants memory at 0x7f0000000000",
  );
  assertStringIncludes(change((v) => v.setBigUint64(80, 0x400123n, true)).reason, "Invalid argument");
  assertStringIncludes(change((v) => v.setBigUint64(104, 1n, true)).reason, "Invalid argument");
  assertStringIncludes(
    change((v) => v.setBigUint64(104, 0xffffffffffffffffn, true)).reason,
    "cannot be loaded",
  );
  assertStringIncludes(
    change((v) => v.setBigUint64(24, 0xffffffff00000000n, true)).reason,
    "first instruction",
  );
});
