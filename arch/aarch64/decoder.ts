/**
 * The decoder in WebAssembly: what decode.ts does, from the tables of tables.ts. It stops before an instruction that it does not know, and leaves
 * a run that begins with it to TypeScript.
 */
// cold: while code is generated
import {
  BIAS,
  CHUNK,
  CHUNK_INFO,
  CORE_OPS,
  type DecoderRef,
  FIELD,
  type Func,
  type Generator,
  type I32,
  i32,
  type I64,
  i64,
  type Label,
  type Local,
  NOTES,
  RECORD,
  select,
} from "@guise/translator";
import { RUN_INSTRUCTIONS, RUN_RECORDS, type SpecialOps, TEMPORARY_FIELDS } from "./decode.ts";
import { BRANCH, FLOW, IMMEDIATE, MEMORY, NO_REGISTER, type Places, REGISTER_AT, ROW } from "./tables.ts";

/** Branches that wait for a stub, in memory 2. */
const STUBS = NOTES;
const { ZERO, TRASH } = TEMPORARY_FIELDS;

/** Adds `decode(pc, page table, out) -> end of the records, or 0`. */
export function defineDecoder(g: Generator, p: Places, special: SpecialOps): DecoderRef {
  const decode = g.module.func(
    ["i32", "i32", "i32"],
    ["i32"],
    (f) => new DecoderBody(f, g, p, special).emit(),
  );
  g.module.export("decode", decode);
  return { decode, records: RUN_RECORDS };
}

class DecoderBody {
  readonly pc: Local<"i32">;
  readonly table: Local<"i32">;
  readonly out: Local<"i32">;
  readonly count: Local<"i32">;
  readonly stubs: Local<"i32">;
  readonly previous: Local<"i32">;
  readonly ended: Local<"i32">;
  readonly word: Local<"i32">;
  readonly row: Local<"i32">;

  constructor(readonly f: Func, readonly g: Generator, readonly p: Places, readonly special: SpecialOps) {
    this.pc = f.param(0, "i32"), this.table = f.param(1, "i32"), this.out = f.param(2, "i32");
    this.count = f.let(i32(0)),
      this.stubs = f.let(i32(STUBS)),
      this.previous = f.let(i32(0)),
      this.ended = f.let(i32(0));
    this.word = f.local("i32"), this.row = f.local("i32");
  }

  byte(field: number): I32 {
    return this.g.engine.load("i32.load8_u", this.row, field);
  }
  half(field: number): I32 {
    return this.g.engine.load("i32.load16_u", this.row, field);
  }
  put(offset: number, value: I32 | number): void {
    this.f.store(this.g.engine, "i32.store", this.out, value, offset);
  }
  /** Bits of the instruction. */
  bits(low: number, count: number): I32 {
    return this.word.shrU(low).and((1 << count) - 1);
  }
  signed(low: number, count: number): I32 {
    return this.word.shl(32 - low - count).shrS(32 - count);
  }

  emit(): void {
    const { f, pc, out, count, table, ended } = this, { engine, guest } = this.g;
    const pageEnd = f.let(pc.or(4095));
    f.block((done) =>
      f.loop((again) => {
        f.brIf(done, count.geU(RUN_INSTRUCTIONS));
        f.brIf(done, pc.gtU(pageEnd));
        f.brIf(done, pc.and(3));
        f.brIf(done, count.ne(0).and(engine.load("i32.load", table.add(pc.and(4095).shl(2))).ne(0)));
        f.set(this.word, guest.load("i32.load", pc));
        this.#find(done);
        f.scope(() => this.#record(done));
        f.set(count, count.add(1));
        f.set(pc, pc.add(4));
        f.brIf(done, ended);
        // The last page ends where addresses do.
        f.brIf(again, pc);
      })
    );
    f.if(count.eqz(), () => f.return(i32(0)));
    f.if(ended.eqz(), () => {
      this.put(0, CORE_OPS.goto), this.put(4, count.shl(24));
      this.#branch(pc, count);
      this.#info(pc);
    });
    const at = f.let(i32(STUBS));
    f.while(() => at.ltU(this.stubs), () => {
      const branch = f.let(engine.load("i32.load", at));
      this.put(0, CORE_OPS.link), this.put(4, 0), this.put(8, branch), this.put(12, 0);
      f.store(engine, "i32.store", branch, out, RECORD.disp);
      this.#info(engine.load("i32.load", at, 4));
      f.set(at, at.add(8));
    });
    f.return(out);
  }

  /** Sets `row`: the first of the list that matches. */
  #find(fail: Label): void {
    const { f, p, word, row } = this, { engine } = this.g;
    const at = f.let(engine.load("i32.load16_u", word.shrU(21).shl(1), p.keys).shl(1)), n = f.local("i32");
    f.loop((again) => {
      f.set(n, engine.load("i32.load16_u", at, p.lists));
      f.brIf(fail, n.eq(0xffff));
      f.set(row, n.shl(5).add(p.rows));
      f.set(at, at.add(2));
      f.brIf(
        again,
        word.xor(engine.load("i32.load", row, ROW.value)).and(engine.load("i32.load", row, ROW.mask)),
      );
    });
    f.brIf(fail, this.byte(ROW.flow).eq(FLOW.leave));
  }

