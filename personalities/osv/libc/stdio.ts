/** stdio: streams over the kernel's files. Formatting is the guest's libc's (`vsnprintf`), invoked. */
import { EINVAL, ENOMEM, errnoText, invoke, type Outcome, type Task } from "@guise/core";
import {
  arg,
  type Calls,
  type DirectCall,
  fail,
  int,
  long,
  looping,
  perform,
  setArgs,
  text,
} from "../direct.ts";
import { osvOf } from "../state.ts";
import { copyList, type List, listAt } from "./variadic.ts";
import {
  EOF,
  fill,
  flush,
  flushAll,
  getByte,
  getRange,
  isTerminal,
  move,
  put,
  putRange,
  shut,
  type Stream,
  take,
} from "./streams.ts";

const streamOf = (task: Task, n: number): Stream | undefined => osvOf(task).streams.all.get(arg(task, n));

/** A function of a stream in argument `n`; what is none is EINVAL. */
function withStream(n: number, wrong: number, run: (task: Task, stream: Stream) => Outcome): DirectCall {
  return (task) => {
    const stream = streamOf(task, n);
    if (stream !== undefined) return run(task, stream);
    fail(task, EINVAL);
    return wrong;
  };
}

/**
 * Formats into a block of the heap: `next` gets the bytes. `list` says where the arguments are; it is used twice when
 * the first block was too small.
 */
export function format(
  task: Task,
  template: number,
  list: List,
  next: (task: Task, bytes: Uint8Array | undefined) => Outcome,
  room = 512,
): Outcome {
  const { heap, linked } = osvOf(task);
  const vsnprintf = linked?.lookup("vsnprintf");
  const block = heap.allocate(24 + room);
  if (vsnprintf === undefined || block === 0 || !copyList(task, list, block)) {
    fail(task, ENOMEM);
    return next(task, undefined);
  }
  return invoke(vsnprintf, [block + 24, room, template, block], (t, result) => {
    const length = result | 0;
    if (length >= room) {
      heap.release(block);
      return format(t, template, list, next, length + 1);
    }
    const bytes = length < 0 ? undefined : t.space.read(block + 24, length);
    heap.release(block);
    return next(t, bytes);
  });
}

/** printf's family: the stream, the template and the first variable argument are arguments `s`, `f` and `f + 1`. */
function printing(s: number | "stdout", f: number): DirectCall {
  return (task) => {
    const stream = s === "stdout" ? osvOf(task).streams.output : streamOf(task, s);
    const template = arg(task, f);
    return withList(task, f + 1, (t, list) => print(t, stream, template, list));
  };
}
function printingList(s: number | "stdout", f: number): DirectCall {
  return (task) => {
    const stream = s === "stdout" ? osvOf(task).streams.output : streamOf(task, s);
    return print(task, stream, arg(task, f), { address: arg(task, f + 1) });
  };
}
function print(task: Task, stream: Stream | undefined, template: number, list: List): Outcome {
  if (stream === undefined) return fail(task, EINVAL);
  return format(task, template, list, (t, bytes) => {
    if (bytes === undefined) return -1;
    return put(t, stream, bytes, (_u, ok) => ok ? bytes.length : -1);
  });
}

/** The variable arguments after `first` fixed ones, kept until the outcome is there. */
function withList(task: Task, first: number, run: (task: Task, list: List) => Outcome): Outcome {
  const { heap } = osvOf(task);
  const made = listAt(task, heap, first);
  if (made === undefined) return fail(task, ENOMEM);
  const outcome = run(task, made);
  return released(outcome, () => heap.release(made.block!));
}

/** Frees after the formatting, which is done when the first invoke chain has ended. */
function released(outcome: Outcome, free: () => void): Outcome {
  if (typeof outcome === "number") {
    free();
    return outcome;
  }
  if (outcome.kind === "invoke") {
    return { ...outcome, then: (t: Task, r: number): Outcome => released(outcome.then(t, r), free) };
  }
  free();
  return outcome;
}

/** asprintf: argument 0 takes the string. */
function allocating(f: number, list: boolean): DirectCall {
  return (task) => {
    const out = arg(task, 0), template = arg(task, f);
    const run = (t: Task, args: List): Outcome =>
      format(t, template, args, (u, bytes) => {
        if (bytes === undefined) return -1;
        const block = osvOf(u).heap.allocate(bytes.length + 1);
        if (block === 0 || !u.space.write(block, bytes) || !u.space.setNum64(out, block)) {
          return fail(u, ENOMEM);
        }
        u.space.write(block + bytes.length, new Uint8Array(1));
        return bytes.length;
      });
    return list ? run(task, { address: arg(task, f + 1) }) : withList(task, f + 1, run);
  };
}

