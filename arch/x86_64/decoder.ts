/**
 * The decoder in WebAssembly: what decode.ts does, for the instructions that lie in one page and can be decoded. It stops before
 * anything else, and leaves a run that begins with it to TypeScript. The tables lie in the engine's memory.
 */
// cold: while code is generated
import {
  ACCESS,
  BIAS,
  CHUNK,
  CHUNK_INFO,
  CORE_OPS,
  type DecoderRef,
  EMPTY_LEVEL,
  FIELD,
  type Func,
  type FunctionRef,
  type Generator,
  type I32,
  i32,
  type Local,
  NOTES,
  PAGE_BIAS,
  RECORD,
  select,
  TABLES,
} from "@guise/translator";
import { RUN_INSTRUCTIONS, RUN_RECORDS } from "./decode.ts";
import { NARROW, STATE } from "./state.ts";
import { BIT, FLOW, IMM, type NumericTables, SOURCE, TEMPLATE } from "./template.ts";

/** Offsets of the tables in memory 2. */
export interface TablePlaces {
  readonly nodes: number;
  readonly nodeBits: number;
  readonly leaves: number;
  readonly templates: number;
  readonly fused: number;
  readonly end: number;
}

export function tablePlaces(t: Pick<NumericTables, "leaves" | "templates" | "fused">): TablePlaces {
  const nodes = TABLES, nodeBits = nodes + 2048, leaves = nodeBits + 1024;
  const templates = leaves + t.leaves.length * 2 + 15 & ~15,
    fused = templates + t.templates.length + 15 & ~15;
  return { nodes, nodeBits, leaves, templates, fused, end: fused + t.fused.length * 2 };
}

/** All tables as one block for {@link TABLES}. */
export function tableBytes(t: NumericTables): Uint8Array {
  const p = tablePlaces(t), out = new Uint8Array(p.end - TABLES);
  const bytes = (a: Uint16Array | Uint8Array) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
  out.set(bytes(t.nodes), p.nodes - TABLES);
  out.set(t.nodeBits, p.nodeBits - TABLES);
  out.set(bytes(t.leaves), p.leaves - TABLES);
  out.set(t.templates, p.templates - TABLES);
  out.set(bytes(t.fused), p.fused - TABLES);
  return out;
}

/** Notes about the instructions of a run, in memory 2: record, template, mark, form; then branches that wait for a stub. */
const NOTE = 16, NOTE_TEMPLATE = 4, NOTE_MARK = 8, NOTE_FORM = 12;
const STUBS = NOTES + (RUN_INSTRUCTIONS + 1) * NOTE;
if (STUBS + RUN_INSTRUCTIONS * 8 + 8 > EMPTY_LEVEL) throw new RangeError("the decoder's notes do not fit");
const INDEXED = 0x100;

/**
 * Adds `decode(pc, page table, out, memory limit, may straddle) -> end of the records, or 0`. An instruction may go on in the next page
 * when that is executable and not writable: else TypeScript has to ask, and to watch it.
 */
export function defineDecoder(g: Generator, p: TablePlaces): DecoderRef {
  const { module } = g;
  const slot = module.func(["i32", "i32", "i32", "i32"], ["i32"], (f) => defineSlot(f));
  const decode = module.func(
    ["i32", "i32", "i32", "i32", "i32"],
    ["i32"],
    (f) => new DecoderBody(f, g, p, slot).emit(),
  );
  module.export("decode", decode);
  return { decode, records: RUN_RECORDS };
}

/** (source, modrm, rex, opcode) -> value of a register field. */
function defineSlot(f: Func): void {
  const source = f.param(0, "i32"),
    modrm = f.param(1, "i32"),
    rex = f.param(2, "i32"),
    opcode = f.param(3, "i32");
  const bit = (mask: number, by: number): I32 => rex.and(mask).shl(by);
  const reg = () => modrm.shrU(3).and(7).or(bit(4, 1)),
    rm = () => modrm.and(7).or(bit(1, 3)),
    low = () => opcode.and(7).or(bit(1, 3));
  const byte = (n: I32) => () => {
    const v = f.let(n);
    f.if(rex.eqz().and(v.sub(4).ltU(4)), () => f.return(v.sub(4).shl(3).add(1)));
    f.return(v.shl(3));
  };
  f.if(source.geU(SOURCE.constant), () => f.return(source.sub(SOURCE.constant)));
  const cases: Record<keyof typeof SOURCE, () => void> = {
    none: () => f.return(i32(0)),
    reg: () => f.return(reg().shl(3)),
    rm: () => f.return(rm().shl(3)),
    opcode: () => f.return(low().shl(3)),
    reg8: byte(reg()),
    rm8: byte(rm()),
    opcode8: byte(low()),
    reg16: () => f.return(reg().shl(4)),
    rm16: () => f.return(rm().shl(4)),
    regIndex: () => f.return(reg()),
    rmIndex: () => f.return(modrm.and(7)),
    mmReg: () => f.return(modrm.shrU(3).and(7).shl(4)),
    mmRm: () => f.return(modrm.and(7).shl(4)),
    constant: () => f.return(i32(0)),
  };
  const list = Object.entries(SOURCE).filter(([, n]) => n < SOURCE.constant).sort((a, b) => a[1] - b[1]).map((
    [name],
  ) => cases[name as keyof typeof SOURCE]);
  f.switch(source, list, () => {});
  f.return(i32(0));
}

