/**
 * House rules that read the syntax tree: a plugin of `deno lint`.
 *
 * - `house/no-host`: `Deno` is used only by plugins/host_deno, cli.ts, tests, examples. The rest runs in a browser too.
 * - `house/no-bigint`: no BigInt in core/ and arch/, where guest instructions and system calls run: one costs 20 to 35 ns.
 *   Code that is not hot says so: `// cold: why` on the line or above it, or above a file's first statement.
 *
 * @module
 */

/** A file below the root of the checkout, as the rules see it. */
function local(filename: string): string {
  const root = decodeURIComponent(new URL("../../", import.meta.url).pathname);
  return filename.startsWith(root) ? filename.slice(root.length) : filename;
}

function usesHost(file: string): boolean {
  return /^(plugins\/host_deno|tests|examples)\//.test(file) || file === "cli.ts" ||
    /_(test|bench)\.ts$/.test(file);
}

function hot(file: string): boolean {
  return /^(core|arch)\//.test(file) && !/_(test|bench)\.ts$/.test(file);
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
              message: "Only plugins/host_deno and cli.ts use Deno.*",
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
  },
};
export default plugin;
