/**
 * getopt and getopt_long as glibc has them: operands move behind the options, long names may be cut short, and what is
 * wrong is told in glibc's words. The state is the program's own optind, optarg, opterr and optopt.
 */
import type { Outcome, Task } from "@guise/core";
import { arg, type Calls, type DirectCall, text } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { put } from "./streams.ts";

interface State {
  /** The rest of a cluster of short options: an address; 0: none. */
  rest: number;
  /** Operands that were passed: from first to last, in argv. */
  first: number;
  last: number;
  order: "require" | "permute" | "return";
  started: boolean;
}

const known = new WeakMap<OsvProcess, State>();

function stateOf(task: Task): State {
  const osv = osvOf(task);
  let state = known.get(osv);
  if (state === undefined) {
    known.set(osv, state = { rest: 0, first: 1, last: 1, order: "permute", started: false });
  }
  return state;
}

/** The int or pointer variables that the program shares with us. */
class Variables {
  readonly #task: Task;
  constructor(task: Task) {
    this.#task = task;
  }
  #at(name: string): number {
    return osvOf(this.#task).linked?.lookup(name) ?? 0;
  }
  get index(): number {
    return (this.#task.space.getU32(this.#at("optind")) ?? 1) | 0;
  }
  set index(n: number) {
    this.#task.space.setU32(this.#at("optind"), n >>> 0);
  }
  set argument(address: number) {
    this.#task.space.setNum64(this.#at("optarg"), address);
  }
  set option(c: number) {
    this.#task.space.setU32(this.#at("optopt"), c >>> 0);
  }
  get says(): boolean {
    return this.#task.space.getU32(this.#at("opterr")) !== 0;
  }
}

interface LongOption {
  readonly name: string;
  readonly argument: number;
  readonly flag: number;
  readonly value: number;
}

const MOST_OPTIONS = 4096, OPTION_BYTES = 32;

function longOptions(task: Task, table: number): LongOption[] {
  const list: LongOption[] = [];
  const { space } = task;
  for (let at = table; table !== 0 && list.length < MOST_OPTIONS; at += OPTION_BYTES) {
    const name = space.getNum64(at);
    if (name === undefined || name === 0) break;
    list.push({
      name: text(task, name) ?? "",
      argument: space.getU32(at + 8) ?? 0,
      flag: space.getNum64(at + 16) ?? 0,
      value: (space.getU32(at + 24) ?? 0) | 0,
    });
  }
  return list;
}

/** One call of any of the forms. */
class Call {
  readonly #task: Task;
  #argc: number;
  readonly #argv: number;
  readonly #short: string;
  readonly #long: readonly LongOption[];
  readonly #indexOut: number;
  readonly #longOnly: boolean;
  readonly #state: State;
  readonly #variables: Variables;
  readonly #quiet: boolean;

  constructor(task: Task, long: boolean, longOnly: boolean) {
    this.#task = task;
    this.#argc = arg(task, 0) | 0;
    this.#argv = arg(task, 1);
    this.#state = stateOf(task);
    this.#variables = new Variables(task);
    this.#long = long ? longOptions(task, arg(task, 3)) : [];
    this.#indexOut = long ? arg(task, 4) : 0;
    this.#longOnly = longOnly;
    const short = text(task, arg(task, 2)) ?? "";
    this.#start(short);
    const skipped = /^[+-]/.test(short) ? short.slice(1) : short;
    this.#short = skipped;
    this.#quiet = skipped.startsWith(":") || !this.#variables.says;
  }

