/** Days, seconds and the fields of struct tm, in the proleptic Gregorian calendar and without any zone. */

/** The fields of struct tm. */
export interface Fields {
  second: number;
  minute: number;
  hour: number;
  day: number;
  /** 0 to 11. */
  month: number;
  /** Since 1900. */
  year: number;
  weekday: number;
  yearDay: number;
  dst: number;
  /** East of Greenwich, in seconds. */
  offset: number;
  /** The zone's name. */
  zone: string;
}

const DAY = 86400;

/** Days from 1970-01-01 to a date; the month may be any number. */
export function daysOf(year: number, month: number, day: number): number {
  const y0 = year + Math.floor(month / 12), m0 = month - 12 * Math.floor(month / 12);
  // Years begin in March, so that the leap day is the last.
  const m = (m0 + 10) % 12, y = y0 - (m0 < 2 ? 1 : 0);
  const era = Math.floor(y / 400), yoe = y - era * 400;
  const doy = Math.floor((153 * m + 2) / 5) + day - 1;
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468;
}

/** True for years of 366 days. */
export function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Seconds from 1970 to these fields, as if they were UTC's. Fields may be out of their ranges. */
export function secondsOf(f: Pick<Fields, "second" | "minute" | "hour" | "day" | "month" | "year">): number {
  return daysOf(f.year + 1900, f.month, f.day) * DAY + f.hour * 3600 + f.minute * 60 + f.second;
}

/** The fields of a time in UTC, moved by `offset`. */
export function fieldsOf(time: number, offset: number, dst: boolean, zone: string): Fields {
  const local = time + offset;
  const days = Math.floor(local / DAY), rest = local - days * DAY;
  const z = days + 719468;
  const era = Math.floor(z / 146097), doe = z - era * 146097;
  const yoe = Math.floor(
    (doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365,
  );
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = (mp + 2) % 12;
  const year = yoe + era * 400 + (month < 2 ? 1 : 0);
  return {
    second: rest % 60,
    minute: Math.floor(rest / 60) % 60,
    hour: Math.floor(rest / 3600),
    day: doy - Math.floor((153 * mp + 2) / 5) + 1,
    month,
    year: year - 1900,
    weekday: ((days + 4) % 7 + 7) % 7,
    yearDay: days - daysOf(year, 0, 1),
    dst: dst ? 1 : 0,
    offset,
    zone,
  };
}

/** Week of the year and its year as ISO 8601 has them (%G, %V). */
export function isoWeek(f: Fields): { readonly year: number; readonly week: number } {
  const monday = (f.weekday + 6) % 7;
  const week = Math.floor((f.yearDay - monday + 10) / 7);
  const year = f.year + 1900;
  if (week < 1) {
    const before = { ...f, year: f.year - 1, yearDay: f.yearDay + (isLeap(year - 1) ? 366 : 365) };
    return isoWeek(before);
  }
  if (week === 53 && f.yearDay - monday + 3 >= (isLeap(year) ? 366 : 365)) return { year: year + 1, week: 1 };
  return { year, week };
}
