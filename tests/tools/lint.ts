/**
 * House rules that read the syntax tree: a plugin of `deno lint`.
 *
 * - `house/no-host`: `Deno` is used only by plugins/host_deno, cli.ts, command.ts, tests, examples. The rest runs in a browser too.
 * - `house/no-bigint`: no BigInt in core/ and arch/, where guest instructions and system calls run: one costs 20 to 35 ns.
 *   Code that is not hot says so: `// cold: why` on the line or above it, or above a file's first statement.
 * - `house/no-architecture`: no `if`, `switch` or `?:` on an architecture outside of arch/: what differs is data, by the
 *   architecture's name.
 *
 * @module
 */

/** A file below the root of the checkout, as the rules see it. */
function local(filename: string): string {
  const root = decodeURIComponent(new URL("../../", import.meta.url).pathname);
  return filename.startsWith(root) ? filename.slice(root.length) : filename;
}

function usesHost(file: string): boolean {
  return /^(plugins\/host_deno|tests|examples)\//.test(file) || /^(cli|command)\.ts$/.test(file) ||
    /_(test|bench)\.ts$/.test(file);
}

function hot(file: string): boolean {
  return /^(core|arch)\//.test(file) && !/_(test|bench)\.ts$/.test(file);
}

/** Names of architectures as ELF tools, compilers, Debian and we write them. */
const ARCHITECTURE =
  /^(x86|x86[-_]64|x64|amd64|i[3-6]86|ia32|x32|aarch64|arm|arm64|armv8(-a)?|riscv(32|64)?|EM_\w+)$/i;
/** What holds an architecture's number. */
const NUMBER = /^#?(elfMachine|e_machine|EM_\w+)$/;

/** Where a value of an architecture decides nothing: the architectures themselves, tests, examples. */
function mayBranch(file: string): boolean {
  return /^(arch|tests|examples)\//.test(file) || /_(test|bench)\.ts$/.test(file);
}

/** Whether a value names an architecture. */
function isArchitecture(node: Deno.lint.Node): boolean {
  return node.type === "Literal" && typeof node.value === "string" && ARCHITECTURE.test(node.value) ||
    node.type === "TemplateLiteral" && node.expressions.length === 0 &&
      ARCHITECTURE.test(node.quasis[0].cooked);
}
/** Whether a value is an architecture's number, as its variable says. */
function isMachine(node: Deno.lint.Node): boolean {
  const named = node.type === "MemberExpression" ? node.property : node;
  return (named.type === "Identifier" || named.type === "PrivateIdentifier") && NUMBER.test(named.name);
}

/** Whether `// cold:` stands on the line of `offset`, on the one above, or in the head of the file. */
function cold(text: string, offset: number): boolean {
  const mark = /\/\/ cold: \S/;
  const end = text.indexOf("\n", offset);
  const lines = text.slice(0, end < 0 ? text.length : end).split("\n");
  if (mark.test(lines.at(-1)!) || /^\s*\/\/ cold: \S/.test(lines.at(-2) ?? "")) return true;
  const head = /^(?:\s*(?:\/\/.*|\/\*[^]*?\*\/))*/.exec(text)![0];
  return mark.test(head);
}

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "no-host": {
      create(context) {
        if (usesHost(local(context.filename))) return {};
        return {
          MemberExpression(node) {
            const { object, property } = node;
            const named = object.type === "Identifier" && object.name === "Deno" ||
              object.type === "Identifier" && object.name === "globalThis" &&
                property.type === "Identifier" && property.name === "Deno";
            if (!named) return;
            context.report({
              node,
              message: "Only plugins/host_deno, cli.ts and command.ts use Deno.*",
              hint: "Take what is needed from the host's contract in core",
            });
          },
        };
      },
    },
    "no-bigint": {
      create(context) {
        if (!hot(local(context.filename))) return {};
        const report = (node: Deno.lint.Node) => {
          if (cold(context.sourceCode.text, node.range[0])) return;
          context.report({
            node,
            message: "BigInt where guest code runs",
            hint: "Use two halves or an exact number; where it is not hot say so: // cold: why",
          });
        };
        return {
          Literal(node) {
            if (typeof node.value === "bigint") report(node);
          },
          CallExpression(node) {
            if (node.callee.type === "Identifier" && node.callee.name === "BigInt") report(node);
          },
        };
      },
    },
    "no-architecture": {
      create(context) {
        if (mayBranch(local(context.filename))) return {};
        const report = (node: Deno.lint.Node) =>
          context.report({
            node,
            message: "A branch on an architecture outside of arch/",
            hint: "Make it data: a record by the architecture's name, or a member of its description",
          });
        return {
          BinaryExpression(node) {
            if (!/^[!=]==?$/.test(node.operator)) return;
            const sides = [node.left, node.right];
            const number = sides.some(isMachine) &&
              sides.some((s) => s.type === "Literal" && typeof s.value === "number");
            if (number || sides.some(isArchitecture)) report(node);
          },
          SwitchCase(node) {
            if (node.test && isArchitecture(node.test)) report(node);
          },
          SwitchStatement(node) {
            if (isMachine(node.discriminant)) report(node);
          },
          CallExpression(node) {
            // "aarch64".startsWith, name.includes("arm64"), /x86/.test(name)
            const { callee } = node;
            if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
            const asks = /^(startsWith|endsWith|includes|test|match|has)$/.test(callee.property.name);
            if (asks && node.arguments.some((a) => isArchitecture(a as Deno.lint.Node))) report(node);
          },
        };
      },
    },
  },
};
export default plugin;
