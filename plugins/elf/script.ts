/** `#!` lines, read as Linux's fs/binfmt_script.c reads them out of a file's first 256 bytes. */

const NUL = 0, TAB = 9, NEWLINE = 10, SPACE = 32;

/** What a `#!` line asks for. */
export interface ScriptLine {
  readonly interpreter: Uint8Array;
  /** All the rest of the line, spaces inside included: Linux splits off one argument only. */
  readonly argument?: Uint8Array;
}

const blank = (c: number): boolean => c === SPACE || c === TAB;

/** First index from `from` to `to` (inclusive) that is not a space or tab; -1: none. */
function nonBlank(head: Uint8Array, from: number, to: number): number {
  for (let i = from; i <= to; i++) if (!blank(head[i])) return i;
  return -1;
}

/** First index from `from` to `to` (inclusive) of a space, tab or NUL; -1: none. */
function terminator(head: Uint8Array, from: number, to: number): number {
  for (let i = from; i <= to; i++) if (blank(head[i]) || head[i] === NUL) return i;
  return -1;
}

/** True when the file begins with `#!`. */
export function isScript(head: Uint8Array): boolean {
  return head[0] === 0x23 && head[1] === 0x21;
}

/**
 * The line's interpreter and argument; undefined (ENOEXEC) when there is none, or when a line without newline in the first
 * 256 bytes may have cut the interpreter's name. `head` must be those 256 bytes, zero-padded.
 */
export function scriptLine(head: Uint8Array): ScriptLine | undefined {
  const last = head.length - 1;
  // As strnchr does, the search for the newline ends at a NUL.
  let end = -1;
  for (let i = 0; i <= last && head[i] !== NUL; i++) {
    if (head[i] === NEWLINE) {
      end = i;
      break;
    }
  }
  if (end < 0) {
    const start = nonBlank(head, 2, last);
    if (start < 0) return undefined;
    if (terminator(head, start, last) < 0) return undefined;
    end = last;
  }
  while (blank(head[end - 1])) end--;
  const name = nonBlank(head, 2, end);
  if (name < 0 || name === end) return undefined;
  const separator = terminator(head, name, end);
  let argument = -1;
  if (separator >= 0 && head[separator] !== NUL) argument = nonBlank(head, separator, end);
  const text = (from: number, to: number): Uint8Array => {
    let i = from;
    while (i < to && head[i] !== NUL) i++;
    return head.slice(from, i);
  };
  // `*i_end = 0` makes an argument that starts at the end empty, and the kernel still passes it.
  if (argument < 0) return { interpreter: text(name, end) };
  return { interpreter: text(name, separator), argument: text(argument, end) };
}