/** The checking forms of snprintf and sprintf: other places of the same arguments. */
function bounded(s: { size: number | "none"; format: number; list: boolean }): DirectCall {
  return (task) => {
    const target = arg(task, 0);
    const size = s.size === "none" ? 0x7fffffff : arg(task, s.size);
    const template = arg(task, s.format);
    const vsnprintf = osvOf(task).linked?.lookup("vsnprintf") ?? 0;
    const run = (_t: Task, list: List): Outcome =>
      invoke(vsnprintf, [target, size, template, list.address], (_u, n) => n | 0);
    return s.list ? run(task, { address: arg(task, s.format + 1) }) : withList(task, s.format + 1, run);
  };
}

/** The flags of open(2) for a mode of fopen, or undefined. */
export function modeFlags(mode: string): { flags: number; readable: boolean; writable: boolean } | undefined {
  const plus = mode.includes("+");
  const more = (mode.includes("e") ? 0o2000000 : 0) | (mode.includes("x") ? 0o200 : 0);
  switch (mode[0]) {
    case "r":
      return { flags: (plus ? 2 : 0) | more, readable: true, writable: plus };
    case "w":
      return { flags: (plus ? 2 : 1) | 0o1100 | more, readable: plus, writable: true };
    case "a":
      return { flags: (plus ? 2 : 1) | 0o2100 | more, readable: plus, writable: true };
    default:
      return undefined;
  }
}

const fopen: DirectCall = (task) => {
  const mode = modeFlags(text(task, arg(task, 1)) ?? "");
  if (mode === undefined) return fail(task, EINVAL) + 1;
  return perform(task, "open", [arg(task, 0), mode.flags, 0o666], (t, fd) => {
    if (fd < 0) return fail(t, fd) + 1;
    return osvOf(t).streams.add(t, fd, mode.readable, mode.writable)?.address ?? fail(t, ENOMEM) + 1;
  });
};

const fdopen: DirectCall = (task) => {
  const mode = modeFlags(text(task, arg(task, 1)) ?? "");
  if (mode === undefined) return fail(task, EINVAL) + 1;
  const fd = int(task, 0);
  return perform(task, "fcntl", [fd, 3, 0], (t, flags) => {
    if (flags < 0) return fail(t, flags) + 1;
    return osvOf(t).streams.add(t, fd, mode.readable, mode.writable)?.address ?? fail(t, ENOMEM) + 1;
  });
};

const freopen: DirectCall = (task) => {
  const stream = streamOf(task, 2);
  const mode = modeFlags(text(task, arg(task, 1)) ?? "");
  if (mode === undefined || stream === undefined) return fail(task, EINVAL) + 1;
  const path = arg(task, 0);
  return flush(task, stream, (t) =>
    perform(t, "open", [path, mode.flags, 0o666], (u, fd) => {
      if (fd < 0) return fail(u, fd) + 1;
      const { fd: old } = stream;
      stream.readable = mode.readable;
      stream.writable = mode.writable;
      stream.at = stream.end = stream.pushed.length = 0;
      stream.eof = stream.error = false;
      return perform(u, "dup3", [fd, old, mode.flags & 0o2000000], (v) =>
        perform(v, "close", [fd], () =>
          stream.address));
    }));
};

const fclose = withStream(0, EOF, (task, stream) =>
  flush(task, stream, (t, flushed) => {
    const ahead = stream.end - stream.at + stream.pushed.length;
    const close = (u: Task): Outcome =>
      shut(u, stream, (v, result) => {
        osvOf(v).streams.remove(stream);
        return result < 0 ? fail(v, result) : flushed ? 0 : EOF;
      });
    return ahead > 0 && !stream.eof ? move(t, stream, -ahead, 1, close) : close(t);
  }));

const fflush: DirectCall = (task) => {
  const address = arg(task, 0);
  const { streams } = osvOf(task);
  if (address === 0) {
    return flushAll(task, [...streams.all.values()].filter((s) => s.filled > 0), (_t, ok) => ok ? 0 : EOF);
  }
  const stream = streams.all.get(address);
  if (stream === undefined) return fail(task, EINVAL);
  const ahead = stream.end - stream.at + stream.pushed.length;
  if (ahead > 0) {
    // A file that can be moved goes back to where the program has read.
    return move(task, stream, -ahead, 1, (_t, at) => {
      if (at >= 0) stream.at = stream.end = stream.pushed.length = 0;
      return 0;
    });
  }
  return flush(task, stream, (_t, ok) => ok ? 0 : EOF);
};