  /** Register field of a general register: 31 is the zero slot. */
  #general(n: I32): I32 {
    const v = this.f.let(n);
    return select(v.eq(31), i32(ZERO), v.shl(2));
  }

  #record(fail: Label): void {
    const { f, pc, out, count } = this, { engine } = this.g;
    const op = f.let(this.half(ROW.op)),
      middle = f.let(i32(ZERO | ZERO << 8)),
      disp = f.let(i32(0)),
      imm = f.let(i32(0));
    const memory = f.let(this.byte(ROW.memory)), shift = f.let(this.byte(ROW.shift));
    f.if(memory, () => {
      const offset = f.let(i32(0)), base = f.let(this.bits(5, 5).shl(2));
      f.set(disp, -BIAS);
      const kinds = [
        () => {},
        () => f.set(offset, this.bits(10, 12).shl(shift)),
        () => f.set(offset, this.signed(12, 9)),
        () => f.set(offset, this.signed(15, 7).shl(shift)),
        () => {},
        () => {
          const option = f.let(this.bits(13, 3)), index = f.let(this.#general(this.bits(16, 5)));
          f.brIf(fail, option.and(2).eqz());
          f.set(
            op,
            select(
              option.and(1),
              this.half(ROW.indexed),
              engine.load("i32.load16_u", this.row.add(option.shrU(2).shl(1)), ROW.extended),
            ),
          );
          f.brIf(fail, op.eqz());
          f.set(middle, index.shl(8).or(select(this.bits(12, 1), shift, i32(0)).shl(16)));
        },
        () => {
          f.set(disp, pc.add(this.signed(5, 19).shl(2)));
          f.brIf(fail, disp.ltS(0));
          f.set(base, ZERO);
        },
      ];
      f.switch(memory.and(MEMORY.kind), kinds, () => {});
      f.if(memory.and(MEMORY.post).eqz(), () => f.set(disp, disp.add(offset)));
      f.if(memory.and(MEMORY.back), () => f.set(imm, offset));
      f.set(middle, middle.and(~0xff).or(base));
    });
    this.put(0, op), this.put(4, middle.or(count.shl(24))), this.put(8, disp), this.put(12, imm);
    this.#registers();
    for (const at of [ROW.immediates, ROW.immediates + 2]) {
      const kind = f.let(this.byte(at));
      f.if(kind, () => this.#immediate(kind, this.byte(at + 1), fail));
    }
    const branch = f.let(this.byte(ROW.branch));
    f.if(branch, () => {
      const offset = select(
        branch.eq(BRANCH.b26),
        this.signed(0, 26),
        select(branch.eq(BRANCH.b19), this.signed(5, 19), this.signed(5, 14)),
      );
      this.#branch(pc.add(offset.shl(2)), count.add(1));
    });
    // With the comparison before it a branch is one operation, of the first record; the second holds the target.
    f.if(this.previous.ne(0).and(this.byte(ROW.condition).ltU(16)), () => {
      const at = this.previous.shl(5).add(this.byte(ROW.condition).shl(1));
      const fused = f.let(engine.load("i32.load16_u", at, this.p.fused - 32));
      f.if(fused, () => f.store(engine, "i32.store16", out.sub(RECORD.size), fused));
    });
    f.set(this.previous, this.half(ROW.fused));
    f.store(engine, "i32.store", this.table.add(pc.and(4095).shl(2)), out);
    this.#info(pc);
    f.if(memory.and(MEMORY.register), () => {
      // Register 31 stands for the size that was transferred.
      const m = f.let(this.bits(16, 5)), all = f.let(m.eq(31));
      const op = select(all, i32(this.special.writeback), i32(this.special.writebackRegister));
      this.put(0, op.or(this.bits(5, 5).shl(2 + 16)).or(this.#general(m).shl(24)));
      this.put(4, count.shl(24)), this.put(8, 0), this.put(12, shift);
      this.#info(pc);
    });
    f.set(this.ended, this.byte(ROW.flow).eq(FLOW.end));
  }

  #registers(): void {
    const { f, out, word } = this, { engine } = this.g;
    const at = f.let(i32(0)), code = f.local("i32"), n = f.local("i32"), which = f.local("i32");
    f.block((done) =>
      f.loop((again) => {
        f.brIf(done, at.eq(5));
        f.set(code, engine.load("i32.load8_u", this.row.add(at), ROW.registers));
        f.brIf(done, code.eq(NO_REGISTER));
        f.set(at, at.add(1));
        const place = code.shrU(5), four = REGISTER_AT.length - 1;
        const packed = REGISTER_AT.slice(0, four).reduce<number>((v, x, i) => v | x << 8 * i, 0);
        const low = select(place.eq(four), i32(REGISTER_AT[four]), i32(packed).shrU(place.shl(3)).and(31));
        f.set(n, word.shrU(low).and(select(place.eq(four), i32(15), i32(31))));
        f.set(which, code.shrU(3).and(3));
        f.if(which.eq(3), () => f.set(n, n.shl(3)), () => {
          f.if(
            n.eq(31).and(which.ltU(2)),
            () => f.set(n, select(which, i32(TRASH), i32(ZERO))),
            () => f.set(n, n.shl(2)),
          );
        });
        f.store(engine, "i32.store8", out.add(code.and(7)), n, RECORD.a);
        f.br(again);
      })
    );
  }

  #immediate(kind: Local<"i32">, parameter: I32, fail: Label): void {
    const { f, out, word, pc } = this, { engine } = this.g;
    const small = (at: number) => () => {
      const p = f.let(parameter);
      const v = word.shrU(p.and(31)).and(i32(2).shl(p.shrU(5)).sub(1));
      f.store(engine, "i32.store8", out, v, at);
    };
    const wide = (v: I64) => f.store(engine, "i64.store", out, v, RECORD.disp);
    const plain = (v: I32, at: number = RECORD.imm) => this.put(at, v);
    const wordShift = () => this.bits(21, 2).shl(4);
    const immr = () => this.bits(16, 6), imms = () => this.bits(10, 6);
    const mask = (then: (v: I64) => void, n: I32) => {
      const length = f.let(i32(31).sub(n.shl(6).or(imms().xor(63)).clz())), size = f.let(i32(1).shl(length));
      f.brIf(fail, length.ltS(1));
      const s = f.let(imms().and(size.sub(1)));
      f.brIf(fail, s.eq(size.sub(1)));
      const v = f.let(i64(1).shl(s.add(1).extendU()).sub(1));
      f.while(() => size.ltU(64), () => {
        f.set(v, v.or(v.shl(size.extendU())));
        f.set(size, size.shl(1));
      });
      then(v.rotr(immr().extendU()));
    };
    // Bits of a width from a place on; the width is 1 to 64.
    const ones = (width: I32, at: I32) => i64(-1).shrU(i32(64).sub(width).extendU()).shl(at.extendU());
    const bfm = (bits: number) => () => {
      const r = f.let(immr()), s = f.let(imms());
      if (bits === 32) f.brIf(fail, r.or(s).and(32));
      f.if(s.geU(r), () => wide(ones(s.sub(r).add(1), i32(0))), () => wide(ones(s.add(1), i32(bits).sub(r))));
    };
    const shifts = (bits: number) => () => {
      const left = f.let(i32(bits - 1).sub(imms()));
      if (bits === 32) f.brIf(fail, immr().or(imms()).and(32));
      plain(left.or(left.add(immr()).and(bits - 1).shl(8)));
    };
    const cases: Record<Exclude<keyof typeof IMMEDIATE, "none">, () => void> = {
      field: small(RECORD.imm),
      fieldDisp: small(RECORD.disp),
      fieldDisp1: small(RECORD.disp + 1),
      fieldScale: small(RECORD.scale),
      u: () => plain(this.bits(5, 16)),
      add: () => plain(this.bits(10, 12).shl(this.bits(22, 1).mul(12))),
      mask: () => mask(wide, this.bits(22, 1)),
      maskw: () => mask((v) => plain(v.wrap()), i32(0)),
      movz: () => wide(this.bits(5, 16).extendU().shl(wordShift().extendU())),
      movn: () => wide(this.bits(5, 16).extendU().shl(wordShift().extendU()).not()),
      movnw: () => wide(this.bits(5, 16).shl(wordShift()).not().extendU()),
      adr: () => wide(pc.extendU().add(BIAS).add(this.signed(5, 19).shl(2).or(this.bits(29, 2)).extendS())),
      adrp: () =>
        wide(
          pc.extendU().add(BIAS).and(-4096).add(
            this.signed(5, 19).shl(2).or(this.bits(29, 2)).extendS().shl(12),
          ),
        ),
      shiftsx: shifts(64),
      shiftsw: shifts(32),
      bfmx: bfm(64),
      bfmw: bfm(32),
      bit: () =>
        f.store(engine, "i32.store8", out, this.bits(31, 1).shl(5).or(this.bits(19, 5)), RECORD.scale),
      elem1: () =>
        f.store(engine, "i32.store8", out, this.bits(11, 1).shl(2).or(this.bits(20, 2)), RECORD.imm),
      elem2: () =>
        f.store(engine, "i32.store8", out, this.bits(11, 1).shl(1).or(this.bits(21, 1)), RECORD.imm),
      vector: () => this.#vector(wide, fail),
      f32: () => wide(float32(this.bits(13, 8)).extendU()),
      f64: () => wide(float64(this.bits(13, 8)).extendU().shl(32)),
    };
    const order = Object.entries(IMMEDIATE).sort((a, b) => a[1] - b[1]).slice(1).map(([name]) =>
      cases[name as keyof typeof cases]
    );
    f.switch(kind.sub(1), order, () => {});
  }

  /** AdvSIMDExpandImm. */
  #vector(wide: (v: I64) => void, fail: Label): void {
    const { f } = this;
    const byte = f.let(this.bits(16, 3).shl(5).or(this.bits(5, 5))), mode = f.let(this.bits(12, 4));
    const both = (v: I32) => wide(v.extendU().mul(i64(0x100000001)));
    const op = this.bits(29, 1);
    f.switch(mode.shrU(1), [
      ...[0, 8, 16, 24].map((by) => () => both(byte.shl(by))),
      () => both(byte.mul(0x10001)),
      () => both(byte.mul(0x1000100)),
      () => both(select(mode.and(1), byte.shl(16).or(0xffff), byte.shl(8).or(0xff))),
    ], () => {
      f.if(mode.and(1), () => {
        f.brIf(fail, op);
        both(float32(byte));
      }, () =>
        f.if(op.eqz(), () => both(byte.mul(0x1010101)), () => {
          // Bit i becomes byte i: copies of the byte, one bit of each, spread.
          const bits = byte.extendU().mul(i64(0x0101010101010101n)).and(i64(0x8040201008040201n));
          const one = bits.add(i64(0x7f7f7f7f7f7f7f7fn)).or(bits).and(i64(-0x7f7f7f7f7f7f7f80n)).shrU(7);
          wide(one.mul(255));
        }));
    });
  }

  #info(pc: I32): void {
    const { f, out } = this;
    const info = f.let(out.and(~(CHUNK - 1)).add(out.and(0xffff).shrU(1)));
    f.store(this.g.engine, "i64.store", info, pc.extendU().or(i64(4 * 2 ** 32)), CHUNK_INFO);
    f.set(out, out.add(RECORD.size));
  }

  /** Target and count of the branch at `out`: linked when the target is decoded, else through a stub. */
  #branch(to: I32, count: I32): void {
    const { f, out } = this, { engine } = this.g;
    const target = f.let(to), delta = f.let(count);
    const level = engine.load(
      "i32.load",
      engine.load("i32.load", 0, FIELD.directory).add(target.shrU(22).shl(2)),
    );
    const page = engine.load("i32.load", level.add(target.shrU(12).and(1023).shl(2)));
    const known = f.let(engine.load("i32.load", page.add(target.and(4095).shl(2))));
    f.if(known, () => f.set(delta, delta.sub(engine.load("i32.load8_u", known, RECORD.ordinal))), () => {
      f.store(engine, "i32.store", this.stubs, out);
      f.store(engine, "i32.store", this.stubs, target, 4);
      f.set(this.stubs, this.stubs.add(8));
    });
    this.put(RECORD.imm, delta), this.put(RECORD.disp, known);
  }
}

const exponent = (byte: I32, short: number, long: number): I32 =>
  select(byte.shrU(6).and(1), i32(short), i32(long));
/** VFPExpandImm. */
const float32 = (byte: I32): I32 =>
  byte.shrU(7).shl(31).or(exponent(byte, 0x1f, 0x20).shl(25)).or(byte.and(0x3f).shl(19));
/** Its upper half. */
const float64 = (byte: I32): I32 =>
  byte.shrU(7).shl(31).or(exponent(byte, 0xff, 0x100).shl(22)).or(byte.and(0x3f).shl(16));
