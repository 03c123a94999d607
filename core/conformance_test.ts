import { assert, assertEquals } from "@std/assert";
import {
  choice,
  EINVAL,
  EXIT,
  inBytes,
  int,
  invoke,
  KEEP,
  long,
  outBytes,
  type Outcome,
  type Personality,
  pointer,
  type Syscall,
  syscall,
  tables,
  type Task,
  wait,
  WaitQueue,
} from "./mod.ts";
import { conformance, type ConformanceSubject, fakeArch, FLAT_BASE, loadFlat } from "./testing.ts";

const exit: Syscall = syscall({
  name: "exit",
  doc: "Ends the process.",
  args: { code: int },
  run: (task, { code }) => {
    task.kernel.ended(task.process, { code: code & 255 });
    return EXIT;
  },
});
const add: Syscall = syscall({
  name: "add",
  doc: "The sum.",
  args: { a: int, b: int },
  run: (_task, { a, b }) => Math.max(0, (a + b) | 0),
});
const sum: Syscall = syscall({
  name: "sum",
  doc: "The sum of some bytes.",
  args: { bytes: inBytes },
  run: (_task, { bytes }) => {
    let total = 0;
    for (const byte of bytes.bytes().subarray(0, 100)) total += byte;
    return total;
  },
});
const fill: Syscall = syscall({
  name: "fill",
  doc: "Fills a buffer.",
  args: { bytes: outBytes, mode: choice("MODE_", [[0, "MODE_A"]]) },
  run: (_task, { bytes }) => {
    bytes.bytes().subarray(0, 10).fill(1);
    return Math.min(10, bytes.length);
  },
});
const sleep: Syscall = syscall({
  name: "sleep",
  doc: "Waits some ns.",
  args: { ns: long },
  run: (task, { ns }) =>
    ns < 0 ? EINVAL : wait([], task.kernel.clock.monotonic() + Math.min(ns, 1e9), () => 0),
});
const twice: Syscall = syscall({
  name: "twice",
  doc: "Calls a function of the guest.",
  args: { f: pointer, n: int },
  run: (_task, { f, n }) => invoke(f, [n], (_t, result) => Math.max(0, result | 0)),
});
const rest: Syscall = syscall({
  name: "rest",
  doc: "Waits for nobody.",
  args: {},
  run: () => wait([new WaitQueue()]),
});
const keep: Syscall = syscall({ name: "keep", doc: "Does nothing.", args: {}, run: () => KEEP });

const rows: [number[], Syscall][] = [
  [[0], exit],
  [[1], add],
  [[2], sum],
  [[3], fill],
  [[4], sleep],
  [[5], twice],
  [[6], rest],
  [[
    7,
  ], keep],
];

function good(extra: [number[], Syscall][] = [], changes: Partial<Personality> = {}): Personality {
  return {
    name: "mine",
    tables: tables([["fake", "syscall"]], [...rows, ...extra]),
    start: loadFlat,
    encode: (task, value) => task.frame.setNum(0, value),
    fault: (task) => {
      task.kernel.ended(task.process, { code: 139, signal: 11 });
      return EXIT;
    },
    attend: (task) => {
      task.attention = false;
      return undefined;
    },
    ...changes,
  };
}

const program = fakeArch().assemble(
  `
  set r0, 1
  set r1, 20
  set r2, 22
  trap syscall
  push r0
  set r0, 5
  set r1, double
  set r2, 4
  trap syscall
  mov r1, r0        # 8
  set r0, 4
  trap syscall
  mov r1, sp
  set r0, 2
  set r2, 1
  trap syscall      # 42
  mov r1, r0
  set r0, 0
  trap syscall
double:
  mov r0, r1
  sum r0, r1
  ret`,
  FLAT_BASE,
);
const subject = (personality: Personality): ConformanceSubject => ({
  plugins: () => [{ name: "cpu", arch: fakeArch() }, { name: "mine", personality }],
  personality: "mine",
  guests: [{ name: "guest", request: { program, args: [], env: {} }, code: 42 }],
  limit: 400,
});

/** Names of the checks that fail, with their messages. */
async function failures(personality: Personality): Promise<string[]> {
  const failed: string[] = [];
  for (const check of conformance(subject(personality))) {
    try {
      await check.run();
    } catch (error) {
      failed.push(`${check.name.replace(/^mine: /, "")}: ${(error as Error).message}`);
    }
  }
  return failed;
}