const fputs = withStream(1, EOF, (task, stream) => {
  const bytes = task.space.cstring(arg(task, 0), 1 << 28);
  if (typeof bytes === "number") return fail(task, bytes);
  return put(task, stream, bytes.slice(), (_t, ok) => ok ? 1 : EOF);
});

const puts: DirectCall = (task) => {
  const stream = osvOf(task).streams.output;
  const bytes = task.space.cstring(arg(task, 0), 1 << 28);
  if (stream === undefined || typeof bytes === "number") return fail(task, EINVAL);
  const line = new Uint8Array(bytes.length + 1);
  line.set(bytes);
  line[bytes.length] = 10;
  return put(task, stream, line, (_t, ok) => ok ? line.length : EOF);
};

function putByte(task: Task, stream: Stream | undefined, byte: number): Outcome {
  if (stream === undefined) return fail(task, EINVAL);
  return put(task, stream, Uint8Array.of(byte), (_t, ok) => ok ? byte & 255 : EOF);
}
const fputc = withStream(1, EOF, (task, stream) => putByte(task, stream, int(task, 0)));
const overflow = withStream(0, EOF, (task, stream) => putByte(task, stream, int(task, 1)));
const putchar: DirectCall = (task) => putByte(task, osvOf(task).streams.output, int(task, 0));

const fwrite = withStream(3, 0, (task, stream) => {
  const size = arg(task, 1), count = arg(task, 2);
  if (size * count === 0) return 0;
  if (size * count > task.space.limit) return fail(task, EINVAL) + 1;
  return putRange(task, stream, arg(task, 0), size * count, (_t, taken) => Math.floor(taken / size));
});

const fread = withStream(3, 0, (task, stream) => {
  const size = arg(task, 1), count = arg(task, 2);
  if (size * count === 0) return 0;
  if (size * count > task.space.limit) return fail(task, EINVAL) + 1;
  return getRange(task, stream, arg(task, 0), size * count, (_t, got) => Math.floor(got / size));
});

const fgetc = withStream(0, EOF, (task, stream) => getByte(task, stream, (_t, byte) => byte));
const getchar: DirectCall = (task) => {
  const { streams } = osvOf(task);
  const stream = streams.all.get(streams.standard(task)[0]);
  return stream === undefined ? EOF : getByte(task, stream, (_t, byte) => byte);
};

const ungetc = withStream(1, EOF, (task, stream) => {
  const byte = int(task, 0);
  if (byte === EOF) return EOF;
  stream.pushed.push(byte & 255);
  stream.eof = false;
  return byte & 255;
});

/** Reads up to a delimiter. */
export function readLine(
  task: Task,
  stream: Stream,
  most: number,
  stop: number,
  next: (task: Task, bytes: Uint8Array) => Outcome,
): Outcome {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const done = (t: Task): Outcome => {
    const all = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return next(t, all);
  };
  return looping(task, (t, again) => {
    for (;;) {
      const bytes = take(t, stream, most - length, stop);
      if (bytes.length > 0) {
        pieces.push(bytes);
        length += bytes.length;
      }
      if (length === most || (bytes.length > 0 && bytes[bytes.length - 1] === stop)) return done(t);
      if (bytes.length === 0) return fill(t, stream, (u, n) => n === 0 ? done(u) : again(u));
    }
  });
}

const fgets = withStream(2, 0, (task, stream) => {
  const address = arg(task, 0), size = int(task, 1);
  if (size < 1) return 0;
  return readLine(task, stream, size - 1, 10, (t, bytes) => {
    if (bytes.length === 0 && size > 1) return 0;
    t.space.write(address, bytes);
    t.space.write(address + bytes.length, new Uint8Array(1));
    return address;
  });
});

/** getdelim(char **line, size_t *size, int stop, FILE *): the line is on the heap and grows. */
function getdelim(stop: number | "argument", stream: number): DirectCall {
  return withStream(stream, -1, (task, file) => {
    const pointer = arg(task, 0), room = arg(task, 1);
    const end = stop === "argument" ? int(task, 2) & 255 : stop;
    return readLine(task, file, 2 ** 31, end, (t, bytes) => {
      if (bytes.length === 0) return -1;
      const { heap } = osvOf(t);
      let block = t.space.getNum64(pointer) ?? 0;
      const size = block === 0 ? 0 : t.space.getNum64(room) ?? 0;
      if (size < bytes.length + 1) {
        const wanted = Math.max(120, 2 * size, bytes.length + 1);
        const next = heap.allocate(wanted);
        if (next === 0) return fail(t, ENOMEM);
        heap.release(block);
        block = next;
        t.space.setNum64(pointer, block);
        t.space.setNum64(room, wanted);
      }
      t.space.write(block, bytes);
      t.space.write(block + bytes.length, new Uint8Array(1));
      return bytes.length;
    });
  });
}

