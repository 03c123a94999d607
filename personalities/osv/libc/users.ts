/** Users and groups: /etc/passwd and /etc/group, read by the kernel, given as the structures of pwd.h and grp.h. */
import type { Task } from "@guise/core";
import { answer, arg, type Calls, type DirectCall, int, perform, text } from "../direct.ts";
import { osvOf } from "../state.ts";
import { fileBytes } from "./files.ts";

const ERANGE = 34;

/** The lines of a file, split at colons. */
function lines(task: Task, path: string): string[][] {
  const bytes = fileBytes(task, path);
  return new TextDecoder().decode(bytes).split("\n").map((line) => line.split(":"));
}

/** Strings and a structure behind them in one block: the structure's address, or 0 when there is no room. */
class Record {
  readonly #task: Task;
  #at: number;
  readonly #end: number;
  constructor(task: Task, at: number, size: number) {
    this.#task = task;
    this.#at = at;
    this.#end = at + size;
  }
  place(length: number): number {
    const at = this.#at;
    if (at + length > this.#end) return 0;
    this.#at += length;
    return at;
  }
  string(value: string): number {
    const bytes = new TextEncoder().encode(value + "\0");
    const at = this.place(bytes.length);
    if (at !== 0) this.#task.space.write(at, bytes);
    return at;
  }
  align(): void {
    this.#at = Math.ceil(this.#at / 8) * 8;
  }
}

type Fill = (task: Task, fields: readonly string[], record: Record, target: number) => boolean;

const fillUser: Fill = ({ space }, fields, record, target) => {
  const [name, password, uid, gid, gecos, home, shell] = fields;
  const strings = [name, password, gecos, home, shell].map((each) => record.string(each ?? ""));
  if (strings.includes(0)) return false;
  space.setNum64(target, strings[0]);
  space.setNum64(target + 8, strings[1]);
  space.setU32(target + 16, Number(uid) >>> 0);
  space.setU32(target + 20, Number(gid) >>> 0);
  [2, 3, 4].forEach((n, i) => space.setNum64(target + 24 + 8 * i, strings[n]));
  return true;
};

const fillGroup: Fill = ({ space }, fields, record, target) => {
  const [name, password, gid, members] = fields;
  const list = (members ?? "").split(",").filter((each) => each !== "");
  const first = record.string(name ?? ""), second = record.string(password ?? "");
  const addresses = list.map((each) => record.string(each));
  record.align();
  const table = record.place(8 * (list.length + 1));
  if (first === 0 || second === 0 || table === 0 || addresses.includes(0)) return false;
  addresses.forEach((at, n) => space.setNum64(table + 8 * n, at));
  space.setNum64(table + 8 * list.length, 0);
  space.setNum64(target, first);
  space.setNum64(target + 8, second);
  space.setU32(target + 16, Number(gid) >>> 0);
  space.setNum64(target + 24, table);
  return true;
};

type Find = (task: Task) => readonly string[] | undefined;

const byNumber = (path: string): Find => (task) =>
  lines(task, path).find((f) => f.length > 3 && Number(f[2]) === int(task, 0) >>> 0);
const byName = (path: string): Find => (task) => {
  const name = text(task, arg(task, 0));
  return lines(task, path).find((f) => f.length > 3 && f[0] === name);
};

const ROOM = 4096, HEAD = 64;
const blocks = new WeakMap<object, Map<Fill, number>>();

/** The block that the plain forms answer in, over and over. */
function block(task: Task, fill: Fill): number {
  const osv = osvOf(task);
  let map = blocks.get(osv);
  if (map === undefined) blocks.set(osv, map = new Map());
  let at = map.get(fill);
  if (at === undefined) map.set(fill, at = osv.heap.allocate(ROOM));
  return at;
}

function answerIn(task: Task, fields: readonly string[] | undefined, fill: Fill): number {
  if (fields === undefined) return 0;
  const at = block(task, fill);
  return at !== 0 && fill(task, fields, new Record(task, at + HEAD, ROOM - HEAD), at) ? at : 0;
}

const plain = (find: Find, fill: Fill): DirectCall => (task) => answerIn(task, find(task), fill);

/** The _r forms: key, structure, buffer, its size, where the result's address goes. */
const into = (find: Find, fill: Fill): DirectCall => (task) => {
  const fields = find(task);
  const target = arg(task, 1), out = arg(task, 4);
  task.space.setNum64(out, 0);
  if (fields === undefined) return 0;
  if (!fill(task, fields, new Record(task, arg(task, 2), arg(task, 3)), target)) return ERANGE;
  task.space.setNum64(out, target);
  return 0;
};

const places = new WeakMap<object, Map<string, number>>();

function step(path: string, fill: Fill): DirectCall {
  return (task) => {
    const osv = osvOf(task);
    let map = places.get(osv);
    if (map === undefined) places.set(osv, map = new Map());
    const all = lines(task, path).filter((f) => f.length > 3);
    const n = map.get(path) ?? 0;
    map.set(path, n + 1);
    return answerIn(task, all[n], fill);
  };
}
const again = (path: string): DirectCall => (task) => {
  places.get(osvOf(task))?.delete(path);
  return 0;
};

/** The groups that a user is in: the given one first. */
function groupsOf(task: Task, user: string, first: number): number[] {
  const groups = [first];
  for (const fields of lines(task, GROUPS)) {
    const id = Number(fields[2]);
    const member = (fields[3] ?? "").split(",").includes(user);
    if (fields.length > 3 && member && Number.isInteger(id) && !groups.includes(id)) groups.push(id);
  }
  return groups;
}

const grouplist: DirectCall = (task) => {
  const groups = groupsOf(task, text(task, arg(task, 0)) ?? "", int(task, 1) >>> 0);
  const target = arg(task, 2), count = arg(task, 3);
  const room = (task.space.getU32(count) ?? 0) | 0;
  groups.slice(0, Math.max(0, room)).forEach((id, n) => task.space.setU32(target + 4 * n, id));
  task.space.setU32(count, groups.length);
  return groups.length > room ? -1 : groups.length;
};

const initgroups: DirectCall = (task) => {
  const groups = groupsOf(task, text(task, arg(task, 0)) ?? "", int(task, 1) >>> 0);
  const block = osvOf(task).heap.allocate(4 * groups.length);
  groups.forEach((id, n) => task.space.setU32(block + 4 * n, id));
  return perform(task, "setgroups", [groups.length, block], (t, n) => {
    osvOf(t).heap.release(block);
    return answer(t, n);
  });
};

/** struct spwd: two strings, seven numbers. */
const fillShadow: Fill = ({ space }, fields, record, target) => {
  const strings = [record.string(fields[0] ?? ""), record.string(fields[1] ?? "")];
  if (strings.includes(0)) return false;
  space.setNum64(target, strings[0]);
  space.setNum64(target + 8, strings[1]);
  for (let n = 0; n < 7; n++) {
    const value = fields[2 + n];
    space.setNum64(target + 16 + 8 * n, value === undefined || value === "" ? -1 : Number(value) || 0);
  }
  return true;
};

const SHADOW = "/etc/shadow";
const USERS = "/etc/passwd", GROUPS = "/etc/group";

/** See the file's head. */
export const userCalls: Calls = {
  getpwuid: plain(byNumber(USERS), fillUser),
  getpwnam: plain(byName(USERS), fillUser),
  getpwuid_r: into(byNumber(USERS), fillUser),
  getpwnam_r: into(byName(USERS), fillUser),
  getpwent: step(USERS, fillUser),
  setpwent: again(USERS),
  endpwent: again(USERS),
  getspnam: plain(byName(SHADOW), fillShadow),
  getspnam_r: into(byName(SHADOW), fillShadow),
  getspent: step(SHADOW, fillShadow),
  setspent: again(SHADOW),
  endspent: again(SHADOW),
  getgrouplist: grouplist,
  initgroups,
  getgrgid: plain(byNumber(GROUPS), fillGroup),
  getgrnam: plain(byName(GROUPS), fillGroup),
  getgrgid_r: into(byNumber(GROUPS), fillGroup),
  getgrnam_r: into(byName(GROUPS), fillGroup),
  getgrent: step(GROUPS, fillGroup),
  setgrent: again(GROUPS),
  endgrent: again(GROUPS),
};
