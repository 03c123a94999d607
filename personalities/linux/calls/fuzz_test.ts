// File calls with arguments of every wrong kind: each ends in a number or a wait, and its trace can be printed; nothing is
// thrown (conventions 6). The seed is fixed, so that a failure comes back.
import { assert } from "@std/assert";
import type { Syscall } from "@guise/core";
import { Machine } from "../testdata/harness.ts";
import { rows as attributes } from "./attributes.ts";
import { rows as descriptor } from "./descriptor.ts";
import { rows as directory } from "./directory.ts";
import { rows as epoll } from "./epoll.ts";
import { rows as eventfd } from "./eventfd.ts";
import { rows as fcntl } from "./fcntl.ts";
import { rows as ioctl } from "./ioctl.ts";
import { rows as link } from "./link.ts";
import { rows as lock } from "./lock.ts";
import { rows as memfd } from "./memfd.ts";
import { rows as message } from "./message.ts";
import { rows as open } from "./open.ts";
import { rows as poll } from "./poll.ts";
import { rows as readWrite } from "./read_write.ts";
import { rows as sendfile } from "./sendfile.ts";
import { rows as socket } from "./socket.ts";
import { rows as space } from "./space.ts";
import { rows as stat } from "./stat.ts";
import { rows as xattr } from "./xattr.ts";

const calls: Syscall[] = [
  ...[attributes, descriptor, directory, epoll, eventfd, fcntl, ioctl, link, lock, memfd, open, poll],
  ...[message, readWrite, sendfile, socket, space, stat, xattr],
].flat().map(([, call]) => call);

/** xorshift32. */
function random(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

for (const seed of [1, 2, 3]) {
  Deno.test(`file calls answer when their arguments are random (seed ${seed})`, () => {
    const next = random(seed * 7919);
    const m = new Machine({ uid: seed === 3 ? 1000 : 0 });
    const edge = 0x200000;
    m.space.map({ address: edge, length: 8192, prot: 3, fixed: "replace" });
    const readonly = 0x210000;
    m.space.map({ address: readonly, length: 4096, prot: 1, fixed: "replace" });
    const paths = [
      "/",
      "/a",
      "/a/b",
      "b",
      ".",
      "..",
      "/dev/null",
      "/dev/zero",
      "/dev/full",
      "/dev/tty",
      "/l",
      "",
      "/nope/x",
    ]
      .map((path) => m.put(path));
    paths.push(
      m.put("x".repeat(300)),
      m.put("/y".repeat(3000)),
      m.put(new Uint8Array([0x2f, 0xff, 0x80, 0])),
    );
    const scratch = m.room(4096);
    const pick = <T>(list: readonly T[]): T => list[next() % list.length];
    const value = (): number => {
      switch (next() % 8) {
        case 0:
          return pick(paths);
        case 1:
          return scratch + next() % 4000;
        case 2:
          return pick([0, 1, -1, -100, 0xffffffff, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 52, -4096, 0x7fffffff]);
        case 3:
          return edge + 8192 - next() % 20;
        case 4:
          return readonly + next() % 4096;
        case 5:
          return next() % 16;
        case 6:
          return 1 << next() % 31;
        default:
          return pick([4096, 0o644, 0x5401, 0x5413, 0x541b, 0o102, 0o2000000, 8, 64, next() % 5000]);
      }
    };
    for (let i = 0; i < 15000; i++) {
      const call = pick(calls);
      const args = Array.from({ length: 6 }, value);
      // The first argument is mostly a descriptor that may be open.
      if (next() % 3 !== 0) args[0] = next() % 12;
      for (let k = 0; k < 8; k++) {
        m.space.setU32(scratch + 8 * (next() % 500), next() % 3 === 0 ? value() : next() % 64);
      }
      const outcome = m.start(call, ...args);
      if (typeof outcome === "number") {
        assert(outcome >= -4095, `${call.name}(${args}) = ${outcome}`);
        m.trace(call, outcome);
      } else if (outcome.kind === "wait") {
        const later = m.resume(call, outcome, pick(["timeout", "signal"]));
        assert(typeof later !== "number" || later >= -4095, `${call.name}(${args}) = ${later}`);
      }
      m.now += 1000;
    }
  });
}
