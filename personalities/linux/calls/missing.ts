/**
 * Calls that are known by name and not there: ENOSYS, told once a process as an event, so that programs take their
 * fallbacks and a person sees what was asked for (spec section 8, T4).
 */
import { type ArgType, ENOSYS, type Syscall, syscall } from "@guise/core";
import { scalar } from "../args/scalar.ts";
import { hex } from "../args/text.ts";
import type { Rows } from "../rows.ts";

const register: ArgType<number> = scalar("long", (task, r) => task.frame.num(r), hex);
/** Arguments of calls by their number, shared: there are many such calls, and most programs make none. */
const ARGUMENTS = ["", "a", "ab", "abc", "abcd", "abcde", "abcdef"].map((names) =>
  Object.fromEntries(Array.from(names, (name) => [name, register]))
);

function missing(
  numbers: readonly [number | null, number | null],
  name: string,
  count: number,
  note: string,
): Rows[number] {
  const call: Syscall = syscall({
    name,
    doc: "Not there: ENOSYS.",
    args: ARGUMENTS[count],
    support: "none",
    note,
    run: () => ENOSYS,
  });
  return [numbers, call];
}

/** Numbers: x86-64, aarch64. */
// deno-fmt-ignore
export const rows: Rows = [
  missing([101, 117], "ptrace", 4, "traces are made by plugins"),
  missing([153, 58], "vhangup", 0, ""),
  missing([154, null], "modify_ldt", 3, "no segments of a program's own"),
  missing([155, 41], "pivot_root", 2, "the mounts are the host's to choose"),
  missing([163, 89], "acct", 1, ""),
  missing([165, 40], "mount", 5, "the mounts are the host's to choose"),
  missing([166, 39], "umount2", 2, "the mounts are the host's to choose"),
  missing([167, 224], "swapon", 2, ""),
  missing([168, 225], "swapoff", 1, ""),
  missing([172, null], "iopl", 1, ""),
  missing([173, null], "ioperm", 3, ""),
  missing([175, 105], "init_module", 3, ""),
  missing([176, 106], "delete_module", 2, ""),
  missing([179, 60], "quotactl", 4, ""),
  missing([237, 235], "mbind", 6, "one memory node"),
  missing([248, 217], "add_key", 5, "no key rings"),
  missing([249, 218], "request_key", 4, "no key rings"),
  missing([250, 219], "keyctl", 5, "no key rings"),
  missing([272, 97], "unshare", 1, "no namespaces"),
  missing([298, 241], "perf_event_open", 5, "no performance counters"),
  missing([304, 265], "open_by_handle_at", 3, ""),
  missing([303, 264], "name_to_handle_at", 5, ""),
  missing([308, 268], "setns", 2, "no namespaces"),
  missing([310, 270], "process_vm_readv", 6, ""),
  missing([311, 271], "process_vm_writev", 6, ""),
  missing([312, 272], "kcmp", 5, ""),
  missing([313, 273], "finit_module", 3, ""),
  missing([317, 277], "seccomp", 3, "calls are filtered by hooks"),
  missing([320, 294], "kexec_file_load", 5, ""),
  missing([321, 280], "bpf", 3, ""),
  missing([323, 282], "userfaultfd", 1, ""),
  missing([329, 288], "pkey_mprotect", 4, "no protection keys"),
  missing([330, 289], "pkey_alloc", 2, "no protection keys"),
  missing([331, 290], "pkey_free", 1, "no protection keys"),
  missing([425, 425], "io_uring_setup", 2, ""),
  missing([426, 426], "io_uring_enter", 6, ""),
  missing([427, 427], "io_uring_register", 4, ""),
  missing([428, 428], "open_tree", 3, ""),
  missing([429, 429], "move_mount", 5, ""),
  missing([430, 430], "fsopen", 2, ""),
  missing([431, 431], "fsconfig", 5, ""),
  missing([432, 432], "fsmount", 3, ""),
  missing([433, 433], "fspick", 3, ""),
  missing([437, 437], "openat2", 4, ""),
  missing([440, 440], "process_madvise", 5, ""),
  missing([441, 441], "epoll_pwait2", 6, ""),
  missing([442, 442], "mount_setattr", 5, ""),
  missing([443, 443], "quotactl_fd", 4, ""),
  missing([444, 444], "landlock_create_ruleset", 3, ""),
  missing([445, 445], "landlock_add_rule", 4, ""),
  missing([446, 446], "landlock_restrict_self", 2, ""),
  missing([447, 447], "memfd_secret", 1, ""),
  missing([448, 448], "process_mrelease", 2, ""),
  missing([449, 449], "futex_waitv", 5, ""),
  missing([450, 450], "set_mempolicy_home_node", 4, ""),
];
