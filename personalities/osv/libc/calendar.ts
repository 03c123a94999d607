/**
 * time.h's calendar: localtime, mktime, strftime and theirs. The zone is TZ's, read as any file of the guest through the
 * kernel's own services, without a system call.
 */
import type { Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, text } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { type Fields, fieldsOf, secondsOf } from "../time/civil.ts";
import { ascTime, formatTime } from "../time/format.ts";
import { fileZone, fixed, type LocalType, posixZone, type Zone } from "../time/zone.ts";
import { variable } from "./environment.ts";
import { fileBytes } from "./files.ts";

const EOVERFLOW = -75;
/** Bytes of struct tm. */
const BYTES = 56;
const FOLDER = "/usr/share/zoneinfo/", DEFAULT = "/etc/localtime";

interface Calendar {
  /** TZ as it was when the zone was made: undefined when it was not set. */
  source: string | undefined;
  zone: Zone | undefined;
  /** Of the last mktime, in seconds: of two right answers glibc takes the one that is nearer to it. */
  offset: number;
  /** The structure and the line that the plain forms answer in. */
  block: number;
}

const known = new WeakMap<OsvProcess, Calendar>();

function calendarOf(task: Task): Calendar {
  const osv = osvOf(task);
  let calendar = known.get(osv);
  if (calendar === undefined) {
    calendar = { source: undefined, zone: undefined, offset: 0, block: osv.heap.allocate(BYTES + 64) };
    known.set(osv, calendar);
  }
  return calendar;
}

function readZone(task: Task, source: string | undefined): Zone {
  if (source === undefined) return fileZone(fileBytes(task, DEFAULT)) ?? fixed("UTC");
  const name = (source.startsWith(":") ? source.slice(1) : source) || "Universal";
  const path = name.startsWith("/") ? name : FOLDER + name;
  const inside = name.startsWith("/") || !name.split("/").includes("..");
  return (inside ? fileZone(fileBytes(task, path)) : undefined) ?? posixZone(name) ??
    fixed(name === "Universal" ? "UTC" : "");
}

/** The zone that TZ names now, and the variables that tell it. */
function zoneOf(task: Task): Zone {
  const calendar = calendarOf(task);
  const source = variable(task, "TZ");
  if (calendar.zone === undefined || calendar.source !== source) {
    calendar.source = source;
    const zone = calendar.zone = readZone(task, source);
    const osv = osvOf(task), { space } = task;
    const put = (name: string, write: (at: number) => void): void => {
      const at = osv.linked?.lookup(name);
      if (at !== undefined) write(at);
    };
    for (const name of ["tzname", "__tzname"]) {
      put(name, (at) => {
        space.setNum64(at, osv.string(zone.standard.name));
        space.setNum64(at + 8, osv.string((zone.summer ?? zone.standard).name));
      });
    }
    for (const name of ["timezone", "__timezone"]) {
      put(name, (at) => space.setNum64(at, -zone.standard.offset));
    }
    for (const name of ["daylight", "__daylight"]) {
      put(name, (at) => space.setU32(at, zone.summer === undefined ? 0 : 1));
    }
  }
  return calendar.zone;
}

function writeFields(task: Task, at: number, f: Fields): boolean {
  const bytes = new Uint8Array(BYTES), view = new DataView(bytes.buffer);
  [f.second, f.minute, f.hour, f.day, f.month, f.year, f.weekday, f.yearDay, f.dst].forEach((value, n) =>
    view.setInt32(4 * n, value, true)
  );
  view.setInt32(40, f.offset, true);
  view.setInt32(44, f.offset < 0 ? -1 : 0, true);
  view.setUint32(48, osvOf(task).string(f.zone), true);
  return task.space.write(at, bytes);
}

function readFields(task: Task, at: number): Fields | undefined {
  const bytes = task.space.read(at, BYTES);
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const field = (n: number): number => view.getInt32(4 * n, true);
  const zone = task.space.getNum64(at + 48) ?? 0;
  return {
    second: field(0),
    minute: field(1),
    hour: field(2),
    day: field(3),
    month: field(4),
    year: field(5),
    weekday: field(6),
    yearDay: field(7),
    dst: field(8),
    offset: view.getInt32(40, true),
    zone: zone === 0 ? "" : text(task, zone) ?? "",
  };
}

/** Times whose year is no int are refused. */
const inRange = (time: number): boolean => Math.abs(time) < 67768036191676799;

/** A time_t in memory. */
function timeAt(task: Task, address: number): number {
  const low = task.space.getU32(address) ?? 0, high = (task.space.getU32(address + 4) ?? 0) | 0;
  return high * 2 ** 32 + low;
}

function broken(task: Task, time: number, local: boolean, target: number): number {
  if (!inRange(time)) return fail(task, EOVERFLOW) + 1;
  const type: LocalType = local ? zoneOf(task).at(time) : { offset: 0, dst: false, name: "GMT" };
  const fields = fieldsOf(time, type.offset, type.dst, type.name);
  return writeFields(task, target, fields) ? target : 0;
}

const breaking = (local: boolean, target: (task: Task) => number): DirectCall => (task) =>
  broken(task, timeAt(task, arg(task, 0)), local, target(task));

const own = (task: Task): number => calendarOf(task).block;