class DecoderBody {
  // Parameters and the state of the run.
  readonly pc: Local<"i32">;
  readonly table: Local<"i32">;
  readonly out: Local<"i32">;
  readonly limit: Local<"i32">;
  readonly count: Local<"i32">;
  readonly stubs: Local<"i32">;
  readonly previousRow: Local<"i32">;
  readonly ended: Local<"i32">;
  readonly #names = new Map<string, Local<"i32">>();

  constructor(readonly f: Func, readonly g: Generator, readonly p: TablePlaces, readonly slot: FunctionRef) {
    this.pc = f.param(0, "i32"),
      this.table = f.param(1, "i32"),
      this.out = f.param(2, "i32"),
      this.limit = f.param(3, "i32");
    this.count = this.v("count"),
      this.stubs = this.v("stubs"),
      this.previousRow = this.v("previousRow"),
      this.ended = this.v("ended");
  }

  /** A variable by name. */
  v(name: string): Local<"i32"> {
    let local = this.#names.get(name);
    if (!local) this.#names.set(name, local = this.f.local("i32"));
    return local;
  }
  code(at: I32, offset = 0): I32 {
    return this.g.guest.load("i32.load8_u", at, offset);
  }
  template(field: number): I32 {
    return this.g.engine.load("i32.load8_u", this.v("template"), field);
  }
  put(offset: number, value: I32 | number): void {
    this.f.store(this.g.engine, "i32.store", this.out, value, offset);
  }

  emit(): void {
    const { f, pc, out, count, limit, table } = this, { engine } = this.g;
    const pageEnd = f.let(pc.or(4095).add(1)); // 0 for the last page: compared as length below
    const first = f.let(pc), status = this.v("status"), straddles = this.v("straddles");
    f.set(count, 0), f.set(this.stubs, STUBS), f.set(this.previousRow, 0), f.set(this.ended, 0);
    f.block((done) =>
      f.loop((again) => {
        f.brIf(done, count.geU(RUN_INSTRUCTIONS));
        f.brIf(done, pc.sub(first).geU(pageEnd.sub(first)));
        f.brIf(done, count.ne(0).and(engine.load("i32.load", table.add(pc.and(4095).shl(2))).ne(0)));
        // Bytes beyond the page may be read, not beyond the memory.
        f.brIf(done, pc.gtU(limit));
        this.#parse();
        f.brIf(done, status);
        const next = this.v("next");
        f.set(next, this.v("at"));
        f.set(straddles, next.sub(first).gtU(pageEnd.sub(first)));
        f.if(straddles, () => {
          const bits = this.g.pages.load("i32.load8_u", pageEnd.shrU(12), PAGE_BIAS);
          f.brIf(done, this.f.param(4, "i32").eqz().or(bits.and(ACCESS.exec | ACCESS.write).ne(ACCESS.exec)));
        });
        this.#build();
        f.set(count, count.add(1));
        f.set(pc, next);
        f.brIf(again, this.ended.eqz());
      })
    );
    // Nothing decoded: TypeScript does it.
    f.if(count.eqz(), () => f.return(i32(0)));
    f.if(this.ended.eqz(), () => {
      this.put(0, CORE_OPS.goto);
      this.put(4, count.shl(24));
      this.#branch(out, pc, count);
      this.#info(pc, i32(0));
    });
    this.#flags();
    this.#emitStubs();
    f.return(out);
  }

