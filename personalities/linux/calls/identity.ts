/** Who a task is: user and group ids, groups, capabilities (credentials(7)). */
import { EFAULT, EINVAL, EPERM, ESRCH, type Syscall, syscall, type Task } from "@guise/core";
import { outStruct } from "../args/buffer.ts";
import { fields } from "../args/layout.ts";
import { address, id, int } from "../args/scalar.ts";
import {
  ALL_CAPABILITIES,
  CAP_SETGID,
  CAP_SETPCAP,
  CAP_SETUID,
  type CapabilitySet,
  type CredentialFields,
  type Credentials,
  credentialsKey,
  fixCapabilities,
  fixFileCapabilities,
} from "../credentials.ts";
import type { Rows } from "../rows.ts";
import { processOf, threadOf } from "../state.ts";

const credentialsOf = (task: Task): Credentials => task.data.get(credentialsKey);

function set(task: Task, changes: Partial<CredentialFields>): 0 {
  const before = credentialsOf(task);
  let after = before.with(changes);
  if (changes.uid !== undefined || changes.euid !== undefined || changes.suid !== undefined) {
    after = fixCapabilities(before, after);
  }
  task.data.set(credentialsKey, after);
  if (after.euid !== before.euid || after.egid !== before.egid) {
    processOf(task).dumpable = 0;
    threadOf(task).parentDeathSignal = 0;
  }
  return 0;
}

function getter(name: string, doc: string, field: "uid" | "euid" | "gid" | "egid"): Syscall {
  return syscall({ name, doc, args: {}, run: (task) => credentialsOf(task)[field] });
}

const getuid = getter("getuid", "Tells the real user id.", "uid");
const geteuid = getter("geteuid", "Tells the effective user id.", "euid");
const getgid = getter("getgid", "Tells the real group id.", "gid");
const getegid = getter("getegid", "Tells the effective group id.", "egid");

/** -1 is no id. */
const KEEP_ID = -1;

const setuid: Syscall = syscall({
  name: "setuid",
  doc: "Sets the effective user id; with the right to, all of them.",
  args: { uid: id },
  run: (task, args) => {
    const uid = args.uid >>> 0;
    if (args.uid === KEEP_ID) return EINVAL;
    const cred = credentialsOf(task);
    if (cred.capable(CAP_SETUID)) return set(task, { uid, euid: uid, suid: uid, fsuid: uid });
    if (uid !== cred.uid && uid !== cred.suid) return EPERM;
    return set(task, { euid: uid, fsuid: uid });
  },
});

const setgid: Syscall = syscall({
  name: "setgid",
  doc: "Sets the effective group id; with the right to, all of them.",
  args: { gid: id },
  run: (task, args) => {
    const gid = args.gid >>> 0;
    if (args.gid === KEEP_ID) return EINVAL;
    const cred = credentialsOf(task);
    if (cred.capable(CAP_SETGID)) return set(task, { gid, egid: gid, sgid: gid, fsgid: gid });
    if (gid !== cred.gid && gid !== cred.sgid) return EPERM;
    return set(task, { egid: gid, fsgid: gid });
  },
});

const setreuid: Syscall = syscall({
  name: "setreuid",
  doc: "Sets real and effective user id.",
  args: { ruid: id, euid: id },
  run: (task, args) => {
    const cred = credentialsOf(task);
    const may = cred.capable(CAP_SETUID);
    const uid = args.ruid === KEEP_ID ? cred.uid : args.ruid >>> 0;
    const euid = args.euid === KEEP_ID ? cred.euid : args.euid >>> 0;
    if (args.ruid !== KEEP_ID && !may && uid !== cred.uid && uid !== cred.euid) return EPERM;
    if (args.euid !== KEEP_ID && !may && ![cred.uid, cred.euid, cred.suid].includes(euid)) return EPERM;
    const saved = args.ruid !== KEEP_ID || (args.euid !== KEEP_ID && euid !== cred.uid);
    return set(task, { uid, euid, fsuid: euid, suid: saved ? euid : cred.suid });
  },
});

const setregid: Syscall = syscall({
  name: "setregid",
  doc: "Sets real and effective group id.",
  args: { rgid: id, egid: id },
  run: (task, args) => {
    const cred = credentialsOf(task);
    const may = cred.capable(CAP_SETGID);
    const gid = args.rgid === KEEP_ID ? cred.gid : args.rgid >>> 0;
    const egid = args.egid === KEEP_ID ? cred.egid : args.egid >>> 0;
    if (args.rgid !== KEEP_ID && !may && gid !== cred.gid && gid !== cred.egid) return EPERM;
    if (args.egid !== KEEP_ID && !may && ![cred.gid, cred.egid, cred.sgid].includes(egid)) return EPERM;
    const saved = args.rgid !== KEEP_ID || (args.egid !== KEEP_ID && egid !== cred.gid);
    return set(task, { gid, egid, fsgid: egid, sgid: saved ? egid : cred.sgid });
  },
});

