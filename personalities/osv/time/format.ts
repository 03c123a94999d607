/** strftime as glibc's in the C locale: conversions with the flags `_`, `-`, `0`, `^`, `#`, a width, and E and O. */
import { type Fields, isoWeek } from "./civil.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const CONVERSION = /^%([_\-0^#]*)(\d*)([EO]?)([a-zA-Z%])/;
/** Wider fields are cut (characters). */
const WIDEST = 1 << 16;

interface Piece {
  readonly text: string;
  /** Of a number: digits and what fills them up. */
  readonly digits?: number;
  readonly fill?: "0" | " ";
}

const number = (value: number, digits: number, fill: "0" | " " = "0"): Piece => ({
  text: String(value),
  digits,
  fill,
});
const words = (text: string): Piece => ({ text });

function zoneOffset(offset: number): string {
  const minutes = Math.floor(Math.abs(offset) / 60);
  const sign = offset < 0 ? "-" : "+";
  return sign + String(Math.floor(minutes / 60) * 100 + minutes % 60).padStart(4, "0");
}

/** `localSeconds` answers %s: the time that the fields are in the local zone. */
export function formatTime(template: string, f: Fields, localSeconds: () => number): string {
  let result = "";
  for (let at = 0; at < template.length;) {
    if (template[at] !== "%") {
      result += template[at++];
      continue;
    }
    const found = CONVERSION.exec(template.slice(at, at + 40));
    const piece = found === null ? undefined : convert(found[4], f, localSeconds, found[1]);
    if (found === null || piece === undefined) {
      result += template[at++];
      continue;
    }
    at += found[0].length;
    result += typeof piece === "string"
      ? widened(formatTime(piece, f, localSeconds), found[1], found[2])
      : padded(piece, found[1], found[2], found[4]);
  }
  return result;
}

function widened(text: string, flags: string, width: string): string {
  return padded({ text }, flags, width, "");
}

function padded(piece: Piece, flags: string, width: string, letter: string): string {
  let { text } = piece;
  if (flags.includes("^")) text = text.toUpperCase();
  if (flags.includes("#")) text = letter === "Z" || letter === "p" ? text.toLowerCase() : text.toUpperCase();
  const room = Math.min(Number(width || 0), WIDEST);
  if (piece.digits === undefined) return text.padStart(room, flags.includes("0") ? "0" : " ");
  let fill: "0" | " " | "" = piece.fill ?? "0";
  for (const flag of flags) fill = flag === "_" ? " " : flag === "-" ? "" : flag === "0" ? "0" : fill;
  if (fill === "") return text.padStart(room);
  const length = Math.max(piece.digits, room);
  return text.startsWith("-") && fill === "0"
    ? "-" + text.slice(1).padStart(length - 1, "0")
    : text.padStart(length, fill);
}

/** A piece; or a template that stands for several. */
function convert(
  letter: string,
  f: Fields,
  localSeconds: () => number,
  _flags: string,
): Piece | string | undefined {
  const hour12 = (f.hour + 11) % 12 + 1;
  const year = f.year + 1900;
  const name = (list: readonly string[], n: number): string => list[n] ?? "?";
  switch (letter) {
    case "a":
      return words(name(DAYS, f.weekday).slice(0, 3));
    case "A":
      return words(name(DAYS, f.weekday));
    case "b":
    case "h":
      return words(name(MONTHS, f.month).slice(0, 3));
    case "B":
      return words(name(MONTHS, f.month));
    case "c":
      return "%a %b %e %H:%M:%S %Y";
    case "C":
      return number(Math.floor(year / 100), 1);
    case "d":
      return number(f.day, 2);
    case "D":
    case "x":
      return "%m/%d/%y";
    case "e":
      return number(f.day, 2, " ");
    case "F":
      return "%Y-%m-%d";
    case "g":
      return number((isoWeek(f).year % 100 + 100) % 100, 2);
    case "G":
      return number(isoWeek(f).year, 1);
    case "H":
      return number(f.hour, 2);
    case "I":
      return number(hour12, 2);
    case "j":
      return number(f.yearDay + 1, 3);
    case "k":
      return number(f.hour, 2, " ");
    case "l":
      return number(hour12, 2, " ");
    case "m":
      return number(f.month + 1, 2);
    case "M":
      return number(f.minute, 2);
    case "n":
      return words("\n");
    case "p":
      return words(f.hour >= 12 ? "PM" : "AM");
    case "P":
      return words(f.hour >= 12 ? "pm" : "am");
    case "r":
      return "%I:%M:%S %p";
    case "R":
      return "%H:%M";
    case "s":
      return number(localSeconds(), 1);
    case "S":
      return number(f.second, 2);
    case "t":
      return words("\t");
    case "T":
    case "X":
      return "%H:%M:%S";
    case "u":
      return number((f.weekday + 6) % 7 + 1, 1);
    case "U":
      return number(Math.floor((f.yearDay - f.weekday + 7) / 7), 2);
    case "V":
      return number(isoWeek(f).week, 2);
    case "w":
      return number(f.weekday, 1);
    case "W":
      return number(Math.floor((f.yearDay - (f.weekday + 6) % 7 + 7) / 7), 2);
    case "y":
      return number((year % 100 + 100) % 100, 2);
    case "Y":
      return number(year, 1);
    case "z":
      return f.dst < 0 ? words("") : words(zoneOffset(f.offset));
    case "Z":
      return words(f.zone);
    case "%":
      return words("%");
    default:
      return undefined;
  }
}

/** asctime's line. */
export function ascTime(f: Fields): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = (DAYS[f.weekday] ?? "???").slice(0, 3), month = (MONTHS[f.month] ?? "???").slice(0, 3);
  return `${day} ${month} ${String(f.day).padStart(2)} ${two(f.hour)}:${two(f.minute)}:${two(f.second)} ${
    f.year + 1900
  }\n`;
}