const fseek = withStream(0, -1, (task, stream) => {
  let offset = long(task, 1);
  const whence = int(task, 2);
  return flush(task, stream, (t) => {
    if (whence === 1) offset -= stream.end - stream.at + stream.pushed.length;
    return move(t, stream, offset, whence, (u, at) => {
      if (at < 0) return fail(u, at);
      stream.at = stream.end = stream.pushed.length = 0;
      stream.eof = false;
      return 0;
    });
  });
});

const ftell = withStream(
  0,
  -1,
  (task, stream) =>
    move(
      task,
      stream,
      0,
      1,
      (t, at) => at < 0 ? fail(t, at) : at + stream.filled - (stream.end - stream.at) - stream.pushed.length,
    ),
);

const rewind = withStream(
  0,
  0,
  (task, stream) =>
    flush(task, stream, (t) =>
      move(t, stream, 0, 0, () => {
        stream.at = stream.end = stream.pushed.length = 0;
        stream.eof = stream.error = false;
        return 0;
      })),
);

/** fpos_t begins with the place. */
const position = withStream(0, -1, (task, stream) => {
  const target = arg(task, 1);
  return move(task, stream, 0, 1, (t, at) => {
    if (at < 0) return fail(t, at);
    const place = at + stream.filled - (stream.end - stream.at) - stream.pushed.length;
    return t.space.setNum64(target, place) ? 0 : fail(t, EINVAL);
  });
});
const toPosition: DirectCall = (task) => {
  const place = task.space.getNum64(arg(task, 1)) ?? 0;
  setArgs(task, [arg(task, 0), place, 0]);
  return fseek(task);
};

const setvbuf = withStream(0, -1, (task, stream) => {
  const mode = (["full", "line", "none"] as const)[int(task, 2)];
  if (mode === undefined) return fail(task, EINVAL);
  const address = arg(task, 1), size = arg(task, 3);
  return flush(task, stream, () => {
    stream.mode = mode;
    if (address !== 0 && size > 0 && stream.end === stream.at && mode !== "none") {
      if (stream.buffer !== 0 && !stream.foreign) osvOf(task).heap.release(stream.buffer);
      stream.buffer = address;
      stream.size = size;
      stream.foreign = true;
    }
    return 0;
  });
});
const setbuf = withStream(0, 0, (task, stream) => {
  stream.mode = arg(task, 1) === 0 ? "none" : "full";
  return 0;
});

const perror: DirectCall = (task) => {
  const { streams, errnoOffset } = osvOf(task);
  const stream = streams.all.get(streams.standard(task)[2]);
  if (stream === undefined) return 0;
  const errno = task.space.getU32(task.frame.num(task.process.cpu.arch.tls) + errnoOffset) ?? 0;
  const prefix = arg(task, 0) === 0 ? "" : text(task, arg(task, 0)) ?? "";
  const words = `${prefix === "" ? "" : `${prefix}: `}${errnoText(-errno)}\n`;
  return put(task, stream, new TextEncoder().encode(words), () => 0);
};

/** error(status, errnum, format, ...): of glibc; flushes the output and names the program. */
const error: DirectCall = (task) => report(task, 2, "");

/** error_at_line(status, errnum, file, line, format, ...). */
const errorAtLine: DirectCall = (task) =>
  report(task, 4, `${arg(task, 2) === 0 ? "" : text(task, arg(task, 2)) ?? ""}:${int(task, 3)}: `);

function report(task: Task, f: number, place: string): Outcome {
  const status = int(task, 0), errno = int(task, 1), template = arg(task, f);
  const { streams } = osvOf(task);
  const name = osvOf(task).linked?.lookup("program_invocation_name");
  const program = name === undefined ? "" : text(task, task.space.getNum64(name) ?? 0) ?? "";
  const stderr = streams.all.get(streams.standard(task)[2]);
  const output = streams.output;
  return withList(
    task,
    f + 1,
    (t, list) =>
      format(t, template, list, (u, bytes) =>
        flushAll(u, output === undefined ? [] : [output], (v) => {
          const words =
            `${program}:${place === "" ? " " : place}${
              new TextDecoder().decode(bytes ?? new Uint8Array(0))
            }` +
            `${errno === 0 ? "" : `: ${errnoText(-errno)}`}\n`;
          if (stderr === undefined) return 0;
          return put(v, stderr, new TextEncoder().encode(words), (w) => {
            const exit = status === 0 ? undefined : osvOf(w).linked?.lookup("exit");
            return exit === undefined ? 0 : invoke(exit, [status], () => 0);
          });
        })),
  );
}