for (const check of conformance(subject(good()))) {
  Deno.test(`conformance passes for a good personality: ${check.name}`, check.run);
}

const call = (run: (task: Task) => unknown, doc = "Broken."): [number[], Syscall][] => [[
  [9],
  syscall({ name: "broken", doc, args: {}, run: run as (task: Task) => Outcome }),
]];
const never = new WaitQueue();

const broken: [what: string, personality: () => Personality, part: string][] = [
  [
    "encodes wrongly",
    () => good([], { encode: (task, value) => task.frame.setNum(0, Math.abs(value)) }),
    "read back as",
  ],
  [
    "loses the high half",
    () => good([], { encode: (task, value) => task.frame.set(0, value, value < 0 ? -1 : 0) }),
    "read back as",
  ],
  ["changes another register", () =>
    good([], {
      encode: (task, value) => {
        task.frame.setNum(0, value);
        task.frame.setNum(3, 7);
      },
    }), "changes the register r3"],
  ["throws in a handler", () =>
    good(call(() => {
      throw new Error("oops");
    })), "broken throws: oops"],
  ["answers a promise", () => good(call(() => Promise.resolve(1))), "answers a Promise"],
  ["answers nothing", () => good(call(() => undefined)), "answers undefined"],
  ["answers a fraction", () => good(call(() => 1.5)), "not an integer"],
  ["answers NaN", () => good(call(() => NaN)), "not an integer"],
  ["answers a wild error number", () => good(call(() => -5000)), "at least -4095"],
  [
    "waits for ever for nothing",
    () => good(call(() => wait([])), { attend: undefined as never }),
    "waits for nothing",
  ],
  ["has no documentation", () => good(call(() => 0, "")), "has no doc"],
  ["serves an entry that the CPU has not", () => {
    const personality = good();
    return {
      ...personality,
      tables: [...personality.tables, { arch: "fake", entry: "nowhere", rows: new Map() }],
    };
  }, "nowhere"],
  ["gives a number to two calls", () => {
    const personality = good();
    return {
      ...personality,
      tables: [...personality.tables, ...tables([["fake", "syscall"]], [[[1], exit]])],
    };
  }, "is both"],
  ["throws for an unknown number", () =>
    good([], {
      unknown: () => {
        throw new Error("what?");
      },
    }), "what?"],
  ["ignores faults", () => good([], { fault: () => undefined }), "for ever"],
  ["throws in a fault", () =>
    good([], {
      fault: () => {
        throw new Error("no");
      },
    }), "no"],
  ["ends with 0 after a fault", () =>
    good([], {
      fault: (task) => {
        task.kernel.ended(task.process, { code: 0 });
        return EXIT;
      },
    }), "status 0"],
  ["leaves attention set", () => good([], { attend: () => undefined }), "attend leaves"],
  ["throws for what is no program", () =>
    good([], {
      start: (process, request) => {
        const { program } = request;
        if (typeof program === "string" || program[0] === 0x7f) throw new Error("bad magic");
        return loadFlat(process, request);
      },
    }), "bad magic"],
  ["never says that a process has ended", () =>
    good([[[9], exit]], {
      tables: tables([["fake", "syscall"]], [...rows.slice(1), [
        [0],
        syscall({ name: "exit", doc: "Ends.", args: {}, run: () => EXIT }),
      ]]),
      ended: () => {},
    }), "was not called"],
  ["keeps a guest waiting", () =>
    good([], {
      tables: tables([["fake", "syscall"]], [...rows.filter(([[n]]) => n !== 4), [
        [4],
        syscall({ name: "sleep", doc: "Sleeps.", args: {}, run: () => wait([never]) }),
      ]]),
    }), "does not end within"],
  ["is different every time", () => {
    let n = 0;
    return good([], {
      tables: tables([["fake", "syscall"]], [...rows.filter(([[n]]) => n !== 4), [
        [4],
        syscall({ name: "sleep", doc: "Counts.", args: {}, run: () => n++ }),
      ]]),
    });
  }, "the second time"],
];

for (const [what, personality, part] of broken) {
  Deno.test(`conformance fails for a personality that ${what}`, async () => {
    const failed = await failures(personality());
    assert(failed.length > 0, "all checks passed");
    assert(failed.some((text) => text.includes(part)), failed.join("\n"));
  });
}

Deno.test("conformance says that it needs a guest", () => {
  let message = "";
  try {
    conformance({ plugins: () => [], personality: "x", guests: [] });
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "guise: the conformance suite needs at least one guest");
});