const setresuid: Syscall = syscall({
  name: "setresuid",
  doc: "Sets real, effective and saved user id.",
  args: { ruid: id, euid: id, suid: id },
  run: (task, args) => {
    const cred = credentialsOf(task);
    const may = cred.capable(CAP_SETUID);
    const own = [cred.uid, cred.euid, cred.suid];
    for (const wanted of [args.ruid, args.euid, args.suid]) {
      if (wanted !== KEEP_ID && !may && !own.includes(wanted >>> 0)) return EPERM;
    }
    const pick = (wanted: number, old: number) => wanted === KEEP_ID ? old : wanted >>> 0;
    const euid = pick(args.euid, cred.euid);
    return set(task, { uid: pick(args.ruid, cred.uid), euid, suid: pick(args.suid, cred.suid), fsuid: euid });
  },
});

const setresgid: Syscall = syscall({
  name: "setresgid",
  doc: "Sets real, effective and saved group id.",
  args: { rgid: id, egid: id, sgid: id },
  run: (task, args) => {
    const cred = credentialsOf(task);
    const may = cred.capable(CAP_SETGID);
    const own = [cred.gid, cred.egid, cred.sgid];
    for (const wanted of [args.rgid, args.egid, args.sgid]) {
      if (wanted !== KEEP_ID && !may && !own.includes(wanted >>> 0)) return EPERM;
    }
    const pick = (wanted: number, old: number) => wanted === KEEP_ID ? old : wanted >>> 0;
    const egid = pick(args.egid, cred.egid);
    return set(task, { gid: pick(args.rgid, cred.gid), egid, sgid: pick(args.sgid, cred.sgid), fsgid: egid });
  },
});

const idCell = outStruct("uid_t *", (task, at) => {
  const value = task.space.getU32(at);
  return value === undefined ? undefined : `[${value}]`;
});

function threeIds(task: Task, at: readonly number[], ids: readonly number[]): number {
  return at.every((address, i) => task.space.setU32(address, ids[i])) ? 0 : EFAULT;
}

const getresuid: Syscall = syscall({
  name: "getresuid",
  doc: "Tells real, effective and saved user id.",
  args: { ruid: idCell, euid: idCell, suid: idCell },
  run: (task, { ruid, euid, suid }) => {
    const cred = credentialsOf(task);
    return threeIds(task, [ruid, euid, suid], [cred.uid, cred.euid, cred.suid]);
  },
});

const getresgid: Syscall = syscall({
  name: "getresgid",
  doc: "Tells real, effective and saved group id.",
  args: { rgid: idCell, egid: idCell, sgid: idCell },
  run: (task, { rgid, egid, sgid }) => {
    const cred = credentialsOf(task);
    return threeIds(task, [rgid, egid, sgid], [cred.gid, cred.egid, cred.sgid]);
  },
});

const setfsuid: Syscall = syscall({
  name: "setfsuid",
  doc: "Sets the user id for the file system; tells the one before.",
  args: { uid: id },
  run: (task, { uid }) => {
    const cred = credentialsOf(task);
    const wanted = uid >>> 0;
    const may = cred.capable(CAP_SETUID) || [cred.uid, cred.euid, cred.suid, cred.fsuid].includes(wanted);
    if (uid !== KEEP_ID && may) {
      task.data.set(credentialsKey, fixFileCapabilities(cred, cred.with({ fsuid: wanted })));
    }
    return cred.fsuid;
  },
});

const setfsgid: Syscall = syscall({
  name: "setfsgid",
  doc: "Sets the group id for the file system; tells the one before.",
  args: { gid: id },
  run: (task, { gid }) => {
    const cred = credentialsOf(task);
    const wanted = gid >>> 0;
    const may = cred.capable(CAP_SETGID) || [cred.gid, cred.egid, cred.sgid, cred.fsgid].includes(wanted);
    if (gid !== KEEP_ID && may) task.data.set(credentialsKey, cred.with({ fsgid: wanted }));
    return cred.fsgid;
  },
});

