/**
 * The grammar of GNU regular expressions: what a character means depends on the syntax bits and on where it stands, as in
 * glibc's parser, whose answers to malformed expressions programs print.
 */
import * as S from "./syntax.ts";

/** Places between characters. */
export type Anchor =
  | "line first"
  | "line last"
  | "word first"
  | "word last"
  | "buffer first"
  | "buffer last"
  | "inside word"
  | "outside word";

/** Characters that match. */
export interface CharacterSet {
  readonly negated: boolean;
  /** Pairs of first and last. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly classes: readonly ((c: number) => boolean)[];
}

/** An expression. `empty` matches nothing at all, without a character. */
export type Node =
  | { readonly kind: "empty" }
  | { readonly kind: "character"; readonly code: number }
  | { readonly kind: "any" }
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "anchor"; readonly anchor: Anchor }
  | { readonly kind: "group"; readonly index: number; readonly body: Node }
  | { readonly kind: "back"; readonly index: number }
  | { readonly kind: "repeat"; readonly body: Node; readonly least: number; readonly most: number }
  | { readonly kind: "alternatives"; readonly list: readonly Node[] }
  | { readonly kind: "sequence"; readonly list: readonly Node[] };

/** An expression with its groups, or the number of what is wrong. */
export interface Parsed {
  readonly node: Node;
  readonly groups: number;
  readonly backReferences: boolean;
}

const EMPTY: Node = { kind: "empty" };

type TokenType =
  | "character"
  | "end"
  | "alternative"
  | "open"
  | "close"
  | "star"
  | "plus"
  | "question"
  | "open count"
  | "close count"
  | "bracket"
  | "period"
  | "anchor"
  | "back"
  | "class"
  | "backslash";

interface Token {
  type: TokenType;
  readonly code: number;
  readonly length: number;
  readonly anchor?: Anchor | "word edge" | "no word edge";
  readonly index?: number;
}

/** Expressions nested deeper than this are refused: parser and compiler are recursive. */
const DEEPEST = 300;

class Wrong extends Error {
  readonly code: number;
  constructor(code: number) {
    super(S.MESSAGES[code]);
    this.code = code;
  }
}

const code = (text: string): number => text.charCodeAt(0);
const BACKSLASH = code("\\"),
  CARET = code("^"),
  COMMA = code(","),
  MINUS = code("-"),
  CLOSE_BRACKET = code("]");

/** Parses; a number is an error of {@link S.MESSAGES}. `raw` are the characters before case was folded. */
export function parse(raw: ArrayLike<number>, folded: ArrayLike<number>, syntax: number): Parsed | number {
  const parser = new Parser(raw, folded, syntax);
  try {
    return parser.whole();
  } catch (error) {
    // The only exception of this file, thrown below and never seen outside.
    if (error instanceof Wrong) return error.code;
    throw error;
  }
}

class Parser {
  readonly #raw: ArrayLike<number>;
  readonly #input: ArrayLike<number>;
  readonly #syntax: number;
  #at = 0;
  #token: Token = { type: "end", code: 0, length: 0 };
  #groups = 0;
  #back = false;
  #depth = 0;
  readonly #heights = new WeakMap<Node, number>();
  /** Groups that are complete where the parser is: a back reference names one of them. */
  #complete = new Set<number>();

  constructor(raw: ArrayLike<number>, folded: ArrayLike<number>, syntax: number) {
    this.#raw = raw;
    this.#input = folded;
    this.#syntax = syntax;
  }

  whole(): Parsed {
    this.#next(true);
    const node = this.#alternatives(0);
    return { node, groups: this.#groups, backReferences: this.#back };
  }

  #has(bits: number): boolean {
    return (this.#syntax & bits) !== 0;
  }
  #next(anchors = false): void {
    this.#token = this.#peek(anchors);
    this.#at += this.#token.length;
  }