/** The time that fields are in a zone: mktime. A time that does not exist is told with the offset before the gap. */
function localTime(zone: Zone, f: Fields, last: number): number {
  const wall = secondsOf(f);
  const offsets = new Set<number>();
  for (const near of [-2 * 86400, -86400, 0, 86400, 2 * 86400]) offsets.add(zone.at(wall + near).offset);
  const right: number[] = [];
  for (const offset of offsets) if (zone.at(wall - offset).offset === offset) right.push(wall - offset);
  const guess = wall - last;
  right.sort((a, b) => Math.abs(a - guess) - Math.abs(b - guess) || a - b);
  if (f.dst < 0) return right[0] ?? wall - zone.at(wall - 86400).offset;
  const wanted = right.find((time) => zone.at(time).dst === (f.dst > 0));
  if (wanted !== undefined) return wanted;
  // Told in the other kind of time: that kind's offset nearest to it.
  for (let days = 1; days < 270; days++) {
    for (const sign of [-1, 1]) {
      const type = zone.at(wall + sign * days * 86400);
      if (type.dst === (f.dst > 0)) return wall - type.offset;
    }
  }
  return right[0] ?? wall - zone.at(wall).offset;
}

const mktime: DirectCall = (task) => {
  const fields = readFields(task, arg(task, 0));
  if (fields === undefined) return fail(task, -14);
  const calendar = calendarOf(task);
  const time = localTime(zoneOf(task), fields, calendar.offset);
  calendar.offset = secondsOf(fields) - time;
  if (!inRange(time)) return fail(task, EOVERFLOW);
  broken(task, time, true, arg(task, 0));
  return time;
};

const timegm: DirectCall = (task) => {
  const fields = readFields(task, arg(task, 0));
  if (fields === undefined) return fail(task, -14);
  const time = secondsOf(fields);
  if (!inRange(time)) return fail(task, EOVERFLOW);
  broken(task, time, false, arg(task, 0));
  return time;
};

/** Characters of a template of bytes: names are ASCII, all else is passed on. */
function formatted(task: Task, template: string, fields: Fields): string {
  const zone = zoneOf(task);
  if (fields.zone === "" && fields.dst >= 0) {
    fields.zone = ((fields.dst > 0 ? zone.summer : undefined) ?? zone.standard).name;
  }
  return formatTime(template, fields, () => localTime(zone, fields, calendarOf(task).offset));
}

const strftime: DirectCall = (task) => {
  const target = arg(task, 0), room = arg(task, 1);
  const template = task.space.cstring(arg(task, 2), 1 << 20), fields = readFields(task, arg(task, 3));
  if (typeof template === "number" || fields === undefined) return 0;
  const latin = Array.from(template, (c) => String.fromCharCode(c)).join("");
  const result = formatted(task, latin, fields);
  if (result.length >= room) return 0;
  const bytes = Uint8Array.from(result + "\0", (c) => c.charCodeAt(0));
  return task.space.write(target, bytes) ? result.length : 0;
};

const wcsftime: DirectCall = (task) => {
  const target = arg(task, 0), room = arg(task, 1), fields = readFields(task, arg(task, 3));
  let template = "";
  for (let at = arg(task, 2); template.length < 1 << 16; at += 4) {
    const c = task.space.getU32(at);
    if (c === undefined || fields === undefined) return 0;
    if (c === 0) break;
    template += String.fromCodePoint(c < 0x110000 ? c : 0xfffd);
  }
  const result = [...formatted(task, template, fields!)];
  if (result.length >= room) return 0;
  result.forEach((c, n) => task.space.setU32(target + 4 * n, c.codePointAt(0)!));
  task.space.setU32(target + 4 * result.length, 0);
  return result.length;
};

const lineOf =
  (fields: (task: Task) => Fields | undefined, target: (task: Task) => number): DirectCall => (task) => {
    const each = fields(task), at = target(task);
    if (each === undefined) return 0;
    return task.space.write(at, new TextEncoder().encode(ascTime(each) + "\0")) ? at : 0;
  };
const ownLine = (task: Task): number => calendarOf(task).block + BYTES;
const given = (task: Task): Fields | undefined => readFields(task, arg(task, 0));
const localFields = (task: Task): Fields | undefined => {
  const time = timeAt(task, arg(task, 0));
  if (!inRange(time)) return undefined;
  const { offset, dst, name } = zoneOf(task).at(time);
  return fieldsOf(time, offset, dst, name);
};

/** See the file's head. */
export const calendarCalls: Calls = {
  tzset: (task) => {
    zoneOf(task);
    return 0;
  },
  localtime: breaking(true, own),
  localtime_r: breaking(true, (task) => arg(task, 1)),
  gmtime: breaking(false, own),
  gmtime_r: breaking(false, (task) => arg(task, 1)),
  mktime,
  timelocal: mktime,
  timegm,
  strftime,
  strftime_l: strftime,
  __strftime_l: strftime,
  wcsftime,
  wcsftime_l: wcsftime,
  __wcsftime_l: wcsftime,
  asctime: lineOf(given, ownLine),
  asctime_r: lineOf(given, (task) => arg(task, 1)),
  ctime: lineOf(localFields, ownLine),
  ctime_r: lineOf(localFields, (task) => arg(task, 1)),
};