  /** Prefixes, opcode, ModRM, displacement, immediate: sets `template` and the parts; `status` 1 when it cannot. */
  #parse(): void {
    const { f, pc, p } = this, { engine } = this.g, v = (name: string) => this.v(name);
    const at = v("at"),
      rex = v("rex"),
      rep = v("rep"),
      p66 = v("p66"),
      addr32 = v("addr32"),
      lock = v("lock"),
      segment = v("segment");
    const byte = v("byte"),
      key = v("key"),
      status = v("status"),
      modrm = v("modrm"),
      memory = v("memory"),
      rip = v("rip");
    const base = v("base"),
      index = v("index"),
      scale = v("scale"),
      disp = v("disp"),
      imm = v("imm"),
      immHigh = v("immHigh");
    f.set(at, pc);
    for (
      const l of [rex, rep, p66, addr32, lock, segment, modrm, memory, rip, scale, disp, imm, immHigh, key]
    ) f.set(l, 0);
    f.set(base, -1), f.set(index, -1), f.set(status, 1);
    // A prefix is no opcode, so the table tells at once.
    const isOpcode = () => engine.load("i32.load16_u", byte.shl(1), p.nodes).ne(0).or(byte.eq(0x0f));
    f.block((fail) => {
      f.block((opcode) =>
        f.loop((again) => {
          f.set(byte, this.code(at));
          f.set(at, at.add(1));
          f.if(byte.and(0xf0).eq(0x40), () => {
            f.set(rex, byte);
            f.set(byte, this.code(at));
            f.set(at, at.add(1));
            // A prefix after REX makes REX void: rare, and left to TypeScript.
            f.brIf(opcode, isOpcode());
            f.br(fail);
          });
          f.brIf(opcode, isOpcode());
          f.if(byte.eq(0x66), () => f.set(p66, 1));
          f.if(byte.eq(0x67), () => f.set(addr32, 1));
          f.if(byte.eq(0xf2), () => f.set(rep, 2));
          f.if(byte.eq(0xf3), () => f.set(rep, 3));
          f.if(byte.eq(0xf0), () => f.set(lock, 1));
          f.if(byte.eq(0x64), () => f.set(segment, STATE.fsBase));
          f.if(byte.eq(0x65), () => f.set(segment, STATE.gsBase));
          f.brIf(fail, this.#isPrefix(byte).eqz());
          f.brIf(fail, at.sub(pc).gtU(14));
          f.br(again);
        })
      );
      f.if(byte.eq(0x0f), () => {
        f.set(byte, this.code(at));
        f.set(at, at.add(1));
        f.set(key, 0x100);
        f.if(byte.eq(0x38).or(byte.eq(0x3a)), () => {
          f.set(key, select(byte.eq(0x38), i32(0x200), 0x300));
          f.set(byte, this.code(at));
          f.set(at, at.add(1));
        });
      });
      f.set(key, key.or(byte));
      f.brIf(fail, key.eq(0x104)); // a call stub: only TypeScript knows whether it is one
      const leaf = v("leaf"), bits = v("nodeBits");
      f.set(leaf, engine.load("i32.load16_u", key.shl(1), p.nodes));
      f.brIf(fail, leaf.eqz());
      f.set(bits, engine.load("i32.load8_u", key, p.nodeBits));
      f.set(leaf, leaf.add(p66).add(rex.and(8).shrU(2)).add(rep.shl(2)));
      f.if(bits.and(1), () => {
        const rm = v("rm"), reg = v("reg"), mod = v("mod");
        f.set(modrm, this.code(at));
        f.set(at, at.add(1));
        f.set(rm, modrm.and(7)), f.set(reg, modrm.shrU(3).and(7)), f.set(mod, modrm.shrU(6));
        f.if(mod.eq(3), () => {
          f.set(leaf, leaf.add(select(bits.and(2), i32(8 << 4), 1 << 4)));
          f.if(bits.and(2), () => f.set(leaf, leaf.add(select(bits.and(4), reg.shl(3).add(rm), reg).shl(4))));
        }, () => {
          const size = v("size");
          f.if(bits.and(2), () => f.set(leaf, leaf.add(reg.shl(4))));
          f.set(memory, 1);
          // 0, 1 or 4 bytes of displacement.
          f.set(size, select(mod.eq(2), i32(4), mod));
          f.if(rm.eq(4), () => {
            const sib = v("sib");
            f.set(sib, this.code(at));
            f.set(at, at.add(1));
            f.set(index, sib.shrU(3).and(7).or(rex.and(2).shl(2)));
            f.if(index.eq(4), () => f.set(index, -1), () => f.set(scale, sib.shrU(6)));
            f.set(base, sib.and(7));
            f.if(base.eq(5).and(mod.eqz()), () => (f.set(base, -1), f.set(size, 4)), () => {
              f.set(base, base.or(rex.and(1).shl(3)));
            });
          }, () => {
            f.if(
              rm.eq(5).and(mod.eqz()),
              () => (f.set(rip, 1), f.set(size, 4)),
              () => f.set(base, rm.or(rex.and(1).shl(3))),
            );
          });
          f.if(size.eq(1), () => f.set(disp, this.g.guest.load("i32.load8_s", at)));
          f.if(size.eq(4), () => f.set(disp, this.g.guest.load("i32.load", at)));
          f.set(at, at.add(size));
        });
      });
      const template = v("template");
      f.set(template, engine.load("i32.load16_u", leaf.shl(1), p.leaves));
      f.brIf(fail, template.eqz());
      f.set(template, template.mul(TEMPLATE.size).add(p.templates));
      const take = (value: I32, bytes: number) => () => (f.set(imm, value), f.set(at, at.add(bytes)));
      const { guest } = this.g;
      const wide = () => {
        f.set(imm, guest.load("i32.load", at));
        f.set(immHigh, guest.load("i32.load", at, 4));
        f.set(at, at.add(8));
      };
      const kinds: Record<keyof typeof IMM, () => void> = {
        none: () => {},
        byte: take(guest.load("i32.load8_u", at), 1),
        signedByte: take(guest.load("i32.load8_s", at), 1),
        word: take(guest.load("i32.load16_u", at), 2),
        dword: take(guest.load("i32.load", at), 4),
        qword: wide,
        rel8: take(guest.load("i32.load8_s", at), 1),
        rel32: take(guest.load("i32.load", at), 4),
        moffs: () => (f.if(addr32, () => f.br(fail)), wide()),
        enter: take(guest.load("i32.load16_u", at).or(guest.load("i32.load8_u", at, 2).shl(16)), 3),
      };
      const order = Object.entries(IMM).sort((a, b) => a[1] - b[1]).map(([name]) =>
        kinds[name as keyof typeof IMM]
      );
      f.switch(this.template(TEMPLATE.imm), order, () => {});
      f.brIf(fail, at.sub(pc).gtU(15));
      f.brIf(fail, lock.and(this.template(TEMPLATE.bits).and(BIT.lock).eqz()));
      f.set(status, 0);
    });
  }

