/** Natively a program has the priority of the tests, under Guise the usual one. */

function own(): number {
  try {
    const stat = Deno.readTextFileSync("/proc/self/stat");
    // nice is the 19th field; the second may have spaces.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  } catch {
    return 0;
  }
}
const nice = own();

/** What stands before a native command to give it the usual priority (as root, where the tests run with another). */
export const unniced: readonly string[] = nice === 0 ? [] : ["nice", "-n", `${-nice}`];