  #peek(anchors: boolean, at = this.#at): Token {
    if (at >= this.#input.length) return { type: "end", code: 0, length: 0 };
    const c = this.#input[at];
    const plain = (type: TokenType, when = true): Token => ({
      type: when ? type : "character",
      code: c,
      length: 1,
    });
    if (c === BACKSLASH) return this.#escaped(at);
    const limited = this.#has(S.LIMITED_OPS);
    switch (c) {
      case 10:
        return plain("alternative", this.#has(S.NEWLINE_ALT));
      case 0x7c:
        return plain("alternative", !limited && this.#has(S.NO_BK_VBAR));
      case 0x2a:
        return plain("star");
      case 0x2b:
        return plain("plus", !limited && !this.#has(S.BK_PLUS_QM));
      case 0x3f:
        return plain("question", !limited && !this.#has(S.BK_PLUS_QM));
      case 0x7b:
        return plain("open count", this.#has(S.INTERVALS) && this.#has(S.NO_BK_BRACES));
      case 0x7d:
        return plain("close count", this.#has(S.INTERVALS) && this.#has(S.NO_BK_BRACES));
      case 0x28:
        return plain("open", this.#has(S.NO_BK_PARENS));
      case 0x29:
        return plain("close", this.#has(S.NO_BK_PARENS));
      case 0x5b:
        return plain("bracket");
      case 0x2e:
        return plain("period");
      case CARET: {
        const here = anchors || at === 0 || this.#has(S.CONTEXT_INDEP_ANCHORS | S.CARET_ANCHORS_HERE) ||
          (this.#has(S.NEWLINE_ALT) && this.#input[at - 1] === 10);
        return here ? { type: "anchor", code: c, length: 1, anchor: "line first" } : plain("character");
      }
      case 0x24: {
        if (!this.#has(S.CONTEXT_INDEP_ANCHORS) && at + 1 < this.#input.length) {
          if (this.#input[at + 1] === c) return plain("character");
          const { type } = this.#peek(false, at + 1);
          if (type !== "alternative" && type !== "close") return plain("character");
        }
        return { type: "anchor", code: c, length: 1, anchor: "line last" };
      }
      default:
        return plain("character");
    }
  }

  #escaped(at: number): Token {
    if (at + 1 >= this.#input.length) return { type: "backslash", code: BACKSLASH, length: 1 };
    const c = this.#raw[at + 1];
    const token = (type: TokenType, when = true): Token => ({
      type: when ? type : "character",
      // As glibc: what is escaped keeps its case, also where case is ignored.
      code: this.#raw[at + 1],
      length: 2,
    });
    const limited = this.#has(S.LIMITED_OPS), gnu = !this.#has(S.NO_GNU_OPS);
    const anchor = (name: Token["anchor"]): Token => ({ ...token("anchor", gnu), anchor: name });
    if (c >= 0x31 && c <= 0x39) return { ...token("back", !this.#has(S.NO_BK_REFS)), index: c - 0x31 };
    switch (String.fromCharCode(c)) {
      case "|":
        return token("alternative", !limited && !this.#has(S.NO_BK_VBAR));
      case "<":
        return anchor("word first");
      case ">":
        return anchor("word last");
      case "b":
        return anchor("word edge");
      case "B":
        return anchor("no word edge");
      case "`":
        return anchor("buffer first");
      case "'":
        return anchor("buffer last");
      case "w":
      case "W":
      case "s":
      case "S":
        return { ...token("class", gnu), index: c };
      case "(":
        return token("open", !this.#has(S.NO_BK_PARENS));
      case ")":
        return token("close", !this.#has(S.NO_BK_PARENS));
      case "+":
        return token("plus", !limited && this.#has(S.BK_PLUS_QM));
      case "?":
        return token("question", !limited && this.#has(S.BK_PLUS_QM));
      case "{":
        return token("open count", this.#has(S.INTERVALS) && !this.#has(S.NO_BK_BRACES));
      case "}":
        return token("close count", this.#has(S.INTERVALS) && !this.#has(S.NO_BK_BRACES));
      default:
        return token("character");
    }
  }

  #ends(nest: number): boolean {
    const { type } = this.#token;
    return type === "alternative" || type === "end" || (nest > 0 && type === "close");
  }

  #alternatives(nest: number): Node {
    if (++this.#depth > DEEPEST) throw new Wrong(S.ESPACE);
    const before = new Set(this.#complete);
    const list = [this.#branch(nest)];
    while (this.#token.type === "alternative") {
      this.#next(true);
      const after = this.#complete;
      this.#complete = new Set(before);
      list.push(this.#ends(nest) ? EMPTY : this.#branch(nest));
      for (const index of after) this.#complete.add(index);
    }
    this.#depth--;
    return list.length === 1 ? list[0] : this.#above({ kind: "alternatives", list }, list);
  }

  #branch(nest: number): Node {
    const list = [this.#expression(nest)];
    while (!this.#ends(nest)) list.push(this.#expression(nest));
    return list.length === 1 ? list[0] : this.#above({ kind: "sequence", list }, list);
  }
  /** A node above others, unless they are nested too deep. */
  #above(node: Node, parts: readonly Node[]): Node {
    let height = 0;
    for (const part of parts) height = Math.max(height, this.#heights.get(part) ?? 0);
    if (height >= DEEPEST) throw new Wrong(S.ESPACE);
    this.#heights.set(node, height + 1);
    return node;
  }
  #repeat(body: Node, least: number, most: number): Node {
    if (body.kind === "empty" || most === 0) return EMPTY;
    // A star of a star is a star.
    if (body.kind === "repeat" && least < 2 && body.least < 2 && unbounded(most) && unbounded(body.most)) {
      const node = { ...body, least: least * body.least, most: Math.max(most, body.most) };
      this.#heights.set(node, this.#heights.get(body) ?? 0);
      return node;
    }
    return this.#above({ kind: "repeat", body, least, most }, [body]);
  }

  #expression(nest: number): Node {
    if (this.#has(S.CONTEXT_INDEP_OPS)) this.#skipOperators();
    const token = this.#token;
    let node: Node;
    switch (token.type) {
      case "open":
        node = this.#group(nest + 1);
        break;
      case "bracket":
        node = { kind: "set", set: this.#bracket() };
        break;
      case "back":
        if (!this.#complete.has(token.index!)) throw new Wrong(S.ESUBREG);
        this.#back = true;
        node = { kind: "back", index: token.index! };
        break;
      case "open count":
      case "star":
      case "plus":
      case "question":
        if (token.type === "open count" && this.#has(S.CONTEXT_INVALID_DUP)) throw new Wrong(S.BADRPT);
        if (this.#has(S.CONTEXT_INVALID_OPS) && !this.#has(S.CONTEXT_INVALID_DUP)) throw new Wrong(S.BADRPT);
        node = { kind: "character", code: token.code };
        break;
      case "close":
        if (!this.#has(S.UNMATCHED_RIGHT_PAREN_ORD)) throw new Wrong(S.ERPAREN);
        node = { kind: "character", code: token.code };
        break;
      case "anchor": {
        // Nothing repeats an anchor: a star after one is a character, or wrong.
        const { anchor } = token;
        this.#next();
        if (anchor === "word edge") return either("word first", "word last");
        if (anchor === "no word edge") return either("inside word", "outside word");
        return { kind: "anchor", anchor: anchor! };
      }
      case "period":
        node = { kind: "any" };
        break;
      case "class":
        node = { kind: "set", set: named(token.index!) };
        break;
      case "alternative":
      case "end":
        return EMPTY;
      case "backslash":
        throw new Wrong(S.EESCAPE);
      case "character":
      case "close count":
        node = { kind: "character", code: token.code };
        break;
      default:
        token.type satisfies never;
        return EMPTY;
    }
    this.#next();
    return this.#repeated(node);
  }

  /** Operators with nothing before them mean nothing, unless they are wrong. */
  #skipOperators(): void {
    const invalid = this.#has(S.CONTEXT_INVALID_OPS | S.CONTEXT_INVALID_DUP);
    while (!invalid && ["open count", "star", "plus", "question"].includes(this.#token.type)) this.#next();
  }

  #repeated(first: Node): Node {
    let node = first;
    for (;;) {
      const { type } = this.#token;
      if (type === "star" || type === "plus" || type === "question") {
        node = this.#repeat(node, type === "plus" ? 1 : 0, type === "question" ? 1 : Infinity);
        this.#next();
      } else if (type === "open count") {
        const counted = this.#count(node);
        if (counted === undefined) return node;
        node = counted;
      } else return node;
      const after = this.#token.type;
      if (this.#has(S.CONTEXT_INVALID_DUP) && (after === "star" || after === "open count")) {
        throw new Wrong(S.BADRPT);
      }
    }
  }

  #group(nest: number): Node {
    const index = this.#groups++;
    this.#next(true);
    const body = this.#token.type === "close" ? EMPTY : this.#alternatives(nest);
    if (this.#token.type !== "close") throw new Wrong(S.EPAREN);
    this.#complete.add(index);
    return this.#above({ kind: "group", index, body }, [body]);
  }

  /** `{n,m}`; undefined when it is no interval and the syntax takes the brace as it is. */
  #count(node: Node): Node | undefined {
    const at = this.#at, token = this.#token;
    let least = this.#number(), most = 0;
    if (least === -1) {
      if (!this.#isComma()) throw new Wrong(S.BADBR);
      least = 0;
    }
    if (least !== -2) {
      most = this.#token.type === "close count" ? least : this.#isComma() ? this.#number() : -2;
    }
    if (least === -2 || most === -2) {
      if (!this.#has(S.INVALID_INTERVAL_ORD)) {
        throw new Wrong(this.#token.type === "end" ? S.EBRACE : S.BADBR);
      }
      this.#at = at;
      this.#token = { ...token, type: "character" };
      return undefined;
    }
    if ((most !== -1 && least > most) || this.#token.type !== "close count") throw new Wrong(S.BADBR);
    if ((most === -1 ? least : most) > S.DUP_MAX) throw new Wrong(S.ESIZE);
    this.#next();
    return this.#repeat(node, least, most === -1 ? Infinity : most);
  }
  #isComma(): boolean {
    return this.#token.type === "character" && this.#token.code === COMMA;
  }
  /** -1: none; -2: something else. */
  #number(): number {
    let number = -1;
    for (;;) {
      this.#next();
      const { type, code: c } = this.#token;
      if (type === "end") return -2;
      if (type === "close count" || c === COMMA) return number;
      if (type !== "character" || c < 0x30 || c > 0x39 || number === -2) number = -2;
      else number = number === -1 ? c - 0x30 : Math.min(S.DUP_MAX + 1, number * 10 + c - 0x30);
    }
  }

  #bracket(): CharacterSet {
    const ranges: [number, number][] = [];
    const list: ((c: number) => boolean)[] = [];
    const input = this.#input;
    if (this.#at >= input.length) throw new Wrong(S.BADPAT);
    const negated = input[this.#at] === CARET;
    if (negated) {
      this.#at++;
      if (this.#has(S.HAT_LISTS_NOT_NEWLINE)) ranges.push([10, 10]);
      if (this.#at >= input.length) throw new Wrong(S.BADPAT);
    }
    for (let first = true;; first = false) {
      if (this.#at >= input.length) throw new Wrong(S.EBRACK);
      if (!first && input[this.#at] === CLOSE_BRACKET) break;
      const start = this.#element(first);
      if (typeof start === "function") {
        list.push(start);
        continue;
      }
      if (this.#at >= input.length) throw new Wrong(S.EBRACK);
      if (this.#isRange()) {
        if (this.#at + 1 >= input.length) throw new Wrong(S.EBRACK);
        if (input[this.#at + 1] !== CLOSE_BRACKET) {
          this.#at++;
          const end = this.#element(true);
          if (typeof end === "function") throw new Wrong(S.ERANGE);
          // glibc's C.UTF-8 has no order of characters of several bytes.
          if (Math.max(start, end) > 127 && Math.max(start, end) < S.BYTE) throw new Wrong(S.ECOLLATE);
          if (start > end && this.#has(S.NO_EMPTY_RANGES)) throw new Wrong(S.ERANGE);
          ranges.push([start, end]);
          continue;
        }
      }
      ranges.push([start, start]);
    }
    this.#at++;
    return { negated, ranges, classes: list };
  }
  /** A minus that is no character: three in a row are one. */
  #isRange(): boolean {
    const input = this.#input, at = this.#at;
    return input[at] === MINUS &&
      !(at + 2 < input.length && input[at + 1] === MINUS && input[at + 2] === MINUS);
  }

  /** One element of a bracket: a character, or a class. */
  #element(hyphen: boolean): number | ((c: number) => boolean) {
    const input = this.#input;
    const c = input[this.#at], following = this.#raw[this.#at + 1];
    if (c === BACKSLASH && this.#has(S.BACKSLASH_ESCAPE_IN_LISTS) && this.#at + 1 < input.length) {
      this.#at += 2;
      return input[this.#at - 1];
    }
    if (c === 0x5b) {
      const symbol = following === code(".") || following === code("=");
      if (symbol || (following === code(":") && this.#has(S.CHAR_CLASSES))) {
        this.#at += 2;
        return this.#symbol(following);
      }
    }
    if (c === MINUS) {
      if (!this.#isRange()) this.#at += 2;
      else if (!hyphen && input[this.#at + 1] !== CLOSE_BRACKET) throw new Wrong(S.ERANGE);
    }
    this.#at++;
    return c;
  }
  #symbol(mark: number): number | ((c: number) => boolean) {
    const name: number[] = [], raw: number[] = [];
    for (;;) {
      if (this.#at >= this.#input.length || name.length >= 32) throw new Wrong(S.EBRACK);
      if (this.#raw[this.#at] === mark && this.#raw[this.#at + 1] === CLOSE_BRACKET) break;
      name.push(this.#input[this.#at]);
      raw.push(this.#raw[this.#at++]);
    }
    this.#at += 2;
    if (mark !== code(":")) {
      if (name.length !== 1) throw new Wrong(S.ECOLLATE);
      const [only] = name;
      return mark === code("=") ? (c) => c === only : only;
    }
    let text = String.fromCharCode(...raw);
    if (this.#has(S.ICASE) && (text === "upper" || text === "lower")) text = "alpha";
    const found = Object.hasOwn(S.classes, text) ? S.classes[text] : undefined;
    if (found === undefined) throw new Wrong(S.ECTYPE);
    return found;
  }
}

function either(first: Anchor, second: Anchor): Node {
  return {
    kind: "alternatives",
    list: [{ kind: "anchor", anchor: first }, { kind: "anchor", anchor: second }],
  };
}

function named(letter: number): CharacterSet {
  const test = (letter | 32) === code("w") ? S.inWord : S.classes.space;
  return { negated: (letter & 32) === 0, ranges: [], classes: [test] };
}

const unbounded = (most: number): boolean => most === 1 || most === Infinity;