  #isPrefix(byte: I32): I32 {
    const any = [0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x64, 0x65, 0x2e, 0x36, 0x3e, 0x26].map((n) => byte.eq(n));
    return any.reduce((a, b) => a.or(b));
  }

  #build(): void {
    const { f, out, count, pc } = this, { engine } = this.g, v = (name: string) => this.v(name);
    const bits = v("bits"), flow = v("flow"), next = v("next"), start = v("start");
    const segment = v("segment"),
      scale = v("scale"),
      disp = v("disp"),
      imm = v("imm"),
      immHigh = v("immHigh");
    const baseSlot = v("baseSlot"),
      indexSlot = v("indexSlot"),
      immKind = v("immKind"),
      length = v("length"),
      condition = v("condition");
    f.set(bits, this.template(TEMPLATE.bits)),
      f.set(flow, this.template(TEMPLATE.flow)),
      f.set(immKind, this.template(TEMPLATE.imm));
    f.set(length, next.sub(pc)), f.set(start, out);
    f.set(baseSlot, STATE.zero), f.set(indexSlot, STATE.zero);
    f.if(bits.and(BIT.memory), () => this.#memory(), () => {
      f.if(segment, () => f.set(baseSlot, segment));
      f.set(scale, v("addr32")), f.set(disp, 0);
    });
    f.if(immKind.eq(IMM.qword), () => (f.set(disp, imm), f.set(imm, immHigh)));
    // Operation and flags come at the end, when liveness is known.
    const field = (source: number) =>
      f.call("i32", this.slot, this.template(source), v("modrm"), v("rex"), v("byte"));
    this.put(0, field(TEMPLATE.a).shl(16).or(field(TEMPLATE.b).shl(24)));
    this.put(4, baseSlot.or(indexSlot.shl(8)).or(scale.shl(16)).or(count.shl(24)));
    this.put(8, disp), this.put(12, imm);
    f.if(immKind.eq(IMM.rel8).or(immKind.eq(IMM.rel32)), () => {
      this.#branch(out, next.add(imm), count.add(1));
    });
    // Notes for the passes at the end.
    const note = f.let(count.mul(NOTE)), mark = v("mark");
    f.set(mark, select(bits.and(BIT.counts).ne(0).and(imm.and(31).eqz()), i32(3), 0));
    // Its second half may change alone: flags before and after it must not depend on what it is.
    f.if(v("straddles"), () => (f.set(mark, 2), f.set(this.previousRow, 0)));
    f.store(engine, "i32.store", note, out, NOTES);
    f.store(engine, "i32.store", note, v("template"), NOTES + NOTE_TEMPLATE);
    f.store(engine, "i32.store", note, mark, NOTES + NOTE_MARK);
    f.store(engine, "i32.store", note, bits.and(INDEXED).shrU(6), NOTES + NOTE_FORM);
    // Fusion with the compare before.
    f.if(flow.eq(FLOW.jcc).and(this.previousRow.ne(0)), () => {
      f.set(condition, this.template(TEMPLATE.condition));
      f.if(condition.ltU(16), () => {
        const fused = f.let(
          engine.load("i32.load16_u", this.previousRow.shl(4).add(condition).shl(1), this.p.fused),
        );
        f.if(fused, () => {
          f.store(engine, "i32.store16", engine.load("i32.load", note, NOTES - NOTE), fused);
          f.store(engine, "i32.store", note, 1, NOTES - NOTE + NOTE_MARK);
        });
      });
    });
    const row = f.let(this.template(TEMPLATE.fuse));
    f.set(this.previousRow, select(row.ne(0).and(v("straddles").eqz()), row.add(bits.shrU(8).and(1)), 0));
    this.#info(pc, length);
    f.store(engine, "i32.store", this.table.add(pc.and(4095).shl(2)), start);
    f.set(this.ended, flow.eq(FLOW.jmp).or(flow.eq(FLOW.end)));
  }

  /** Base, index and displacement of a memory operand, with a record before it for rare addresses. */
  #memory(): void {
    const { f, pc, count } = this, v = (name: string) => this.v(name);
    const bits = v("bits"),
      disp = v("disp"),
      base = v("base"),
      index = v("index"),
      scale = v("scale"),
      segment = v("segment"),
      addr32 = v("addr32");
    const baseSlot = v("baseSlot"),
      indexSlot = v("indexSlot"),
      bias = v("bias"),
      low = v("low"),
      high = v("high"),
      absolute = v("absolute");
    f.set(bias, select(bits.and(BIT.plain), i32(0), BIAS));
    f.if(bits.and(BIT.plain), () => f.set(segment, 0));
    f.if(
      bits.and(BIT.pops).ne(0).and(base.eq(4)),
      () => f.set(disp, disp.add(this.template(TEMPLATE.a)).sub(SOURCE.constant)),
    );
    f.set(absolute, 0);
    f.if(v("immKind").eq(IMM.moffs), () => {
      f.set(absolute, 1), f.set(low, v("imm")), f.set(high, v("immHigh")), f.set(v("imm"), 0);
    }, () =>
      f.if(v("rip"), () => {
        const target = f.let(v("next").extendU().add(BIAS).add(disp.extendS()));
        f.set(absolute, 1), f.set(low, target.wrap()), f.set(high, target.shrU(32).wrap());
      }));
    const slotOr = (n: I32) => select(n, n, STATE.zero);
    const prelude = (op: I32 | number, second: I32, third: I32, fourth: I32) => {
      const code = typeof op === "number" ? i32(op) : op;
      this.put(0, code.or(slotOr(segment).shl(16)));
      this.put(4, second.or(count.shl(24)));
      this.put(8, third), this.put(12, fourth);
      this.#info(pc, v("length"));
      f.set(baseSlot, STATE.temporary),
        f.set(indexSlot, STATE.zero),
        f.set(scale, select(addr32, i32(NARROW), 0)),
        f.set(disp, i32(0).sub(bias));
    };
    const hasForm = bits.and(BIT.indexed).ne(0);
    f.if(absolute, () => {
      const simple = high.eqz().and(low.geS(0)).and(addr32.eqz()).and(segment.eqz().or(hasForm));
      f.set(scale, 0);
      f.if(simple, () => {
        f.set(disp, low.sub(bias));
        f.if(segment, () => (f.set(indexSlot, segment), f.set(bits, bits.or(INDEXED))));
      }, () => {
        f.if(addr32, () => f.set(high, 0));
        prelude(CORE_OPS.absolute, i32(0), low, high);
      });
    }, () => {
      const indexed = index.geS(0);
      f.if(base.geS(0), () => f.set(baseSlot, base.shl(3)));
      f.if(indexed, () => f.set(indexSlot, index.shl(3)));
      const rare = addr32
        .or(indexed.and(segment.ne(0).or(hasForm.eqz())))
        .or(segment.ne(0).and(hasForm.eqz()))
        .or(disp.ltS(i32(-0x80000000).add(bias)));
      f.if(rare, () => {
        prelude(
          select(addr32, i32(CORE_OPS.ea32), CORE_OPS.ea),
          baseSlot.or(indexSlot.shl(8)).or(scale.shl(16)),
          disp,
          i32(0),
        );
      }, () => {
        f.set(disp, disp.sub(bias));
        f.if(segment, () => f.set(indexSlot, segment));
        f.if(indexed.or(segment), () => f.set(bits, bits.or(INDEXED)));
      });
    });
  }

  /** Writes what stands beside the record and goes on to the next. */
  #info(pc: I32, length: I32): void {
    const { f, out } = this;
    const info = f.let(out.and(~(CHUNK - 1)).add(out.and(0xffff).shrU(1)));
    f.store(this.g.engine, "i64.store", info, pc.extendU().or(length.extendU().shl(32)), CHUNK_INFO);
    f.set(out, out.add(RECORD.size));
  }

  #branch(record: I32, to: I32, count: I32): void {
    const { f } = this, { engine } = this.g;
    // Targets beyond 4 GiB wrap; TypeScript's decoder would point them to unmapped addresses, code there faults all the same.
    const target = f.let(to);
    const level = engine.load(
      "i32.load",
      engine.load("i32.load", 0, FIELD.directory).add(target.shrU(22).shl(2)),
    );
    const page = engine.load("i32.load", level.add(target.shrU(12).and(1023).shl(2)));
    const known = f.let(engine.load("i32.load", page.add(target.and(4095).shl(2))));
    const delta = f.let(count);
    f.if(known, () => f.set(delta, delta.sub(engine.load("i32.load8_u", known, RECORD.ordinal))), () => {
      f.store(engine, "i32.store", this.stubs, record);
      f.store(engine, "i32.store", this.stubs, target, 4);
      f.set(this.stubs, this.stubs.add(8));
    });
    f.store(engine, "i32.store", record, delta, RECORD.imm);
    f.store(engine, "i32.store", record, known, RECORD.disp);
  }

  /** Backward liveness (decode.ts, #flags), and the numbers of the operations. */
  #flags(): void {
    const { f, count } = this, { engine } = this.g, v = (name: string) => this.v(name);
    const live = v("live"),
      i = v("i"),
      note = v("noteAt"),
      mark = v("mark"),
      template = v("template"),
      bits = v("bits");
    f.set(live, 0x3f), f.set(i, count);
    f.loop((again) => {
      f.set(i, i.sub(1));
      f.set(note, i.mul(NOTE));
      f.set(template, engine.load("i32.load", note, NOTES + NOTE_TEMPLATE));
      f.set(mark, engine.load("i32.load", note, NOTES + NOTE_MARK));
      f.set(bits, this.template(TEMPLATE.bits));
      f.if(mark.ne(1), () => {
        const wanted = select(live.and(this.template(TEMPLATE.writes)).or(mark.eq(2)), i32(2), 0);
        const at = template.add(engine.load("i32.load", note, NOTES + NOTE_FORM)).add(wanted);
        f.store(
          engine,
          "i32.store16",
          engine.load("i32.load", note, NOTES),
          engine.load("i32.load16_u", at, TEMPLATE.op),
        );
      });
      f.if(bits.and(BIT.barrier).or(mark.eq(2)), () => f.set(live, 0x3f), () => {
        const kills = select(mark.eq(3), i32(0), this.template(TEMPLATE.kills));
        f.set(live, live.and(kills.not()).or(this.template(TEMPLATE.reads)));
      });
      f.brIf(again, i);
    });
  }

  #emitStubs(): void {
    const { f, out } = this, { engine } = this.g;
    const at = this.v("i");
    f.set(at, STUBS);
    f.while(() => at.ltU(this.stubs), () => {
      const branch = f.let(engine.load("i32.load", at));
      this.put(0, CORE_OPS.link), this.put(4, 0), this.put(8, branch), this.put(12, 0);
      f.store(engine, "i32.store", branch, out, RECORD.disp);
      this.#info(engine.load("i32.load", at, 4), i32(0));
      f.set(at, at.add(8));
    });
  }
}
