/** obstack.h: stacks of objects in chunks that the program's own functions allocate. */
import { invoke, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, int } from "../direct.ts";
import { osvOf } from "../state.ts";
import { abortWith } from "./start.ts";
import { format } from "./stdio.ts";
import { type List, listAt } from "./variadic.ts";

// struct obstack, and of a chunk its end and the one before.
const SIZE = 0,
  CHUNK = 8,
  BASE = 16,
  NEXT = 24,
  LIMIT = 32,
  MASK = 48,
  ALLOCATE = 56,
  FREE = 64,
  EXTRA = 72,
  FLAGS = 80;
const CHUNK_LIMIT = 0, CHUNK_BEFORE = 8, CONTENTS = 16;
const USES_EXTRA = 1, MAYBE_EMPTY = 2;
const DEFAULT_SIZE = 4096 - 32;

const field = (task: Task, stack: number, at: number): number => task.space.getNum64(stack + at) ?? 0;
const aligned = (at: number, mask: number): number => Math.ceil(at / (mask + 1)) * (mask + 1);

function allocate(
  task: Task,
  stack: number,
  size: number,
  next: (task: Task, chunk: number) => Outcome,
): Outcome {
  const extra = (task.space.getU32(stack + FLAGS) ?? 0) & USES_EXTRA;
  const args = extra ? [field(task, stack, EXTRA), size] : [size];
  return invoke(
    field(task, stack, ALLOCATE),
    args,
    (t, chunk) => chunk === 0 ? abortWith(t, "memory exhausted") : next(t, chunk),
  );
}
function release(task: Task, stack: number, chunk: number, next: (task: Task) => Outcome): Outcome {
  const extra = (task.space.getU32(stack + FLAGS) ?? 0) & USES_EXTRA;
  return invoke(
    field(task, stack, FREE),
    extra ? [field(task, stack, EXTRA), chunk] : [chunk],
    (t) => next(t),
  );
}

function begin(extra: boolean): DirectCall {
  return (task) => {
    const { space } = task;
    const stack = arg(task, 0), size = int(task, 1) || DEFAULT_SIZE, align = int(task, 2) || 16;
    space.setNum64(stack + SIZE, size);
    space.setU32(stack + MASK, (align - 1) >>> 0);
    space.setNum64(stack + ALLOCATE, arg(task, 3));
    space.setNum64(stack + FREE, arg(task, 4));
    if (extra) space.setNum64(stack + EXTRA, arg(task, 5));
    space.setU32(stack + FLAGS, extra ? USES_EXTRA : 0);
    return allocate(task, stack, size, (t, chunk) => {
      const start = aligned(chunk + CONTENTS, align - 1);
      const values = [[CHUNK, chunk], [BASE, start], [NEXT, start], [LIMIT, chunk + size]] as const;
      for (const [at, value] of values) t.space.setNum64(stack + at, value);
      t.space.setNum64(chunk + CHUNK_LIMIT, chunk + size);
      t.space.setNum64(chunk + CHUNK_BEFORE, 0);
      return 1;
    });
  };
}

/** Room for `more` bytes behind the growing object, which moves to a new chunk. */
function newChunk(task: Task, stack: number, more: number, next: (task: Task) => Outcome): Outcome {
  const base = field(task, stack, BASE), length = field(task, stack, NEXT) - base;
  const mask = task.space.getU32(stack + MASK) ?? 0;
  const size = Math.max(
    field(task, stack, SIZE),
    length + more + mask + Math.floor(length / 8) + 100 + CONTENTS,
  );
  return allocate(task, stack, size, (t, chunk) => {
    const { space } = t;
    const old = field(t, stack, CHUNK), start = aligned(chunk + CONTENTS, mask);
    space.setNum64(stack + CHUNK, chunk);
    space.setNum64(chunk + CHUNK_BEFORE, old);
    space.setNum64(chunk + CHUNK_LIMIT, chunk + size);
    space.setNum64(stack + LIMIT, chunk + size);
    const bytes = space.read(base, length);
    if (bytes !== undefined) space.write(start, bytes);
    space.setNum64(stack + BASE, start);
    space.setNum64(stack + NEXT, start + length);
    const flags = space.getU32(stack + FLAGS) ?? 0;
    space.setU32(stack + FLAGS, flags & ~MAYBE_EMPTY);
    // The old chunk held nothing but this object.
    if ((flags & MAYBE_EMPTY) === 0 && base === aligned(old + CONTENTS, mask)) {
      space.setNum64(chunk + CHUNK_BEFORE, field(t, old, CHUNK_BEFORE));
      return release(t, stack, old, next);
    }
    return next(t);
  });
}