const isatty: DirectCall = (task) => {
  if (isTerminal(task, int(task, 0))) return 1;
  return perform(task, "fcntl", [int(task, 0), 3, 0], (t, n) => fail(t, n < 0 ? n : -25) + 1);
};

/** A checking form: the size of the program's object is one argument more. */
const shifted = (call: DirectCall, places: readonly number[]): DirectCall => (task) => {
  setArgs(task, places.map((n) => arg(task, n)));
  return call(task);
};

const both = (name: string, call: DirectCall): Calls => ({ [name]: call, [`${name}_unlocked`]: call });

/** See the file's head. */
export const stdioCalls: Calls = {
  printf: printing("stdout", 0),
  __printf_chk: printing("stdout", 1),
  fprintf: printing(0, 1),
  __fprintf_chk: printing(0, 2),
  vprintf: printingList("stdout", 0),
  __vprintf_chk: printingList("stdout", 1),
  vfprintf: printingList(0, 1),
  __vfprintf_chk: printingList(0, 2),
  asprintf: allocating(1, false),
  __asprintf_chk: allocating(2, false),
  vasprintf: allocating(1, true),
  __vasprintf_chk: allocating(2, true),
  __snprintf_chk: bounded({ size: 1, format: 4, list: false }),
  __vsnprintf_chk: bounded({ size: 1, format: 4, list: true }),
  __sprintf_chk: bounded({ size: "none", format: 3, list: false }),
  __vsprintf_chk: bounded({ size: "none", format: 3, list: true }),
  fopen,
  fopen64: fopen,
  fdopen,
  freopen,
  freopen64: freopen,
  fclose,
  ...both("fflush", fflush),
  ...both("fputs", fputs),
  puts,
  ...both("fputc", fputc),
  ...both("putc", fputc),
  ...both("putchar", putchar),
  _IO_putc: fputc,
  __overflow: overflow,
  ...both("fwrite", fwrite),
  ...both("fread", fread),
  __fread_chk: shifted(fread, [0, 2, 3, 4]),
  __fread_unlocked_chk: shifted(fread, [0, 2, 3, 4]),
  __fgets_chk: shifted(fgets, [0, 2, 3]),
  __fgets_unlocked_chk: shifted(fgets, [0, 2, 3]),
  ...both("fgetc", fgetc),
  ...both("getc", fgetc),
  ...both("getchar", getchar),
  _IO_getc: fgetc,
  __uflow: fgetc,
  ungetc,
  ...both("fgets", fgets),
  getdelim: getdelim("argument", 3),
  __getdelim: getdelim("argument", 3),
  getline: getdelim(10, 2),
  fseek,
  fseeko: fseek,
  fseeko64: fseek,
  ftell,
  ftello: ftell,
  ftello64: ftell,
  rewind,
  fgetpos: position,
  fgetpos64: position,
  fsetpos: toPosition,
  fsetpos64: toPosition,
  setvbuf,
  setbuf,
  setlinebuf: withStream(0, 0, (_task, stream) => {
    stream.mode = "line";
    return 0;
  }),
  ...both("feof", withStream(0, 0, (_task, stream) => stream.eof ? 1 : 0)),
  ...both("ferror", withStream(0, 0, (_task, stream) => stream.error ? 1 : 0)),
  ...both(
    "clearerr",
    withStream(0, 0, (_task, stream) => {
      stream.eof = stream.error = false;
      return 0;
    }),
  ),
  ...both("fileno", withStream(0, -1, (_task, stream) => stream.fd)),
  __fpending: withStream(0, 0, (_task, stream) => stream.filled),
  __freading: withStream(0, 0, (_task, stream) => !stream.writable || stream.reading ? 1 : 0),
  __fwriting: withStream(0, 0, (_task, stream) => !stream.readable || stream.filled > 0 ? 1 : 0),
  __fsetlocking: () => 2,
  flockfile: () => 0,
  ftrylockfile: () => 0,
  funlockfile: () => 0,
  perror,
  error,
  error_at_line: errorAtLine,
  isatty,
};
