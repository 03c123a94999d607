/**
 * A function body that knows one thing about the code it emits: the constant that the kind of the lazy flags holds, so
 * that conditions on it fold. And it brings state to memory around calls of functions that look for it there.
 */
import { Func, type FunctionRef, type I32, type Label, type Type, Value } from "../wasm/mod.ts";
import type { Arg, Local } from "../wasm/mod.ts";

/** A function of the interpreter's module that semantics call. */
export interface Helper extends FunctionRef {
  index: number;
  readonly name: string;
  /** Slots that it reads or writes in the state block. */
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
  /** It computes offsets in the state block, or calls JavaScript: not to be called with state in locals. */
  readonly opaque: boolean;
}

/** Moves slots between locals and memory. */
export interface Mover {
  spill(slots: Iterable<number>): void;
  reload(slots: Iterable<number>): void;
  kindWritten(helper: Helper): boolean;
}

export class RegionFunc extends Func {
  /** What the kind is known to be. */
  known: number | undefined;
  #writes = 0;
  mover!: Mover;

  setKnown(kind: number | undefined): void {
    this.known = kind;
    this.#writes++;
  }

  /** Without folding and following: for the structure of the region. */
  plainIf(cond: I32, then: () => void, otherwise?: () => void): void {
    super.if(cond, then, otherwise);
  }
  plainUnlikely(cond: I32, then: () => void): void {
    const { known } = this;
    this.unlikely(cond, then);
    this.known = known;
  }
  plainBlock(body: (leave: Label) => void): void {
    super.block(body);
  }
  plainLoop(body: (again: Label) => void): void {
    super.loop(body);
  }

  override if(cond: I32, then: () => void, otherwise?: () => void): void {
    const { constant } = cond;
    if (constant !== undefined) {
      if (Number(constant) !== 0) then();
      else otherwise?.();
      return;
    }
    const before = this.known;
    let after = before;
    super.if(cond, () => {
      then();
      after = this.known;
      this.known = before;
    }, otherwise && (() => otherwise()));
    if (this.known !== after) this.known = undefined;
  }
  override block(body: (leave: Label) => void): void {
    const writes = this.#writes;
    super.block(body);
    if (writes !== this.#writes) this.known = undefined;
  }
  override loop(body: (again: Label) => void): void {
    this.known = undefined;
    super.loop(body);
    this.known = undefined;
  }
  override switch(
    index: I32,
    cases: readonly ((leave: Label) => void)[],
    otherwise: (leave: Label) => void,
  ): void {
    const before = this.known;
    const start = (body: (leave: Label) => void) => (leave: Label) => (this.known = before, body(leave));
    super.switch(index, cases.map(start), start(otherwise));
    this.known = undefined;
  }

  override call<T extends Type>(type: T, to: FunctionRef, ...args: Arg<Type>[]): Value<T> {
    const helper = to as Helper, plain = super.call(type, to, ...args);
    if (!helper.reads?.size && !helper.writes?.size) return plain;
    return new Value(type, (w) => {
      this.mover.spill(helper.reads), this.mover.spill(helper.writes);
      plain.emit(w);
      this.mover.reload(helper.writes);
      if (this.mover.kindWritten(helper)) this.setKnown(undefined);
    });
  }
  override do(to: FunctionRef, args: Arg<Type>[], ...into: Local[]): void {
    const helper = to as Helper;
    if (helper.reads) this.mover.spill(helper.reads), this.mover.spill(helper.writes);
    super.do(to, args, ...into);
    if (helper.reads) {
      this.mover.reload(helper.writes);
      if (this.mover.kindWritten(helper)) this.setKnown(undefined);
    }
  }
}