const obstackFree: DirectCall = (task) => {
  const stack = arg(task, 0), object = arg(task, 1);
  const step = (t: Task, chunk: number): Outcome => {
    if (chunk === 0) return object === 0 ? 0 : abortWith(t, "obstack_free: no object of this stack");
    const limit = field(t, chunk, CHUNK_LIMIT);
    if (object <= chunk || object > limit) {
      const before = field(t, chunk, CHUNK_BEFORE);
      return release(t, stack, chunk, (u) => {
        u.space.setU32(stack + FLAGS, (u.space.getU32(stack + FLAGS) ?? 0) | MAYBE_EMPTY);
        return step(u, before);
      });
    }
    for (const [at, value] of [[CHUNK, chunk], [BASE, object], [NEXT, object], [LIMIT, limit]] as const) {
      t.space.setNum64(stack + at, value);
    }
    return 0;
  };
  return step(task, field(task, stack, CHUNK));
};

/** Formats onto the growing object. */
function print(task: Task, stack: number, template: number, list: List): Outcome {
  return format(task, template, list, (t, bytes) => {
    if (bytes === undefined) return -1;
    const add = (u: Task): Outcome => {
      const at = field(u, stack, NEXT);
      u.space.write(at, bytes);
      u.space.setNum64(stack + NEXT, at + bytes.length);
      return bytes.length;
    };
    return field(t, stack, NEXT) + bytes.length > field(t, stack, LIMIT)
      ? newChunk(t, stack, bytes.length, add)
      : add(t);
  });
}
const printing = (template: number): DirectCall => (task) => {
  const list = listAt(task, osvOf(task).heap, template + 1);
  return list === undefined ? -1 : print(task, arg(task, 0), arg(task, template), list);
};

/** See the file's head. */
export const obstackCalls: Calls = {
  _obstack_begin: begin(false),
  _obstack_begin_1: begin(true),
  _obstack_newchunk: (task) => newChunk(task, arg(task, 0), int(task, 1), () => 0),
  _obstack_free: obstackFree,
  obstack_free: obstackFree,
  _obstack_allocated_p: (task) => {
    const object = arg(task, 1);
    let chunk = field(task, arg(task, 0), CHUNK);
    for (let n = 0; n < 65536 && chunk !== 0; n++) {
      if (object > chunk && object <= field(task, chunk, CHUNK_LIMIT)) return 1;
      chunk = field(task, chunk, CHUNK_BEFORE);
    }
    return 0;
  },
  _obstack_memory_used: (task) => {
    let used = 0, chunk = field(task, arg(task, 0), CHUNK);
    for (let n = 0; n < 65536 && chunk !== 0; n++) {
      used += field(task, chunk, CHUNK_LIMIT) - chunk;
      chunk = field(task, chunk, CHUNK_BEFORE);
    }
    return used;
  },
  obstack_printf: printing(1),
  __obstack_printf_chk: printing(2),
  obstack_vprintf: (task) => print(task, arg(task, 0), arg(task, 1), { address: arg(task, 2) }),
  __obstack_vprintf_chk: (task) => print(task, arg(task, 0), arg(task, 2), { address: arg(task, 3) }),
};
