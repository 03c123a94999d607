/** Time zones: files of the tz database (RFC 8536) and the rules of POSIX's TZ variable. What is damaged is UTC. */
import { daysOf, fieldsOf, isLeap } from "./civil.ts";

/** One kind of local time. */
export interface LocalType {
  /** East of Greenwich, in seconds. */
  readonly offset: number;
  readonly dst: boolean;
  readonly name: string;
}

/** A time zone. */
export interface Zone {
  /** The local time at a time of UTC. */
  at(time: number): LocalType;
  /** `tzname`, `timezone` and `daylight` are of these; the second is the first where there is no summer time. */
  readonly standard: LocalType;
  readonly summer: LocalType | undefined;
}

/** UTC under a name. */
export function fixed(name: string): Zone {
  const type = { offset: 0, dst: false, name };
  return { at: () => type, standard: type, summer: undefined };
}

/** A day of the year, with the local second at which the change is. */
interface Rule {
  readonly kind: "julian" | "day" | "month";
  readonly month: number;
  readonly week: number;
  readonly day: number;
  readonly second: number;
}

const DAY = 86400;

/** The day of a rule in a year, from 1970. */
function ruleDay(rule: Rule, year: number): number {
  const first = daysOf(year, 0, 1);
  if (rule.kind === "julian") return first + rule.day - 1 + (isLeap(year) && rule.day >= 60 ? 1 : 0);
  if (rule.kind === "day") return first + rule.day;
  const start = daysOf(year, rule.month - 1, 1);
  const weekday = ((start + 4) % 7 + 7) % 7;
  let day = start + (rule.day - weekday + 7) % 7 + 7 * (rule.week - 1);
  if (rule.week === 5 && day >= daysOf(year, rule.month, 1)) day -= 7;
  return day;
}

const NAME = /^(?:<([A-Za-z0-9+-]{3,})>|([A-Za-z]{3,}))/;
const OFFSET = /^([+-]?)(\d{1,3})(?::(\d{1,2}))?(?::(\d{1,2}))?/;
const RULE =
  /^,(?:J(\d{1,3})|M(\d{1,2})\.([1-5])\.([0-6])|(\d{1,3}))(?:\/([+-]?)(\d{1,3})(?::(\d{1,2}))?(?::(\d{1,2}))?)?/;

const hms = (sign: string | undefined, h = "0", m = "0", s = "0"): number =>
  (sign === "-" ? -1 : 1) * (Number(h) * 3600 + Number(m) * 60 + Number(s));

/** A zone of POSIX's form, `CET-1CEST,M3.5.0,M10.5.0/3`; a name without an offset is UTC of that name, as in glibc. */
export function posixZone(text: string): Zone | undefined {
  let rest = text;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const found = pattern.exec(rest);
    if (found === null) return undefined;
    rest = rest.slice(found[0].length);
    return found;
  };
  const name = take(NAME);
  if (name === undefined) return undefined;
  const standardName = name[1] ?? name[2];
  const offset = take(OFFSET);
  if (offset === undefined) return fixed(standardName);
  const standard = {
    offset: -hms(offset[1], offset[2], offset[3], offset[4]) || 0,
    dst: false,
    name: standardName,
  };
  const second = take(NAME);
  if (second === undefined) return { at: () => standard, standard, summer: undefined };
  const own = take(OFFSET);
  const summer = {
    offset: own === undefined ? standard.offset + 3600 : -hms(own[1], own[2], own[3], own[4]) || 0,
    dst: true,
    name: second[1] ?? second[2],
  };
  if (rest === "" || rest === ",") rest = ",M3.2.0,M11.1.0";
  const rules = [take(RULE), take(RULE)].map((found): Rule => {
    const second = found?.[7] === undefined ? 7200 : hms(found[6], found[7], found[8], found[9]);
    if (found?.[1] !== undefined) return { kind: "julian", month: 0, week: 0, day: Number(found[1]), second };
    if (found?.[5] !== undefined) return { kind: "day", month: 0, week: 0, day: Number(found[5]), second };
    const [month, week, day] = [found?.[2], found?.[3], found?.[4]].map((n) => Number(n ?? 0));
    return { kind: "month", month: Math.max(1, Math.min(12, month)), week: week || 1, day, second };
  });
  const [begin, end] = rules;
  const at = (time: number): LocalType => {
    // As glibc: the rules begin in 1970.
    const year = Math.max(1970, fieldsOf(time, standard.offset, false, "").year + 1900);
    const from = ruleDay(begin, year) * DAY + begin.second - standard.offset;
    const to = ruleDay(end, year) * DAY + end.second - summer.offset;
    const inside = from < to ? time >= from && time < to : time >= from || time < to;
    return inside ? summer : standard;
  };
  return { at, standard, summer };
}

/** A file's data of 64-bit times, or of 32-bit ones where there are no others. */
function block(view: DataView, start: number, wide: boolean) {
  const counts = [0, 1, 2, 3, 4, 5].map((n) => view.getUint32(start + 20 + 4 * n));
  const [utc, wall, leap, times, types, letters] = counts;
  const size = wide ? 8 : 4;
  const at = start + 44;
  const end = at + times * (size + 1) + types * 6 + letters + leap * (size + 4) + wall + utc;
  return { times, types, letters, size, at, end };
}

/** A zone of a file; undefined when it is none. */
export function fileZone(bytes: Uint8Array): Zone | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 44 || view.getUint32(0) !== 0x545a6966) return undefined;
  const version = bytes[4];
  let data = block(view, 0, false);
  if (version >= 0x32) {
    if (data.end + 44 > bytes.length || view.getUint32(data.end) !== 0x545a6966) return undefined;
    data = block(view, data.end, true);
  }
  const { times, types, letters, size, at, end } = data;
  if (end > bytes.length || types === 0) return undefined;
  const indices = at + times * size, records = indices + times, strings = records + 6 * types;
  const text = new TextDecoder();
  const kinds: LocalType[] = [];
  for (let n = 0; n < types; n++) {
    const place = strings + Math.min(bytes[records + 6 * n + 5], letters);
    const nul = bytes.indexOf(0, place);
    kinds.push({
      offset: view.getInt32(records + 6 * n),
      dst: bytes[records + 6 * n + 4] !== 0,
      name: text.decode(bytes.subarray(place, nul < 0 ? place : nul)),
    });
  }
  const timeAt = (n: number): number =>
    size === 8
      ? view.getInt32(at + 8 * n) * 2 ** 32 + view.getUint32(at + 8 * n + 4)
      : view.getInt32(at + 4 * n);
  const kindAt = (n: number): LocalType => kinds[bytes[indices + n]] ?? kinds[0];
  const first = kinds.find((kind) => !kind.dst) ?? kinds[0];
  const footer = version >= 0x32 ? text.decode(bytes.subarray(end + 1)).split("\n")[0] : "";
  const later = footer === "" ? undefined : posixZone(footer);
  const find = (time: number): LocalType => {
    if (times === 0) return later?.at(time) ?? first;
    if (time < timeAt(0)) return first;
    if (time >= timeAt(times - 1)) return later?.at(time) ?? kindAt(times - 1);
    let low = 0, high = times;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (timeAt(middle) <= time) low = middle;
      else high = middle;
    }
    return kindAt(low);
  };
  let standard = later?.standard, summer = later?.summer;
  for (let n = times - 1; n >= 0 && (standard === undefined || summer === undefined); n--) {
    const kind = kindAt(n);
    if (kind.dst) summer ??= kind;
    else standard ??= kind;
  }
  return { at: find, standard: standard ?? first, summer };
}
