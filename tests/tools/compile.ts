/**
 * Builds a program whose place several tests share: each writes a file of its own and moves it into place, so that none
 * runs what another is still writing.
 *
 * @module
 */

/**
 * Runs a compiler; `args` name `program` where its output goes.
 *
 * @returns what the compiler said when it failed; undefined: `program` is there
 * @throws `Deno.errors.NotFound` when there is no such compiler
 */
export function compile(
  program: string,
  compiler: string,
  args: readonly string[],
  env: Record<string, string> = {},
): string | undefined {
  // Test files run as threads of one process: its number alone is not a name of one's own.
  const part = `${program}.${crypto.randomUUID().slice(0, 8)}`;
  const { success, stderr } = new Deno.Command(compiler, {
    args: args.map((arg) => arg === program ? part : arg),
    env,
    stdout: "null",
  }).outputSync();
  if (!success) return new TextDecoder().decode(stderr) || `${compiler} failed`;
  Deno.renameSync(part, program);
  return undefined;
}
