/** Memory policies: there is one node, so every policy is the same; they are checked, kept and told. */
import { EFAULT, EINVAL, Key, type Syscall, syscall, type Task } from "@guise/core";
import { address, oneOf, size, word } from "../args/scalar.ts";
import type { Rows } from "../rows.ts";

const MPOL_DEFAULT = 0, MPOL_LOCAL = 4;
const MPOL_F_NODE = 1, MPOL_F_ADDR = 2, MPOL_F_MEMS_ALLOWED = 4;
/** MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES and MPOL_F_NUMA_BALANCING, in the mode. */
const MODE_FLAGS = 0xe000;

const mode = oneOf([
  [0, "MPOL_DEFAULT"],
  [1, "MPOL_PREFERRED"],
  [2, "MPOL_BIND"],
  [3, "MPOL_INTERLEAVE"],
  [4, "MPOL_LOCAL"],
], "MPOL_???");

/** A thread's policy: mode and nodes (only the first can be there). */
const policyKey: Key<{ readonly mode: number; readonly nodes: number }> = new Key("linux memory policy");

function policyOf(task: Task): { readonly mode: number; readonly nodes: number } {
  return task.data.find(policyKey) ?? { mode: MPOL_DEFAULT, nodes: 0 };
}

const setMempolicy: Syscall = syscall({
  name: "set_mempolicy",
  doc: "Sets the thread's memory policy; with one node it has no effect.",
  args: { mode, nodes: address, count: size },
  run: (task, args) => {
    const kind = args.mode & ~MODE_FLAGS;
    if (kind < 0 || kind > MPOL_LOCAL) return EINVAL;
    let nodes = 0;
    // The count is one more than the bits that are looked at.
    if (args.nodes !== 0 && args.count > 1) {
      const words = task.space.getU32(args.nodes);
      if (words === undefined) return EFAULT;
      nodes = args.count - 1 >= 32 ? words : words & (2 ** (args.count - 1) - 1);
    }
    if (kind === MPOL_DEFAULT || kind === MPOL_LOCAL) {
      if (nodes !== 0) return EINVAL;
    } else if ((nodes & 1) === 0 && !(kind === 1 && nodes === 0)) return EINVAL;
    task.data.set(policyKey, { mode: kind === 1 && nodes === 0 ? MPOL_LOCAL : args.mode, nodes: nodes & 1 });
    return 0;
  },
});

const getMempolicy: Syscall = syscall({
  name: "get_mempolicy",
  doc: "Tells the thread's memory policy, or the node of an address: the first.",
  args: { mode: address, nodes: address, count: size, at: address, flags: word },
  run: (task, args) => {
    const { flags } = args;
    if (flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) return EINVAL;
    if (flags & MPOL_F_MEMS_ALLOWED && flags & (MPOL_F_NODE | MPOL_F_ADDR)) return EINVAL;
    if (args.nodes !== 0 && args.count < 1) return EINVAL;
    if (!(flags & MPOL_F_ADDR) && args.at !== 0) return EINVAL;
    if (flags & MPOL_F_ADDR && task.space.find(args.at) === undefined) return EFAULT;
    const policy = flags & (MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED) ? { mode: 0, nodes: 0 } : policyOf(task);
    if (flags & MPOL_F_NODE && !(flags & MPOL_F_ADDR) && policy.mode !== 3) return EINVAL;
    if (args.mode !== 0 && !task.space.setU32(args.mode, flags & MPOL_F_NODE ? 0 : policy.mode)) {
      return EFAULT;
    }
    if (args.nodes === 0) return 0;
    const bytes = new Uint8Array(Math.ceil(args.count / 64) * 8);
    bytes[0] = flags & MPOL_F_MEMS_ALLOWED ? 1 : policy.nodes;
    return task.space.write(args.nodes, bytes) ? 0 : EFAULT;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[238, 237], setMempolicy], [[239, 236], getMempolicy]];