  #start(short: string): void {
    const state = this.#state, v = this.#variables;
    if (v.index !== 0 && state.started) return;
    if (v.index === 0) v.index = 1;
    state.started = true;
    state.first = state.last = v.index;
    state.rest = 0;
    const strict = osvOf(this.#task).linked !== undefined && this.#posixly();
    state.order = short.startsWith("-") ? "return" : short.startsWith("+") || strict ? "require" : "permute";
  }
  #posixly(): boolean {
    const at = osvOf(this.#task).linked?.lookup("environ");
    let list = at === undefined ? 0 : this.#task.space.getNum64(at) ?? 0;
    for (let n = 0; list !== 0 && n < 4096; n++, list += 8) {
      const entry = this.#task.space.getNum64(list) ?? 0;
      if (entry === 0) return false;
      if ((text(this.#task, entry) ?? "").startsWith("POSIXLY_CORRECT=")) return true;
    }
    return false;
  }

  #pointer(n: number): number {
    return this.#task.space.getNum64(this.#argv + 8 * n) ?? 0;
  }
  #word(n: number): string {
    return n < this.#argc ? text(this.#task, this.#pointer(n)) ?? "" : "";
  }
  #operand(n: number): boolean {
    const word = this.#word(n);
    return !word.startsWith("-") || word === "-";
  }

