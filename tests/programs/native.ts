/** Where a command's native program is: on the host, or else in the x86-64 guest root. */
import { guestRoot } from "../tools/guests.ts";

/** Found through PATH as the commands find it. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The host has it, or it is a file of the command's own folder. */
export function installed(program: string): boolean {
  return program.includes("/") || PATH.split(":").some((folder) => isFile(`${folder}/${program}`));
}

/** What runs a program of the x86-64 guest root natively, with the root's own libraries; undefined: the root has none. */
export function fromRoot(program: string): string[] | undefined {
  const root = guestRoot("x86-64"), file = `${root}/usr/bin/${program}`;
  if (root === undefined || !isFile(file)) return undefined;
  const libraries = `${root}/usr/lib/x86_64-linux-gnu`;
  return [`${libraries}/ld-linux-x86-64.so.2`, "--argv0", program, "--library-path", libraries, file];
}