const getgroups: Syscall = syscall({
  name: "getgroups",
  doc: "Tells the supplementary groups.",
  args: {
    count: int,
    list: outStruct("gid_t list[]", (task, at) => {
      const { groups } = credentialsOf(task);
      return `[${groups.map((_, i) => task.space.getU32(at + 4 * i) ?? 0).join(", ")}]`;
    }),
  },
  run: (task, { count, list }) => {
    const { groups } = credentialsOf(task);
    if (count < 0) return EINVAL;
    if (count === 0) return groups.length;
    if (count < groups.length) return EINVAL;
    for (let i = 0; i < groups.length; i++) if (!task.space.setU32(list + 4 * i, groups[i])) return EFAULT;
    return groups.length;
  },
});

const setgroups: Syscall = syscall({
  name: "setgroups",
  doc: "Sets the supplementary groups.",
  args: { count: int, list: address },
  run: (task, { count, list }) => {
    const cred = credentialsOf(task);
    if (!cred.capable(CAP_SETGID)) return EPERM;
    if (count < 0 || count > 65536) return EINVAL;
    const groups: number[] = [];
    for (let i = 0; i < count; i++) {
      const group = task.space.getU32(list + 4 * i);
      if (group === undefined) return EFAULT;
      if (group === 0xffffffff) return EINVAL;
      groups.push(group);
    }
    groups.sort((a, b) => a - b);
    task.data.set(credentialsKey, cred.with({ groups }));
    return 0;
  },
});

const VERSION_1 = 0x19980330, VERSION_2 = 0x20071026, VERSION_3 = 0x20080522;

/** How many 32-bit words a set has in that version; unknown ones get the newest written back. */
function words(task: Task, header: number): number {
  const version = task.space.getU32(header);
  if (version === undefined) return EFAULT;
  if (version === VERSION_1) return 1;
  if (version === VERSION_2 || version === VERSION_3) return 2;
  return task.space.setU32(header, VERSION_3) ? EINVAL : EFAULT;
}

const capget: Syscall = syscall({
  name: "capget",
  doc: "Tells capability sets.",
  args: { header: address, data: address },
  run: (task, { header, data }) => {
    const count = words(task, header);
    if (count < 0) return data === 0 && count === EINVAL ? 0 : count;
    const pid = task.space.getU32(header + 4);
    if (pid === undefined) return EFAULT;
    if ((pid | 0) < 0) return EINVAL;
    const thread = pid === 0 ? threadOf(task) : processOf(task).linux.tasks.get(pid);
    if (thread === undefined) return ESRCH;
    const cred = thread.task.data.get(credentialsKey);
    for (let i = 0; i < count; i++) {
      const sets = [cred.effective[i], cred.permitted[i], cred.inheritable[i]];
      for (let k = 0; k < 3; k++) if (!task.space.setU32(data + 12 * i + 4 * k, sets[k] >>> 0)) return EFAULT;
    }
    return 0;
  },
});

const subset = (a: CapabilitySet, b: CapabilitySet): boolean => (a[0] & ~b[0]) === 0 && (a[1] & ~b[1]) === 0;

const capset: Syscall = syscall({
  name: "capset",
  doc: "Sets the thread's capability sets.",
  args: { header: address, data: address },
  run: (task, { header, data }) => {
    const count = words(task, header);
    if (count < 0) return count;
    const pid = task.space.getU32(header + 4);
    if (pid === undefined) return EFAULT;
    if (pid !== 0 && pid !== threadOf(task).tid) return EPERM;
    const view = fields(task, data, 12 * count);
    if (view === undefined) return EFAULT;
    const at = (k: number): CapabilitySet => {
      const low = view.getInt32(4 * k, true), high = count > 1 ? view.getInt32(12 + 4 * k, true) : 0;
      return [low, high & ALL_CAPABILITIES[1]];
    };
    const effective = at(0), permitted = at(1), inheritable = at(2);
    const cred = credentialsOf(task);
    const either: CapabilitySet = [
      cred.inheritable[0] | cred.permitted[0],
      cred.inheritable[1] | cred.permitted[1],
    ];
    if (!cred.capable(CAP_SETPCAP) && !subset(inheritable, either)) return EPERM;
    if (!subset(permitted, cred.permitted)) return EPERM;
    if (!subset(effective, permitted)) return EPERM;
    task.data.set(credentialsKey, cred.with({ effective, permitted, inheritable }));
    return 0;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[102, 174], getuid],
  [[104, 176], getgid],
  [[105, 146], setuid],
  [[106, 144], setgid],
  [[107, 175], geteuid],
  [[108, 177], getegid],
  [[113, 145], setreuid],
  [[114, 143], setregid],
  [[115, 158], getgroups],
  [[116, 159], setgroups],
  [[117, 147], setresuid],
  [[118, 148], getresuid],
  [[119, 149], setresgid],
  [[120, 150], getresgid],
  [[122, 151], setfsuid],
  [[123, 152], setfsgid],
  [[125, 90], capget],
  [[126, 91], capset],
];