  /** Moves what lies between the operands passed and here in front of them. */
  #exchange(): void {
    const { space } = this.#task, state = this.#state, index = this.#variables.index;
    const words: number[] = [];
    for (let n = Math.max(0, state.first); n < Math.min(index, this.#argc); n++) words.push(this.#pointer(n));
    const count = state.last - state.first;
    const moved = [...words.slice(count), ...words.slice(0, count)];
    moved.forEach((pointer, n) => space.setNum64(this.#argv + 8 * (state.first + n), pointer));
    state.first += index - state.last;
    state.last = index;
  }

  /** A line on standard error, then the answer. */
  #say(words: string, answer: number): Outcome {
    const { streams } = osvOf(this.#task);
    const stderr = streams.all.get(streams.standard(this.#task)[2]);
    if (this.#quiet || stderr === undefined) return answer;
    return put(this.#task, stderr, new TextEncoder().encode(`${this.#word(0)}: ${words}\n`), () => answer);
  }

  run(): Outcome {
    const v = this.#variables, state = this.#state;
    if (this.#argc < 1) return -1;
    v.argument = 0;
    if (state.rest === 0 || (this.#task.space.read(state.rest, 1)?.[0] ?? 0) === 0) {
      const found = this.#nextElement();
      if (found !== undefined) return found;
    }
    return this.#shortOption();
  }

  /** Finds the next word with options; undefined: `rest` stands at short ones. */
  #nextElement(): Outcome | undefined {
    const v = this.#variables, state = this.#state;
    if (state.last > v.index) state.last = v.index;
    if (state.first > v.index) state.first = v.index;
    if (state.order === "permute") {
      if (state.first !== state.last && state.last !== v.index) this.#exchange();
      else if (state.last !== v.index) state.first = v.index;
      // A null pointer ends the arguments too, whatever their number is said to be.
      while (v.index < this.#argc && this.#pointer(v.index) !== 0 && this.#operand(v.index)) v.index++;
      if (v.index < this.#argc && this.#pointer(v.index) === 0) this.#argc = v.index;
      state.last = v.index;
    }
    if (v.index < this.#argc && this.#word(v.index) === "--") {
      v.index++;
      if (state.first !== state.last && state.last !== v.index) this.#exchange();
      else if (state.first === state.last) state.first = v.index;
      state.last = this.#argc;
      v.index = this.#argc;
    }
    if (v.index >= this.#argc) {
      if (state.first !== state.last) v.index = state.first;
      return -1;
    }
    if (this.#operand(v.index)) {
      if (state.order === "require") return -1;
      v.argument = this.#pointer(v.index++);
      return 1;
    }
    const word = this.#word(v.index), pointer = this.#pointer(v.index);
    if (this.#long.length > 0) {
      if (word.startsWith("--")) return this.#longOption(word.slice(2), pointer + 2, "--");
      if (this.#longOnly && (word.length > 2 || !this.#short.includes(word[1]))) {
        const outcome = this.#longOption(word.slice(1), pointer + 1, "-");
        if (outcome !== undefined) return outcome;
      }
    }
    state.rest = pointer + 1;
    return undefined;
  }

  #longOption(rest: string, address: number, prefix: "--" | "-"): Outcome | undefined {
    const v = this.#variables;
    const equals = rest.indexOf("=");
    const name = equals < 0 ? rest : rest.slice(0, equals);
    let found = this.#long.findIndex((option) => option.name === name);
    if (found < 0) {
      const candidates = this.#long.map((option, n) => ({ option, n })).filter(({ option }) =>
        option.name.startsWith(name)
      );
      const [one] = candidates;
      const same = candidates.every(({ option }) =>
        option.argument === one.option.argument && option.flag === one.option.flag &&
        option.value === one.option.value
      );
      if (candidates.length > 1 && (this.#longOnly || !same)) {
        const possible = candidates.map(({ option }) => ` '${prefix}${option.name}'`).join("");
        v.index++;
        v.option = 0;
        this.#state.rest = 0;
        return this.#say(`option '${prefix}${rest}' is ambiguous; possibilities:${possible}`, 0x3f);
      }
      found = one?.n ?? -1;
    }
    if (found < 0) {
      if (this.#longOnly && prefix === "-" && this.#short.includes(rest[0])) return undefined;
      this.#state.rest = 0;
      v.index++;
      v.option = 0;
      return this.#say(`unrecognized option '${prefix}${rest}'`, 0x3f);
    }
    const option = this.#long[found];
    v.index++;
    this.#state.rest = 0;
    const missing = this.#short.startsWith(":") ? 0x3a : 0x3f;
    if (equals >= 0) {
      if (option.argument === 0) {
        v.option = option.value;
        return this.#say(`option '${prefix}${option.name}' doesn't allow an argument`, 0x3f);
      }
      v.argument = address + new TextEncoder().encode(name).length + 1;
    } else if (option.argument === 1) {
      if (v.index >= this.#argc) {
        v.option = option.value;
        return this.#say(`option '${prefix}${option.name}' requires an argument`, missing);
      }
      v.argument = this.#pointer(v.index++);
    }
    if (this.#indexOut !== 0) this.#task.space.setU32(this.#indexOut, found);
    if (option.flag !== 0) {
      this.#task.space.setU32(option.flag, option.value >>> 0);
      return 0;
    }
    return option.value;
  }

  #shortOption(): Outcome {
    const v = this.#variables, state = this.#state, { space } = this.#task;
    const c = space.read(state.rest++, 1)?.[0] ?? 0;
    const letter = String.fromCharCode(c);
    const last = (space.read(state.rest, 1)?.[0] ?? 0) === 0;
    if (last) v.index++;
    const at = letter === ":" || letter === ";" ? -1 : this.#short.indexOf(letter);
    if (at < 0) {
      v.option = c;
      return this.#say(`invalid option -- '${letter}'`, 0x3f);
    }
    const optional = this.#short.startsWith("::", at + 1);
    if (letter === "W" && this.#short[at + 1] === ";" && this.#long.length > 0) return this.#byName(last);
    if (!optional && this.#short[at + 1] !== ":") return c;
    if (!last) {
      v.argument = state.rest;
      v.index++;
    } else if (!optional) {
      if (v.index >= this.#argc) {
        v.option = c;
        state.rest = 0;
        return this.#say(
          `option requires an argument -- '${letter}'`,
          this.#short.startsWith(":") ? 0x3a : 0x3f,
        );
      }
      v.argument = this.#pointer(v.index++);
    }
    state.rest = 0;
    return c;
  }

  /** `-W name` is `--name`. */
  #byName(last: boolean): Outcome {
    const v = this.#variables, state = this.#state;
    if (last && v.index >= this.#argc) {
      v.option = 0x57;
      return this.#say("option requires an argument -- 'W'", this.#short.startsWith(":") ? 0x3a : 0x3f);
    }
    const address = last ? this.#pointer(v.index) : state.rest;
    return this.#longOption(text(this.#task, address) ?? "", address, "--") ?? 0x3f;
  }
}

const form = (long: boolean, only: boolean): DirectCall => (task) => new Call(task, long, only).run();

/** See the file's head. */
export const getoptCalls: Calls = {
  getopt: form(false, false),
  getopt_long: form(true, false),
  getopt_long_only: form(true, true),
};
