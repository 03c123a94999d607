import { assertEquals } from "@std/assert";
import { closing, privateMethods, withoutText } from "./classes.ts";

Deno.test("withoutText blanks strings, templates and regular expressions, and nothing else", () => {
  for (
    const [code, plain] of [
      [`a="}\\"{"+'\\'(';b`, "a=000000+00000;b"],
      ["`{${a+`}${b}{`}`+c", "000{a+000{b}00}0+c"],
      ["x=/[/}]\\/{/g.test(y)/2/z", "x=000000000g.test(y)/2/z"],
      ["return/}/;f(a)/b;c={}/1", "return000;f(a)/b;c={}/1"],
      ["``+`$`+`${a}`", "00+000+00{a}0"],
    ]
  ) {
    assertEquals([withoutText(code), code.length], [plain, plain.length]);
  }
});

Deno.test("closing finds the bracket that belongs to one", () => {
  assertEquals(closing("f(a,[b,{c}])+(d)", 1), 12);
  assertEquals(closing("f(a", 1), 3);
});

Deno.test("privateMethods answers those that are only used behind a dot", () => {
  const code =
    "class A{#f=b(()=>{this.#m()});[c](){}static#s(){}async#m(x={}){return this.#ms}#ms;get#g(){return 1}set#g(v){}" +
    "static{this.#s()}*#y(){}}x.class;y={class:1};";
  const found = privateMethods(code).map(({ name, kind, isStatic, begin, start, end, uses }) => [
    name,
    kind,
    isStatic,
    code.slice(begin, start),
    code.slice(start, end),
    uses.map((at) => code.slice(at - 5, at + name.length)),
  ]);
  assertEquals(found, [
    ["#s", "method", true, "static#s", "(){}", ["this.#s"]],
    ["#m", "async", false, "async#m", "(x={}){return this.#ms}", ["this.#m"]],
  ]);
});
