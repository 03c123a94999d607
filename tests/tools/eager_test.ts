import { assertEquals } from "@std/assert";
import { compiledLate, eager, type Range } from "./eager.ts";

/** The range of the function whose parameters begin at `from` and whose text ends with `to`. */
function range(code: string, from: string, to: string): Range {
  const start = code.indexOf(from);
  return [start, code.indexOf(to, start) + to.length];
}

Deno.test("eager puts functions into parentheses, and declarations first", () => {
  const code =
    "let n=0;function a(x){return b(y=>x+y)}function b(f){return f(n)}async function c(){n+=await d()}" +
    "var d=async()=>a(1),e=z=>z;class A{m(){return e(2)}get g(){return 1}#p(){return 2}async q(k){await k}" +
    "static s(){return 3}}class B extends A{m(){return super.m()}};const o={t(u){return u},v(w){return w}};export{a,c as cc,A};";
  const ranges = [
    range(code, "(x){return b", "+y)}"),
    range(code, "y=>x+y", "x+y"),
    range(code, "(f){", "(n)}"),
    range(code, "(){n+=", "d()}"),
    range(code, "()=>a(1)", "a(1)"),
    range(code, "z=>z", "=>z"),
    range(code, "(){return e", "(2)}"),
    range(code, "(){return 1", "1}"),
    range(code, "(){return 2", "2}"),
    range(code, "(k){", "k}"),
    range(code, "(){return 3", "3}"),
    range(code, "(){return super", "()}"),
    range(code, "(u){", "u}"),
    range(code, "(w){", "w}"),
  ];
  assertEquals(
    eager(code, ranges),
    "const a=(function (x){return b((y=>x+y))});const b=(function (f){return f(n)});" +
      "const c=(async function (){n+=await d()});let n=0;" +
      'var d=(async()=>a(1)),e=(z=>z);class A{static{this.prototype.m=(function(){return e(2)})}static{Object.defineProperty(this.prototype,"g",{configurable:true,get:(function(){return 1})})}' +
      "static{this.prototype.$0p=(function(){return 2})}static{this.prototype.q=(async function(k){await k})}static s(){return 3}}" +
      "class B extends A{m(){return super.m()}};const o={t:(function(u){return u}),v:(function(w){return w})};" +
      "export{a,c as cc,A};",
  );
});

Deno.test("eager gives private methods names of their own", () => {
  const code =
    'class A{#f;#m(a){return this.#f+a+"this.#m"}get#g(){return 1}static async#s(){return 2}#kept(){return 3}#in(){return 4}' +
    "call(){class B{#m(){return 5}use(){return this.#m()}}return this.#m(`#m ${this.#g} #g`)+A.#s()+this.#kept()+(#in in this)}}" +
    "class C extends D{#m(){return super.x}get(){return this?.#m()}}";
  const ranges = ["(a){", "(){return 1", "(){return 2", "(){return 4", "(){return super"].map((from) =>
    range(code, from, "}")
  );
  const edited = eager(code, ranges);
  assertEquals(
    edited,
    'class A{#f;static{this.prototype.$0m=(function(a){return this.#f+a+"this.#m"})}' +
      'static{Object.defineProperty(this.prototype,"$0g",{configurable:true,get:(function(){return 1})})}' +
      "static{this.$0s=(async function(){return 2})}#kept(){return 3}#in(){return 4}" +
      "call(){class B{#m(){return 5}use(){return this.#m()}}return this.$0m(`#m ${this.$0g} #g`)+A.$0s()+this.#kept()+(#in in this)}}" +
      "class C extends D{#m(){return super.x}get(){return this?.#m()}}",
  );
});

Deno.test("eager leaves nested declarations where they are", () => {
  const code = "function a(){let k=1;function b(){return k}return b()}a();";
  const both = [range(code, "(){let", "b()}"), range(code, "(){return k", "k}")];
  assertEquals(eager(code, both), "const a=(function (){let k=1;function b(){return k}return b()});a();");
});

Deno.test("compiledLate answers the functions of one script in V8's log", () => {
  const log = "script-details,7,file:///x/main.js,0,0,\nscript-details,8,file:///x/other.js,0,0,\n" +
    "function,parse-function,7,40,50,0.1,9,f\nfunction,parse-function,8,1,2,0.1,9,g\n" +
    "function,interpreter,7,90,95,0.1,9,h\nfunction,parse-function,7,10,60,0.1,9,k\n" +
    "function,parse-function,7,40,50,0.1,9,f\n";
  assertEquals(compiledLate(log, "/main.js"), [[10, 60], [40, 50]]);
});

Deno.test("eager leaves what cannot be a function as it is", () => {
  const code = "f((()=>{g(1,()=>2)}),a=>a+1);";
  for (const wrong of ["()=>", "()=>{g(1,()=>2)", "()=>2)", "a=>", "a=>a", "g(1,()=>2)"]) {
    const start = code.indexOf(wrong);
    assertEquals(eager(code, [[start, start + wrong.length]]), code, wrong);
  }
  assertEquals(
    eager(code, [[code.indexOf("a=>"), code.indexOf(");", 20)]]),
    "f((()=>{g(1,()=>2)}),(a=>a+1));",
  );
});
