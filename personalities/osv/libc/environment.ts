/** The program's environment as its libc has it. */
import type { Task } from "@guise/core";
import { text } from "../direct.ts";
import { osvOf } from "../state.ts";

/** More variables are not looked at. */
const MOST = 65536;

/** The value of an environment variable; undefined when it is not set. */
export function variable(task: Task, name: string): string | undefined {
  const at = osvOf(task).linked?.lookup("environ");
  let list = at === undefined ? 0 : task.space.getNum64(at) ?? 0;
  for (let n = 0; list !== 0 && n < MOST; n++, list += 8) {
    const pointer = task.space.getNum64(list) ?? 0;
    if (pointer === 0) break;
    const entry = text(task, pointer) ?? "";
    if (entry.startsWith(`${name}=`)) return entry.slice(name.length + 1);
  }
  return undefined;
}
