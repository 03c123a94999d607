// The dynamic linker over damaged programs: every one is linked or refused with words; nothing throws.
import { assert, assertEquals } from "@std/assert";
import { createSpace } from "@guise/core";
import { isDynamic, type LinkHost, linkProgram, openDynamic } from "../key.ts";
import { memoryFile, mutant } from "../testing.ts";
import { u32, u64 } from "../bytes.ts";

const machine = { name: "x86-64", elfMachine: 62, elfClass: 64 } as const;
const LIBC = "/usr/lib/x86_64-linux-musl/libc.so";

function read(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch {
    return undefined;
  }
}

const programs = ["/usr/bin/true", "/usr/bin/ls", "/usr/bin/lua5.4"].map(read).filter((p) => p !== undefined);
const libc = read(LIBC);
const ready = Deno.build.os === "linux" && Deno.build.arch === "x86_64" && programs.length > 0 &&
  libc !== undefined;

/** Damages only what the dynamic linker reads: the dynamic section, symbols, strings, versions, relocations. */
function dynamicMutant(program: Uint8Array, seed: number): Uint8Array {
  let state = (seed * 2654435761) >>> 0;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const bytes = program.slice();
  const places: [number, number][] = [];
  const headers = u64(bytes, 32);
  for (let n = 0; n < 13; n++) {
    const at = headers + 56 * n;
    if (u32(bytes, at) === 2) places.push([u64(bytes, at + 8), u64(bytes, at + 32)]);
  }
  // Tables up to the first code lie at the start of these programs.
  places.push([headers + 56 * 13, 0x2000]);
  for (let count = 1 + random(8); count > 0; count--) {
    const [start, length] = places[random(places.length)];
    const at = start + random(length);
    const choice = random(4);
    const value = choice === 0 ? 0 : choice === 1 ? 0xff : random(256);
    bytes[Math.min(at, bytes.length - 1)] = value;
    if (choice === 3) bytes.fill(value, at, at + 8);
  }
  return bytes;
}

const host: LinkHost = {
  open: () => undefined,
  standsIn: () => true,
  export: (name) => name.startsWith("pthread") ? 0x12340 : undefined,
  alias: (name) => name,
  under: libc && { file: memoryFile(libc, LIBC), path: LIBC },
  tolerated: () => true,
};

Deno.test({
  name: "linkProgram ends in a linked program or a text for 1,000 mutants of dynamic programs",
  ignore: !ready,
  fn() {
    let linked = 0, refused = 0;
    for (let seed = 1; seed <= 1000; seed++) {
      const program = programs[seed % programs.length];
      const bytes = seed % 5 === 0 ? mutant(program, seed) : dynamicMutant(program, seed);
      const elf = openDynamic(memoryFile(bytes, "/mutant"), "/mutant", machine);
      if ("kind" in elf) {
        assert(elf.reason.length > 5, `seed ${seed}`);
        refused++;
        continue;
      }
      const space = createSpace();
      assert(space !== undefined);
      isDynamic(elf);
      const result = linkProgram(elf, [], space, host);
      if (result.kind === "refused") {
        assert(result.reason.length > 5, `seed ${seed}: ${result.reason}`);
        refused++;
      } else {
        linked++;
        result.fillTls(0x3000000);
        result.protect();
        for (const object of result.initOrder) void [object.initFunctions, object.finiFunctions];
      }
      space.dispose();
    }
    assert(linked >= 200 && refused >= 100, `${linked} linked, ${refused} refused`);
  },
});

Deno.test({
  name: "linkProgram names the library and the symbol that are missing",
  ignore: !ready,
  fn() {
    const reason = (change: Partial<LinkHost>): string => {
      const elf = openDynamic(memoryFile(programs[0], "/usr/bin/true"), "/usr/bin/true", machine);
      assert(!("kind" in elf));
      const space = createSpace()!;
      const result = linkProgram(elf, [], space, { ...host, tolerated: () => false, ...change });
      space.dispose();
      return result.kind === "refused" ? result.reason : "linked";
    };
    assertEquals(
      reason({ standsIn: () => false }),
      "needs the library libc.so.6, which is not in the guest's library folders",
    );
    assert(/^\/usr\/bin\/true: failed looking up symbol \w+$/.test(reason({ under: undefined })));
  },
});

Deno.test("openDynamic says what is wrong with a header as OSv does (O3)", () => {
  const header = new Uint8Array(64 + 56);
  const say = (...changes: [number, number][]): string => {
    const bytes = header.slice();
    bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
    bytes[16] = 3;
    bytes[18] = 62;
    for (const [at, value] of changes) bytes[at] = value;
    const result = openDynamic(memoryFile(bytes, "/p"), "/p", machine);
    return "kind" in result ? result.reason : "fine";
  };
  assertEquals(say([0, 0]), "bad elf header");
  assertEquals(say([4, 1]), "bad elf class");
  assertEquals(say([5, 2]), "bad elf endianness");
  assertEquals(say([6, 0]), "bad elf version");
  assertEquals(say([7, 9]), "bad os abi");
  assertEquals(
    say([16, 1]),
    "bad executable type (only shared-object, PIE or non-PIE executable supported)",
  );
  assertEquals(say([18, 183]), "machine type for /p differs from the kernel");
});
